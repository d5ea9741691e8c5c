"""A question and who asks it: frozen values, so that they can be a cache's key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from wellheard.base.errors import BadCall
from wellheard.base.periods import Grain, grain_of
from wellheard.metrics.where import Where, parse

COMPARES = ("previous", "year")
EARLIEST, LATEST = date(1700, 1, 1), date(2400, 1, 1)
ENGINES = ("auto", "facts", "rollups")
# The columns that every answer has; a dimension that bears such a name is shown with "by_" before it.
RESULT = frozenset((
    "period_start", "period_end", "partial", "value", "low", "high", "n", "units", "pending", "state", "unit",
    "currency", "definition", "snapshot", "previous", "change", "change_low", "change_high", "p", "moved",
    "part_num", "part_den", "part_nn", "part_nd", "part_dd", "part_positive", "part_negative",
))  # fmt: skip


@dataclass(frozen=True)
class Viewer:
    """Who asks. `row_rules` are filters that go with every question; groups below `smallest_group` are not shown."""

    name: str = "owner"
    workspace: str = "main"
    row_rules: tuple[str, ...] = ()
    private: bool = False
    smallest_group: int = 0


OWNER = Viewer()


@dataclass(frozen=True)
class Question:
    """One question to one KPI. `start` is included, `end` is not.

    With `top`, only so many groups of each dimension stand alone, and the others are one group. With `pooled`, the
    figures of small groups are steadied by what all groups have in common.
    """

    kpi: str
    by: tuple[str, ...] = ()
    grain: Grain | None = None
    where: Where | None = None
    start: date | None = None
    end: date | None = None
    variants: tuple[str, ...] = ()
    compare: str | None = None
    as_of: int | None = None
    level: float = 0.95
    rows: bool = False
    viewer: Viewer = OWNER
    top: int | None = None
    pooled: bool = False


def question(
    kpi: str,
    by: tuple[str, ...] | list[str] | str = (),
    grain: str | Grain | None = None,
    where: str | None = None,
    start: date | str | None = None,
    end: date | str | None = None,
    variant: str | None = None,
    compare: str | None = None,
    as_of: int | None = None,
    level: float = 0.95,
    viewer: Viewer = OWNER,
    rows: bool = False,
    top: int | None = None,
    pooled: bool = False,
) -> Question:
    """The question that a surface's words say; `kpi` may carry variants as `name:a+b`. Raises BadCall."""
    name, _, named = kpi.partition(":")
    variants = tuple(v for text in (named, variant or "") for v in text.split("+") if v)
    first, after = _day(start, "from"), _day(end, "to")
    if first is not None and after is not None and after <= first:
        raise BadCall(f"the range ends ({after}) before it begins ({first})", hint="--to is exclusive", field="to")
    if compare is not None and compare not in COMPARES:
        raise BadCall(f"cannot compare with {compare!r}", hint="previous or year", field="compare")
    if top is not None and top < 1:
        raise BadCall(f"the {top} largest groups are none", hint="give a number from 1 on", field="top")
    if pooled and not by:
        raise BadCall("there are no groups to pool", hint="say by what to group", field="pooled")
    if not 0.5 <= level < 1:
        raise BadCall(f"the level {level} is not between 0.5 and 1", hint="0.95 is usual", field="level")
    return Question(
        kpi=name,
        by=(by,) if isinstance(by, str) else tuple(dict.fromkeys(by)),
        grain=grain_of(grain) if isinstance(grain, str) else grain,
        where=parse(where) if where is not None and where.strip() else None,
        start=first,
        end=after,
        variants=variants,
        compare=compare,
        as_of=as_of,
        level=level,
        rows=rows,
        viewer=viewer,
        top=top,
        pooled=pooled,
    )


def _day(value: date | str | None, field: str) -> date | None:
    """The day meant. The calendar's own ends are refused, since no period before or after them can be reckoned."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise BadCall(f"{value!r} is not a day", hint="write 2026-01-31", field=field) from None
    if day is not None and not EARLIEST <= day <= LATEST:
        raise BadCall(f"{day} is too far away", hint=f"name a day from {EARLIEST} to {LATEST}", field=field)
    return day


def column_of(name: str) -> str:
    """The column of an answer in which a dimension's values stand: its name, or `by_name` where that is taken."""
    return f"by_{name}" if name in RESULT else name
