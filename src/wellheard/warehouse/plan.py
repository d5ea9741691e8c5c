"""Turns a recipe's rule over staged rows into typed rows of a canonical table, each with the reason if refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadInput
from wellheard.sources.recipe import (
    ATTRIBUTE,
    REPEAT,
    Aggregate,
    Condition,
    Constant,
    Expression,
    MonthsBefore,
    Product,
    Recipe,
    RowKey,
    Rule,
    Scalar,
    Sum,
    Take,
    Template,
)
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Table, Type
from wellheard.warehouse import dates, values
from wellheard.warehouse.layers import Layers

ROW, FILE, KEY, WHY = "__row", "__file", "__key", "__why"
CONTROL = (ROW, FILE, WHY)
CLOCK = r"^([0-9]+):([0-5]?[0-9]):([0-5]?[0-9])$"


@dataclass(frozen=True)
class Staged:
    """Rows of files as they came, the names of their columns, and how the columns that hold instants are read."""

    rows: ir.Table
    columns: tuple[str, ...]
    readings: Mapping[str, dates.Reading]
    plain: dates.Reading
    decimal: str
    layers: Layers


def instant_columns(rule: Rule) -> tuple[str, ...]:
    """The file columns of a rule that are read as instants or dates."""
    fields = canonical(rule.table).by_name
    found: dict[str, None] = {}
    for columns in (rule.columns, *rule.questions):
        for name, expression in columns.items():
            kind = fields[name].type if name in fields else Type.TEXT
            inner = expression.of if isinstance(expression, Aggregate) else expression
            if kind in (Type.INSTANT, Type.DATE) and isinstance(inner, Take) and not inner.rewritten:
                found[inner.column] = None  # what a recipe rewrites is read by itself, not by its column
            if isinstance(expression, Aggregate) and expression.by:
                found[expression.by] = None
    return tuple(found)


def named_columns(rule: Rule) -> set[str]:
    """Every file column that a rule mentions."""
    names = {c.column for c in rule.where} | set(rule.group_by) | ({rule.repeat} if rule.repeat else set())
    for columns in (rule.columns, *rule.questions):
        for expression in columns.values():
            names |= _mentioned(expression)
    return names - {REPEAT} if rule.repeat else names


def _mentioned(expression: Expression | None) -> set[str]:
    match expression:
        case Take():
            return {expression.column}
        case Template():
            return set(expression.columns)
        case Product():
            return {expression.left.column, expression.right.column}
        case Sum():
            return {take.column for take in expression.of}
        case MonthsBefore():
            return {expression.months}
        case Aggregate():
            own = {c.column for c in expression.where} | ({expression.by} if expression.by else set())
            return own | _mentioned(expression.of)
        case _:
            return set()


def check_columns(rule: Rule, staged: Staged, recipe: Recipe) -> None:
    """Raises BadInput where the rule names a column that the files lack."""
    if missing := sorted(named_columns(rule) - set(staged.columns)):
        raise BadInput(
            f"{recipe.name} reads the column {missing[0]!r}, which the file does not have",
            hint=f"the file's columns: {', '.join(staged.columns)}",
            field="map",
        )


@dataclass(frozen=True)
class Leaf:
    """One value that a field is made of: what the file gives, and the type that it is read as."""

    key: str
    given: ir.Value
    kind: Type
    columns: tuple[str, ...]
    reading: dates.Reading | None = None


def candidates(rule: Rule, staged: Staged) -> ir.Table:
    """The canonical rows that a rule makes: its columns typed, `__row`, `__file`, and `__why` where one is refused.

    Each step is a relation of its own: a value is computed once, however many later steps look at it.
    """
    table = canonical(rule.table)
    rows = staged.rows
    for condition in rule.where:
        rows = rows.filter(_test(rows[condition.column], condition))
    if rule.repeat:
        rows = _repeated(rows, rule.repeat, staged)
    if rule.group_by:
        made = _grouped(rule, table, staged, rows)
    elif rule.questions:
        parts = [_plain(rule, {**rule.columns, **question}, table, staged, rows) for question in rule.questions]
        made = ibis.union(*parts) if len(parts) > 1 else parts[0]
    else:
        made = _plain(rule, rule.columns, table, staged, rows)
    for condition in rule.keep:
        made = made.filter(made[WHY].notnull() | _test(made[condition.column], condition))
    return _checked(table, staged.layers.settle(made))


def _repeated(rows: ir.Table, column: str, staged: Staged) -> ir.Table:
    """As many rows as the column says, with their number as `repeat`."""
    times = values.parse(values.trimmed(rows[column]), Type.INTEGER, staged.decimal).fill_null(0)
    numbered = rows.mutate(**{REPEAT: ibis.range(1, times + 1).unnest()})
    return staged.layers.settle(numbered)


def _plain(rule: Rule, columns: Mapping[str, Expression], table: Table, staged: Staged, rows: ir.Table) -> ir.Table:
    scalars: dict[str, Scalar] = {}
    for name, expression in columns.items():
        assert not isinstance(expression, Aggregate)
        scalars[name] = expression
    keyed = KEY in rows.columns
    read = _typed(scalars, table, staged, rows, [ROW, FILE, *([KEY] if keyed else [])])
    fields: dict[str, ir.Value] = {name: read[f"f:{name}"] for name in scalars}
    if rule.questions:
        suffix = fields["question_id"] if "question_id" in fields else ibis.literal(str(list(columns)))
        fields["source_id"] = (fields["source_id"] if "source_id" in fields else read[KEY]) + ":" + suffix
    elif "source_id" not in fields:
        fields["source_id"] = read[KEY]
    return _completed(table, staged.layers, read.select(ROW, FILE, WHY, **fields))


def _typed(scalars: Mapping[str, Scalar], table: Table, staged: Staged, rows: ir.Table, keep: list[str]) -> ir.Table:
    """Reads scalars: the columns to `keep`, `f:name` for each, and `__why` for a row in which one cannot be read."""
    leaves = {name: _leaves(name, scalar, _kind(table, name), staged, rows) for name, scalar in scalars.items()}
    every = [leaf for own in leaves.values() for leaf in own]
    settle = staged.layers.settle
    read = settle(rows.select(*keep, **{f"g:{leaf.key}": leaf.given for leaf in every}))
    plain = [leaf for leaf in every if leaf.reading is None]
    ready = {f"n:{leaf.key}": values.prepare(read[f"g:{leaf.key}"], leaf.kind, staged.decimal) for leaf in plain}
    read = settle(read.mutate(**ready))
    read = settle(read.mutate(**{f"v:{leaf.key}": values.finish(read[f"n:{leaf.key}"], leaf.kind) for leaf in plain}))
    instants = {leaf.key: leaf.reading for leaf in every if leaf.reading is not None}
    read = settle(dates.read_instants(staged.layers, read, instants))
    fields = {
        f"f:{name}": _combined(scalar, _kind(table, name), leaves[name], read) for name, scalar in scalars.items()
    }
    why = ibis.coalesce(values.NONE, *[_reason(leaf, read) for leaf in every])
    return settle(read.select(*keep, **fields, **{WHY: why}))


def _reason(leaf: Leaf, read: ir.Table) -> ir.StringValue:
    if leaf.reading is not None:
        why = read[f"y:{leaf.key}"]
    else:
        why = values.reason(read[f"g:{leaf.key}"], read[f"v:{leaf.key}"], leaf.kind)
    return ibis.literal(" and ".join(leaf.columns) + ": ") + why


def _leaves(name: str, scalar: Scalar, kind: Type, staged: Staged, rows: ir.Table) -> list[Leaf]:
    match scalar:
        case Take():
            recoded = name if scalar.rewritten else ""
            return [_leaf(name, _given(scalar, rows), kind, (scalar.column,), staged, recoded)]
        case Constant():
            return [_leaf(name, ibis.literal(scalar.value), kind, (), staged, name)]
        case Template():
            return [_leaf(name, _filled(scalar, rows), kind, scalar.columns, staged, name)]
        case RowKey():
            return [_leaf(name, rows[KEY], kind, (), staged, name)]
        case Product():
            said = tuple(sorted({scalar.left.column, scalar.right.column}))
            sides = (("left", scalar.left), ("right", scalar.right))
            return [_leaf(f"{name}.{side}", _given(take, rows), Type.MONEY, said, staged) for side, take in sides]
        case Sum():
            return [
                _leaf(f"{name}.{number}", _given(take, rows), Type.MONEY, (take.column,), staged)
                for number, take in enumerate(scalar.of)
            ]
        case MonthsBefore():
            months = values.parse(values.trimmed(rows[scalar.months]), Type.INTEGER, staged.decimal)
            moved = ibis.date(scalar.day).cast(dates.NAIVE) - months.as_interval("M")
            counted = Leaf(f"{name}.months", values.trimmed(rows[scalar.months]), Type.INTEGER, (scalar.months,))
            return [counted, Leaf(name, moved, kind, (scalar.months,), staged.plain)]


def _leaf(key: str, given: ir.Value, kind: Type, columns: tuple[str, ...], staged: Staged, name: str = "") -> Leaf:
    if kind not in (Type.INSTANT, Type.DATE):
        return Leaf(key, given if kind is Type.TEXT else values.trimmed(given), kind, columns or (name,))
    reading = staged.readings.get(columns[0], staged.plain) if columns and not name else staged.plain
    if kind is Type.DATE:  # a calendar day is no instant: it is not moved between zones
        reading = dates.Reading("UTC", reading.order, reading.format, families=reading.families)
    return Leaf(key, values.trimmed(given), kind, columns or (name,), reading)


def _given(take: Take, rows: ir.Table) -> ir.Value:
    """What a file's column gives, recoded; text that is to be read as another type without surrounding blanks."""
    value = rows[take.column]
    if not (take.blank or take.rewritten or take.otherwise is not None):
        return value
    text = value.cast("string")
    if take.cut:
        text = text.substr(take.cut[0] - 1, take.cut[1] - take.cut[0] + 1)
    text = values.trimmed(text)
    value = ibis.ifelse(text.isin(list(take.blank)), None, text) if take.blank else text
    if take.clock:
        return _seconds(value)
    if take.bands:
        number = value.try_cast("float64")
        # the highest band first; a number below all of them is left as it came, for the table to refuse
        bands = [(number >= start, ibis.literal(name)) for start, name in reversed(take.bands)]
        return ibis.cases(*bands, else_=value)
    if take.has:
        parts = value.split(take.parts or ",").map(lambda part: part.strip().isin(list(take.has)))
        return ibis.cases((value.isnull(), None), (parts.contains(True), "true"), else_="false")
    if take.parts and take.values:
        return value.split(take.parts).map(lambda part: _recoded(part.strip(), take)).join(",")
    return _recoded(value, take) if take.values else value


