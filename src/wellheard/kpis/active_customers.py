"""Active customers: how many different customers did something that counts."""

import ibis.expr.types as ir

from wellheard.metrics.ask import Ask
from wellheard.metrics.counts import Count
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.purchases import ORDERS, is_order
from wellheard.metrics.samples import Rows, orders

SPANS = (("usage", ("used_at",)), ("orders", ("ordered_at",)))
NOBODY = "no customer is named"


def rows(ask: Ask) -> ir.Table:
    uses = ask.reader.has_rows("usage") or not ask.reader.has_rows("orders")
    if uses and not ask.has("ordering"):
        t = ask.facts("usage")
        out = [(t.quantity == 0, "used no time")]
    else:
        t = ask.facts("orders")
        out = [(~is_order(t), "cancelled, refunded or failed")]
    known = t.account_key.coalesce(t.customer_key) if ask.has("by_account") else t.customer_key.coalesce(t.account_key)
    t = t.mutate(unit=known.coalesce(t.unit)) if ask.has("by_account") else t
    return ask.rows(t, out=[(known.isnull(), NOBODY), *out])


def _uses(*used: tuple[str | None, str]) -> Rows:
    return {
        "usage": [
            {"source_id": str(number), "customer_id": who, "used_at": day, "feature": "reports"}
            for number, (who, day) in enumerate(used)
        ]
    }


FOUR = _uses(("a", "2026-03-05"), ("a", "2026-03-05"), ("b", "2026-03-05"), (None, "2026-03-05"))
BOUGHT = orders(("a", "2026-03-05", 10, 0), ("b", "2026-03-05", 10, 0), ("b", "2026-03-05", 10, 0))

KPI = Metric(
    name="active_customers",
    title="Active customers",
    question="How many customers used or bought something?",
    formula="distinct customers with a use of the product, or with an order where no use is recorded",
    unit="count",
    direction="up",
    rows=rows,
    brick=Count(once="any"),
    spans=SPANS,
    placed_by="used_at or ordered_at",
    needs=(
        Need(
            "usage",
            ("customer_id", "used_at"),
            instead=(
                Need("usage", ("account_id", "used_at")),
                Need("orders", ("customer_id", "ordered_at")),
                Need("orders", ("account_id", "ordered_at")),
            ),
        ),
    ),
    traps=("Active customers of months do not add up to those of the quarter: most are active in several.",),
    not_additive="a customer who is active in two periods or groups counts in both",
    source="A complete count has no interval; its change: P. McCullagh and J. A. Nelder, Generalized Linear Models, "
    "2nd ed. 1989, section 4.5",
    variants=(
        Variant("ordering", "Customers with an order, also where uses are recorded.", spans=ORDERS),
        Variant("by_account", "Companies instead of persons."),
    ),
    examples=(
        Example("two who used it", FOUR, 2.0, 2),
        Example("two who bought", BOUGHT, 2.0, 2, variant="ordering"),
        Example("the same where no use is recorded", BOUGHT, 2.0, 2),
        Example("none", {}, None, 0),
    ),
)
