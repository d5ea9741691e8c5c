"""The timeline of a customer: cut to a component first, and to its newest events afterwards."""

from __future__ import annotations

from typing import Any

from wellheard.insights.dossier import MOST, dossier


def test_an_old_invoice_is_found_behind_many_newer_orders(desk: Any) -> None:
    desk.deliver(
        {
            "orders": [
                {"source_id": str(n), "customer_id": "c", "ordered_at": "2026-05-01", "revenue": 1, "currency": "EUR"}
                for n in range(MOST + 1)
            ],
            "invoices": [
                {"source_id": "i", "customer_id": "c", "issued_at": "2026-01-01", "status": "paid", "amount": 7,
                 "currency": "EUR"}
            ],
        }
    )  # fmt: skip
    lake = desk.workspace.lake
    every = dossier(lake, "customer", "c")
    assert (len(every.events), every.more, {e.table for e in every.events}) == (MOST, True, {"orders"})
    paid = dossier(lake, "customer", "c", of="payment")
    assert ([e.words for e in paid.events], paid.more) == (["paid · 7.00 · EUR"], False)
    used = dossier(lake, "customer", "c", of="usage")
    assert (list(used.events), used.more) == ([], False)
