"""Turns a recipe's rule over staged rows into typed rows of a canonical table, each with the reason if it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadInput
from wellheard.sources.recipe import (
    ATTRIBUTE,
    Aggregate,
    Condition,
    Constant,
    Expression,
    MonthsBefore,
    Product,
    Recipe,
    Rule,
    Scalar,
    Take,
    Template,
)
from wellheard.tables.catalogue import table as canonical
from wellheard.tables.table import Table, Type
from wellheard.warehouse import dates, values

ROW, FILE, KEY, WHY = "__row", "__file", "__key", "__why"
CONTROL = (ROW, FILE, WHY)


@dataclass(frozen=True)
class Staged:
    """Rows of files as they came, the names of their columns, and how the columns that hold instants are read."""

    rows: ir.Table
    columns: tuple[str, ...]
    readings: Mapping[str, dates.Reading]
    plain: dates.Reading
    decimal: str


def instant_columns(rule: Rule) -> tuple[str, ...]:
    """The file columns of a rule that are read as instants or dates."""
    fields = canonical(rule.table).by_name
    found: dict[str, None] = {}
    for columns in (rule.columns, *rule.questions):
        for name, expression in columns.items():
            kind = fields[name].type if name in fields else Type.TEXT
            inner = expression.of if isinstance(expression, Aggregate) else expression
            if kind in (Type.INSTANT, Type.DATE) and isinstance(inner, Take):
                found[inner.column] = None
            if isinstance(expression, Aggregate) and expression.by:
                found[expression.by] = None
    return tuple(found)


def named_columns(rule: Rule) -> set[str]:
    """Every file column that a rule mentions."""
    names = {c.column for c in rule.where} | set(rule.group_by)
    for columns in (rule.columns, *rule.questions):
        for expression in columns.values():
            names |= _mentioned(expression)
    return names


def _mentioned(expression: Expression | None) -> set[str]:
    match expression:
        case Take():
            return {expression.column}
        case Template():
            return set(expression.columns)
        case Product():
            return {expression.left.column, expression.right.column}
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


def candidates(rule: Rule, staged: Staged) -> ir.Table:
    """The canonical rows that a rule makes: its columns typed, `__row`, `__file`, and `__why` where one is refused."""
    table = canonical(rule.table)
    rows = staged.rows
    for condition in rule.where:
        rows = rows.filter(_test(rows[condition.column], condition))
    if rule.group_by:
        made = _grouped(rule, table, staged, rows)
    elif rule.questions:
        parts = [_plain(rule, {**rule.columns, **question}, table, staged, rows) for question in rule.questions]
        made = ibis.union(*parts) if len(parts) > 1 else parts[0]
    else:
        made = _plain(rule, rule.columns, table, staged, rows)
    for condition in rule.keep:
        made = made.filter(made[WHY].notnull() | _test(made[condition.column], condition))
    return _checked(table, made)


def _plain(rule: Rule, columns: Mapping[str, Expression], table: Table, staged: Staged, rows: ir.Table) -> ir.Table:
    fields, reasons = {}, []
    for name, expression in columns.items():
        assert not isinstance(expression, Aggregate)
        fields[name], reason = _scalar(expression, _kind(table, name), staged, rows)
        reasons.append(_named(expression, name, reason))
    if rule.questions:
        suffix = fields["question_id"] if "question_id" in fields else ibis.literal(str(list(columns)))
        fields["source_id"] = (fields["source_id"] if "source_id" in fields else rows[KEY]) + ":" + suffix
    elif "source_id" not in fields:
        fields["source_id"] = rows[KEY]
    why = ibis.coalesce(values.NONE, *reasons)
    return rows.select(**{ROW: rows[ROW], FILE: rows[FILE], WHY: why}, **_completed(table, fields))


def _grouped(rule: Rule, table: Table, staged: Staged, rows: ir.Table) -> ir.Table:
    """Groups the rows that can be read; each that cannot is refused by itself."""
    typed, reasons = {}, []
    for name, expression in rule.columns.items():
        inner = expression.of if isinstance(expression, Aggregate) else expression
        if inner is not None:
            typed[f"v:{name}"], reason = _scalar(inner, _kind(table, name), staged, rows)
            reasons.append(_named(inner, name, reason))
        if isinstance(expression, Aggregate) and expression.by:
            typed[f"b:{expression.by}"], reason = _instant(rows[expression.by], Type.INSTANT, staged, expression.by)
            reasons.append(_named(Take(expression.by), expression.by, reason))
    wide = rows.mutate(**typed, **{WHY: ibis.coalesce(values.NONE, *reasons)})
    good = wide.filter(wide[WHY].isnull())
    fields = {name: _aggregated(name, e, table, good) for name, e in rule.columns.items()}
    if "source_id" not in fields:
        fields["source_id"] = _key_of(rule, good)
    control = {ROW: good[ROW].min(), FILE: good[FILE].min()}
    made = good.group_by([good[c].name(f"g:{c}") for c in rule.group_by]).agg(**control, **fields)
    made = made.mutate(**{WHY: values.NONE})
    made = made.select(ROW, FILE, WHY, **_completed(table, {name: made[name] for name in fields}))
    bad = wide.filter(wide[WHY].notnull())
    empty = {name: ibis.null(made[name].type()) for name in made.columns if name not in CONTROL}
    refused = bad.select(ROW, FILE, WHY, **empty)
    return made.union(refused)


def _key_of(rule: Rule, good: ir.Table) -> ir.StringValue:
    key: Any = ibis.literal("")
    for index, column in enumerate(rule.group_by):
        text = good[column].cast("string").fill_null("").max()
        key = key + ":" + text if index else text
    return key


def _aggregated(name: str, expression: Expression, table: Table, good: ir.Table) -> ir.Value:
    if not isinstance(expression, Aggregate):
        return good[f"v:{name}"].max()  # the same in every row of a group, or the greatest
    keep: Any = None
    for condition in expression.where:
        test = _test(good[condition.column], condition)
        keep = test if keep is None else keep & test
    if expression.of is None:
        return good.count(where=keep)
    value = good[f"v:{name}"]
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
    order = [good[f"b:{expression.by}"], value]
    return (
        value.first(order_by=order, where=keep) if expression.how == "first" else value.last(order_by=order, where=keep)
    )


def _kind(table: Table, name: str) -> Type:
    return Type.TEXT if name.startswith(ATTRIBUTE) else table.by_name[name].type


def _named(expression: Expression, name: str, reason: ir.StringValue) -> ir.StringValue:
    columns = sorted(_mentioned(expression))
    said = " and ".join(columns) if columns else name
    return ibis.ifelse(reason.notnull(), ibis.literal(f"{said}: ") + reason, None)


def _scalar(expression: Scalar, kind: Type, staged: Staged, rows: ir.Table) -> values.Read:
    match expression:
        case Take():
            return _take(expression, kind, staged, rows)
        case Constant():
            return _read(ibis.literal(expression.value), kind, staged, None)
        case Template():
            return _read(_filled(expression, rows), kind, staged, None)
        case Product():
            left, wrong_left = _take(expression.left, Type.MONEY, staged, rows)
            right, wrong_right = _take(expression.right, Type.MONEY, staged, rows)
            product = (left.cast("decimal(18, 4)") * right.cast("decimal(18, 4)")).cast("decimal(18, 4)")
            return product if kind is Type.MONEY else product.cast("float64"), ibis.coalesce(wrong_left, wrong_right)
        case MonthsBefore():
            months, wrong = values.read(rows[expression.months], Type.INTEGER, staged.decimal)
            moved = ibis.date(expression.day).cast(dates.NAIVE) - months.as_interval("M")
            placed, unplaced = dates.instant(moved, staged.plain)
            return placed, ibis.coalesce(wrong, unplaced)


def _filled(expression: Template, rows: ir.Table) -> ir.StringValue:
    rest, text = expression.text, ibis.literal("")
    for name in expression.columns:
        head, _, rest = rest.partition("{" + name + "}")
        text = text + head + rows[name].cast("string")
    return text + rest


def _take(expression: Take, kind: Type, staged: Staged, rows: ir.Table) -> values.Read:
    value = rows[expression.column]
    if expression.blank or expression.values or expression.otherwise is not None:
        text = value.cast("string").strip() if not value.type().is_string() else value.strip()
        value = text
        if expression.blank:
            value = ibis.ifelse(text.isin(list(expression.blank)), None, value)
        if expression.values:
            cases = [(text == key, ibis.literal(new)) for key, new in expression.values]
            other = value if expression.otherwise is None else ibis.literal(expression.otherwise)
            value = ibis.cases(*cases, else_=ibis.ifelse(value.isnull(), None, other))
    got, reason = _read(value, kind, staged, expression.column)
    if expression.times is not None and kind is not Type.TEXT:
        factor = ibis.literal(str(expression.times)).cast("decimal(18, 6)") if kind is Type.MONEY else expression.times
        product = got * factor
        got = product.cast("decimal(18, 4)") if kind is Type.MONEY else product
    return got, reason


def _read(value: ir.Value, kind: Type, staged: Staged, column: str | None) -> values.Read:
    if kind in (Type.INSTANT, Type.DATE):
        return _instant(value, kind, staged, column)
    return values.read(value, kind, staged.decimal)


def _instant(value: ir.Value, kind: Type, staged: Staged, column: str | None) -> values.Read:
    reading = staged.readings.get(column, staged.plain) if column is not None else staged.plain
    if kind is Type.DATE:  # a calendar day is no instant: it is not moved between zones
        if value.type().is_date():
            return value, values.NONE
        day, reason = dates.instant(
            value, dates.Reading("UTC", reading.order, reading.format, families=reading.families)
        )
        return day.cast(dates.NAIVE).date(), reason
    return dates.instant(value, reading)


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


def _completed(table: Table, fields: Mapping[str, ir.Value]) -> dict[str, ir.Value]:
    """Gathers attributes into one map, folds closed vocabularies to lower case, and fills what is understood."""
    plain = {name: value for name, value in fields.items() if not name.startswith(ATTRIBUTE)}
    extra = {name.removeprefix(ATTRIBUTE): value for name, value in fields.items() if name.startswith(ATTRIBUTE)}
    for column in table.columns:
        if column.one_of and column.name in plain:
            plain[column.name] = plain[column.name].strip().lower().replace(" ", "_")
    for name, by, known in table.understood:
        if by in plain:
            cases = [
                (plain[by] == key, ibis.literal(value).cast(_ibis_type(table.by_name[name].type)))
                for key, value in known
            ]
            understood = ibis.cases(*cases, else_=None)
            plain[name] = ibis.coalesce(plain[name], understood) if name in plain else understood
    if extra:
        plain["attributes"] = ibis.map(ibis.array(list(extra)), ibis.array([v.cast("string") for v in extra.values()]))
    return plain


def _ibis_type(kind: Type) -> str:
    return {Type.NUMBER: "float64", Type.INTEGER: "int64", Type.BOOLEAN: "boolean"}.get(kind, "string")


def _checked(table: Table, made: ir.Table) -> ir.Table:
    """Adds the table's own rules to the reasons, and a key that is empty."""
    keyless = ibis.ifelse(made.source_id.isnull() | (made.source_id == ""), "source_id is missing", None)
    dead = made.deleted.fill_null(False) if "deleted" in made.columns else ibis.literal(False)
    broken = ibis.ifelse(dead, None, values.check(table, made))  # a tombstone needs nothing but its key
    return made.mutate(**{WHY: ibis.coalesce(made[WHY], keyless, broken)})
