"""Learns from a snapshot: one row a customer with its outcome and no dates, as many first data sets are.

Nothing says what was known before somebody left, so the result is marked as that of a snapshot, and judged by parts of
its customers instead of by time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from wellheard.base.errors import BadCall
from wellheard.enrich.churn_risk import drivers
from wellheard.enrich.classifier import Learned, folds, learn
from wellheard.enrich.encoding import leaks
from wellheard.enrich.fitting import Floats
from wellheard.enrich.judging import judged

VERSION = "churn-snapshot-1"
PARTS = 10
FEWEST = 50  # customers with each outcome


@dataclass(frozen=True)
class Snapshot:
    """What was learned: the chances of the rows in their order, each by a model that had not seen it, and the card."""

    learned: Learned
    chances: Floats
    card: dict[str, Any]


def train_snapshot(rows: pd.DataFrame, outcome: str, left: str, key: str | None = None, parts: int = PARTS) -> Snapshot:
    """Learns who has `left` as the value of the column `outcome`; `key` names customers and is no feature.

    Raises BadCall for columns that there are not, and where fewer than FEWEST left or stayed.
    """
    for name in (outcome, *([key] if key else [])):
        if name not in rows:
            raise BadCall(f"there is no column {name!r}", hint=f"there are {', '.join(rows.columns)}", field="outcome")
    gone = np.asarray(rows[outcome].astype(str) == left, dtype=np.float64)
    if min(gone.sum(), (1 - gone).sum()) < FEWEST:
        hint = f"{outcome} has {', '.join(map(str, rows[outcome].unique()[:5]))}"
        raise BadCall(f"{int(gone.sum())} of {len(gone)} rows have {outcome} = {left}", hint=hint, field="outcome")
    frame = typed(rows.drop(columns=[outcome, *([key] if key else [])]))
    leaking = leaks(frame, gone)
    found = learn(frame.drop(columns=list(leaking)), gone, folds(gone, parts))
    chances = np.empty(len(gone))
    chances[np.asarray(found.rows, dtype=int)] = found.unseen
    card = {
        "version": VERSION, "validated": f"snapshot: by {parts} parts of its customers", "kind": found.classifier.kind,
        "tried": found.tried, "examples": len(gone), "left": int(gone.sum()), "leaks": leaking,
        "judged": judged(gone, chances), "drivers": drivers(found.classifier),
    }  # fmt: skip
    return Snapshot(found, chances, card)


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers as numbers, also where some cells are blank; all others as text."""
    columns = {}
    for name in rows.columns:
        numbers = pd.to_numeric(rows[name], errors="coerce")
        blank = rows[name].isna() | (rows[name].astype(str).str.strip() == "")
        if numbers.notna().any() and (numbers.notna() | blank).all():
            columns[name] = numbers.astype("float64")
        else:
            columns[name] = rows[name].astype(object)
    return pd.DataFrame(columns)
