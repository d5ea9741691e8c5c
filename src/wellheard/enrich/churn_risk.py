"""Scores how likely each customer is to leave in the next 30, 90 and 365 days, learned from those who left before.

A customer at an instant is one example: features from before it, and whether they were gone so many days later. The
model is chosen and judged on instants that lie after all that it learned from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from wellheard.enrich.behaviour import behaviour, gone_by, lost_by
from wellheard.enrich.classifier import Classifier, Learned, Split, learn, scored_in_blocks
from wellheard.enrich.encoding import is_text, leaks
from wellheard.enrich.fitting import Floats
from wellheard.enrich.judging import judged
from wellheard.enrich.past import Past
from wellheard.enrich.reasons import reasons
from wellheard.enrich.score import Scores
from wellheard.enrich.warning_rule import VERSION as RULE
from wellheard.enrich.warning_rule import rule_chances

VERSION = "churn-1"
KIND = "churn_risk"
HORIZONS = (30, 90, 365)
MAIN = 90  # the horizon that is judged and explained
LEAVES, ENDS = "leaves", "ends a contract"
FEWEST = 30  # different customers who left, below which a rule stands for a model
CUTS = 10  # instants at most at which customers are looked at
APART = 30  # days between two of them
TRIED = 3  # of the last of them on which the model is tried
MOST = 60_000  # payers that are learned from
DRIFT = 0.25  # of the population stability index, from which on customers have changed


@dataclass(frozen=True)
class Examples:
    """Customers at earlier instants: features, whether they were gone `days` later, and at which cut (0 the first).

    `after` says after how many days, and `event` what counts: that a customer leaves, or ends a contract.
    """

    days: int
    frame: pd.DataFrame
    outcome: Floats
    cut: Floats
    after: Floats
    instants: tuple[datetime, ...]
    event: str = LEAVES

    @property
    def left(self) -> int:
        """How many different customers left."""
        return (
            int(pd.Series(self.outcome, index=self.frame.index).groupby(level=0).max().sum()) if len(self.frame) else 0
        )


def examples(
    past: Past, frames: dict[datetime, pd.DataFrame], days: int, first: datetime, event: str = LEAVES
) -> Examples:
    """Examples from the data up to the instant; `frames` keeps features of instants that were looked at before."""
    found, outcomes, cuts = [], [], []
    instants: list[datetime] = []
    for at in cuts_of(past.as_of, first, days):
        with past.at(at, "cut") as then:
            if at not in frames:
                frames[at] = behaviour(then)
            outcome = (gone_by if event == LEAVES else lost_by)(then, days).reindex(frames[at].index)
        found.append(frames[at])
        outcomes.append(outcome)
        cuts.append(np.full(len(outcome), len(instants)))
        instants.append(at)
    if not found:
        return Examples(days, pd.DataFrame(), np.zeros(0), np.zeros(0), np.zeros(0), (), event)
    both = pd.concat(outcomes)
    gone, after = (np.asarray(both[name], dtype=np.float64) for name in ("gone", "after"))
    return Examples(days, pd.concat(found), gone, np.concatenate(cuts), after, tuple(instants), event)


def cuts_of(end: datetime, first: datetime, days: int) -> list[datetime]:
    """The instants to look back to, the first first: from each of them `days` have passed, and some lie before it."""
    latest = end - timedelta(days=days)
    back = (latest - timedelta(days=APART * n) for n in range(CUTS))
    return sorted(at for at in back if at - first >= timedelta(days=2 * APART))


def time_splits(given: Examples) -> list[Split]:
    """The last instants, each with all examples whose outcome was known by then."""
    splits = []
    for place in range(len(given.instants))[-TRIED:]:
        known = [n for n, at in enumerate(given.instants) if at + timedelta(days=given.days) <= given.instants[place]]
        before, after = np.flatnonzero(np.isin(given.cut, known)), np.flatnonzero(given.cut == place)
        if given.outcome[before].sum() >= 5 and len(after):
            splits.append((before, after))
    return splits


def _grouped(given: Examples) -> list[Split]:
    """Where the data are too short to look ahead twice: customers are tried on a model that never saw them."""
    from sklearn.model_selection import GroupKFold

    names = given.frame.index.to_numpy()
    found: Iterator[Split] = GroupKFold(5, shuffle=True, random_state=0).split(names, groups=names)
    return list(found)


@dataclass(frozen=True)
class Horizon:
    """What was learned for one horizon. Without a classifier, chances follow from those of the main horizon."""

    days: int
    learned: Learned | None
    card: dict[str, Any]


def horizon(given: Examples) -> Horizon:
    """Learns one horizon, or says why it cannot be."""
    card: dict[str, Any] = {
        "days": given.days, "event": given.event, "examples": len(given.frame), "left": given.left,
        "instants": [at.isoformat() for at in given.instants],
    }  # fmt: skip
    if given.left < FEWEST:
        return Horizon(
            given.days, None, card | {"why_not": f"{given.left} customers have left, and {FEWEST} are needed"}
        )
    leaking = leaks(given.frame, given.outcome)
    frame = given.frame.drop(columns=list(leaking))
    splits = time_splits(given)
    card["validated"] = "by time" if splits else "by customers, since the data are too short to look ahead twice"
    fitted = learn(frame, given.outcome, splits or _grouped(given), given.left)
    seen = judged(given.outcome[fitted.rows], fitted.unseen)
    card |= {
        "kind": fitted.classifier.kind, "tried": fitted.tried, "shrinkage": fitted.shrinkage, "leaks": leaking,
        "judged": seen, "steep": fitted.classifier.steep, "shift": fitted.classifier.shift,
        "drivers": drivers(fitted.classifier), "missed": _missed(given, fitted), "lead_days": _lead(given, fitted),
    }  # fmt: skip
    return Horizon(given.days, fitted, card)


def drivers(classifier: Classifier) -> list[dict[str, Any]]:
    """The features by how much they move the regression's logit, a standard deviation of theirs each."""
    parts = classifier.logistic.encoding.parts
    weights = classifier.logistic.weights[1:]
    rows: list[dict[str, Any]] = [
        {"feature": part.feature, "how": part.trait or part.how, "weight": float(w)}
        for part, w in zip(parts, weights, strict=True)
    ]
    return sorted(rows, key=lambda row: -abs(float(row["weight"])))[:25]


