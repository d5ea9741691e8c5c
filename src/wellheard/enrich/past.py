"""What was known of a workspace up to an instant: every row with whose it is, and nothing of what came later.

Everything that predicts reads the facts through here, so that no feature can see the future.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC as UTC_ZONE
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
KEPT_STATEMENTS = 512
_STATED: dict[tuple[Any, ...], str] = {}
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
    last = _edges(lake, now)[1]
    if last is None:
        raise BadInput("there is nothing to score yet", hint="import orders, subscriptions, usage or answers first")
    return last


def data_start(lake: Lake) -> datetime:
    """The first instant at which anything happened; the beginning of time where nothing did."""
    return _edges(lake, datetime.max.replace(tzinfo=UTC_ZONE))[0] or datetime.min.replace(tzinfo=UTC_ZONE)


def _edges(lake: Lake, now: datetime) -> tuple[datetime | None, datetime | None]:
    ends = []
    for name in FACTS:
        instant = canonical(name).instant
        assert instant is not None
        t = lake.table(name)
        ends.append(t.filter(t[instant] <= moment(now)).aggregate(first=t[instant].min(), last=t[instant].max()))
    row = lake.backend.to_pyarrow(ibis.union(*ends))
    first, last = ([at for at in row[side].to_pylist() if at is not None] for side in ("first", "last"))
    return min(first, default=None), max(last, default=None)


class Past:
    """The facts up to and with an instant. `person` is a customer and `payer` their company, or themselves without one.

    Both are the name of a row, `source:source_id`; of linked rows that of the person or company.
    """

    def __init__(self, lake: Lake, settings: Settings, as_of: datetime, name: str = "past", sample: int = 1) -> None:
        """`name` keeps what it holds apart from another's; of every `sample` payers one is looked at."""
        self.lake, self.settings, self.as_of = lake, settings, as_of
        self.name, self.sample = name, sample
        self._held: set[str] = set()

    def __enter__(self) -> Past:
        self.lake.hold(f"select timestamptz '{self.as_of.isoformat()}' as at", self._place("instant"))
        self._held.add(self._place("instant"))
        self.keep("companies", self._companies)
        self.keep("persons", self._persons)
        return self

    def at(self, as_of: datetime, name: str, sample: int | None = None) -> Past:
        """The same workspace at another instant; what does not hang on the instant is not asked for again."""
        other = Past(self.lake, self.settings, as_of, name, sample or self.sample)
        other.__dict__ |= {"_one_source": self._one_source, "currency": self.currency}
        return other

    def __exit__(self, *_: object) -> None:
        for name in self._held:
            self.lake.con.execute(f'drop table if exists temp.main."{name}"')

    def _place(self, key: str) -> str:
        return f"_{self.name}_{key}"

    @property
    def now(self) -> ir.TimestampScalar:
        """The instant, as a value of the tables: so a statement is the same at every instant, and is made once."""
        return self.held("instant")["at"].as_scalar()

    def ago(self, days: float) -> ir.TimestampScalar:
        """The instant so many days before."""
        return self.now - ibis.interval(hours=round(24 * days))

    def keep(self, key: str, build: Callable[[], ir.Table]) -> None:
        """Holds the rows of an expression until the end, as `held` gives them; `key` names the expression for good."""
        self.lake.hold(self._stated(key, build), self._place(key))
        self._held.add(self._place(key))

    def hold(self, expression: ir.Table) -> ir.Table:
        """The rows of an expression that is asked for once, held until the end."""
        name = self.lake.hold(self.lake.backend.compile(expression))
        self._held.add(name)
        return self.lake.held(name)

    def held(self, key: str) -> ir.Table:
        """What `keep` held."""
        return self.lake.held(self._place(key))

    def read(self, key: str, build: Callable[[], ir.Table]) -> pa.Table:
        """The rows of an expression; `key` names the expression for good."""
        return self.lake.fetch(self._stated(key, build))

    def _stated(self, key: str, build: Callable[[], ir.Table]) -> str:
        """The statement of an expression: to make one takes longer than to run it, and every instant asks the same."""
        shape = (str(self.lake.folder), self.name, self.sample, self._one_source, self.currency, key)
        full = (*shape, self.settings.inactive_days, self.settings.margin_percent)
        if full not in _STATED:
            if len(_STATED) >= KEPT_STATEMENTS:
                _STATED.clear()
            _STATED[full] = self.lake.backend.compile(build())
        return _STATED[full]

    def run(self, expression: ir.Table) -> pa.Table:
        return self.lake.backend.to_pyarrow(expression)

    def has(self, name: str) -> bool:
        """Whether a table had any rows by then."""
        if name not in self._known:
            self._known[name] = bool(self.read(f"has {name}", lambda: self._some(name)).num_rows)
        return self._known[name]

    def _some(self, name: str) -> ir.Table:
        instant = canonical(name).instant
        t = self.lake.table(name)
        return (t if instant is None else t.filter(t[instant] <= self.now)).select("id").limit(1)

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
        t = t.filter(t[instant] <= self.now)
        return self.owned((t if hindsight else self._masked(t, name)).mutate(at=t[instant]))

    def _version(self, name: str) -> ir.Table:
        """Of a table with history, the version of each row that held at the instant."""
        t = self.lake.table(name, history=True)
        begun = t.valid_from.isnull() | (t.valid_from <= self.now)
        return t.filter(begun & (t.valid_to.isnull() | (t.valid_to > self.now)))

    def _masked(self, t: ir.Table, name: str) -> ir.Table:
        words = canonical(name)
        instants = [c.name for c in words.columns if c.type is Type.INSTANT and c.name != words.instant]
        at = self.now
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
        t = t.filter(t.created_at.isnull() | (t.created_at <= self.now))
        return self._linked(self._masked(t.mutate(key=t.source + ":" + t.source_id), name), kind)

    def _linked(self, t: ir.Table, name: str) -> ir.Table:
        """Adds `whole`: the person or company that a row of people is, which is the row itself where none is linked."""
        kind = KINDS[name]
        links = self.lake.table(kind.links)
        links = links.filter((links.source == FOUND) & links.undone_at.isnull())
        side = links.select(l_source=links[kind.source], l_key=links[kind.key], l_whole=links[kind.whole])
        joined = t.left_join(side, [t.source == side.l_source, t.source_id == side.l_key])
        return joined.mutate(whole=joined.l_whole.coalesce(joined.key)).drop("l_source", "l_key", "l_whole")

    def _companies(self) -> ir.Table:
        t = self.people("accounts")
        return t.select(source=t.source, id=t.source_id, company=t.whole).distinct()

    def _persons(self) -> ir.Table:
        t = self.people("customers")
        rows = t.select(source=t.source, id=t.source_id, account=t.account_id, own=t.whole).distinct()
        return self._with_company(rows, "account").select("source", "id", "own", "company")

    def owned(self, t: ir.Table) -> ir.Table:
        """Adds `person` and `payer` by a row's `customer_id` and `account_id`, whichever it has."""
        for column in ("customer_id", "account_id"):
            if column not in t.columns:
                t = t.mutate(**{column: ibis.null("string")})
        names = [c for c in t.columns if c not in ("person", "payer")]
        t = self._matched(t, self.held("persons"), "customer_id", {"p_own": "own", "p_company": "company"})
        t = self._with_company(t, "account_id")
        own = ibis.ifelse(t.customer_id.notnull(), t.source + ":" + t.customer_id, None)
        person = t.p_own.coalesce(own)
        t = t.select(*names, person=person, payer=t.company.coalesce(t.p_company, person))
        return t if self.sample == 1 else t.filter(t.payer.hash() % self.sample == 0)

    def _with_company(self, t: ir.Table, column: str) -> ir.Table:
        t = self._matched(t, self.held("companies"), column, {"a_company": "company"})
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
