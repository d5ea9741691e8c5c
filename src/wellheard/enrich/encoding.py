"""Turns what is known of customers into numbers of one size, in which a missing value never looks like a good one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from wellheard.enrich.fitting import Floats
from wellheard.enrich.judging import auc

RARE = 0.01  # of the customers: a trait, or a gap, that fewer have is not told apart
MOST_TRAITS = 12
OUT = 4.0  # standard deviations beyond which a number is taken for this far out
TOO_GOOD = 0.97  # an area under the ROC curve that no honest feature reaches alone
FEWEST = 20  # events from which on such an area means something


@dataclass(frozen=True)
class Part:
    """One column of the matrix: of which feature, and how: linear, log, missing, or one trait."""

    feature: str
    how: str
    trait: str = ""
    centre: float = 0.0
    scale: float = 1.0

    def of(self, frame: pd.DataFrame) -> Floats:
        column = frame[self.feature] if self.feature in frame else pd.Series(np.nan, index=frame.index)
        if self.how == "trait":
            codes, traits = pd.factorize(column)  # what is not known has the code -1, and so stands last
            same = [str(trait) == self.trait for trait in traits] + [self.trait == ""]
            return np.asarray(np.array(same, dtype=np.float64)[codes])
        values = np.asarray(column, dtype=np.float64)
        if self.how == "missing":
            return np.asarray(np.isnan(values), dtype=np.float64)
        if self.how == "log":
            values = signed_log(values)
        sized = (values - self.centre) / self.scale
        np.clip(sized, -OUT, OUT, out=sized)
        sized[np.isnan(sized)] = 0.0
        return sized


def is_text(column: pd.Series) -> bool:
    """Whether a column holds traits and no numbers."""
    return not pd.api.types.is_numeric_dtype(column.dtype)


def signed_log(values: Floats) -> Floats:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


@dataclass(frozen=True)
class Encoding:
    """The columns of a matrix, in order."""

    parts: tuple[Part, ...]

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """A row a customer, a column a part."""
        matrix = np.empty((len(frame), len(self.parts)), order="F")
        for place, part in enumerate(self.parts):
            matrix[:, place] = part.of(frame)
        return matrix


def encoding_of(frame: pd.DataFrame) -> Encoding:
    """The encoding learned from a frame of numbers (NaN where not known) and traits (text)."""
    parts: list[Part] = []
    for name in frame.columns:
        column = frame[name]
        parts += _traits(name, column) if is_text(column) else _numbers(name, np.asarray(column, dtype=float))
    return Encoding(tuple(parts))


def _traits(name: str, column: pd.Series) -> list[Part]:
    shares = column.fillna("").astype(str).value_counts(normalize=True)
    kept = shares[shares >= RARE].head(MOST_TRAITS)
    names = list(kept.index) if len(kept) > 2 or kept.sum() < 1 else list(kept.index)[:1]  # of two, one says it all
    return [Part(name, "trait", str(trait)) for trait in names if kept[trait] < 1]


def _numbers(name: str, values: Floats) -> list[Part]:
    known = values[np.isfinite(values)]
    parts = []
    if known.size and known.std() > 0:
        parts.append(Part(name, "linear", centre=float(known.mean()), scale=float(known.std())))
        logs = signed_log(known)
        if len(np.unique(known[:1000])) > 10 and logs.std() > 0:
            parts.append(Part(name, "log", centre=float(logs.mean()), scale=float(logs.std())))
    gaps = 1 - known.size / max(len(values), 1)
    return [*parts, Part(name, "missing")] if known.size and RARE <= gaps <= 1 - RARE else parts


def leaks(frame: pd.DataFrame, outcome: Floats) -> dict[str, float]:
    """The features that tell the outcome all but alone, with the area under their ROC curve: they know the future.

    Such a column is most often filled in after the event, such as a reason for leaving.
    """
    events = min(outcome.sum(), (1 - outcome).sum())
    if events < FEWEST:
        return {}
    found: dict[str, float] = {}
    for name in frame.columns:
        for part in encoding_of(frame[[name]]).parts:
            area = auc(outcome, part.of(frame)).auc
            if max(area, 1 - area) >= TOO_GOOD:
                found[name] = max(area, 1 - area, found.get(name, 0.0))
    return found
