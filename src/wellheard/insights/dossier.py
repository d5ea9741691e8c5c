"""Everything of one customer or company in one place: who they are, what happened, their scores, and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import Unknown
from wellheard.enrich.health import Bar, waterfall
from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.links import FOUND, KINDS

MOST = 200  # events that are shown
TRAITS = (
    "name",
    "email",
    "phone",
    "domain",
    "segment",
    "tier",
    "region",
    "country",
    "industry",
    "language",
    "persona",
    "acquisition_channel",
    "owner",
    "created_at",
    "renewal_at",
    "ended_at",
)


@dataclass(frozen=True)
class Event:
    """Something that happened: when, of which table, in words, what the customer wrote, and the row that shows it.

    `clock` says in seconds how long its parts took, where it is a conversation.
    """

    at: datetime
    table: str
    words: str
    text: str | None
    row: str
    clock: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Dossier:
    """One customer or company. `scores` are the newest of each kind, `history` all health scores, the newest first.

    `names` are the rows that are this person or company, `beside` the company's people or the person's company.
    """

    kind: str
    id: str
    names: Sequence[str]
    traits: Mapping[str, Any]
    beside: Sequence[tuple[str, str]]
    scores: Sequence[Mapping[str, Any]]
    history: Sequence[Mapping[str, Any]]
    bars: Sequence[Bar]
    events: Sequence[Event]
    more: bool
    next_action: tuple[str, str]


# What else happened to whoever these rows are, by the kind: what lies outside the lake, such as cases.
Elsewhere = Callable[[str, Sequence[str]], Sequence[Event]]


def _nothing(kind: str, ids: Sequence[str]) -> Sequence[Event]:
    del kind, ids
    return ()


def dossier(lake: Lake, kind: str, id: str, elsewhere: Elsewhere = _nothing, of: str = "") -> Dossier:
    """The dossier of a customer (kind `customer`) or company (`account`), by id. Raises Unknown where there is none.

    With `of`, a component of health, its events are the newest of the tables behind it alone.
    """
    rows = _rows(lake, kind, id)
    ids = sorted({row["source_id"] for row in rows} | {id})
    column = "customer_id" if kind == "customer" else "account_id"
    happened = sorted((*_events(lake, column, ids, of), *elsewhere(kind, ids)), key=lambda e: e.at, reverse=True)
    events = [e for e in happened if e.table in BEHIND.get(of, (e.table,))]
    scores = _scores(lake, column, ids)
    if not rows and not events and not scores and not (of and _events(lake, column, ids)):
        raise Unknown(f"there is no {kind} {id!r}", hint="look for them in the list of customers", field="id")
    company = next((row["account_id"] for row in rows if row.get("account_id")), None) if kind == "customer" else None
    if company:
        scores += [score | {"of_company": True} for score in _scores(lake, "account_id", [company])]
    newest = _newest(scores)
    shown = next((score for score in newest if score["kind"] == "health"), {})
    line = (shown.get("ours"), shown.get("of_company"))
    history = [s for s in scores if s["kind"] == "health" and (s["ours"], s.get("of_company")) == line]
    return Dossier(
        kind,
        id,
        [f"{row['source']}:{row['source_id']}" for row in rows],
        _traits(rows),
        _beside(lake, kind, ids, company),
        newest,
        history,
        _bars(history),
        events[:MOST],
        len(events) > MOST,
        next_action(newest),
    )


def _run(lake: Lake, expression: ir.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lake.backend.to_pyarrow(expression).to_pylist()
    return found


def _rows(lake: Lake, kind: str, id: str) -> list[dict[str, Any]]:
    """The rows that are this person or company, linked ones among them."""
    links = KINDS["person" if kind == "customer" else "company"]
    t = lake.table(links.linked, private=True)
    side = lake.table(links.links)
    side = side.filter((side.source == FOUND) & side.undone_at.isnull())
    mine = side.filter(side[links.key] == id).select(links.whole).distinct()
    wholes = [row[links.whole] for row in _run(lake, mine)]
    others = side.filter(side[links.whole].isin(wholes)).select(links.key)
    keys = [row[links.key] for row in _run(lake, others)] if wholes else []
    return _run(lake, t.filter(t.source_id.isin([id, *keys])).limit(50))


def _traits(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = {}
    for name in TRAITS:
        values = list(dict.fromkeys(row[name] for row in rows if row.get(name) is not None))
        if values:
            found[name] = (
                values[0] if len(values) == 1 or isinstance(values[0], datetime) else ", ".join(map(str, values))
            )
    return found


def _beside(lake: Lake, kind: str, ids: Sequence[str], company: str | None) -> list[tuple[str, str]]:
    if kind == "customer":
        return [("account", company)] if company else []
    t = lake.table("customers")
    rows = _run(
        lake, t.filter(t.account_id.isin(list(ids))).select("source_id").distinct().order_by("source_id").limit(50)
    )
    return [("customer", row["source_id"]) for row in rows]


def _scores(lake: Lake, column: str, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Scores, the newest first, our own before given ones of the same instant."""
    t = lake.table("customer_scores")
    t = t.filter(t[column].isin(list(ids)))
    if column == "account_id":
        t = t.filter(t.customer_id.isnull())
    t = t.mutate(ours=t.source_id.startswith("score|"))
    rows = _run(lake, t.order_by([t.as_of.desc(), t.ours.desc(), t.id]).limit(2000))
    for row in rows:
        row["attributes"] = dict(row["attributes"] or [])
    return [row for row in rows if not (row["model"] or "").startswith("learned")]