def _seconds(text: ir.StringValue) -> ir.StringValue:
    """Hours:minutes:seconds as a number of seconds; anything else as it came, to be refused."""
    hours, minutes, seconds = (text.re_extract(CLOCK, part).try_cast("int64") for part in (1, 2, 3))
    return ibis.ifelse(text.re_search(CLOCK), (hours * 3600 + minutes * 60 + seconds).cast("string"), text)


def _recoded(text: ir.StringValue, take: Take) -> ir.StringValue:
    """The new value of each that is recoded, else `otherwise`, else the text; nothing where there is none."""
    cases = [(text == key, ibis.literal(new)) for key, new in take.values]
    other = text if take.otherwise is None else ibis.literal(take.otherwise)
    return ibis.cases(*cases, else_=ibis.ifelse(text.isnull(), None, other))


def _combined(scalar: Scalar, kind: Type, leaves: list[Leaf], read: ir.Table) -> ir.Value:
    """The field's value from its leaves."""
    value = read[f"v:{leaves[-1].key}"]
    if isinstance(scalar, Product):
        left = _times(read[f"v:{leaves[0].key}"], scalar.left, Type.MONEY)
        product = (left * _times(value, scalar.right, Type.MONEY)).cast("decimal(18, 4)")
        return product if kind is Type.MONEY else product.cast("float64")
    if isinstance(scalar, Sum):
        total: Any = ibis.literal(0)
        for leaf, take in zip(leaves, scalar.of, strict=True):
            total = total + _times(read[f"v:{leaf.key}"], take, Type.MONEY)
        return total.cast("decimal(18, 4)") if kind is Type.MONEY else total.cast("float64")
    if isinstance(scalar, Take):
        value = _times(value, scalar, kind)
    return value.cast(dates.NAIVE).date() if kind is Type.DATE else value


