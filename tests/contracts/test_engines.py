"""Every KPI and variant gives the same parts on ClickHouse's real engine as on the lake. None is listed here.

Counts are equal; sums of squares and of converted money agree to twelve digits, since engines add in other orders.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ibis
import pytest

from wellheard.base.errors import BadCall, Refused
from wellheard.metrics.bricks import Quantile
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.metric import Metric
from wellheard.metrics.query import query
from wellheard.metrics.question import question
from wellheard.metrics.reader import instant_literal
from wellheard.warehouse.clickhouse import ClickHouse
from wellheard.warehouse.sums import total

pytest.importorskip("chdb", reason="ClickHouse's engine is a development dependency")
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("clickhouse")]

KPIS = list(metrics().values())
SHARE = 30  # of the variants, one in so many is compared in an ordinary run, and all in a long one


def figures() -> Iterator[Any]:
    """Every KPI and variant; those left to the long run are marked."""
    for kpi in KPIS:
        for index, name in enumerate((None, *(variant.name for variant in kpi.variants))):
            usual = index == 0 or index % SHARE == len(kpi.name) % SHARE
            yield pytest.param(kpi, name, id=f"{kpi.name}:{name or ''}", marks=[] if usual else [pytest.mark.long])


def dimension(kpi: Metric) -> str:
    """The dimension by which the KPI's statement by hand splits it, by which the other suite asks as well."""
    first = (Path(__file__).parents[1] / "kpis" / f"{kpi.name}.sql").read_text("utf-8").partition("\n")[0]
    return first.removeprefix("-- by:").strip()


WHOLE = {"start": "2026-02-01", "end": "2026-08-01"}  # half a year with a change of clocks in it
COUNTS = ("n", "units", "pending", "part_positive", "part_negative")
TWELVE_DIGITS = 1e-12


@pytest.fixture(scope="module")
def clickhouse(company: Any) -> Iterator[ClickHouse]:
    """A copy of the made-up company."""
    copy = ClickHouse.in_process()
    copy.copy(company.workspace.lake)
    yield copy
    copy.close()


@pytest.fixture(scope="module")
def nothing(new_desk: Callable[..., Any]) -> Iterator[tuple[Any, ClickHouse]]:
    """An empty lake and its copy."""
    desk, copy = new_desk(), ClickHouse.in_process()
    copy.copy(desk.workspace.lake)
    yield desk, copy
    copy.close()


def ask(of: Any, desk: Any, kpi: Metric, **how: Any) -> list[dict[str, Any]]:
    return query(of, desk.workspace.settings, kpi, question(kpi.name, **how)).to_list()


def exact(kpi: Metric, variant: str | None, row: Mapping[str, Any]) -> set[str]:
    """The columns that hold counts alone, and so must be equal to the last digit."""
    found = {name for name in COUNTS if name in row}
    if type(kpi.asked([variant] if variant else []).brick).__name__ in ("Share", "Net"):
        found |= {name for name in ("part_num", "part_den", "part_nn", "part_nd", "part_dd") if name in row}
    return found


