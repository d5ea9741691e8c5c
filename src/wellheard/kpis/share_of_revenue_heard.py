"""Share of revenue heard: how much of the revenue stands behind the customers who answered us."""

from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import MoneyShare, Share
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.revenue import EARNED, earned, unfiltered
from wellheard.metrics.samples import MARCH, Rows, orders

MONTHS = 12


def rows(ask: Ask) -> ir.Table:
    windows = ask.windows(MONTHS)
    t = earned(ask, windows)
    t = t.mutate(unit=t.account_key.coalesce(t.unit)) if ask.has("by_account") else t
    dims = [c for c in t.columns if c.startswith(DIM)]
    each = t.group_by(["period", "unit", *dims]).agg(id=t.id.min(), money=t.net.sum(), no_rate=t.no_rate.any())
    heard = _heard(ask, windows)
    each = each.left_join(heard, [each.period.identical_to(heard["h:period"]), each.unit == heard["h:unit"]])
    answered = each["h:unit"].notnull()
    out = [
        (each.no_rate, "no exchange rate for its currency on that day"),
        (each.money <= 0, "brought nothing in the twelve months"),
    ]
    return ask.rows(each, out=out, num=ibis.ifelse(answered, each.money, 0), den=each.money, good=answered)


def _heard(ask: Ask, windows: ir.Table) -> ir.Table:
    """Who answered any question in a window."""
    t = unfiltered(ask).facts("survey_responses")
    t = t.filter(~t.test.fill_null(False) & t.flag.isnull() & (t.score.notnull() | t.choice.notnull()))
    t = t.mutate(unit=t.account_key.coalesce(t.unit)) if ask.has("by_account") else t
    t = t.join(windows, [t.instant >= windows.begin, t.instant < windows.finish])
    return t.select(**{"h:period": t.period, "h:unit": t.unit}).distinct()


def _company() -> Rows:
    told: list[dict[str, Any]] = [
        {"source_id": "1", "kind": "nps", "customer_id": "a", "score": 9, "answered_at": "2025-05-05"},
        {"source_id": "2", "kind": "nps", "customer_id": "b", "score": None, "answered_at": "2026-03-05"},
        {"source_id": "3", "kind": "nps", "customer_id": "c", "score": 2, "answered_at": "2025-03-05"},
    ]
    bought = orders(
        ("a", "2026-03-05", 300, 0),
        ("a", "2025-06-05", 100, 100),
        ("b", "2026-03-05", 500, 0),
        ("c", "2026-01-05", 200, 0),
        ("d", "2025-03-31", 900, 0),
        ("z", "2026-04-05", 1, 0),
    )
    return {**bought, "survey_responses": told}


COMPANY = _company()

KPI = Metric(
    name="share_of_revenue_heard",
    title="Share of revenue heard",
    question="How much of our revenue stands behind those who answered us?",
    formula="100 × revenue of the 12 months to the period's end from customers who answered in them ÷ that of all",
    unit="percent",
    direction="up",
    rows=rows,
    brick=MoneyShare(),
    cohort=True,
    spans=EARNED,
    placed_by="period, by its end",
    needs=(
        Need("survey_responses", ("customer_id",), instead=(Need("survey_responses", ("account_id",)),)),
        Need(
            "orders",
            ("revenue", "currency", "customer_id"),
            instead=(
                Need("orders", ("revenue", "currency", "account_id")),
                Need("subscriptions", ("started_at", "mrr", "currency")),
            ),
        ),
    ),
    traps=(
        "A skipped question is no answer.",
        "It says nothing of how those feel who stayed silent: it says how much of the money is theirs.",
        "In a company's workspace take `by_account`: one contact who answers is the company heard.",
    ),
    not_additive="twelve months overlap from one period to the next",
    source="Interval: E. B. Wilson (1927) with L. Kish's effective number (1965)",
    variants=(
        Variant("by_account", "Revenue of companies of which anybody answered."),
        Variant("customers", "Share of the customers with revenue, whatever they pay.", Share()),
    ),
    examples=(
        Example("300 of 1,000", COMPANY, 30.0, 3, start=MARCH[0], end=MARCH[1]),
        Example("one of three", COMPANY, 100 / 3, 3, variant="customers", start=MARCH[0], end=MARCH[1]),
        Example("none", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
