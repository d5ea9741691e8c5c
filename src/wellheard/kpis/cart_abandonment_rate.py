"""Cart abandonment rate: the share of opened carts that were not bought."""

from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import Share
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.reader import instant_literal
from wellheard.metrics.samples import Rows


def rows(ask: Ask) -> ir.Table:
    t = ask.facts("carts", "checkout_at" if ask.has("checkout") else "opened_at", unit="visitor_id")
    minutes = ask.settings.cart_minutes
    last = t.last_event_at.coalesce(ibis.greatest(t.opened_at, t.checkout_at, t.bought_at))
    ends = [("carts", c) for c in ("opened_at", "checkout_at", "bought_at", "last_event_at")]
    end = ask.data_end(*ends, ("visits", "started_at"))
    still = last + ibis.interval(minutes=minutes) > instant_literal(end) if end is not None else ibis.literal(False)
    out = [(t.checkout_at.isnull(), "never came to checkout")] if ask.has("checkout") else []
    return ask.rows(
        t, out=out, pending=[(still, f"less than {minutes} minutes after its last event")], good=t.bought_at.isnull()
    )


def _carts(bought: int, left: int) -> Rows:
    rows: list[dict[str, Any]] = [
        {
            "source_id": str(i), "visitor_id": str(i), "opened_at": "2026-03-05T10:00:00Z",
            "bought_at": "2026-03-05T10:10:00Z" if i < bought else None,
        }
        for i in range(bought + left)
    ]  # fmt: skip
    late = {"source_id": "late", "visitor_id": "late", "opened_at": "2026-03-05T12:00:00Z"}
    return {"carts": [*rows, late]}


KPI = Metric(
    name="cart_abandonment_rate",
    title="Cart abandonment rate",
    question="How many filled carts are left behind?",
    formula="100 × (1 − carts bought ÷ carts opened), of carts 30 minutes past their last event",
    unit="percent",
    direction="down",
    rows=rows,
    brick=Share(),
    least_n=50,
    placed_by="opened_at",
    needs=(Need("carts", ("opened_at",)),),
    traps=("A cart that somebody is still filling is pending, not abandoned.",),
    source="Interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        Variant(
            "checkout", "Of carts that came to checkout.", Share(), spans=(("carts", ("opened_at", "checkout_at")),)
        ),
        Variant(
            "by_visitor",
            "Visitors who bought none of their carts ÷ visitors with a cart.",
            Share(once="all"),
            not_additive="a visitor with carts in two groups counts in both",
        ),
    ),
    examples=(
        Example("800 opened, 100 bought", _carts(100, 700), 87.5, 800, pending=1),
        Example("none", {}, None, 0),
    ),
)
