"""Broken rows are told by number and reason, and never cost another row."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wellheard.base.errors import Ambiguous, BadInput
from wellheard.sources.files import ROW, BadRow, Format, delimited, detect, elements, open_file

COMMA = Format("csv", encoding="utf-8", delimiter=",")
Read = tuple[dict[int, list[str | None]], list[BadRow]]


def read(data: bytes, how: Format, name: str = "x.csv") -> Read:
    """The readable rows by number, and the others; checks that together they are all rows, each once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        file = open_file(path, how)
        good = {row.pop(ROW): list(row.values()) for batch in file.batches() for row in batch.to_pylist()}
        bad = list(file.bad_rows)
    assert sorted([*good, *(row.row for row in bad)]) == list(range(1, len(good) + len(bad) + 1))
    assert (file.tally.good, file.tally.bad) == (len(good), len(bad))
    return good, bad


@contextlib.contextmanager
def in_bits(size: int) -> Iterator[None]:
    """Reads `size` bytes at a time, so that small files meet every border that large ones meet."""
    with (
        mock.patch.object(delimited, "CHUNK", size),
        mock.patch.object(delimited, "HEAD", size),
        mock.patch.object(delimited, "PIECE", size),
        mock.patch.object(elements, "CHUNK", size),
    ):
        yield


def reference(data: bytes, columns: int) -> tuple[dict[int, list[str | None]], set[int]]:
    """Reads comma-separated bytes one by one, as plainly as can be: the good rows by number, and the bad numbers."""
    good: dict[int, list[str | None]] = {}
    bad: set[int] = set()
    at = 0
    while at < len(data):
        if data[at] in b"\r\n":
            at += 1
            continue
        number = len(good) + len(bad) + 1
        cells, end = _reference_row(data, at)
        line_end = min((i for i in (data.find(b"\n", at), data.find(b"\r", at)) if i >= 0), default=len(data))
        raw = data[at : line_end if cells is None else end]
        at = line_end if cells is None else end
        try:
            raw.decode()
            text = [cell.decode() or None for cell in cells or []]
        except UnicodeDecodeError:
            text = []
        if len(text) == columns and b"\0" not in raw:
            good[number] = text
        else:
            bad.add(number)
    return good, bad


def _reference_row(data: bytes, at: int) -> tuple[list[bytes] | None, int]:
    cells: list[bytes] = []
    while True:
        cell = bytearray()
        start = at
        while data[at : at + 1] == b" ":
            at += 1
        if data[at : at + 1] == b'"':
            at += 1
            while True:
                if at >= len(data):
                    return None, at
                if data[at] != 34:
                    cell.append(data[at])
                    at += 1
                elif data[at + 1 : at + 2] == b'"':
                    cell.append(34)
                    at += 2
                else:
                    at += 1
                    break
            while data[at : at + 1] == b" ":
                at += 1
            if at < len(data) and data[at] not in b",\r\n":
                return None, at
        else:
            at = start
            while at < len(data) and data[at] not in b",\r\n":
                cell.append(data[at])
                at += 1
        cells.append(bytes(cell))
        if data[at : at + 1] != b",":
            return cells, at
        at += 1


FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SIGNS = st.sampled_from(
    [b",", b'"', b"\n", b"\r", b"\r\n", b" ", b"a", b"1,2", b'"x"', b'""', b"\xff", b"\0", "ü".encode()]
)
BROKEN = st.lists(SIGNS, max_size=60).map(b"".join)


@FEW
@given(BROKEN, st.integers(1, 12))
def test_I7_any_bytes_are_read_as_a_plain_reader_would(body: bytes, size: int) -> None:
    expected, bad_numbers = reference(body, 2)
    for context in (contextlib.nullcontext(), in_bits(size)):
        with context:
            good, bad = read(b"a,b\n" + body, COMMA)
        assert good == expected
        assert {row.row for row in bad} == bad_numbers
        assert all(row.reason for row in bad)


LINE = st.binary(max_size=30).map(lambda line: bytes(byte for byte in line if byte not in b'\r\n"'))


@FEW
@given(st.lists(LINE, max_size=40), st.integers(1, 40))
def test_I7_rows_of_arbitrary_bytes_are_all_counted(lines: list[bytes], size: int) -> None:
    rows = [line for line in lines if line]

    def is_good(line: bytes) -> bool:
        with contextlib.suppress(UnicodeDecodeError):
            return bool(line.decode()) and line.count(b",") == 1 and b"\0" not in line
        return False

    with in_bits(size):
        good, bad = read(b"a,b\n" + b"\n".join(lines), COMMA)
    assert set(good) == {number for number, line in enumerate(rows, 1) if is_good(line)}
    assert len(good) + len(bad) == len(rows)
    assert [row.text for row in bad if row.text.isascii()] == [
        line.decode() for line in rows if not is_good(line) and line.isascii()
    ]


