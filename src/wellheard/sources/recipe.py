"""A recipe says how files become canonical tables. It is data: no code in it ever runs.

A recipe is a TOML file; `examples/recipes/` is the guide to writing one. `--map` on the command line makes the same
values, so there is one way in.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from wellheard.base.errors import BadCall, BadInput, Place
from wellheard.base.periods import zone_of
from wellheard.tables.catalogue import table as canonical

REPEAT = "repeat"  # what `{repeat}` in a text stands for, where rows are repeated
AGGREGATES = ("min", "max", "sum", "count", "first", "last", "distinct")
TESTS = ("is", "in", "not_in", "starts_with", "not_starts_with", "blank", "above", "below")
ATTRIBUTE = "attributes."


@dataclass(frozen=True)
class Condition:
    """One test on a file's column (or, in `keep`, on a canonical column)."""

    column: str
    test: str
    value: str | float | bool | tuple[str, ...]


@dataclass(frozen=True)
class Take:
    """A file's column: `blank` values are empty, `values` are recoded, `otherwise` stands for all not recoded.

    `cut` takes the characters from the first place to the last, counted from 1, as in files of fixed width. `parts` is
    the sign between the parts of a list, each of which is recoded; `has` asks whether one of its parts is among these.
    `bands` gives a number the name of the last band that begins at or below it. `clock` reads a length written as
    hours:minutes:seconds as seconds.
    """

    column: str
    blank: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    otherwise: str | None = None
    times: float | None = None
    cut: tuple[int, int] | None = None
    parts: str | None = None
    has: tuple[str, ...] = ()
    bands: tuple[tuple[float, str], ...] = ()
    clock: bool = False

    @property
    def rewritten(self) -> bool:
        """Whether the value is another text than the file's."""
        return bool(self.values or self.cut or self.parts or self.has or self.bands or self.clock)


@dataclass(frozen=True)
class Constant:
    """The same value in every row."""

    value: str


@dataclass(frozen=True)
class Template:
    """A text with file columns in braces, such as `2017-05-{INTDATE}`; empty where one of them is."""

    text: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class RowKey:
    """The key that a row without a `source_id` gets: of its content, and its place among equal rows."""


@dataclass(frozen=True)
class Product:
    """Two columns multiplied, exactly."""

    left: Take
    right: Take


@dataclass(frozen=True)
class Sum:
    """Columns added up, exactly; one that is empty makes the sum empty."""

    of: tuple[Take, ...]


@dataclass(frozen=True)
class MonthsBefore:
    """A day moved back by as many whole months as the column says."""

    day: str
    months: str


Scalar = Take | Constant | Template | RowKey | Product | Sum | MonthsBefore


@dataclass(frozen=True)
class Aggregate:
    """One value from the rows of a group; `by` orders `first` and `last`, `where` leaves rows out."""

    how: str
    of: Scalar | None
    where: tuple[Condition, ...] = ()
    by: str | None = None


Expression = Scalar | Aggregate


@dataclass(frozen=True)
class Lookup:
    """Another file of the same import, in which the rest of a row is found: its files, and the columns that agree."""

    files: str
    on: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """How one canonical table is made from the files that match `files`.

    With `questions`, each file row becomes one row a question: a question's expressions go over the common ones. With
    `group_by`, the rows that agree in those columns become one. With `repeat`, a file row becomes as many rows as that
    column says, none where it says nothing; a text may name them apart by `{repeat}`, which counts from 1. With
    `lookup`, each file row also has the columns of the row of another file that agrees in the columns `on`.
    """

    table: str
    columns: Mapping[str, Expression]
    files: str = "*"
    where: tuple[Condition, ...] = ()
    keep: tuple[Condition, ...] = ()
    group_by: tuple[str, ...] = ()
    questions: tuple[Mapping[str, Expression], ...] = ()
    repeat: str | None = None
    lookup: Lookup | None = None


