"""What predicts knows nothing of what came later: the future is planted in every table, and nothing may move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from wellheard.enrich.behaviour import behaviour, gone_by
from wellheard.enrich.past import Past
from wellheard.tables.catalogue import table as canonical

AS_OF = datetime(2026, 6, 1, tzinfo=UTC)


def _rows() -> dict[str, list[dict[str, Any]]]:
    """Two companies and a person of their own; all rows lie before AS_OF, what they say of later lies after it."""
    return {
        "accounts": [
            {"source_id": "A", "created_at": "2025-01-01", "segment": "SMB"},
            {"source_id": "B", "created_at": "2025-02-01", "segment": "Large", "ended_at": "2026-07-10"},
        ],
        "customers": [
            {"source_id": "a1", "account_id": "A", "created_at": "2025-01-01"},
            {"source_id": "b1", "account_id": "B", "created_at": "2025-02-01"},
            {"source_id": "p", "created_at": "2025-03-01"},
        ],
        "subscriptions": [
            {"source_id": "1", "account_id": "A", "started_at": "2025-01-01", "mrr": 100, "currency": "EUR"},
            {"source_id": "2", "account_id": "B", "started_at": "2025-02-01", "ended_at": "2026-07-10", "mrr": 50,
             "currency": "EUR"},
            {"source_id": "3", "customer_id": "p", "started_at": "2025-03-01", "mrr": 9, "currency": "EUR"},
        ],
        "usage": [
            {"source_id": str(n), "customer_id": who, "account_id": firm, "used_at": day, "feature": "x", "quantity": n}
            for n, (who, firm, day) in enumerate(
                [("a1", "A", "2026-05-20"), ("a1", "A", "2026-04-01"), ("b1", "B", "2026-03-01"),
                 ("p", None, "2026-05-30")], 1
            )
        ],
        "conversations": [
            {"source_id": "c1", "customer_id": "a1", "opened_at": "2026-05-01", "resolved_at": "2026-05-02",
             "escalated": True},
            {"source_id": "c2", "customer_id": "b1", "opened_at": "2026-05-20", "resolved_at": "2026-06-20",
             "escalated": True},
        ],
        "survey_responses": [
            {"source_id": "s1", "customer_id": "a1", "kind": "nps", "score": 9, "answered_at": "2026-05-05"}
        ],
        "invoices": [
            {"source_id": "i1", "account_id": "A", "issued_at": "2026-04-01", "due_at": "2026-05-01",
             "paid_at": "2026-06-15", "amount": 100, "currency": "EUR"}
        ],
        "orders": [
            {"source_id": "o1", "customer_id": "p", "ordered_at": "2026-02-01", "revenue": 30, "currency": "EUR"},
            {"source_id": "o2", "customer_id": "p", "ordered_at": "2026-05-01", "revenue": 30, "currency": "EUR"},
        ],
        "text_scores": [
            {"source_id": "t1", "text_id": "1", "text_table": "feedback", "customer_id": "a1", "model": "m",
             "valence": 0.5, "written_at": "2026-05-10"}
        ],
        "referrals": [{"source_id": "r1", "referrer_id": "p", "referred_id": "q", "referred_at": "2026-01-01"}],
    }  # fmt: skip


FUTURE: dict[str, list[dict[str, Any]]] = {
    "customers": [{"source_id": "new", "account_id": "A", "created_at": "2026-06-20"}],
    "subscriptions": [
        {"source_id": "8", "account_id": "A", "started_at": "2026-06-02", "mrr": 900, "currency": "EUR"},
        {"source_id": "9", "customer_id": "new", "started_at": "2026-06-20", "mrr": 5, "currency": "EUR"},
    ],
    "usage": [{"source_id": "90", "customer_id": "a1", "account_id": "A", "used_at": "2026-06-03", "quantity": 500}],
    "conversations": [{"source_id": "c9", "customer_id": "b1", "opened_at": "2026-06-05", "escalated": True}],
    "survey_responses": [
        {"source_id": "s9", "customer_id": "b1", "kind": "nps", "score": 0, "answered_at": "2026-06-04"}
    ],
    "survey_invitations": [{"source_id": "v9", "customer_id": "b1", "sent_at": "2026-06-04", "channel": "email"}],
    "invoices": [
        {"source_id": "i9", "account_id": "B", "issued_at": "2026-06-02", "due_at": "2026-06-03", "amount": 1,
         "currency": "EUR"}
    ],
    "orders": [{"source_id": "o9", "customer_id": "p", "ordered_at": "2026-06-10", "revenue": 999, "currency": "EUR"}],
    "text_scores": [
        {"source_id": "t9", "text_id": "9", "text_table": "feedback", "customer_id": "a1", "model": "m",
         "valence": -1.0, "written_at": "2026-06-02"}
    ],
    "referrals": [{"source_id": "r9", "referrer_id": "a1", "referred_id": "z", "referred_at": "2026-06-02"}],
}  # fmt: skip


def seen(desk: Any, reader: type[Past] = Past) -> pd.DataFrame:
    with reader(desk.workspace.lake, desk.workspace.settings, AS_OF, reader.__name__.lower()) as past:
        return behaviour(past)


class Leaky(Past):
    """Reads every row, as a feature would that looks into the tables itself."""

    def table(self, name: str, *, hindsight: bool = False) -> Any:
        del hindsight
        t = self.lake.table(name)
        return self.owned(t.mutate(at=t[canonical(name).instant]))


@pytest.mark.slow
def test_what_is_known_then_and_that_a_planted_future_moves_none_of_it(desk: Any) -> None:
    desk.deliver(_rows())
    frame = seen(desk)
    assert sorted(frame.index) == ["example:A", "example:B", "example:p"]
    a, b, p = (frame.loc[f"example:{who}"] for who in "ABp")
    assert (a.usage_30d, a.usage_before, b.usage_30d) == (1, 2 / 3, 0)
    assert (a.escalations_180d, b.escalations_180d) == (1, 0)  # that of B is not resolved yet, so nobody knows of it
    assert b.unresolved == 1
    assert a.overdue_invoices == 1  # it is paid later
    assert (a.nps_score, a.valence_60d, a.mrr, b.mrr) == (9, 0.5, 100, 50)
    assert (p.orders_365d, p.referrals, a.segment) == (2, 1, "SMB")
    assert p.order_lateness == pytest.approx(31 / 89, rel=0.02)

    desk.deliver(FUTURE)
    pd.testing.assert_frame_equal(seen(desk), frame)


@pytest.mark.slow
def test_the_planted_future_is_seen_by_a_reader_that_leaks(desk: Any) -> None:
    desk.deliver(_rows())
    before = seen(desk)
    desk.deliver(FUTURE)
    leaked = seen(desk, Leaky).reindex(before.index)
    shared = [c for c in before.columns if c in leaked.columns]
    moved = {c for c in shared if not leaked[c].equals(before[c])}
    assert {"usage_30d", "mrr", "revenue_365d", "nps_score", "valence_60d"} <= moved


@pytest.mark.slow
def test_who_leaves_is_read_from_after_the_instant_alone(desk: Any) -> None:
    desk.deliver(_rows())
    with Past(desk.workspace.lake, desk.workspace.settings, AS_OF) as past:
        gone = gone_by(past, 90)
        sooner = gone_by(past, 30)
    assert gone["gone"].to_dict() == {"example:A": 0, "example:B": 1, "example:p": 0}
    assert gone.loc["example:B", "after"] == pytest.approx(
        (datetime(2026, 7, 10, tzinfo=UTC) - AS_OF) / timedelta(days=1)
    )
    assert sooner["gone"].sum() == 0
