"""What customers did up to an instant, in numbers: the features from which health and the risk of leaving are read.

Each comes from one canonical table through `Past`, so that none of them knows what came later. A row is a payer: a
company, or a customer without one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from wellheard.enrich.past import Past

DAY = 86_400e6  # microseconds
TRAITS = ("segment", "tier", "region", "country", "acquisition_channel", "industry")
SCALES = {"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)}
YEARLY = ("year", "yearly", "annual")


def _since(past: Past, days: float) -> ir.TimestampScalar:
    return past.ago(days)


def _days_ago(past: Past, at: ir.TimestampValue) -> ir.FloatingValue:
    return past.now.delta(at, unit="microsecond").cast("float64") / DAY


def living(past: Past) -> ir.Table:
    """Who is a customer at the instant: `payer`, and since when: `tenure_days` and how often they had left before."""
    t = past.lives().filter(ibis._.payer.notnull())
    at = past.now
    here = (t.begin <= at) & (t.finish.isnull() | (t.finish > at))
    each = t.group_by("payer").agg(first=t.begin.min(), here=here.any())
    there = each.filter(each.here)
    return there.select("payer", tenure_days=_days_ago(past, there["first"]))


def _usage(past: Past) -> ir.Table:
    t = past.table("usage")
    month, quarter = t["at"] > _since(past, 30), t["at"] > _since(past, 120)
    amount = t.quantity.fill_null(1.0).cast("float64")
    each = t.group_by("payer").agg(
        usage_30d=amount.sum(where=month).fill_null(0.0),
        usage_before=(amount.sum(where=quarter & ~month) / 3).fill_null(0.0),
        usage_features_90d=t.feature.nunique(where=t["at"] > _since(past, 90)).cast("float64"),
        usage_features_before=t.feature.nunique(
            where=(t["at"] <= _since(past, 90)) & (t["at"] > _since(past, 180))
        ).cast("float64"),
        usage_days_30d=t["at"].cast("timestamp(6)").date().nunique(where=month).cast("float64"),
        last=t["at"].max(),
    )
    return each.mutate(usage_days_since=_days_ago(past, each["last"])).drop("last")


def _conversations(past: Past) -> ir.Table:
    t = past.table("conversations")
    t = t.filter(t.merged_into.isnull() & ~t.spam.fill_null(False))
    year, quarter = t["at"] > _since(past, 365), t["at"] > _since(past, 90)
    each = t.group_by("payer").agg(
        contacts_30d=t.count(where=t["at"] > _since(past, 30)).cast("float64"),
        contacts_90d=t.count(where=quarter).cast("float64"),
        contacts_365d=t.count(where=year).cast("float64"),
        escalations_180d=t.count(where=(t["at"] > _since(past, 180)) & t.escalated).cast("float64"),
        reopens_180d=t.reopen_count.sum(where=t["at"] > _since(past, 180)).cast("float64").fill_null(0.0),
        unresolved=t.count(where=t.resolved_at.isnull() & (t["at"] > _since(past, 60))).cast("float64"),
        resolution_hours=t.resolution_seconds.mean(where=t["at"] > _since(past, 180)) / 3600,
        last=t["at"].max(),
    )
    return each.mutate(contact_days_since=_days_ago(past, each["last"])).drop("last")


def _answers(past: Past) -> ir.Table:
    t = past.table("survey_responses")
    t = t.filter(t.score.notnull() & ~t.test.fill_null(False) & t.flag.isnull())
    year = t["at"] > _since(past, 365)
    low, high = t.scale_min, t.scale_max
    for kind, (least, most) in SCALES.items():
        low = ibis.ifelse(low.isnull() & (t.kind == kind), least, low)
        high = ibis.ifelse(high.isnull() & (t.kind == kind), most, high)
    share = ibis.ifelse(high > low, (t.score - low) / (high - low), None)
    each = t.group_by("payer").agg(
        nps_score=t.score.mean(where=(t.kind == "nps") & year),
        satisfaction=share.mean(where=t.kind.isin(("csat", "ces")) & year),
        answers_365d=t.count(where=year).cast("float64"),
        last=t["at"].max(),
    )
    return each.mutate(answer_days_since=_days_ago(past, each["last"])).drop("last")


def _invitations(past: Past) -> ir.Table:
    t = past.table("survey_invitations")
    asked = t["at"] > _since(past, 365)
    return t.group_by("payer").agg(
        invited_365d=t.count(where=asked).cast("float64"),
        unsubscribed=t.count(where=t.unsubscribed.fill_null(False)).cast("float64"),
    )


def _orders(past: Past) -> ir.Table:
    t = past.orders()
    t = t.mutate(day=t["at"].cast("timestamp(6)").date())
    each = t.group_by("payer").agg(
        orders_90d=t.day.nunique(where=t["at"] > _since(past, 90)).cast("float64"),
        orders_365d=t.day.nunique(where=t["at"] > _since(past, 365)).cast("float64"),
        revenue_365d=t.revenue.sum(where=t["at"] > _since(past, 365)).fill_null(0.0),
        days=t.day.nunique(),
        first=t["at"].min(),
        last=t["at"].max(),
    )
    span = _days_ago(past, each["first"]) - _days_ago(past, each["last"])
    rhythm = ibis.ifelse(each.days > 1, span / (each.days - 1).cast("float64"), None)
    since = _days_ago(past, each["last"])
    late = ibis.ifelse(rhythm > 0, since / rhythm, None)
    return each.mutate(order_days_since=since, order_lateness=late).drop("days", "first", "last")


def _invoices(past: Past) -> ir.Table:
    t = past.table("invoices")
    at = past.now
    # A date on which a bill falls due is known before it comes, but only one that has passed can be missed.
    missed = (t.due_at <= at) & t.paid_at.isnull()
    year = t["at"] > _since(past, 365)
    paid_late = (t.paid_at > t.due_at) & year
    days = t.paid_at.delta(t.due_at, unit="microsecond").cast("float64") / DAY
    return t.group_by("payer").agg(
        overdue_invoices=t.count(where=missed).cast("float64"),
        late_payments_365d=t.count(where=paid_late).cast("float64"),
        payment_delay_days=days.mean(where=year),
        invoices_365d=t.count(where=year).cast("float64"),
    )


def _texts(past: Past) -> ir.Table:
    t = past.table("text_scores")
    t = t.filter(t.valence.notnull() & t.model.fill_null("").lower().startswith("human").__invert__())
    half, quarter = t["at"] > _since(past, 180), t["at"] > _since(past, 60)
    each = t.group_by("payer").agg(
        valence_60d=t.valence.mean(where=quarter), valence_before=t.valence.mean(where=half & ~quarter)
    )
    return each.mutate(valence_turn=each.valence_60d - each.valence_before)


def _contracts(past: Past) -> ir.Table:
    t = past.contracts()
    then = _since(past, 180)
    running = t.finish.isnull()
    before = (t.begin <= then) & (t.finish.isnull() | (t.finish > then))
    yearly = t.interval.lower().isin(YEARLY).fill_null(False)
    each = t.group_by("payer").agg(
        mrr=t.mrr.sum(where=running).fill_null(0.0),
        mrr_before=t.mrr.sum(where=before),
        contracts=t.count(where=running).cast("float64"),
        yearly=(running & yearly).cast("int8").max().cast("float64"),
        ended_contracts_180d=t.count(where=t.finish > then).cast("float64"),
        begun=t.begin.max(where=running),
    )
    age = _days_ago(past, each.begun)
    to_renewal = ibis.ifelse(each.yearly > 0, 365.25 - age + (age / 365.25).floor() * 365.25, None)
    grown = ibis.ifelse(each.mrr_before > 0, each.mrr / each.mrr_before - 1, None)
    return each.mutate(contract_days=age, renewal_days=to_renewal, mrr_growth_180d=grown).drop("begun", "mrr_before")


def _referrals(past: Past) -> ir.Table:
    t = past.lake.table("referrals")
    t = t.filter(t.referred_at <= past.now).mutate(customer_id=t.referrer_id)
    return past.owned(t).group_by("payer").agg(referrals=ibis._.count().cast("float64"))


def _traits(past: Past) -> ir.Table:
    """Segment, tier, region and the like, as they were then; of a company its own, else those of one of its people."""
    c = past.people("customers")
    c = past.owned(c.mutate(customer_id=c.source_id))
    a = past.people("accounts")
    own = [n for n in TRAITS if n in c.columns]
    people = c.group_by("payer").agg(people=c.count().cast("float64"), **{f"c_{n}": c[n].min() for n in own})
    held = [n for n in TRAITS if n in a.columns]
    firms = a.group_by(a_payer=a.whole).agg(**{f"a_{n}": a[n].min() for n in held})
    both = people.outer_join(firms, people.payer == firms.a_payer)
    traits = {}
    for name in TRAITS:
        sides = [both[f"{m}_{name}"] for m, names in (("a", held), ("c", own)) if name in names]
        traits[name] = sides[0].coalesce(*sides[1:]) if len(sides) > 1 else sides[0]
    return both.select(payer=both.payer.coalesce(both.a_payer), people=both.people, **traits)


GROUPS: dict[str, Callable[[Past], ir.Table]] = {
    "usage": _usage, "conversations": _conversations, "survey_responses": _answers, "survey_invitations": _invitations,
    "orders": _orders, "invoices": _invoices, "text_scores": _texts, "subscriptions": _contracts,
    "referrals": _referrals,
}  # fmt: skip


def behaviour(past: Past) -> pd.DataFrame:
    """One row a payer who is a customer at the instant, by `payer`: numbers (NaN where not known), traits (text)."""
    past.keep("base", lambda: living(past))
    known = [table for table in GROUPS if past.has(table)]
    for table in known:
        past.keep(f"of {table}", partial(_group, past, GROUPS[table]))
    past.keep("of people", partial(_group, past, _traits))
    rows = past.read(f"behaviour of {' '.join(known)}", lambda: _joined(past, [*known, "people"]))
    return shaped(rows.to_pandas())


def _group(past: Past, group: Callable[[Past], ir.Table]) -> ir.Table:
    return group(past).filter(ibis._.payer.notnull()).rename(s_payer="payer")


def _joined(past: Past, tables: list[str]) -> ir.Table:
    t = past.held("base")
    names = list(t.columns)
    for table in tables:
        side = past.held(f"of {table}")
        names += [c for c in side.columns if c != "s_payer"]
        t = t.left_join(side, t.payer == side.s_payer).select(*names)
    return t.order_by("payer")


def shaped(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with counts of 0 where a table has no row of somebody, and with the ratios that counts allow."""
    found = frame.set_index("payer")
    counts = [c for c in found.columns if c in COUNTS]
    found[counts] = found[counts].fillna(0.0)
    if "usage_before" in found:
        before, now = found["usage_before"], found["usage_30d"]
        found["usage_change"] = np.where(before > 0, np.clip(now / before.where(before > 0, 1.0) - 1, -1, 3), np.nan)
    if "contacts_90d" in found:
        found["contacts_change"] = found["contacts_90d"] - (found["contacts_365d"] - found["contacts_90d"]) / 3
    numbers: dict[str, Any] = {
        c: found[c].astype("float64")
        for c in found.columns
        if c not in TRAITS and pd.api.types.is_numeric_dtype(found[c].dtype)
    }
    traits = {c: found[c].astype(object) for c in found.columns if c in TRAITS}
    return pd.DataFrame(numbers | traits, index=found.index)


