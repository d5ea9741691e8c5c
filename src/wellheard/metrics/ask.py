"""What a KPI's rows are made from: facts with who they belong to, their dimensions as of their instant, and the clock.

A KPI never sees a connection; it is handed one of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall
from wellheard.base.periods import Grain, Period, add_months, midnight, offsets
from wellheard.metrics.metric import Asked, Metric, Span
from wellheard.metrics.names import ATTRIBUTES, Dimension, dimension
from wellheard.metrics.question import Question
from wellheard.metrics.reader import NotLocal, PartReader, Reader, instant_literal
from wellheard.metrics.value_segments import value_segments
from wellheard.metrics.where import Where, names_in, parse, predicate
from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse.exchange import CONVERTED, converted
from wellheard.warehouse.links import FOUND, KINDS

UTC = "timestamp('UTC', 6)"
NAIVE = "timestamp(6)"
PAST = datetime(1, 1, 1)  # noqa: DTZ001 - written as a UTC literal
LATEST = datetime(9998, 1, 1)  # noqa: DTZ001 - where a row without an instant stands
FAR = datetime(9999, 1, 1)  # noqa: DTZ001
DIM = "d:"
NAMED = "n:"
GRAIN_UNITS = {Grain.DAY: "D", Grain.WEEK: "W", Grain.MONTH: "M", Grain.QUARTER: "Q", Grain.YEAR: "Y"}

Reason = tuple[ir.BooleanValue, str]


@dataclass(frozen=True)
class Gathered:
    """The groups of a dimension that stand alone, and the name of the one that the others make."""

    alone: tuple[Any, ...]
    others: str


class Ask:
    """One question on its way to an answer."""

    def __init__(
        self,
        reader: Reader,
        metric: Metric,
        asked: Asked,
        question: Question,
        periods: Sequence[Period] = (),
        *,
        shared: bool = False,
    ) -> None:
        self.reader = reader
        self.metric = metric
        self.asked = asked
        self.question = question
        self.periods = tuple(periods)
        self.shared = shared  # whether its rows serve the periods before as well
        self.settings = reader.settings
        self.currency: str | None = None
        self.gathered: dict[str, Gathered] = {}
        self.notes: list[str] = []
        self.single = False  # whether a unit has one row in each group at most
        rules = tuple(parse(rule) for rule in question.viewer.row_rules)
        self.filters: tuple[Where, ...] = (*rules, *((question.where,) if question.where is not None else ()))

    def has(self, variant: str) -> bool:
        """Whether the variant was asked for."""
        return variant in self.asked.variants

    def note(self, words: str) -> None:
        """Says something of the answer as a whole that its readers must know, such as what no data tell."""
        if words not in self.notes:
            self.notes.append(words)

    def mentions(self, name: str) -> bool:
        """Whether the question groups or filters by a column."""
        return name in self.question.by or any(name in names_in(f) for f in self.filters)

    def looks_at(self, fact: str, column: str) -> bool:
        """Whether the question groups or filters by a column of a table, by its name or within a segment."""
        names = [*self.question.by, *(n for f in self.filters for n in names_in(f))]
        return any(_stands_on(self.dimension(name, fact), fact, column) for name in names)

    def dimension(self, name: str, fact: str) -> Dimension:
        """What a dimension's name means beside a table; raises Unknown with what there is."""
        return dimension(name, fact, self.reader.attributes, self.settings.segments)

    def data_end(self, *columns: tuple[str, str]) -> datetime | None:
        """The last instant among columns of tables, given as `(table, column)`: where the data ends for a window."""
        self.reader.ends = True
        return self.reader.shaped(lambda every: _end(every, columns))

    def look_across(self) -> None:
        """Says that what a row adds hangs on the rows of others, so that no rollup is brought forward by some alone."""
        if isinstance(self.reader, PartReader):
            raise NotLocal(self.metric.name)

    def last_day(self) -> date | None:
        """The last day of the figure's own tables, beyond which nothing is data."""
        self.reader.ends = True
        spans = self.asked.spans
        return self.reader.shaped(lambda every: _last_day(every, spans))

    def facts(
        self, name: str, instant: str | None = None, unit: str | None = None, named: Iterable[str] = ()
    ) -> ir.Table:
        """The rows of a canonical table that the question's filters leave, with `instant`, `unit` and dimensions.

        `unit` names the column that says who a row belongs to where that is no customer, such as a visitor. The values
        behind `named`, found as dimensions are, stand in columns `n:NAME`.
        """
        fact = self.reader.table(name)
        column = instant or canonical(name).instant
        assert column is not None
        return self.belonging(fact.mutate(instant=fact[column]), name, unit, named)

    def belonging(self, rows: ir.Table, fact: str, unit: str | None = None, named: Iterable[str] = ()) -> ir.Table:
        """Adds `customer_key`, `account_key`, `unit` and the dimensions as of `instant`, then filters."""
        named = tuple(named)
        names = [*self.question.by, *(n for f in self.filters for n in names_in(f)), *named]
        dims = {n: self.dimension(n, fact) for n in dict.fromkeys(names)}
        rows = rows.mutate(at__=rows.instant.coalesce(instant_literal(LATEST)))
        rows = self._with_customers(rows, dims)
        rows = self._with_accounts(rows, dims)
        if any(o.table == "touchpoints" for d in dims.values() for o in d.origins):
            rows = self._with_touchpoints(rows, dims)
        if any(o.table == "values" for d in dims.values() for o in d.origins):
            values = value_segments(self)
            rows = rows.left_join(values, rows.customer_key == values["v:customer"])
        rows = rows.mutate(unit=self._unit(rows, unit))
        for condition in self.filters:
            values = {n: _valued(rows, dims[n], fact) for n in names_in(condition)}
            rows = rows.filter(predicate(condition, values.__getitem__))
        shown = {DIM + n: _valued(rows, dims[n], fact) for n in self.question.by}
        return rows.mutate(**shown, **{NAMED + n: _valued(rows, dims[n], fact) for n in named})

    def _with_customers(self, rows: ir.Table, dims: dict[str, Dimension]) -> ir.Table:
        if "customer_id" not in rows.columns:
            return rows.mutate(customer_key=ibis.null("string"), c_account=ibis.null("string"))
        own = ibis.ifelse(rows.customer_id.notnull(), rows.source + ":" + rows.customer_id, None)
        if not self.reader.has_rows("customers"):
            rows = rows.mutate(customer_key=own, c_account=ibis.null("string"))
            return self._linked(rows, "person", rows.source, rows.customer_id)
        joined = self._as_of(rows, "customers", "customer_id", "c", dims)
        joined = joined.mutate(customer_key=joined["c:id"].coalesce(own), c_account=joined["c:account_id"])
        return self._linked(joined, "person", joined["c:source"].coalesce(joined.source), joined.customer_id)

    def _with_accounts(self, rows: ir.Table, dims: dict[str, Dimension]) -> ir.Table:
        named = rows.account_id.coalesce(rows.c_account) if "account_id" in rows.columns else rows.c_account
        rows = rows.mutate(a_account=named)
        own = ibis.ifelse(rows.a_account.notnull(), rows.source + ":" + rows.a_account, None)
        if not self.reader.has_rows("accounts"):
            rows = rows.mutate(account_key=own)
            return self._linked(rows, "company", rows.source, rows.a_account)
        joined = self._as_of(rows, "accounts", "a_account", "a", dims)
        joined = joined.mutate(account_key=joined["a:id"].coalesce(own))
        return self._linked(joined, "company", joined["a:source"].coalesce(joined.source), joined.a_account)

    def _linked(self, rows: ir.Table, name: str, source: ir.Value, key: ir.Value) -> ir.Table:
        """Puts the person or company in place of the key of each row that is linked with others."""
        kind = KINDS[name]
        if not self.reader.has_rows(kind.links):
            return rows
        links = self.reader.table(kind.links)
        links = links.filter((links.source == FOUND) & links.undone_at.isnull())
        side = links.select(
            **{f"{name}:of": links[kind.source], f"{name}:key": links[kind.key], f"{name}:whole": links[kind.whole]}
        )
        rows = rows.mutate(**{f"{name}:in": source, f"{name}:id": key})
        rows = rows.left_join(
            side, [rows[f"{name}:id"] == side[f"{name}:key"], rows[f"{name}:in"] == side[f"{name}:of"]]
        )
        own = "customer_key" if name == "person" else "account_key"
        return rows.mutate(**{own: rows[f"{name}:whole"].coalesce(rows[own])})

    def _as_of(self, rows: ir.Table, name: str, key: str, mark: str, dims: dict[str, Dimension]) -> ir.Table:
        """Joins the version of a customer or account that held at each row's instant.

        The row's own source comes first; an id that only one source uses is taken from there. Every condition is a
        plain comparison, since an outer join with any other is a nested loop on some engines.
        """
        people = self.reader.table(name, history=True)
        wanted = {o.column for d in dims.values() for o in d.origins if o.table == name}
        wanted |= {"account_id"} if name == "customers" else set()
        side = people.select(
            **{f"{mark}:key": people.source_id, f"{mark}:source": people.source, f"{mark}:id": people.id},
            **{f"{mark}:from": people.valid_from.coalesce(instant_literal(PAST))},
            **{f"{mark}:to": people.valid_to.coalesce(instant_literal(FAR))},
            **{f"{mark}:{column}": people[column] for column in sorted(wanted)},
        )
        rows = self._with_source(rows, name, key, mark)
        return rows.left_join(
            side,
            [
                rows[key] == side[f"{mark}:key"],
                rows[f"{mark}:of"] == side[f"{mark}:source"],
                side[f"{mark}:from"] <= rows.at__,
                rows.at__ < side[f"{mark}:to"],
            ],
        )

    def _with_source(self, rows: ir.Table, name: str, key: str, mark: str) -> ir.Table:
        """Adds whose id a row's customer or account has: the only source that uses it, else the row's own."""
        sources = self.reader.sources(name)
        if len(sources) == 1:
            return rows.mutate(**{f"{mark}:of": ibis.literal(sources[0])})
        people = self.reader.table(name)
        users = people.group_by(**{f"{mark}:user": people.source_id}).agg(
            **{f"{mark}:first": people.source.min(), f"{mark}:last": people.source.max()}
        )
        found = rows.left_join(users, rows[key] == users[f"{mark}:user"])
        only = found[f"{mark}:first"] == found[f"{mark}:last"]
        return found.mutate(**{f"{mark}:of": ibis.ifelse(only, found[f"{mark}:first"], found.source)})

    def _with_touchpoints(self, rows: ir.Table, dims: dict[str, Dimension]) -> ir.Table:
        points = self.reader.table("touchpoints")
        wanted = sorted({o.column for d in dims.values() for o in d.origins if o.table == "touchpoints"})
        side = points.group_by(**{"t:key": points.touchpoint}).agg(**{f"t:{c}": points[c].max() for c in wanted})
        return rows.left_join(side, rows.touchpoint == side["t:key"])

    def _unit(self, rows: ir.Table, unit: str | None) -> ir.StringValue:
        """Who counts as one: the customer, or the company; where neither is known, the submission or the row."""
        alone = rows.id
        if "submission_id" in rows.columns:
            alone = (rows.source + ":" + rows.submission_id).coalesce(rows.id)
        if unit is not None:
            return (rows.source + ":" + rows[unit]).coalesce(rows.customer_key, alone)
        first, second = rows.customer_key, rows.account_key
        if self.settings.unit == "account":
            first, second = second, first
        return first.coalesce(second, alone)

    def rows(
        self,
        table: ir.Table,
        *,
        out: Iterable[Reason] = (),
        pending: Iterable[Reason] = (),
        single: bool = False,
        **columns: ir.Value,
    ) -> ir.Table:
        """The KPI's rows: `out` and `pending` are conditions with their reasons, the first that holds is given.

        `single` says that a unit has one row at most in each group of a period, so that nothing is added up for it.
        """
        self.single = single
        waiting = [(condition.fill_null(False), words) for condition, words in pending]
        leaving = [(condition.fill_null(False), words) for condition, words in out]
        is_out = _any(condition for condition, _ in leaving)
        is_waiting = ~is_out & _any(condition for condition, _ in waiting)
        why = ibis.cases(*leaving, *waiting, else_=None) if leaving or waiting else ibis.null("string")
        kept = [c for c in ("id", "source", "source_id", "instant", "period", "unit") if c in table.columns]
        kept += [c for c in table.columns if c.startswith(DIM)]
        return table.select(*[table[c] for c in kept if c not in columns], why=why, waiting=is_waiting, **columns)

    def local(self, instant: ir.TimestampValue) -> ir.TimestampValue:
        """The wall clock at `instant` in the workspace's zone, by a CASE over its offsets: the same on every engine."""
        spans = self.asked.spans
        shifts = self.reader.shaped(lambda every: offsets(every.zone, *_surely(every, spans)))
        naive = instant.cast(NAIVE)
        if not shifts.moves:
            return naive + ibis.interval(seconds=shifts.first) if shifts.first else naive
        before = [shifts.first] + [seconds for _, seconds in shifts.moves[:-1]]
        cases = [
            (naive < ibis.literal(at.replace(tzinfo=None), type=NAIVE), shift)
            for (at, _), shift in zip(shifts.moves, before, strict=True)
        ]
        return naive + ibis.cases(*cases, else_=shifts.moves[-1][1]).as_interval("s")

    def in_range(self, rows: ir.Table) -> ir.Table:
        """The rows whose instant lies in the question's range; all of them where it has none."""
        if self.question.start is not None:
            rows = rows.filter(rows.instant >= instant_literal(midnight(self.question.start, self.reader.zone)))
        return self.before_end(rows)

    def before_end(self, rows: ir.Table) -> ir.Table:
        """The rows whose instant lies before the range's end."""
        if self.question.end is not None:
            rows = rows.filter(rows.instant < instant_literal(midnight(self.question.end, self.reader.zone)))
        return rows

    def latest(self, rows: ir.Table, counts: ir.BooleanValue) -> ir.BooleanValue:
        """Whether a row is the last that counts of its unit within the period (and the range: see `in_range`)."""
        groups = [rows.unit]
        if self.question.grain is not None:
            groups.append(self.period_of(rows.instant, self.question.grain))
        order = ibis.window(group_by=[*groups, counts], order_by=[ibis.desc(rows.instant), ibis.desc(rows.id)])
        return ibis.row_number().over(order) == 0

    def period_of(self, instant: ir.TimestampValue, grain: Grain) -> ir.DateValue:
        """The local day on which the period of `instant` begins."""
        wall = self.local(instant)
        shift = self.settings.week_start
        if grain is Grain.WEEK and shift:
            moved = wall - ibis.interval(days=shift)
            return (moved.truncate("W") + ibis.interval(days=shift)).date()
        return wall.truncate(GRAIN_UNITS[grain]).date()

    def windows(self, months_back: int = 0, days_back: int = 0) -> ir.Table:
        """The question's periods as a table: `period`, and the instants `begin` and `finish`.

        With `months_back` or `days_back`, each begins that long before its end. Nothing beyond the data's end is looked
        at.
        """
        zone, last = self.reader.zone, self.last_day()
        index = ibis.range(0, len(self.periods)).unnest().name("i").as_table()
        if not self.periods:
            never = instant_literal(FAR)
            return index.select(period=ibis.null("date"), begin=never, finish=never)
        begins, finishes, names = [], [], []
        for number, period in enumerate(self.periods):
            start = add_months(period.end, -months_back) if months_back else period.start
            start = period.end - timedelta(days=days_back) if days_back else start
            end = midnight(period.end, zone)
            if last is not None and last < period.end:
                end = max(midnight(start, zone), min(end, midnight(last + timedelta(days=1), zone)))
            begins.append((index.i == number, instant_literal(midnight(start, zone))))
            finishes.append((index.i == number, instant_literal(end)))
            names.append((index.i == number, ibis.literal(period.start)))
        return index.select(
            period=ibis.cases(*names, else_=None),
            begin=ibis.cases(*begins, else_=None),
            finish=ibis.cases(*finishes, else_=None),
        )

    def money(self, table: ir.Table, fact: str, amounts: Sequence[str], on: str = "instant") -> ir.Table:
        """Brings money columns of a `fact` to the reporting currency at the rate of the day `on`; adds `no_rate`.

        Money already in that currency stays exact; where rates are needed, amounts have twelve decimal places. The
        currency of the data is that of the whole table, so that no filter changes it; a second fact of one question
        is brought to the currency of the first.
        """
        held = self.reader.kept(("currencies", fact), lambda every: _currencies(every, fact), (fact,))
        self.currency = self.settings.currency or self.currency or (held[0] if held else None)
        if all(c == self.currency for c in held):
            return table.mutate(no_rate=ibis.literal(False))
        return converted(table, self.reader.table("fx_rates"), self.currency, amounts, on)


