"""The model that is shipped: what it was trained on, that its files are those, and that it gives the same each time."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from training import cx, data

from wellheard.enrich.text.graph import FOLDER, Graph
from wellheard.enrich.text.kept import Kept
from wellheard.enrich.text.reader import Reader
from wellheard.enrich.text.reading import EMOTIONS

SHARED = Path(__file__).parents[3].parent / "shared" / "data"
TRAINED: dict[str, object] = json.loads((FOLDER / "training.json").read_text("utf-8"))
ALLOWED = {"goemotions", "tweets", "products", "clothing", "banking"}
TEXTS = [
    f"{how} {what}" for how in ("I love", "I hate", "Where is", "Not bad,") for what in ("the room", "your app 👍")
]


def test_it_was_trained_on_the_allowed_sets_alone_and_on_our_frozen_sentences() -> None:
    assert set(TRAINED["data"]) == ALLOWED  # type: ignore[call-overload]
    assert TRAINED["without"] is None
    frozen = json.loads(cx.FROZEN.read_text("utf-8"))
    assert frozen == cx.hashes()
    own = dict(TRAINED["own_sentences"])  # type: ignore[call-overload]
    assert {name: own[name] for name in frozen} == frozen


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data are not here")
@pytest.mark.parametrize("source", sorted(ALLOWED))
def test_the_sets_are_those_whose_hashes_were_recorded(source: str) -> None:
    assert data.hash_of(SHARED, source) == TRAINED["data"][source]  # type: ignore[index]


def test_its_files_are_those_of_the_manifest_and_of_the_training() -> None:
    graph = Graph()
    assert graph.manifest["files"]["reader.onnx"] == TRAINED["graphs"]["reader"]  # type: ignore[index]
    assert graph.manifest["files"]["embedder.onnx"] == TRAINED["graphs"]["embedder"]  # type: ignore[index]
    words = gzip.decompress((FOLDER / "tokenizer.json.gz").read_bytes())
    assert hashlib.sha256(words).hexdigest() == TRAINED["base"]["tokenizer.json"]  # type: ignore[index]
    assert (FOLDER / "reader.onnx").stat().st_size <= 24_000_000
    assert set(graph.manifest["emotion_cuts"]) == set(EMOTIONS) == set(data.EMOTIONS)


def test_at_least_150_sentences_of_a_kind_and_half_of_them_kept() -> None:
    found = cx.sentences()
    for kind in cx.KINDS:
        own = [s for s in found if s.kind == kind]
        assert len({s.text for s in own}) >= 150
        assert 0.35 < sum(s.test for s in own) / len(own) < 0.65
    assert not {s.text for s in found if s.test} & {s.text for s in found if not s.test}


def test_two_runs_give_identical_scores_in_any_order() -> None:
    first = Reader(graph=Graph(), kept=Kept()).read(TEXTS)
    again = Reader(graph=Graph(), kept=Kept()).read(TEXTS[::-1])[::-1]
    assert first == again
    assert [r.sentiment for r in first[:4]] == ["positive", "positive", "negative", "negative"]
