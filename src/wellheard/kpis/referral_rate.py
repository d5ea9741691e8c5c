"""Referral rate: how many customers recommend us to others."""

import ibis
import ibis.expr.types as ir

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Ratio, Share
from wellheard.metrics.metric import Example, Metric, Need, Variant
from wellheard.metrics.reader import Reader
from wellheard.metrics.revenue import unfiltered
from wellheard.metrics.samples import MARCH, Rows

MADE = (("referrals", ("referred_at",)),)


def rows(ask: Ask) -> ir.Table:
    if ask.has("converted"):
        t = ask.belonging(_made(ask), "customers")
        return ask.rows(t, good=t.converted_at.notnull())
    customers = _customers(ask)
    windows = ask.windows()
    made = unfiltered(ask).belonging(_made(ask), "customers")
    made = made.join(windows, [made.instant >= windows.begin, made.instant < windows.finish])
    counted = made.group_by(["period", "unit"]).agg(made=made.count())
    counted = counted.select(**{"r:period": counted.period, "r:unit": counted.unit, "r:made": counted.made})
    t = customers.left_join(
        counted, [customers.period.identical_to(counted["r:period"]), customers.unit == counted["r:unit"]]
    )
    number = t["r:made"].fill_null(0)
    out = [(t.unknown, "it is not known since when it is a customer")]
    return ask.rows(t, out=out, single=True, good=number > 0, num=number, den=ibis.literal(1))


def _made(ask: Ask) -> ir.Table:
    """Referrals as facts of the customers who made them."""
    t = ask.reader.table("referrals")
    return t.mutate(customer_id=t.referrer_id, instant=t.referred_at)


def _customers(ask: Ask) -> ir.Table:
    """One row a period and customer who was one at any time in it.

    `unknown` are those of whom no version says since when, where others have one that does.
    """
    windows = ask.windows()
    history = ask.reader.table("customers", history=True)
    first = history.group_by(whose=history.id).agg(since=history.created_at.min())
    told = ask.reader.kept("customers since", _any_since, ("customers",))
    c = ask.reader.table("customers")
    c = c.mutate(customer_id=c.source_id).left_join(first, c.id == first.whose)
    there = c.join(windows, [c.since.isnull() | (c.since < windows.finish)])
    there = there.filter(there.ended_at.isnull() | (there.ended_at > there.begin))
    there = ask.belonging(there.mutate(instant=there.finish), "customers")
    dims = {name: there[name].min() for name in there.columns if name.startswith(DIM)}
    unknown = there.since.isnull() & ibis.literal(told)
    return there.group_by(["period", "unit"]).agg(id=there.id.min(), unknown=unknown.all(), **dims)


def _any_since(reader: Reader) -> bool:
    return bool(reader.run(reader.table("customers", history=True).created_at.notnull().any()).as_py())


def _told(*made: tuple[str, bool]) -> Rows:
    """Customers a, b, c and d, and their referrals in March: whose, and whether they brought a customer."""
    return {
        "customers": [{"source_id": who, "created_at": "2026-01-01"} for who in "abcd"],
        "referrals": [
            {
                "source_id": str(number),
                "referrer_id": who,
                "referred_at": f"2026-03-{number + 5:02d}",
                "converted_at": f"2026-03-{number + 6:02d}" if converted else None,
            }
            for number, (who, converted) in enumerate(made)
        ],
    }


FIVE = _told(("a", True), ("a", True), ("a", False), ("b", False), ("a", False))

KPI = Metric(
    name="referral_rate",
    title="Referral rate",
    question="How many of our customers recommend us?",
    formula="100 × customers who referred somebody in the period ÷ customers in the period",
    unit="percent",
    direction="up",
    rows=rows,
    brick=Share(),
    spans=(("referrals", ("referred_at",)),),
    placed_by="referred_at",
    needs=(Need("customers", ("created_at",)), Need("referrals", ("referrer_id", "referred_at"))),
    traps=(
        "It counts people: somebody who refers five friends counts once; `referrals` counts the referrals.",
        "A referral that brought nobody is one, too; the variant `converted` tells them apart.",
    ),
    not_additive="whoever is a customer in two periods counts in both",
    source="Interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        Variant("referrals", "Referrals ÷ customers, clustered by referrer; may pass 100 %.", Ratio(100.0, least=0.0)),
        Variant("converted", "Share of referrals that brought a customer, clustered by referrer.", Share(), spans=MADE),
    ),
    examples=(
        Example("two of four", FIVE, 50.0, 4, start=MARCH[0], end=MARCH[1]),
        Example("five by four", FIVE, 125.0, 4, variant="referrals", start=MARCH[0], end=MARCH[1]),
        Example("two of five came", FIVE, 40.0, 5, variant="converted", start=MARCH[0], end=MARCH[1]),
        Example("none", {}, None, 0),
    ),
)
