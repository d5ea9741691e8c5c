"""Reads the other types out of text, each with the reason where it cannot."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from wellheard.tables.table import Column, Table, Type

BLANKS = (" ", "\t", "\n", "\r")
# `trimmed` as SQL, for a column's name.
TRIMMED = (
    "case when {0} < '!' or "
    + " or ".join(f"suffix({{0}}, '{b}')" for b in BLANKS)
    + " then trim({0}, ' \t\n\r\v\f') else {0} end"
)
PLAIN_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WHOLE_NUMBER = r"^[+-]?[0-9]+(\.0*)?$"
COMMA_NUMBER = r"^[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]+)?(,[0-9]*)?([eE][+-]?[0-9]+)?$"  # points only between thousands
TRUE = ["true", "t", "yes", "y", "1", "1.0"]
FALSE = ["false", "f", "no", "n", "0", "0.0"]
NONE = ibis.null("string")


def trimmed(value: ir.Value) -> ir.Value:
    """A text without surrounding blanks; another column as it is.

    Few texts begin or end with a blank, and to look is ten times cheaper than to trim: a text that sorts before "!"
    begins with a blank or a control character.
    """
    if not value.type().is_string():
        return value
    ends = value < "!"
    for blank in BLANKS:
        ends = ends | value.endswith(blank)
    return ibis.ifelse(ends, value.strip(), value)


@ibis.udf.scalar.builtin(name="trunc", signature=(("float64",), "float64"))
def _trunc(number):  # type: ignore[no-untyped-def]
    """Without its decimals, and still of its own type: a cast would fail on what fits no whole number."""


def parse(value: ir.Value, kind: Type, decimal: str = ".") -> ir.Value:
    """`value`, a text without surrounding blanks or a typed column, as `kind`; null where it cannot be.

    Instants are read by `dates.read_instants`.
    """
    return finish(prepare(value, kind, decimal), kind)


def prepare(value: ir.Value, kind: Type, decimal: str = ".") -> ir.Value:
    """The first half of `parse`: what is to be a number as text that a cast takes, null where it is none."""
    return value if kind in (Type.TEXT, Type.MAP, Type.BOOLEAN) else _number(value, decimal)


def finish(value: ir.Value, kind: Type) -> ir.Value:
    """The second half of `parse`, which looks at its value several times: best at a column that is settled."""
    if kind is Type.TEXT or kind is Type.MAP:
        return (value if value.type().is_string() else value.cast("string")).nullif("")
    if kind is Type.BOOLEAN:
        return _boolean(value)
    if kind is Type.INTEGER:
        return _integer(value)
    return _money(value) if kind is Type.MONEY else _float(value)


WORDS = {
    Type.BOOLEAN: "yes or no",
    Type.INTEGER: "a whole number",
    Type.MONEY: "an amount with at most four decimals",
    Type.NUMBER: "a number (a decimal comma needs --decimal ,)",
}


def reason(given: ir.Value, parsed: ir.Value, kind: Type) -> ir.StringValue:
    """Why `given` could not be parsed, else null."""
    if kind not in WORDS:
        return NONE
    text = given if given.type().is_string() else given.cast("string")
    failed = parsed.isnull() & (text != "")
    return ibis.ifelse(failed, ibis.literal("'") + text.left(60) + f"' is not {WORDS[kind]}", None)


def _number(value: ir.Value, decimal: str) -> ir.Value:
    """Text made ready for a cast to a number; null where it is not one. Typed columns pass through."""
    if not value.type().is_string():
        return value
    if decimal == ",":
        return ibis.ifelse(value.re_search(COMMA_NUMBER), value.replace(".", "").replace(",", "."), None)
    return ibis.ifelse(value.re_search(PLAIN_NUMBER), value, None)


def _float(number: ir.Value) -> ir.Value:
    got = number.try_cast("float64")
    return ibis.ifelse(got.isnan() | got.isinf(), None, got)


def _integer(number: ir.Value) -> ir.Value:
    """Whole numbers only, exact: nothing is rounded on its way. Beyond 2^53 a number of another kind is not exact."""
    if number.type().is_integer():
        return number.try_cast("int64")
    whole = number.try_cast("float64")
    rounded = ibis.ifelse((whole == _trunc(whole)) & (whole.abs() < 2**53), number.try_cast("int64"), None)
    if not number.type().is_string():
        return rounded
    return ibis.ifelse(number.re_search(WHOLE_NUMBER), number.try_cast("int64"), rounded)


def _money(number: ir.Value) -> ir.Value:
    """Exact decimals with four places. More are refused in text; a float column is rounded, since it never had them."""
    narrow = number.try_cast("decimal(18, 4)")
    if number.type().is_floating() or number.type().is_integer():
        return narrow
    wide = number.try_cast("decimal(38, 18)")
    return ibis.ifelse(wide.isnull() | (wide == narrow.cast("decimal(38, 18)")), narrow, None)


def _boolean(value: ir.Value) -> ir.Value:
    if value.type().is_boolean():
        return value
    given = value if value.type().is_string() else value.cast("string")
    text = given.lower()
    other = ibis.cases((text.isin(TRUE), True), (text.isin(FALSE), False), else_=None)
    return ibis.cases((given == "true", True), (given == "false", False), else_=other)  # most are written so


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
