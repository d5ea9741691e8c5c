"""Reads the other types out of text, each with the reason where it cannot."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from wellheard.tables.table import Column, Table, Type

PLAIN_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
TRUE = ["true", "t", "yes", "y", "1", "1.0"]
FALSE = ["false", "f", "no", "n", "0", "0.0"]
NONE = ibis.null("string")

Read = tuple[ir.Value, ir.StringValue]


def blank_to_null(text: ir.StringValue) -> ir.StringValue:
    """A text without surrounding blanks; one of blanks alone is null."""
    return text.strip().nullif("")


def read(value: ir.Value, kind: Type, decimal: str = ".") -> Read:
    """`value` as `kind`, and why not where it cannot be: two columns of equal length. Empty is null without a reason.

    Instants are read by `dates.instant`.
    """
    if kind is Type.TEXT or kind is Type.MAP:
        text = value if value.type().is_string() else value.cast("string")
        return ibis.ifelse(text == "", None, text), NONE
    if kind is Type.BOOLEAN:
        return _boolean(value)
    number = _number(value, decimal)
    if kind is Type.INTEGER:
        return _integer(value, number)
    if kind is Type.MONEY:
        return _money(value, number)
    return _float(value, number)


def _reason(value: ir.Value, read: ir.Value, what: str) -> ir.StringValue:
    text = value if value.type().is_string() else value.cast("string")
    given = text.notnull() & (text.strip() != "")
    return ibis.ifelse(given & read.isnull(), ibis.literal("'") + text.substr(0, 60) + f"' is not {what}", None)


def _number(value: ir.Value, decimal: str) -> ir.Value:
    """Text made ready for a cast to a number; null where it is not one. Typed columns pass through."""
    if not value.type().is_string():
        return value
    text = value.strip()
    if decimal == ",":
        text = text.replace(".", "").replace(",", ".")
    return ibis.ifelse(text.re_search(PLAIN_NUMBER), text, None)


def _float(value: ir.Value, number: ir.Value) -> Read:
    got = number.try_cast("float64")
    finite = ibis.ifelse(got.isnan() | got.isinf(), None, got)
    return finite, _reason(value, finite, "a number (a decimal comma needs --decimal ,)")


def _integer(value: ir.Value, number: ir.Value) -> Read:
    whole = number.try_cast("float64")
    exact = number.try_cast("int64")
    got = ibis.ifelse((whole == whole.floor()) & (whole.abs() < 9e18), exact, None)
    return got, _reason(value, got, "a whole number")


def _money(value: ir.Value, number: ir.Value) -> Read:
    """Exact decimals with four places. More places are refused in text; a float column is rounded, since it never had them."""
    if value.type().is_floating():
        got = number.try_cast("decimal(18, 4)")
        return got, _reason(value, got, "an amount of money")
    wide = number.try_cast("decimal(38, 18)")
    narrow = number.try_cast("decimal(18, 4)")
    got = ibis.ifelse(wide.isnull() | (wide == narrow.cast("decimal(38, 18)")), narrow, None)
    return got, _reason(value, got, "an amount with at most four decimals")


def _boolean(value: ir.Value) -> Read:
    if value.type().is_boolean():
        return value, NONE
    text = (value if value.type().is_string() else value.cast("string")).strip().lower()
    got = ibis.cases((text.isin(TRUE), True), (text.isin(FALSE), False), else_=None)
    return got, _reason(value, got, "yes or no")


def check(table: Table, row: ir.Table) -> ir.StringValue:
    """The first rule of the canonical table that a typed row breaks, else null."""
    broken = [rule for column in table.columns for rule in _column_rules(column, row)]
    broken += [_ordered(row, first, second) for first, second in table.orders]
    broken += [_within(row, *names) for names in table.within]
    return ibis.coalesce(NONE, *broken)


def _column_rules(column: Column, row: ir.Table) -> list[ir.StringValue]:
    if column.name not in row.columns:
        return [ibis.literal(f"{column.name} is missing")] if column.required else []
    value = row[column.name]
    rules = []
    if column.required:
        rules.append(ibis.ifelse(value.isnull(), f"{column.name} is missing", None))
    if column.one_of:
        allowed = ", ".join(column.one_of)
        wrong = value.notnull() & ~value.isin(list(column.one_of))
        rules.append(_said(wrong, column.name, value, f"is none of {allowed}"))
    if column.least is not None:
        rules.append(_said(value < column.least, column.name, value, f"is below {column.least:g}"))
    if column.most is not None:
        rules.append(_said(value > column.most, column.name, value, f"is above {column.most:g}"))
    return rules


def _said(wrong: ir.BooleanValue, name: str, value: ir.Value, words: str) -> ir.StringValue:
    shown = ibis.literal(f"{name} '") + value.cast("string").substr(0, 60) + f"' {words}"
    return ibis.ifelse(wrong, shown, None)


def _ordered(row: ir.Table, first: str, second: str) -> ir.StringValue:
    if first not in row.columns or second not in row.columns:
        return NONE
    return ibis.ifelse(row[first] > row[second], f"{second} is before {first}", None)


def _within(row: ir.Table, name: str, low: str, high: str) -> ir.StringValue:
    if name not in row.columns or (low not in row.columns and high not in row.columns):
        return NONE
    value = row[name]
    under = value < row[low] if low in row.columns else ibis.literal(False)
    over = value > row[high] if high in row.columns else ibis.literal(False)
    scale = [row[side].cast("string") if side in row.columns else ibis.literal("?") for side in (low, high)]
    shown = ibis.literal(f"{name} ") + value.cast("string") + " is outside its scale " + scale[0] + " to " + scale[1]
    return ibis.ifelse(under | over, shown, None)
