"""The periods of a question, and the rows that fall in them."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadCall
from wellheard.base.periods import Period, covering
from wellheard.metrics.ask import DIM, Ask, Gathered
from wellheard.metrics.metric import Asked
from wellheard.metrics.names import bins_of
from wellheard.metrics.question import Question
from wellheard.metrics.reader import Reader

MOST_PERIODS = 20_000  # fifty years of days; a row dated in the year 1 must not cost minutes


class Frame:
    """The periods of a question: from its range, else from the data's."""

    def __init__(self, reader: Reader, asked: Asked, question: Question) -> None:
        self.reader = reader
        self.asked = asked
        self.zone = reader.zone
        first, last = reader.extent(asked.spans)
        self.first_day = reader.local_day(first) if first is not None else None
        self.data_day = reader.local_day(last) if last is not None else None
        after = self.data_day + timedelta(days=1) if self.data_day else None
        self.start = question.start or self.first_day
        self.end = question.end or after
        self.grain = question.grain
        self.periods = self._periods(reader.settings.week_start)

    def _periods(self, week_start: int) -> tuple[Period, ...]:
        if self.start is None or self.end is None or self.end <= self.start:
            return ()
        if self.grain is None:
            return (Period(self.start, self.end),)
        periods = tuple(islice(covering(self.start, self.end, self.grain, week_start), MOST_PERIODS + 1))
        if len(periods) > MOST_PERIODS:
            raise BadCall(
                f"there are more than {MOST_PERIODS:,} periods from {self.start} to {self.end}",
                hint="take a longer grain, or a shorter range by --from and --to",
                field="grain",
            )
        return periods

    def partial(self, period: Period) -> bool:
        """Whether a period is cut by the range or goes on after the data's end."""
        if self.data_day is None or self.start is None or self.end is None:
            return False
        unfinished = period.end > self.data_day + timedelta(days=1)
        return unfinished or period.start < self.start or period.end > self.end


def placed(ask: Ask, rows: ir.Table) -> ir.Table:
    """The rows within the range, each with the period it falls in where the question has a grain.

    Rows of cohorts come with their period.
    """
    rows = _gathered(ask, rows)
    if "instant" not in rows.columns:
        return rows if ask.question.grain is not None else rows.drop("period")
    rows = ask.in_range(rows)
    if ask.question.grain is not None:
        rows = rows.filter(rows.instant.notnull())
        rows = rows.mutate(period=ask.period_of(rows.instant, ask.question.grain))
    return rows


def _gathered(ask: Ask, rows: ir.Table) -> ir.Table:
    """The rows with the smaller groups of a dimension as one, where the question asks for that."""
    changed = {}
    for name, groups in ask.gathered.items():
        group = rows[DIM + name]
        kept = ibis.ifelse(group.isin(groups.alone), group.cast("string"), groups.others)
        changed[DIM + name] = ibis.ifelse(group.isnull(), None, kept)
    return rows.mutate(**changed) if changed else rows


def gather(ask: Ask, rows: ir.Table) -> None:
    """Finds the largest groups of each dimension by the rows that count, where there are more than were asked for."""
    most = ask.question.top
    for name in ask.question.by if most is not None else ():
        if bins_of(name) is not None:
            continue
        counted = rows.filter(rows.why.isnull() & rows[DIM + name].notnull())
        sizes = ask.reader.run(counted.group_by(group=counted[DIM + name]).agg(n=ibis._.count())).to_pylist()
        if most is None or len(sizes) <= most:
            continue
        ranked = sorted(sizes, key=lambda row: (-row["n"], str(row["group"])))
        alone = tuple(row["group"] for row in ranked[:most])
        ask.gathered[name] = Gathered(alone, f"other ({len(sizes) - most} more)")
