"""Files as people really export them: each is recognised, or asked about, and never misread without a word."""

from __future__ import annotations

import bz2
import datetime as dt
import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wellheard.base.errors import Ambiguous, BadCall, BadInput, Unknown
from wellheard.sources.files import ROW, Format, detect, fields, open_file

Cells = list[list[object]]


def read(path: Path, how: Format | None = None) -> tuple[list[str], Cells]:
    """The columns and the cells of all readable rows."""
    file = open_file(path, how)
    rows = [row for batch in file.batches() for row in batch.to_pylist()]
    assert [row[ROW] for row in rows] == sorted({row[ROW] for row in rows})
    return list(file.columns), [[row[name] for name in file.columns] for row in rows]


@dataclass(frozen=True)
class Shape:
    """A file's name and bytes, what must come out, and what must be said about it."""

    name: str
    data: bytes
    columns: list[str]
    rows: Cells
    said: dict[str, object] = field(default_factory=dict)
    bad: list[tuple[int, str]] = field(default_factory=list)


PLAIN = "id,score,comment\n1,9,fine\n2,3,slow\n"
PLAIN_ROWS: Cells = [["1", "9", "fine"], ["2", "3", "slow"]]
NAMES = ["id", "score", "comment"]
UMLAUTS = "Größe;Wert;Straße\n1;2,50;Münchner Straße\n2;3,75;Übergröße für Jörg\n"
UMLAUT_NAMES = ["Größe", "Wert", "Straße"]
UMLAUT_ROWS: Cells = [["1", "2,50", "Münchner Straße"], ["2", "3,75", "Übergröße für Jörg"]]
FRENCH = "client,avis\n1,«\u00a0Très déçu\u00a0» – l’équipe n’a pas répondu… 20\u00a0€\n2,Ça va\n"
SPANISH = "id|comentario\n1|¿Cuándo llegará mi pedido? ¡Qué mañana!\n2|Año 1º\n"
QUALTRICS = (
    "StartDate,Q1,Q2\n"
    '"Start Date","How likely are you\nto recommend us, 0 to 10?","Why?"\n'
    '"{""ImportId"":""startDate""}","{""ImportId"":""QID1""}","{""ImportId"":""QID2_TEXT""}"\n'
    "2024-03-01 10:00:00,9,good\n"
)
SURVEYMONKEY = "Respondent ID,Rate us,,\n,Price,Speed,Other\n118,5,4,ok\n"


