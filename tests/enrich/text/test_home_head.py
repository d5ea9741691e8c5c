"""A head for another language, trained at home on real reviews in Portuguese whose score is the label."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from sklearn.metrics import f1_score

from wellheard.base.errors import BadCall
from wellheard.enrich.text.heads import BAND, CharHead, Rated, Trial, language_head
from wellheard.enrich.text.issues import band_of
from wellheard.enrich.text.kept import Kept
from wellheard.enrich.text.lexicon import lexicon_read
from wellheard.enrich.text.reader import Reader

REVIEWS = Path(__file__).parents[3].parent / "shared/data/olist/olist_order_reviews_dataset.csv.gz"


@pytest.fixture(scope="module")
def rated() -> list[Rated]:
    if not REVIEWS.exists():
        pytest.skip("the shared data are not here")
    table = pd.read_csv(REVIEWS).dropna(subset=["review_comment_message"])
    return [
        Rated(text.strip(), BAND[band_of(score, 1, 5) or "middle"], datetime.fromisoformat(at))
        for text, score, at in zip(
            table.review_comment_message, table.review_score, table.review_answer_timestamp, strict=True
        )
        if text.strip()
    ]


@pytest.mark.slow
def test_a_portuguese_head_beats_the_commonest_and_vader_on_months_it_has_not_seen(rated: list[Rated]) -> None:
    head, trial = language_head("pt", rated)
    months = [r for r in sorted(rated, key=lambda r: r.written_at) if f"{r.written_at:%Y-%m}" >= trial.since]
    before = {r.text.lower() for r in rated if f"{r.written_at:%Y-%m}" < trial.since}
    unseen = [r for r in months if r.text.lower() not in before]
    assert len(unseen) == trial.held_out > 200
    truth = [r.sentiment for r in unseen]
    vader = [lexicon_read(r.text).sentiment for r in unseen]
    assert trial.rivals["vader"] == pytest.approx(f1_score(truth, vader, average="macro", labels=sorted(set(truth))))
    assert trial.accepted
    assert trial.score > max(trial.rivals.values()) + 0.1
    (read,) = Reader(graph=None, kept=Kept(), heads={"pt": head}).read(
        ["Produto péssimo, não recebi nada, quero reembolso"]
    )
    assert (read.language, read.sentiment, read.model) == ("pt", "negative", trial.name)


@pytest.mark.slow
def test_a_head_that_learned_nothing_is_refused(rated: list[Rated]) -> None:
    turned = sorted(rated, key=lambda r: r.written_at)
    sentiments = [r.sentiment for r in rated]
    shuffled = pd.Series(range(len(turned))).sample(frac=1, random_state=1)
    fair = [Rated(turned[n].text, sentiments[m], turned[n].written_at) for n, m in enumerate(shuffled)]
    trial = language_head("pt", fair)[1]
    assert not trial.accepted
    assert trial.why.startswith("refused")


def test_too_few_comments_or_one_month_alone_teach_nothing() -> None:
    rows = [Rated(f"bom {n}", "positive", datetime(2026, 3, 1, tzinfo=UTC)) for n in range(1_000)]
    with pytest.raises(BadCall, match="999 rated comments"):
        language_head("pt", rows[:-1])
    with pytest.raises(BadCall, match="one month"):
        language_head("pt", rows)


def test_a_head_is_kept_as_it_was(tmp_path: Path) -> None:
    texts, said = ["muito bom"] * 5 + ["muito ruim"] * 5, ["positive"] * 5 + ["negative"] * 5
    head = CharHead.trained("pt-home-x", texts, said)
    assert [r.sentiment for r in head.read(["bom", "ruim"])] == ["positive", "negative"]
    trial = Trial("pt-home-x", 10, 5, "2026-03", 0.8, {"vader": 0.2}, 0.1, True, "it won")
    head.save(tmp_path / "pt.npz", trial)
    again, told = CharHead.load(tmp_path / "pt.npz")
    assert told == trial
    assert [r.sentiment for r in again.read(["bom", "ruim"])] == ["positive", "negative"]
