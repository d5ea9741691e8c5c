"""How instants are read out of text, against Python's own zones; what is ambiguous is never guessed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from wellheard.app import ImportCall
from wellheard.base.errors import Ambiguous, BadCall
from wellheard.tables.catalogue import table
from wellheard.tables.table import Type

QUICK = ["Europe/Berlin", "Australia/Lord_Howe"]  # an hour and half an hour
USUAL = [*QUICK, "America/Santiago"]  # whose days begin where the clocks skip midnight
ZONES = [*QUICK, "Europe/London", "America/New_York", "America/St_Johns", "America/Los_Angeles", "Pacific/Auckland",
         "America/Santiago"]  # fmt: skip
WRITTEN: list[tuple[str, Callable[[datetime], str]]] = [
    ("ISO", lambda t: t.strftime("%Y-%m-%d %H:%M:%S")),
    ("day first", lambda t: t.strftime("%d/%m/%Y %H:%M")),
    ("month first, half days", lambda t: t.strftime("%m/%d/%y %I:%M %p")),
    ("named", lambda t: t.strftime("%d %b %Y %H:%M:%S")),
]
COLUMNS = ["opened_at", "first_customer_at", "first_human_reply_at", "closed_at"]


def changes(zone: ZoneInfo, year: int = 2025) -> Iterator[datetime]:
    """The instants of the year at which the zone's offset changes."""
    at = datetime(year, 1, 1, tzinfo=UTC)
    while at.year == year:
        following = at + timedelta(minutes=30)
        if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            yield following
        at = following


def oracle(wall: datetime, zone: ZoneInfo) -> tuple[str, datetime | None, datetime | None]:
    """`once`, `twice` or `never`, with the earlier and the later instant."""
    found = sorted(
        {
            at
            for fold in (0, 1)
            if (at := wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)).astimezone(zone).replace(tzinfo=None)
            == wall
        }
    )
    if not found and wall.time() == time():  # the day begins where the clocks skip its midnight
        found = [wall.replace(tzinfo=zone).astimezone(UTC)]
    if not found:
        return "never", None, None
    return ("once" if len(found) == 1 else "twice"), found[0], found[-1]


@pytest.mark.parametrize(
    "zone", [pytest.param(z, marks=pytest.mark.slow if z in USUAL else pytest.mark.long) for z in ZONES]
)
def test_i9_clock_changes_in_four_ways_of_writing(bench: Any, zone: str) -> None:
    where = ZoneInfo(zone)
    walls = [datetime.fromisoformat(t) for t in ("2025-01-31 12:00", "2025-12-31 23:45")]  # which prove the order, too
    for change in changes(where):
        middle = change.astimezone(where).replace(tzinfo=None, minute=0)
        walls += [middle + timedelta(minutes=15 * step) for step in range(-16, 17)]
    assert len(walls) == 2 + 2 * 33
    shift = ZONES.index(zone) % 4
    turned = WRITTEN[shift:] + WRITTEN[:shift]
    rows = [
        {"source_id": str(n), **{c: write(wall) for c, (_, write) in zip(COLUMNS, turned, strict=True)}}
        for n, wall in enumerate(walls)
    ]
    report = bench.take("conversations", rows, tz=zone)
    expected = {str(n): oracle(wall, where) for n, wall in enumerate(walls)}
    kinds = [kind for kind, _, _ in expected.values()]
    assert kinds.count("twice") >= 2
    assert kinds.count("never") >= 2
    found = {row["source_id"]: row for row in bench.rows("conversations")}
    assert set(found) == {key for key, (kind, _, _) in expected.items() if kind == "once"}
    for key, row in found.items():
        assert {row[c].astimezone(UTC) for c in COLUMNS} == {expected[key][1]}, rows[int(key)]
    assert report.rejected == kinds.count("twice") + kinds.count("never")
    reasons = dict(report.reasons)
    assert sum(n for why, n in reasons.items() if "happened twice" in why and "--fold earlier" in why) == kinds.count(
        "twice"
    )
    assert sum(n for why, n in reasons.items() if "does not exist" in why) == kinds.count("never")
    for fold, side in (("earlier", 1), ("later", 2)):
        bench.take("conversations", rows, tz=zone, fold=fold, source=fold)
        kept = {r["source_id"]: r for r in bench.rows("conversations") if r["source"] == fold}
        assert set(kept) == {key for key, (kind, _, _) in expected.items() if kind != "never"}
        for key, row in kept.items():
            assert {row[c].astimezone(UTC) for c in COLUMNS} == {expected[key][side]}, (fold, rows[int(key)])


