"""Churn rate: the share of a period's first customers that are gone at its end."""

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall
from wellheard.metrics.ask import Ask
from wellheard.metrics.bricks import MoneyShare, Ratio, Share
from wellheard.metrics.cohort import LEVELS, SPANS, cohort, single
from wellheard.metrics.daily_churn import Annualised, DailyRates, daily_churn, months_of
from wellheard.metrics.metric import Example, Metric, Need, Preset, Variant
from wellheard.metrics.purchases import ORDERS, buying_spans
from wellheard.metrics.samples import CAME_AND_LEFT, MARCH, lives, orders, plans

INSIDE = "came and left inside the period: reported apart"


def rows(ask: Ask) -> ir.Table:
    if ask.has("shopify"):
        if ask.has("as_baremetrics"):
            raise BadCall("churn_rate: as_baremetrics has no daily rates", hint="leave one out", field="variant")
        t = daily_churn(ask)
        return ask.rows(t, out=[(t.den == 0, "there on no midnight of the period")], num=t.num, den=t.den)
    if ask.has("inactive") and ask.has("by_subscription"):
        raise BadCall("inactive is about customers who order, not subscriptions", hint="leave one out", field="variant")
    days_back = _days_back(ask)
    t = cohort(ask, days_back=days_back, spans=buying_spans(ask) if ask.has("inactive") else None)
    out = [(t.came & ~t.stays, INSIDE)]
    if not (ask.has("over_start_plus_new") or ask.has("over_average")):
        out.append((t.came, "not a customer at the period's start"))
    if ask.has("revenue"):
        out.append((t.no_rate, "no exchange rate for its currency at the period's start"))
    gone = t.started & ~t.stays
    if ask.has("over_average"):
        both = ibis.ifelse(t.started, 0.5, 0.0) + ibis.ifelse(t.stays, 0.5, 0.0)
        return ask.rows(t, out=out, single=single(ask), num=ibis.ifelse(gone, 1.0, 0.0), den=both)
    lost = ibis.greatest(t.mrr_start - t.mrr_end, 0)
    months = months_of(ask, t)
    return ask.rows(t, out=out, single=single(ask), good=gone, num=lost, den=t.mrr_start, months=months)


def _days_back(ask: Ask) -> int:
    """From how many days before the period's end the cohort is taken; 0 for the period's start."""
    if not ask.has("as_baremetrics"):
        return 0
    for other in ("annualised", "inactive"):
        if ask.has(other):
            raise BadCall(
                f"churn_rate: as_baremetrics and {other} cannot be had together",
                hint="ask for them one by one",
                field="variant",
            )
    return 30


AVERAGE = Ratio(scale=100.0, least=0.0)
# The example that ChartMogul prints: of 100 of MRR, 10 churned, 10 were cut and 10 were added.
PRINTED = plans(
    ("A", 10, "2025-01-01", "2026-03-10"),
    ("B", 50, "2025-01-01", "2026-03-10"),
    ("B", 40, "2026-03-10", None),
    ("C", 40, "2025-01-01", "2026-03-10"),
    ("C", 50, "2026-03-10", None),
)
# Of ten one leaves on the 5th and one on the 20th; two come on the 10th and stay.
TEN = lives(
    (8, "2026-01-01", None),
    (1, "2026-01-01", "2026-03-05"),
    (1, "2026-01-01", "2026-03-20"),
    (2, "2026-03-10", None),
    (1, "2026-04-05", None),
)
# One of ten leaves on 1 March: 30 days before April begins, only nine were there.
LATE = lives((9, "2026-01-01", None), (1, "2026-01-01", "2026-03-01T12:00:00Z"), (1, "2026-04-05", None))
# The givens of ChartMogul's help page on churn rate formulas: of 100 customers 12 churn in the month, one of whom came
# back and one of whom had only joined in it; its formula takes these two out.
TWELVE = plans(
    *((str(n), 10.0, "2026-01-01", None) for n in range(89)),
    *((str(n), 10.0, "2026-01-01", "2026-03-10") for n in range(89, 99)),
    ("back", 10.0, "2026-01-01", "2026-03-10"),
    ("back", 10.0, "2026-03-20", None),
    ("joined", 10.0, "2026-03-05", "2026-03-20"),
    ("later", 10.0, "2026-04-05", None),
)
SHOP = orders(
    ("a", "2025-12-15", 10, 0),
    ("b", "2025-12-15", 10, 0),
    ("b", "2026-02-20", 10, 0),
    ("c", "2025-10-01", 10, 0),
    ("d", "2026-03-31", 10, 0),
)

