"""Where service figures go wrong elsewhere, by name."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.slow

CASE = {"source_id": "1", "opened_at": "2026-03-05T10:00:00Z", "opened_by": "customer"}


def said(*events: tuple[str, str, str], conversation: str = "1") -> list[dict[str, Any]]:
    """Messages: who, when, and how visible."""
    return [
        {
            "source_id": f"{conversation}-{i}",
            "conversation_id": conversation,
            "author_type": who,
            "sent_at": at,
            "visibility": seen,
        }
        for i, (who, at, seen) in enumerate(events)
    ]


def changed(*events: tuple[str, str, str], conversation: str = "1") -> list[dict[str, Any]]:
    """Status events: when, the new status, and by whom."""
    return [
        {"source_id": f"{conversation}-s{i}", "conversation_id": conversation, "field": "status",
         "changed_at": at, "new": new, "actor_type": who}
        for i, (at, new, who) in enumerate(events)
    ]  # fmt: skip


def test_open_cases_are_pending_never_zero(desk: Any) -> None:
    opened = [{**CASE, "source_id": str(i)} for i in range(3)]
    closed = {**CASE, "source_id": "9", "resolved_at": "2026-03-05T12:00:00Z", "first_response_seconds": 60}
    desk.deliver({"conversations": [*opened, closed]})
    resolution, reply = desk.one("resolution_time"), desk.one("first_response_time")
    assert (resolution["value"], resolution["n"], resolution["pending"]) == (7200, 1, 3)
    assert (reply["value"], reply["n"], reply["pending"]) == (60, 1, 3)
    assert desk.one("resolution_time:per_received")["value"] == 1800


def test_days_between_a_bots_close_and_the_return_are_in_no_first_response(desk: Any) -> None:
    desk.deliver({
        "conversations": [CASE],
        "messages": said(
            ("customer", "2026-03-05T10:00:00Z", "public"), ("bot", "2026-03-05T10:00:05Z", "public"),
            ("customer", "2026-03-10T10:00:00Z", "public"), ("human", "2026-03-10T10:10:00Z", "public"),
        ),
        "status_events": changed(("2026-03-05T10:00:06Z", "closed", "bot"),
                                 ("2026-03-10T10:00:00Z", "open", "customer")),
    })  # fmt: skip
    assert desk.one("first_response_time")["value"] == 600


@pytest.mark.parametrize(
    ("who", "seen"), [("bot", "public"), ("automation", "public"), ("human", "internal"), ("system", "public")]
)
def test_only_a_persons_public_reply_stops_the_clock(desk: Any, who: str, seen: str) -> None:
    messages = said(("customer", "2026-03-05T10:00:00Z", "public"), (who, "2026-03-05T10:01:00Z", seen))
    desk.deliver({"conversations": [CASE], "messages": messages})
    row = desk.one("first_response_time")
    assert (row["value"], row["n"], row["pending"]) == (None, 0, 1)


def test_a_reopened_case_counts_to_its_last_resolution(desk: Any) -> None:
    solved = changed(
        ("2026-03-05T11:00:00Z", "solved", "human"), ("2026-03-06T10:00:00Z", "open", "customer"),
        ("2026-03-07T10:00:00Z", "solved", "human"),
    )  # fmt: skip
    messages = said(("customer", "2026-03-05T10:00:00Z", "public"), ("human", "2026-03-05T10:30:00Z", "public"))
    desk.deliver({"conversations": [CASE], "messages": messages, "status_events": solved})
    assert desk.one("resolution_time")["value"] == 2 * 86400
    assert desk.one("resolution_time:first_resolution")["value"] == 3600
    (row,) = desk.kpi("resolution_time", grain="day", start="2026-03-07", end="2026-03-08")
    assert row["n"] == 1


def test_a_case_reopened_and_still_open_is_pending(desk: Any) -> None:
    events = changed(("2026-03-05T11:00:00Z", "solved", "human"), ("2026-03-06T10:00:00Z", "open", "customer"))
    messages = said(("customer", "2026-03-05T10:00:00Z", "public"), ("human", "2026-03-05T10:30:00Z", "public"))
    desk.deliver({"conversations": [CASE], "messages": messages, "status_events": events})
    row = desk.one("resolution_time")
    assert (row["value"], row["n"], row["pending"]) == (None, 0, 1)


def test_merged_and_spam_and_our_own_are_out(desk: Any) -> None:
    timed = {**CASE, "first_response_seconds": 60, "resolved_at": "2026-03-05T11:00:00Z"}
    desk.deliver({"conversations": [
        timed,
        {**timed, "source_id": "2", "merged_into": "1", "first_response_seconds": 9999},
        {**timed, "source_id": "3", "spam": True, "first_response_seconds": 9999},
        {**timed, "source_id": "4", "opened_by": "human", "first_response_seconds": 9999},
    ]})  # fmt: skip
    assert (desk.one("first_response_time")["value"], desk.one("first_response_time")["n"]) == (60, 1)
    assert desk.one("resolution_time")["n"] == 2
    why = {row["source_id"]: row["why"] for row in desk.kpi("first_response_time", rows=True)}
    assert why == {"1": "counted", "2": "merged into another conversation", "3": "spam", "4": "opened by us"}


def test_medians_are_not_averaged(desk: Any) -> None:
    waits = {"2026-01": [10, 20, 600], "2026-02": [30]}
    desk.deliver({"conversations": [
        {"source_id": f"{m}{i}", "opened_at": f"{m}-05T10:00:00Z", "opened_by": "customer", "first_response_seconds": w}
        for m, values in waits.items() for i, w in enumerate(values)
    ]})  # fmt: skip
    assert [row["value"] for row in desk.kpi("first_response_time", grain="month")] == [20, 30]
    assert desk.one("first_response_time")["value"] == 25  # of 10 20 30 600


def test_a_clock_change_is_no_hour_more_or_less(new_desk: Any) -> None:
    """Opening hours follow the wall, seconds do not: Berlin's night of 28 March 2026 has 23 hours."""
    desk = new_desk(time_zone="Europe/Berlin")
    hours = [
        {
            "source_id": f"w{d}",
            "schedule_id": "s",
            "zone": "Europe/Berlin",
            "weekday": d,
            "opens": "00:00",
            "closes": "24:00",
        }
        for d in range(7)
    ]
    messages = said(("customer", "2026-03-28T11:00:00Z", "public"), ("human", "2026-03-29T10:00:00Z", "public"))
    desk.deliver(
        {"schedules": hours, "conversations": [CASE | {"opened_at": "2026-03-28T11:00:00Z"}], "messages": messages}
    )
    assert desk.one("first_response_time")["value"] == 23 * 3600
    assert desk.one("first_response_time:business")["value"] == 23 * 3600
    (row,) = desk.kpi("first_response_time", grain="day", start="2026-03-28", end="2026-03-29")
    assert row["n"] == 1


def test_asked_and_answered_outside_hours_is_zero_business_seconds_and_counts(desk: Any) -> None:
    hours = [{"source_id": "w0", "schedule_id": "s", "zone": "UTC", "weekday": 0, "opens": "09:00", "closes": "17:00"}]
    messages = said(("customer", "2026-03-05T10:00:00Z", "public"), ("human", "2026-03-05T11:00:00Z", "public"))
    desk.deliver({"schedules": hours, "conversations": [CASE], "messages": messages})  # a Thursday
    row = desk.one("first_response_time:business")
    assert (row["value"], row["n"], row["pending"]) == (0, 1, 0)


def test_p90_below_36_cases_has_no_upper_limit(desk: Any) -> None:
    def cases(n: int) -> list[dict[str, Any]]:
        return [{**CASE, "source_id": str(i), "first_response_seconds": i + 1} for i in range(n)]

    desk.deliver({"conversations": cases(35)})
    assert desk.one("first_response_time:p90")["high"] is None
    desk.deliver({"conversations": cases(36)})
    assert desk.one("first_response_time:p90")["high"] == 36
