"""Loads deliveries: stages, reads, sets aside what is wrong, merges the rest, and writes down what it did.

An import is one transaction over all its tables. It is safe to kill at any point and to repeat.
"""

from __future__ import annotations

import csv
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from wellheard.base.errors import BadInput
from wellheard.sources.recipe import Constant, Lookup, MonthsBefore, Recipe, RowKey, Sum, Take, Template
from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse import merge, plan, schema, takeback
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.merge import Counts
from wellheard.warehouse.staging import Delivery, Given, Progress, Stage, Typed, staging

SHOWN_REASONS = 8

# Runs inside the import's transaction and fills the columns that an enrichment makes; is given, by canonical table, a
# temporary table of the keys and references of the rows that changed, as they were and as they are.
Enrich = Callable[[Lake, Mapping[str, str]], object]


@dataclass(frozen=True)
class BadRow:
    """A row of a file that could not even be read."""

    file: str
    row: int
    reason: str
    text: str


@dataclass(frozen=True)
class Report:
    """What an import did: `import_id` is None after a dry run, `tables` has one entry a table.

    `left_out` says how many rows are kept and never count, by why; `questions` are the columns of a known export: each
    by name, what it was taken as, and how that is known. Their source knows both.
    """

    import_id: str | None
    source: str
    files: tuple[str, ...]
    tables: tuple[Counts, ...]
    unreadable: int
    reasons: tuple[tuple[str, int], ...]
    rejects_file: Path | None
    mapping: tuple[tuple[str, str, str], ...]
    readings: tuple[tuple[str, str], ...]
    left_out: tuple[tuple[str, int], ...] = ()
    questions: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rejected(self) -> int:
        return self.unreadable + sum(c.rejected for c in self.tables)


def take(
    lake: Lake,
    recipe: Recipe,
    deliveries: Sequence[Delivery],
    *,
    default_zone: str,
    rejects_folder: Path,
    enrich: Enrich | None = None,
    progress: Progress = lambda _stage, _rows: None,
    dry_run: bool = False,
    unreadable: Callable[[], Sequence[BadRow]] = tuple,
) -> Report:
    """Takes deliveries in by a recipe. `unreadable` gives, after reading, the rows that no reader could parse.

    Raises BadInput and Ambiguous before anything is written.
    """
    taken_at = datetime.now(UTC)
    given = Given(recipe.source, f"{taken_at:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}", taken_at)
    with staging(lake, progress) as stage:
        raws = {d.name: stage.take(d) for d in deliveries}
        into, parts = _typed(stage, recipe, raws, default_zone, given)
        broken = unreadable()
        folder = None if dry_run else rejects_folder
        rejects, reasons = _set_aside(stage, into, parts, broken, folder, given.import_id)
        stage.release()  # half of what an import holds, and what is to come needs the room
        progress("merging", sum(stage.rows_in.values()))
        if dry_run:
            counts = tuple(_classified(stage, into)[1].values())
        else:
            counts = _commit(stage, into, recipe, tuple(raws), given, enrich, len(broken))
    return Report(
        import_id=None if dry_run else given.import_id,
        source=recipe.source,
        files=tuple(raws),
        tables=counts,
        unreadable=len(broken),
        reasons=reasons,
        rejects_file=rejects,
        mapping=tuple(_mapping(recipe)),
        readings=tuple((c, _said(r)) for part in parts for c, r in part.readings.items()),
    )


def _typed(
    stage: Stage, recipe: Recipe, raws: Mapping[str, str], zone: str, given: Given
) -> tuple[dict[str, str], list[Typed]]:
    """Reads every rule that a file feeds: a temporary table a canonical table, and what was read into them."""
    into: dict[str, str] = {}
    parts = []
    for number, rule in enumerate(recipe.rules):
        own = [table for name, table in raws.items() if rule in recipe.rules_for(name)]
        if not own:
            continue
        raw = stage.together(own)
        if not rule.group_by and "source_id" not in rule.columns:
            raw = stage.keyed(raw)
        if rule.lookup:
            raw = stage.beside(raw, _looked_up(rule.lookup, recipe, raws, stage), rule.lookup.on)
        if rule.table not in into:
            into[rule.table] = stage.target(canonical(rule.table))
        parts.append(stage.typed(rule, number, raw, recipe, zone, into[rule.table], given))
    return into, parts


def _looked_up(lookup: Lookup, recipe: Recipe, raws: Mapping[str, str], stage: Stage) -> str:
    """The relation in which a rule looks up the rest of its rows. Raises BadInput where no file of the import is it."""
    found = [raw for name, raw in raws.items() if fnmatch(name, lookup.files)]
    if not found:
        raise BadInput(
            f"{recipe.name} looks up rows in {lookup.files}, and no file of that name is imported with these",
            hint="name that file, too, in the same import",
            field="recipe",
        )
    return stage.together(found)


def _classified(stage: Stage, into: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Counts]]:
    """By canonical table: the temporary view of its changes, and what became of its rows."""
    changes = {name: stage.name("changes", "view") for name in into}
    counts = {
        name: merge.classify(stage.lake.con, canonical(name), typed, stage.name, changes[name])
        for name, typed in into.items()
    }
    return changes, counts


