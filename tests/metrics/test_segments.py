"""Groups that a question makes itself: ranges of a number, saved segments, the largest and the others, pooled ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wellheard.base.errors import BadCall, BadInput, Unknown
from wellheard.metrics.moments import Moments, moments_of
from wellheard.metrics.names import bins_of
from wellheard.metrics.pooling import pool
from wellheard.metrics.segments import read_segments, remove_segment, save_segment

ANSWERS = [  # shop, visits, score
    *[("A", 1, s) for s in (10, 10, 9, 0)],
    *[("B", 4, s) for s in (10, 7, 0)],
    *[("C", 5, s) for s in (9, 0)],
    *[("D", 12, s) for s in (0,)],
    (None, None, 10),
]


@pytest.fixture(scope="module")
def shops(new_desk: Any) -> Any:
    desk = new_desk()
    desk.deliver(
        {
            "survey_responses": [
                {
                    "source_id": str(i),
                    "kind": "nps",
                    "score": score,
                    "answered_at": f"2026-0{3 + i % 2}-05",
                    "customer_id": f"c{i % 5}",
                    **({"attributes.shop": shop, "attributes.visits": str(visits)} if shop else {}),
                }
                for i, (shop, visits, score) in enumerate(ANSWERS)
            ]
        }
    )
    return desk


def _by(desk: Any, name: str, **how: Any) -> dict[Any, tuple[float, int]]:
    return {row[name]: (row["value"], row["n"]) for row in desk.kpi("nps", by=[name], **how)}


@pytest.mark.slow
def test_a_number_is_cut_at_edges_and_in_steps(shops: Any) -> None:
    assert list(_by(shops, "visits[4, 5]").items()) == [
        ("under 4", (50, 4)), ("4 to under 5", (0, 3)), ("5 or more", (pytest.approx(-100 / 3), 3)), (None, (100, 1)),
    ]  # fmt: skip
    assert list(_by(shops, "visits[5]")) == ["0 to under 5", "5 to under 10", "10 to under 15", None]
    assert list(_by(shops, "score[7, 9]").values()) == [(-100, 4), (0, 1), (100, 6)]


@pytest.mark.parametrize("name", ["score[]", "score[a]", "score[5, 3]", "score[0]", "score[-1]", "score[1, 1]"])
def test_edges_that_are_none_are_refused(shops: Any, name: str) -> None:
    with pytest.raises(BadCall, match="does not say where to cut"):
        shops.kpi("nps", by=[name])


def test_what_is_no_number_cannot_be_cut(shops: Any) -> None:
    with pytest.raises(BadCall, match="only a number is cut"):
        shops.kpi("nps", by=["answered_at[5]"])
    assert list(_by(shops, "shop[5]")) == [None]  # a text that holds no number falls in none
    assert bins_of("shop") is None


def test_the_others_are_one_group_whose_value_comes_from_its_rows(shops: Any) -> None:
    found = _by(shops, "shop", top=2)
    assert list(found) == ["A", "B", "other (2 more)", None]
    assert found["other (2 more)"] == (pytest.approx(100 * (1 - 2) / 3), 3)
    assert list(_by(shops, "shop", top=4)) == ["A", "B", "C", "D", None]
    months = shops.kpi("nps", by=["shop"], top=1, grain="month", compare="previous")
    assert {row["shop"] for row in months} == {"A", "other (3 more)", None}
    (april,) = [r for r in months if r["shop"] == "other (3 more)" and r["period_start"] == "2026-04-01"]
    (march,) = [r for r in months if r["shop"] == "other (3 more)" and r["period_start"] == "2026-03-01"]
    assert april["previous"] == march["value"]
    # People stand in several groups: the units of the others are counted anew, not added.
    (row,) = [row for row in shops.kpi("nps", by=["shop"], top=1) if row["shop"] == "other (3 more)"]
    assert (row["n"], row["units"]) == (6, 5)


def test_a_saved_segment_groups_and_filters(shops: Any) -> None:
    shops.workspace.save_segment("regulars", "visits > 3 and shop != 'C'")
    assert _by(shops, "segments.regulars") == {False: (pytest.approx(300 / 7), 7), True: (-25, 4)}
    assert shops.one("nps", where="segments.regulars = true")["n"] == 4
    before = shops.workspace.state()
    shops.workspace.save_segment("regulars", "visits > 10")
    assert shops.workspace.state() != before
    assert shops.one("nps", where="segments.regulars = true")["n"] == 1
    shops.workspace.remove_segment("regulars")
    with pytest.raises(Unknown, match="no saved segment 'regulars'"):
        shops.kpi("nps", by=["segments.regulars"])


def test_a_segments_file_is_whole_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "segments.toml"
    assert read_segments(path) == {}
    save_segment(path, "odd", "name = 'a\"b\\c' and score in (1, 2)")
    assert read_segments(path) == {"odd": "name = 'a\"b\\c' and score in (1, 2)"}
    with pytest.raises(BadCall, match="cannot be read here"):
        save_segment(path, "bad", "score >")
    with pytest.raises(BadCall, match="no name"):
        save_segment(path, "Bad name", "score > 1")
    with pytest.raises(BadCall, match="another segment"):
        save_segment(path, "both", "segments.odd = true")
    remove_segment(path, "odd")
    assert read_segments(path) == {}
    with pytest.raises(Unknown):
        remove_segment(path, "odd")
    path.write_text("vip = 5", "utf-8")
    with pytest.raises(BadInput, match="vip is no filter"):
        read_segments(path)


def _shares(sizes: Any, good: Any) -> Moments:
    return Moments(sizes, sizes, good, sizes, good, good, sizes)


@pytest.mark.parametrize("spread", [0.0, 0.05, 0.1, 0.2])
@pytest.mark.parametrize("size", [10, 30, 200])
def test_pooled_limits_hold_the_truth_of_most_groups(spread: float, size: int) -> None:
    """On average over groups, as empirical Bayes promises; and pooled values lie nearer to the truth than bare ones."""
    rng = np.random.default_rng(1)
    held, near, bare = [], [], []
    for _ in range(300):
        truth = np.clip(0.6 + spread * rng.standard_normal(12), 0.02, 0.98)
        sizes = rng.integers(size // 2, size * 2, 12)
        good = rng.binomial(sizes, truth)
        found = pool(_shares(sizes, good), 0.95, 0, 1)
        held.append(((found.low <= truth) & (truth <= found.high)).mean())
        near.append(((found.value - truth) ** 2).mean())
        bare.append(((good / sizes - truth) ** 2).mean())
    assert 0.935 <= np.mean(held) <= 1
    assert np.mean(near) < np.mean(bare)


def test_groups_that_do_not_differ_are_drawn_together_and_large_ones_stay() -> None:
    alike = pool(_shares(np.full(10, 20), np.array([9, 10, 11, 10, 9, 11, 10, 10, 9, 11])), 0.95, 0, 1)
    assert np.ptp(alike.value) < 0.06
    apart = pool(_shares(np.full(5, 100_000), np.array([10_000, 30_000, 50_000, 70_000, 90_000])), 0.95, 0, 1)
    assert apart.value == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9], abs=0.001)


def test_too_few_groups_and_empty_ones_are_left_as_they_are() -> None:
    three = pool(_shares(np.array([10, 20, 30]), np.array([5, 5, 5])))
    assert three.value == pytest.approx([1 / 2, 1 / 4, 1 / 6])
    some = pool(_shares(np.array([10, 0, 20, 30, 40]), np.array([5, 0, 5, 5, 5])))
    assert np.isnan(some.value[1])
    assert np.isfinite(some.value[[0, 2, 3, 4]]).all()
    lone = pool(moments_of(np.array([[1.0], [0.0], [3.0], [4.0]]), np.ones((4, 1))))
    assert np.isfinite(lone.value).all()


def test_pooling_is_labelled_and_refused_where_it_means_nothing(shops: Any) -> None:
    answer = shops.workspace.kpi("nps", by=["shop"], pooled=True)
    assert {row["definition"] for row in answer.to_list()} == {"nps@1~pooled"}
    assert any("partial pooling" in note for note in answer.notes)
    with pytest.raises(BadCall, match="no groups to pool"):
        shops.kpi("nps", pooled=True)
    with pytest.raises(BadCall, match="cannot be pooled"):
        shops.kpi("first_response_time", by=["channel"], pooled=True)
