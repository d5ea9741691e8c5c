"""Writes health scores: by the stated weights for everybody, and by learned ones where enough have left."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from wellheard.base.errors import BadInput
from wellheard.enrich import health as how
from wellheard.enrich.churn_risk import FEWEST, MAIN, Examples, companies, time_splits
from wellheard.enrich.health import COMPONENTS, Health, WeightRule
from wellheard.enrich.judging import judged
from wellheard.enrich.past import Past
from wellheard.enrich.score import Scores

FILE = "health.toml"


def read_weights(home: Path) -> tuple[WeightRule, ...]:
    """The rules of a home's `health.toml`, in their order; none where there is no such file.

    Each `[[weights]]` names traits in `where`, and a weight a component. Raises BadInput where it is wrong.
    """
    path = home / FILE
    if not path.is_file():
        return ()
    hint = f'write [[weights]] with where = {{ segment = "SMB" }} and a number for each of {", ".join(COMPONENTS)}'
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("weights", [])
        rules = []
        for row in rows:
            given = {name: float(row[name]) for name in row if name != "where"}
            if unknown := set(given) - set(COMPONENTS):
                raise ValueError(f"there is no component {', '.join(sorted(unknown))}")
            if min(given.values(), default=0.0) < 0 or not sum(given.values()):
                raise ValueError("weights are from 0 on, and one of them is above it")
            rules.append(WeightRule(dict(row.get("where", {})), given))
    except (tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", hint=hint, field="health") from None
    return tuple(rules)


def score_health(
    past: Past, frame: pd.DataFrame, given: Examples, rules: tuple[WeightRule, ...], data: str
) -> tuple[list[Scores], dict[str, Any]]:
    """Health of everybody in `frame`, who are customers at the instant, and of those who have left; and the card."""
    card: dict[str, Any] = {"version": how.VERSION, "weights": how.WEIGHTS, "rules": len(rules), "windows": how.WINDOWS}
    parts = how.components(frame)
    found = how.health(parts, how.weights_of(frame, rules))
    before = _before(past)
    scores = [_scores(past, frame.index, found, f"{how.VERSION}@{data}", before), *_gone(past, frame.index, data)]
    card |= {"bands": pd.Series([how.band(v) for v in found.value]).value_counts().to_dict(), "customers": len(frame)}
    learned = _learned(given)
    card["learned"] = learned
    if weights := learned.get("weights"):
        by_model = how.health(parts, how.weights_of(frame, (), weights))
        scores.append(_scores(past, frame.index, by_model, f"{how.LEARNED}@{data}", {}))
    return scores, card


def _scores(past: Past, index: pd.Index, found: Health, model: str, before: dict[str, float]) -> Scores:
    bands = [how.band(value) for value in found.value]
    trends = [how.trend(v, before.get(who, np.nan)) for who, v in zip(index, found.value, strict=True)]
    said: dict[str, Sequence[str | None]] = {"band": bands, "trend": trends, "components": how.written(found)}
    return Scores(
        how.KIND, pa.array(index, pa.string()), pa.array(~companies(past, index)), found.value, model, low=found.low,
        high=found.high, coverage=found.coverage, attributes=said,
    )  # fmt: skip


def _gone(past: Past, here: pd.Index, data: str) -> list[Scores]:
    """Who was a customer and is none: no score, and the band that says so."""
    ever = past.read("ever customers", lambda: past.lives().select("payer").distinct())["payer"].to_pandas().dropna()
    left = pd.Index(ever[~ever.isin(set(here))].sort_values())
    if not len(left):
        return []
    nothing = np.full(len(left), np.nan)
    people = pa.array(~companies(past, left))
    attributes = {"band": [how.CHURNED] * len(left)}
    who = pa.array(left, pa.string())
    return [Scores(how.KIND, who, people, nothing, f"{how.VERSION}@{data}", attributes=attributes)]


def _before(past: Past) -> dict[str, float]:
    """The newest score of four weeks ago or older of each payer."""
    t = past.lake.table("customer_scores")
    formula = ~t.model.lower().startswith("learned").fill_null(False)
    t = t.filter((t.kind == how.KIND) & formula & (t.as_of <= past.ago(27)))
    who = t.source + ":" + t.account_id.coalesce(t.customer_id)
    newest = t.group_by(who=who).agg(value=t.value.argmax(t.as_of))
    rows = past.run(newest)
    return {w: v for w, v in zip(rows["who"].to_pylist(), rows["value"].to_pylist(), strict=True) if v is not None}


def _learned(given: Examples) -> dict[str, Any]:
    """Weights fitted to who stayed, and how both scores did at instants that lie after what was learned from."""
    if given.left < FEWEST:
        return {"why_not": f"{given.left} customers have left, and {FEWEST} are needed to learn weights"}
    parts = how.components(given.frame)
    stayed = 1 - given.outcome
    tried: dict[str, list[Any]] = {"formula": [], "learned": [], "outcome": []}
    for before, after in time_splits(given):
        weights = how.learned_weights(parts[before], stayed[before])
        frame = given.frame.iloc[after]
        by_model = how.health(parts[after], how.weights_of(frame, (), weights)).value
        tried["formula"].append(how.health(parts[after], how.weights_of(frame)).value)
        tried["learned"].append(by_model)
        tried["outcome"].append(given.outcome[after])
    card: dict[str, Any] = {"weights": how.learned_weights(parts, stayed), "days": MAIN}
    if tried["outcome"]:
        outcome = np.concatenate(tried["outcome"])
        for name in ("formula", "learned"):
            risk = 1 - np.nan_to_num(np.concatenate(tried[name]), nan=how.MIDDLE) / 100
            card[name] = {k: v for k, v in judged(outcome, risk).items() if k.startswith("auc") or k in ("n", "events")}
    return card