def _newest(scores: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for score in sorted(scores, key=lambda s: (not s["ours"], s.get("of_company", False))):
        found.setdefault(score["kind"], score)
    return list(found.values())


def _bars(history: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """What moved health between the two newest scores whose components are known."""
    told = [s["attributes"]["components"] for s in history if "components" in s["attributes"]]
    return waterfall(told[1], told[0]) if len(told) > 1 else []


def _events(lake: Lake, column: str, ids: Sequence[str], of: str = "") -> list[Event]:
    """What happened, the newest first and one more than is shown; with `of` by the tables behind that component."""
    found: list[Event] = []
    wished = BEHIND.get(of, (*TOLD, "usage"))
    for name, (fields, words, text) in TOLD.items():
        if name not in wished:
            continue
        instant = canonical(name).instant
        assert instant is not None
        t = lake.table(name, private=bool(text))
        owner = {"referrals": "referrer_id"}.get(name, column)
        if owner not in t.columns or (name == "referrals" and column == "account_id"):
            continue
        t = t.filter(t[owner].isin(list(ids)) & t[instant].notnull())
        wanted = [c for c in (*fields, *([text] if text else [])) if c != instant]
        rows = _run(lake, t.order_by(t[instant].desc()).limit(MOST + 1).select("id", *wanted, at=t[instant]))
        found += [Event(r["at"], name, words(r), r.get(text) if text else None, r["id"], _clock(r)) for r in rows]
    found += _ended(lake, column, ids) if "subscriptions" in wished else []
    found += _use(lake, column, ids) if "usage" in wished else []
    return sorted(found, key=lambda e: e.at, reverse=True)[: MOST + 1]


def _clock(row: Mapping[str, Any]) -> dict[str, float]:
    return {words: float(row[name]) for name, words in CLOCK.items() if row.get(name) is not None}


def _ended(lake: Lake, column: str, ids: Sequence[str]) -> list[Event]:
    """The ends of contracts, beside their beginnings."""
    fields, words, _ = TOLD["subscriptions"]
    t = lake.table("subscriptions")
    t = t.filter(t[column].isin(list(ids)) & t.ended_at.notnull())
    rows = _run(lake, t.order_by(t.ended_at.desc()).limit(MOST + 1).select("id", *fields, at=t.ended_at))
    return [Event(r["at"], "subscriptions", f"ended: {words(r)}", None, r["id"]) for r in rows]


def _use(lake: Lake, column: str, ids: Sequence[str]) -> list[Event]:
    """Use of the product, a line a week."""
    t = lake.table("usage")
    t = t.filter(t[column].isin(list(ids)))
    week = t.used_at.cast("timestamp(6)").truncate("W")
    rows = _run(
        lake,
        t.group_by(week=week)
        .agg(at=t.used_at.max(), n=t.quantity.fill_null(1.0).sum(), features=t.feature.nunique())
        .order_by(ibis.desc("week"))
        .limit(MOST),
    )
    return [Event(r["at"], "usage", _used(r["n"], r["features"]), None, "") for r in rows]


def _used(times: float, features: int) -> str:
    return (
        f"{times:,.0f} use{'' if times == 1 else 's'} of {features} feature{'' if features == 1 else 's'} in the week"
    )


def _written(value: Any) -> str:
    if hasattr(value, "quantize"):
        return f"{value:,.2f}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _said(*names: str) -> Callable[[Mapping[str, Any]], str]:
    def words(row: Mapping[str, Any]) -> str:
        return " · ".join(_written(row[n]) for n in names if row.get(n) is not None)

    return words


# What a conversation's clock measured, and how it is told.
CLOCK = {
    "first_response_seconds": "first reply after",
    "waiting_on_us_seconds": "waited for us",
    "resolution_seconds": "resolved after",
}

# The tables that hold the rows behind each component of health.
BEHIND: Mapping[str, tuple[str, ...]] = {
    "usage": ("usage",),
    "support": ("conversations",),
    "engagement": ("survey_responses", "orders", "referrals"),
    "payment": ("invoices",),
    "survey": ("survey_responses",),
    "sentiment": ("survey_responses", "feedback", "conversations"),
}

# By table: its columns, how a row is told, and the column of what the customer wrote.
TOLD: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any]], str], str | None]] = {
    "survey_responses": (("kind", "score", "choice"), _said("kind", "score", "choice"), "comment"),
    "feedback": (("channel", "rating"), _said("channel", "rating"), "body"),
    "conversations": (("channel", "topic", "status", *CLOCK), _said("channel", "topic", "status"), None),
    "orders": (("kind", "product", "revenue", "currency"), _said("kind", "product", "revenue", "currency"), None),
    "subscriptions": (("plan", "status", "mrr", "currency"), _said("plan", "status", "mrr", "currency"), None),
    "invoices": (("status", "amount", "currency"), _said("status", "amount", "currency"), None),
    "referrals": (("status", "referred_id"), _said("status", "referred_id"), None),
}