def assert_alike(kpi: Metric, variant: str | None, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    counts = exact(kpi, variant, ours)
    brick = kpi.asked([variant] if variant else []).brick
    limits = () if isinstance(brick, Quantile) else ("low", "high")  # which Python makes of the parts
    for name, value in ours.items():
        if name in ("snapshot", *limits):
            continue
        if name in counts or not isinstance(value, float):
            assert theirs[name] == value, (name, ours, theirs)
        else:
            assert math.isclose(theirs[name], value, rel_tol=TWELVE_DIGITS), (name, ours, theirs)


@pytest.mark.parametrize(("kpi", "variant"), list(figures()))
def test_parts_are_equal(
    kpi: Metric, variant: str | None, company: Any, clickhouse: ClickHouse, told: Callable[..., list[dict[str, Any]]]
) -> None:
    by = dimension(kpi)
    ours = told(kpi, variant, by, "month")
    theirs = ask(clickhouse, company, kpi, by=by, grain="month", variant=variant, **WHOLE)
    if not any(row["n"] or row["pending"] for row in ours):
        pytest.skip("the made-up company has no rows for it")
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert_alike(kpi, variant, one, other)


@pytest.mark.parametrize("kpi", KPIS, ids=lambda kpi: kpi.name)
def test_nothing_is_nothing(kpi: Metric, nothing: tuple[Any, ClickHouse]) -> None:
    desk, copy = nothing
    for row in ask(copy, desk, kpi):
        assert (row["value"], row["low"], row["high"], row["n"], row["pending"]) == (None, None, None, 0, 0)


@pytest.mark.parametrize("name", ["nps", "churn_rate"])
def test_changes_are_equal(name: str, company: Any, clickhouse: ClickHouse) -> None:
    how = {"grain": "month", "compare": "previous", **WHOLE}
    kpi = metrics()[name]
    rows = zip(ask(company.workspace.lake, company, kpi, **how), ask(clickhouse, company, kpi, **how), strict=True)
    for ours, theirs in rows:
        for column in ("value", "previous", "change", "change_low", "change_high", "p"):
            near = None if ours[column] is None else pytest.approx(ours[column], rel=1e-9, abs=1e-9)
            assert theirs[column] == near
        assert theirs["moved"] == ours["moved"]


def test_rows_behind_a_number_are_the_same(company: Any, clickhouse: ClickHouse) -> None:
    how = {"rows": True, **WHOLE}
    ours = ask(company.workspace.lake, company, metrics()["csat"], **how)
    theirs = ask(clickhouse, company, metrics()["csat"], **how)
    key = [(row["id"], row["why"], row["counted"]) for row in ours]
    assert key == [(row["id"], row["why"], row["counted"]) for row in theirs]
    assert len(key) > 100


def test_linked_people_are_one_there_too(new_desk: Callable[..., Any]) -> None:
    desk = new_desk()
    for source in ("crm", "shop"):
        answer = {"source_id": "a", "kind": "nps", "score": 9, "answered_at": "2026-03-05", "customer_id": "1"}
        desk.deliver(
            {"customers": [{"source_id": "1", "email": "ann@x.example"}], "survey_responses": [answer]}, source
        )
    copy = ClickHouse.in_process()
    try:
        copy.copy(desk.workspace.lake)
        (row,) = ask(copy, desk, metrics()["nps"])
        assert (row["n"], row["units"]) == (2, 1)
    finally:
        copy.close()


# --- traps that give wrong numbers without an error -------------------------------------------------------------------


def test_a_join_without_a_match_gives_null(clickhouse: ClickHouse) -> None:
    t = clickhouse.table("customers")
    other = t.select(key=t.id + "x", number=ibis.literal(1), words=t.source)
    joined = t.left_join(other, t.id == other.key)
    row = clickhouse.backend.to_pyarrow(joined.aggregate(n=joined.number.count(), s=joined.words.count())).to_pylist()[
        0
    ]
    assert row == {"n": 0, "s": 0}


def test_durations_are_exact(clickhouse: ClickHouse) -> None:
    first = datetime(2026, 3, 29, 0, 59, 59, 900_000, tzinfo=UTC)
    later = first + timedelta(seconds=1, microseconds=200_001)
    length = instant_literal(later).delta(instant_literal(first), unit="microsecond")
    assert clickhouse.backend.to_pyarrow(length).as_py() == 1_200_001


def test_a_sum_of_nothing_is_null_and_small_numbers_are_not_lost(clickhouse: ClickHouse) -> None:
    t = ibis.range(0, 100_001).unnest().name("i").as_table()
    x = ibis.ifelse(t.i == 0, 1e16, 1.0)
    none: Any = total(x, t.i < 0)
    row = clickhouse.backend.to_pyarrow(t.aggregate(all=total(x), none=none)).to_pylist()[0]
    assert row == {"all": 1e16 + 100_000, "none": None}


def test_what_was_not_copied_is_refused(clickhouse: ClickHouse) -> None:
    with pytest.raises(Refused, match="personal"):
        clickhouse.table("customers", private=True)
    with pytest.raises(BadCall, match="snapshot"):
        clickhouse.table("customers", as_of=clickhouse.snapshot() - 1)
