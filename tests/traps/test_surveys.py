"""Where survey figures go wrong elsewhere, by name."""

from __future__ import annotations

from typing import Any

import pytest

from wellheard.metrics.interval import goodman

pytestmark = pytest.mark.slow


def given(kind: str, *scores: float | None, **more: Any) -> list[dict[str, Any]]:
    return [{"kind": kind, "score": s, "answered_at": "2026-03-05", **more} for s in scores]


def test_empty_period_is_null_not_zero(desk: Any) -> None:
    desk.deliver({"survey_responses": given("nps", 9, 9)})
    row = desk.one("nps", start="2026-04-01", end="2026-05-01")
    assert (row["value"], row["low"], row["high"], row["n"], row["state"]) == (None, None, None, 0, "none")


def test_score_0_counts(desk: Any) -> None:
    desk.deliver({"survey_responses": given("nps", 0, 0, 10)})
    assert (desk.one("nps")["value"], desk.one("nps")["n"]) == (pytest.approx(-100 / 3), 3)
    assert desk.one("nps:mean")["value"] == pytest.approx(10 / 3)


def test_skipped_answers_are_in_no_denominator(desk: Any) -> None:
    for kind in ("nps", "csat", "ces"):
        desk.deliver({"survey_responses": given(kind, *[5] * 4, *[None] * 6)}, source=kind)
        assert desk.one(kind)["n"] == 4


def test_other_0_to_10_questions_are_not_nps(desk: Any) -> None:
    rows = (
        given("nps", 9, 9)
        + given("csat", 0, 0, 0, scale_min=0, scale_max=10)
        + given("custom", 1, 1, scale_min=0, scale_max=10)
    )
    desk.deliver({"survey_responses": rows})
    assert (desk.one("nps")["value"], desk.one("nps")["n"]) == (100, 2)


def test_questions_never_mix(desk: Any) -> None:
    rows = given("csat", 5, 5, question_id="overall", main=True) + given(
        "csat", 1, 1, 1, question_id="price", main=False
    )
    desk.deliver({"survey_responses": rows})
    assert (desk.one("csat")["value"], desk.one("csat")["n"]) == (100, 2)
    by_question = {row["question_id"]: (row["value"], row["n"]) for row in desk.kpi("csat", by=["question_id"])}
    assert by_question == {"overall": (100, 2), "price": (0, 3)}
    assert desk.one("csat", where="question_id = 'price'")["value"] == 0


def test_scales_never_mix(desk: Any) -> None:
    rows = given("ces", 7, 6, 5, scale_min=1, scale_max=7) + given("ces", 1, 1, scale_min=1, scale_max=5)
    rows += given("csat", 5, 5, 5, scale_min=1, scale_max=5) + given("csat", 10, 1, scale_min=1, scale_max=10)
    desk.deliver({"survey_responses": rows})
    assert (desk.one("ces")["value"], desk.one("ces")["n"]) == (100, 3)
    assert (desk.one("csat:mean")["value"], desk.one("csat:mean")["n"]) == (5, 3)
    left = [row["why"] for row in desk.kpi("csat:mean", rows=True) if not row["counted"]]
    assert len(left) == 2
    assert all("scales do not mix" in why for why in left)


def test_effort_is_not_mixed_with_ease(desk: Any) -> None:
    rows = given("ces", 1, 1, 1, scale_min=1, scale_max=5, direction="low_is_good") + given(
        "ces", 5, 5, scale_min=1, scale_max=5
    )
    desk.deliver({"survey_responses": rows})
    assert (desk.one("ces")["value"], desk.one("ces")["n"]) == (100, 2)
    assert (desk.one("ces:v1_effort")["value"], desk.one("ces:v1_effort")["n"]) == (1, 3)


def test_the_mean_is_not_the_share(desk: Any) -> None:
    desk.deliver({"survey_responses": given("csat", *[5] * 40, *[4] * 30, *[3] * 15, *[2] * 10, *[1] * 5)})
    assert desk.one("csat")["value"] == 70
    assert desk.one("csat:mean")["value"] == pytest.approx(3.9)


@pytest.mark.parametrize(
    ("least", "most", "satisfied", "not_satisfied"),
    [
        (1, 3, 3, 2),
        (1, 4, 3, 2),
        (1, 5, 4, 3),
        (1, 7, 6, 5),
        (1, 10, 8, 7),
        (0, 1, 1, 0),
        (0, 10, 8, 7),
        (0, 100, 75, 74),
    ],
)
def test_the_satisfied_box_depends_on_the_scale(
    desk: Any, least: int, most: int, satisfied: int, not_satisfied: int
) -> None:
    scale = {"scale_min": least, "scale_max": most}
    desk.deliver(
        {"survey_responses": given("csat", satisfied, most, **scale) + given("csat", not_satisfied, least, **scale)}
    )
    assert (desk.one("csat")["value"], desk.one("csat")["n"]) == (50, 4)