def _zip(name: str, text: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
        archive.writestr("__MACOSX/._" + name, b"\0\5")
    return target.getvalue()


def _zstd(text: str) -> bytes:
    return pa.compress(text.encode(), codec="zstd", asbytes=True)


CSV_SHAPES = [
    Shape("plain.csv", PLAIN.encode(), NAMES, PLAIN_ROWS, {"encoding": "utf-8", "delimiter": ",", "bom": False}),
    Shape("no_last_newline.csv", PLAIN.encode()[:-1], NAMES, PLAIN_ROWS),
    Shape("bom.csv", b"\xef\xbb\xbf" + PLAIN.encode(), NAMES, PLAIN_ROWS, {"encoding": "utf-8", "bom": True}),
    Shape("two_boms.csv", b"\xef\xbb\xbf\xef\xbb\xbf" + PLAIN.encode(), NAMES, PLAIN_ROWS),
    Shape("crlf.csv", PLAIN.replace("\n", "\r\n").encode(), NAMES, PLAIN_ROWS),
    Shape("cr_only.csv", PLAIN.replace("\n", "\r").encode(), NAMES, PLAIN_ROWS),
    Shape("mixed_line_ends.csv", b"id,score,comment\r\n1,9,fine\n2,3,slow\r", NAMES, PLAIN_ROWS),
    Shape("blank_lines.csv", b"\n\r\nid,score,comment\n\n1,9,fine\n\n\n2,3,slow\n\n\r\n\n", NAMES, PLAIN_ROWS),
    Shape("utf16le_bom.csv", b"\xff\xfe" + PLAIN.encode("utf-16-le"), NAMES, PLAIN_ROWS,
          {"encoding": "utf-16-le", "bom": True}),
    Shape("utf16be_bom.csv", b"\xfe\xff" + PLAIN.encode("utf-16-be"), NAMES, PLAIN_ROWS,
          {"encoding": "utf-16-be", "bom": True}),
    Shape("utf16le.csv", UMLAUTS.encode("utf-16-le"), UMLAUT_NAMES, UMLAUT_ROWS,
          {"encoding": "utf-16-le", "bom": False}),
    Shape("utf16be.csv", UMLAUTS.encode("utf-16-be"), UMLAUT_NAMES, UMLAUT_ROWS,
          {"encoding": "utf-16-be", "bom": False}),
    Shape("utf32.csv", b"\xff\xfe\0\0" + PLAIN.encode("utf-32-le"), NAMES, PLAIN_ROWS, {"encoding": "utf-32-le"}),
    Shape("excel_unicode_text.txt", b"\xff\xfe" + PLAIN.replace(",", "\t").replace("\n", "\r\n").encode("utf-16-le"),
          NAMES, PLAIN_ROWS, {"delimiter": "\t"}),
    Shape("german_cp1252.csv", UMLAUTS.encode("cp1252"), UMLAUT_NAMES, UMLAUT_ROWS,
          {"encoding": "cp1252", "delimiter": ";", "decimal": ","}),
    Shape("german_utf8.csv", UMLAUTS.encode(), UMLAUT_NAMES, UMLAUT_ROWS,
          {"encoding": "utf-8", "delimiter": ";", "decimal": ","}),
    Shape("french_cp1252.csv", FRENCH.encode("cp1252"), ["client", "avis"],
          [["1", "«\u00a0Très déçu\u00a0» – l’équipe n’a pas répondu… 20\u00a0€"], ["2", "Ça va"]],
          {"encoding": "cp1252"}),
    Shape("spanish_latin1.txt", SPANISH.encode("latin-1"), ["id", "comentario"],
          [["1", "¿Cuándo llegará mi pedido? ¡Qué mañana!"], ["2", "Año 1º"]],
          {"encoding": "cp1252", "delimiter": "|"}),
    Shape("dutch_cp1252.csv", "id,tekst\n1,Eén dag té laat\n2,één\n".encode("cp1252"), ["id", "tekst"],
          [["1", "Eén dag té laat"], ["2", "één"]], {"encoding": "cp1252"}),
    Shape("japanese_utf8.csv", "番号,感想\n1,とても良い\n2,遅い、高い\n".encode(), ["番号", "感想"],
          [["1", "とても良い"], ["2", "遅い、高い"]]),
    Shape("japanese_utf16.csv", "番号,感想\n1,とても良い\n2,遅い\n".encode("utf-16"), ["番号", "感想"],
          [["1", "とても良い"], ["2", "遅い"]]),
    Shape("emoji.csv", "id,text\n1,👍🏽 top\n2,“ok”\n".encode(), ["id", "text"], [["1", "👍🏽 top"], ["2", "“ok”"]]),
    Shape("tab.tsv", PLAIN.replace(",", "\t").encode(), NAMES, PLAIN_ROWS, {"delimiter": "\t"}),
    Shape("tab_with_commas.txt", b"id\ttext\n1\ta, b, c\n2\td\n", ["id", "text"], [["1", "a, b, c"], ["2", "d"]],
          {"delimiter": "\t"}),
    Shape("pipe.csv", PLAIN.replace(",", "|").encode(), NAMES, PLAIN_ROWS, {"delimiter": "|"}),
    Shape("semicolon_decimal_comma.csv", b"a;b;c\n1,5;2,25;x\n-3,75;1.234,50;y\n", ["a", "b", "c"],
          [["1,5", "2,25", "x"], ["-3,75", "1.234,50", "y"]], {"delimiter": ";", "decimal": ","}),
    Shape("decimal_point.csv", b'a,b\n1.5,"1,234.50"\n', ["a", "b"], [["1.5", "1,234.50"]], {"decimal": "."}),
    Shape("both_decimals.csv", b"a;b\n1,5;2.25\n", ["a", "b"], [["1,5", "2.25"]], {"decimal": None}),
    Shape("comma_in_header_of_semicolons.csv", b"id;Name, first;age\n1;Ann;33\n2;Bob, Jr.;44\n",
          ["id", "Name, first", "age"], [["1", "Ann", "33"], ["2", "Bob, Jr.", "44"]], {"delimiter": ";"}),
    Shape("quoted.csv", b'"id","text"\n"1","a, ""b"", c"\n"2",""\n', ["id", "text"], [["1", 'a, "b", c'], ["2", None]]),
    Shape("quoted_newlines.csv", b'id,text,n\r\n1,"two\r\nlines, and\n\nmore",7\r\n2,x,8\r\n', ["id", "text", "n"],
          [["1", "two\r\nlines, and\n\nmore", "7"], ["2", "x", "8"]]),
    Shape("inches.csv", b'id,size,n\n1,5" screen,2\n2,27",3\n', ["id", "size", "n"],
          [["1", '5" screen', "2"], ["2", '27"', "3"]]),
    Shape("blanks_before_quotes.csv", b'id, name, n\n1, "Smith, J.", 2\n2, "Poe" ,3\n', ["id", "name", "n"],
          [["1", "Smith, J.", " 2"], ["2", "Poe", "3"]]),
    Shape("single_quotes.csv", b"'id';'text'\n'1';'a; b'\n'2';'it''s'\n", ["id", "text"],
          [["1", "a; b"], ["2", "it's"]], {"quote": "'", "delimiter": ";"}),
    Shape("one_column.csv", b"email\na@example.org\nb@example.org\n", ["email"],
          [["a@example.org"], ["b@example.org"]], {"delimiter": None}),
    Shape("one_column_with_commas.txt", b"comment\nslow, rude, dear\nfine\nok, well\n", ["comment"],
          [["slow, rude, dear"], ["fine"], ["ok, well"]], {"delimiter": None}),
    Shape("one_column_quoted.csv", b'comment\n"slow, rude"\n""\n"a\nb"\n', ["comment"],
          [["slow, rude"], [None], ["a\nb"]]),
    Shape("header_only.csv", b"id,score\n", ["id", "score"], []),
    Shape("header_only_no_newline.csv", b"id,score", ["id", "score"], []),
    Shape("duplicate_names.csv", b"id,name,name,name_2,name\n1,a,b,c,d\n", ["id", "name", "name_3", "name_2", "name_4"],
          [["1", "a", "b", "c", "d"]]),
    Shape("blank_names.csv", b",score, ,column_3\n1,2,3,4\n", ["column_1", "score", "column_3_2", "column_3"],
          [["1", "2", "3", "4"]]),
    Shape("padded_names.csv", b" id , score\xc2\xa0\n1,2\n", ["id", "score"], [["1", "2"]]),
    Shape("reserved_name.csv", b"__row,a\n7,8\n", ["__row_2", "a"], [["7", "8"]]),
    Shape("empty_cells.csv", b"a,b,c\n,,\n1,,3\n", ["a", "b", "c"], [[None, None, None], ["1", None, "3"]]),
    Shape("leading_zeros.csv", b"zip,phone\n01234,+4930123\n", ["zip", "phone"], [["01234", "+4930123"]]),
    Shape("three_row_header.csv", QUALTRICS.encode(), ["StartDate", "Q1", "Q2"],
          [["Start Date", "How likely are you\nto recommend us, 0 to 10?", "Why?"],
           ['{"ImportId":"startDate"}', '{"ImportId":"QID1"}', '{"ImportId":"QID2_TEXT"}'],
           ["2024-03-01 10:00:00", "9", "good"]]),
    Shape("two_row_header.csv", SURVEYMONKEY.encode(), ["Respondent ID", "Rate us", "column_3", "column_4"],
          [[None, "Price", "Speed", "Other"], ["118", "5", "4", "ok"]]),
    Shape("years_and_names.csv", b"country,2022,2023\nDE,1,2\n", ["country", "2022", "2023"], [["DE", "1", "2"]]),
    Shape("wrong_widths.csv", b"a,b,c\n1,2\n1,2,3\n1,2,3,4\n5,6,7\nx\n", ["a", "b", "c"],
          [["1", "2", "3"], ["5", "6", "7"]],
          bad=[(1, "has 2 fields, the header has 3"), (3, "has 4 fields, the header has 3"),
               (5, "has 1 field, the header has 3")]),
    Shape("unclosed_quote.csv", b'a,b\n1,x\n2,"open\n3,y\n4,z\n', ["a", "b"], [["1", "x"], ["3", "y"], ["4", "z"]],
          bad=[(2, "a quoted cell is never closed")]),
    Shape("quote_not_doubled.csv", b'a,b\n1,"he said "no" twice"\n2,y\n', ["a", "b"], [["2", "y"]],
          bad=[(1, "a quoted cell goes on after its closing quote")]),
    Shape("nul.csv", b"a,b\n1,x\n2,y\0y\n3,z\n", ["a", "b"], [["1", "x"], ["3", "z"]], bad=[(2, "has a NUL byte")]),
    Shape("broken_utf8.csv", "a,b\n1,ä\n2,ö\n".encode() + b"3,\xe4\n4,\xc3\n5,ok\n", ["a", "b"],
          [["1", "ä"], ["2", "ö"], ["5", "ok"]],
          bad=[(3, "has bytes that are not utf-8 (0xe4 at byte 3); if the file is in another encoding, name it"),
               (4, "has bytes that are not utf-8 (0xc3 at byte 3); if the file is in another encoding, name it")]),
    Shape("lone_surrogate.csv", b"\xff\xfe" + "a,b\n1,\ud800\n2,y\n".encode("utf-16-le", "surrogatepass"),
          ["a", "b"], [["2", "y"]],
          bad=[(1, "has bytes that are not utf-16-le; if the file is in another encoding, name it")]),
    Shape("packed.csv.gz", gzip.compress(PLAIN.encode()), NAMES, PLAIN_ROWS, {"compression": "gzip"}),
    Shape("two_members.csv.gz", gzip.compress(PLAIN.encode()) + gzip.compress(b"3,4,more\n"), NAMES,
          [*PLAIN_ROWS, ["3", "4", "more"]], {"compression": "gzip"}),
    Shape("packed.tsv.bz2", bz2.compress(PLAIN.replace(",", "\t").encode()), NAMES, PLAIN_ROWS, {"compression": "bz2"}),
    Shape("packed.csv.zst", _zstd(PLAIN), NAMES, PLAIN_ROWS, {"compression": "zstd"}),
    Shape("packed.zip", _zip("export.csv", PLAIN), NAMES, PLAIN_ROWS, {"compression": "zip"}),
    Shape("gzip_without_its_name.csv", gzip.compress(UMLAUTS.encode("cp1252")), UMLAUT_NAMES, UMLAUT_ROWS,
          {"compression": "gzip", "encoding": "cp1252"}),
    Shape("csv_called.xls", PLAIN.encode(), NAMES, PLAIN_ROWS, {"kind": "csv"}),
]  # fmt: skip

JSON_SHAPES = [
    Shape("lines.jsonl", b'{"id": 1, "score": 9.50}\n{"id": 12345678901234567890, "score": 1e-7}\n', ["id", "score"],
          [["1", "9.50"], ["12345678901234567890", "1e-7"]], {"kind": "jsonl"}),
    Shape("late_keys.ndjson", b'{"a": 1}\n\n{"b": true, "a": null}\n{"c": "", "d": "x"}', ["a", "b", "c", "d"],
          [["1", None, None, None], [None, "true", None, None], [None, None, None, "x"]], {"kind": "jsonl"}),
    Shape("nested.jsonl",
          '{"user": {"name": "Ann", "geo": {"city": "Bonn"}}, "tags": ["a", 1.50, null, {"k": "ä"}]}\n'.encode(),
          ["user.name", "user.geo.city", "tags"], [["Ann", "Bonn", '["a", 1.50, null, {"k": "ä"}]']]),
    Shape("array.json", b'[{"a": 1, "b": "x]y"},\n {"a": 2, "b": "{\\""}\n]\n', ["a", "b"], [["1", "x]y"], ["2", '{"']],
          {"kind": "json"}),
    Shape("pretty_array.json", json.dumps([{"a": 1}, {"a": "ü"}], indent=2, ensure_ascii=False).encode(), ["a"],
          [["1"], ["ü"]], {"kind": "json"}),
    Shape("lines_called.json", b'{"a": 1}\n{"a": 2}\n', ["a"], [["1"], ["2"]], {"kind": "jsonl"}),
    Shape("bom.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}\r\n', ["a"], [["1"], ["2"]], {"bom": True}),
    Shape("utf16.jsonl", '{"a": "ü"}\n{"a": 2}\n'.encode("utf-16"), ["a"], [["ü"], ["2"]], {"encoding": "utf-16-le"}),
    Shape("packed.jsonl.gz", gzip.compress(b'{"a": 1}\n{"a": 2}\n'), ["a"], [["1"], ["2"]], {"compression": "gzip"}),
    Shape("broken.jsonl",
          b'{"a": 1}\n{"a": \n[1]\n{"a": NaN}\n{"a": "\xff"}\n{"a": "\\u0000"}\n{"a": "\\ud800"}\n7\n'
          b'{"a.b": 1, "a": {"b": 2}}\n{"a": 2}\n{"\\udc00": 1}\n',
          ["a"], [["1"], ["2"]],
          bad=[(2, "is broken JSON: Expecting value at character 6"), (3, "is not a JSON object"),
               (4, "is broken JSON: NaN is not JSON"), (5, "has bytes that are not text in the file's encoding"),
               (6, "has a NUL character or a lone surrogate"), (7, "has a NUL character or a lone surrogate"),
               (8, "is not a JSON object"), (9, "has two values for a.b"),
               (11, "has a NUL character or a lone surrogate")]),
    Shape("broken_array.json", b'[{"a": 1}, {"a" 2}, {"a": [}, {"a": "\xff"}, null, {"a": 5}]', ["a"], [["1"], ["5"]],
          bad=[(2, "is broken JSON: Expecting ':' delimiter"), (3, "is broken JSON: Expecting value"),
               (4, "has bytes that are not text in the file's encoding"), (5, "is not a JSON object")]),
    Shape("cut_array.json", b'[{"a": 1}, {"a": 2}', ["a"], [["1"], ["2"]],
          bad=[(3, "the array is never closed; the file may be cut off")]),
]  # fmt: skip

SHAPES = [*CSV_SHAPES, *JSON_SHAPES]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_I11_shape_is_read_as_meant(shape: Shape, tmp_path: Path) -> None:
    path = tmp_path / shape.name
    path.write_bytes(shape.data)
    columns, rows = read(path)
    assert columns == shape.columns
    assert rows == shape.rows
    file = open_file(path)
    good = sum(batch.num_rows for batch in file.batches())
    assert [(bad.row, bad.reason) for bad in file.bad_rows] == shape.bad
    assert (good, file.tally.good, file.tally.bad) == (len(shape.rows), len(shape.rows), len(shape.bad))
    assert {name: getattr(file.format, name) for name in shape.said} == shape.said


def test_I11_enough_shapes() -> None:
    assert len({shape.name for shape in SHAPES}) == len(SHAPES) >= 40


RUSSIAN = "номер;отзыв\n1;Очень долго ждали ответа\n2;Спасибо, всё хорошо\n3;Плохо\n"
POLISH = "numer;opinia\n1;Paweł źle ocenił obsługę\n2;Długo czekałem, ale się udało\n3;Świetnie, dziękuję\n"
HUNGARIAN = "sz;vélemény\n1;Segítőkész ügyfélszolgálat\n2;Rossz minőségű, túl drága\n3;Jó\n"
TURKISH = "no;yorum\n1;Çok başarılı bir mağaza\n2;Kargo hızlıydı, teşekkürler\n3;Ağır ve yavaş\n"


@pytest.mark.parametrize(
    ("name", "data", "asks"),
    [
        ("cyrillic.csv", RUSSIAN.encode("cp1251"), "encoding"),
        ("koi8.csv", RUSSIAN.encode("koi8-r"), "encoding"),
        ("polish.csv", POLISH.encode("cp1250"), "encoding"),
        ("hungarian.csv", HUNGARIAN.encode("cp1250"), "encoding"),
        ("japanese.csv", "番号,感想\n1,とても良い\n2,遅い\n3,普通\n".encode("shift_jis"), "encoding"),
        ("turkish.csv", TURKISH.encode("cp1254"), "encoding"),
        ("dos.csv", UMLAUTS.encode("cp850"), "encoding"),
        ("mac.csv", UMLAUTS.encode("mac-roman"), "encoding"),
        ("two_delimiters.csv", b"a,b;c\n1,2;3\n4,5;6\n", "delimiter"),
        ("title_above.csv", b"Report of March\nid,score,text\n1,2,x\n3,4,y\n5,6,z\n", "header_row"),
        ("no_header.csv", b"1,2024-01-01,9\n2,2024-01-02,8\n", "header"),
        ("fixed_width.txt", b" 00004 0001 19970101  2   29.33\n 00004 0001 19970118  2   29.73\n", "header"),
    ],
)
def test_I11_what_can_be_read_two_ways_is_asked(name: str, data: bytes, asks: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(Ambiguous) as raised:
        open_file(path)
    assert raised.value.field == asks
    assert raised.value.hint


@pytest.mark.parametrize(
    ("data", "options", "columns", "first"),
    [
        (RUSSIAN.encode("cp1251"), {"encoding": "cp1251"}, ["номер", "отзыв"], ["1", "Очень долго ждали ответа"]),
        (POLISH.encode("cp1250"), {"encoding": "windows-1250"}, ["numer", "opinia"], ["1", "Paweł źle ocenił obsługę"]),
        (b"a,b;c\n1,2;3\n", {"delimiter": ";"}, ["a,b", "c"], ["1,2", "3"]),
        (b"a,b;c\n1,2;3\n", {"delimiter": ","}, ["a", "b;c"], ["1", "2;3"]),
        (b"Report\nid,score\n1,2\n3,4\n5,6\n", {"header": 2}, ["id", "score"], ["1", "2"]),
        (b"1,2024-01-01\n2,2024-01-02\n", {"header": False}, ["column_1", "column_2"], ["1", "2024-01-01"]),
        (b"2022,2023\n1,2\n", {"header": 1}, ["2022", "2023"], ["1", "2"]),
        ("a^b\n1^ü\n".encode("utf-16"), {"encoding": "utf-16", "delimiter": "^"}, ["a", "b"], ["1", "ü"]),
    ],
)
def test_I11_the_answer_is_believed(
    data: bytes, options: dict[str, object], columns: list[str], first: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(data)
    found, rows = read(path, detect(path, **options))  # type: ignore[arg-type]
    assert found == columns
    assert rows[0] == first


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("empty.csv", b"", "the file is empty"),
        ("blank.csv", b"\n\r\n  \n", "the file is empty"),
        ("bom_only.csv", b"\xef\xbb\xbf", "the file is empty"),
        ("empty.csv.gz", gzip.compress(b""), "the file is empty"),
        ("empty.jsonl", b"", "the file is empty"),
        ("empty_array.json", b"[]", "holds no JSON object"),
        ("scalars.jsonl", b"1\n2\n", "is not a JSON object"),
        ("page.xls", b"<html><table><tr><td>1</td></tr></table></html>", "web page"),
        ("paper.csv", b"%PDF-1.7 ...", "a PDF document"),
        ("picture.csv", bytes(range(256)) * 20, "neither text nor a table"),
        ("cut.csv.gz", gzip.compress(PLAIN.encode() * 100)[:-20], "cut off or damaged"),
        ("cut.csv.bz2", bz2.compress(PLAIN.encode() * 100)[:-9], "cut off or damaged"),
        ("cut.csv.zst", _zstd(PLAIN * 100)[:-5], "cut off or damaged"),
        ("cut.parquet", b"PAR1" + b"x" * 50, "cut off or damaged"),
        ("cut.xlsx", _zip("xl/workbook.xml", "<x/>"), "cut off or damaged"),
        ("cut.zip", _zip("a.csv", PLAIN)[:60], "cut off or damaged"),
        ("twice.csv.gz", gzip.compress(gzip.compress(PLAIN.encode())), "packed twice"),
        ("envelope.json", b'{"data": [{"a": 1}], "next": null}', "under 'data'"),
        ("one_object.json", b'{\n "a": 1,\n "b": 2\n}', "one JSON object over several lines"),
        ("open_header.csv", b'a,"b\n1,2\n', "never closed"),
    ],
    ids=lambda part: part if isinstance(part, str) else "bytes",  # packed bytes bear the time they were packed at
)
def test_I11_what_cannot_be_read_is_refused(name: str, data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BadInput) as raised:
        list(open_file(path).batches())
    assert says in raised.value.message
    assert raised.value.place.file == str(path)
    assert raised.value.hint


def test_I11_missing_file_and_wrong_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be opened"):
        detect(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="cannot be opened"):
        open_file(tmp_path / "none.csv", Format("csv", encoding="utf-8", delimiter=","))
    with pytest.raises(BadInput, match="cannot be opened"):
        detect(tmp_path)
    path = tmp_path / "a.csv"
    path.write_text(PLAIN)
    for options in ({"delimiter": "ab"}, {"delimiter": "ü"}, {"encoding": "no-such"}, {"encoding": "rot13"}):
        with pytest.raises(BadCall):
            detect(path, **options)  # type: ignore[arg-type]


def _workbook(fill: Callable[[openpyxl.Workbook], None]) -> bytes:
    book = openpyxl.Workbook()
    fill(book)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _fill(book: openpyxl.Workbook) -> None:
    sheet = book.active
    sheet.title = "Answers"
    sheet["B3"], sheet["C3"], sheet["D3"], sheet["E3"] = "id", "when", "share", " text "
    sheet.append([None, 1, dt.date(2024, 2, 29), 0.25, "007"])
    sheet["D4"].number_format = "0%"
    sheet.append([None, 2.5, dt.datetime.fromisoformat("2024-02-29 13:05:06"), 1e15, "ü\nx"])
    sheet.append([None])
    sheet.append([None, True, dt.time(8, 30), -3, None])
    sheet.append([None, False, dt.timedelta(hours=25, minutes=30), 1e-7, "=1+1"])
    sheet["B12"].number_format = "0.00"
    book.create_sheet("Empty")


BOOK_ROWS: Cells = [
    ["1", "2024-02-29", "0.25", "007"],
    ["2.5", "2024-02-29 13:05:06", "1000000000000000", "ü\nx"],
    ["true", "08:30:00", "-3", None],
    ["false", "91800", "0.0000001", None],
]


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["book.xlsx", "book.xlsx.gz", "book.bin"])
def test_I11_workbook_with_dates_and_integers(name: str, tmp_path: Path) -> None:
    data = _workbook(_fill)
    path = _write(tmp_path / name, gzip.compress(data) if name.endswith("gz") else data)
    columns, rows = read(path)
    assert columns == ["id", "when", "share", "text"]
    assert rows == BOOK_ROWS
    assert detect(path).sheet == "Answers"


CELLS = (
    '<table:table table:name="Antworten"><table:table-row>'
    '<table:table-cell office:value-type="string"><text:p>id</text:p></table:table-cell>'
    '<table:table-cell office:value-type="string"><text:p>am</text:p></table:table-cell>'
    "</table:table-row><table:table-row>"
    '<table:table-cell office:value-type="float" office:value="7"><text:p>7</text:p></table:table-cell>'
    '<table:table-cell office:value-type="date" office:date-value="2024-02-29"><text:p>x</text:p></table:table-cell>'
    "</table:table-row></table:table>"
)


def test_I11_opendocument_sheet(tmp_path: Path) -> None:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(tmp_path / "sheet.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>{CELLS}"
            "</office:spreadsheet></office:body></office:document-content>",
        )
    assert read(tmp_path / "sheet.ods") == (["id", "am"], [["7", "2024-02-29"]])


def test_I11_workbook_of_many_sheets_is_asked_about(tmp_path: Path) -> None:
    def fill(book: openpyxl.Workbook) -> None:
        book.active.append(["a"])
        book.create_sheet("Second").append(["b"])
        hidden = book.create_sheet("Hidden")
        hidden.append(["c"])
        hidden.sheet_state = "hidden"

    path = _write(tmp_path / "many.xlsx", _workbook(fill))
    with pytest.raises(Ambiguous, match="2 sheets with content: Sheet, Second"):
        open_file(path)
    for sheet, name in (("Second", "b"), ("Hidden", "c")):
        assert read(path, detect(path, sheet=sheet)) == ([name], [])
    with pytest.raises(Unknown, match="Sheet, Second, Hidden"):
        detect(path, sheet="Third")
    with pytest.raises(BadInput, match="the sheet has no row 1"):
        open_file(_write(tmp_path / "none.xlsx", _workbook(lambda _: None)))


def test_I11_parquet_keeps_its_types(tmp_path: Path) -> None:
    instant = dt.datetime(2024, 1, 2, 3, 4, 5, 600, tzinfo=dt.UTC)
    table = pa.table(
        {
            "money": pa.array([Decimal("1.2300"), None], pa.decimal128(18, 4)),
            "at": pa.array([instant, None], pa.timestamp("us", tz="UTC")),
            "kind": pa.array(["nps", "csat"]).dictionary_encode(),
            "large": pa.array(["ü", ""], pa.large_string()),
            "who": pa.array([{"name": "Ann", "n": [1, 2]}, None]),
            "tags": pa.array([["a", "ü"], []]),
            "raw": pa.array([b"text", b"\xff\x00"]),
            "n": pa.array([1, None], pa.int32()),
            " n": pa.array([True, False]),
            "on": pa.array([dt.date(2024, 1, 2), None]),
        }
    )
    for name, packing in (("t.parquet", None), ("t.parquet.gz", gzip.compress)):
        path = tmp_path / name
        pq.write_table(table, tmp_path / "plain")
        data = (tmp_path / "plain").read_bytes()
        file = open_file(_write(path, packing(data) if packing else data))
        [batch] = file.batches()
        assert file.format.kind == "parquet"
        assert batch.schema == file.schema
        assert batch.schema.types == [
            pa.int64(), pa.decimal128(18, 4), pa.timestamp("us", tz="UTC"), pa.string(), pa.string(), pa.string(),
            pa.string(), pa.string(), pa.int32(), pa.bool_(), pa.date32(),
        ]  # fmt: skip
        assert batch.to_pylist() == [
            {"__row": 1, "money": Decimal("1.2300"), "at": instant, "kind": "nps", "large": "ü",
             "who": '{"name": "Ann", "n": [1, 2]}', "tags": '["a", "ü"]', "raw": "text", "n": 1, "n_2": True,
             "on": dt.date(2024, 1, 2)},
            {"__row": 2, "money": None, "at": None, "kind": "csat", "large": "", "who": None, "tags": "[]",
             "raw": "ff00", "n": None, "n_2": False, "on": None},
        ]  # fmt: skip


def test_I11_renames_are_told(tmp_path: Path) -> None:
    path = _write(tmp_path / "r.csv", b"a, b,a,\n1,2,3,4\n")
    assert [(one.position, one.was, one.now) for one in open_file(path).renames] == [
        (2, " b", "b"), (3, "a", "a_2"), (4, "", "column_4"),
    ]  # fmt: skip


def test_preview_shows_the_beginning(tmp_path: Path) -> None:
    path = _write(tmp_path / "p.csv", b"a,b\n" + b"".join(b"%d,x\n" % n for n in range(50)) + b"1\n")
    page = fields(path)
    assert page.columns == ("a", "b")
    assert page.rows == [{"a": str(n), "b": "x"} for n in range(20)]
    page = fields(_write(tmp_path / "p.jsonl", b'{"a": 1}\nx\n{"b": 2}\n'))
    assert page.columns == ("a", "b")
    assert page.rows == [{"a": "1", "b": None}, {"a": None, "b": "2"}]
    assert [bad.row for bad in page.bad_rows] == [2]
