"""Who will leave: against a made-up truth, the leak that is planted, and real snapshots."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from wellheard.enrich.churn_risk import FEWEST, Examples, cuts_of, horizon, time_splits
from wellheard.enrich.classifier import folds, learn
from wellheard.enrich.early_signs import measured
from wellheard.enrich.encoding import leaks
from wellheard.enrich.judging import auc, calibration_error, curve, judged, lift, slope
from wellheard.enrich.reasons import phrase, reasons
from wellheard.enrich.snapshot import train_snapshot
from wellheard.enrich.warning_rule import rule_chances

DATA = Path(__file__).parents[3] / "shared" / "data"
START = datetime(2026, 1, 1, tzinfo=UTC)
Floats = NDArray[np.float64]


def made_up(rows: int, seed: int = 1) -> tuple[pd.DataFrame, Floats, Floats]:
    """Features, the outcome, and the true chance of each customer."""
    rng = np.random.default_rng(seed)
    change = np.clip(rng.normal(0, 0.5, rows), -1, 3)
    tone = np.where(rng.random(rows) < 0.4, np.nan, rng.normal(0, 0.4, rows))
    segment = rng.choice(["SMB", "Mid", "Large"], rows, p=[0.6, 0.3, 0.1])
    z = -2.6 - 1.6 * change - 1.2 * np.nan_to_num(tone) + 0.7 * (segment == "SMB")
    chance = expit(z)
    frame = pd.DataFrame({"usage_change": change, "valence_turn": tone, "segment": segment.astype(object)})
    return frame, (rng.random(rows) < chance).astype(float), chance


def at_cuts(frame: pd.DataFrame, outcome: Floats, cuts: int = 8) -> Examples:
    place = np.arange(len(frame)) % cuts
    order = np.argsort(place, kind="stable")
    frame = frame.iloc[order].set_axis([f"w:{n}" for n in range(len(frame))])
    instants = tuple(START + timedelta(days=30 * n) for n in range(cuts))
    after = np.where(outcome[order] > 0, 40.0, np.nan)
    return Examples(90, frame, outcome[order], place[order].astype(float), after, instants)


def test_the_area_under_the_curve_is_the_share_of_pairs() -> None:
    rng = np.random.default_rng(0)
    outcome, chance = rng.random(60) < 0.4, np.round(rng.random(60), 1)
    pairs = [(a > b) + 0.5 * (a == b) for a in chance[outcome] for b in chance[~outcome]]
    found = auc(outcome, chance)
    assert found.auc == pytest.approx(np.mean(pairs))
    assert found.low < found.auc < found.high


def test_the_interval_of_the_area_holds_the_truth() -> None:
    rng = np.random.default_rng(4)
    truth, held = 0.7602, 0  # of two normal distributions one standard deviation apart
    for _ in range(400):
        x = np.concatenate([rng.normal(1, 1, 40), rng.normal(0, 1, 120)])
        found = auc(np.arange(160) < 40, x)
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 400 <= 0.98


def test_calibration_tells_chances_that_mean_what_they_say() -> None:
    _, outcome, chance = made_up(40_000)
    steep, shift = slope(outcome, chance)
    assert steep == pytest.approx(1, abs=0.06)
    assert shift == pytest.approx(0, abs=0.1)
    assert calibration_error(outcome, chance) < 0.01
    assert slope(outcome, expit(2 * np.log(chance / (1 - chance))))[0] == pytest.approx(0.5, abs=0.03)
    assert sum(row["n"] for row in curve(outcome, chance)) == 40_000
    assert lift(outcome, chance)[-1]["found"] == 1


@pytest.mark.slow
def test_the_made_up_truth_is_found() -> None:
    frame, outcome, chance = made_up(16_000)
    found = horizon(at_cuts(frame, outcome))
    seen = found.card["judged"]
    assert found.card["validated"] == "by time"
    order = np.argsort(np.arange(16_000) % 8, kind="stable")
    assert found.learned is not None
    true = auc(outcome[order][found.learned.rows], chance[order][found.learned.rows]).auc
    assert seen["auc"] == pytest.approx(true, abs=0.02)
    assert 0.9 <= seen["slope"] <= 1.1
    assert seen["calibration_error"] < 0.02
    strongest = [row["feature"] for row in found.card["drivers"]]
    assert strongest[0] == "usage_change"
    _, low, high, _ = found.learned.classifier.scored(frame)
    assert np.mean((low <= chance) & (chance <= high)) > 0.5


def test_a_planted_leak_is_caught_and_left_out() -> None:
    frame, outcome, _ = made_up(1_600)
    rng = np.random.default_rng(2)
    frame["reason_for_leaving"] = np.where(outcome > 0, 1.0, np.nan)
    frame["days_left"] = outcome + rng.normal(0, 0.1, len(outcome))
    given = at_cuts(frame, outcome)
    assert set(leaks(given.frame, given.outcome)) == {"reason_for_leaving", "days_left"}
    card = horizon(given).card
    assert set(card["leaks"]) == {"reason_for_leaving", "days_left"}
    assert card["judged"]["auc"] < 0.9


def test_nothing_is_learned_from_what_was_not_known_yet() -> None:
    frame, outcome, _ = made_up(1_600)
    given = at_cuts(frame, outcome)
    splits = time_splits(given)
    assert len(splits) == 3
    for before, after in splits:
        tried_at = given.instants[int(given.cut[after][0])]
        known_by = max(given.instants[int(c)] for c in given.cut[before]) + timedelta(days=given.days)
        assert known_by <= tried_at


def test_the_instants_looked_at_leave_room_before_and_after() -> None:
    end, first = datetime(2026, 12, 31, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    cuts = cuts_of(end, first, 90)
    assert max(cuts) == end - timedelta(days=90)
    assert min(cuts) >= first + timedelta(days=60)
    assert cuts_of(datetime(2026, 3, 1, tzinfo=UTC), first, 90) == []


def test_too_few_who_left_give_a_rule_that_says_so() -> None:
    frame, _, _ = made_up(400)
    outcome = np.zeros(400)
    outcome[: FEWEST - 1] = 1
    found = horizon(at_cuts(frame, outcome))
    assert found.learned is None
    assert f"{FEWEST - 1} customers have left" in found.card["why_not"]
    chance, names, pushes = rule_chances(pd.DataFrame({"usage_change": [-0.9, 0.1, np.nan]}), 0, 0)
    assert chance[0] > chance[1] == chance[2] == pytest.approx(0.05)
    assert names == ["usage_change"]
    assert pushes[1:].sum() == 0


def test_reasons_are_words_and_the_strongest_comes_first() -> None:
    frame = pd.DataFrame({"usage_change": [-0.6], "overdue_invoices": [2.0], "segment": ["SMB"]})
    said = reasons(frame, ["usage_change", "overdue_invoices", "segment"], np.array([[0.4, 0.9, -1.0]]))
    assert said == ["2 overdue invoices; uses the product 60% less than before"]
    assert reasons(frame, ["segment"], np.array([[-1.0]])) == ["speaks for staying: segment is SMB"]
    assert phrase("nps_score", float("nan")) == "nps score is not known"


def test_early_signs_are_measured_by_hand() -> None:
    frame = pd.DataFrame({"usage_change": [-0.9, -0.8, -0.7, 0.0, np.nan, 0.2]}, index=list("abcdef"))
    gone = np.array([1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
    after = np.array([20.0, 60.0, np.nan, 5.0, np.nan, np.nan])
    (row,) = measured(Examples(90, frame, gone, np.zeros(6), after, (START,)))
    assert (row["sign"], row["shown"], row["lead_days"]) == ("usage_drop", 3, 40)
    assert (row["precision"], row["usual"], row["found"]) == pytest.approx((2 / 3, 0.5, 2 / 3))
    assert row["low"] < row["precision"] < row["high"]


def _telco() -> pd.DataFrame:
    path = DATA / "telco_churn_ibm" / "Telco-Customer-Churn.csv.gz"
    if not path.is_file():
        pytest.skip("the telephone company's snapshot is not here")
    return pd.read_csv(path)


@pytest.mark.slow
def test_a_snapshot_is_learned_and_no_worse_than_plain_regression() -> None:
    """A snapshot has one row a customer with its outcome and no dates, so it is judged by parts of its customers."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = _telco()
    found = train_snapshot(rows, "Churn", "Yes", key="customerID", parts=5)
    assert found.card["validated"] == "by 5 parts of the customers of a labelled snapshot"
    seen = found.card["judged"]
    assert seen["auc"] >= 0.845
    assert seen["calibration_error"] <= 0.02

    outcome = (rows["Churn"] == "Yes").to_numpy(dtype=float)
    plain = rows.drop(columns=["Churn", "customerID"])
    plain["TotalCharges"] = pd.to_numeric(plain["TotalCharges"], errors="coerce").fillna(0)
    x: Any = pd.get_dummies(plain, drop_first=True).to_numpy(dtype=float)
    chance = np.zeros(len(outcome))
    for before, after in folds(outcome, 5):
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(x[before], outcome[before])
        chance[after] = model.predict_proba(x[after])[:, 1]
    assert seen["auc"] >= auc(outcome, chance).auc


def test_chances_of_unseen_rows_are_not_those_of_learned_ones() -> None:
    """Pure noise has nothing to learn: an honest model ranks it no better than by chance."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({f"x{n}": rng.normal(size=600) for n in range(20)})
    outcome = (rng.random(600) < 0.2).astype(float)
    found = learn(frame, outcome, folds(outcome, 4))
    seen = judged(outcome[found.rows], found.unseen)
    assert seen["auc_low"] < 0.5
