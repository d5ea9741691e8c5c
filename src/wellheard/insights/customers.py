"""Every customer with the newest scores: how they are, whether they will leave, and what they are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from wellheard.base.errors import Unknown
from wellheard.metrics.where import Where, names_in, parse, predicate
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.links import FOUND, KINDS

SCORES = (
    "health", "churn_risk_30d", "churn_risk_90d", "churn_risk_365d", "churn_risk_snapshot", "lifetime_value",
    "lifetime_revenue", "lifetime_value_net", "profit",
)  # fmt: skip
MONEY = ("lifetime_value", "lifetime_revenue", "lifetime_value_net", "profit")
NAMES = ("customer_id", "account_id", "source")
TRAITS = ("segment", "tier", "region", "country", "language", "acquisition_channel", "owner", "created_at", "ended_at")
MADE = "score|"  # how the keys of scores begin that we made
PRIVATE = ("name", "account_name", "email")
SHOWN = (
    "customer_id", "account_id", "as_of", "health", "health_low", "health_high", "health_coverage", "health_band",
    "churn_risk_90d", "churn_risk_90d_low", "churn_risk_90d_high", "lifetime_value", "lifetime_value_low",
    "lifetime_value_high", "profit", "profit_low", "profit_high", "currency",
)  # fmt: skip
PARTS = {"": "value", "_low": "low", "_high": "high", "_coverage": "coverage", "_model": "model", "_as_of": "as_of"}
BESIDE = {
    "health_band": ("health", "band"),
    "health_trend": ("health", "trend"),
    "churn_reasons": ("churn_risk_90d", "reasons"),
    "snapshot_reasons": ("churn_risk_snapshot", "reasons"),
    "lifetime_value_why_not": ("lifetime_value", "why_not"),
}


def columns() -> tuple[str, ...]:
    """Every column by which customers can be listed and filtered."""
    scored = [kind + suffix for kind in SCORES for suffix in PARTS]
    return (*NAMES, "kind", *TRAITS, *PRIVATE, "as_of", *scored, *BESIDE, "currency")


@dataclass(frozen=True)
class Wanted:
    """Which customers are listed, by what, and how many: `order` is a column, with a - in front the greatest first."""

    where: str | None = None
    columns: tuple[str, ...] = SHOWN
    order: str = "customer_id"
    limit: int | None = None
    offset: int = 0


def customers(lake: Lake, wanted: Wanted) -> pa.Table:
    """One row a customer, linked rows once, and one a company of which no customer is known.

    What was scored of a company stands at each of its customers. Raises Unknown for a column that there is not.
    """
    condition = parse(wanted.where) if wanted.where else None
    shown = _filtered(lake, condition, wanted)
    order = wanted.order.removeprefix("-")
    by = shown[order].desc(nulls_first=False) if wanted.order.startswith("-") else shown[order].asc(nulls_first=False)
    ordered = shown.order_by([by, shown.who])
    if wanted.limit is not None:
        ordered = ordered.limit(wanted.limit, offset=wanted.offset)
    return lake.backend.to_pyarrow(ordered.select(*wanted.columns))


def count(lake: Lake, where: str | None) -> int:
    """How many customers a filter leaves."""
    shown = _filtered(lake, parse(where) if where else None, Wanted(columns=("customer_id",)))
    return int(lake.backend.to_pyarrow(shown.count()).as_py())


def _filtered(lake: Lake, condition: Where | None, wanted: Wanted) -> ir.Table:
    named = (*wanted.columns, *(names_in(condition) if condition else ()), wanted.order.removeprefix("-"))
    known = columns()
    for name in named:
        if name not in known:
            hint = f"there are {', '.join(known)}"
            raise Unknown(f"customers have no column {name!r}", hint=hint, field="columns")
    shown = everybody(lake, frozenset(named))
    return shown.filter(predicate(condition, shown.__getitem__)) if condition else shown


def everybody(lake: Lake, named: frozenset[str]) -> ir.Table:
    """All customers as an expression with the columns that are named, and who they are."""
    kinds = [
        k for k in SCORES if any(k + s in named for s in PARTS) or any(BESIDE[n][0] == k for n in BESIDE if n in named)
    ]
    kinds = kinds or [SCORES[0]]
    people = _people(lake, personal=bool(named & set(PRIVATE)))
    t = people
    for mark, column, by, ours in LINES:
        t = _beside(t, _newest(lake, kinds, column, ours), mark, by)
    shown: dict[str, ir.Value] = {}
    for kind in kinds:
        both = _first(t, kind)
        shown |= {kind + suffix: both[part] for suffix, part in PARTS.items()}
        shown |= {name: both["attributes"].get(key) for name, (of, key) in BESIDE.items() if of == kind}
    instants = [shown[f"{kind}_as_of"] for kind in kinds]
    as_of = ibis.greatest(*instants) if len(instants) > 1 else instants[0]
    money = [_first(t, k)["currency"] for k in kinds if k in MONEY]
    currency = money[0].coalesce(*money[1:]) if money else ibis.null("string")
    kept = [c for c in (*NAMES, "kind", *TRAITS, *PRIVATE) if c in t.columns]
    return t.select("who", "company", *kept, as_of=as_of, currency=currency, **shown)


# Our own scores come first, then those that a source gave; a customer's own before those of the company.
LINES = (
    ("a", "customer_id", "who", True), ("b", "account_id", "company", True), ("c", "customer_id", "who", False),
    ("d", "account_id", "company", False),
)  # fmt: skip
FIELDS = ("value", "low", "high", "coverage", "model", "as_of", "currency", "attributes")


def _first(t: ir.Table, kind: str) -> ir.StructValue:
    lines = [t[f"{mark}_{kind}"] for mark, *_ in LINES]
    return lines[0].coalesce(*lines[1:])


def _beside(t: ir.Table, scores: ir.Table, mark: str, by: str) -> ir.Table:
    side = scores.select(**{f"{mark}_{c}": scores[c] for c in scores.columns})
    return t.left_join(side, t[by] == side[f"{mark}_of"]).drop(f"{mark}_of")


def _newest(lake: Lake, kinds: Sequence[str], column: str, ours: bool) -> ir.Table:
    """By name of a row, the newest score of each kind as a struct."""
    t = lake.table("customer_scores")
    own = t.customer_id.notnull() if column == "customer_id" else t.account_id.notnull() & t.customer_id.isnull()
    learned = t.model.startswith("learned").fill_null(False)  # a second line of scores, which a KPI's variant shows
    made = t.source_id.startswith(MADE)
    t = t.filter(own & t.kind.isin(list(kinds)) & ~learned & (made if ours else ~made))
    whole = ibis.struct({part: t[part] for part in FIELDS})
    newest = {kind: whole.argmax(t.as_of, where=t.kind == kind) for kind in kinds}
    return t.group_by(of=t.source + ":" + t[column]).agg(**newest)


def _people(lake: Lake, *, personal: bool) -> ir.Table:
    """Customers and, of companies without any, the companies: `who, company`, their names and traits."""
    c = _whole(lake, "customers", "person", personal)
    a = _whole(lake, "accounts", "company", personal)
    a = a.filter(a.key == a.whole)
    scored = lake.table("customer_scores").select("source", "customer_id", "account_id").distinct()
    known = lake.table("customers")
    alone = scored.filter(scored.customer_id.notnull()).anti_join(
        known.select(source=known.source, customer_id=known.source_id), ["source", "customer_id"]
    )
    a_side = a.select(
        a_key=a.whole, a_source=a.source, a_id=a.source_id, a_segment=a.segment, a_tier=a.tier, a_region=a.region,
        owner=a.owner, a_created=a.created_at, a_ended=a.ended_at,
        account_name=a.name if personal else ibis.null("string"),
    )  # fmt: skip
    c = c.filter(c.key == c.whole)
    named = ibis.ifelse(c.account_id.notnull(), c.source + ":" + c.account_id, None)
    t = c.mutate(company=named).left_join(a_side, named == a_side.a_key)
    persons = t.select(
        who=t.whole, company=t.company, customer_id=t.source_id, account_id=t.account_id, source=t.source,
        kind=ibis.literal("customer"), segment=t.segment.coalesce(t.a_segment), tier=t.tier.coalesce(t.a_tier),
        region=t.region.coalesce(t.a_region), country=t.country, language=t.language,
        acquisition_channel=t.acquisition_channel, owner=t.owner, created_at=t.created_at.coalesce(t.a_created),
        ended_at=t.ended_at.coalesce(t.a_ended), name=t.name if personal else ibis.null("string"),
        account_name=t.account_name, email=t.email if personal else ibis.null("string"),
    )  # fmt: skip
    strangers = alone.select(who=alone.source + ":" + alone.customer_id, company=ibis.null("string"),
                             customer_id=alone.customer_id, account_id=alone.account_id, source=alone.source,
                             kind=ibis.literal("customer"))  # fmt: skip
    without = a_side.anti_join(persons, a_side.a_key == persons.company)
    companies = without.select(
        who=without.a_key, company=without.a_key, customer_id=ibis.null("string"), account_id=without.a_id,
        source=without.a_source, kind=ibis.literal("account"), segment=without.a_segment, tier=without.a_tier,
        region=without.a_region, owner=without.owner, created_at=without.a_created, ended_at=without.a_ended,
        account_name=without.account_name,
    )  # fmt: skip
    return ibis.union(persons, _filled(strangers.distinct(), persons), _filled(companies, persons))


def _filled(t: ir.Table, like: ir.Table) -> ir.Table:
    """The columns of `like`, null where `t` has none."""
    return t.select(**{name: t[name] if name in t.columns else ibis.null(kind) for name, kind in like.schema().items()})


def _whole(lake: Lake, table: str, name: str, personal: bool) -> ir.Table:
    """Rows of people with `key`, their own name, and `whole`, that of the person or company which they are."""
    kind = KINDS[name]
    t = lake.table(table, private=personal)
    t = t.mutate(key=t.source + ":" + t.source_id)
    links = lake.table(kind.links)
    links = links.filter((links.source == FOUND) & links.undone_at.isnull())
    side = links.select(l_source=links[kind.source], l_key=links[kind.key], l_whole=links[kind.whole])
    joined = t.left_join(side, [t.source == side.l_source, t.source_id == side.l_key])
    return joined.mutate(whole=joined.l_whole.coalesce(joined.key)).drop("l_source", "l_key", "l_whole")


def plain(table: pa.Table) -> list[dict[str, Any]]:
    """Customers as plain objects: instants as ISO text."""

    def said(value: Any) -> Any:
        return value.isoformat() if isinstance(value, datetime) else value

    rows: list[Mapping[str, Any]] = table.to_pylist()
    return [{name: said(value) for name, value in row.items()} for row in rows]
