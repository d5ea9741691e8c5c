"""The one language of filters: `region = 'EU' and score >= 9`, the same text in Python, HTTP, TOML and in a shell.

Names match a known column in full; values are literals of the expression tree, never pieces of SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from math import isfinite
from typing import Any

import ibis
import ibis.expr.types as ir
from lark import Lark, Token, Transformer, v_args
from lark.exceptions import LarkError, UnexpectedInput

from wellheard.base.errors import BadCall

LONGEST = 10_000
DEEPEST = 50  # tests within each other by parentheses and not
LARGEST = 2**63 - 1  # a whole number beyond this is a float

GRAMMAR = r"""
?start: either
?either: both ("or"i both)*
?both: negated ("and"i negated)*
?negated: "not"i negated -> negation
        | "(" either ")"
        | test
?test: name OPERATOR value                                  -> comparison
     | name "in"i "(" value ("," value)* ")"                -> member
     | name "not"i "in"i "(" value ("," value)* ")"         -> stranger
     | name "between"i value "and"i value                   -> between
     | name "is"i "null"i                                   -> empty
     | name "is"i "not"i "null"i                            -> filled
     | name "contains"i text                                -> contains
     | name "not"i "contains"i text                         -> lacks
name: NAME | QUOTED_NAME
value: SINGLE | DOUBLE -> text
     | NUMBER          -> number
     | "true"i         -> yes
     | "false"i        -> no
text: SINGLE | DOUBLE
OPERATOR: "<=" | ">=" | "!=" | "<>" | "=" | "<" | ">"
NAME: /(?!(?:and|or|not|in|is|between|contains|null|true|false)\b)[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?/i
QUOTED_NAME: /`[^`]+`/
SINGLE: /'(?:[^']|'')*'/
DOUBLE: /"(?:[^"]|"")*"/
NUMBER: /-?[0-9]+(\.[0-9]+)?/
%ignore /\s+/
"""

Literal = str | float | int | bool


@dataclass(frozen=True)
class Test:
    """One comparison of a named column; `op` is an operator, in, between, null, or contains."""

    name: str
    op: str
    values: tuple[Literal, ...] = ()


@dataclass(frozen=True)
class Not:
    of: Where


@dataclass(frozen=True)
class All:
    of: tuple[Where, ...]


@dataclass(frozen=True)
class Any_:
    of: tuple[Where, ...]


Where = Test | Not | All | Any_


@v_args(inline=True)
class _Tree(Transformer):  # type: ignore[misc]
    def name(self, token: Token) -> str:
        return str(token).strip("`")

    def text(self, token: Token) -> str:
        quote = token[0]
        return str(token)[1:-1].replace(quote * 2, quote)

    def value(self, inner: Any) -> Any:
        return self.text(inner) if isinstance(inner, Token) else inner

    def number(self, token: Token) -> float | int:
        if "." not in token and abs(int(token)) <= LARGEST:
            return int(token)
        if not isfinite(float(token)):
            raise ValueError(f"{token[:20]}… is too large")
        return float(token)

    def yes(self) -> bool:
        return True

    def no(self) -> bool:
        return False

    def comparison(self, name: str, operator: Token, value: Literal) -> Where:
        return Test(name, "!=" if operator == "<>" else str(operator), (value,))

    def member(self, name: str, *values: Literal) -> Where:
        return Test(name, "in", values)

    def stranger(self, name: str, *values: Literal) -> Where:
        return Not(Test(name, "in", values))

    def between(self, name: str, low: Literal, high: Literal) -> Where:
        return Test(name, "between", (low, high))

    def empty(self, name: str) -> Where:
        return Test(name, "null")

    def filled(self, name: str) -> Where:
        return Not(Test(name, "null"))

    def contains(self, name: str, text: str) -> Where:
        return Test(name, "contains", (text,))

    def lacks(self, name: str, text: str) -> Where:
        return Not(Test(name, "contains", (text,)))

    def negation(self, of: Where) -> Where:
        return Not(of)

    def both(self, *of: Where) -> Where:
        return All(of)

    def either(self, *of: Where) -> Where:
        return Any_(of)


@lru_cache(maxsize=1)
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr")


