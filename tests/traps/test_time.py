"""Where figures go wrong over time elsewhere, by name: parts of days, unfinished periods, holidays, changed hours."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

OPENED = {"opened_by": "customer"}


def _answers(days: int, scores: tuple[int, ...]) -> list[dict[str, Any]]:
    """One answer a customer and day: each customer always gives the same score."""
    return [
        {
            "source_id": f"{who}-{day}",
            "kind": "nps",
            "score": score,
            "customer_id": f"c{who}",
            "answered_at": f"2026-03-{day + 1:02d}T10:00:00Z",
        }
        for day in range(days)
        for who, score in enumerate(scores)
    ]


def test_daily_unit_parts_are_never_added(desk: Any) -> None:
    """Forty people who say the same on thirty days are forty people, not twelve hundred."""
    desk.deliver({"survey_responses": _answers(30, (10,) * 20 + (0,) * 20)})
    days = desk.kpi("nps", grain="day", start="2026-03-01", end="2026-03-31")
    (month,) = desk.kpi("nps", grain="month", start="2026-03-01", end="2026-04-01")
    assert [row["units"] for row in days] == [40] * 30
    assert (month["n"], month["units"]) == (1200, 40)
    assert sum(row["part_den"] for row in days) == month["part_den"]  # parts of rows add up over days
    assert sum(row["part_nn"] for row in days) == month["part_nn"] / 30  # parts of units do not
    # The month tells no more of these people than one day does; as 1,200 rows it would be 5.5 times surer.
    assert month["high"] - month["low"] == pytest.approx(days[0]["high"] - days[0]["low"], rel=0.1)


def test_the_partial_period_is_marked(desk: Any) -> None:
    desk.deliver({"survey_responses": _answers(12, (10, 0))})
    february = {"source_id": "f", "kind": "nps", "score": 9, "answered_at": "2026-02-10"}
    desk.deliver({"survey_responses": [february]})
    rows = desk.kpi("nps", grain="month")
    assert [(row["period_start"], row["partial"]) for row in rows] == [("2026-02-01", True), ("2026-03-01", True)]
    march = {"source_id": "m", "kind": "nps", "score": 9, "answered_at": "2026-03-31T22:00:00Z"}
    desk.deliver({"survey_responses": [march]})
    rows = desk.kpi("nps", grain="month", start="2026-02-01", end="2026-04-01")
    assert [row["partial"] for row in rows] == [False, False]
    assert [row["partial"] for row in desk.kpi("nps", grain="month", start="2026-02-01", end="2026-03-15")] == [
        False,
        True,
    ]


def test_open_cases_are_censored_in_km_and_pending_elsewhere(desk: Any) -> None:
    """Two are answered after an hour, two wait since days: half are done by an hour, and more nobody knows."""
    answered = [
        {**OPENED, "source_id": f"a{i}", "opened_at": f"2026-03-0{1 + i}T10:00:00Z", "first_response_seconds": 3600}
        for i in range(2)
    ]
    waiting = [{**OPENED, "source_id": f"w{i}", "opened_at": f"2026-03-0{1 + i}T10:00:00Z"} for i in range(2)]
    last = {**OPENED, "source_id": "z", "opened_at": "2026-03-20T10:00:00Z", "spam": True}
    desk.deliver({"conversations": [*answered, *waiting, last]})
    plain, censored = desk.one("first_response_time"), desk.one("first_response_time:km_median")
    assert (plain["value"], plain["n"], plain["pending"]) == (3600, 2, 2)
    assert (censored["value"], censored["n"], censored["pending"]) == (3600, 4, 0)
    assert desk.one("first_response_time:km_p90")["value"] is None  # the curve does not get there


def test_long_cases_are_visible(desk: Any) -> None:
    """Nine quick ones and one of thirty days: the median hides it, the mean and the rows do not."""
    quick = [{**OPENED, "source_id": str(i), "opened_at": "2026-03-01T00:00:00Z", "resolution_seconds": 60,
              "resolved_at": "2026-03-01T00:01:00Z"} for i in range(9)]  # fmt: skip
    slow = {**OPENED, "source_id": "slow", "opened_at": "2026-03-01T00:00:00Z", "resolution_seconds": 30 * 86400,
            "resolved_at": "2026-03-31T00:00:00Z"}  # fmt: skip
    desk.deliver({"conversations": [*quick, slow]})
    assert desk.one("resolution_time:median")["value"] == 60
    assert desk.one("resolution_time")["value"] == pytest.approx((9 * 60 + 30 * 86400) / 10)
    shown = desk.workspace.kpi("resolution_time", rows=True).to_list()
    assert max(row["x"] for row in shown if row["counted"]) == 30 * 86400


def _hours(key: str, opens: str, closes: str, **more: Any) -> list[dict[str, Any]]:
    """A schedule of five days."""
    return [
        {"source_id": f"{key}{day}", "schedule_id": "desk", "zone": "Europe/Berlin", "weekday": day, "opens": opens,
         "closes": closes, **more}
        for day in range(5)
    ]  # fmt: skip


def _asked_and_answered(asked: str, answered: str) -> dict[str, list[dict[str, Any]]]:
    messages = [
        {"source_id": who, "conversation_id": "1", "author_type": who, "visibility": "public", "sent_at": at}
        for who, at in (("customer", asked), ("human", answered))
    ]
    return {"conversations": [{**OPENED, "source_id": "1", "opened_at": asked}], "messages": messages}


def test_holidays_are_no_business_time(desk: Any) -> None:
    """From the Thursday before Good Friday 16:00 to the Tuesday after Easter 10:00, by Berlin's clock."""
    case = _asked_and_answered("2026-04-02T14:00:00Z", "2026-04-07T08:00:00Z")
    desk.deliver({"schedules": _hours("h", "09:00", "17:00", holidays="DE"), **case})
    assert desk.one("first_response_time:business")["value"] == 2 * 3600  # an hour on Thursday, one on Tuesday
    desk.clear()
    desk.deliver({"schedules": _hours("h", "09:00", "17:00"), **case})
    assert desk.one("first_response_time:business")["value"] == (2 + 16) * 3600  # and both holidays where none are set


def test_a_schedule_that_changes_in_between_counts_as_it_stood_each_day(desk: Any) -> None:
    """Open to 17:00 up to Tuesday, to 19:00 from Wednesday on: Tuesday 16:00 to Wednesday 19:00."""
    case = _asked_and_answered("2026-06-02T14:00:00Z", "2026-06-03T17:00:00Z")
    old = _hours("o", "09:00", "17:00", valid_to="2026-06-03")
    new = _hours("n", "09:00", "19:00", valid_from="2026-06-03")
    desk.deliver({"schedules": [*old, *new], **case})
    assert desk.one("first_response_time:business")["value"] == (1 + 10) * 3600
