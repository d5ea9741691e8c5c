"""The purchases of customers who may buy whenever they like, and the contracts of those who renew."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wellheard.enrich.fitting import Floats
from wellheard.enrich.past import Past
from wellheard.enrich.worth import whose

DAY = 86_400e6  # microseconds
MONTH = 30.436875 * DAY
GAP = ibis.interval(days=1)  # between two periods of one contract


@dataclass(frozen=True)
class Purchases:
    """Who bought: `who, is_person`, repeats, recency and age in days, and how much so many days of value brought."""

    who: pa.Array
    is_person: pa.Array
    repeats: Floats
    recency: Floats
    age: Floats
    valued: Floats
    mean: Floats


def purchases(past: Past) -> Purchases:
    """The days on which each customer bought, up to the instant: several orders of one day are one purchase."""
    t = past.orders()
    daily = t.group_by(who=whose(t), day=t["at"].cast("timestamp(6)").date()).agg(
        is_person=t.person.notnull().any(), value=t.revenue.sum()
    )
    each = daily.group_by("who").agg(
        is_person=ibis._.is_person.any(),
        days=ibis._.count(),
        first=ibis._.day.min(),
        last=ibis._.day.max(),
        valued=ibis._.value.count(where=ibis._.value > 0),
        revenue=ibis._.value.sum(where=ibis._.value > 0),
    )
    end = ibis.literal(past.as_of.date())
    rows = past.run(
        each.select(
            "who",
            "is_person",
            "valued",
            "revenue",
            repeats=each.days - 1,
            recency=each["last"].delta(each["first"], unit="day"),
            age=end.delta(each["first"], unit="day"),
        )
    )
    repeats, recency, age, valued, revenue = (
        _numbers(rows[name]) for name in ("repeats", "recency", "age", "valued", "revenue")
    )
    mean = np.divide(revenue, valued, out=np.zeros_like(revenue), where=valued > 0)
    who, is_person = (rows[name].combine_chunks() for name in ("who", "is_person"))
    return Purchases(who, is_person, repeats, recency, age, valued, mean)


def ended(past: Past) -> pa.Table:
    """Who is known to have left by the instant, themselves or with their company, and has not bought since.

    Rows of `who, is_person`: a customer and a company of one source may bear the same name.
    """
    c = past.people("customers")
    c = past.owned(c.mutate(customer_id=c.source_id))
    a = past.people("accounts")
    firms = a.group_by(who=a.whole).agg(gone=a.ended_at.notnull().all(), left_at=a.ended_at.max())
    side = firms.select(f_who=firms.who, f_at=ibis.ifelse(firms.gone, firms.left_at, None))
    # Who has no company pays for themselves, under a name that a company may bear too.
    c = c.mutate(firm=ibis.ifelse(c.account_id.notnull(), c.payer, None))
    each = c.left_join(side, c.firm == side.f_who)
    each = each.mutate(left_at=each.ended_at.coalesce(each.f_at))
    persons = each.group_by(who=each.person).agg(gone=each.left_at.notnull().all(), left_at=each.left_at.max())
    every = persons.mutate(is_person=True).union(firms.mutate(is_person=False))
    orders = past.orders()
    last = orders.group_by(o_who=whose(orders), o_person=orders.person.notnull()).agg(last=orders["at"].max())
    t = every.filter(every.gone).left_join(last, [every.who == last.o_who, every.is_person == last.o_person])
    return past.run(t.filter(t["last"].isnull() | (t["last"] <= t.left_at)).select("who", "is_person"))


def staying(bought: Purchases, gone: pa.Table) -> Floats:
    """1 of each who bought, and 0 of those who are among the rows of `ended`."""
    left = np.zeros(len(bought.who), dtype=bool)
    persons = bought.is_person.to_numpy(zero_copy_only=False)
    for kind in (True, False):
        names = gone.filter(pc.equal(gone["is_person"], kind))["who"].combine_chunks()
        left |= (persons == kind) & pc.is_in(bought.who, value_set=names).to_numpy(zero_copy_only=False)
    return (~left).astype(np.float64)


@dataclass(frozen=True)
class Contracts:
    """Stretches of unbroken contract, a row each: `who, is_person`, months lasted, whether it ended, is yearly, and
    what it pays a month now; `last` is the newest of its customer."""

    who: pa.Array
    is_person: pa.Array
    months: Floats
    ended: Floats
    yearly: Floats
    mrr: Floats
    last: Floats


def contracts(past: Past) -> Contracts:
    """The contracts of each customer up to the instant: periods that follow on each other are one."""
    t = past.contracts()
    t = t.select("begin", "finish", "mrr", "interval", who=whose(t), is_person=t.person.notnull())
    until = t.finish.coalesce(past.now)
    before = ibis.window(group_by=t.who, order_by=[t.begin, until], preceding=(None, 1))
    t = t.mutate(until=until, reached=until.max().over(before))
    t = t.mutate(fresh=ibis.ifelse(t.reached.isnull() | (t.begin > t.reached + GAP), 1, 0))
    mine = ibis.window(group_by=t.who, order_by=[t.begin, t.until], preceding=None, following=0)
    t = t.mutate(spell=t.fresh.sum().over(mine))
    spells = t.group_by(["who", "spell"]).agg(
        is_person=t.is_person.any(),
        begin=t.begin.min(),
        until=t.until.max(),
        ended=t.finish.notnull().all(),
        yearly=t.interval.lower().isin(("year", "yearly", "annual")).fill_null(False).any(),
        mrr=t.mrr.sum(where=t.finish.isnull()).fill_null(0.0),
    )
    newest = spells.spell.max().over(ibis.window(group_by=spells.who))
    length = spells.until.delta(spells.begin, unit="microsecond").cast("float64") / MONTH
    rows = past.run(
        spells.select("who", "is_person", "ended", "yearly", "mrr", months=length, last=spells.spell == newest)
    )
    months, ended, yearly, mrr, last = (_numbers(rows[name]) for name in ("months", "ended", "yearly", "mrr", "last"))
    who, is_person = (rows[name].combine_chunks() for name in ("who", "is_person"))
    return Contracts(who, is_person, months, ended, yearly, mrr, last)


def _numbers(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.cast(pa.float64()).fill_null(0.0).to_numpy(), dtype=np.float64)


__all__ = ["Contracts", "Purchases", "contracts", "ended", "purchases", "staying"]
