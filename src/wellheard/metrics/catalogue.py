"""All KPIs, found by their files."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

from wellheard.base.errors import Unknown
from wellheard.base.registry import found
from wellheard.metrics.metric import Metric


@cache
def metrics() -> dict[str, Metric]:
    """Every KPI by name, in alphabetical order."""
    return found("wellheard.kpis", "KPI", Metric)


def metric(name: str) -> Metric:
    """The KPI called `name`; raises Unknown with the nearest names."""
    known = metrics()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=3) or list(known)
    raise Unknown(
        f"there is no KPI called {name!r}",
        hint=f"did you mean: {', '.join(near)}? `wellheard kpis` lists all",
        field="kpi",
    )
