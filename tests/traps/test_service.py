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


def solved(who: str, day: int, **more: Any) -> dict[str, Any]:
    """A conversation of March 2026 that was resolved an hour after it was opened."""
    return {
        "source_id": f"{who}{day}{more.get('channel', '')}",
        "customer_id": who,
        "topic": "billing",
        "opened_by": "customer",
        "opened_at": f"2026-03-{day:02d}T08:00:00Z",
        "resolved_at": f"2026-03-{day:02d}T09:00:00Z",
        **more,
    }


def test_a_return_by_another_channel_is_seen_through_the_filter(desk: Any) -> None:
    cases = [solved("a", 2, channel="chat"), solved("a", 4, channel="email"), solved("b", 2, channel="chat")]
    desk.deliver({"conversations": [*cases, solved("z", 25, channel="phone")]})
    row = desk.one("first_contact_resolution", where="channel = 'chat'")
    assert (row["value"], row["n"], row["pending"]) == (50, 2, 0)


def test_a_return_after_the_asked_period_is_seen(desk: Any) -> None:
    desk.deliver({"conversations": [solved("a", 28), solved("a", 31), solved("z", 31), solved("y", 30, topic=None)]})
    late = [{**solved("x", 1), "opened_at": "2026-04-20T08:00:00Z", "resolved_at": None, "source_id": "late"}]
    desk.deliver({"conversations": late})
    row = desk.one("first_contact_resolution", start="2026-03-01", end="2026-03-30")
    assert (row["value"], row["n"]) == (0, 1)


def test_the_week_that_is_not_over_is_no_success(desk: Any) -> None:
    days = (("a", 2), ("a", 3), ("b", 9), ("c", 10))
    desk.deliver({"conversations": [solved(who, day, reopen_count=0) for who, day in days]})
    row = desk.one("first_contact_resolution")
    assert (row["value"], row["n"], row["pending"]) == (50, 2, 2)
    assert desk.one("reopen_rate")["pending"] == 2


def test_what_is_not_known_to_stay_resolved_is_in_no_reopen_rate(desk: Any) -> None:
    desk.deliver({"conversations": [solved("a", 2), solved("b", 2, reopen_count=0), solved("c", 2, reopen_count=1)]})
    desk.deliver({"conversations": [solved("z", 20)]})
    row = desk.one("reopen_rate")
    assert (row["value"], row["n"], row["pending"]) == (50, 2, 0)


def test_spam_merged_and_our_own_are_no_return(desk: Any) -> None:
    others = [solved("a", 3, spam=True), solved("a", 4, merged_into="a2"), solved("a", 5, opened_by="human")]
    desk.deliver({"conversations": [solved("a", 2), *others, solved("z", 20)]})
    row = desk.one("first_contact_resolution")
    assert (row["value"], row["n"], row["pending"]) == (100, 1, 1)


def test_two_customers_without_a_name_are_not_one(desk: Any) -> None:
    desk.deliver({"conversations": [solved("a", 2), {**solved("b", 2), "customer_id": None},
                                    {**solved("c", 3), "customer_id": None}, solved("z", 20)]})  # fmt: skip
    row = desk.one("first_contact_resolution")
    assert (row["value"], row["n"], row["pending"]) == (100, 1, 1)
    why = [r["why"] for r in desk.kpi("first_contact_resolution", rows=True)]
    assert why.count("no customer is named, so a return cannot be seen") == 2


def test_an_open_conversation_past_its_promise_is_missed(desk: Any) -> None:
    """Leaving tickets unanswered does not keep a promise: only what is answered in time does."""
    due = {
        "opened_by": "customer",
        "opened_at": "2026-03-02T08:00:00Z",
        "first_response_due_at": "2026-03-02T09:00:00Z",
    }
    desk.deliver({"conversations": [
        {**due, "source_id": "kept", "first_human_reply_at": "2026-03-02T09:00:00Z"},
        {**due, "source_id": "late", "first_human_reply_at": "2026-03-02T09:00:01Z"},
        {**due, "source_id": "open"},
        {**due, "source_id": "soon", "first_response_due_at": "2026-03-03T09:00:00Z"},
        {**due, "source_id": "given up", "closed_at": "2026-03-02T10:00:00Z"},
    ]})  # fmt: skip
    row = desk.one("sla_attainment")
    assert (row["value"], row["n"], row["pending"]) == (25, 4, 1)