@dataclass(frozen=True)
class Recipe:
    """All rules for one system's files, with the source's name, its time zone and the formats of its dates."""

    name: str
    source: str
    rules: tuple[Rule, ...]
    words: str = ""
    tz: str | None = None
    fold: str | None = None
    decimal: str = "."
    date_formats: Mapping[str, str] = field(default_factory=dict)

    def rules_for(self, file_name: str) -> tuple[Rule, ...]:
        """The rules that a file called `file_name` feeds."""
        return tuple(rule for rule in self.rules if fnmatch(file_name, rule.files))

    def reads(self, file_name: str) -> bool:
        """Whether a file called `file_name` feeds a rule, or is one in which another's rows are looked up."""
        looked_up = any(rule.lookup and fnmatch(file_name, rule.lookup.files) for rule in self.rules)
        return looked_up or bool(self.rules_for(file_name))


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file; raises BadInput saying which entry is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"the recipe cannot be read: {error.strerror}", hint="check the path", field="recipe") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"not a TOML file: {error}", place=Place(file=path.name), field="recipe") from None
    try:
        return _recipe(data, path.stem)
    except BadCall as error:
        raise BadInput(
            error.message,
            hint=error.hint or "examples/recipes/ shows how a recipe is written",
            place=Place(file=path.name),
            field="recipe",
        ) from None


def _recipe(data: Mapping[str, Any], stem: str) -> Recipe:
    _known(data, ("name", "words", "source", "tz", "fold", "decimal", "date_formats", "tables"), "the recipe")
    rules = data.get("tables")
    if not isinstance(rules, list) or not rules:
        raise BadCall("there is no [[tables]] entry")
    if tz := data.get("tz"):
        zone_of(str(tz))
    name = str(data.get("name", stem))
    return Recipe(
        name=name,
        source=str(data.get("source", name)),
        words=str(data.get("words", "")),
        tz=tz,
        fold=data.get("fold"),
        decimal=str(data.get("decimal", ".")),
        date_formats=dict(data.get("date_formats", {})),
        rules=tuple(_rule(entry, number) for number, entry in enumerate(rules, 1)),
    )


def _rule(entry: Mapping[str, Any], number: int) -> Rule:
    where = f"[[tables]] entry {number}"
    _known(entry, ("table", "files", "where", "keep", "group_by", "repeat", "lookup", "questions", "columns"), where)
    if "table" not in entry:
        raise BadCall(f"{where} does not say which `table` it makes")
    name = str(entry["table"])
    group_by = tuple(entry.get("group_by", ()))
    questions = entry.get("questions", [])
    rule = Rule(
        table=name,
        files=str(entry.get("files", "*")),
        where=_conditions(entry.get("where", []), where),
        keep=_conditions(entry.get("keep", []), where),
        group_by=group_by,
        columns=_columns(entry.get("columns", {}), name, where, grouped=bool(group_by)),
        questions=tuple(_columns(q, name, f"{where}, a question", grouped=False) for q in questions),
        repeat=None if "repeat" not in entry else str(entry["repeat"]),
        lookup=_lookup(entry["lookup"], where) if "lookup" in entry else None,
    )
    if len([turn for turn in (group_by, questions, rule.repeat) if turn]) > 1:
        raise BadCall(f"{where} has two of `group_by`, `questions` and `repeat`", hint="make two entries")
    if rule.repeat and "source_id" not in rule.columns:
        raise BadCall(f"{where} repeats rows and gives them no `source_id`", hint='such as { text = "{id} {repeat}" }')
    if RowKey() in rule.columns.values() and (group_by or "source_id" in rule.columns):
        raise BadCall(f"{where}: `key` is for rows that have no `source_id`", hint="name the column of the key instead")
    if not rule.columns and not questions:
        raise BadCall(f"{where} fills no column")
    return rule


def _lookup(entry: Any, where: str) -> Lookup:
    _known(entry, ("files", "on"), f"{where}, lookup")
    on = entry.get("on", [])
    names = (on,) if isinstance(on, str) else tuple(on)
    if "files" not in entry or not names:
        raise BadCall(f"{where}: a lookup names the other `files`, and the column `on` which both agree")
    return Lookup(str(entry["files"]), names)


