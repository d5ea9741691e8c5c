"""The path from a question to an answer: ranges, periods, groups, snapshots and who may see what."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from wellheard.base.errors import BadCall, Unknown
from wellheard.base.periods import Grain, floor, midnight
from wellheard.metrics.question import Viewer


def nps(score: int | None, at: str, **more: Any) -> dict[str, Any]:
    return {"kind": "nps", "score": score, "answered_at": at, **more}


def scores(*rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {"survey_responses": [{"source_id": f"r{i}", **row} for i, row in enumerate(rows)]}


@pytest.fixture(scope="module")
def berlin(new_desk: Any) -> Any:
    """An answer an hour around both changes of clocks of 2025, in Berlin, weeks from Sunday."""
    desk = new_desk(time_zone="Europe/Berlin", week_start=6)
    moments = [
        datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=h)
        for day in ("2025-03-29", "2025-10-25", "2025-12-31")
        for h in range(54)
    ]
    desk.deliver(scores(*(nps(9, at.isoformat()) for at in moments)))
    desk.moments = moments
    return desk


@pytest.mark.parametrize("grain", [g.value for g in Grain])
def test_periods_are_those_of_the_wall_over_changes_of_clocks(berlin: Any, grain: str) -> None:
    expected: dict[str, int] = {}
    for at in berlin.moments:
        days = [d for k in range(-1, 2) if (d := at.date() + timedelta(days=k)) and midnight(d, "Europe/Berlin") <= at]
        start = floor(max(days), Grain(grain), 6).isoformat()
        expected[start] = expected.get(start, 0) + 1
    rows = {row["period_start"]: row["n"] for row in berlin.kpi("nps", grain=grain) if row["n"]}
    assert rows == expected
    if grain == "day":
        assert (rows["2025-03-30"], rows["2025-10-26"]) == (23, 25)


def test_a_range_is_half_open_in_local_days(berlin: Any) -> None:
    assert berlin.one("nps", start="2025-03-30", end="2025-03-31")["n"] == 23
    assert berlin.one("nps", start="2025-10-26", end="2025-10-27")["n"] == 25
    by_day = berlin.kpi("nps", grain="day", start="2025-03-30", end="2025-04-01")
    assert [row["period_start"] for row in by_day] == ["2025-03-30", "2025-03-31"]


def test_the_last_period_and_a_cut_one_are_partial(desk: Any) -> None:
    desk.deliver(scores(nps(9, "2026-01-05"), nps(9, "2026-02-10"), nps(9, "2026-03-30T12:00:00Z")))
    rows = desk.kpi("nps", grain="month")
    assert [(row["period_start"], row["partial"]) for row in rows] == [
        ("2026-01-01", True),  # the data begin on the fifth
        ("2026-02-01", False),
        ("2026-03-01", True),  # they end a day before the month does
    ]
    cut = desk.kpi("nps", grain="month", start="2026-01-01", end="2026-02-15")
    assert [row["partial"] for row in cut] == [False, True]
    assert desk.one("nps", start="2026-02-01", end="2026-03-01")["partial"] is False


def test_a_period_without_answers_is_null_and_stands_in_the_series(desk: Any) -> None:
    desk.deliver(scores(nps(9, "2026-01-05"), nps(9, "2026-03-10")))
    rows = desk.kpi("nps", grain="month")
    assert [(row["value"], row["n"], row["state"]) for row in rows] == [
        (100, 1, "few"),
        (None, 0, "none"),
        (100, 1, "few"),
    ]


def test_a_group_is_as_of_the_instant(desk: Any) -> None:
    versions = [("2026-01-01", "north"), ("2026-03-01", "south")]
    desk.deliver(
        {
            **scores(
                nps(9, "2026-02-05", customer_id="a"), nps(0, "2026-04-05", customer_id="a"), nps(9, "2026-02-05")
            ),
            "customers": [{"source_id": "a", "region": r, "updated_at": at} for at, r in versions],
        }
    )
    rows = {row["region"]: (row["value"], row["n"]) for row in desk.kpi("nps", by=["region"])}
    assert rows == {"north": (100, 1), "south": (-100, 1), None: (100, 1)}
    assert desk.one("nps", where="region = 'south'")["n"] == 1


@pytest.mark.slow
def test_an_earlier_snapshot_answers_as_it_did(desk: Any) -> None:
    desk.deliver(scores(nps(9, "2026-02-05")))
    then = desk.one("nps")
    desk.deliver({"survey_responses": [{"source_id": "late", **nps(0, "2026-02-06")}]})
    assert desk.one("nps")["value"] == 0
    assert desk.one("nps", as_of=then["snapshot"]) == then
    with pytest.raises(BadCall):
        desk.one("nps", as_of=10**9)


def test_small_groups_are_hidden_in_every_column(desk: Any) -> None:
    desk.deliver(
        scores(
            *(nps(9, "2026-02-05", channel="mail") for _ in range(6)),
            nps(0, "2026-02-05", channel="chat"),
            nps(0, "2026-01-05", channel="chat"),
        )
    )
    shy = Viewer(smallest_group=5)
    rows = {r["channel"]: r for r in desk.kpi("nps", by=["channel"], grain="month", compare="previous", viewer=shy)
            if r["period_start"] == "2026-02-01"}  # fmt: skip
    assert rows["mail"]["value"] == 100
    chat = rows["chat"]
    assert chat["state"] == "hidden"
    shown = {k for k, v in chat.items() if isinstance(v, float)}
    assert not shown, "a figure of a hidden group can be read off"


def test_a_viewers_row_rules_go_with_every_question(desk: Any) -> None:
    desk.deliver(scores(nps(9, "2026-02-05", channel="mail"), nps(0, "2026-02-05", channel="chat")))
    viewer = Viewer(row_rules=("channel = 'mail'",))
    assert desk.one("nps", viewer=viewer)["value"] == 100
    assert desk.one("nps", viewer=viewer, where="channel = 'chat' or channel = 'mail'")["n"] == 1
    assert len(desk.kpi("nps", viewer=viewer, rows=True)) == 1


def test_rows_say_why_each_counted_or_not(desk: Any) -> None:
    desk.deliver(
        scores(
            nps(9, "2026-02-05"),
            nps(None, "2026-02-05"),
            nps(9, "2026-02-05", test=True),
            nps(9, "2026-02-05", main=False),
            nps(4, "2026-02-05", scale_min=1, scale_max=5),
        )
    )
    rows = desk.kpi("nps", rows=True)
    assert sorted((row["counted"], row["why"]) for row in rows) == [
        (False, "a trial answer"),
        (False, "no score: the question was skipped"),
        (False, "not asked on the scale 0 to 10"),
        (False, "not the survey's main question of its kind"),
        (True, "counted"),
    ]
    assert len(desk.kpi("nps", rows=True, limit=2)) == 2


@pytest.mark.slow
def test_the_account_counts_as_one_where_set(new_desk: Any) -> None:
    desk = new_desk(unit="account")
    answers = [nps(9, "2026-02-05", customer_id=f"c{i}", account_id="a" if i < 3 else "b") for i in range(5)]
    desk.deliver(scores(*answers))
    assert (desk.one("nps")["units"], desk.one("nps")["n"]) == (2, 5)


def test_people_of_two_sources_are_two(desk: Any) -> None:
    rows = scores(nps(9, "2026-02-05", customer_id="1"), nps(9, "2026-02-05", submission_id="7"))
    desk.deliver(rows, source="mail")
    desk.deliver(rows, source="chat")
    assert desk.one("nps")["units"] == 4
    visit = {"visits": [{"source_id": "1", "visitor_id": "v", "started_at": "2026-02-05"}]}
    desk.deliver(visit, source="web")
    desk.deliver(visit, source="app")
    assert desk.one("conversion_rate")["n"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["net_revenue_retention", "revenue_per_user", "churn_rate:revenue"])
def test_the_same_question_gives_the_same_digits(company: Any, name: str) -> None:
    asked = {"by": ["region"], "grain": "month", "start": "2026-02-01", "end": "2026-08-01", "compare": "previous"}
    first = company.kpi(name, **asked)
    assert all(company.kpi(name, **asked) == first for _ in range(4))


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({"start": "2026-02-30"}, "from"),
        ({"start": "2026-02-02", "end": "2026-02-02"}, "to"),
        ({"grain": "fortnight"}, "grain"),
        ({"compare": "tomorrow"}, "compare"),
        ({"level": 1.0}, "level"),
        ({"level": float("nan")}, "level"),
        ({"variant": "mean+latest"}, "variant"),
        ({"by": ["nothing"]}, "by"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_field(desk: Any, how: dict[str, Any], field: str) -> None:
    with pytest.raises(BadCall) as caught:
        desk.kpi("nps", **how)
    assert caught.value.field == field
    assert caught.value.hint


def test_variants_are_named_in_the_definition_and_excluding_ones_refused(desk: Any) -> None:
    assert desk.one("first_response_time:p90+business")["definition"] == "first_response_time@1:business+p90"
    assert desk.one("first_response_time", variant="business+p90")["definition"] == "first_response_time@1:business+p90"
    with pytest.raises(BadCall):
        desk.kpi("csat:mean+rescaled")
    with pytest.raises(Unknown):
        desk.kpi("nobody")


def test_the_answer_says_up_to_when_there_are_data(desk: Any) -> None:
    desk.deliver(scores(nps(9, "2026-01-05"), nps(9, "2026-03-30T23:59:59Z")))
    answer = desk.workspace.kpi("nps")
    assert answer.data_end == date(2026, 3, 30)
    assert answer.to_pandas()["n"].tolist() == [2]
    assert answer.to_polars()["n"].to_list() == [2]
    assert answer.to_arrow()["n"].to_pylist() == [2]


@pytest.mark.parametrize(
    ("how", "field"),
    [
        ({"start": "0001-01-01"}, "from"),
        ({"end": "9999-12-31", "compare": "year"}, "to"),
        ({"start": "1900-01-01", "end": "2026-01-01", "grain": "day"}, "grain"),
    ],
)
def test_no_question_costs_a_row_for_every_day_of_the_calendar(desk: Any, how: dict[str, Any], field: str) -> None:
    desk.deliver(scores(nps(9, "2026-01-05")))
    with pytest.raises(BadCall) as refused:
        desk.kpi("nps", **how)
    assert refused.value.field == field
    assert len(desk.kpi("nps", start="1900-01-01", end="2026-01-01", grain="quarter")) == 4 * 126


def test_the_longest_range_is_compared_with_the_one_before(desk: Any) -> None:
    desk.deliver(scores(nps(9, "2026-01-05")))
    (row,) = desk.kpi("nps", start="1700-01-01", end="2400-01-01", compare="previous")
    assert (row["value"], row["previous"]) == (100.0, None)