def test_one_person_answering_twenty_times_is_one_person(desk: Any) -> None:
    many = given("nps", *[10] * 20, customer_id="loud")
    few = [row for i in range(20) for row in given("nps", 0 if i % 2 else 8, customer_id=f"quiet{i}")]
    desk.deliver({"survey_responses": [{"source_id": str(i), **row} for i, row in enumerate(many + few)]})
    row = desk.one("nps")
    assert (row["n"], row["units"]) == (40, 21)
    desk.clear()
    strangers = [{**row, "source_id": str(i), "customer_id": f"x{i}"} for i, row in enumerate(many + few)]
    desk.deliver({"survey_responses": strangers})
    alone = desk.one("nps")
    assert alone["value"] == row["value"]
    assert row["high"] - row["low"] > 1.5 * (alone["high"] - alone["low"])
    assert desk.one("nps:latest_per_customer")["n"] == 40


def test_the_last_answer_of_a_customer_is_no_trial_and_of_the_question(desk: Any) -> None:
    person = {"kind": "nps", "customer_id": "a"}
    desk.deliver({"survey_responses": [
        {**person, "source_id": "1", "score": 3, "answered_at": "2026-03-01"},
        {**person, "source_id": "2", "score": 10, "answered_at": "2026-03-02"},
        {**person, "source_id": "3", "score": 0, "answered_at": "2026-03-03", "test": True},
        {**person, "source_id": "4", "score": 0, "answered_at": "2026-03-04", "main": False},
        {**person, "source_id": "5", "score": None, "answered_at": "2026-03-05"},
        {**person, "source_id": "6", "score": 1, "answered_at": "2026-04-05"},
    ]})  # fmt: skip
    assert desk.one("nps:latest_per_customer", end="2026-04-01")["value"] == 100
    assert [row["value"] for row in desk.kpi("nps:latest_per_customer", grain="month")] == [100, -100]
    assert desk.one("nps:latest_per_customer")["value"] == -100


def test_two_segments_that_swap_weights_show_in_the_parts(desk: Any) -> None:
    """Both segments rise, the whole falls: the whole is its parts' sum, not the mean of the segments' values."""
    plan = [
        ("2026-01", "big", 90, 81),
        ("2026-01", "small", 10, 3),
        ("2026-02", "big", 10, 10),
        ("2026-02", "small", 90, 36),
    ]
    rows = [
        {"kind": "csat", "score": 5 if i < good else 1, "answered_at": f"{month}-10", "channel": segment,
         "source_id": f"{month}{segment}{i}"}
        for month, segment, n, good in plan for i in range(n)
    ]  # fmt: skip
    desk.deliver({"survey_responses": rows})
    whole = [row["value"] for row in desk.kpi("csat", grain="month")]
    parts = {(r["period_start"][:7], r["channel"]): r["value"] for r in desk.kpi("csat", grain="month", by=["channel"])}
    assert whole == [84, 46]
    assert parts[("2026-01", "big")] < parts[("2026-02", "big")]
    assert parts[("2026-01", "small")] < parts[("2026-02", "small")]


def test_an_average_of_months_is_not_the_year(desk: Any) -> None:
    rows = given("nps", *[9] * 90) + [{"kind": "nps", "score": 0, "answered_at": "2026-04-05"} for _ in range(10)]
    desk.deliver({"survey_responses": rows})
    assert [row["value"] for row in desk.kpi("nps", grain="month")] == [100, -100]
    assert desk.one("nps")["value"] == 80


def test_a_join_that_fans_out_counts_nobody_twice(desk: Any) -> None:
    people = [
        {"source_id": "a", "region": region, "updated_at": at}
        for at, region in (("2026-01-01", "north"), ("2026-02-01", "south"), ("2026-03-01", "west"))
    ]
    desk.deliver({"survey_responses": given("nps", 9, 0, customer_id="a", touchpoint="web"), "customers": people})
    desk.deliver({"customers": people}, source="crm")
    desk.deliver({"touchpoints": [{"source_id": str(i), "touchpoint": "web", "stage": "buy"} for i in range(3)]})
    for how in ({}, {"by": ["region"]}, {"by": ["stage"]}, {"where": "region = 'west' and stage = 'buy'"}):
        (row,) = desk.kpi("nps", **how)
        assert (row["value"], row["n"], row["units"]) == (0, 2, 1)