def _columns(data: Mapping[str, Any], table: str, where: str, *, grouped: bool) -> dict[str, Expression]:
    result: dict[str, Expression] = {}
    for name, value in data.items():
        if name == "attributes" and isinstance(value, Mapping):
            for key, inner in value.items():
                result[ATTRIBUTE + key] = _expression(inner, f"{where}, attributes.{key}", grouped=grouped)
            continue
        check_field(table, name)
        result[name] = _expression(value, f"{where}, {name}", grouped=grouped)
    return result


def check_field(table: str, name: str) -> None:
    """Raises BadCall where `name` is neither a column of the table nor `attributes.x`."""
    fields = canonical(table).by_name
    if name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE):
        return
    if name not in fields or name in ("id", "ingested_at", "attributes"):
        can = ", ".join(c for c in fields if c not in ("id", "ingested_at", "attributes"))
        raise BadCall(
            f"{table} has no column {name!r}", hint=f"its columns: {can}; any other as attributes.{name}", field="map"
        )


def _expression(value: Any, where: str, *, grouped: bool) -> Expression:
    if isinstance(value, str):
        return Take(value)
    if not isinstance(value, Mapping):
        raise BadCall(f"{where}: {value!r} is not a column's name or a table", hint='a constant is { set = "…" }')
    how = next((a for a in AGGREGATES if a in value), None)
    if how is None:
        return _scalar(value, where)
    if not grouped:
        raise BadCall(f"{where}: `{how}` needs `group_by`")
    _known(value, (how, "where", "by"), where)
    of = None if value[how] is True else _expression(value[how], where, grouped=False)
    if how in ("first", "last") and "by" not in value:
        raise BadCall(f"{where}: `{how}` needs `by`, the column that orders the rows")
    assert not isinstance(of, Aggregate)
    return Aggregate(how, of, _conditions(value.get("where", []), where), value.get("by"))


def _scalar(value: Mapping[str, Any], where: str) -> Scalar:
    if "set" in value:
        _known(value, ("set",), where)
        return Constant(_plain(value["set"]))
    if "text" in value:
        _known(value, ("text",), where)
        return template(str(value["text"]))
    if value.get("key") is True:
        _known(value, ("key",), where)
        return RowKey()
    if "product" in value:
        _known(value, ("product",), where)
        left, right = value["product"]
        return Product(_take(left, where), _take(right, where))
    if "added" in value:
        _known(value, ("added",), where)
        return Sum(tuple(_take(one, where) for one in value["added"]))
    if "months_before" in value:
        _known(value, ("months_before", "column"), where)
        return MonthsBefore(str(value["months_before"]), str(value["column"]))
    return _take(value, where)


def _take(value: Any, where: str) -> Take:
    if isinstance(value, str):
        return Take(value)
    known = ("column", "blank", "values", "otherwise", "times", "cut", "parts", "has", "bands", "clock")
    _known(value, known, where)
    if "column" not in value:
        raise BadCall(f"{where} names no `column`")
    if "has" in value and "values" in value:
        raise BadCall(f"{where}: `has` already says yes or no", hint="leave `values` out")
    return Take(
        column=str(value["column"]),
        blank=tuple(_plain(v) for v in value.get("blank", ())),
        values=tuple((str(k), _plain(v)) for k, v in value.get("values", {}).items()),
        otherwise=None if "otherwise" not in value else _plain(value["otherwise"]),
        times=value.get("times"),
        cut=_cut(value["cut"], where) if "cut" in value else None,
        parts=_sign(value, where),
        has=tuple(_plain(v) for v in value.get("has", ())),
        bands=_bands(value.get("bands", ()), where),
        clock=value.get("clock") is True,
    )


