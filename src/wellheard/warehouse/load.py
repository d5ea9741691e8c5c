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
from pathlib import Path
from typing import Any

from wellheard.sources.recipe import Recipe, Rule
from wellheard.tables.catalogue import table as canonical
from wellheard.warehouse import merge, plan, schema
from wellheard.warehouse.engine import Lake, retried
from wellheard.warehouse.merge import Counts
from wellheard.warehouse.staging import Delivery, Progress, Stage, Typed, staging

SHOWN_REASONS = 8

# Runs inside the import's transaction with the names of the tables that changed and, by table, the temporary table of
# changed rows; fills the columns that an enrichment makes.
Enrich = Callable[[Lake, Mapping[str, str]], None]


@dataclass(frozen=True)
class BadRow:
    """A row of a file that could not even be read."""

    file: str
    row: int
    reason: str
    text: str


@dataclass(frozen=True)
class Report:
    """What an import did: `import_id` is None after a dry run, `tables` has one entry a table."""

    import_id: str | None
    source: str
    files: tuple[str, ...]
    tables: tuple[Counts, ...]
    unreadable: int
    reasons: tuple[tuple[str, int], ...]
    rejects_file: Path | None
    mapping: tuple[tuple[str, str, str], ...]
    readings: tuple[tuple[str, str], ...]

    @property
    def rejected(self) -> int:
        return self.unreadable + sum(c.rejected for c in self.tables)


@dataclass(frozen=True)
class _Part:
    typed: Typed
    ready: str
    rejected: int
    repeated: int
    read: int


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
    import_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    taken_at = datetime.now(UTC)
    with staging(lake, progress) as stage:
        raws = {d.name: stage.take(d) for d in deliveries}
        parts = [
            _read(stage, rule, raws, recipe, default_zone, import_id, taken_at)
            for rule in recipe.rules
            if any(rule in recipe.rules_for(name) for name in raws)
        ]
        broken = unreadable()
        folder = None if dry_run else rejects_folder
        rejects, reasons = _set_aside(stage, parts, broken, folder, import_id)
        ready = _by_table(stage, parts)
        counts = _merged(stage, ready, parts, recipe, tuple(raws), import_id, taken_at, enrich, dry_run, len(broken))
    changed = any(c.new or c.changed for c in counts)
    return Report(
        import_id=None if dry_run else import_id if changed or counts else import_id,
        source=recipe.source,
        files=tuple(raws),
        tables=counts,
        unreadable=len(broken),
        reasons=reasons,
        rejects_file=rejects,
        mapping=tuple(_mapping(recipe)),
        readings=tuple((c, _said(r)) for part in parts for c, r in part.typed.readings.items()),
    )


def _read(
    stage: Stage, rule: Rule, raws: Mapping[str, str], recipe: Recipe, zone: str, import_id: str, taken_at: datetime
) -> _Part:
    raw = stage.together([table for name, table in raws.items() if rule in recipe.rules_for(name)])
    if not rule.group_by and ("source_id" not in rule.columns):
        raw = stage.keyed(raw)
    typed = stage.typed(rule, raw, recipe, zone)
    ready = stage.prepared(typed, recipe.source, import_id, taken_at)
    con, quoted = stage.lake.con, schema.quoted
    rejected = _count(con, f"temp.main.{quoted(typed.relation)} where {plan.WHY} is not null")
    read = _count(con, f"temp.main.{quoted(typed.relation)}")
    return _Part(typed, ready, rejected, read - rejected - _count(con, f"temp.main.{quoted(ready)}"), read)


def _count(con: Any, what: str) -> int:
    return int(con.execute(f"select count(*) from {what}").fetchone()[0])


def _by_table(stage: Stage, parts: Sequence[_Part]) -> dict[str, str]:
    """One relation of ready rows a canonical table, since several rules may make rows of one."""
    result: dict[str, str] = {}
    for name in dict.fromkeys(part.typed.rule.table for part in parts):
        relations = [part.ready for part in parts if part.typed.rule.table == name]
        if len(relations) > 1:
            union = " union all by name ".join(f"select * from temp.main.{schema.quoted(r)}" for r in relations)
            joined = stage.name("ready")
            stage.lake.con.execute(
                f"create temp table {schema.quoted(joined)} as select * from ({union}) "
                "qualify row_number() over (partition by id, updated_at order by row_hash desc) = 1"
            )
            relations = [joined]
        result[name] = relations[0]
    return result


def _merged(
    stage: Stage,
    ready: Mapping[str, str],
    parts: Sequence[_Part],
    recipe: Recipe,
    files: tuple[str, ...],
    import_id: str,
    taken_at: datetime,
    enrich: Enrich | None,
    dry_run: bool,
    broken: int,
) -> tuple[Counts, ...]:
    lake = stage.lake
    changes = {name: stage.name("changes") for name in ready}
    states: dict[str, dict[str, int]] = {}

    def classify() -> None:
        for name in ready:
            states[name] = merge.classify(lake, canonical(name), ready[name], changes[name])

    def commit() -> None:
        """Compares and writes anew each time, so that a retry after another writer's commit is right."""
        classify()
        counts = _counts(parts, states)
        in_transaction(lake, lambda: _write_personal(lake, changes, states, import_id))
        report = {
            "files": list(files),
            "recipe": recipe.name,
            "unreadable": broken,
            "tables": [c.as_dict() for c in counts],
        }
        in_transaction(lake, lambda: _write_facts(lake, changes, states, enrich, import_id, taken_at, recipe, report))

    stage.progress("merging", sum(p.read for p in parts))
    if dry_run:
        classify()
    else:
        retried(commit)
    return _counts(parts, states)


