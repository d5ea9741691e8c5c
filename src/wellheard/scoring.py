"""Scores the customers of a workspace as of an instant, step by step: each step is kept once it is done.

A run that was broken off goes on with the steps that are missing when it is called again for the same instant.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from wellheard.app import Workspace
from wellheard.base.errors import BadCall
from wellheard.enrich.behaviour import behaviour
from wellheard.enrich.churn_risk import KIND as RISK
from wellheard.enrich.churn_risk import MAIN, Examples, all_examples, score_churn
from wellheard.enrich.early_signs import measured
from wellheard.enrich.health import KIND as HEALTH
from wellheard.enrich.health_scores import read_weights, score_health
from wellheard.enrich.lifetime_value import VALUE, score_lifetimes
from wellheard.enrich.past import Past, data_end, data_start
from wellheard.enrich.profit import KIND as PROFIT
from wellheard.enrich.profit import score_profit
from wellheard.enrich.score import Scores
from wellheard.enrich.snapshot import KIND as SNAPSHOT
from wellheard.enrich.snapshot import score_snapshot, train_snapshot
from wellheard.enrich.worth import Worth, worth
from wellheard.sources.files.format import ROW
from wellheard.sources.files.reader import open_file
from wellheard.warehouse import scores
from wellheard.warehouse.engine import Lake

CHURN = f"{RISK}_{MAIN}d"
CARDS = "models"  # the folder of a workspace in which it is written what was fitted

Progress = Callable[[str, int], None]
Made = tuple[list[Scores], dict[str, Any]]


@dataclass(frozen=True)
class Step:
    """One step of a run: the kind of score that shows it was done, and how many rows it added."""

    kind: str
    rows: int
    import_id: str | None


class _Run:
    """What the steps share: the past up to the instant, and what each customer brought and cost."""

    def __init__(self, workspace: Workspace, past: Past) -> None:
        self.workspace, self.past = workspace, past
        self.data = str(workspace.lake.snapshot())

    @cached_property
    def worths(self) -> Worth:
        found = worth(self.past)
        return Worth(self.past.hold(found.table), found.spare, found.margin)

    def lifetimes(self) -> Made:
        return score_lifetimes(self.past, self.worths, self.data)

    def churn(self) -> Made:
        made, card = score_churn(self.past, self.frame, self.examples, self.data)
        return made, card | {"signs": measured(self.examples[MAIN])}

    @cached_property
    def frame(self) -> Any:
        """What those who are customers did up to the instant."""
        return behaviour(self.past)

    @cached_property
    def examples(self) -> dict[int, Examples]:
        """Customers at earlier instants, and who of them left."""
        return all_examples(self.past, data_start(self.past.lake))

    def healths(self) -> Made:
        rules = read_weights(self.workspace.home)
        return score_health(self.past, self.frame, self.examples[MAIN], rules, self.data)

    def profits(self) -> Made:
        return score_profit(self.past, self.worths, self.data)


STEPS: dict[str, Callable[[_Run], Made]] = {
    VALUE: _Run.lifetimes,
    PROFIT: _Run.profits,
    CHURN: _Run.churn,
    HEALTH: _Run.healths,
}


def score(
    workspace: Workspace,
    as_of: datetime | None = None,
    kinds: Sequence[str] = (),
    progress: Progress = lambda _stage, _rows: None,
) -> tuple[datetime, list[Step]]:
    """Scores everybody as of an instant, by default the last at which anything happened; gives it and the steps.

    Raises BadInput where there is nothing to score.
    """
    lake = workspace.lake
    at = min(as_of or datetime.max.replace(tzinfo=UTC), data_end(lake, datetime.now(UTC))).astimezone(UTC)
    done = scores.kinds_at(lake, at)
    steps = []
    with Past(lake, workspace.settings, at) as past:
        run = _Run(workspace, past)
        for kind in kinds or STEPS:
            if kind in done:
                steps.append(Step(kind, 0, None))
                continue
            progress(f"scoring {kind}", sum(step.rows for step in steps))
            made, card = STEPS[kind](run)
            words = f"{kind} as of {at:%Y-%m-%d %H:%M}"
            added = scores.add(lake, (each.table(at) for each in made), words)
            _keep(workspace.folder / CARDS, kind, at, {"as_of": at.isoformat(), "snapshot": run.data, **card})
            steps.append(Step(kind, added.rows, added.import_id))
    return at, steps


@dataclass(frozen=True)
class FromSnapshot:
    """What a snapshot taught: the card, how many scores it added with their import, and a row's chance by its key."""

    card: dict[str, Any]
    rows: int
    import_id: str | None
    chances: pa.Table


