"""Every row of a file is in or set aside with its reason: broken rows, drifting columns, money, personal columns."""

from __future__ import annotations

import csv
import json
import os
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from wellheard.app import ImportCall, Workspace
from wellheard.base.errors import BadInput
from wellheard.warehouse.load import Report

LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))
BROKEN = 10_000 if LONG else 1_000
COLUMNS = ["source_id", "updated_at", "kind", "score", "scale_min", "scale_max", "answered_at", "asked_at", "complete",
           "comment", "deleted", "attributes.n"]  # fmt: skip
ODD = [
    '', ' ', '-', 'null', 'NaN', 'inf', '-inf', '1e999', '9007199254740993', '1_000', '0x1F', '1,5', '\u0663',
    'true', 'TRUE', 'maybe', '2025-02-30', '2025-13-01T00:00:00Z', '2025-01-01T25:00:00Z', '31/12/2025',
    '0000-00-00', '9999-12-31', '294247-01-10', '-1', '99999999999999999999', "'; drop table x; --", '"', '""',
    'a\nb', 'a\r\nb', '\u202e', '\ud7ff', '\U0001f600', '\x1f', '\x07', "x" * 3000, '=1+1', 'nps', 'NPS ',
    'csat', '2025-06-01 10:00', '10', '3.0', '{}', '[1]',
]  # fmt: skip
text = st.one_of(st.sampled_from(ODD), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12))
few_rows = st.lists(st.lists(text, min_size=len(COLUMNS) - 1, max_size=len(COLUMNS) + 1), min_size=20, max_size=20)


