"""Several processes and threads on one home at once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wellheard.app import ImportCall, Workspace
from wellheard.base.errors import Busy
from wellheard.warehouse.writing import line

pytestmark = pytest.mark.slow  # everyday checks leave it out

ROUNDS = 50 if os.environ.get("WELLHEARD_TEST_LONG") else 4
# An importer: its own rows, and rows that every importer delivers.
IMPORTER = """
import sys
from pathlib import Path
from wellheard.app import ImportCall, Workspace
home, folder, who, rounds = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
with Workspace(home) as workspace:
    for number in range(rounds):
        path = folder / f"{who}-{number}.csv"
        own = [f"{who}-{number}-{j},nps,{j % 11},2025-01-01T00:00:00Z,{who}" for j in range(40)]
        both = [f"both-{number}-{j},nps,{number % 11},2025-01-01T00:00:{number % 60:02d}Z,same" for j in range(40)]
        path.write_text("source_id,kind,score,updated_at,comment\\n" + "\\n".join(own + both) + "\\n")
        report = workspace.import_files(ImportCall(paths=(path,), table="survey_responses", source="s"))
        assert not report.rejected
print("done", flush=True)
"""
# A server or a notebook: asks without end, and finds what it sees to agree with itself.
READER = """
import sys
from pathlib import Path
from wellheard.app import Workspace
with Workspace(Path(sys.argv[1])) as workspace:
    print("ready", flush=True)
    asked, seen = 0, 0
    while not Path(sys.argv[2]).exists():
        with workspace.lake.reading():
            con = workspace.lake.con
            rows, keys = con.execute("select count(*), count(distinct id) from facts.main.survey_responses").fetchone()
            new = "coalesce(sum((report::json->'tables'->0->>'new')::int), 0)"
            listed = con.execute(f"select {new} from facts.main._imports").fetchone()[0]
        assert rows == keys == listed, (rows, keys, listed)
        assert rows >= seen
        seen, asked = rows, asked + 1
        workspace.kpi("nps").to_list()
    print(asked, flush=True)
"""


def _start(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_r6_server_importers_and_notebook_on_one_home(bench: Any, tmp_path: Path) -> None:
    home, stop = bench.folder / "home", tmp_path / "stop"
    readers = [_start(READER, home, stop) for _ in range(2)]
    importers = [_start(IMPORTER, home, tmp_path, who, ROUNDS) for who in ("a", "b", "c")]
    said = [importer.communicate(timeout=500) for importer in importers]
    stop.touch()
    said += [reader.communicate(timeout=100) for reader in readers]
    for out, error in said:
        assert "locked" not in error.lower()
        assert "Traceback" not in error, error
        assert out.split()[-1].isdigit() or out.split()[-1] == "done"
    assert all(int(out.split()[-1]) > 0 for out, _ in said[3:])
    rows = [row["source_id"] for row in bench.rows("survey_responses")]
    assert len(rows) == len(set(rows)) == ROUNDS * 40 * 4
    assert len(bench.rows("survey_responses", "personal")) == len(rows)
    assert sum(t["new"] for i in bench.workspace.imports() for t in i.tables) == len(rows)


def test_threads_import_the_same_and_read_one_state(bench: Any) -> None:
    workspace: Workspace = bench.workspace
    paths = [
        bench.write(
            [{"source_id": f"k{i}-{j % (10 + n)}", "kind": "nps", "score": 5} for i in range(3) for j in range(20)]
        )
        for n in range(3)
    ]
    errors: list[BaseException] = []
    done = threading.Event()

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:  # noqa: BLE001 - told to the test's own thread
                errors.append(error)

        return run

    def importing() -> None:
        for path in paths:
            workspace.import_files(ImportCall(paths=(path,), table="survey_responses"))

    def reading() -> None:
        while not done.is_set():
            with workspace.lake.reading() as snapshot:
                con = workspace.lake.con
                first = con.execute("select count(*), count(distinct id) from facts.main.survey_responses").fetchone()
                imports = con.execute("select count(*) from facts.main._imports").fetchone()
                assert workspace.lake.snapshot() == snapshot
                second = con.execute("select count(*), count(distinct id) from facts.main.survey_responses").fetchone()
                again = con.execute("select count(*) from facts.main._imports").fetchone()
                then = con.execute(
                    f"select count(*), count(distinct id) from facts.main.survey_responses at (version => {snapshot})"
                ).fetchone()
            assert first == second == then
            assert imports == again
            assert first is not None
            assert first[0] == first[1]

    writers = [threading.Thread(target=guarded(importing)) for _ in range(2)]
    readers = [threading.Thread(target=guarded(reading)) for _ in range(2)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert not errors
    rows = [row["source_id"] for row in bench.rows("survey_responses")]
    assert sorted(rows) == sorted({f"k{i}-{j}" for i in range(3) for j in range(12)})


def test_two_openings_in_one_process_do_not_disturb_each_other(bench: Any) -> None:
    with Workspace(bench.folder / "home") as other:
        for number in range(3):
            mine, theirs = (bench.workspace, other) if number % 2 else (other, bench.workspace)
            path = bench.write([{"source_id": f"k{number}", "kind": "nps", "score": number}])
            mine.import_files(ImportCall(paths=(path,), table="survey_responses"))
            assert theirs.counts()["survey_responses"] == number + 1
    assert bench.workspace.counts()["survey_responses"] == 3


def test_waiting_for_another_writer_is_said_in_words(tmp_path: Path) -> None:
    with line(tmp_path / "lock"), pytest.raises(Busy) as busy, line(tmp_path / "lock", patience=0.05):
        raise AssertionError("two hold the lock")
    assert "another process is writing" in str(busy.value)
    assert "locked" not in str(busy.value)
    with line(tmp_path / "lock", patience=0):
        pass