def _stands_on(found: Dimension, fact: str, column: str) -> bool:
    """Whether a dimension's value comes from a column of a table, itself or what it is made of."""
    own = any((origin.table, origin.column) == (fact, column) for origin in found.origins)
    return own or any(_stands_on(inner, fact, column) for inner in found.of)


def _end(reader: Reader, columns: Iterable[tuple[str, str]]) -> datetime | None:
    ends = [reader.bounds(table, column).last for table, column in columns]
    return max((end for end in ends if end is not None), default=None)


def _last_day(reader: Reader, spans: tuple[Span, ...]) -> date | None:
    last = reader.extent(spans)[1]
    return reader.local_day(last) if last is not None else None


def _surely(reader: Reader, spans: tuple[Span, ...]) -> tuple[date, date]:
    """The years that surely cover the data: the offsets asked for must cover the data, not the question."""
    first, last = reader.extent(spans)
    low = max(first.year if first else 2000, 1900) - 3
    return date(low, 1, 1), date(min(last.year if last else 2000, 2200) + 3, 1, 1)


def _currencies(reader: Reader, fact: str) -> list[str]:
    """The currencies in a table, the commonest first."""
    table = reader.table(fact)
    counted = table.filter(table.currency.notnull()).group_by("currency").agg(n=ibis._.count())
    rows = reader.run(counted).to_pylist()
    return [row["currency"] for row in sorted(rows, key=lambda r: (-r["n"], r["currency"]))]