WAYS = [
    ("2025-03-04T05:06:07Z", "2025-03-04T05:06:07"),
    ("2025-03-04T05:06:07.123456+02:00", "2025-03-04T03:06:07.123456"),
    ("2025-03-04 05:06:07-0330", "2025-03-04T08:36:07"),
    ("2025-03-04 05:06:07+05", "2025-03-04T00:06:07"),
    ("2025-03-04 05:06", "2025-03-04T04:06:00"),
    ("  2025-03-04 05:06:07  ", "2025-03-04T04:06:07"),
    ("2025-03-04", "2025-03-03T23:00:00"),
    ("2025/3/4 5:06", "2025-03-04T04:06:00"),
    ("2025-3-4 5:06:07 PM", "2025-03-04T16:06:07"),
    ("2025-03-04 05:06:07,5", "2025-03-04T04:06:07.500000"),
    ("2025-03-04 05:06:07 UTC", "2025-03-04T05:06:07"),
    ("20250304", "2025-03-03T23:00:00"),
    ("1741064767", "2025-03-04T05:06:07"),
    ("1741064767000", "2025-03-04T05:06:07"),
    ("4 Mar 2025 05:06", "2025-03-04T04:06:00"),
    ("March 4, 2025", "2025-03-03T23:00:00"),
    ("25.03.2025 05:06:07", "2025-03-25T04:06:07"),
    ("03/25/2025", "2025-03-24T23:00:00"),
    ("12/31/99", "1999-12-30T23:00:00"),
]


def instant_columns() -> list[str]:
    """The columns of conversations that hold an instant, but for the one that no other may lie before."""
    return [c.name for c in table("conversations").public if c.type is Type.INSTANT and c.name != "opened_at"]


@pytest.mark.slow
@pytest.mark.parametrize("among", [0, 3])
def test_ways_of_writing(bench: Any, among: int) -> None:
    """Each way in a column of its own, alone there and among others: a column's way is found from all its rows."""
    columns = instant_columns()
    for start in range(0, len(WAYS), len(columns)):
        ways = dict(zip(columns, WAYS[start : start + len(columns)], strict=False))
        plain = [{"source_id": str(n), **dict.fromkeys(ways, f"2025-01-{n + 1:02d} 00:00:00")} for n in range(among)]
        row = {"source_id": "x", **{column: written for column, (written, _) in ways.items()}}
        report = bench.take("conversations", [*plain, row], tz="Europe/Berlin", source=f"from {start}")
        assert not report.rejected, report.reasons
        (found,) = [r for r in bench.rows("conversations") if (r["source"], r["source_id"]) == (f"from {start}", "x")]
        for column, (written, instant) in ways.items():
            assert found[column].astimezone(UTC).isoformat() == instant + "+00:00", written


def test_what_is_no_date_is_set_aside(bench: Any) -> None:
    wrong = ["2025-02-30", "2025-13-01", "soon", "25:00", "2025-01-01 25:00", "31/31/2025", "0"]
    columns = dict(zip(instant_columns(), wrong, strict=False))
    assert len(columns) == len(wrong)
    broken = [{"source_id": column, column: written} for column, written in columns.items()]
    report = bench.take("conversations", [*broken, {"source_id": "y", **dict.fromkeys(columns, "2025-01-01")}])
    assert report.rejected == len(wrong)
    assert {why for why, _ in report.reasons} == {f"{c}: '{w}' is not a date or time" for c, w in columns.items()}