def next_action(scores: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """What to do next, and why: the first of a few plain rules that fits the newest scores."""
    by_kind = {score["kind"]: score for score in scores}
    health, risk = by_kind.get("health", {}), by_kind.get("churn_risk_90d", {})
    beside = health.get("attributes", {})
    parts = json.loads(beside.get("components") or "{}")
    known = {name: value for name, (value, _) in parts.items() if value is not None}
    worst = min(known, key=lambda name: known[name], default="")
    if beside.get("band") == "churned":
        return "Ask why they left", "They have left; what they say is worth more than what we guess."
    if (risk.get("value") or 0) >= 0.2 or (health.get("value") is not None and health["value"] < 40):
        why = risk.get("attributes", {}).get("reasons") or f"the weakest part of their health is {worst or 'not known'}"
        return ACTIONS.get(worst, "Call them this week"), f"They are at risk: {why}."
    if known and known[worst] < 40:
        return ACTIONS.get(
            worst, "Look into it"
        ), f"Their {worst} is at {known[worst]:.0f} of 100, though the rest holds."
    if known.get("survey", 0) >= 90:
        return "Ask for a referral", "They recommend us."
    if not health or (health.get("coverage") or 0) < 40:
        return "Ask them how it goes", "Too little is known of them to say how they are."
    return "Nothing needs doing", "No score asks for anything."


ACTIONS = {
    "usage": "Offer help with getting started again",
    "support": "Have their open requests looked at, and tell them",
    "engagement": "Get in touch in person: they answer no surveys and order less",
    "payment": "Talk about the unpaid invoices before they become a quarrel",
    "sentiment": "Read what they wrote, and answer it",
    "survey": "Call them about their answers",
}