def test_a_late_older_version_never_wins(desk: Any) -> None:
    answer = {"source_id": "1", "kind": "nps", "answered_at": "2026-03-05", "customer_id": "a"}
    desk.deliver({"survey_responses": [{**answer, "score": 9, "updated_at": "2026-03-10"}]})
    desk.deliver({"survey_responses": [{**answer, "score": 0, "updated_at": "2026-03-06"}]})
    assert desk.one("nps")["value"] == 100
    desk.deliver({"customers": [{"source_id": "a", "region": "south", "updated_at": "2026-04-01"}]})
    desk.deliver({"customers": [{"source_id": "a", "region": "north", "updated_at": "2026-03-01"}]})
    assert [row["region"] for row in desk.kpi("nps", by=["region"])] == ["north"]
    desk.deliver({"survey_responses": [{**answer, "score": 0, "updated_at": "2026-03-11", "deleted": True}]})
    assert desk.one("nps")["n"] == 0


def test_an_answer_outside_its_scale_is_refused_at_the_door(desk: Any) -> None:
    with pytest.raises(AssertionError, match="score"):
        desk.deliver({"survey_responses": given("ces", 0)})
    assert desk.one("ces")["n"] == 0


def test_an_invitation_answered_twice_is_one_answer(desk: Any) -> None:
    sent = [
        {"source_id": f"i{n}", "survey_id": "s", "sent_at": "2026-03-01", "delivered_at": "2026-03-01"}
        for n in range(10)
    ]
    answer = {"survey_id": "s", "answered_at": "2026-03-20", "score": 5}
    answers = [{**answer, "kind": kind, "invitation_id": "i0"} for kind in ("csat", "ces")]
    answers += [{**answer, "kind": "csat", "invitation_id": "i1", "complete": False}]  # begun and not finished
    answers += [{**answer, "kind": "csat", "invitation_id": None} for _ in range(5)]  # by an open link
    desk.deliver({"survey_invitations": sent, "survey_responses": answers})
    row = desk.one("response_rate")
    assert (row["value"], row["n"], row["pending"]) == (10, 10, 0)
    assert desk.one("response_rate:for_nps")["n"] == 0
    assert desk.one("response_rate:for_ces")["value"] == 10


def test_a_source_that_tells_of_no_delivery_is_believed(desk: Any) -> None:
    def sent(source: str, **more: Any) -> list[dict[str, Any]]:
        return [{"source": source, "source_id": f"{source}{n}", "sent_at": "2026-01-01", **more} for n in range(4)]

    desk.deliver({"survey_invitations": sent("silent")}, source="silent")
    told = sent("telling", delivered_at="2026-01-01")
    told[0]["delivered_at"], told[1]["bounced"] = None, "true"
    late = [{"source": "telling", "source_id": "late", "sent_at": "2026-02-01", "delivered_at": "2026-02-01"}]
    desk.deliver({"survey_invitations": told + late}, source="telling")
    assert desk.one("response_rate")["n"] == 4 + 2
    assert desk.one("response_rate")["pending"] == 1
    assert desk.one("response_rate:per_sent")["n"] == 8


def reading(text: int, sentiment: str, model: str = "first", **more: Any) -> dict[str, Any]:
    row = {"text_id": str(text), "text_table": "feedback", "written_at": "2026-03-05", "model": model}
    return {"source_id": f"{model}-{text}-{more.get('aspect')}", **row, "sentiment": sentiment, **more}


def test_a_text_that_two_models_read_counts_once(desk: Any) -> None:
    rows = [reading(n, "positive", scored_at="2026-03-06") for n in range(4)]
    rows += [reading(n, "negative", "second", scored_at="2026-04-06") for n in range(2)]
    rows += [reading(0, "negative", "human"), reading(1, "negative", aspect="price")]
    desk.deliver({"text_scores": rows})
    row = desk.one("sentiment")
    assert (row["value"], row["n"]) == (0, 4)


def test_a_model_that_reads_too_well_is_corrected_by_labels(desk: Any) -> None:
    """The model takes 30 of 100 bad texts for good ones; people have read every second text."""
    rows = [reading(n, "positive" if n < 130 else "negative") for n in range(200)]
    rows += [reading(n, "positive" if n < 100 else "negative", "human") for n in range(0, 200, 2)]
    desk.deliver({"text_scores": rows})
    raw, mended = desk.one("sentiment"), desk.one("sentiment:corrected")
    assert (raw["value"], mended["value"]) == (pytest.approx(30), pytest.approx(0))
    assert mended["n"] == 200
    assert mended["high"] - mended["low"] > raw["high"] - raw["low"]
    assert mended["low"] < 0 < mended["high"] < raw["value"] + 1
    assert mended["state"] == "ok"
    desk.clear()
    desk.deliver({"text_scores": [row for row in rows if row["model"] == "first" or int(row["text_id"]) < 98]})
    assert desk.one("sentiment:corrected")["state"] == "few"  # 49 labels


