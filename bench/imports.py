"""Files of answers into an empty workspace, by key: first and once more, beside a bare INSERT into an empty lake.

The bare INSERT checks nothing, keys nothing and keeps no history: it is what reading and writing alone cost.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import openpyxl  # type: ignore[import-untyped]

import wellheard
from bench.data import SETTINGS, Place, scratch
from bench.record import Bar, Figure, Record, Table
from bench.turns import Failed, timed
from wellheard.app import ImportCall
from wellheard.base.settings import settings_of
from wellheard.warehouse.engine import Lake

ROWS = {"csv": 5_000_000, "jsonl": 1_000_000, "parquet": 1_000_000, "xlsx": 20_000}  # at SIZE=1 and above
NAMES = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet", "xlsx": "Excel"}
READERS = {"csv": "read_csv", "jsonl": "read_json_auto", "parquet": "read_parquet"}
WRITERS = {"csv": "(format csv, header)", "jsonl": "(format json)", "parquet": "(format parquet)"}


def measure(place: Place) -> Record:
    """Times every format; each load starts from an empty workspace."""
    figures, bars, notes = [], [], []
    for kind in ROWS:
        rows = max(int(ROWS[kind] * min(place.size, 1)), 1000)
        path = written(place, kind, rows)
        try:
            figures.append(_measured(place, kind, path, rows))
        except Failed as error:
            notes.append(f"{NAMES[kind]}: not measured: {error}")
            continue
        if kind == "csv":
            more = figures[-1].more
            words = f"first load of a CSV of {rows:,} answers ≥ 0.7 × a bare INSERT"
            bars.append(Bar(words, more["bare, s"] / figures[-1].seconds, 0.7, at_least=True))
            bars.append(Bar("again ≥ 1.4 × faster than first", more["first ÷ again"], 1.4, at_least=True))
    table = Table("Answers by key into an empty workspace", tuple(figures), __doc__.partition("\n\n")[2].strip())
    return Record("imports", place.size, (table,), tuple(bars), tuple(notes))


def _measured(place: Place, kind: str, path: Path, rows: int) -> Figure:
    """The slower of two runs is kept, for ours and for the bare INSERT alike."""
    with scratch(place, "import") as folder:
        runs = [timed("bench.imports:ours", str(path), str(folder / f"home-{n}"), turns=2) for n in range(2)]
    first, again = max(run.seconds[0] for run in runs), max(run.seconds[1] for run in runs)
    peak = max(run.peak_mb for run in runs)
    more: dict[str, Any] = {
        "rows": rows,
        "again, s": again,
        "first ÷ again": first / again,
        "rows/s first": rows / first,
    }
    if kind in READERS:
        with scratch(place, "import") as folder:
            bare = timed("bench.imports:bare", str(path), str(folder / "bare"), READERS[kind], turns=2)
        more |= {"bare, s": max(bare.seconds), "bare ÷ first": max(bare.seconds) / first}
    return Figure(NAMES[kind], first, peak, more=more, turns=tuple(s for run in runs for s in run.seconds))


def ours(path: str, home: str) -> Callable[[], list[int]]:
    """A turn: the file taken in. The first turn finds an empty workspace, the next one the same rows."""
    Path(home).mkdir(parents=True)
    (Path(home) / "wellheard.toml").write_text(SETTINGS, "utf-8")
    workspace = wellheard.open(Path(home))

    def turn() -> list[int]:
        report = workspace.import_files(ImportCall(paths=(Path(path),), table="survey_responses"))
        return [report.rejected, *(counts.new for counts in report.tables)]

    return turn


def bare(path: str, folder: str, reader: str) -> Callable[[], int]:
    """A turn: INSERT … FROM the reader into an empty table of an empty lake."""
    con = Lake(Path(folder), settings_of(Path(folder))).con
    turns = itertools.count()

    def turn() -> int:
        name = f"facts.main.bare_{next(turns)}"
        con.execute(f"create table {name} as select * from {reader}('{path}') limit 0")
        con.execute(f"insert into {name} select * from {reader}('{path}')")
        return 0

    return turn


def written(place: Place, kind: str, rows: int) -> Path:
    """The file of a format with so many answers; written where it is missing."""
    path = place.copy(f"answers-{rows}.{kind}")
    if path.is_file():
        return path
    con = duckdb.connect()
    files = [str(file) for file in sorted(place.files.glob("survey_responses*.csv"))]
    answers = f"""
        select source, source_id || '-' || copy as source_id, columns(* exclude (source, source_id, copy))
        from read_csv({files}), range(1000) copies(copy) where copy < {rows} limit {rows}"""
    have = con.execute(f"select count(*) from read_csv({files})").fetchone()
    answers = answers.replace("range(1000)", f"range({-(-rows // (have[0] if have else 1))})")
    partial = path.with_suffix(".new")
    if kind == "xlsx":
        _write_sheet(con, answers, partial)
    else:
        con.execute(f"copy ({answers}) to '{partial}' {WRITERS[kind]}")
    partial.rename(path)
    return path


def _write_sheet(con: Any, answers: str, path: Path) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("answers")
    found = con.execute(answers)
    sheet.append([column[0] for column in found.description])
    for row in found.fetchall():
        sheet.append([value.isoformat() if hasattr(value, "isoformat") else value for value in row])
    book.save(path)