def test_a_bot_that_closes_on_a_customer_who_returns_serves_nobody(desk: Any) -> None:
    cases = [
        solved(who, day, topic=topic) for who, day, topic in (("a", 2, "billing"), ("a", 3, None), ("b", 2, "bug"))
    ]
    bot = [said(("customer", f"{c['opened_at']}", "public"), ("bot", f"{c['resolved_at']}", "public"),
                conversation=c["source_id"]) for c in cases]  # fmt: skip
    last = solved("z", 20)
    desk.deliver({"conversations": [*cases, last], "messages": [m for part in bot for m in part]})
    row = desk.one("self_service_rate")
    assert row["n"] == 3
    assert row["value"] == pytest.approx(200 / 3)


def test_money_spent_twice_is_counted_once_and_overhead_once(desk: Any) -> None:
    cases = [solved("a", 2, cost=10, currency="EUR"), solved("b", 2, cost=None, currency="EUR")]
    ledger = [("a2", 10), ("b2", 6), (None, 24)]
    desk.deliver({
        "conversations": cases,
        "costs": [{"source_id": str(i), "conversation_id": of, "kind": "service", "amount": amount, "currency": "EUR",
                   "incurred_at": "2026-03-02"} for i, (of, amount) in enumerate(ledger)],
    })  # fmt: skip
    row = desk.one("cost_per_resolution")
    assert (row["value"], row["n"]) == (20, 2)
    by_topic = desk.kpi("cost_per_resolution", by=["topic"])
    assert [(r["topic"], r["value"], r["n"]) for r in by_topic] == [("billing", 8, 2), (None, None, 0)]


def test_costs_of_another_currency_are_converted_to_that_of_the_conversations(desk: Any) -> None:
    euro = {"cost": 10, "currency": "EUR"}
    ledger = {"kind": "service", "amount": 30, "currency": "USD", "incurred_at": "2026-03-02"}
    desk.deliver({
        "conversations": [solved("a", 2, **euro), solved("b", 2, **euro)],
        "costs": [{**ledger, "source_id": "1"}],
        "fx_rates": [{"source_id": "r", "from_currency": "USD", "to_currency": "EUR", "on_date": "2026-01-01",
                      "rate": 0.5}],
    })  # fmt: skip
    row = desk.one("cost_per_resolution")
    assert (row["value"], row["n"], row["currency"]) == (17.5, 2, "EUR")


def test_a_backlog_is_what_was_open_then_not_what_is_open_now(desk: Any) -> None:
    desk.deliver({"conversations": [
        solved("a", 2, resolved_at="2026-04-10T09:00:00Z"), solved("b", 20, resolved_at=None),
        {**solved("c", 1), "opened_at": "2026-05-02T08:00:00Z", "resolved_at": None},
    ]})  # fmt: skip
    months = desk.kpi("backlog", grain="month")
    assert [(row["period_start"], row["value"]) for row in months] == [
        ("2026-03-01", 2), ("2026-04-01", 1), ("2026-05-01", 2)]  # fmt: skip
    assert all(row["low"] is None and row["high"] is None for row in months)


def test_who_still_waits_does_so_in_business_hours_too(desk: Any) -> None:
    """Four asked on Friday at 16:00 and one was answered at 16:30; three wait on Monday at 10:00, when the data end."""
    hours = [
        {"source_id": f"w{d}", "schedule_id": "s", "zone": "UTC", "weekday": d, "opens": "09:00", "closes": "17:00"}
        for d in range(5)
    ]
    friday = {"opened_by": "customer", "opened_at": "2026-03-06T16:00:00Z"}
    cases = [{**friday, "source_id": str(i)} for i in range(4)]
    cases[0]["first_human_reply_at"] = "2026-03-06T16:30:00Z"
    last = {"source_id": "last", "opened_by": "human", "opened_at": "2026-03-09T10:00:00Z"}
    desk.deliver({"schedules": hours, "conversations": [*cases, last]})
    rows = desk.kpi("first_response_time:km_median+business", rows=True)
    assert sorted((r["x"], r["ended"]) for r in rows if r["counted"]) == [
        (1800, True), (7200, False), (7200, False), (7200, False)]  # fmt: skip
    row = desk.one("first_response_time:km_median+business")
    assert (row["value"], row["n"], row["pending"], row["state"]) == (None, 4, 0, "none")
    plain = desk.kpi("first_response_time:km_median", rows=True)
    assert max(r["x"] for r in plain if r["counted"]) == 66 * 3600
