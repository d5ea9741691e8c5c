"""The rows tell one consistent story: people answer while they are there, and cases move from state to state."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from wellheard.base.schedules import add_business_seconds, business_seconds, schedule_from_rows
from wellheard.simulate.company import ZONES, Company
from wellheard.simulate.history import END
from wellheard.simulate.rhythm import openings, schedule_rows


def newest(frame: pd.DataFrame) -> pd.DataFrame:
    return (
        frame.sort_values("updated_at", kind="stable").drop_duplicates("source_id", keep="last").set_index("source_id")
    )


@pytest.mark.parametrize(
    ("table", "instant"),
    [
        ("survey_responses", "answered_at"),
        ("survey_invitations", "sent_at"),
        ("usage", "used_at"),
        ("feedback", "written_at"),
        ("conversations", "opened_at"),
        ("orders", "ordered_at"),
        ("referrals", "referred_at"),
    ],
)
def test_nobody_acts_before_coming_or_after_leaving(history, table: str, instant: str) -> None:
    people = newest(history["customers"])
    frame = history[table]
    if table == "orders":  # a cart filled in the last minutes of a stay may still be paid
        frame = frame[frame["channel"] == "contract"]
    who = frame["referrer_id" if table == "referrals" else "customer_id"]
    frame, who = frame[who.notna()], who.dropna()
    if table == "survey_responses":
        known = frame["survey_id"] != "website-intent"  # asked half a minute into a visit
        frame, who = frame[known], who[known]
    assert (frame[instant] >= who.map(people["created_at"])).all()
    ended = who.map(people["ended_at"])
    assert (ended.isna() | (frame[instant] < ended)).all()


def test_an_account_answers_only_while_it_is_ours(history) -> None:
    accounts = history["accounts"].sort_values(["source_id", "updated_at"])
    answers = history["survey_responses"].dropna(subset=["account_id"]).sort_values("answered_at")
    answers = answers[answers["survey_id"] != "website-intent"]
    as_of = pd.merge_asof(
        answers,
        accounts.sort_values("updated_at")[["source_id", "updated_at", "ended_at"]],
        left_on="answered_at",
        right_on="updated_at",
        left_by="account_id",
        right_by="source_id",
    )
    assert as_of["source_id_y"].notna().all()
    assert as_of["ended_at"].isna().all()


def test_versions_follow_the_contracts(history) -> None:
    accounts = history["accounts"]
    assert accounts["source_id"].value_counts().max() >= 3
    moved = accounts.sort_values(["source_id", "updated_at"]).groupby("source_id")["tier"].nunique()
    assert (moved > 1).sum() >= 10
    ended = newest(accounts)["ended_at"].dropna()
    periods = history["subscriptions"]
    paid_or_tried = periods.groupby("account_id")["ended_at"].max()
    running = set(periods[periods["ended_at"].isna()]["account_id"])
    assert not running & set(ended.index)
    new = ended.index.intersection(paid_or_tried.index)
    assert (ended[new] == paid_or_tried[new]).all()


def test_periods_of_an_account_do_not_overlap(history) -> None:
    periods = history["subscriptions"].sort_values(["account_id", "started_at"])
    following = periods.groupby("account_id")["started_at"].shift(-1)
    has = following.notna()
    assert (periods["ended_at"][has] <= following[has]).all()
    ended = periods[periods["ended_at"].notna()]
    assert (ended["started_at"] < ended["ended_at"]).all()
    assert (periods["mrr"][periods["trial"]] == 0).all()
    assert (periods["mrr"][~periods["trial"]] > 0).all()
    assert set(periods["interval"]) == {"month", "year"}
    assert set(periods["currency"]) == {"EUR", "USD", "GBP"}
    assert {"upgrade", "downgrade", "expansion", "contraction", "reactivation"} <= set(periods["attributes.movement"])


def test_each_change_starts_where_the_one_before_it_ended(history) -> None:
    events = history["status_events"].reset_index()
    for _, mine in events.sort_values(["conversation_id", "changed_at", "index"]).groupby("field"):
        before = mine.groupby("conversation_id")["new"].shift(1)
        first = before.isna()
        assert mine["old"][first].isna().all()
        assert (mine["old"][~first] == before[~first]).all()
        assert (mine["old"][~first] != mine["new"][~first]).all()


def test_a_conversation_stands_where_its_last_event_left_it(history) -> None:
    events = history["status_events"].reset_index()
    events = events[events["field"] == "status"].sort_values(["changed_at", "index"])
    last = events.groupby("conversation_id").last()
    conversations = history["conversations"].set_index("source_id")
    assert (last["new"] == conversations["status"].reindex(last.index)).all()
    assert len(last) == len(conversations)
    closed = conversations["closed_at"].dropna()
    assert (closed == last["changed_at"].reindex(closed.index)).all()


def test_messages_begin_with_the_conversation(history) -> None:
    messages = history["messages"].sort_values("sent_at", kind="stable")
    first = messages.groupby("conversation_id").first()
    conversations = history["conversations"].set_index("source_id").reindex(first.index)
    assert (first["sent_at"] == conversations["opened_at"]).all()
    assert (first["author_type"] == conversations["opened_by"]).all()
    assert len(first) == len(history["conversations"])
    assert messages["body"].str.len().min() > 5


def test_people_take_turns(history) -> None:
    said = history["messages"]
    said = said[(said["visibility"] == "public") & said["author_type"].isin(["customer", "human"])]
    said = said.sort_values(["conversation_id", "sent_at"])
    assert not said.duplicated(["conversation_id", "sent_at"]).any()
    before = said.groupby("conversation_id")["author_type"].shift(1)
    # We never write twice in a row; customers do when they come back after the bot, or after they said thanks.
    assert not ((said["author_type"] == "human") & (before == "human")).any()


def test_the_odd_courses_all_occur(history) -> None:
    conversations, events = history["conversations"], history["status_events"]
    assert set(conversations["opened_by"]) == {"customer", "human", "automation"}
    by_bot = events[(events["new"] == "solved") & (events["actor_type"] == "bot")]["conversation_id"]
    back = events[(events["old"] == "solved") & (events["new"] == "open")]["conversation_id"]
    assert len(by_bot) > 500
    assert 0.05 < by_bot.isin(back).mean() < 0.35
    assert conversations["spam"].sum() > 20
    assert conversations["escalated"].sum() > 200
    merged = conversations.dropna(subset=["merged_into"])
    target = merged["merged_into"].map(conversations.set_index("source_id")["customer_id"])
    assert len(merged) > 20
    assert (target == merged["customer_id"]).all()
    assert not merged["merged_into"].isin(merged["source_id"]).any()


def test_people_answer_in_opening_hours(history) -> None:
    rows = history["schedules"].to_dict("records")
    schedules = schedule_from_rows([{k: None if pd.isna(v) else v for k, v in row.items()} for row in rows])
    messages = history["messages"]
    said = messages[(messages["author_type"] == "human") & (messages["visibility"] == "public")]
    said = said.merge(history["conversations"], left_on="conversation_id", right_on="source_id")
    said = said[said["opened_by"] != "human"].sample(400, random_state=1)
    for at, name in zip(said["sent_at"], said["schedule_id"], strict=True):
        before = datetime.fromtimestamp(at.timestamp() - 60, UTC)
        assert business_seconds(schedules[name], before, at.to_pydatetime()) > 0


def test_work_takes_the_opening_hours_it_needs() -> None:
    company = Company(10, 24, 7, END)
    schedules = schedule_from_rows(schedule_rows(company))
    rng = np.random.default_rng(5)
    start = rng.integers(company.first, company.last, 200)
    need = rng.integers(1, 200_000, 200)
    for opening, schedule in zip(openings(company), ("europe", "north-america", "asia-pacific"), strict=True):
        done = opening.add(start, need)
        for begin, seconds, end in zip(start, need, done, strict=True):
            wanted = add_business_seconds(schedules[schedule], datetime.fromtimestamp(begin, UTC), float(seconds))
            assert end == wanted.timestamp()


def test_local_time_becomes_utc_with_daylight_saving() -> None:
    company = Company(10, 24, 7, END)
    noon = [int(datetime(2026, month, 15, 12, tzinfo=UTC).timestamp()) for month in (1, 7)]
    berlin = company.to_utc(np.array(noon), np.full(2, ZONES.index("Europe/Berlin")))
    sydney = company.to_utc(np.array(noon), np.full(2, ZONES.index("Australia/Sydney")))
    assert ((np.array(noon) - berlin) / 3600).tolist() == [1, 2]
    assert ((np.array(noon) - sydney) / 3600).tolist() == [11, 10]


def test_carts_and_orders_agree(history) -> None:
    carts, orders = history["carts"], history["orders"].set_index("source_id")
    bought = carts.dropna(subset=["order_id"])
    assert (carts["order_id"].notna() == carts["bought_at"].notna()).all()
    assert bought["order_id"].is_unique
    order = orders.loc[bought["order_id"]]
    assert (order["ordered_at"].to_numpy() == bought["bought_at"].to_numpy()).all()
    assert (order["customer_id"].to_numpy() == bought["customer_id"].to_numpy()).all()
    assert (order["revenue"].to_numpy() == bought["value"].to_numpy()).all()
    assert set(orders[orders["channel"] == "shop"].index) == set(bought["order_id"])
    assert (orders["refunded"] <= orders["revenue"]).all()
    assert (bought["checkout_at"] <= bought["bought_at"]).all()


def test_visits_convert_by_order_or_sign_up(history) -> None:
    converted = history["visits"].dropna(subset=["converted_at"])
    bought = set(zip(history["carts"]["customer_id"], history["carts"]["bought_at"], strict=True))
    signed = newest(history["customers"])["created_at"]
    by_order = [pair in bought for pair in zip(converted["customer_id"], converted["converted_at"], strict=True)]
    by_sign_up = converted["customer_id"].map(signed) == converted["converted_at"]
    assert (np.array(by_order) | by_sign_up).all()
    assert by_sign_up.sum() > 50


def test_referrals_lead_to_accounts(history) -> None:
    converted = history["referrals"].dropna(subset=["referred_id"])
    people = newest(history["customers"])
    assert (converted["referred_id"].map(people["referred_by"]) == converted["referrer_id"]).all()
    assert (converted["converted_at"] == converted["referred_id"].map(people["created_at"])).all()
    assert (
        converted["referrer_id"].map(people["account_id"]).ne(converted["referred_id"].map(people["account_id"])).all()
    )


def test_answers_lie_on_their_scales(history) -> None:
    answers = history["survey_responses"]
    scaled = answers.dropna(subset=["score"])
    assert ((scaled["score"] >= scaled["scale_min"]) & (scaled["score"] <= scaled["scale_max"])).all()
    scales = scaled.groupby("kind")[["scale_min", "scale_max"]].agg(["min", "max"])
    assert scales.loc["nps"].tolist() == [0, 0, 10, 10]
    assert scales.loc["csat"].tolist() == [1, 1, 5, 5]
    assert scales.loc["ces"].tolist() == [1, 1, 7, 7]
    skipped = answers[answers["kind"].isin(["nps", "csat", "ces"])]["score"].isna().mean()
    assert 0.005 < skipped < 0.05
    versions = (
        answers[answers["question_id"] == "recommend"].groupby("question_version")["answered_at"].agg(["min", "max"])
    )
    assert versions.loc["1", "max"] < versions.loc["2", "min"]
    one = answers.groupby("submission_id")[["customer_id", "survey_id"]].nunique()
    assert (one <= 1).all().all()


def test_personal_data_belongs_to_nobody(history) -> None:
    people = newest(history["customers"])
    assert people["email"].str.fullmatch(r"[a-z]+\.\d+@[a-z]+-\d+\.example").all()
    assert people["email"].is_unique
    assert newest(history["accounts"])["domain"].str.fullmatch(r"[a-z]+-\d+\.example").all()
    phones = people["phone"].dropna()
    fictitious = re.compile(r"\+1 \d{3} 555 01\d{2}|\+44 7700 900\d{3}")
    assert len(phones) > 100
    assert phones.is_unique
    assert all(fictitious.fullmatch(phone) for phone in phones)


def test_money_and_times_have_heavy_tails(history) -> None:
    orders = history["orders"]
    revenue = orders["revenue"].astype(float)
    assert revenue.mean() > 3 * revenue.median()
    conversations, messages = history["conversations"], history["messages"]
    human = messages[(messages["author_type"] == "human") & (messages["visibility"] == "public")]
    first = conversations["source_id"].map(human.groupby("conversation_id")["sent_at"].min())
    seconds = (first - conversations["opened_at"]).dt.total_seconds().dropna()
    assert seconds.quantile(0.9) > 8 * seconds.median()


def test_days_have_a_rhythm(history) -> None:
    opened = history["conversations"]["opened_at"]
    by_weekday = opened.dt.day_of_week.value_counts()
    assert by_weekday[[0, 1, 2, 3, 4]].min() > 2.5 * by_weekday[[5, 6]].max()
    visits = history["visits"]["started_at"]
    by_month = visits.groupby([visits.dt.year, visits.dt.month]).size()
    assert by_month.loc[(2025, 11)] > 1.3 * by_month.loc[(2025, 8)]