def _missed(given: Examples, fitted: Learned) -> dict[str, Any]:
    """Who left without having been among the fifth with the highest risk: how many, and what they had in common."""
    outcome = given.outcome[fitted.rows] > 0
    edge = np.quantile(fitted.unseen, 0.8) if len(fitted.unseen) else 1.0
    missed = outcome & (fitted.unseen < edge)
    frame = given.frame.iloc[fitted.rows]
    numbers = frame[[c for c in frame.columns if not is_text(frame[c])]]
    spread = numbers.std().replace(0, np.nan)
    apart = (
        ((numbers[missed].mean() - numbers[outcome & ~missed].mean()) / spread).dropna()
        if missed.any()
        else pd.Series()
    )
    most = apart.reindex(apart.abs().sort_values(ascending=False).index)[:5]
    return {
        "leavers": int(outcome.sum()), "missed": int(missed.sum()),
        "differ": [{"feature": str(name), "standard_deviations": float(v)} for name, v in most.items()],
    }  # fmt: skip


def _lead(given: Examples, fitted: Learned) -> dict[str, Any]:
    """How many days before they left the leavers stood among the fifth with the highest risk: quartiles."""
    edge = np.quantile(fitted.unseen, 0.8) if len(fitted.unseen) else 1.0
    after = given.after[fitted.rows][(given.outcome[fitted.rows] > 0) & (fitted.unseen >= edge)]
    after = after[np.isfinite(after)]
    if not len(after):
        return {"n": 0}
    low, middle, high = np.quantile(after, (0.25, 0.5, 0.75))
    return {"n": len(after), "lower": float(low), "median": float(middle), "upper": float(high)}


def drift(then: pd.DataFrame, now: pd.DataFrame) -> dict[str, float]:
    """By feature, how far the customers have moved from those that were learned from: the population stability index.

    Below 0.1 little, from 0.25 much. Over tenths of the examples, and of what is not known one more part.
    """
    found = {}
    for name in then.columns:
        if is_text(then[name]) or name not in now:
            continue
        edges: Any = np.unique(np.nanquantile(then[name], np.linspace(0.1, 0.9, 9))) if then[name].notna().any() else []
        shares = []
        for frame in (then, now):
            values = np.asarray(frame[name], dtype=np.float64)
            place = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
            counted = np.bincount(place.astype(int), minlength=len(edges) + 2) + 0.5
            shares.append(counted / counted.sum())
        found[str(name)] = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    return dict(sorted(found.items(), key=lambda item: -item[1])[:10])