CELL = st.text(st.sampled_from('ab ,;"\n\rü€'), max_size=8)
DAMAGE = st.sampled_from(["none", "none", "none", "short", "long", "bytes", "nul"])


def _damaged(line: bytes, damage: str) -> bytes:
    return {"none": line, "short": b"only", "long": line + b",more", "bytes": line + b"\xfe", "nul": line + b"\0"}[
        damage
    ]


@FEW
@given(
    st.lists(st.tuples(st.lists(CELL, min_size=3, max_size=3), DAMAGE), max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 50),
)
def test_I7_damaged_rows_of_a_written_table_are_found(table: list[tuple[list[str], str]], end: str, size: int) -> None:
    parts, expected, wrong = [b"a,b,c" + end.encode()], {}, set()
    for number, (cells, damage) in enumerate(table, 1):
        target = io.StringIO()
        csv.writer(
            target, lineterminator="", quoting=csv.QUOTE_ALL if damage == "none" else csv.QUOTE_MINIMAL
        ).writerow(cells if damage == "none" else ["x", "y", "z"])
        parts.append(_damaged(target.getvalue().encode(), damage) + end.encode())
        if damage == "none":
            expected[number] = [cell or None for cell in cells]
        else:
            wrong.add(number)
    for context in (contextlib.nullcontext(), in_bits(size)):
        with context:
            good, bad = read(b"".join(parts), COMMA)
        assert good == expected
        assert {row.row for row in bad} == wrong


WIDE = st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le"])