KPI = Metric(
    name="churn_rate",
    title="Churn rate",
    question="How many of the customers we had are gone?",
    formula="100 × customers of the start cohort not active at the end ÷ start cohort",
    unit="percent",
    direction="down",
    rows=rows,
    brick=Share(),
    cohort=True,
    spans=SPANS,
    placed_by="period, by its end",
    needs=(Need("subscriptions", ("started_at",), instead=(Need("customers", ("created_at",)),)),),
    traps=(
        "Customers who came and left inside the period are reported apart: they were not in the cohort.",
        "Who leaves and returns within the period is no churn of it.",
        "Monthly rates do not add up to the year's.",
    ),
    not_additive="a cohort is defined by its period; the periods of a longer one have cohorts of their own",
    source="Definition: docs/decisions; interval: E. B. Wilson, JASA 22 (1927) 209–212",
    variants=(
        *(Variant(level, f"Counted {level.replace('_', ' ')}.") for level in LEVELS),
        Variant("over_start_plus_new", "Divided by the start cohort and those who came and stayed.", Share()),
        Variant("over_average", "Divided by the mean of the customers at the start and at the end.", AVERAGE),
        Variant("shopify", "Sum of daily rates: who left on a day ÷ who was there when it began.", DailyRates()),
        Variant("annualised", "What a year of such periods would lose: 1 − (1 − rate)^(12 ÷ months).", Annualised()),
        Variant(
            "inactive",
            "Customers without an order for 90 days (a setting) ÷ active buyers before.",
            Share(),
            spans=ORDERS,
        ),
        Variant(
            "as_chartmogul",
            "ChartMogul's standard formula, which is ours: for its gross MRR churn rate add `revenue`.",
            preset=Preset(
                "Customer churn rate, and gross MRR churn rate with `revenue`",
                "By the standard formula there is no difference in the definition. What differs is when a customer is "
                "taken to be gone: ChartMogul has a setting (the day of cancelling or the end of what was paid), "
                "here it is the end of the subscription as the source gives it.",
                "ChartMogul help, Churn rate formulas; Chart: Gross MRR Churn Rate, standard formula",
                printed=True,
                beside=("", "revenue"),
            ),
        ),
        Variant(
            "as_baremetrics",
            "Of the customers of 30 days before the period's end, those gone at it; with `revenue` their MRR. Formula "
            "only.",
            preset=Preset(
                "User churn, and revenue churn with `revenue`",
                "Theirs always looks back 30 days, ours to the period's start: in a month of 31 days a day's leavers "
                "differ. Baremetrics takes who has not paid for 30 days as gone, and plans that are not monthly over "
                "their own interval; here the end of the subscription alone decides.",
                "Baremetrics help, User and Revenue Churn",
                beside=("", "revenue"),
            ),
        ),
        Variant("revenue", "Lost MRR of the cohort, contraction included, ÷ its MRR.", MoneyShare()),
    ),
    examples=(
        Example(
            "500 at start, 50 lost",
            lives((450, "2026-01-01", None), (50, "2026-01-01", "2026-03-10")),
            10.0,
            500,
            start=MARCH[0],
            end=MARCH[1],
        ),
        Example("came and left inside", CAME_AND_LEFT, 10.0, 100, start=MARCH[0], end=MARCH[1]),
        Example("over the average", TEN, 20.0, 12, variant="over_average", start=MARCH[0], end=MARCH[1]),
        Example("the same month in a year", TEN, 100 * (1 - 0.8**12), 10, "annualised", start=MARCH[0], end=MARCH[1]),
        Example(
            "one of ten, then one of eleven", TEN, 100 / 10 + 100 / 11, 12, "shopify", start=MARCH[0], end=MARCH[1]
        ),
        Example("lost 10 and 10 of 100", PRINTED, 20.0, 3, "revenue+as_chartmogul", start=MARCH[0], end=MARCH[1]),
        Example("12 churned, 2 not counted", TWELVE, 10.0, 100, "as_chartmogul", start=MARCH[0], end=MARCH[1]),
        Example("of those of 2 March", LATE, 0.0, 9, variant="as_baremetrics", start=MARCH[0], end=MARCH[1]),
        Example("of those of 1 March", LATE, 10.0, 10, start=MARCH[0], end=MARCH[1]),
        Example("who stopped ordering", SHOP, 50.0, 2, variant="inactive", start=MARCH[0], end=MARCH[1]),
        Example("nobody", {}, None, 0, start=MARCH[0], end=MARCH[1]),
    ),
)