def _write_personal(lake: Lake, changes: Mapping[str, str], states: Mapping[str, Any], import_id: str) -> None:
    for name, relation in changes.items():
        if _moved(states[name]):
            merge.write_personal(lake, canonical(name), relation)
    lake.con.execute("insert into personal.main._imports values (?)", [import_id])


def _write_facts(
    lake: Lake,
    changes: Mapping[str, str],
    states: Mapping[str, Any],
    enrich: Enrich | None,
    import_id: str,
    taken_at: datetime,
    recipe: Recipe,
    report: dict[str, Any],
) -> None:
    moved = {name: relation for name, relation in changes.items() if _moved(states[name])}
    for name, relation in moved.items():
        merge.write_facts(lake, canonical(name), relation)
    if enrich is not None and moved:
        enrich(lake, moved)
    lake.con.execute(
        "insert into facts.main._imports values (?, ?, ?, ?, ?, null)",
        [import_id, taken_at, recipe.source, ", ".join(report["files"]), json.dumps(report)],
    )


def _moved(state: Mapping[str, int]) -> bool:
    return bool(state.get("new") or state.get("changed"))


def in_transaction(lake: Lake, work: Callable[[], None]) -> None:
    """Runs `work` and commits, or leaves everything as it was."""
    lake.con.execute("begin")
    try:
        work()
        lake.con.execute("commit")
    except BaseException:
        try:
            lake.con.execute("rollback")
        except Exception:  # noqa: BLE001 - a failed commit has ended the transaction already; the first error matters
            pass
        raise


def _counts(parts: Sequence[_Part], states: Mapping[str, Mapping[str, int]]) -> tuple[Counts, ...]:
    result = []
    for name, state in states.items():
        own = [p for p in parts if p.typed.rule.table == name]
        read, rejected = sum(p.read for p in own), sum(p.rejected for p in own)
        repeated = read - rejected - sum(state.values())
        result.append(
            Counts(
                name,
                read,
                state.get("new", 0),
                state.get("changed", 0),
                state.get("unchanged", 0),
                state.get("older", 0),
                repeated,
                rejected,
            )
        )
    return tuple(result)


def _set_aside(
    stage: Stage, parts: Sequence[_Part], broken: Sequence[BadRow], folder: Path | None, import_id: str
) -> tuple[Path | None, tuple[tuple[str, int], ...]]:
    """Writes the refused rows with their reasons to a file, and counts the reasons."""
    total = len(broken) + sum(p.rejected for p in parts)
    if not total:
        return None, ()
    counted: dict[str, int] = {}
    for bad in broken:
        counted[bad.reason] = counted.get(bad.reason, 0) + 1
    for part in (p for p in parts if p.rejected):
        rows = stage.lake.con.execute(
            f"select {plan.WHY}, count(*) from temp.main.{schema.quoted(part.typed.relation)} "
            f"where {plan.WHY} is not null group by 1 order by 2 desc limit 50"
        ).fetchall()
        for reason, n in rows:
            counted[reason] = counted.get(reason, 0) + n
    reasons = tuple(sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:SHOWN_REASONS])
    return (_write_rejects(stage, parts, broken, folder, import_id) if folder else None), reasons


def _write_rejects(
    stage: Stage, parts: Sequence[_Part], broken: Sequence[BadRow], folder: Path, import_id: str
) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{import_id}.rejects.csv"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # rows may hold personal data
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "row", "table", "reason", "content"])
        writer.writerows((b.file, b.row, "", b.reason, json.dumps(b.text)) for b in broken)
        for part in (p for p in parts if p.rejected):
            _copy_rejects(stage, part, writer)
    return path


def _copy_rejects(stage: Stage, part: _Part, writer: Any) -> None:
    columns = ", ".join(f"{schema.quoted(c)} := r.{schema.quoted(c)}" for c in part.typed.columns)
    cursor = stage.lake.con.execute(
        f"select t.{plan.FILE}, t.{plan.ROW}, t.{plan.WHY}, to_json(struct_pack({columns}))::varchar "
        f"from temp.main.{schema.quoted(part.typed.relation)} t "
        f"join temp.main.{schema.quoted(part.typed.raw)} r on r.{plan.ROW} = t.{plan.ROW} and r.{plan.FILE} = t.{plan.FILE} "
        f"where t.{plan.WHY} is not null order by 1, 2"
    )
    while rows := cursor.fetchmany(10_000):
        writer.writerows((file, row, part.typed.rule.table, why, content) for file, row, why, content in rows)


def _mapping(recipe: Recipe) -> list[tuple[str, str, str]]:
    """What fills each column, in words: table, column, origin."""
    said = []
    for rule in recipe.rules:
        for name, expression in rule.columns.items():
            match expression:
                case plan.Take():
                    origin = expression.column
                case plan.Constant():
                    origin = f"always {expression.value!r}"
                case plan.Template():
                    origin = expression.text
                case _:
                    origin = type(expression).__name__.lower()
            said.append((rule.table, name, origin))
    return said


def _said(reading: Any) -> str:
    order = {"dmy": "day first, ", "mdy": "month first, "}.get(reading.order or "", "")
    return f"{reading.format or order + 'as written'}, wall-clock times in {reading.zone}"
