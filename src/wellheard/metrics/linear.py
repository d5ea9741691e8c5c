"""Figures that are sums of two means, written as one mean of rows so that their uncertainty follows from the units."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
from numpy.typing import NDArray

from wellheard.metrics.ask import DIM, Ask
from wellheard.metrics.bricks import Mean, Parts

LEAST_LABELS = 50


@dataclass(frozen=True)
class Linear(Mean):
    """A sum of two means, each over rows of its own, as the mean of one value a row.

    A row's value is what it adds to the figure beside the figure itself, so the mean is the figure and the spread
    between units is that of its linearisation. Values hang on the group that is asked for and add over no others.
    """

    @property
    def sums_up(self) -> bool:
        return False


@dataclass(frozen=True)
class Corrected(Linear):
    """A model's mean, and the mean of label − model over a random labelled sample added to it; few below 50 labels.

    Source: W. G. Cochran, Sampling Techniques (3rd ed. 1977), section 7.2, the difference estimate.
    """

    def row(self, rows: ir.Table) -> dict[str, ir.Value]:
        return {**super().row(rows), "positive": ibis.ifelse(rows.labelled, 1, 0)}

    def few(self, parts: Parts) -> NDArray[np.bool_]:
        return np.asarray((parts["positive"] < LEAST_LABELS) | super().few(parts))


def group_of(ask: Ask, t: ir.Table) -> list[ir.Value]:
    """What tells the groups of the answer apart: the period and the dimensions that were asked for."""
    keys: list[ir.Value] = [t[name] for name in t.columns if name.startswith(DIM)]
    if ask.question.grain is not None:
        keys.append(ask.period_of(t.instant, ask.question.grain))
    return keys


def corrected(ask: Ask, t: ir.Table, counts: ir.BooleanValue, model: ir.Value, label: ir.Value) -> ir.Value:
    """The value of a row for `Corrected`: model + N/K·(label − model − d̄) + d̄, the middle term for labelled rows.

    N rows count in the group, K of them are labelled, d̄ is their mean of label − model. Null without any label.
    """
    ask.look_across()
    group = ibis.window(group_by=[*group_of(ask, t), counts])
    gap = label.cast("float64") - model.cast("float64")
    known = gap.notnull()
    rows, labels = t.id.count().over(group), ibis.ifelse(known, 1, 0).sum().over(group)
    mean_gap = gap.sum().over(group) / labels.nullif(0).cast("float64")
    weight = rows.cast("float64") / labels.nullif(0).cast("float64")
    return model.cast("float64") + mean_gap + ibis.ifelse(known, weight * (gap - mean_gap), 0.0)


def contrast(ask: Ask, t: ir.Table, counts: ir.BooleanValue, first: ir.BooleanValue, x: ir.Value) -> ir.Value:
    """The value of a row for the mean of `x` over rows that are `first` minus its mean over the others.

    N rows count in the group, K of them on the row's own side: ±N/K·(x − the side's mean) + the difference. Null where
    a side has no rows.
    """
    ask.look_across()
    group = ibis.window(group_by=[*group_of(ask, t), counts])
    value = x.cast("float64")

    def side(mine: ir.BooleanValue) -> tuple[ir.Value, ir.Value]:
        n = ibis.ifelse(mine, 1, 0).sum().over(group).nullif(0).cast("float64")
        return n, ibis.ifelse(mine, value, 0.0).sum().over(group) / n

    (n1, mean1), (n2, mean2) = side(first), side(~first)
    rows = n1 + n2
    own = ibis.ifelse(first, rows / n1 * (value - mean1), -rows / n2 * (value - mean2))
    return own + mean1 - mean2
