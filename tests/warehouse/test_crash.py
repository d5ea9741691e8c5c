"""Processes that die at any moment: the home opens at once, keeps what was acknowledged, and holds no half import."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from wellheard.app import ImportCall, Workspace
from wellheard.base.errors import BrokenHome
from wellheard.warehouse import load, schema
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.writing import Spill

LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))
RECIPE = """
name = "day"
[[tables]]
table = "customers"
[tables.columns]
source_id = "key"
updated_at = "at"
segment = "version"
name = "version"
[[tables]]
table = "survey_responses"
[tables.columns]
source_id = "key"
updated_at = "at"
kind = { set = "nps" }
language = "version"
comment = "version"
[[tables]]
table = "orders"
[tables.columns]
source_id = "key"
updated_at = "at"
channel = "version"
revenue = "amount"
"""
TABLES = ("customers", "survey_responses", "orders")
SHARED = 20
# Imports files for ever, small and large in turn, and says which are in.
CHILD = """
import sys
from pathlib import Path
from wellheard.app import ImportCall, Workspace
folder, number = Path(sys.argv[1]), int(sys.argv[2])
with Workspace(folder / "home") as workspace:
    call = ImportCall(paths=(folder / "n0.csv",), recipe=folder / "recipe.toml", dry_run=True)
    workspace.import_files(call)  # so that all is loaded and warm
    print("ready", flush=True)
    while True:
        workspace.import_files(ImportCall(paths=(folder / f"n{number}.csv",), recipe=folder / "recipe.toml"))
        print(number, flush=True)
        number += 1
