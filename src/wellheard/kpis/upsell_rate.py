"""Upsell rate: how much of the revenue comes from customers who took more than they had."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import MoneyShare, Ratio, Share
from wellheard.metrics.cohort import SPANS, movements
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.purchases import is_order
from wellheard.metrics.revenue import ordered
from wellheard.metrics.samples import MARCH, THREE_CUSTOMERS, Rows

UPSELL = ("upsell",)
BOTH = ("upsell", "cross_sell")


def rows(ask: Ask) -> ir.Table:
    if ask.has("expansion"):
        t = movements(ask)
        out = [
            (~t.started, "not a customer at the period's start"),
            (t.no_rate, "no exchange rate for its currency on those days"),
        ]
        return ask.rows(t, out=out, num=t.expansion, den=t.mrr_start)
    if ask.has("takers"):
        return _takers(ask)
    t, out = ordered(ask)
    out.append((t.kind.isnull(), "not known whether it was an upsell"))
    return ask.rows(t, out=out, num=ibis.ifelse(t.kind.isin(_kinds(ask)), t.net, 0), den=t.net)


def _kinds(ask: Ask) -> tuple[str, ...]:
    return BOTH if ask.has("with_cross_sell") else UPSELL


def _takers(ask: Ask) -> ir.Table:
    """One row a period and customer with an order by its end: `good` where one in the period was an upsell."""
    windows = ask.windows()
    t = ask.reader.table("orders")
    t = t.filter(is_order(t) & t.customer_id.coalesce(t.account_id).notnull())
    t = t.join(windows, [t.ordered_at < windows.finish])
    t = ask.belonging(t.mutate(instant=t.finish), "orders")
    took = t.kind.isin(_kinds(ask)).fill_null(False) & (t.ordered_at >= t.begin)
    dims = [c for c in t.columns if c.startswith(DIM)]
    buyers = t.group_by(["period", "unit", *dims]).agg(id=t.id.min(), took=took.any())
    return ask.rows(buyers, good=buyers.took)


def _orders(*bought: tuple[str, str, str | None, float]) -> Rows:
    return {
        "orders": [
            {
                "source_id": str(number),
                "customer_id": who,
                "ordered_at": day,
                "kind": kind,
                "revenue": revenue,
                "currency": "EUR",
            }
            for number, (who, day, kind, revenue) in enumerate(bought)
        ]
    }


SOLD = _orders(
    ("a", "2026-03-05", "new", 500),
    ("a", "2026-03-09", "upsell", 200),
    ("b", "2026-03-06", "cross_sell", 100),
    ("c", "2026-03-07", "renewal", 200),
    ("d", "2026-03-08", None, 70),
    ("e", "2026-02-08", "new", 50),
)

KPI = Metric(
    name="upsell_rate",
    title="Upsell rate",
    question="How much of our revenue do customers add to what they had?",
    formula="100 × revenue of upsells ÷ revenue, refunds taken off",
    unit="percent",
    direction="up",
    rows=rows,
    brick=MoneyShare(),
    placed_by="ordered_at",
    needs=(Need("orders", ("revenue", "currency", "kind")),),
    traps=(
        "An additional product is a cross-sell and no upsell; the variant `with_cross_sell` takes both.",
        "Orders of an unknown kind are left out on both sides, and shown among the rows.",
        "A share of revenue is no share of customers: see the variant `takers`.",
    ),
    source="Interval: E. B. Wilson (1927) with L. Kish's effective number (1965)",
    variants=(
        Variant("with_cross_sell", "Additional products count, too."),
        Variant(
            "takers",
            "Customers who took an upsell in the period ÷ customers with an order by its end.",
            Share(),
            not_additive="whoever has ordered before counts in every later period",
        ),
        Variant(
            "expansion",
            "MRR added by the customers of the start ÷ their MRR at the start.",
            Ratio(scale=100.0, least=0.0),
            spans=SPANS,
            not_additive="a cohort is defined by its period",
        ),
    ),
    examples=(
        Example("200 of 1,000", SOLD, 20.0, 4, start=MARCH[0], end=MARCH[1]),
        Example("300 of 1,000", SOLD, 30.0, 4, variant="with_cross_sell", start=MARCH[0], end=MARCH[1]),
        Example("one of five buyers", SOLD, 20.0, 5, variant="takers", start=MARCH[0], end=MARCH[1]),
        Example("A adds 50 to 300", THREE_CUSTOMERS, 50 / 3, 3, "expansion", start="2025-07-15", end="2025-10-01"),
        Example("none", {}, None, 0),
    ),
)
