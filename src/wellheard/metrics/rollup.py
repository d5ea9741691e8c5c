"""The parts of a series, kept: a KPI by grain and dimensions over all its data, from which its answers follow at once.

A rollup is what the facts gave, and the changes since are added to it; both give the same parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from wellheard.metrics.bricks import Summed
from wellheard.metrics.compare import Crossed
from wellheard.metrics.frame import Frame
from wellheard.metrics.metric import Metric
from wellheard.metrics.names import SEGMENTS, VALUES
from wellheard.metrics.parts import Table
from wellheard.metrics.question import Question

LEVEL = 0.95  # at which the limits of quantiles are kept
MOST_BY = 2  # dimensions; finer groups are asked of the facts


@dataclass(frozen=True)
class Rollup:
    """The parts of all keys of a series, as of a snapshot.

    `crossed` are the sums over who stands in a period and in the one before it; `tables` those that were read. `ends`
    says that the figure looks at where the data end, which moves the last periods even of those who do nothing.
    `first` and `last` are the days from and up to which there was data.
    """

    shape: Question
    snapshot: int
    table: Table
    crossed: Crossed
    tables: frozenset[str]
    currency: str | None = None
    notes: tuple[str, ...] = ()
    ends: bool = False
    first: date | None = None
    last: date | None = None


def shape_of(metric: Metric, question: Question) -> Question | None:
    """The series of which a question shows a part; None where the facts must be asked.

    That is a question with a grain, without a filter or segments that depend on everybody, compared with the period
    before or with none.
    """
    plain = question.where is None and not question.viewer.row_rules and question.top is None
    series = question.grain is not None and question.compare in (None, "previous") and len(question.by) <= MOST_BY
    if not plain or not series or question.rows or question.as_of is not None or metric.splits(question.variants):
        return None
    if any(name in VALUES or name.startswith(f"{SEGMENTS}.") for name in question.by):
        return None
    if not isinstance(metric.asked(question.variants).brick, Summed) and question.level != LEVEL:
        return None
    return Question(
        kpi=metric.definition(()),
        by=question.by,
        grain=question.grain,
        variants=tuple(sorted(question.variants)),
        compare="previous",
        level=LEVEL,
    )


def whole(frame: Frame, question: Question) -> bool:
    """Whether the question's range is made of whole periods, so that none is cut."""
    starts, ends = {p.start for p in frame.periods}, {p.end for p in frame.periods}
    return (question.start is None or question.start in starts) and (question.end is None or question.end in ends)
