"""Learns from a labelled snapshot: one row a customer with its outcome and no dates, as many first data sets are.

Nothing says what was known before somebody left, so the result is marked as that of a snapshot, and judged by parts of
its customers instead of by time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from wellheard.base.errors import BadCall, BadInput, Place
from wellheard.enrich.churn_risk import drivers
from wellheard.enrich.classifier import Learned, folds, learn
from wellheard.enrich.encoding import leaks
from wellheard.enrich.fitting import Floats
from wellheard.enrich.judging import judged
from wellheard.enrich.reasons import reasons
from wellheard.enrich.score import Scores

VERSION = "churn-snapshot-1"
KIND = "churn_risk_snapshot"
PARTS = 10
FEWEST = 50  # customers with each outcome
LEFT = "has left"


@dataclass(frozen=True)
class Snapshot:
    """What was learned: the chances of the rows in their order, each by a model that had not seen it, and the card.

    `gone` is 1 of those who left, 0 of those who stayed, and NaN where no outcome is given; of these the chance is that
    of the model of all others.
    """

    learned: Learned
    frame: pd.DataFrame
    gone: Floats
    chances: Floats
    card: dict[str, Any]


def train_snapshot(rows: pd.DataFrame, outcome: str, left: str, key: str | None = None, parts: int = PARTS) -> Snapshot:
    """Learns who has `left` as the value of the column `outcome`; `key` names customers and is no feature.

    Raises BadCall for columns that there are not, and where fewer than FEWEST left or stayed.
    """
    named = [outcome, *([key] if key else [])]
    for name in named:
        if name not in rows:
            raise BadCall(f"there is no column {name!r}", hint=f"there are {', '.join(rows.columns)}", field="outcome")
    every = outcomes(rows[outcome], left)
    known = np.flatnonzero(np.isfinite(every))
    gone = every[known]
    if min(gone.sum(), (1 - gone).sum()) < FEWEST:
        values = ", ".join(map(str, rows[outcome].dropna().unique()[:5]))
        raise BadCall(
            f"{int(gone.sum())} of {len(gone)} rows have {outcome} = {left}, and {FEWEST} of each kind are needed",
            hint=f"{outcome} has {values}",
            field="outcome",
        )
    frame = typed(rows.drop(columns=named))
    leaking = leaks(frame.iloc[known], gone)
    frame = frame.drop(columns=list(leaking))
    found = learn(frame.iloc[known], gone, folds(gone, parts))
    unseen = np.empty(len(gone))
    unseen[np.asarray(found.rows, dtype=int)] = found.unseen
    chances = found.classifier.chances(frame)
    chances[known] = unseen
    card = {
        "version": VERSION, "kind": found.classifier.kind,
        "validated": f"by {parts} parts of the customers of a labelled snapshot",
        "tried": found.tried, "examples": len(gone), "left": int(gone.sum()), "leaks": leaking,
        "judged": judged(gone, unseen), "drivers": drivers(found.classifier), "shrinkage": found.shrinkage,
        "outcome": f"{outcome} = {left}",
    }  # fmt: skip
    return Snapshot(found, frame, every, chances, card)


def outcomes(values: pd.Series, left: str) -> Floats:
    """1 where a value is `left`, 0 where it is another, NaN where none is given; numbers are compared as numbers."""
    text = values.astype("string").str.strip()
    blank = np.asarray((text.isna() | (text == "")).fillna(True), dtype=bool)
    same = np.asarray((text.str.casefold() == left.strip().casefold()).fillna(False), dtype=bool)
    number = pd.to_numeric(pd.Series([left]), errors="coerce").iloc[0]
    if np.isfinite(number):
        same = same | np.asarray((pd.to_numeric(text, errors="coerce") == number).fillna(False), dtype=bool)
    return np.where(blank, np.nan, same.astype(np.float64))


def typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers as numbers, also where some cells are blank; all others as text. Dates are left out."""
    columns = {}
    for name in rows.columns:
        if pd.api.types.is_datetime64_any_dtype(rows[name].dtype):
            continue
        numbers = pd.to_numeric(rows[name], errors="coerce")
        blank = rows[name].isna() | (rows[name].astype(str).str.strip() == "")
        if numbers.notna().any() and (numbers.notna() | blank).all():
            columns[name] = numbers.astype("float64")
        else:
            columns[name] = rows[name].astype(object)
    return pd.DataFrame(columns, index=rows.index)


def score_snapshot(found: Snapshot, keys: pd.Series, source: str, data: str) -> Scores:
    """The scores of the snapshot's customers, named by `keys` under a source; who has left has a row without a value.

    Raises BadInput where a key is missing or there twice.
    """
    names = keys.astype("string").str.strip()
    wrong = names.isna() | (names == "") | names.duplicated()
    if wrong.any():
        row = int(np.flatnonzero(np.asarray(wrong))[0]) + 1
        said = names[wrong].iloc[0] if names[wrong].notna().any() else ""
        raise BadInput(
            f"{keys.name} is {said!r} in row {row}: {'missing' if not said else 'there twice'}",
            hint="a snapshot has one row a customer, each with its key",
            place=Place("the snapshot", row=row, column=str(keys.name)),
        )
    words = reasons(found.frame, *found.learned.classifier.logistic.pushes(found.frame))
    gone = found.gone > 0
    return Scores(
        KIND, pa.array([f"{source}:{name}" for name in names]), pa.array(np.ones(len(names), dtype=bool)),
        np.where(gone, np.nan, found.chances), f"{VERSION} {found.learned.classifier.kind}@{data}",
        coverage=100 * np.asarray(found.frame.notna().mean(axis=1), dtype=np.float64),
        attributes={
            "reasons": [None if g else w for g, w in zip(gone, words, strict=True)],
            "band": [LEFT if g else None for g in gone],
        },
    )  # fmt: skip
