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
from wellheard.enrich.churn_risk import HORIZONS, KIND, MAIN
from wellheard.enrich.classifier import Scored, folds, learn, scored_in_blocks
from wellheard.enrich.score import Scores
from wellheard.warehouse import scores

CUSTOMERS, LEARNED_FROM = 1_000_000, 40_000
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
    """From features to rows in the lake, in blocks as the product does it: every horizon, reasons with one of them."""
    frame, outcome = made_up(LEARNED_FROM, 1)
    started = time.perf_counter()
    learned = learn(frame, outcome, folds(outcome, 3))
    fitting = time.perf_counter() - started
    every, _ = made_up(int(CUSTOMERS * place.size), 2)
    started, busy = time.perf_counter(), time.process_time()
    found = {days: scored_in_blocks(learned.classifier, every, why=days == MAIN) for days in HORIZONS}
    scored = time.perf_counter() - started
    who = pa.array([f"bench:c{n}" for n in range(len(every))])
    people = pa.array(np.ones(len(every), dtype=bool))
    with tempfile.TemporaryDirectory() as home, wellheard.open(home) as workspace:
        started = time.perf_counter()
        made = (
            Scores(f"{KIND}_{days}d", who, people, each.chance, "bench", each.low, each.high, attributes=_said(each))
            for days, each in found.items()
        )
        at = datetime(2026, 1, 1, tzinfo=UTC)
        scores.add(workspace.lake, (each.table(at) for each in made), "bench")
        written = time.perf_counter() - started
    whole, cpu = scored + written, time.process_time() - busy
    rows = (
        Figure(f"learned from {LEARNED_FROM:,} ({learned.classifier.kind})", fitting),
        Figure("chances, ranges and reasons", scored),
        Figure("rows in the lake", written),
        Figure("scored in all", whole, more={"CPU seconds": cpu}),
    )
    bar = Bar(f"seconds to score {len(every):,} customers for churn", whole, 60.0 * max(place.size, 0.05))
    words = (
        f"{len(every):,} customers with {len(FEATURES) + 1} features, for {len(HORIZONS)} horizons, in blocks on two "
        "threads; the features are there already."
    )
    return Record("scoring", place.size, (Table("Scoring customers for churn", rows, words),), (bar,))


def _said(found: Scored) -> dict[str, list[str]]:
    return {"reasons": found.reasons} if found.reasons else {}
