"""Topics on meanings whose groups are known, and what people do to topics."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import v_measure_score

from wellheard.base.errors import BadCall, Unknown
from wellheard.enrich.text import topics as t
from wellheard.enrich.text.categories import assigned
from wellheard.enrich.text.emerging import volumes
from wellheard.enrich.text.shelf import Shelf

WORDS = ("parcel courier", "invoice charge", "password login", "waiter soup")


def made(n: int = 40, groups: tuple[int, ...] = (0, 1, 2), seed: int = 1) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Texts, their meanings, and the group that each is of."""
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(4, 384))
    truth = np.repeat(groups, n)
    meanings = centres[truth] / 20 + draw.normal(size=(len(truth), 384)) / 60
    meanings = (meanings / np.linalg.norm(meanings, axis=1, keepdims=True)).astype(np.float32)
    return [f"{WORDS[g]} {n}x{'abcdefghij'[n % 10]}" for n, g in enumerate(truth)], meanings, truth


@pytest.fixture(scope="module")
def found() -> t.Topics:
    texts, meanings, _ = made()
    return t.found(t.Topics(), texts, meanings, k=3)


def test_groups_are_found_and_named_by_their_words(found: t.Topics) -> None:
    texts, meanings, truth = made()
    assert v_measure_score(truth, t.clustered(meanings, 3)) == 1.0
    assert sorted(topic.words[0] for topic in found.topics) == ["invoice charge", "parcel courier", "password login"]
    assert [topic.size for topic in found.topics] == [40, 40, 40]
    assert all(set(topic.quotes) <= set(texts) and len(topic.quotes) == 3 for topic in found.topics)


def test_ids_and_given_names_stay_when_topics_are_found_again(found: t.Topics) -> None:
    by_word = {topic.words[0]: topic.id for topic in found.topics}
    named = t.renamed(found, by_word["invoice charge"], "Billing")
    texts, meanings, _ = made(30, (0, 1, 2, 3), seed=2)
    again = t.found(named, texts, meanings, k=4)
    assert {topic.words[0]: topic.id for topic in again.topics} == by_word | {"waiter soup": "t4"}
    assert again.topic(by_word["invoice charge"]).name == "Billing"
    told = t.difference(found, again)
    assert (told.added, told.removed) == (("t4",), ())
    assert [was for was, _, now in told.renamed if now == "Billing"] == [by_word["invoice charge"]]


def test_new_texts_go_to_the_nearest_topic_or_to_none(found: t.Topics) -> None:
    _, meanings, _ = made(5, (2, 0, 3), seed=3)
    ids = t.nearest(found, meanings)
    by_word = {topic.words[0]: topic.id for topic in found.topics}
    assert ids == [by_word["password login"]] * 5 + [by_word["parcel courier"]] * 5 + [None] * 5


def test_merged_topics_take_the_texts_of_both(found: t.Topics) -> None:
    one, other = found.topics[0].id, found.topics[1].id
    merged = t.merged(found, other, one)
    assert len(merged.topics) == 2
    assert merged.version == found.version + 1
    _, meanings, _ = made()
    before, after = t.nearest(found, meanings), t.nearest(merged, meanings)
    assert after == [one if id == other else id for id in before]
    with pytest.raises(BadCall):
        t.merged(found, one, one)
    with pytest.raises(Unknown):
        t.merged(found, "t99", one)


def test_deleted_topics_lose_their_texts_and_are_not_found_again(found: t.Topics) -> None:
    gone = found.topics[0].id
    left = t.deleted(found, gone)
    texts, meanings, _ = made()
    assert t.nearest(left, meanings) == [None if id == gone else id for id in t.nearest(found, meanings)]
    assert {topic.id for topic in t.found(left, texts, meanings, k=3).topics} == {topic.id for topic in left.topics}


def test_a_pinned_topic_stays_though_nobody_speaks_of_it(found: t.Topics) -> None:
    by_word = {topic.words[0]: topic.id for topic in found.topics}
    texts, meanings, _ = made(30, (1, 2), seed=4)
    pinned = t.pinned(found, by_word["parcel courier"])
    assert by_word["parcel courier"] in {x.id for x in t.found(pinned, texts, meanings, k=2).topics}
    assert by_word["parcel courier"] not in {x.id for x in t.found(found, texts, meanings, k=2).topics}


def test_a_topic_is_split_into_its_parts() -> None:
    texts, meanings, truth = made(30, (0, 1))
    one = t.found(t.Topics(), texts, meanings, k=1)
    both = t.split(one, one.topics[0].id, texts, meanings)
    assert [topic.size for topic in both.topics] == [30, 30]
    ids = t.nearest(both, meanings)
    assert v_measure_score(truth, [str(id) for id in ids]) == 1.0
    with pytest.raises(BadCall, match="too few"):
        t.split(one, one.topics[0].id, texts[:5], meanings[:5])


def test_ten_examples_define_a_category(found: t.Topics) -> None:
    texts, meanings, _ = made(10, (3,), seed=5)
    known = dict(zip(texts, meanings, strict=True))
    all_texts, all_meanings, _ = made()
    known |= dict(zip(all_texts, all_meanings, strict=True))
    defined = t.defined(found, "Food", texts, meanings)
    _, new, _ = made(6, (3, 0), seed=6)
    ids = assigned(defined, new, lambda asked: [known[text] for text in asked])
    assert ids[:6] == [defined.topics[-1].id] * 6
    assert defined.topics[-1].id not in ids[6:]
    with pytest.raises(BadCall, match="9 different"):
        t.defined(found, "Food", texts[:9], meanings[:9])


def test_versions_are_kept_as_they_were(found: t.Topics, tmp_path: object) -> None:
    from pathlib import Path

    shelf = Shelf(Path(str(tmp_path)))
    assert shelf.topics().topics == ()
    shelf.save_topics(found)
    shelf.save_topics(t.renamed(found, found.topics[0].id, "New"))
    assert shelf.versions() == [1, 2]
    assert shelf.topics(1).topics[0].name == found.topics[0].name
    assert shelf.topics().topics[0].name == "New"
    np.testing.assert_allclose(shelf.topics(1).topics[0].centre, found.topics[0].centre, atol=1e-5)
    with pytest.raises(Unknown):
        shelf.topics(3)


def test_what_grows_with_all_the_rest_is_not_emerging() -> None:
    told = {v.id: v for v in volumes({"a": 200, "b": 60, "c": 4}, {"a": 100, "b": 10, "c": 1}, 400, 200)}
    assert (told["a"].emerging, told["b"].emerging, told["c"].emerging) == (False, True, False)
    assert told["b"].growth == pytest.approx(3.0)
    assert told["a"].share == 50.0
    # Binomial test of 60 of 70 against 2/3, by hand from the tail: scipy's own function is another way to it.
    from scipy.stats import binom

    assert told["b"].p == pytest.approx(binom.sf(59, 70, 2 / 3))
    assert volumes({}, {}, 0, 0) == []
