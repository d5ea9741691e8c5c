"""Receipts against populations whose truth is known, and agreement against another library."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from wellheard.enrich.text import heads
from wellheard.enrich.text.labels import draw, kappa, receipt
from wellheard.enrich.text.reading import SENTIMENTS

N = 4_000


def population(seed: int = 3) -> tuple[list[tuple[str, str, str]], dict[tuple[str, str], str]]:
    """Texts with what the model says of each, and the truth: it takes a quarter of the bad ones to be neutral."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, N, p=(0.3, 0.3, 0.4))
    said = np.where((truth == 0) & (rng.random(N) < 0.25), 1, truth)
    rows = [("feedback", str(n), SENTIMENTS[s]) for n, s in enumerate(said)]
    return rows, {("feedback", str(n)): SENTIMENTS[s] for n, s in enumerate(truth)}


@pytest.mark.parametrize("by_sentiment", [True, False])
def test_corrected_shares_hold_the_truth_about_as_often_as_they_say(by_sentiment: bool) -> None:
    rows, truth = population()
    sizes = {s: sum(said == s for _, _, said in rows) for s in SENTIMENTS}
    share = {s: 100 * sum(v == s for v in truth.values()) / N for s in SENTIMENTS}
    held = 0
    for seed in range(60):
        drawn = draw(rows, 200, seed, by_sentiment=by_sentiment)
        told = receipt(drawn, {(d.table, d.id): {"anna": truth[d.table, d.id]} for d in drawn}, sizes)
        bad = told.true_shares["negative"]
        assert bad.low is not None
        assert bad.high is not None
        held += bad.low <= share["negative"] <= bad.high
        assert told.model_shares["negative"] < share["negative"]
    assert held >= 53  # of 60 at 95 %: fewer has a chance of 1 in 200


def test_every_text_has_its_probability() -> None:
    rows, _ = population()
    drawn = draw(rows, 100, 1)
    assert sum(1 / d.probability for d in drawn) == pytest.approx(N)
    assert len({(d.table, d.id) for d in drawn}) == len(drawn)
    assert draw(rows, 100, 1) == drawn


def test_precision_recall_and_agreement() -> None:
    rows, truth = population()
    drawn = draw(rows, 300, 5)
    labels = {(d.table, d.id): {"anna": truth[d.table, d.id]} for d in drawn}
    for n, d in enumerate(drawn[:50]):
        labels[d.table, d.id]["ben"] = truth[d.table, d.id] if n % 5 else "neutral"
    told = receipt(drawn, labels, {s: sum(said == s for _, _, said in rows) for s in SENTIMENTS})
    assert (told.labels, told.both, told.raters) == (len(drawn), 50, 2)
    recall = told.recall["negative"]
    assert recall.low is not None
    assert recall.high is not None
    assert recall.low <= 75 <= recall.high
    one = {(d.table, d.id): {"anna": truth[d.table, d.id]} for d in drawn}
    alone = receipt(drawn, one, {s: sum(said == s for _, _, said in rows) for s in SENTIMENTS})
    assert alone.precision["positive"].value == 100
    assert (alone.both, alone.kappa, alone.agreement.value) == (0, None, None)


def test_kappa_is_that_of_another_library() -> None:
    rng = np.random.default_rng(1)
    pairs = [
        tuple(rng.choice(SENTIMENTS, 2)) if rng.random() < 0.4 else (s := str(rng.choice(SENTIMENTS)), s)
        for _ in range(90)
    ]
    assert kappa(pairs) == pytest.approx(cohen_kappa_score(*zip(*pairs, strict=True)))
    assert kappa([]) is None


def test_nothing_is_said_without_labels() -> None:
    told = receipt([], {}, {})
    assert told.labels == 0
    assert told.true_shares["negative"].value is None


def test_macro_f1_is_that_of_another_library() -> None:
    rng = np.random.default_rng(2)
    truth, said = rng.integers(0, 3, 200), rng.integers(0, 3, 200)
    assert heads.macro_f1(truth, said) == pytest.approx(f1_score(truth, said, average="macro"))


def test_a_head_from_labels_is_taken_where_it_wins_and_refused_where_not() -> None:
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 150)
    model = np.where(rng.random(150) < 0.5, truth, (truth + 1) % 3)
    telling = np.eye(3, dtype=np.float32)[truth] + rng.normal(0, 0.3, (150, 3)).astype(np.float32)
    assert heads.label_head(telling, model, truth)[1].accepted
    noise = rng.normal(0, 1, (150, 3)).astype(np.float32)
    refused = heads.label_head(noise, model, truth)[1]
    assert not refused.accepted
    assert refused.why.startswith("refused")