def score_from_snapshot(
    workspace: Workspace,
    file: Path,
    outcome: str,
    key: str | None = None,
    source: str | None = None,
    as_of: datetime | None = None,
) -> FromSnapshot:
    """Learns from a file of one row a customer with its `outcome` as COLUMN=VALUE, and scores those whom `key` names.

    Raises BadCall or BadInput for a file, column or outcome that cannot be learned from, and BadCall where a snapshot
    was scored as of that instant before: its scores stay, and would not be those of this card.
    """
    lake, at = workspace.lake, (as_of or datetime.now(UTC)).astimezone(UTC)
    if key is not None and SNAPSHOT in scores.kinds_at(lake, at):
        hint = "give another --as-of, or take the earlier ones back: `wellheard imports` lists them, then `undo`"
        raise BadCall(f"there are scores from a snapshot as of {at:%Y-%m-%d %H:%M} already", hint=hint, field="as_of")
    column, mark, left = outcome.partition("=")
    if not mark or not column.strip() or not left.strip():
        hint = "name the column and the value of those who left, as in --outcome Churn=Yes"
        raise BadCall(f"{outcome!r} names no outcome", hint=hint, field="outcome")
    table = pa.Table.from_batches(open_file(file).batches()).drop_columns([ROW])
    rows = table.to_pandas()
    found = train_snapshot(rows, column.strip(), left.strip(), key)
    data, digest, words = str(lake.snapshot()), _hash(file), f"{SNAPSHOT} of {file.name}"
    added = None
    if key is not None:
        made = score_snapshot(found, rows[key], source or _only_source(lake), f"{data}+{digest}")
        added = scores.add(lake, [made.table(at)], words)
    card = {"as_of": at.isoformat(), "snapshot": data, "file": file.name, "file_hash": digest, **found.card}
    _keep(workspace.folder / CARDS, SNAPSHOT, at, card)
    named = {key: table[key]} if key is not None else {"row": pa.array(range(1, len(rows) + 1))}
    chances = pa.table({**named, "left": pa.array(found.gone, from_pandas=True), "chance": found.chances})
    return FromSnapshot(card, added.rows if added else 0, added.import_id if added else None, chances)


def _hash(file: Path) -> str:
    """The beginning of a file's SHA-256, by which its model is told from that of another file."""
    with file.open("rb") as held:
        return hashlib.file_digest(held, "sha256").hexdigest()[:8]


def _only_source(lake: Lake) -> str:
    """The source of the customers that there are, where it is one; else the snapshot is a source of its own."""
    found = lake.backend.to_pyarrow(lake.table("customers").select("source").distinct())["source"].to_pylist()
    return str(found[0]) if len(found) == 1 else "snapshot"


def _keep(folder: Path, kind: str, at: datetime, card: dict[str, Any]) -> None:
    """Writes what was fitted beside the workspace, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{kind}-{at:%Y%m%dT%H%M%S}.json"
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(card, indent=1, default=str) + "\n", encoding="utf-8")
    partial.replace(path)


def cards(workspace: Workspace, kind: str) -> list[dict[str, Any]]:
    """What was fitted for a kind of score, the newest first."""
    found = sorted((workspace.folder / CARDS).glob(f"{kind}-*.json"), reverse=True)
    return [json.loads(path.read_text("utf-8")) for path in found]
