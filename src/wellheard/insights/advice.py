"""Which KPIs to track: a small set for a goal, a kind of business and a team, with why, and what it needs."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wellheard.base.errors import BadCall
from wellheard.metrics.metric import Metric
from wellheard.metrics.question import question

WORDS = Path(__file__).with_name("advice.toml")
TOO_MANY = 2  # times the size of the set: beyond that nobody reads them all


@dataclass(frozen=True)
class Pick:
    """One KPI of the set. `missing` says what its data lack; `until_then` names one of its role that data do feed."""

    kpi: str
    title: str
    role: str
    role_words: str
    why: str
    review: str
    needs: tuple[str, ...]
    missing: str
    until_then: str


@dataclass(frozen=True)
class Advice:
    """The set for a goal. `warning` says when far more is tracked than the set has."""

    goal: str
    business: str
    maturity: str
    picks: tuple[Pick, ...]
    warning: str


@dataclass(frozen=True)
class Options:
    """What can be chosen, each with its words."""

    goals: Mapping[str, str]
    businesses: Mapping[str, str]
    maturities: Mapping[str, str]


@cache
def _told() -> dict[str, Any]:
    return tomllib.loads(WORDS.read_text("utf-8"))


def options() -> Options:
    """The goals, kinds of business and maturities that there are."""
    told = _told()
    return Options(
        {name: goal["words"] for name, goal in told["goals"].items()},
        dict(told["businesses"]),
        {name: maturity["words"] for name, maturity in told["maturities"].items()},
    )


def advise(
    goal: str,
    business: str,
    maturity: str,
    kpis: Mapping[str, Metric],
    missing: Mapping[str, str],
    tracked: Sequence[str] = (),
) -> Advice:
    """One relationship KPI, one interaction KPI, and as many operational and outcome ones as the team can act on.

    `missing` says by KPI what the workspace's data lack, empty where they suffice; `tracked` are those looked at now.
    Raises BadCall for a goal, business or maturity that is none.
    """
    there = options()
    for field, given, known in (
        ("goal", goal, there.goals),
        ("business", business, there.businesses),
        ("maturity", maturity, there.maturities),
    ):
        if given not in known:
            raise BadCall(f"there is no {field} {given!r}", hint=f"there is {', '.join(known)}", field=field)
    told = _told()
    sizes = {"relationship": 1, "interaction": 1, **told["maturities"][maturity]}
    picks: list[Pick] = []
    for role, words in told["roles"].items():
        fitting = [c for c in told["goals"][goal][role] if business in c.get("only", there.businesses)]
        chosen = fitting[: sizes[role]]
        picks += [_pick(c, words, fitting, chosen, kpis, missing) for c in chosen]
    return Advice(goal, business, maturity, tuple(picks), _warning(len(tracked), len(picks)))


def _pick(
    candidate: Mapping[str, Any],
    role: Mapping[str, Any],
    fitting: Sequence[Mapping[str, Any]],
    chosen: Sequence[Mapping[str, Any]],
    kpis: Mapping[str, Metric],
    missing: Mapping[str, str],
) -> Pick:
    name = question(candidate["kpi"]).kpi
    lacks = missing.get(name, "")
    fed = [c["kpi"] for c in fitting if c not in chosen and not missing.get(question(c["kpi"]).kpi, "")]
    return Pick(
        kpi=candidate["kpi"],
        title=kpis[name].title,
        role=role["title"],
        role_words=role["words"],
        why=candidate["why"],
        review=role["review"],
        needs=kpis[name].tables,
        missing=lacks,
        until_then=fed[0] if lacks and fed else "",
    )


def _warning(tracked: int, size: int) -> str:
    if tracked <= TOO_MANY * size:
        return ""
    return (
        f"You track {tracked} KPIs, and a set of {size} serves this goal. The more figures stand side by side, the "
        "more of them move by chance, and the less any of them is acted on. Keep the others at hand, but off the "
        "scorecard."
    )