def all_examples(past: Past, first: datetime) -> dict[int, Examples]:
    """The examples of every horizon; `first` is the first instant of the data."""
    with past.at(past.as_of, "learner", sample=_sample(past)) as learner:
        frames: dict[datetime, pd.DataFrame] = {}
        found = {days: examples(learner, frames, days, first) for days in HORIZONS}
        if found[MAIN].left < FEWEST and past.has("subscriptions"):
            # Where customers hold many contracts hardly any of them leaves; ending one is what can be learned.
            others = {days: examples(learner, frames, days, first, ENDS) for days in HORIZONS}
            return others if others[MAIN].left >= FEWEST else found
    return found


def score_churn(
    past: Past, frame: pd.DataFrame, given: dict[int, Examples], data: str
) -> tuple[list[Scores], dict[str, Any]]:
    """The chances of everybody in `frame`, who are customers at the instant, with reasons; and what was learned.

    `data` names the state of the data.
    """
    found = {days: horizon(given[days]) for days in HORIZONS}
    card: dict[str, Any] = {
        "version": VERSION, "customers": len(frame), "horizons": {str(d): h.card for d, h in found.items()},
        "drift": drift(given[MAIN].frame, frame) if len(given[MAIN].frame) else {}, "main": MAIN,
    }  # fmt: skip
    if not len(frame):
        return [], card
    scores = [_score(frame, days, found, given[MAIN], data) for days in HORIZONS]
    is_person = pa.array(~companies(past, frame.index))
    return [Scores(is_person=is_person, **each) for each in scores], card


def _sample(past: Past) -> int:
    there = past.read("many", lambda: past.lives().select("payer").distinct()).num_rows
    return max(1, -(-int(there) // MOST))


def companies(past: Past, index: pd.Index) -> Any:
    """Whether a payer is a company: the name of one, or that by which rows name one."""
    named = past.read("companies there", lambda: past.held("companies").select(payer="company").distinct())
    tables = [name for name in ("subscriptions", "usage", "orders", "conversations") if past.has(name)]
    found = set(named["payer"].to_pylist())
    for name in tables:
        found.update(past.read(f"companies in {name}", partial(_firms, past, name))["payer"].to_pylist())
    return np.array([payer in found for payer in index], dtype=bool)


def _firms(past: Past, name: str) -> Any:
    t = past.table(name)
    return t.filter(t.account_id.notnull() & (t.payer == t.source + ":" + t.account_id)).select("payer").distinct()


def _score(frame: pd.DataFrame, days: int, found: dict[int, Horizon], main: Examples, data: str) -> dict[str, Any]:
    own, base = found[days].learned, found[MAIN].learned
    fitted = own or base
    if fitted is None:
        left = float(main.outcome.sum())
        chance, names, pushes = rule_chances(frame, left, float(len(main.outcome)))
        words = [f"by rule, since {found[MAIN].card['why_not']}: {said}" for said in reasons(frame, names, pushes)]
        model = f"{RULE}@{data}"
        power = days / MAIN
        chance, low, high = 1 - (1 - chance) ** power, None, None
    else:
        chance, low, high, words = scored_in_blocks(fitted.classifier, frame, why=days == MAIN)
        model = f"{VERSION} {fitted.classifier.kind}@{data}"
        if own is None:  # what 90 days say of longer or shorter ones, if the danger stays the same
            chance, low, high = (1 - (1 - c) ** (days / MAIN) for c in (chance, low, high))
            model = f"{VERSION} {fitted.classifier.kind} from {MAIN} days@{data}"
    if main.event != LEAVES:
        model = model.replace("@", " ending a contract@")
    known = _coverage(frame)
    said: dict[str, Sequence[str | None]] = {"reasons": words} if words else {}
    return {
        "kind": f"{KIND}_{days}d", "who": pa.array(frame.index, pa.string()), "value": chance, "model": model,
        "low": low, "high": high, "coverage": known,
        "attributes": said,
    }  # fmt: skip


def _coverage(frame: pd.DataFrame) -> Floats:
    """The share of the features that are known of each customer, in percent."""
    return 100 * np.asarray(frame.notna().mean(axis=1), dtype=np.float64)
