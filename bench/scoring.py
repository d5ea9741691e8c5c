"""Scoring customers for churn: chances, their ranges, reasons in words, and the rows in the lake."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

import wellheard
from bench.data import Place
from bench.record import Bar, Figure, Record, Table
from wellheard.enrich.classifier import folds, learn
from wellheard.enrich.reasons import reasons
from wellheard.enrich.score import Scores
from wellheard.warehouse import scores

CUSTOMERS, LEARNED_FROM, BLOCK = 1_000_000, 40_000, 100_000
FEATURES = (
    "tenure_days", "usage_30d", "usage_before", "usage_change", "usage_features_90d", "usage_days_since",
    "contacts_90d", "contacts_365d", "escalations_180d", "nps_score", "satisfaction", "answers_365d", "orders_365d",
    "order_lateness",
    "overdue_invoices", "payment_delay_days", "valence_60d", "valence_turn", "mrr", "mrr_growth_180d",
)  # fmt: skip


def made_up(customers: int, seed: int) -> tuple[pd.DataFrame, Any]:
    """Features of which a fifth is not known, a trait, and who left."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(customers, len(FEATURES)))
    chance = 1 / (1 + np.exp(3 + values[:, 3] - 0.8 * values[:, 8] + 0.5 * values[:, 9]))
    values[rng.random(values.shape) < 0.2] = np.nan
    frame = pd.DataFrame(values, columns=list(FEATURES))
    frame["segment"] = rng.choice(["SMB", "Mid-market", "Enterprise"], customers)
    return frame, (rng.random(customers) < chance).astype(float)


def measure(place: Place) -> Record:
    """From features to rows in the lake, in blocks as the product does it, three horizons."""
    frame, outcome = made_up(LEARNED_FROM, 1)
    started = time.perf_counter()
    learned = learn(frame, outcome, folds(outcome, 3))
    fitting = time.perf_counter() - started
    every, _ = made_up(int(CUSTOMERS * place.size), 2)
    started = time.perf_counter()
    chances, low, high, words = [], [], [], []
    for at in range(0, len(every), BLOCK):
        block = every.iloc[at : at + BLOCK]
        value, *ends = learned.classifier.scored(block)
        chances.append(value)
        low.append(ends[0])
        high.append(ends[1])
        words += reasons(block, *learned.classifier.logistic.pushes(block))
    scored = time.perf_counter() - started
    who = pa.array([f"bench:c{n}" for n in range(len(every))])
    people = pa.array(np.ones(len(every), dtype=bool))
    parts = [np.concatenate(each) for each in (chances, low, high)]
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as home, wellheard.open(home) as workspace:
        made = Scores(
            "churn_risk_90d", who, people, parts[0], "bench", parts[1], parts[2], attributes={"reasons": words}
        )
        scores.add(workspace.lake, [made.table(datetime(2026, 1, 1, tzinfo=UTC))], "bench")
        written = time.perf_counter() - started
    whole = scored + written
    rows = (
        Figure(f"learned from {LEARNED_FROM:,} ({learned.classifier.kind})", fitting),
        Figure("chances, ranges and reasons", scored),
        Figure("rows in the lake", written),
        Figure("scored in all", whole),
    )
    bar = Bar(f"seconds to score {len(every):,} customers for churn", whole, 60.0 * max(place.size, 0.05))
    words_ = f"{len(every):,} customers with {len(FEATURES) + 1} features, one horizon, on as many threads as it takes"
    return Record("scoring", place.size, (Table("Scoring customers for churn", rows, words_),), (bar,))
