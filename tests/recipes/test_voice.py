"""What customers say, in answers and in texts that people have read: every figure against one computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

Homes = Callable[..., Callable[..., list[dict[str, Any]]]]
Check = Callable[..., None]
Csv = Callable[..., pd.DataFrame]


def _net(good: pd.Series, bad: pd.Series) -> tuple[float, int]:
    return 100 * (good.mean() - bad.mean()), len(good)


def _share(good: pd.Series) -> tuple[float, int]:
    return 100 * good.mean(), len(good)


def _by(frame: pd.DataFrame, column: str, figure: Callable[[pd.DataFrame], tuple[float, int]]) -> dict[Any, Any]:
    return {key: figure(group) for key, group in frame.groupby(column)}


# tweets to airlines


@pytest.fixture(scope="module")
def tweets(csv: Csv) -> pd.DataFrame:
    frame = csv("airline_tweets/Airline-Sentiment-2-w-AA.csv.gz")
    at = pd.to_datetime(frame["tweet_created"], format="%m/%d/%y %H:%M")
    frame["day"] = at.dt.tz_localize("America/Los_Angeles").dt.tz_convert("UTC").dt.strftime("%Y-%m-%d")
    return frame


def _mood(frame: pd.DataFrame) -> tuple[float, int]:
    return _net(frame["airline_sentiment"] == "positive", frame["airline_sentiment"] == "negative")


@pytest.mark.slow
def test_airline_sentiment(homes: Homes, same: Check, alike: Check, tweets: pd.DataFrame) -> None:
    ask = homes("airline_tweets")
    same(ask("sentiment")[0], *_mood(tweets))
    alike(ask("sentiment", by="airline"), "airline", _by(tweets, "airline", _mood))
    alike(
        [{**row, "day": row["period_start"]} for row in ask("sentiment", grain="day")],
        "day",
        _by(tweets, "day", _mood),
    )
    assert (tweets["airline_sentiment"] == "negative").mean().round(4) == 0.6256
    assert (tweets["airline_sentiment"] == "positive").mean().round(4) == 0.1638


def test_airline_complaints_by_topic(homes: Homes, tweets: pd.DataFrame) -> None:
    rows = homes("airline_tweets")("sentiment", by="topic_id", where="sentiment = 'negative'")
    assert {row["topic_id"]: row["n"] for row in rows} == tweets.loc[
        tweets["airline_sentiment"] == "negative", "negativereason"
    ].value_counts().to_dict()


# ratings of strength, and emotions


@pytest.fixture(scope="module")
def rated(csv: Csv) -> pd.DataFrame:
    reviews = csv("sentiment_intensity/amazonReviewSnippets.csv.gz").assign(kind="review")
    frame = pd.concat([reviews, csv("sentiment_intensity/tweets.csv.gz").assign(kind="tweet")])
    frame["mean"] = frame["mean_sentiment"].astype(float)
    return frame


def _strong(frame: pd.DataFrame) -> pd.Series:
    return (frame["mean"] >= 2) | (frame["mean"] < -2)


@pytest.mark.slow
def test_intensity_sentiment(homes: Homes, alike: Check, rated: pd.DataFrame) -> None:
    ask = homes("sentiment_intensity")
    alike(ask("sentiment", by="kind"), "kind", _by(rated, "kind", lambda f: _net(f["mean"] > 0, f["mean"] < 0)))
    alike(ask("sentiment:mean", by="kind"), "kind", _by(rated, "kind", lambda f: (f["mean"].mean() / 4, len(f))))
    above = (rated["mean"] > 0).groupby(rated["kind"]).mean().round(4).to_dict()
    assert above == {"review": 0.5739, "tweet": 0.6898}
    assert rated["mean"].groupby(rated["kind"]).mean().round(4).to_dict() == {"review": 0.3823, "tweet": 0.5054}


def test_intensity_of_emotions(homes: Homes, same: Check, alike: Check, rated: pd.DataFrame) -> None:
    ask = homes("sentiment_intensity")
    alike(ask("emotional_intensity", by="kind"), "kind", _by(rated, "kind", lambda f: _share(_strong(f))))
    same(ask("emotional_intensity:positive")[0], *_share(_strong(rated[rated["mean"] > 0])))
    same(ask("emotional_intensity:negative")[0], *_share(_strong(rated[rated["mean"] < 0])))
    weak = (rated["mean"] >= -1) & (rated["mean"] < 1)
    level = np.select([_strong(rated), weak], [3, 1], default=2)
    same(ask("emotional_intensity:mean_strength")[0], level.mean(), len(rated))
    same(ask("net_emotion_score:text")[0], *_net(rated["mean"] > 0, rated["mean"] < 0))


PLEASANT = "admiration amusement approval caring desire excitement gratitude joy love optimism pride relief"
UNPLEASANT = "anger annoyance disappointment disapproval disgust embarrassment fear grief nervousness remorse sadness"


@pytest.mark.slow
def test_goemotions_net_emotion(homes: Homes, same: Check, csv: Csv, data: Path) -> None:
    words = (data / "goemotions/labels.txt").read_text(encoding="utf-8").split()
    ask = homes("goemotions")
    known = [csv("goemotions/dev.csv.gz"), csv("goemotions/train.csv.gz")]
    (row,) = ask("net_emotion_score:text")
    frame = next(f for f in (known[0], pd.concat(known)) if len(f) == row["n"])  # one part, or both in the long run
    found = frame["labels"].map(lambda labels: {words[int(label)] for label in labels.split(",")})
    good = found.map(lambda emotions: bool(emotions & set(PLEASANT.split())))
    bad = found.map(lambda emotions: bool(emotions & set(UNPLEASANT.split())))
    same(row, *_net(good, bad))
    rows = ask("net_emotion_score:text", by="emotions")
    sets = frame["labels"].map(lambda labels: ",".join(words[int(label)] for label in labels.split(",")))
    assert {r["emotions"]: r["n"] for r in rows} == sets.value_counts().to_dict()


@pytest.mark.slow
def test_app_reviews_sentiment(homes: Homes, same: Check, csv: Csv) -> None:
    positive = csv("amazon_app_reviews/amazon.csv.gz")["Positive"] == "1"
    same(homes("amazon_app_reviews")("sentiment")[0], *_net(positive, ~positive))
    assert (len(positive), round(positive.mean(), 4)) == (15966, 0.7613)


# answers to surveys


@pytest.mark.slow
def test_mobile_satisfaction(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    frame = csv("ecsi_mobile_survey/mobi.csv.gz").astype(int)
    ask = homes("ecsi_mobile_survey")
    asked = ["CUSA1", "CUSCO", "CUSL1", "CUSL3"]
    same(ask("csat")[0], *_share(frame["CUSA1"] >= 8))  # of ten points the upper three
    same(ask("csat:mean")[0], frame["CUSA1"].mean(), len(frame))
    alike(ask("csat", by="question_id"), "question_id", {q: _share(frame[q] >= 8) for q in asked})
    alike(ask("csat:mean", by="question_id"), "question_id", {q: (frame[q].mean(), len(frame)) for q in asked})
    assert (len(frame), frame["CUSA1"].mean(), frame["CUSL3"].mean()) == (250, 7.988, 7.668)
    (nps,) = ask("nps")
    assert (nps["value"], nps["n"]) == (None, 0)  # a scale from 1 to 10 gives no NPS


def test_clothing_recommendation(homes: Homes, same: Check, csv: Csv) -> None:
    recommends = csv("clothing_reviews/Womens Clothing E-Commerce Reviews.csv.gz")["Recommended IND"] == "1"
    (row,) = homes("clothing_reviews")("csat", where="question_id = 'recommended'")
    same(row, *_share(recommends))
    assert round(row["value"], 2) == 82.14


def test_olist_satisfaction(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    frame = csv("olist/olist_order_reviews_dataset.csv.gz")
    score = frame["review_score"].astype(int)
    ask = homes("olist")
    same(ask("csat")[0], *_share(score >= 4))
    same(ask("csat:mean")[0], score.mean(), len(score))
    at = pd.to_datetime(frame["review_answer_timestamp"]).dt.tz_localize("America/Sao_Paulo", ambiguous=True)
    month = at.dt.tz_convert("UTC").dt.strftime("%Y-%m-01")
    expected = {key: _share(good) for key, good in (score >= 4).groupby(month)}
    rows = [row for row in ask("csat", grain="month") if row["n"]]
    alike(rows, "period_start", expected)
    assert (len(score), round(score.mean(), 4), round((score >= 4).mean(), 4)) == (4281, 4.0888, 0.7664)


def test_electronics_rating(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    frame = csv("electronics_addons/electronic_sales.csv.gz")
    rating = frame["Rating"].astype(int)
    ask = homes("electronics_addons")
    same(ask("csat")[0], *_share(rating >= 4))
    same(ask("csat:mean")[0], rating.mean(), len(rating))
    by = {key: _share(good) for key, good in (rating >= 4).groupby(frame["Loyalty Member"])}
    alike(ask("csat", by="loyalty"), "loyalty", by)
    assert round(rating.mean(), 4) == 3.0936


def test_call_satisfaction(homes: Homes, same: Check, alike: Check, csv: Csv) -> None:
    frame = csv("call_centre_pwc/calls.csv.gz")
    frame = frame[frame["Satisfaction rating"] != ""]
    rating = frame["Satisfaction rating"].astype(float)
    ask = homes("call_centre_pwc")
    same(ask("csat")[0], *_share(rating >= 4))
    same(ask("csat:mean")[0], rating.mean(), len(rating))
    alike(ask("csat", by="agent_id"), "agent_id", {a: _share(g) for a, g in (rating >= 4).groupby(frame["Agent"])})
    assert (len(rating), round(rating.mean(), 4), round((rating >= 4).mean(), 4)) == (2753, 3.4181, 0.5038)


# what they came for


@pytest.mark.slow
def test_bank_intents(homes: Homes, csv: Csv) -> None:
    reason = csv("banking77/train.csv.gz")["category"]
    ask = homes("banking77")
    rows = {row["intent"]: row for row in ask("visitor_intent")}
    buying = "exchange_via_app|get_disposable_virtual_card|get_physical_card|getting_spare_card|getting_virtual_card|"
    buying += "order_physical_card|topping_up_by_card"
    asking = "age_limit|atm_support|card_acceptance|card_delivery_estimate|country_support|disposable_card_limits|"
    asking += "exchange_rate|fiat_currency_support|supported_cards_and_currencies|top_up_limits|transfer_timing|"
    asking += "visa_or_mastercard|why_verify_identity"
    shares = {
        "transactional": reason.str.fullmatch(buying).mean(),
        "informational": reason.str.fullmatch(asking).mean(),
        "support": (~reason.str.fullmatch(f"{buying}|{asking}")).mean(),
    }
    for intent, share in shares.items():
        assert rows[intent]["n"] == len(reason) == 10003
        assert rows[intent]["value"] == pytest.approx(100 * share, rel=1e-9)
    assert sum(row["value"] for row in rows.values()) == pytest.approx(100)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "file", "column", "classes", "largest"),
    [
        ("banking77", "train.csv.gz", "category", 77, ("card_payment_fee_charged", 187)),
        ("support_remarks", "Customer_support_data.csv.gz", "category", 12, ("Returns", 11038)),
    ],
)
def test_contact_reasons(
    homes: Homes, csv: Csv, recipe: str, file: str, column: str, classes: int, largest: tuple[str, int]
) -> None:
    expected = csv(f"{recipe}/{file}")[column].value_counts().to_dict()
    rows = homes(recipe)("conversation_volume", by="topic")
    found = {row["topic"]: row["value"] for row in rows}
    assert found == expected
    assert len(found) == classes
    assert found[largest[0]] == largest[1] == max(found.values())
