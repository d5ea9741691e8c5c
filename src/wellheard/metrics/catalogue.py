"""All KPIs: the built-in ones, found by their files, and those that a workspace adds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache

from wellheard.base.errors import BadInput, Unknown
from wellheard.base.registry import found
from wellheard.metrics.metric import Metric

VERSIONED = re.compile(r"(?P<name>[^@]*)@(?P<version>[0-9]{1,4})")


@cache
def metrics() -> dict[str, Metric]:
    """Every built-in KPI by name, in alphabetical order."""
    return found("wellheard.kpis", "KPI", Metric)


@dataclass(frozen=True)
class Catalogue:
    """A workspace's KPIs: `own` are all versions of those that it adds, the newest first, `faults` its bad files."""

    own: Mapping[str, tuple[Metric, ...]] = field(default_factory=dict)
    faults: tuple[BadInput, ...] = ()

    @property
    def metrics(self) -> dict[str, Metric]:
        """The newest version of every KPI, by name in alphabetical order."""
        return dict(sorted({**metrics(), **{name: versions[0] for name, versions in self.own.items()}}.items()))

    def metric(self, name: str) -> Metric:
        """The KPI called `name`, in its newest version or that of `name@version`; raises Unknown with what there is."""
        asked = VERSIONED.fullmatch(name)
        bare = asked["name"] if asked else name
        versions = self._versions(bare)
        if not versions:
            near = get_close_matches(bare, self.metrics, n=3) or list(self.metrics)
            hint = f"did you mean: {', '.join(near)}? `wellheard kpis` lists all"
            raise Unknown(f"there is no KPI called {bare!r}", hint=hint, field="kpi")
        if asked is None:
            return versions[0]
        for metric in versions:
            if metric.version == int(asked["version"]):
                return metric
        there = ", ".join(f"{bare}@{metric.version}" for metric in versions)
        raise Unknown(f"{bare} has no version {asked['version']}", hint=f"there is {there}", field="kpi")

    def _versions(self, name: str) -> tuple[Metric, ...]:
        built_in = metrics().get(name)
        return (built_in, *built_in.older) if built_in is not None else self.own.get(name, ())


def metric(name: str) -> Metric:
    """The built-in KPI called `name`; raises Unknown with the nearest names."""
    return Catalogue().metric(name)
