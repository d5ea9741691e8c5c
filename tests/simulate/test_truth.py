"""What plain pandas finds in the rows agrees with `truth.json`, within the noise of chance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from wellheard.base.schedules import business_seconds, schedule_from_rows

SEGMENTS = ["SMB", "Mid-market", "Enterprise"]
REGIONS = ["Europe", "North America", "Asia-Pacific"]


def expected(history, name: str) -> np.ndarray:
    """Sums by month, segment and region."""
    return np.array(history.truth["expected"]["sums"][name])


def people(history) -> pd.DataFrame:
    return history["customers"].drop_duplicates("source_id").set_index("source_id")


def answers(history, kind: str, survey: str) -> pd.DataFrame:
    rows = history["survey_responses"]
    rows = rows[(rows["kind"] == kind) & (rows["survey_id"] == survey) & rows["score"].notna()]
    return rows.assign(
        segment=rows["customer_id"].map(people(history)["segment"]),
        region=rows["customer_id"].map(people(history)["region"]),
        month=np.searchsorted(pd.to_datetime(history.truth["months"], utc=True), rows["answered_at"], side="right") - 1,
    )


@pytest.mark.parametrize("place", range(3))
def test_nps_by_segment(history, place: int) -> None:
    mine = answers(history, "nps", "relationship")
    mine = mine[mine["segment"] == SEGMENTS[place]]
    value = 1.0 * (mine["score"] >= 9) - 1.0 * (mine["score"] <= 6)
    sums = {part: expected(history, f"nps_{part}")[:, place].sum() for part in ("promoters", "detractors", "answers")}
    assert sums["answers"] == len(value)
    truth = (sums["promoters"] - sums["detractors"]) / sums["answers"]
    assert abs(value.mean() - truth) < 3 * value.std() / np.sqrt(len(value))


@pytest.mark.parametrize("place", range(3))
def test_nps_by_region(history, place: int) -> None:
    mine = answers(history, "nps", "relationship")
    mine = mine[mine["region"] == REGIONS[place]]
    value = 1.0 * (mine["score"] >= 9) - 1.0 * (mine["score"] <= 6)
    sums = {
        part: expected(history, f"nps_{part}")[:, :, place].sum() for part in ("promoters", "detractors", "answers")
    }
    truth = (sums["promoters"] - sums["detractors"]) / sums["answers"]
    assert abs(value.mean() - truth) < 3 * value.std() / np.sqrt(len(value))


@pytest.mark.parametrize("place", range(3))
def test_csat_by_segment(history, place: int) -> None:
    mine = answers(history, "csat", "after-support")
    satisfied = mine[mine["segment"] == SEGMENTS[place]]["score"] >= 4
    total = expected(history, "csat_after_support_answers")[:, place].sum()
    truth = expected(history, "csat_after_support_satisfied")[:, place].sum() / total
    assert total == len(satisfied)
    assert abs(satisfied.mean() - truth) < 3 * np.sqrt(truth * (1 - truth) / total)


def test_ces(history) -> None:
    mine = pd.concat([answers(history, "ces", survey) for survey in ("support-effort", "after-onboarding")])
    total = expected(history, "ces_answers").sum()
    truth = expected(history, "ces_easy").sum() / total
    assert total == len(mine)
    assert abs((mine["score"] >= 5).mean() - truth) < 3 * np.sqrt(truth * (1 - truth) / total)


def churn(history) -> tuple[np.ndarray, np.ndarray]:
    """Accounts paying at each month's start, and those of them not paying at its end, by month and segment."""
    paid = history["subscriptions"]
    paid = paid[~paid["trial"]]
    segment = paid["account_id"].map(history["accounts"].drop_duplicates("source_id").set_index("source_id")["segment"])
    bounds = [*history.truth["months"], history.truth["arguments"]["end"]]
    bounds = [pd.Timestamp(day, tz="UTC") for day in bounds]
    active = []
    for day in bounds:
        on = (paid["started_at"] <= day) & (paid["ended_at"].isna() | (paid["ended_at"] > day))
        active.append([set(paid["account_id"][on & (segment == name)]) for name in SEGMENTS])
    start = np.array([[len(each) for each in row] for row in active[:-1]])
    lost = [[len(a - b) for a, b in zip(before, after, strict=True)] for before, after in pairwise(active)]
    return start, np.array(lost)


def test_churn_by_segment(history) -> None:
    start, lost = churn(history)
    assert (start == expected(history, "churn_at_risk").sum(axis=2)).all()
    truth = expected(history, "churn_expected").sum(axis=(0, 2))
    # A sum of independent chances p varies by p(1 - p) each, so by less than their sum.
    assert (np.abs(lost.sum(axis=0) - truth) < 3 * np.sqrt(truth)).all()
    rate = lost.sum(axis=0) / start.sum(axis=0)
    assert rate[0] > 1.5 * rate[2]


def test_carts_bought_by_segment(history) -> None:
    carts = history["carts"].dropna(subset=["customer_id"])
    segment = carts["customer_id"].map(people(history)["segment"])
    for place, name in enumerate(SEGMENTS):
        mine = carts[segment == name]
        total = expected(history, "carts_known")[:, place].sum()
        truth = expected(history, "carts_bought")[:, place].sum() / total
        assert total == len(mine)
        assert abs(mine["bought_at"].notna().mean() - truth) < 3 * np.sqrt(truth * (1 - truth) / total)