def _times(value: ir.Value, take: Take, kind: Type) -> ir.Value:
    """`value` multiplied as the recipe says, money exactly."""
    if take.times is None or kind is Type.TEXT:
        return value
    if kind is Type.MONEY:
        return (value * ibis.literal(str(take.times)).cast("decimal(18, 6)")).cast("decimal(18, 4)")
    return value * take.times


def _grouped(rule: Rule, table: Table, staged: Staged, rows: ir.Table) -> ir.Table:
    """Groups the rows that can be read; each that cannot is refused by itself."""
    scalars: dict[str, Scalar] = {}
    orders: dict[str, Scalar] = {}
    for name, expression in rule.columns.items():
        inner = expression.of if isinstance(expression, Aggregate) else expression
        if inner is not None:
            scalars[name] = inner
        if isinstance(expression, Aggregate) and expression.by:
            orders[expression.by] = Take(expression.by)
    tested = {c.column for e in rule.columns.values() if isinstance(e, Aggregate) for c in e.where}
    keep = [ROW, FILE, *sorted({*rule.group_by, *tested})]
    wide = _typed({**scalars, **{f"by {c}": take for c, take in orders.items()}}, table, staged, rows, keep)
    good = wide.filter(wide[WHY].isnull())
    fields = {name: _aggregated(name, e, table, good) for name, e in rule.columns.items()}
    if "source_id" not in fields:
        fields["source_id"] = _key_of(rule, good)
    control = {ROW: good[ROW].min(), FILE: good[FILE].min()}
    made = good.group_by([good[c].name(f"g:{c}") for c in rule.group_by]).agg(**control, **fields)
    made = made.mutate(**{WHY: values.NONE})
    made = _completed(table, staged.layers, made.select(ROW, FILE, WHY, *fields))
    bad = wide.filter(wide[WHY].notnull())
    empty = {name: ibis.null(made[name].type()) for name in made.columns if name not in CONTROL}
    return made.union(bad.select(ROW, FILE, WHY, **empty))