def test_every_emotion_item_counts_and_scales_do_not_mix(desk: Any) -> None:
    def item(word: str, *scores: int, top: int = 5, **more: Any) -> list[dict[str, Any]]:
        scale = {"scale_min": 1, "scale_max": top, "choice": word, "customer_id": "a"}
        return given("emotion", *scores, **scale, **more)

    rows = item("Happy", 5, 5, main=True) + item("frustrated", 1, 2, main=False) + item("happy", 9, top=10)
    rows += item("curious", 3)
    desk.deliver({"survey_responses": rows})
    row = desk.one("net_emotion_score")
    assert (row["value"], row["n"]) == (pytest.approx((5 - 1.5) * 25), 4)
    why = sorted(r["why"] for r in desk.kpi("net_emotion_score", rows=True) if not r["counted"])
    assert len(why) == 2
    assert "scales do not mix" in why[1]


def test_health_is_as_of_each_periods_end(desk: Any) -> None:
    def score(who: str, value: float, day: str) -> dict[str, Any]:
        return {"customer_id": who, "kind": "health", "value": value, "as_of": day, "model": "formula"}

    desk.deliver({
        "customer_scores": [score("a", 40, "2026-01-10"), score("a", 80, "2026-03-10"), score("b", 60, "2026-01-20")],
        "customers": [{"source_id": "b", "created_at": "2025-01-01", "ended_at": "2026-02-15"}],
    })  # fmt: skip
    found = desk.kpi("health_score", grain="month")
    assert [(row["value"], row["n"]) for row in found] == [(50, 2), (40, 1), (80, 1)]


def test_every_intent_has_a_row_and_the_intervals_hold_together(desk: Any) -> None:
    said = {"informational": 45, "transactional": 30, "support": 15, "navigational": 10}
    rows = [
        {"kind": "intent", "answered_at": "2026-03-05", "choice": word, "task_success": n % 2 == 0}
        for word, count in said.items()
        for n in range(count)
    ]
    desk.deliver({"survey_responses": rows})
    found = {row["intent"]: row for row in desk.kpi("visitor_intent")}
    assert {name: row["value"] for name, row in found.items()} == {**said, "other": 0}
    assert all(row["n"] == 100 for row in found.values())
    limits = goodman([45, 30, 15, 10, 0])
    assert [row["low"] for row in found.values()] == pytest.approx(list(100 * limits.low), abs=1e-9)
    assert [row["high"] for row in found.values()] == pytest.approx(list(100 * limits.high), abs=1e-9)
    success = {row["intent"]: (row["value"], row["n"]) for row in desk.kpi("visitor_intent:task_success")}
    assert success["transactional"] == (50, 30)
    assert success["other"] == (None, 0)
    assert len(desk.kpi("visitor_intent", rows=True)) == 100


def test_a_company_with_many_contacts_does_not_drown_the_others(desk: Any) -> None:
    many = [row for n in range(40) for row in given("nps", 0, customer_id=f"big{n}", account_id="big")]
    few = [row for n in range(10) for row in given("nps", 10, customer_id=f"c{n}", account_id=f"small{n}")]
    rows = [{"source_id": str(n), **row} for n, row in enumerate(many + few)]
    paid = [
        {"source_id": f, "account_id": f, "mrr": mrr, "currency": "EUR", "started_at": "2026-01-01"}
        for f, mrr in (("big", 900), *((f"small{n}", 10) for n in range(10)))
    ]
    desk.deliver({"survey_responses": rows, "subscriptions": paid})
    assert desk.one("nps")["value"] == -60
    by_account = desk.one("nps:by_account")
    assert (by_account["value"], by_account["n"]) == (pytest.approx(100 * 9 / 11), 11)
    assert desk.one("nps:revenue_weighted")["value"] == pytest.approx(-80)
    assert desk.one("nps:revenue_weighted")["state"] == "few"  # one company pays nine tenths


def test_a_month_whose_answers_are_still_coming_is_not_judged_by_those_that_came_first(desk: Any) -> None:
    """Of 400 invitations a month a quarter is answered at once; of the last month's, the others may still be."""
    invitations = [
        {
            "source_id": f"{month}-{i}",
            "sent_at": f"2026-{month}-{10 + i % 15:02d}T08:00:00Z",
            "answered_at": f"2026-{month}-{10 + i % 15:02d}T09:00:00Z" if i % 4 == 0 else None,
            "customer_id": f"{month}-{i}",
        }
        for month in ("01", "02", "03")
        for i in range(400)
    ]
    desk.deliver({"survey_invitations": invitations})
    months = desk.kpi("response_rate", grain="month", compare="previous", start="2026-01-01", end="2026-04-01")
    assert [row["state"] for row in months] == ["ok", "ok", "few"]
    assert months[2]["pending"] > 200
    assert months[2]["value"] > 50  # the unanswered are missing from it
