"""Opens any file we can read, by what it is."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wellheard.sources.files.columnar import open_parquet
from wellheard.sources.files.delimited import open_delimited
from wellheard.sources.files.detect import detect
from wellheard.sources.files.format import ROW, BadRow, FileBatches, Format, Opened, Rename
from wellheard.sources.files.jsonlines import open_json
from wellheard.sources.files.workbook import open_workbook

SHOWN = 20  # rows of a preview
LOOKED_AT = 1000  # values of JSON in which a preview looks for columns


@dataclass(frozen=True)
class Preview:
    """The beginning of a file, for a page on which its columns are given their meaning.

    `rows` are its first rows by column, `bad_rows` those of its beginning that cannot be read.
    """

    format: Format
    columns: tuple[str, ...]
    renames: tuple[Rename, ...]
    rows: list[dict[str, object]]
    bad_rows: list[BadRow]


def open_file(path: str | Path, how: Format | None = None) -> FileBatches:
    """The file as a stream of record batches, read as `how` says or as `detect` finds.

    Raises BadInput when it is none of our formats or damaged, Ambiguous when it can be read in more than one way.
    """
    path = Path(path)
    found = how or detect(path)
    return FileBatches(path, found, _opened(path, found))


def _opened(path: Path, how: Format) -> Opened:
    return {
        "csv": open_delimited,
        "json": open_json,
        "jsonl": open_json,
        "parquet": open_parquet,
        "excel": open_workbook,
    }[how.kind](path, how)


def fields(path: str | Path, how: Format | None = None) -> Preview:
    """The columns and the first 20 readable rows of a file. Raises as `open_file` does."""
    path = Path(path)
    found = how or detect(path)
    # JSON tells its columns only at its end: a preview looks at its beginning.
    opened = open_json(path, found, LOOKED_AT) if found.kind in ("json", "jsonl") else _opened(path, found)
    file = FileBatches(path, found, opened)
    rows: list[dict[str, object]] = []
    for batch in file.batches():
        rows += batch.slice(0, SHOWN - len(rows)).drop_columns([ROW]).to_pylist()
        if len(rows) >= SHOWN:
            break
    return Preview(file.format, file.columns, file.renames, rows, list(islice(file.bad_rows, SHOWN)))