@lru_cache(maxsize=512)
def parse(text: str) -> Where:
    """The filter that `text` says; raises BadCall pointing at the place that cannot be read."""
    if len(text) > LONGEST or "\x00" in text:
        raise BadCall("the filter is too long or holds a NUL", hint=f"at most {LONGEST} characters", field="where")
    try:
        where: Where = _Tree().transform(_parser().parse(text))
    except UnexpectedInput as error:
        shown = error.get_context(text, span=20).rstrip() if text.strip() else "(empty)"
        raise BadCall(
            f"the filter cannot be read here:\n{shown}",
            hint="for example: region = 'EU' and score >= 9; operators = != < <= > >= in between contains, is null",
            field="where",
        ) from None
    except (LarkError, RecursionError):
        raise BadCall(
            "the filter cannot be read", hint="for example: region = 'EU' and score >= 9", field="where"
        ) from None
    if _depth(where) > DEEPEST:
        raise BadCall("the filter is too deep", hint=f"at most {DEEPEST} tests within each other", field="where")
    return where


def _depth(where: Where) -> int:
    match where:
        case Test():
            return 0
        case Not():
            return 1 + _depth(where.of)
        case _:
            return 1 + max(_depth(part) for part in where.of)


def names_in(where: Where) -> tuple[str, ...]:
    """Every column that a filter names, once, in order."""
    match where:
        case Test():
            return (where.name,)
        case Not():
            return names_in(where.of)
        case _:
            return tuple(dict.fromkeys(name for part in where.of for name in names_in(part)))


def predicate(where: Where, column: Callable[[str], ir.Value]) -> ir.BooleanValue:
    """The filter as an expression; `column` gives the value behind a name."""
    match where:
        case Test():
            return _test(where, column(where.name))
        case Not():
            return ~predicate(where.of, column)
        case All():
            return _fold([predicate(part, column) for part in where.of], all_of=True)
        case Any_():
            return _fold([predicate(part, column) for part in where.of], all_of=False)


def _fold(parts: list[ir.BooleanValue], *, all_of: bool) -> ir.BooleanValue:
    """Joins the parts as a balanced tree, so that a thousand of them are ten deep."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    first, second = (_fold(half, all_of=all_of) for half in (parts[:middle], parts[middle:]))
    return first & second if all_of else first | second


def _test(test: Test, column: ir.Value) -> ir.BooleanValue:
    if test.op == "null":
        return column.isnull()
    if test.op == "contains":
        return column.cast("string").lower().contains(str(test.values[0]).lower())
    given = test.values
    if column.type().is_string():
        if all(isinstance(v, int | float) and not isinstance(v, bool) for v in given):
            column = column.try_cast("float64")  # an attribute is text; a number to compare with makes it one
        else:
            given = tuple(str(v).lower() if isinstance(v, bool) else str(v) for v in given)
    values = [_literal(test.name, value, column) for value in given]
    match test.op:
        case "=":
            return column == values[0]
        case "!=":
            return column != values[0]
        case "<":
            return column < values[0]
        case "<=":
            return column <= values[0]
        case ">":
            return column > values[0]
        case ">=":
            return column >= values[0]
        case "in":
            return column.isin(values)
        case _:
            return column.between(values[0], values[1])


def _literal(name: str, value: Literal, column: ir.Value) -> Any:
    """`value` as the column's type; raises BadCall where it is of another kind."""
    kind = column.type()
    if kind.is_boolean() and isinstance(value, bool):
        return ibis.literal(value)
    if kind.is_numeric() and not kind.is_boolean() and isinstance(value, int | float) and not isinstance(value, bool):
        return ibis.literal(value)
    if kind.is_string():
        return ibis.literal(value)
    if (kind.is_timestamp() or kind.is_date()) and isinstance(value, str):
        return _moment(name, value, kind)
    words = "true or false" if kind.is_boolean() else "a number" if kind.is_numeric() else "a date such as '2026-01-31'"
    raise BadCall(f"{name} is compared with {value!r}", hint=f"it holds {words}", field="where")


def _moment(name: str, value: str, kind: Any) -> Any:
    try:
        if kind.is_date():
            return ibis.literal(date.fromisoformat(value))
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise BadCall(f"{name} is compared with {value!r}", hint="write dates as '2026-01-31'", field="where") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return ibis.literal(moment.replace(tzinfo=None), type=ibis.dtype("timestamp(6)")).cast(kind)
