"""The doctor sees what is wrong with a deployment, says what to do, and touches nothing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sqlite3
from collections import namedtuple
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from wellheard import doctor
from wellheard.app import ImportCall, Workspace
from wellheard.base.errors import BadCall
from wellheard.base.settings import Settings
from wellheard.store.store import open_store

Look = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one import, of which one row was rejected."""
    folder = tmp_path_factory.mktemp("doctor")
    answers = folder / "answers.csv"
    answers.write_text("kind,score,answered_at\nnps,9,2026-03-01\nnps,77,2026-03-02\n", "utf-8")
    with Workspace(folder / "place") as workspace:
        workspace.import_files(ImportCall(paths=(answers,), table="survey_responses"))
    return folder / "place"


@pytest.fixture
def home(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sound home, in an environment that sets nothing but a port that is free."""
    for name in [n for n in os.environ if n.startswith("WELLHEARD_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WELLHEARD_PORT", "0")
    shutil.copytree(sound, tmp_path / "place")
    return tmp_path / "place"


@pytest.fixture
def look(capsys: pytest.CaptureFixture[str]) -> Look:
    def call(home: Path, workspace: str = "main") -> tuple[int, str]:
        code = doctor.check(home, workspace)
        return code, capsys.readouterr().out

    return call


def _problems(said: str) -> list[str]:
    return [line.split()[1].rstrip(":") for line in said.splitlines() if line.startswith("problem")]


@pytest.mark.slow
def test_a_sound_home_passes_and_its_last_import_is_named(home: Path, look: Look) -> None:
    code, said = look(home)
    assert (code, _problems(said)) == (0, [])
    for what in ("settings", "home", "extension", "disk", "workspace", "lake", "catalog", "privacy", "clock", "port"):
        assert f"ok       {what}: " in said
    assert "(answers.csv), in which 1 rows were rejected" in said
    assert "1 files of rejected rows" in said


def test_every_setting_is_shown_with_its_value_origin_and_words(
    home: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "wellheard.toml").write_text('time_zone = "Europe/Berlin"\n', "utf-8")
    monkeypatch.setenv("WELLHEARD_REPEAT_DAYS", "60")
    _, said = look(home)
    for name, field in Settings.model_fields.items():
        assert f"{name} = " in said
        assert field.description
        assert field.description in said
    assert "time_zone = Europe/Berlin (file; default UTC)" in said
    assert "repeat_days = 60 (environment; default 90)" in said
    assert "week_start = 0 (default)" in said
    assert "in Europe/Berlin, where days begin" in said


def test_a_home_that_is_not_there_yet_is_no_problem_and_is_not_made(tmp_path: Path, look: Look) -> None:
    code, said = look(tmp_path / "new" / "place")
    assert code == 0
    assert "will be made on first use" in said
    assert "nothing was imported yet" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('time_zone = "Mars/Base"', "time_zone"),
        ("prot = 1", "prot"),
        ("week_start = 9", "week_start"),
        ("= 1", "wellheard.toml"),
    ],
)
def test_a_wrong_setting_is_named(home: Path, look: Look, text: str, named: str) -> None:
    (home / "wellheard.toml").write_text(text, "utf-8")
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["settings"])
    assert named in next(line for line in said.splitlines() if line.startswith("problem"))


def test_a_misspelt_variable_is_told_with_the_name_that_was_meant(
    home: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WELLHEARD_TIMEZONE", "Europe/Berlin")
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["settings"])
    assert "did you mean WELLHEARD_TIME_ZONE?" in said


def test_a_file_in_place_of_the_home_is_a_problem(tmp_path: Path, look: Look) -> None:
    (tmp_path / "place").write_text("", "utf-8")
    code, said = look(tmp_path / "place")
    assert code == 1
    assert "home" in _problems(said)


def test_a_home_that_cannot_be_written_is_a_problem(home: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refused)
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["home"])
    assert "Permission denied" in said


def test_a_missing_wheel_is_a_problem(home: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n, *a: None if n.endswith("_ducklake") else real(n, *a))
    code, said = look(home)
    assert code == 1
    assert _problems(said) == ["extension", "lake"]
    assert "run `make setup` again" in said


def test_wheels_of_another_engine_are_a_problem(home: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "version", lambda _name: "0.0.1")
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["extension", "extension"])
    assert "does not fit duckdb 0.0.1" in said


def test_a_full_disk_is_a_problem(home: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(10**10, 10**10 - 10**8, 10**8))
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["disk"])
    assert "0.1 GB free" in said


def test_a_newer_workspace_is_a_problem(home: Path, look: Look) -> None:
    (home / "workspaces" / "main" / "format").write_text("999 abc\n", "utf-8")
    code, said = look(home)
    assert code == 1
    assert _problems(said) == ["workspace", "lake"]
    assert "format 999" in said


def test_a_broken_catalog_is_told_and_is_no_crash(home: Path, look: Look) -> None:
    for path in (home / "workspaces" / "main").glob("facts.sqlite*"):
        path.unlink()
    (home / "workspaces" / "main" / "facts.sqlite").write_bytes(b"this is no database" * 100)
    code, said = look(home)
    assert code == 1
    assert {"lake", "catalog"} <= set(_problems(said))
    assert "restore" in said


def test_a_catalog_out_of_wal_mode_is_a_problem(tmp_path: Path) -> None:
    for lake, mode in (("facts", "delete"), ("personal", "wal")):
        with closing(sqlite3.connect(tmp_path / f"{lake}.sqlite")) as db:
            db.execute(f"pragma journal_mode={mode}")
            db.execute("create table t (x)")
    assert [f.state for f in doctor._catalogs(tmp_path)] == ["problem", "ok"]
    (tmp_path / "personal.sqlite").unlink()
    assert [f.state for f in doctor._catalogs(tmp_path)] == ["problem", "problem"]


@pytest.mark.skipif(os.name != "posix", reason="folders have no such rights here")
@pytest.mark.parametrize("part", [".", "rejects"])
def test_folders_that_others_can_read_are_a_problem(home: Path, look: Look, part: str) -> None:
    folder = home / "workspaces" / "main" / part
    folder.chmod(0o755)
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["privacy"])
    assert f"chmod 700 {folder}" in said


def test_a_clock_behind_the_last_import_is_a_problem(home: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_now", lambda: datetime(2026, 1, 2, tzinfo=UTC))
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["clock"])


def test_a_taken_port_is_a_note_since_serving_takes_the_next(
    home: Path, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("WELLHEARD_PORT", str(taken.getsockname()[1]))
        code, said = look(home)
    assert code == 0
    assert "note     port: " in said


def test_an_address_that_serving_refuses_is_a_problem(home: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLHEARD_HOST", "0.0.0.0")
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["port"])


def test_a_name_that_leads_out_of_the_home_is_refused(home: Path) -> None:
    with pytest.raises(BadCall, match="no name for a workspace"):
        doctor.check(home, "../elsewhere")


@pytest.mark.slow
def test_the_store_is_looked_over_and_never_made(home: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    _, said = look(home)
    assert "note     store: there is none yet" in said
    assert not (home / "store.sqlite").exists()

    with closing(open_store(home, Settings())) as store:
        layout = store.layout()
    assert f"ok       store: store.sqlite, layout {layout}; 0 answers wait for the lake" in look(home)[1]

    with closing(sqlite3.connect(home / "store.sqlite")) as db, db:
        db.execute("update alembic_version set version_num = '9999'")
    code, said = look(home)
    assert (code, _problems(said)) == (1, ["store"])

    (home / "store.sqlite").write_bytes(b"no database at all" * 100)
    assert _problems(look(home)[1]) == ["store"]

    monkeypatch.setenv("WELLHEARD_STORE", "postgresql://someone:hunter2@127.0.0.1:1/nothing")
    code, said = look(home)
    assert "store" in _problems(said)
    assert "hunter2" not in said


def test_answers_that_nobody_merges_are_a_problem(home: Path, look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_store(home, Settings())):
        pass
    monkeypatch.setattr(doctor, "MANY_WAITING", -1)
    assert _problems(look(home)[1]) == ["store"]