COUNTS = frozenset(
    (
        "usage_30d", "usage_before", "usage_features_90d", "usage_features_before", "usage_days_30d", "contacts_30d",
        "contacts_90d", "contacts_365d", "escalations_180d", "reopens_180d", "unresolved", "answers_365d",
        "invited_365d", "unsubscribed", "orders_90d", "orders_365d", "revenue_365d", "overdue_invoices",
        "late_payments_365d", "invoices_365d", "referrals", "people", "ended_contracts_180d",
    )
)  # fmt: skip


def gone_by(past: Past, days: int) -> pd.DataFrame:
    """Of the payers who are customers at the instant, who is none so many days later: `gone`, 1 or 0, by payer.

    `after` says after how many days they left, NaN of those who stayed. This is the one place that looks beyond the
    instant. Call it where the data reach that far.
    """
    ahead = past.as_of + timedelta(days=days)
    with past.at(ahead, f"{past.name}_later") as later:
        still = later.read("still", lambda: living(later).select("payer"))["payer"].to_pandas()
        ends = later.read("ends", lambda: _ends(later)).to_pandas().set_index("payer")["finish"]
    now = past.read("there", lambda: living(past).select("payer"))["payer"].to_pandas()
    gone = (~now.isin(set(still))).astype("float64").to_numpy()
    left_at = pd.to_datetime(ends.reindex(now.to_numpy()), utc=True)
    after = (left_at - pd.Timestamp(past.as_of)).dt.total_seconds().to_numpy() / 86_400
    return pd.DataFrame({"gone": gone, "after": np.where(gone > 0, after, np.nan)}, index=now.to_numpy())


def lost_by(past: Past, days: int) -> pd.DataFrame:
    """As `gone_by`, of those who end a contract within so many days, whether or not they keep another."""
    ahead = past.as_of + timedelta(days=days)
    now = past.read("there", lambda: living(past).select("payer"))["payer"].to_pandas()
    with past.at(ahead, f"{past.name}_later") as later:
        rows = later.read("ended contracts", lambda: _ended(later)).to_pandas()
    first = rows[rows["finish"] > pd.Timestamp(past.as_of)].groupby("payer")["finish"].min()
    left_at = pd.to_datetime(first.reindex(now.to_numpy()), utc=True)
    after = (left_at - pd.Timestamp(past.as_of)).dt.total_seconds().to_numpy() / 86_400
    return pd.DataFrame({"gone": np.isfinite(after).astype(float), "after": after}, index=now.to_numpy())


def _ends(past: Past) -> ir.Table:
    t = past.lives()
    t = t.filter(t.payer.notnull() & t.finish.notnull() & (t.finish <= past.now))
    return t.group_by("payer").agg(finish=t.finish.max())


def _ended(past: Past) -> ir.Table:
    t = past.contracts()
    return t.filter(t.finish.notnull()).select("payer", "finish")