def _key_of(rule: Rule, good: ir.Table) -> ir.StringValue:
    key: Any = ibis.literal("")
    for index, column in enumerate(rule.group_by):
        text = good[column].cast("string").fill_null("").max()
        key = key + ":" + text if index else text
    return key


def _aggregated(name: str, expression: Expression, table: Table, good: ir.Table) -> ir.Value:
    if not isinstance(expression, Aggregate):
        return good[f"f:{name}"].max()  # the same in every row of a group, or the greatest
    keep: Any = None
    for condition in expression.where:
        test = _test(good[condition.column], condition)
        keep = test if keep is None else keep & test
    if expression.of is None:
        return good.count(where=keep)
    value = good[f"f:{name}"]
    kind = _kind(table, name)
    match expression.how:
        case "min" | "max":
            return getattr(value, expression.how)(where=keep)
        case "sum":
            total = value.sum(where=keep)
            return total.cast("decimal(18, 4)") if kind is Type.MONEY else total
        case "count":
            return value.count(where=keep)
        case "distinct":
            return value.nunique(where=keep)
    # The value itself breaks ties, so that shuffled rows give the same answer.
    order = [good[f"f:by {expression.by}"], value]
    return (
        value.first(order_by=order, where=keep) if expression.how == "first" else value.last(order_by=order, where=keep)
    )