def _commit(
    stage: Stage,
    into: Mapping[str, str],
    recipe: Recipe,
    files: tuple[str, ...],
    given: Given,
    enrich: Enrich | None,
    broken: int,
) -> tuple[Counts, ...]:
    """Compares with the lake and writes, holding it against other writers: the personal columns first, then the facts.

    The facts make an import count. Personal columns of one that never got there are taken out by the next writer.
    """
    lake = stage.lake
    with lake.writing():
        changes, counts = _classified(stage, into)
        moved = {name: changes[name] for name, c in counts.items() if c.new or c.changed}
        report = {
            "files": list(files),
            "recipe": recipe.name,
            "unreadable": broken,
            "tables": [c.as_dict() for c in counts.values()],
        }

        def personal() -> None:
            takeback.sign(lake.con, "personal", given.import_id)
            for name, relation in moved.items():
                merge.write_personal(lake.con, canonical(name), relation)
            lake.con.execute("insert into personal.main._imports values (?, null)", [given.import_id])

        before = {name: stage.name("before") for name in moved}
        touched = {name: stage.name("touched", "view") for name in moved}

        def facts() -> None:
            takeback.sign(lake.con, "facts", given.import_id)
            for name, relation in moved.items():
                merge.note_touched(lake.con, canonical(name), relation, touched[name], before[name])
                merge.write_facts(lake.con, canonical(name), relation)
            if enrich is not None and touched:
                enrich(lake, touched)
            lake.con.execute(
                "insert into facts.main._imports values (?, ?, ?, ?, ?, null)",
                [given.import_id, given.taken_at, recipe.source, ", ".join(files), json.dumps(report)],
            )

        lake.commit(personal)
        lake.commit(facts)
    return tuple(counts.values())


def _set_aside(
    stage: Stage,
    into: Mapping[str, str],
    parts: Sequence[Typed],
    broken: Sequence[BadRow],
    folder: Path | None,
    import_id: str,
) -> tuple[Path | None, tuple[tuple[str, int], ...]]:
    """Writes the refused rows with their reasons to a file, and counts the reasons."""
    counted: dict[str, int] = {}
    for bad in broken:
        counted[bad.reason] = counted.get(bad.reason, 0) + 1
    for typed in into.values():
        rows = stage.lake.con.execute(
            f"select {plan.WHY}, count(*) from temp.main.{schema.quoted(typed)} "
            f"where {plan.WHY} is not null group by 1 order by 2 desc, 1 limit 50"
        ).fetchall()
        for reason, n in rows:
            counted[reason] = counted.get(reason, 0) + n
    if not counted:
        return None, ()
    reasons = tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_REASONS])
    return (_write_rejects(stage, into, parts, broken, folder, import_id) if folder else None), reasons


def _write_rejects(
    stage: Stage,
    into: Mapping[str, str],
    parts: Sequence[Typed],
    broken: Sequence[BadRow],
    folder: Path,
    import_id: str,
) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{import_id}.rejects.csv"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # rows may hold personal data
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "row", "table", "reason", "content"])
        writer.writerows((b.file, b.row, "", b.reason, json.dumps(b.text)) for b in broken)
        for part in parts:
            _copy_rejects(stage, into[part.rule.table], part, writer)
    return path


def _copy_rejects(stage: Stage, typed: str, part: Typed, writer: Any) -> None:
    columns = ", ".join(f"{schema.quoted(c)} := r.{schema.quoted(c)}" for c in part.columns)
    content = f"to_json(struct_pack({columns}))::varchar" if columns else "'{}'"
    cursor = stage.lake.con.execute(
        f"select t.{plan.FILE}, t.{plan.ROW}, t.{plan.WHY}, {content} "
        f"from (from temp.main.{schema.quoted(typed)} where {plan.WHY} is not null and __rule = {part.number}) t "
        f"join temp.main.{schema.quoted(part.raw)} r on r.{plan.ROW} = t.{plan.ROW} and r.{plan.FILE} = t.{plan.FILE} "
        "order by 1, 2"
    )
    while rows := cursor.fetchmany(10_000):
        writer.writerows((file, row, part.rule.table, why, content) for file, row, why, content in rows)


def _mapping(recipe: Recipe) -> list[tuple[str, str, str]]:
    """What fills each column, in words: table, column, origin."""
    said = []
    for rule in recipe.rules:
        for name, expression in rule.columns.items():
            match expression:
                case Take():
                    origin = expression.column
                case Constant():
                    origin = f"always {expression.value!r}"
                case Template():
                    origin = expression.text
                case RowKey():
                    origin = "the row's own key"
                case Sum():
                    origin = " + ".join(take.column for take in expression.of)
                case MonthsBefore():
                    origin = f"{expression.months} months before {expression.day}"
                case _:
                    origin = type(expression).__name__.lower()
            said.append((rule.table, name, origin))
    return said


def _said(reading: Any) -> str:
    order = {"dmy": "day first, ", "mdy": "month first, "}.get(reading.order or "", "")
    return f"{reading.format or order + 'as written'}, wall-clock times in {reading.zone}"
