"""What was known of a workspace up to an instant: every row with whose it is, and nothing of what came later.

Everything that predicts reads the facts through here, so that no feature can see the future.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from wellheard.base.errors import BadInput
from wellheard.base.settings import Settings
from wellheard.base.statuses import NOT_AN_ORDER, PAUSED
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Type
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.exchange import converted
from wellheard.warehouse.links import FOUND, KINDS

NAIVE = "timestamp(6)"
UTC = "timestamp('UTC', 6)"
FACTS = (
    "orders", "subscriptions", "invoices", "conversations", "usage", "survey_responses", "feedback", "referrals",
    "visits", "costs", "survey_invitations",
)  # fmt: skip
# What is true of a row from some later instant on, and which of its columns say when: before it, it is not known.
SETTLED = {
    "conversations": (("escalated", "reopen_count", "resolution_seconds", "first_response_seconds"), "resolved_at"),
}
# What a row says of a later state without saying when: never known of the past.
UNDATED = {
    "orders": ("refunded",), "invoices": ("status",), "referrals": ("status",),
}  # fmt: skip


def moment(at: datetime) -> ir.TimestampScalar:
    """A UTC instant as a literal of an expression."""
    return ibis.literal(at.replace(tzinfo=None), type=NAIVE).cast(UTC)


def data_end(lake: Lake, now: datetime) -> datetime:
    """The last instant at which anything happened, up to now. Raises BadInput where nothing did."""
    ends = []
    for name in FACTS:
        instant = canonical(name).instant
        assert instant is not None
        t = lake.table(name)
        ends.append(t.filter(t[instant] <= moment(now)).aggregate(last=t[instant].max()))
    found = lake.backend.to_pyarrow(ibis.union(*ends))["last"].to_pylist()
    last = max((end for end in found if end is not None), default=None)
    if last is None:
        raise BadInput("there is nothing to score yet", hint="import orders, subscriptions, usage or answers first")
    return last  # type: ignore[no-any-return]


class Past:
    """The facts up to and with an instant. `person` is a customer and `payer` their company, or themselves without one.

    Both are the name of a row, `source:source_id`; of linked rows that of the person or company.
    """

    def __init__(self, lake: Lake, settings: Settings, as_of: datetime) -> None:
        self.lake, self.settings, self.as_of = lake, settings, as_of
        self._held: list[str] = []

    def __enter__(self) -> Past:
        return self

    def __exit__(self, *_: object) -> None:
        for name in self._held:
            self.lake.con.execute(f'drop table if exists temp.main."{name}"')

    def hold(self, expression: ir.Table) -> ir.Table:
        """The rows of an expression, computed once."""
        name = self.lake.hold(self.lake.backend.compile(expression))
        self._held.append(name)
        return self.lake.held(name)

    def run(self, expression: ir.Table) -> pa.Table:
        return self.lake.backend.to_pyarrow(expression)

    def has(self, name: str) -> bool:
        """Whether a table had any rows by then."""
        if name not in self._known:
            instant = canonical(name).instant
            t = self.lake.table(name)
            t = t if instant is None else t.filter(t[instant] <= moment(self.as_of))
            self._known[name] = bool(self.run(t.limit(1).select("id")).num_rows)
        return self._known[name]

    @cached_property
    def _known(self) -> dict[str, bool]:
        return {}

    def table(self, name: str, *, hindsight: bool = False) -> ir.Table:
        """The rows of a fact table up to the instant, with `at`, `person` and `payer`; what came later is null.

        With `hindsight`, columns without an instant are as they are now: for money that is booked, never to predict.
        """
        instant = canonical(name).instant
        assert instant is not None
        t = self._version(name) if canonical(name).versioned else self.lake.table(name)
        t = t.filter(t[instant] <= moment(self.as_of))
        return self.owned((t if hindsight else self._masked(t, name)).mutate(at=t[instant]))

    def _version(self, name: str) -> ir.Table:
        """Of a table with history, the version of each row that held at the instant."""
        t = self.lake.table(name, history=True)
        begun = t.valid_from.isnull() | (t.valid_from <= moment(self.as_of))
        return t.filter(begun & (t.valid_to.isnull() | (t.valid_to > moment(self.as_of))))

    def _masked(self, t: ir.Table, name: str) -> ir.Table:
        words = canonical(name)
        instants = [c.name for c in words.columns if c.type is Type.INSTANT and c.name != words.instant]
        at = moment(self.as_of)
        t = t.mutate(**{c: ibis.ifelse(t[c] <= at, t[c], None) for c in instants if c in t.columns})
        hidden = {c: ibis.null(t[c].type()) for c in UNDATED.get(name, ()) if c in t.columns}
        if name in SETTLED:
            columns, when = SETTLED[name]
            hidden |= {c: ibis.ifelse(t[when].notnull(), t[c], None) for c in columns}
        return t.mutate(**hidden) if hidden else t

    def people(self, name: str) -> ir.Table:
        """Customers or accounts as they were: `key`, `person` or company, and their columns; later ends are null."""
        kind = "person" if name == "customers" else "company"
        t = self._version(name)
        t = t.filter(t.created_at.isnull() | (t.created_at <= moment(self.as_of)))
        return self._linked(self._masked(t.mutate(key=t.source + ":" + t.source_id), name), kind)

    def _linked(self, t: ir.Table, name: str) -> ir.Table:
        """Adds `whole`: the person or company that a row of people is, which is the row itself where none is linked."""
        kind = KINDS[name]
        links = self.lake.table(kind.links)
        links = links.filter((links.source == FOUND) & links.undone_at.isnull())
        side = links.select(l_source=links[kind.source], l_key=links[kind.key], l_whole=links[kind.whole])
        joined = t.left_join(side, [t.source == side.l_source, t.source_id == side.l_key])
        return joined.mutate(whole=joined.l_whole.coalesce(joined.key)).drop("l_source", "l_key", "l_whole")

    @cached_property
    def _companies(self) -> ir.Table:
        t = self.people("accounts")
        return self.hold(t.select(source=t.source, id=t.source_id, company=t.whole).distinct())

    @cached_property
    def _persons(self) -> ir.Table:
        t = self.people("customers")
        rows = t.select(source=t.source, id=t.source_id, account=t.account_id, own=t.whole).distinct()
        return self.hold(self._with_company(rows, "account").select("source", "id", "own", "company"))

    def owned(self, t: ir.Table) -> ir.Table:
        """Adds `person` and `payer` by a row's `customer_id` and `account_id`, whichever it has."""
        for column in ("customer_id", "account_id"):
            if column not in t.columns:
                t = t.mutate(**{column: ibis.null("string")})
        names = [c for c in t.columns if c not in ("person", "payer")]
        t = self._matched(t, self._persons, "customer_id", {"p_own": "own", "p_company": "company"})
        t = self._with_company(t, "account_id")
        own = ibis.ifelse(t.customer_id.notnull(), t.source + ":" + t.customer_id, None)
        person = t.p_own.coalesce(own)
        return t.select(*names, person=person, payer=t.company.coalesce(t.p_company, person))

    def _with_company(self, t: ir.Table, column: str) -> ir.Table:
        t = self._matched(t, self._companies, column, {"a_company": "company"})
        own = ibis.ifelse(t[column].notnull(), t.source + ":" + t[column], None)
        return t.mutate(company=t.a_company.coalesce(own)).drop("a_company")

    def _matched(self, t: ir.Table, side: ir.Table, column: str, taken: dict[str, str]) -> ir.Table:
        """Joins people by id: those of the row's own source first, else the only source that uses the id."""
        kept = {f"o_{a}": side[b] for a, b in taken.items()}
        if self._one_source:
            only = side.select(o_id=side.id, **kept)
            t = t.left_join(only, t[column] == only.o_id)
            return t.rename({a: f"o_{a}" for a in taken}).drop("o_id")
        users = side.group_by(o_id=side.id).agg(n=side.count(), **{a: b.min() for a, b in kept.items()})
        only = users.filter(users.n == 1).drop("n")
        t = t.left_join(only, t[column] == only.o_id)
        own = side.select(i_source=side.source, i_id=side.id, **{f"i_{a}": side[b] for a, b in taken.items()})
        t = t.left_join(own, [t[column] == own.i_id, t.source == own.i_source])
        both = {a: t[f"i_{a}"].coalesce(t[f"o_{a}"]) for a in taken}
        return t.mutate(**both).drop("i_source", "i_id", "o_id", *(f"{m}_{a}" for m in "io" for a in taken))

    @cached_property
    def _one_source(self) -> bool:
        sources = [self.lake.table(name).select("source").distinct() for name in ("customers", "accounts")]
        return bool(self.run(ibis.union(*sources, distinct=True)).num_rows <= 1)

    def money(self, t: ir.Table, amounts: Sequence[str]) -> ir.Table:
        """The rows with amounts as doubles of the reporting currency, at the rates of `at`; null without a rate."""
        t = converted(t, self.lake.table("fx_rates"), self.currency, amounts, "at")
        return t.mutate(**{name: ibis.ifelse(t.no_rate, None, t[name].cast("float64")) for name in amounts})

    @cached_property
    def currency(self) -> str | None:
        """The currency in which money is reported: the one that is set, else the commonest of orders and contracts."""
        if self.settings.currency:
            return self.settings.currency
        held = [self.lake.table(name).select("currency") for name in ("orders", "subscriptions", "invoices", "costs")]
        every = ibis.union(*held)
        counted = every.filter(every.currency.notnull()).group_by("currency").agg(n=ibis._.count())
        rows: list[dict[str, Any]] = self.run(counted).to_pylist()
        return min(rows, key=lambda row: (-row["n"], row["currency"]))["currency"] if rows else None

    def orders(self) -> ir.Table:
        """Orders that stand with `revenue` in the reporting currency."""
        t = self.table("orders")
        t = t.filter(~t.status.lower().isin(NOT_AN_ORDER).fill_null(False) & t.payer.notnull())
        return self.money(t, ["revenue", "goods_cost"])

    def contracts(self) -> ir.Table:
        """Paid periods of subscriptions that are not paused: `begin`, `finish` (null while it runs) and `mrr`."""
        t = self.table("subscriptions")
        paid = ~t.trial.fill_null(False) & (t.mrr.isnull() | (t.mrr > 0))
        kept = paid & ~t.status.lower().isin(PAUSED).fill_null(False) & t.payer.notnull()
        t = t.filter(kept & (t.ended_at.isnull() | (t.ended_at > t.started_at)))
        return self.money(t.mutate(begin=t.started_at, finish=t.ended_at), ["mrr"])

    def lives(self) -> ir.Table:
        """Who was a customer from when to when: `payer, begin, finish`, a row a span, `finish` null while it runs.

        Paid periods of subscriptions; without any, the lives of companies and customers where some have ended;
        without those, each order makes its customer one for the days that the setting `inactive_days` says.
        """
        if self.has("subscriptions"):
            t = self.contracts()
            return t.select("payer", "begin", "finish")
        if self._any_ended("accounts") or self._any_ended("customers"):
            a = self.people("accounts")
            c = self._with_company(self.people("customers"), "account_id")
            companies = a.select(payer=a.whole, begin=a.created_at, finish=a.ended_at)
            alone = c.filter(c.company.isnull())
            both = companies.union(alone.select(payer=alone.whole, begin=alone.created_at, finish=alone.ended_at))
            return both.filter(both.begin.notnull())
        t = self.orders()
        days = ibis.interval(days=self.settings.inactive_days)
        return t.select("payer", begin=t["at"], finish=t["at"] + days)

    def _any_ended(self, name: str) -> bool:
        t = self.lake.table(name)
        return bool(self.run(t.filter(t.ended_at.notnull()).limit(1).select("id")).num_rows)