@FEW
@given(st.text(st.sampled_from('ab,"\n\rüß€Я語😀'), max_size=60), WIDE, st.integers(1, 9))
def test_I7_other_encodings_read_as_utf8_does(body: str, encoding: str, size: int) -> None:
    text = "a,b\n" + body
    expected = read(text.encode(), COMMA)
    with in_bits(size):
        assert read(text.encode(encoding), Format("csv", encoding=encoding, delimiter=",")) == expected


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('a"\\{}[],:ü😀'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
JSON_ROWS = st.lists(
    st.tuples(st.dictionaries(st.sampled_from("kxyz"), JSON_VALUES, max_size=3), st.booleans()), max_size=12
)


@pytest.mark.slow
@FEW
@given(JSON_ROWS, st.integers(1, 40), st.sampled_from([None, 1]))
def test_I7_broken_json_costs_only_its_own_row(
    table: list[tuple[dict[str, object], bool]], size: int, indent: int | None
) -> None:
    rows = [({"k": "v"}, False), *table]
    for kind in ("jsonl", "json"):
        texts = []
        for row, broken in rows:
            text = json.dumps(row, ensure_ascii=False, indent=indent if kind == "json" else None)
            texts.append('{"k" ' + text[1:] if broken else text)
        joined = "\n".join(texts) if kind == "jsonl" else "[" + ",\n".join(texts) + "]"
        with in_bits(size):
            good, bad = read(joined.encode(), Format(kind, encoding="utf-8"), f"x.{kind}")  # type: ignore[arg-type]
        assert [row.row for row in bad] == [number for number, (_, broken) in enumerate(rows, 1) if broken]
        assert len(good) == len(rows) - len(bad)


@FEW
@given(st.binary(max_size=60), st.integers(1, 20))
def test_I7_json_of_any_bytes_is_read_the_same_in_any_bits(junk: bytes, size: int) -> None:
    for kind, data in (("jsonl", b'{"a": 1}\n' + junk), ("json", b'[{"a": 1}, ' + junk)):
        how = Format(kind, encoding="utf-8")  # type: ignore[arg-type]
        whole = read(data, how)
        with in_bits(size):
            assert read(data, how) == whole
        assert whole[0][1][0] == "1"
        if kind == "jsonl":
            lines = [line for line in junk.replace(b"\r", b"\n").split(b"\n") if line.strip()]
            assert len(whole[0]) + len(whole[1]) == len(lines) + 1


@FEW
@given(BROKEN | st.binary(max_size=200) | JSON_ROWS.map(lambda rows: json.dumps([row for row, _ in rows]).encode()))
def test_I7_what_a_file_is_never_ends_in_a_crash(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "unknown"
        path.write_bytes(data)
        with contextlib.suppress(BadInput, Ambiguous):  # anything else is a crash
            read(data, detect(path))


def test_I7_drifting_values_are_kept_or_told() -> None:
    big = "x" * (1 << 20)
    rows = ["1,ok", f"2,{big}", "3,NaN", "4,9007199254740993", "5,\0", "6,new,column", "7", "8,last"]
    good, bad = read("\n".join(["a,b", *rows]).encode() + b"\n9,\xed\xa0\x80\n", COMMA)
    assert good == {1: ["1", "ok"], 2: ["2", big], 3: ["3", "NaN"], 4: ["4", "9007199254740993"], 8: ["8", "last"]}
    assert [(row.row, row.reason.split(" (")[0]) for row in bad] == [
        (5, "has a NUL byte"),
        (6, "has 3 fields, the header has 2"),
        (7, "has 1 field, the header has 2"),
        (9, "has bytes that are not utf-8"),
    ]


def test_I7_bytes_that_turn_strange_after_the_sample_are_told(tmp_path: Path) -> None:
    lines = [b"id,text"] + [b"%d,%s" % (number, b"word " * 20) for number in range(40_000)]
    lines[30_001] = "30000,Müller".encode("cp1252")
    path = tmp_path / "late.csv"
    path.write_bytes(b"\n".join(lines))
    file = open_file(path)
    assert file.format.encoding == "utf-8"
    assert sum(batch.num_rows for batch in file.batches()) == 39_999
    [bad] = file.bad_rows
    assert (bad.row, bad.text) == (30_001, "30000,M\ufffdller")
    assert "0xfc at byte 8" in bad.reason


@pytest.mark.parametrize("kind", ["quoted", "plain", "open", "jsonl"])
def test_I7_a_row_beyond_the_limit_is_told_and_passed_over(kind: str) -> None:
    huge = "x" * (17 << 20)
    rows = {"quoted": f'1,"{huge}"', "plain": f"1,{huge}", "open": f'1,"{huge[:100]}', "jsonl": f'{{"a": "{huge}"}}'}
    if kind == "jsonl":
        good, bad = read(
            f'{{"a": 0}}\n{rows[kind]}\n{{"a": 2}}\n'.encode(), Format("jsonl", encoding="utf-8"), "x.jsonl"
        )
    else:
        # After the quote that never closes comes more than a row may hold: it must not swallow what follows.
        filler = [f"{number},{'y' * 1000}" for number in range(18_000)] if kind == "open" else []
        good, bad = read("\n".join(["a,b", "0,first", rows[kind], *filler, "2,last"]).encode(), COMMA)
        assert good[len(good) + 1] == ["2", "last"]
        assert len(good) == len(filler) + 2
    assert [row.row for row in bad] == [2]
    assert bad[0].reason == ("a quoted cell is never closed" if kind == "open" else "is longer than 16 MB")
    assert len(bad[0].text) <= 500


def test_I7_a_header_without_end_is_refused_early(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(b"a," * (3 << 20))
    with pytest.raises(BadInput, match="longer than 1 MB"):
        open_file(path)
    path.write_bytes(b"a," * 20_000 + b"a\n")
    with pytest.raises(BadInput, match="20,001 columns"):
        open_file(path)
    path = tmp_path / "wide.jsonl"
    path.write_text("\n".join(json.dumps({f"k{number}": 1}) for number in range(11_000)))
    with pytest.raises(BadInput, match="10,000 different keys"):
        open_file(path)


def test_I7_a_packed_file_that_swells_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.zst"
    path.write_bytes(pa.compress(b"a,b\n" + b"1,2\n" * (20 << 20), codec="zstd", asbytes=True))
    with pytest.raises(BadInput, match="more than 250 times"):
        list(open_file(path).batches())


def test_I7_parquet_with_bytes_that_are_no_text(tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"\xff", b"a\0b", "ü".encode(), None], pa.binary())
    text = pa.StringArray.from_buffers(5, *raw.buffers()[1:], raw.buffers()[0], 1)
    pq.write_table(pa.table({"n": [1, 2, 3, 4, 5], "t": text}), tmp_path / "x.parquet")
    good, bad = read((tmp_path / "x.parquet").read_bytes(), detect(tmp_path / "x.parquet"), "x.parquet")
    assert good == {1: [1, "ok"], 4: [4, "ü"], 5: [5, None]}
    assert [(row.row, row.reason) for row in bad] == [
        (2, "has bytes that are not UTF-8 in 't'"),
        (3, "has a NUL character in 't'"),
    ]


def test_a_second_reading_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n1,2\n3\n4,5\n")
    file = open_file(path)
    for _ in range(2):
        assert [row[ROW] for batch in file.batches() for row in batch.to_pylist()] == [1, 3]
        assert [row.row for row in file.bad_rows] == [2]