def test_ambiguous_order_is_asked_with_both_readings(bench: Any) -> None:
    rows = [{"source_id": "a", "ordered_at": "03/04/2025"}, {"source_id": "b", "ordered_at": "05/06/2025"}]
    with pytest.raises(Ambiguous) as asked:
        bench.take("orders", rows)
    assert "2025-04-03 (day first)" in asked.value.message
    assert "2025-03-04 (month first)" in asked.value.message
    assert "--date-format ordered_at=%d/%m/%Y" in asked.value.hint
    assert bench.workspace.imports() == []
    for form, day in (("%d/%m/%Y", "2025-04-03"), ("%m/%d/%Y", "2025-03-04")):
        bench.take("orders", rows, date_formats={"ordered_at": form}, source=form)
        found = [r["ordered_at"] for r in bench.rows("orders") if r["source"] == form and r["source_id"] == "a"]
        assert [at.date().isoformat() for at in found] == [day]


def test_one_row_settles_the_order_of_the_whole_column(bench: Any) -> None:
    rows = [{"source_id": str(n), "ordered_at": f"03/04/2025 0{n}:00"} for n in range(5)]
    bench.take("orders", [*rows, {"source_id": "z", "ordered_at": "13/04/2025"}])
    assert {r["ordered_at"].date().isoformat() for r in bench.rows("orders")} == {"2025-04-03", "2025-04-13"}


def test_same_day_either_way_needs_no_question(bench: Any) -> None:
    bench.take("orders", [{"source_id": "a", "ordered_at": "04/04/2025"}])
    assert [r["ordered_at"].date().isoformat() for r in bench.rows("orders")] == ["2025-04-04"]


def test_contradicting_orders_are_told(bench: Any) -> None:
    rows = [{"source_id": "a", "ordered_at": "13/04/2025"}, {"source_id": "b", "ordered_at": "04/13/2025"}]
    with pytest.raises(Ambiguous, match=r"only be day first \(13/04/2025\), others only month first \(04/13/2025\)"):
        bench.take("orders", rows)
    report = bench.take("orders", rows, date_formats={"ordered_at": "%d/%m/%Y"})
    assert (report.tables[0].new, report.rejected) == (1, 1)


@pytest.mark.parametrize(
    ("name", "readings"), [("CST", ["America/Chicago", "Asia/Shanghai"]), ("CEST", ["wall-clock time", "fixed offset"])]
)
def test_zone_abbreviation_is_asked(bench: Any, name: str, readings: list[str]) -> None:
    rows = [{"source_id": "a", "ordered_at": f"2025-06-01 10:00 {name}"}]
    with pytest.raises(Ambiguous) as asked:
        bench.take("orders", rows)
    assert all(reading in asked.value.message for reading in readings)
    assert "--tz" in asked.value.hint
    bench.take("orders", rows, tz="Europe/Berlin")
    assert [r["ordered_at"].astimezone(UTC).hour for r in bench.rows("orders")] == [8]


def test_unknown_zone_is_a_bad_call(bench: Any) -> None:
    with pytest.raises(BadCall, match="Mars"):
        bench.take("orders", [{"source_id": "a", "ordered_at": "2025-06-01"}], tz="Mars/Phobos")


@pytest.mark.slow
def test_calendar_days_are_not_moved_between_zones(bench: Any) -> None:
    row = {"source_id": "a", "from_currency": "EUR", "to_currency": "USD", "on_date": "2025-06-01", "rate": "1.1"}
    for number, written in enumerate(["2025-06-01", "01.06.2025", "June 1, 2025"]):
        report = bench.workspace.import_files(
            ImportCall(
                paths=(bench.write([{**row, "source_id": str(number), "on_date": written}]),),
                table="fx_rates",
                tz="Pacific/Auckland",
                date_formats={"on_date": "%d.%m.%Y"} if number == 1 else None,
            )
        )
        assert not report.rejected, report.reasons
    assert {r["on_date"].isoformat() for r in bench.rows("fx_rates")} == {"2025-06-01"}
