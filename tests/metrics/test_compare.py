"""What a change is: against which period, with whom on both sides, and when it is marked."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from wellheard.base.periods import Grain, Period
from wellheard.metrics.compare import earlier

MARKS = ("previous", "change", "change_low", "change_high", "p", "moved")


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("start", "end", "grain", "how", "before"),
    [
        ("2026-03-30", "2026-03-31", Grain.DAY, "previous", ("2026-03-29", "2026-03-30")),
        ("2026-03-02", "2026-03-09", Grain.WEEK, "previous", ("2026-02-23", "2026-03-02")),
        ("2026-03-01", "2026-04-01", Grain.MONTH, "previous", ("2026-02-01", "2026-03-01")),
        ("2026-01-01", "2026-04-01", Grain.QUARTER, "previous", ("2025-10-01", "2026-01-01")),
        ("2026-01-01", "2027-01-01", Grain.YEAR, "previous", ("2025-01-01", "2026-01-01")),
        ("2024-02-29", "2024-03-01", Grain.DAY, "year", ("2023-02-28", "2023-03-01")),
        ("2026-03-02", "2026-03-09", Grain.WEEK, "year", ("2025-03-03", "2025-03-10")),
        ("2026-03-01", "2026-04-01", Grain.MONTH, "year", ("2025-03-01", "2025-04-01")),
        ("2026-01-01", "2026-04-01", Grain.QUARTER, "year", ("2025-01-01", "2025-04-01")),
        ("2026-01-01", "2027-01-01", Grain.YEAR, "year", ("2025-01-01", "2026-01-01")),
        ("2026-03-01", "2026-05-01", None, "previous", ("2026-01-01", "2026-03-01")),
        ("2026-03-02", "2026-03-12", None, "previous", ("2026-02-20", "2026-03-02")),
        ("2026-03-02", "2026-03-12", None, "year", ("2025-03-02", "2025-03-12")),
    ],
)
def test_the_period_before(start: str, end: str, grain: Grain | None, how: str, before: tuple[str, str]) -> None:
    assert earlier(Period(day(start), day(end)), grain, how) == Period(day(before[0]), day(before[1]))


def answers(seed: int, people: int, months: dict[str, float], kind: str = "nps") -> list[dict[str, Any]]:
    """Answers of people who answer once a month, alike from month to month; `months` say how many are lost of each."""
    rng = np.random.default_rng(seed)
    mood = rng.normal(size=people)
    rows = []
    for number, (month, shift) in enumerate(months.items()):
        for person in range(number % 3, people):
            score = int(np.clip(round(8 + 2 * mood[person] + rng.normal() * 0.7 + shift), 0, 10))
            rows.append({
                "source_id": f"{month}-{person}", "kind": kind, "score": score, "customer_id": f"c{person}",
                "answered_at": f"{month}-{1 + person % 27:02d}T12:00:00Z", "channel": "mail" if person % 2 else "chat",
            })  # fmt: skip
    return rows


MONTHS = {"2025-01": 0, "2025-02": 0.1, "2025-03": -3, "2025-05": 0, "2026-01": -0.2, "2026-02": 0, "2026-03": 0.1}


@pytest.fixture(scope="module")
def asked(new_desk: Any) -> Any:
    desk = new_desk()
    desk.deliver({"survey_responses": answers(1, 60, MONTHS)})
    return desk


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = pd.DataFrame(answers(1, 60, MONTHS))
    rows["month"] = rows["answered_at"].str[:7]
    rows["net"] = (rows["score"] >= 9).astype(float) - (rows["score"] <= 6)
    return rows


def net_limits(x: pd.Series) -> tuple[float, float, float]:
    """Adjusted Wald of one answer a person, straight from the paper: three answers more, ¾ good and ¾ bad."""
    n, good, bad = len(x), (x > 0).sum(), (x < 0).sum()
    p, q = (good + 0.75) / (n + 3), (bad + 0.75) / (n + 3)
    half = stats.norm.ppf(0.975) * np.sqrt((p + q - (p - q) ** 2) / (n + 3))
    return x.mean(), p - q - half, p - q + half


def by_hand(now: pd.Series, then: pd.Series) -> tuple[float, float, float]:
    """The difference of two nets by MOVER; both series are indexed by person."""
    (a, la, ua), (b, lb, ub) = net_limits(now), net_limits(then)
    both = now.index.intersection(then.index)
    errors = (now[both] - a) * (then[both] - b)
    rho = errors.sum() / np.sqrt(((now - a) ** 2).sum() * ((then - b) ** 2).sum())
    low = a - b - np.sqrt((a - la) ** 2 + (ub - b) ** 2 - 2 * rho * (a - la) * (ub - b))
    high = a - b + np.sqrt((ua - a) ** 2 + (b - lb) ** 2 - 2 * rho * (ua - a) * (b - lb))
    return 100 * (a - b), 100 * low, 100 * high


def people(frame: pd.DataFrame, month: str, channel: str | None = None) -> pd.Series:
    rows = frame[(frame["month"] == month) & ((frame["channel"] == channel) | (channel is None))]
    return rows.set_index("customer_id")["net"]


@pytest.mark.parametrize(("how", "before"), [("previous", "2026-02"), ("year", "2025-03")])
def test_people_on_both_sides_narrow_the_interval_as_computed_by_hand(
    asked: Any, frame: pd.DataFrame, how: str, before: str
) -> None:
    row = next(r for r in asked.kpi("nps", grain="month", compare=how) if r["period_start"] == "2026-03-01")
    now, then = people(frame, "2026-03"), people(frame, before)
    change, low, high = by_hand(now, then)
    assert row["previous"] == pytest.approx(100 * then.mean(), abs=1e-9)
    assert (row["change"], row["change_low"], row["change_high"]) == pytest.approx((change, low, high), abs=1e-9)
    strangers = then.rename(index=lambda name: name + "'")
    _, wide_low, wide_high = by_hand(now, strangers)
    assert high - low < 0.8 * (wide_high - wide_low)


@pytest.mark.slow
def test_a_whole_range_and_its_groups_are_compared_alike(asked: Any, frame: pd.DataFrame) -> None:
    whole = asked.one("nps", start="2026-03-01", end="2026-04-01", compare="previous")
    month = next(r for r in asked.kpi("nps", grain="month", compare="previous") if r["period_start"] == "2026-03-01")
    assert [whole[k] for k in MARKS[:4]] == [month[k] for k in MARKS[:4]]
    for row in asked.kpi("nps", start="2026-03-01", end="2026-04-01", compare="year", by=["channel"]):
        expected = by_hand(people(frame, "2026-03", row["channel"]), people(frame, "2025-03", row["channel"]))
        assert (row["change"], row["change_low"], row["change_high"]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("grain", [g.value for g in Grain])
@pytest.mark.parametrize("how", ["previous", "year"])
def test_every_grain_finds_its_own_earlier_value(asked: Any, grain: str, how: str) -> None:
    plain = {row["period_start"]: row["value"] for row in asked.kpi("nps", grain=grain)}
    seen = 0
    for row in asked.kpi("nps", grain=grain, compare=how):
        period = Period(day(row["period_start"]), day(row["period_end"]))
        expected = plain.get(earlier(period, Grain(grain), how).start.isoformat())
        assert row["previous"] == expected
        assert (row["change"] is None) == (row["value"] is None or expected is None)
        if row["change"] is not None:
            assert row["change"] == pytest.approx(row["value"] - row["previous"], abs=1e-9)
            seen += 1
    assert seen


@pytest.mark.slow
def test_a_mark_needs_the_adjusted_p(asked: Any) -> None:
    rows = asked.kpi("nps", grain="month", compare="previous", start="2025-01-01", end="2026-04-01")
    tested = sorted((row["p"], i) for i, row in enumerate(rows) if row["p"] is not None)
    adjusted, worst = {}, 0.0
    for rank, (p, i) in enumerate(tested):
        worst = max(worst, min(1.0, p * (len(tested) - rank)))
        adjusted[i] = worst
    expected = [
        None if adjusted.get(i, 1) > 0.05 else "up" if row["change"] > 0 else "down" for i, row in enumerate(rows)
    ]
    assert [row["moved"] for row in rows] == expected
    assert "down" in expected
    for row in rows:  # the plain p and the drawn interval say the same
        if row["p"] is not None:
            assert (row["p"] <= 0.05) == (row["change_low"] > 0 or row["change_high"] < 0)


@pytest.mark.slow
def test_a_lone_difference_is_lost_among_many(desk: Any) -> None:
    rows = []
    for channel in range(20):
        for month in ("2026-01", "2026-02"):
            good = 66 if (channel, month) == (0, "2026-02") else 50
            rows += [
                {"source_id": f"{channel}-{month}-{i}", "kind": "csat", "score": 5 if i < good else 1,
                 "channel": f"ch{channel}", "answered_at": f"{month}-05T10:00:00Z"}
                for i in range(100)
            ]  # fmt: skip
    desk.deliver({"survey_responses": rows})
    february = {"start": "2026-02-01", "end": "2026-03-01", "compare": "previous"}
    alone = desk.one("csat", where="channel = 'ch0'", **february)
    among = next(r for r in desk.kpi("csat", by=["channel"], **february) if r["channel"] == "ch0")
    assert alone["p"] == among["p"] <= 0.05
    assert (alone["moved"], among["moved"]) == ("up", None)
    assert [alone[k] for k in ("change", "change_low", "change_high")] == [
        among[k] for k in ("change", "change_low", "change_high")
    ]


@pytest.mark.slow
def test_a_change_of_a_quantile_has_limits_and_a_p(desk: Any) -> None:
    rng = np.random.default_rng(3)
    rows = [
        {"source_id": f"{m}-{i}", "opened_at": f"2026-{m:02d}-05T10:00:00Z", "opened_by": "customer",
         "first_response_seconds": float(np.round(scale * rng.lognormal()))}
        for m, scale in ((1, 600), (2, 600), (3, 3000)) for i in range(200)
    ]  # fmt: skip
    desk.deliver({"conversations": rows})
    found = {row["period_start"]: row for row in desk.kpi("first_response_time", grain="month", compare="previous")}
    times = pd.DataFrame(rows).assign(month=lambda f: f["opened_at"].str[:7]).groupby("month")["first_response_seconds"]
    for month, before in (("2026-02", "2026-01"), ("2026-03", "2026-02")):
        row = found[f"{month}-01"]
        a, b = np.sort(times.get_group(month)), np.sort(times.get_group(before))
        low, high = stats.binom.ppf([0.025, 0.975], 200, 0.5).astype(int) + np.array([-1, 0])
        now, then = np.median(a), np.median(b)
        reach = np.sqrt([(now - a[low]) ** 2 + (b[high] - then) ** 2, (a[high] - now) ** 2 + (then - b[low]) ** 2])
        assert (row["low"], row["high"]) == (a[low], a[high])
        assert row["change"] == pytest.approx(now - then, abs=1e-9)
        assert (row["change_low"], row["change_high"]) == pytest.approx(
            (now - then - reach[0], now - then + reach[1]), abs=1e-9
        )
        assert (row["p"] <= 0.05) == (row["change_low"] > 0 or row["change_high"] < 0)
    assert (found["2026-02-01"]["moved"], found["2026-03-01"]["moved"]) == (None, "up")


@pytest.mark.slow
def test_nothing_before_is_no_change(asked: Any) -> None:
    first = asked.kpi("nps", grain="month", compare="previous")[0]
    assert [first[k] for k in MARKS] == [None] * 6
    gap = next(r for r in asked.kpi("nps", grain="month", compare="previous") if r["period_start"] == "2025-04-01")
    assert gap["previous"] is not None
    assert [gap[k] for k in MARKS[1:]] == [None] * 5


@pytest.mark.slow
def test_cohorts_are_compared_with_the_same_people_on_both_sides(desk: Any) -> None:
    spans = [("2025-01-01", None)] * 60 + [("2025-01-01", "2026-01-20")] * 5 + [("2025-01-01", "2026-02-20")] * 20
    desk.deliver({"subscriptions": [
        {"source_id": str(i), "customer_id": str(i), "mrr": 10, "currency": "EUR", "started_at": s, "ended_at": e}
        for i, (s, e) in enumerate(spans)
    ]})  # fmt: skip
    rows = {r["period_start"]: r for r in desk.kpi(
        "churn_rate", grain="month", compare="previous", start="2026-01-01", end="2026-03-01")}  # fmt: skip
    january, february = rows["2026-01-01"], rows["2026-02-01"]
    assert (january["n"], february["n"]) == (85, 80)
    assert february["previous"] == pytest.approx(100 * 5 / 85)
    assert february["change"] == pytest.approx(25 - 100 * 5 / 85)
    assert february["moved"] == "up"