def broken_rows() -> list[list[str]]:
    """As many rows as wanted, of anything."""
    found: list[list[str]] = []

    @seed(11)
    @settings(
        max_examples=BROKEN // 20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(few_rows)
    def collect(rows: list[list[str]]) -> None:
        found.extend(rows)

    collect()
    return found


def total(report: Report) -> int:
    return report.unreadable + sum(
        c.new + c.changed + c.unchanged + c.older + c.repeated + c.rejected for c in report.tables
    )


def reject_rows(report: Report) -> list[dict[str, str]]:
    if report.rejects_file is None:
        return []
    csv.field_size_limit(1 << 30)
    with report.rejects_file.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_i7_broken_rows_are_loaded_or_set_aside(bench: Any) -> None:
    rows = broken_rows()
    assert len(rows) >= BROKEN
    half = len(COLUMNS) - 1
    rng = random.Random(1)
    # Rows that are right but for some cells, too: else few get past the first thing that is wrong.
    good = ["k", "2025-01-01", "nps", "7", "0", "10", "2025-01-02", "2025-01-01 10:00", "true", "fine", "false", "y"]
    for number, row in enumerate(rows):
        if number % 2:
            cells = [bad if rng.random() < 0.15 else right for bad, right in zip(row, good, strict=False)]
            rows[number] = [
                f"k{number}" if cells[0] == "k" else cells[0],
                *cells[1:],
                *["" for _ in cells[half + 1 :]],
            ][: half + 1]
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        path = bench.folder / "broken.csv"
        with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
            writer = csv.writer(file, quoting=csv.QUOTE_ALL)
            writer.writerow(COLUMNS)
            writer.writerows(part)
        call = ImportCall(
            paths=(path,), table="survey_responses", delimiter=",", encoding="utf-8", tz="UTC",
            date_formats={"asked_at": "%Y-%m-%d %H:%M", "answered_at": "%Y-%m-%d", "updated_at": "%Y-%m-%d"},
        )  # fmt: skip
        before = len(bench.rows("survey_responses"))
        report = bench.workspace.import_files(call)
        assert total(report) == len(part)
        (counts,) = report.tables
        assert len(bench.rows("survey_responses")) - before == counts.new
        assert counts.new
        aside = reject_rows(report)
        assert len(aside) == report.rejected > 0
        assert all(row["reason"] and row["row"] and row["file"] == "broken.csv" for row in aside)


def test_rejects_name_file_row_column_and_hold_the_content(bench: Any) -> None:
    rows = [
        {"source_id": "a", "kind": "nps", "nps_score": "7", "when": "2025-01-02", "note": "fine"},
        {"source_id": "b", "kind": "nps", "nps_score": "seven", "when": "2025-01-02", "note": "words"},
        {"source_id": "", "kind": "nps", "nps_score": "7", "when": "2025-01-02", "note": ""},
        {"source_id": "c", "kind": "joy", "nps_score": "7", "when": "2025-01-02", "note": ""},
        {"source_id": "d", "kind": "nps", "nps_score": "11", "when": "2025-01-02", "note": ""},
        {"source_id": "e", "kind": "nps", "nps_score": "7", "when": "2025-02-30", "note": ""},
        {"source_id": "f", "kind": "", "nps_score": "7", "when": "2025-01-02", "note": ""},
    ]
    report = bench.take(
        "survey_responses", rows, mapping={"score": "nps_score", "answered_at": "when", "comment": "note"}
    )
    aside = {int(row["row"]): row for row in reject_rows(report)}
    assert {n: row["reason"] for n, row in aside.items()} == {
        2: "nps_score: 'seven' is not a number (a decimal comma needs --decimal ,)",
        3: "source_id is missing",
        4: "kind 'joy' is none of nps, csat, ces, emotion, intent, fcr, custom",
        5: "score 11.0 is outside its scale 0.0 to 10.0",
        6: "when: '2025-02-30' is not a date or time",
        7: "kind is missing",
    }
    assert {row["table"] for row in aside.values()} == {"survey_responses"}
    assert json.loads(aside[2]["content"]) == {**rows[1]}
    assert report.tables[0].new == 1
    assert dict(report.reasons) == {row["reason"]: 1 for row in aside.values()}


def test_i7_columns_that_come_go_and_change(bench: Any) -> None:
    row = {"source_id": "k", "kind": "nps", "score": "7", "updated_at": "2025-01-01"}
    bench.take("survey_responses", [row], source="s")
    wider = bench.take("survey_responses", [{**row, "unheard_of": "x", "language": ""}], source="s")
    assert wider.tables[0].unchanged == 1  # a column that says nothing changes nothing
    narrower = bench.take("survey_responses", [{k: v for k, v in row.items() if k != "score"}], source="s")
    assert narrower.tables[0].unchanged + narrower.tables[0].older + narrower.tables[0].changed == 1
    changed = bench.take("survey_responses", [{**row, "source_id": "l", "score": "good"}, {**row, "source_id": "m"}])
    assert (changed.rejected, changed.tables[0].new) == (1, 1)
    with pytest.raises(BadInput, match="reads the column 'points', which the file does not have"):
        bench.take("survey_responses", [row], mapping={"score": "points"})


def test_i7_values_at_the_edge(bench: Any) -> None:
    path = bench.folder / "edge.csv"
    million = "x" * 1_000_000
    lines = [
        b"source_id,kind,score,question_version,comment",
        b"a,nps,9007199254740993,v,whole",
        b"b,nps,NaN,v,",
        b"c,nps,7,v,has\0nul",
        b"d,nps,7,v,lone \xed\xa0\x80 surrogate",
        b"e,nps,7,v," + million.encode(),
        b"f,nps,7,v",
        b"g,nps,7,v,fine",
    ]
    path.write_bytes(b"\n".join(lines) + b"\n")
    call = ImportCall(paths=(path,), table="survey_responses", delimiter=",", encoding="utf-8")
    report = bench.workspace.import_files(call)
    assert total(report) == 7
    reasons = {int(row["row"]): row["reason"] for row in reject_rows(report)}
    assert sorted(reasons) == [1, 2, 3, 4, 6]
    assert "NUL" in reasons[3]
    assert "not utf-8" in reasons[4]
    assert "fields" in reasons[6]
    found = {r["source_id"]: r for r in bench.rows("survey_responses")}
    assert sorted(found) == ["e", "g"]
    comments = {r["id"]: r["comment"] for r in bench.rows("survey_responses", "personal")}
    assert comments[found["e"]["id"]] == million


def test_i7_whole_numbers_are_exact_or_refused(bench: Any) -> None:
    good = {"a": "9007199254740993", "b": "7.0", "c": "+3", "d": "1e3", "e": "-4"}
    bad = {"f": "1.5", "g": "9007199254740993.4", "h": "1e30", "i": "99999999999999999999"}
    rows = [{"source_id": k, "reopen_count": v, "opened_at": "2025-01-01"} for k, v in {**good, **bad}.items()]
    report = bench.take("conversations", rows)
    found = {r["source_id"]: r["reopen_count"] for r in bench.rows("conversations")}
    expected = {"a": 9007199254740993, "b": 7, "c": 3, "d": 1000}
    assert {k: found.get(k) for k in expected} == expected
    assert not set(bad) & set(found)
    assert report.rejected == 5  # and a negative count


TWO_DIGITS = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD
    CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
    GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR
    RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
    TZS UAH USD USN UYU UZS VED VES WST XCD YER ZAR ZMW ZWG
"""
NO_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"


def _exponents() -> dict[str, int]:
    """Active ISO 4217 currencies with a minor unit; two digits where not said."""
    two = TWO_DIGITS.split()
    none = NO_DIGITS.split()
    three = THREE_DIGITS.split()
    return dict.fromkeys(two, 2) | dict.fromkeys(none, 0) | dict.fromkeys(three, 3) | {"CLF": 4, "UYW": 4}


def test_i10_every_currency_round_trips_exactly(bench: Any) -> None:
    rng = random.Random(3)
    amounts = {}
    for currency, exponent in _exponents().items():
        amounts[currency] = Decimal(rng.randint(1, 10**13)).scaleb(-exponent)
        amounts[currency + "-small"] = Decimal(1).scaleb(-exponent)
    rows = [
        {"source_id": k, "revenue": f"{v:f}", "currency": k[:3], "ordered_at": "2025-01-01"} for k, v in amounts.items()
    ]
    report = bench.take("orders", rows)
    assert not report.rejected
    assert {r["source_id"]: r["revenue"] for r in bench.rows("orders")} == amounts


def test_i10_amounts_that_do_not_fit_are_refused_not_rounded(bench: Any) -> None:
    given_ = ["0.00001", "1.23456", "123456789012345678", "1e20", "12,50", "€5", "--1", "1.2.3"]
    rows = [{"source_id": str(n), "revenue": v} for n, v in enumerate(given_)]
    report = bench.take("orders", rows)
    assert report.rejected == len(given_)
    comma = bench.take(
        "orders", [{"source_id": "c", "revenue": "1.234,50"}, {"source_id": "d", "revenue": "1.5"}], decimal=","
    )
    assert comma.rejected == 1  # a point that parts no thousands is not swallowed
    assert [r["revenue"] for r in bench.rows("orders")] == [Decimal("1234.5000")]


def test_i10_sum_of_a_million_amounts_is_exact(bench: Any) -> None:
    count = 1_000_000 if LONG else 100_000
    rng = random.Random(8)
    cents = [rng.randint(-(10**9), 10**9) for _ in range(count)]
    table = pa.table(
        {
            "source_id": [str(n) for n in range(count)],
            "revenue": pa.array([Decimal(c).scaleb(-4) for c in cents], pa.decimal128(18, 4)),
        }
    )
    pq.write_table(table, bench.folder / "m.parquet")
    report = bench.workspace.import_files(ImportCall(paths=(bench.folder / "m.parquet",), table="orders"))
    assert not report.rejected
    found = bench.workspace.lake.con.execute("select sum(revenue) from facts.main.orders").fetchone()[0]
    assert found == Decimal(sum(cents)).scaleb(-4)


@pytest.mark.parametrize("rows", [3, 1500])
def test_personal_columns_never_reach_the_lake_of_facts(bench: Any, rows: int) -> None:
    """Their bytes are looked for in every file and in the catalog, with small writes kept in it and with large ones."""
    secret = "Zyx7Secret"
    bench.take(
        "survey_responses",
        [
            {"source_id": f"r{i}", "kind": "nps", "score": 3, "comment": f"{secret}{i}", "channel": f"Public{i}"}
            for i in range(rows)
        ],
    )
    bench.take(
        "customers",
        [{"source_id": f"c{i}", "name": f"{secret} name {i}", "email": f"{secret}{i}@x.example"} for i in range(rows)],
    )
    folder: Path = bench.workspace.folder
    con = bench.workspace.lake.con
    bench.workspace.close()
    public, private = _bytes(folder, "facts"), _bytes(folder, "personal")
    assert b"Public1" in public
    assert secret.encode() not in public
    assert secret.encode() in private
    del con


def _bytes(folder: Path, lake: str) -> bytes:
    """Everything a lake holds: its catalog as it lies, and its Parquet files unpacked."""
    found = [path.read_bytes() for path in folder.glob(f"{lake}.sqlite*")]
    for path in (folder / lake).rglob("*.parquet"):
        table = pq.read_table(path)
        found += [path.read_bytes(), repr(table.to_pylist()).encode(), repr(table.schema).encode()]
    return b"\n".join(found)


def test_home_is_made_on_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WELLHEARD_HOME", str(tmp_path / "a" / "b"))
    with Workspace() as workspace:
        assert workspace.home == tmp_path / "a" / "b"
        assert set(workspace.counts().values()) == {0}
    assert (tmp_path / "a" / "b" / "workspaces" / "main" / "format").exists()


def test_dry_run_changes_nothing_and_counts_the_same(benches: Callable[[str], Any]) -> None:
    bench = benches("home")
    rows = [{"source_id": "a", "kind": "nps", "score": "3"}, {"source_id": "b", "kind": "nps", "score": "x"}]
    state = bench.state()
    dry = bench.take("survey_responses", rows, dry_run=True)
    assert dry.import_id is None
    assert dry.rejects_file is None
    assert bench.state() == state
    assert bench.workspace.imports() == []
    real = bench.take("survey_responses", rows)
    assert real.tables == dry.tables
    assert real.reasons == dry.reasons