def _valued(rows: ir.Table, found: Dimension, fact: str) -> ir.Value:
    """The value of a dimension in joined rows: the first of its origins that is filled, cut where it is to be cut."""
    if found.condition is not None:
        inner = {d.name: _valued(rows, d, fact) for d in found.of}
        return predicate(found.condition, inner.__getitem__).fill_null(False)
    value = _held(rows, found, fact)
    return value if found.bins is None else _cut(value, found)


def _cut(value: ir.Value, found: Dimension) -> ir.IntegerValue:
    """The number of the bin that a value falls in; what is no number falls in none."""
    assert found.bins is not None
    kind = value.type()
    if not (kind.is_string() or (kind.is_numeric() and not kind.is_boolean())):
        hint = "a column of numbers can be cut, and an attribute that holds them"
        raise BadCall(f"{found.name!r} cuts what is no number", hint=hint, field="by")
    number = value.try_cast("float64") if kind.is_string() else value.cast("float64")
    if not found.bins.edges:
        return (number / found.bins.width).floor().cast("int64")
    below = [(number < edge, index) for index, edge in enumerate(found.bins.edges)]
    return ibis.cases((number.isnull(), None), *below, else_=len(found.bins.edges)).cast("int64")


def _held(rows: ir.Table, found: Dimension, fact: str) -> ir.Value:
    marks = {"customers": "c:", "accounts": "a:", "touchpoints": "t:", "values": "v:"}
    values: list[Any] = []
    for origin in found.origins:
        name = marks.get(origin.table, "") + origin.column
        if origin.table == fact and name not in rows.columns:
            name = origin.column
        if name not in rows.columns:
            continue  # the table it would come from is empty
        value = rows[name]
        if origin.attribute is not None:
            value = value.get(origin.attribute) if value.type().is_map() else value[origin.attribute].str
        values.append(value)
    if not values:
        return ibis.null("string")
    return values[0].coalesce(*values[1:]) if len(values) > 1 else values[0]


def _any(conditions: Iterable[ir.BooleanValue]) -> ir.BooleanValue:
    result: Any = None
    for condition in conditions:
        result = condition if result is None else result | condition
    return ibis.literal(False) if result is None else result


__all__ = ["ATTRIBUTES", "CONVERTED", "DIM", "Ask"]
