"""Takes files in: by a recipe, as one table with its columns mapped, or as the export of a system that is known."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wellheard.base.errors import Ambiguous, BadCall, BadInput
from wellheard.sources import exports, files
from wellheard.sources.recipe import Recipe, Rule, Take, check_field, completed, mapped, read_recipe
from wellheard.tables.catalogue import tables
from wellheard.warehouse import load


@dataclass(frozen=True)
class ImportCall:
    """Everything that `wellheard import` can be told.

    `export` names the system that made the files; without it, a table and a recipe, they are recognised. `questions`
    says what columns of such a file ask, as `nps` or `csat:1-7`.
    """

    paths: tuple[Path, ...]
    table: str | None = None
    recipe: Path | None = None
    mapping: Mapping[str, str] | None = None
    constants: Mapping[str, str] | None = None
    source: str | None = None
    tz: str | None = None
    fold: str | None = None
    decimal: str | None = None
    date_formats: Mapping[str, str] | None = None
    delimiter: str | None = None
    encoding: str | None = None
    sheet: str | None = None
    header: int | None = None
    dry_run: bool = False
    export: str | None = None
    questions: Mapping[str, str] | None = None


class OpenFile:
    """A file as the loader takes it."""

    def __init__(self, path: Path, call: ImportCall) -> None:
        header: bool | int = True if call.header is None else (call.header or False)
        how = files.detect(path, delimiter=call.delimiter, encoding=call.encoding, sheet=call.sheet, header=header)
        self.file = files.open_file(path, how)
        self.name = path.name
        self.columns: Sequence[str] = self.file.columns

    @property
    def blank(self) -> frozenset[str]:
        """The columns that have no name in the file."""
        return frozenset(rename.now for rename in self.file.renames if not rename.was.strip())

    def batches(self) -> Any:
        return self.file.batches()

    def unreadable(self) -> list[load.BadRow]:
        return [load.BadRow(self.name, b.row, b.reason, b.text) for b in self.file.bad_rows]


@dataclass(frozen=True)
class Intake:
    """What is loaded: the recipe, what it reads, and the exports among the files."""

    recipe: Recipe
    deliveries: Sequence[Any]
    opened: Sequence[OpenFile]
    readings: tuple[exports.Reading, ...] = ()

    def unreadable(self) -> list[load.BadRow]:
        """The rows that no reader could parse."""
        return [bad for file in self.opened for bad in file.unreadable()]

    def left_out(self) -> tuple[tuple[str, int], ...]:
        """After loading: how many answers are kept and never count, by why."""
        counted: dict[str, int] = {}
        for reading in self.readings:
            for why, n in reading.left_out().items():
                counted[why] = counted.get(why, 0) + n
        return tuple(sorted(counted.items()))

    def questions(self) -> tuple[tuple[str, str, str], ...]:
        """What was asked in the exports: each question by name, what it is taken as, and how that is known."""
        return tuple((q.key, taken_as(q), q.why) for reading in self.readings for q in reading.laid.questions)

    def notes(self) -> tuple[str, ...]:
        """What whoever imports these files should know."""
        return tuple(dict.fromkeys(note for reading in self.readings for note in reading.laid.notes))


def taken_as(question: exports.Taken) -> str:
    """What a question is taken as, in words: `nps 0–10, main`."""
    scale = "" if question.low is None else f" {question.low}–{question.high}"
    return f"{question.form}{scale}{', main' if question.main and question.form != 'custom' else ''}"


def intake(call: ImportCall) -> Intake:
    """Opens the files of a call. Raises BadCall, BadInput or Ambiguous."""
    if call.table is not None and call.recipe is not None:
        raise BadCall("say either --table or --recipe", hint=f"tables: {', '.join(tables())}", field="table")
    opened = [OpenFile(path, call) for path in _existing(call.paths)]
    if call.table is None and call.recipe is None:
        return _exported(call, opened)
    if call.export or call.questions:
        raise BadCall(
            "--export and --question are for files of a known system",
            hint="leave --table and --recipe out",
            field="export",
        )
    return Intake(_settled(_recipe_for(call, opened), call), opened, opened)


def reading_of(path: Path, call: ImportCall) -> exports.Reading | None:
    """A file as the export of a known system; None where it is none that is recognised, or named by the call."""
    file = OpenFile(path, call)
    system = call.export or exports.recognised(exports.head_of(file))
    if system is None:
        return None
    told = {name: exports.told_of(text) for name, text in (call.questions or {}).items()}
    return exports.read_export(file, system, told, call.mapping, call.constants)


def _exported(call: ImportCall, opened: Sequence[OpenFile]) -> Intake:
    for name in (*(call.mapping or {}), *(call.constants or {})):
        check_field("survey_responses", name)
    systems = [call.export or _recognised(file) for file in opened]
    if len(set(systems)) > 1:
        raise BadCall(
            f"the files are of several systems: {', '.join(sorted(set(systems)))}",
            hint="import those of one system at a time",
            field="file",
        )
    told = {name: exports.told_of(text) for name, text in (call.questions or {}).items()}
    for column in (call.mapping or {}).values():
        _check_column(column, opened)
    found = tuple(exports.read_export(file, systems[0], told, call.mapping, call.constants) for file in opened)
    recipe = _settled(_recipe_of(systems[0], found, call), call)
    return Intake(recipe, [d for reading in found for d in reading.deliveries.values()], opened, found)


def _recognised(file: OpenFile) -> str:
    system = exports.recognised(exports.head_of(file))
    if system is None:
        raise BadCall(
            f"{file.name} is no export that is recognised: say either --table or --recipe, or --export",
            hint=f"tables: {', '.join(tables())}; exports: {', '.join(exports.exports())}",
            field="table",
        )
    return system


def _check_column(column: str, opened: Iterable[OpenFile]) -> None:
    for file in opened:
        if column not in file.columns:
            raise BadInput(
                f"{file.name} has no column {column!r}",
                hint=f"the file's columns: {', '.join(file.columns)}",
                field="map",
            )


def _recipe_of(system: str, found: Sequence[exports.Reading], call: ImportCall) -> Recipe:
    """The recipe by which an export's rows, which bear our columns' names, are read."""
    zones = {reading.laid.zone for reading in found} - {None}
    asks = next((reading.laid.asks_zone for reading in found if reading.laid.asks_zone), "")
    if len(zones) > 1 or (asks and not call.tz):
        raise Ambiguous(
            asks or f"the files write times in different zones: {', '.join(sorted(map(str, zones)))}",
            hint="say it, as --tz Europe/Berlin" if asks else "import them one after the other",
            field="tz",
        )
    rules = tuple(
        Rule(delivery.table, {name: Take(name) for name in delivery.columns}, files=glob.escape(delivery.name))
        for reading in found
        for delivery in reading.deliveries.values()
    )
    formats = {name: form for reading in found for name, form in reading.laid.date_formats.items()}
    return Recipe(system, system, rules, tz=next(iter(zones), None), date_formats=formats)


def _existing(paths: Sequence[Path]) -> list[Path]:
    for path in paths:
        if not path.is_file():
            raise BadInput(f"there is no file {path}", hint="check the path", field="file")
    names = [p.name for p in paths]
    if len(set(names)) != len(names):
        raise BadCall("two files have one name", hint="import them one after the other", field="file")
    return list(paths)


def _recipe_for(call: ImportCall, opened: Sequence[OpenFile]) -> Recipe:
    if call.recipe is not None:
        recipe = read_recipe(call.recipe)
        _check_fed(recipe, opened)
        return recipe
    assert call.table is not None
    recipe = mapped(call.table, call.source or call.table, call.mapping or {}, call.constants or {})
    return completed(recipe, list(dict.fromkeys(c for file in opened for c in file.columns)))


def _settled(recipe: Recipe, call: ImportCall) -> Recipe:
    """The recipe with what the call says of times, numbers and the source."""
    return replace(
        recipe,
        source=call.source or recipe.source,
        tz=call.tz or recipe.tz,
        fold=call.fold or recipe.fold,
        decimal=call.decimal or recipe.decimal,
        date_formats={**recipe.date_formats, **(call.date_formats or {})},
    )


def _check_fed(recipe: Recipe, opened: Sequence[OpenFile]) -> None:
    for file in opened:
        if not recipe.reads(file.name):
            wanted = ", ".join(dict.fromkeys(rule.files for rule in recipe.rules))
            raise BadCall(
                f"the recipe {recipe.name} has no rule for a file called {file.name}",
                hint=f"it reads {wanted}",
                field="file",
            )
