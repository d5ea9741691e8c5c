"""Which KPIs the rows of a workspace can feed: what each of them needs, by any of the ways that will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wellheard.metrics.metric import Metric, Need
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.feeds import Feed, feeds


def feeds_of(lake: Lake, kpis: Iterable[Metric]) -> list[Feed]:
    """One entry a KPI, in the order given: the rows that feed it, or what is missing."""
    wanted = {m.name: [n for n in m.needs if not n.optional] for m in kpis}
    single = {need: [need] for needs in wanted.values() for first in needs for need in (first, *first.instead)}
    counted = dict(zip(single, feeds(lake, {str(i): each for i, each in enumerate(single.values())}), strict=True))
    return [_fed(name, needs, counted) for name, needs in wanted.items()]


def _fed(kpi: str, needs: Sequence[Need], counted: Mapping[Need, Feed]) -> Feed:
    """What feeds a KPI: each of its needs by the first way that has rows, or all the ways that lack them."""
    rows, missing = [], []
    for need in needs:
        ways = [counted[way] for way in (need, *need.instead)]
        rows.append(next((way.rows for way in ways if way.rows), 0))
        if not rows[-1]:
            missing.append(" and ".join(dict.fromkeys(way.missing for way in ways)))
    return Feed(kpi, min(rows, default=0), "; ".join(missing))