def first_replies(history) -> pd.Series:
    """Hours to the first human reply, by month of opening."""
    messages, conversations = history["messages"], history["conversations"]
    human = messages[(messages["author_type"] == "human") & (messages["visibility"] == "public")]
    first = conversations["source_id"].map(human.groupby("conversation_id")["sent_at"].min())
    hours = (first - conversations["opened_at"]).dt.total_seconds() / 3600
    months = pd.to_datetime(history.truth["months"], utc=True)
    month = np.searchsorted(months, conversations["opened_at"], side="right") - 1
    ours = conversations["opened_by"] == "customer"
    return hours[ours].groupby(month[ours]).median()


def test_first_replies_take_what_the_parameters_say(history) -> None:
    messages, conversations = history["messages"], history["conversations"]
    human = messages[(messages["author_type"] == "human") & (messages["visibility"] == "public")]
    first = human.groupby("conversation_id")["sent_at"].min()
    before = pd.Timestamp(history.truth["incident"]["from"], tz="UTC")
    mine = conversations[
        (conversations["opened_by"] == "customer")
        & (conversations["channel"] == "email")
        & (conversations["priority"] == "normal")
        & (conversations["opened_at"] < before)
    ].assign(
        first=conversations["source_id"].map(first),
        segment=conversations["customer_id"].map(people(history)["segment"]),
    )
    rows = [{k: None if pd.isna(v) else v for k, v in row.items()} for row in history["schedules"].to_dict("records")]
    schedules = schedule_from_rows(rows)
    segments = {each["name"]: each["reply"] for each in history.truth["parameters"]["segments"]}
    regions = {each["schedule"]: each["reply"] for each in history.truth["parameters"]["regions"]}
    for segment, usual in segments.items():
        some = mine[(mine["segment"] == segment) & mine["first"].notna()]
        open_ = [
            business_seconds(schedules[row.schedule_id], row.opened_at.to_pydatetime(), row.first.to_pydatetime())
            / (usual * regions[row.schedule_id])
            for row in some.itertuples()
        ]
        assert len(open_) > 100
        assert abs(np.log(open_).mean()) < 3 * np.log(open_).std() / np.sqrt(len(open_)), segment


def test_the_bad_release_shows(history) -> None:
    bad = history.truth["incident"]["month"]
    assert bad == 13
    replies = first_replies(history)
    assert replies[bad] > 1.3 * replies[bad - 6 : bad - 1].median()
    volume = history["conversations"].groupby(history["conversations"]["opened_at"].dt.strftime("%Y-%m")).size()
    assert volume.iloc[bad] > 1.3 * volume.iloc[bad - 3 : bad].mean()
    nps = answers(history, "nps", "relationship")
    value = (1.0 * (nps["score"] >= 9) - 1.0 * (nps["score"] <= 6)).groupby(nps["month"]).mean()
    assert value[bad] < value[bad - 6 : bad - 1].mean() - 0.15
    # Two months late, and where the release reached everybody: contracts by the year make a single month uneven.
    gone, there = (expected(history, f"churn_{part}")[:, :, 0].sum(axis=1) for part in ("expected", "at_risk"))
    late, before = slice(bad + 2, bad + 4), slice(bad - 6, bad)
    assert gone[late].sum() / there[late].sum() > 1.4 * gone[before].sum() / there[before].sum()
    _, lost = churn(history)
    assert lost[bad + 2 : bad + 4].sum() > lost[bad - 2 : bad].sum()


def test_the_bad_release_hits_europe_hardest(history) -> None:
    bad = history.truth["incident"]["month"]
    promoters, detractors, total = (
        expected(history, f"nps_invited_{p}") for p in ("promoters", "detractors", "answers")
    )
    nps = (promoters - detractors).sum(axis=1) / total.sum(axis=1)
    dip = nps[bad - 6 : bad].mean(axis=0) - nps[bad]
    assert dip[0] > dip[1] > dip[2] - 0.05
    assert dip[0] > 0.2


def test_the_improvement_shows(history) -> None:
    better = history.truth["improvement"]["month"]
    replies = first_replies(history)
    assert replies[better:].median() < 0.85 * replies[:13].median()


def test_those_who_answer_are_gladder_than_those_asked(history) -> None:
    def nps(name: str) -> float:
        promoters, detractors, total = (
            expected(history, f"{name}_{p}").sum() for p in ("promoters", "detractors", "answers")
        )
        return (promoters - detractors) / total

    assert nps("nps") > nps("nps_invited")


def test_parameters_are_written_down(history) -> None:
    segments = {each["name"]: each for each in history.truth["parameters"]["segments"]}
    assert list(segments) == SEGMENTS
    accounts = history["accounts"].drop_duplicates("source_id")
    shares = accounts["segment"].value_counts(normalize=True)
    for name, segment in segments.items():
        noise = np.sqrt(segment["share"] * (1 - segment["share"]) / len(accounts))
        assert abs(shares[name] - segment["share"]) < 3 * noise