def _kind(table: Table, name: str) -> Type:
    if name.startswith("by "):
        return Type.INSTANT
    return Type.TEXT if name.startswith(ATTRIBUTE) else table.by_name[name].type


def _filled(expression: Template, rows: ir.Table) -> ir.StringValue:
    rest, text = expression.text, ibis.literal("")
    for name in expression.columns:
        head, _, rest = rest.partition("{" + name + "}")
        text = text + head + rows[name].cast("string")
    return text + rest


def _test(value: ir.Value, condition: Condition) -> ir.BooleanValue:
    if condition.test == "blank":
        empty = value.isnull() | (value.cast("string").strip() == "") if value.type().is_string() else value.isnull()
        return empty if condition.value else ~empty
    if condition.test in ("above", "below"):
        number = value.cast("string").try_cast("float64")
        limit = float(str(condition.value))
        return (number > limit if condition.test == "above" else number < limit).fill_null(False)
    text = value.cast("string").strip().fill_null("")
    match condition.test:
        case "is":
            return text == condition.value
        case "in":
            return text.isin(list(condition.value))  # type: ignore[arg-type]
        case "not_in":
            return ~text.isin(list(condition.value))  # type: ignore[arg-type]
        case "starts_with":
            return text.startswith(str(condition.value))
        case _:
            return ~text.startswith(str(condition.value))


def _completed(table: Table, layers: Layers, made: ir.Table) -> ir.Table:
    """Gathers attributes into one map, folds closed vocabularies to lower case, and fills what is understood."""
    closed = {c.name: c.one_of for c in table.columns if c.one_of and c.name in made.columns}
    if closed:
        made = layers.settle(made.mutate(**{name: _folded(made[name], known) for name, known in closed.items()}))
    filled = {}
    for name, by, known in table.understood:
        if by in made.columns:
            kind = _ibis_type(table.by_name[name].type)
            understood = ibis.cases(
                *[(made[by] == key, ibis.literal(value).cast(kind)) for key, value in known], else_=None
            )
            filled[name] = ibis.coalesce(made[name], understood) if name in made.columns else understood
    extra = sorted(name for name in made.columns if name.startswith(ATTRIBUTE))
    if extra:
        keys = ibis.array([name.removeprefix(ATTRIBUTE) for name in extra])
        filled["attributes"] = ibis.map(keys, ibis.array([made[name].cast("string") for name in extra]))
    return made.mutate(**filled).drop(*extra) if filled else made


def _folded(word: ir.StringValue, known: Sequence[str]) -> ir.StringValue:
    """A word of a closed vocabulary as that writes it; most are written so already, and to see that is cheaper."""
    return ibis.ifelse(word.isin(list(known)), word, word.strip().lower().replace(" ", "_"))


def _ibis_type(kind: Type) -> str:
    return {Type.NUMBER: "float64", Type.INTEGER: "int64", Type.BOOLEAN: "boolean"}.get(kind, "string")


def _checked(table: Table, made: ir.Table) -> ir.Table:
    """Adds the table's own rules to the reasons, and a key that is empty."""
    keyless = ibis.ifelse(made.source_id.isnull() | (made.source_id == ""), "source_id is missing", None)
    dead = made.deleted.fill_null(False) if "deleted" in made.columns else ibis.literal(False)
    broken = ibis.ifelse(dead, None, values.check(table, made))  # a tombstone needs nothing but its key
    return made.mutate(**{WHY: ibis.coalesce(made[WHY], keyless, broken)})