def _cut(places: Any, where: str) -> tuple[int, int]:
    if not (isinstance(places, list) and len(places) == 2 and all(isinstance(p, int) for p in places)):
        raise BadCall(f"{where}: `cut` is the first place and the last", hint="such as [1, 8]")
    first, last = places
    if not 1 <= first <= last:
        raise BadCall(f"{where}: `cut` from {first} to {last} holds nothing", hint="places count from 1")
    return first, last


def _sign(value: Mapping[str, Any], where: str) -> str | None:
    sign = value.get("parts", "," if "has" in value else None)
    if sign is not None and not (isinstance(sign, str) and sign):
        raise BadCall(f"{where}: `parts` is the sign between the parts of a list", hint='such as ","')
    return sign


def _bands(given: Any, where: str) -> tuple[tuple[float, str], ...]:
    try:
        bands = tuple((float(start), _plain(name)) for start, name in given)
    except (TypeError, ValueError):
        raise BadCall(f"{where}: a band is where it begins and its name", hint='such as [0, "low"]') from None
    if [start for start, _ in bands] != sorted({start for start, _ in bands}):
        raise BadCall(f"{where}: the bands do not rise", hint="write the lowest first")
    return bands


def template(text: str) -> Template:
    """The template `text`, with the columns that it names in braces."""
    names = []
    rest = text
    while "{" in rest:
        _, _, rest = rest.partition("{")
        name, closed, rest = rest.partition("}")
        if not closed:
            raise BadCall(f"a brace is not closed in {text!r}")
        names.append(name)
    return Template(text, tuple(names))


def _conditions(data: Any, where: str) -> tuple[Condition, ...]:
    return tuple(_condition(entry, where) for entry in ([data] if isinstance(data, Mapping) else data))


def _condition(entry: Mapping[str, Any], where: str) -> Condition:
    tests = [t for t in TESTS if t in entry]
    if "column" not in entry or len(tests) != 1:
        raise BadCall(f"{where}: a condition names one `column` and one of {', '.join(TESTS)}")
    _known(entry, ("column", tests[0]), where)
    value = entry[tests[0]]
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = tuple(_plain(v) for v in value)
    elif tests[0] in ("is", "starts_with", "not_starts_with"):
        value = _plain(value)
    return Condition(str(entry["column"]), tests[0], value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _known(data: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    if not isinstance(data, Mapping):
        raise BadCall(f"{where}: {data!r} is not a table")
    if unknown := sorted(set(data) - set(names)):
        raise BadCall(f"{where}: {unknown[0]!r} is not known", hint=f"known here: {', '.join(names)}")


def mapped(table: str, source: str, given: Mapping[str, str], constants: Mapping[str, str]) -> Recipe:
    """The recipe that `--table`, `--map` and `--set` make: canonical column to the file's column or to a constant."""
    columns: dict[str, Expression] = {}
    for name, column in given.items():
        check_field(table, name)
        columns[name] = Take(column)
    for name, value in constants.items():
        check_field(table, name)
        columns[name] = Constant(value)
    return Recipe(name=table, source=source, rules=(Rule(table=table, columns=columns),))


def completed(recipe: Recipe, file_columns: Sequence[str]) -> Recipe:
    """A mapping completed with the file's columns that bear a canonical name or one of its known spellings.

    What was mapped or set stays; a file column is used once.
    """
    (rule,) = recipe.rules
    used = {e.column for e in rule.columns.values() if isinstance(e, Take)}
    columns = dict(rule.columns)
    spelled = {_folded(c): c for c in reversed(file_columns)}
    for column in canonical(rule.table).by_name.values():
        if column.name in columns or column.name in ("id", "ingested_at", "attributes"):
            continue
        for spelling in (column.name, *column.aliases):
            match = spelled.get(_folded(spelling))
            if match is not None and match not in used:
                columns[column.name] = Take(match)
                used.add(match)
                break
    for name in file_columns:
        if name.startswith(ATTRIBUTE) and name not in used and name not in columns:
            columns[name] = Take(name)
    return replace(recipe, rules=(replace(rule, columns=columns),))


def _folded(name: str) -> str:
    return "".join(ch for ch in name.casefold() if ch.isalnum() or ch == ".")