"""


def _size(number: int) -> int:
    return 1500 if number % 2 else 30  # above and below what is kept in the catalog itself


def _write(folder: Path, number: int) -> None:
    at = f"2025-01-01T{number // 60:02d}:{number % 60:02d}:00Z"
    keys = [f"{number}-{j}" for j in range(_size(number))] + [f"shared-{j}" for j in range(SHARED)]
    lines = [f"{key},{at},v{number},{number}.25" for key in keys]
    (folder / f"n{number}.csv").write_text("\n".join(["key,at,version,amount", *lines]) + "\n")


def _check(workspace: Workspace, acknowledged: set[int]) -> int:
    """Nothing lost, nothing torn, both lakes agree; gives the number of the newest import."""
    con = workspace.lake.con
    listed = {i.import_id: int(i.files[0][1:-4]) for i in workspace.imports() if i.undone_at is None}
    assert acknowledged <= set(listed.values())
    newest = max(listed.values(), default=-1)
    for table in TABLES:
        versioned = table == "customers"
        rows = con.execute(f"select source_id, import_id, id, updated_at from facts.main.{table}").fetchall()
        assert {row[1] for row in rows} <= set(listed)
        own: dict[int, int] = {}
        for key, import_id, _, _ in rows:
            if not key.startswith("shared"):
                own[listed[import_id]] = own.get(listed[import_id], 0) + 1
        assert own == {number: _size(number) for number in listed.values()}
        versions = {listed[import_id] for key, import_id, _, _ in rows if key.startswith("shared")}
        assert versions == (set(listed.values()) if versioned else {newest} & set(listed.values()))
        if table != "orders":
            words, place = ("name", "segment") if versioned else ("comment", "language")
            on = "p.id = f.id and p.updated_at = f.updated_at" if versioned else "p.id = f.id"
            torn = con.execute(
                f"select count(*) from facts.main.{table} f full join personal.main.{table} p on {on} "
                f"where f.{place} is distinct from p.{words} or f.import_id is distinct from p.import_id"
            ).fetchone()
            assert torn == (0,), table
    return newest


@pytest.mark.slow
def test_kill_at_random_moments_loses_and_tears_nothing(
    tmp_path: Path, template: Path, benches: Callable[[str], Any]
) -> None:
    rng = random.Random(int(os.environ.get("WELLHEARD_TEST_SEED", "1")))
    bench = benches("crash")
    bench.workspace.close()
    folder = bench.folder
    (folder / "recipe.toml").write_text(RECIPE)
    for number in range(600 if LONG else 150):
        _write(folder, number)
    acknowledged: set[int] = set()
    following = 0
    for _ in range(40 if LONG else 10):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder), str(following)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        begun = time.monotonic()
        said = [child.stdout.readline() for _ in range(rng.randint(0, 2))]
        took = (time.monotonic() - begun) / len(said) if said else 0.5
        time.sleep(rng.uniform(0, 1.5 * took))
        child.send_signal(signal.SIGKILL)
        acknowledged |= {int(line) for line in "".join([*said, child.communicate()[0]]).split()}
        with Workspace(folder / "home") as workspace:
            following = _check(workspace, acknowledged) + 1
    assert acknowledged
    with Workspace(folder / "home") as workspace:
        call = ImportCall(paths=(folder / f"n{following}.csv",), recipe=folder / "recipe.toml")
        workspace.import_files(call)
        assert _check(workspace, acknowledged) == following
        assert list((folder / "home/workspaces/main/spill").glob("*-*/*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("after", ["personal", "facts"])
def test_death_between_the_two_lakes_is_mended(bench: Any, monkeypatch: pytest.MonkeyPatch, after: str) -> None:
    """The moment that a random kill seldom hits: one lake has committed, the other has not."""
    for number in (0, 2, 4):
        _write(bench.folder, number)
    recipe = bench.folder / "recipe.toml"
    recipe.write_text(RECIPE)
    workspace = bench.workspace
    calls = [ImportCall(paths=(bench.folder / f"n{n}.csv",), recipe=recipe) for n in (0, 2, 4)]
    workspace.import_files(calls[0])
    second = workspace.import_files(calls[1])
    state = bench.state()
    done: list[int] = []
    commit = Lake.commit

    def dies(lake: Lake, work: Callable[[], None]) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(1)
        commit(lake, work)

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "commit", dies)
        with pytest.raises(KeyboardInterrupt):
            workspace.import_files(calls[2]) if after == "personal" else workspace.undo(str(second.import_id))
    workspace.close()
    bench.workspace = Workspace(bench.folder / "home")
    if after == "personal":
        assert bench.state() == state
        bench.workspace.import_files(calls[2])
        assert _check(bench.workspace, {0, 2, 4}) == 4
    else:
        assert _check(bench.workspace, {0}) == 0


@pytest.mark.slow
def test_failed_import_leaves_everything_as_it_was(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.take("survey_responses", [{"source_id": "k", "kind": "nps", "score": 3, "comment": "old"}])
    state = bench.state()

    def fails(*_: object) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("wellheard.warehouse.merge.write_facts", fails)
        with pytest.raises(OSError, match="No space"):
            bench.take("survey_responses", [{"source_id": "k", "kind": "nps", "score": 9, "comment": "new"}])
    bench.take("orders", [{"source_id": "o", "revenue": 1}])  # the next writer mends
    assert {k: v for k, v in bench.state().items() if "orders" not in k} == {
        k: v for k, v in state.items() if "orders" not in k
    }


@pytest.mark.slow
def test_home_killed_while_it_was_made_opens_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create = Lake._create_in
    for step in range(3):
        with monkeypatch.context() as patched:
            if step == 0:  # the catalogs are there, no table is
                patched.setattr(Lake, "_create", _dies)
            elif step == 1:  # one lake has its tables, the other has not
                patched.setattr(
                    Lake, "_create_in", lambda lake, name: _dies() if name == "personal" else create(lake, name)
                )
            else:  # all but the mark that says so
                patched.setattr(Path, "replace", _dies)
            with pytest.raises(KeyboardInterrupt):
                Workspace(tmp_path / "home")
    with Workspace(tmp_path / "home") as workspace:
        assert workspace.counts()["orders"] == 0
        assert workspace.imports() == []


def _dies(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.slow
def test_moved_home_opens(bench: Any, tmp_path: Path) -> None:
    rows = [{"source_id": f"k{i}", "kind": "nps", "score": i % 11, "comment": f"c{i}"} for i in range(1500)]
    bench.take("survey_responses", rows)
    state = bench.state()
    bench.workspace.close()
    (bench.folder / "home").rename(tmp_path / "elsewhere ' quoted")
    bench.workspace = Workspace(tmp_path / "elsewhere ' quoted")
    assert bench.state() == state
    assert bench.take("survey_responses", rows).tables[0].unchanged == 1500


def test_r6_older_program_refuses_a_newer_home(bench: Any) -> None:
    bench.workspace.close()
    marker = bench.folder / "home/workspaces/main/format"
    marker.write_text(f"{schema.FORMAT + 1} abc\n")
    with pytest.raises(BrokenHome, match="newer version of Wellheard") as refused:
        Workspace(bench.folder / "home")
    assert "install the newer version" in refused.value.hint
    assert marker.read_text() == f"{schema.FORMAT + 1} abc\n"
    marker.write_text("nonsense")
    with pytest.raises(BrokenHome, match="number of a format"):
        Workspace(bench.folder / "home")


def test_missing_catalog_is_said_and_not_made_anew(bench: Any) -> None:
    bench.workspace.close()
    (bench.folder / "home/workspaces/main/facts.sqlite").unlink()
    with pytest.raises(BrokenHome, match=r"facts\.sqlite is missing"):
        Workspace(bench.folder / "home")


@pytest.mark.slow
def test_home_of_an_earlier_layout_gets_its_new_columns(bench: Any) -> None:
    bench.take("survey_responses", [{"source_id": "k", "kind": "nps", "score": 3}])
    bench.workspace.lake.con.execute("alter table facts.main.survey_responses drop column touchpoint")
    bench.workspace.lake.con.execute("drop table facts.main.visits")
    bench.workspace.close()
    (bench.folder / "home/workspaces/main/format").write_text(f"{schema.FORMAT} earlier\n")
    bench.workspace = Workspace(bench.folder / "home")
    (row,) = bench.rows("survey_responses")
    assert row["touchpoint"] is None
    assert bench.workspace.counts()["visits"] == 0


def test_many_open_their_spill_folders_at_once(tmp_path: Path) -> None:
    def open_and_close(_: int) -> bool:
        spill = Spill(tmp_path / "spill")
        there = spill.folder.is_dir()
        spill.close()
        return there

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(open_and_close, range(200)))
    assert list((tmp_path / "spill").glob("*-*")) == []


def test_what_a_dead_process_spilled_is_removed(bench: Any) -> None:
    spill = bench.folder / "home/workspaces/main/spill"
    dead = spill / "1-abcdef00"
    dead.mkdir()
    (dead / "block.tmp").write_text("somebody's words")
    sqlite3.connect(f"{dead}.lock").close()
    alive = sorted(p.name for p in spill.iterdir() if p.name not in ("1-abcdef00",))
    Path(f"{dead}.lock").touch()
    Workspace(bench.folder / "home").close()
    assert not dead.exists()
    assert set(alive) >= {p.name for p in spill.iterdir()}
    assert any(p.is_dir() for p in spill.iterdir())  # ours is still there


def test_rejects_are_for_the_owner_alone(bench: Any) -> None:
    report: load.Report = bench.take(
        "survey_responses", [{"source_id": "k", "kind": "nps", "score": "x", "comment": "mine"}]
    )
    assert report.rejects_file is not None
    assert report.rejects_file.stat().st_mode & 0o777 == 0o600
    assert "mine" in report.rejects_file.read_text()
    assert (bench.folder / "home/workspaces/main").stat().st_mode & 0o777 == 0o700
