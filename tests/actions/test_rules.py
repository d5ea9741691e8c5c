"""What rules find, against computations by hand; and that a dry run says what replayed history then does."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from tests.actions.conftest import Clock

from wellheard.actions.closed_loop import ClosedLoop
from wellheard.actions.counting import lower_p, upper_p
from wellheard.actions.deciding import held_out
from wellheard.actions.happening import Happening
from wellheard.actions.rule import Quiet, Rule, rule_in
from wellheard.actions.trigger import triggers
from wellheard.base.errors import BadInput
from wellheard.following import closed_loop_of
from wellheard.metrics.target import target_of
from wellheard.store.firings import firings
from wellheard.store.store import open_store

FIRST = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAYS = 56
END = FIRST + timedelta(days=DAYS)
SURGE_AT = FIRST + timedelta(days=40, hours=9)


def _moment(chance: random.Random, day: int) -> datetime:
    return FIRST + timedelta(days=day, minutes=chance.randrange(6 * 60, 22 * 60))


def _history() -> dict[str, list[dict[str, Any]]]:
    chance = random.Random(4)
    answers, reviews, texts, scores, usage = [], [], [], [], []
    for day in range(DAYS):
        bad_week = 42 <= day < 49
        for n in range(10):
            bad = chance.random() < (0.7 if bad_week else 0.2)
            score = chance.choice([0, 2, 3, 5, 6] if bad else [7, 8, 9, 10, 10])
            answers.append(
                {"source_id": f"a{day}-{n}", "submission_id": f"s{day}-{n}", "customer_id": f"c{chance.randrange(120)}",
                 "kind": "nps", "score": score, "answered_at": _moment(chance, day), "conversation_id": None}
            )  # fmt: skip
        if day != 45:  # on that day the table stood still
            for n in range(chance.randrange(22, 30)):
                usage.append({"source_id": f"u{day}-{n}", "customer_id": f"c{n % 20}", "used_at": _moment(chance, day)})
        reviews.append({"source_id": f"r{day}", "rating": chance.choice([1, 2, 4, 5, 5]), "channel": "shop",
                        "written_at": _moment(chance, day), "scale_min": 1, "scale_max": 5})  # fmt: skip
        for n in range(2):
            texts.append({"source_id": f"t{day}-{n}", "text_id": f"r{day}", "text_table": "feedback",
                          "topic_id": "delivery", "sentiment": chance.choice(["negative", "positive"]),
                          "written_at": _moment(chance, day)})  # fmt: skip
        for who in range(3):
            value = 80 - 2 * day if who == 0 else chance.uniform(20, 90)
            scores.append({"source_id": f"h{day}-{who}", "customer_id": f"c{who}", "kind": "health", "value": value,
                           "low": value - 5, "high": value + 5, "as_of": FIRST + timedelta(days=day)})  # fmt: skip
    texts += [
        {"source_id": f"x{n}", "text_id": f"x{n}", "text_table": "feedback", "topic_id": "delivery",
         "sentiment": "negative", "customer_id": f"c{n}", "written_at": SURGE_AT + timedelta(minutes=7 * n)}
        for n in range(20)
    ]  # fmt: skip
    return {
        "survey_responses": answers,
        "feedback": reviews,
        "text_scores": texts,
        "customer_scores": scores,
        "usage": usage,
    }


HISTORY = _history()


@pytest.fixture(scope="module")
def place(new_desk: Callable[[], Any]) -> Any:
    desk = new_desk()
    desk.deliver(HISTORY)
    return desk


@pytest.fixture
def loop(place: Any, tmp_path: Path) -> Iterator[ClosedLoop]:
    store = open_store(tmp_path, place.workspace.settings)
    made = closed_loop_of(place.workspace, store)
    made = replace(made, home=tmp_path, sender=replace(made.sender, now=Clock(END)))
    yield made
    made.sender.egress.close()
    store.close()


def rule(when: str, **more: Any) -> Rule:
    lines = "".join(f"{name} = {value!r}\n".replace("'", '"') for name, value in more.items())
    return rule_in("tried", f'name = "Tried"\n{lines}[when]\n{when}\n[[do]]\naction = "case"\n')


RULES = {
    "answer": rule('trigger = "answer"\nkind = "nps"\nat_most = 6', cool_down_days=7, most_a_day=2, holdout_percent=20),
    "review": rule('trigger = "review"\nat_most = 2', most_an_hour=1),
    "text": rule('trigger = "text"\ntopic = "delivery"\nsentiment = "negative"', cool_down_days=2),
    "score": rule('trigger = "score"\nkind = "health"\nbelow = 40', cool_down_days=3),
    "kpi": rule('trigger = "kpi"\nkpi = "nps"\ngrain = "week"\nbelow = 30\nleast_n = 20'),
    "volume": rule('trigger = "volume"\ntable = "usage"'),
    "surge": rule('trigger = "surge"\ntable = "text_scores"'),
}


def test_every_historic_trigger_is_among_them() -> None:
    assert set(RULES) == {name for name, trigger in triggers().items() if trigger.historic}


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_a_dry_run_says_what_replayed_history_then_does(name: str, loop: ClosedLoop) -> None:
    tried = RULES[name]
    start, end = FIRST + timedelta(days=36), FIRST + timedelta(days=50)
    foreseen = [(f.firing.subject, f.firing.decision, f.firing.reason) for f in loop.dry_run(tried, start, end)]
    assert foreseen
    clock = loop.sender.now
    assert isinstance(clock, Clock)
    # Replayed with a beginning of its own: what came before it is too old to be acted on.
    fresh = replace(tried, file=tried.file.model_copy(update={"fresh_hours": 12.0}))
    clock.at = start + timedelta(hours=12)
    while clock.at <= end:
        loop.look_at(fresh)
        clock.on(hours=12)
    with loop.store.reading() as con:
        done = [(f.subject, f.decision, f.reason) for f in reversed(firings(con, "main", most=10_000))]
    assert done == foreseen


def test_answers_and_their_decisions_are_those_of_a_computation_by_hand(loop: ClosedLoop) -> None:
    tried = RULES["answer"]
    acted: list[tuple[datetime, str]] = []
    wanted = []
    for row in sorted(HISTORY["survey_responses"], key=lambda row: row["answered_at"]):
        at, who = row["answered_at"], row["customer_id"]
        if row["score"] > 6:
            continue
        drawn = held_out(tried, Happening("", at, "answer", "", person=f"example:{who}"))
        if any(w == who and at - a < timedelta(days=7) for a, w in acted):
            wanted.append("cooling")
        elif sum(at - a < timedelta(days=1) for a, _ in acted) >= 2:
            wanted.append("capped")
        elif drawn:
            wanted.append("held_out")
        else:
            acted.append((at, who))
            wanted.append("acted")
    found = loop.dry_run(tried, FIRST, END)
    assert [f.firing.decision for f in found] == wanted
    assert set(wanted) == {"acted", "cooling", "capped", "held_out"}


def test_a_kpi_alert_is_on_the_intervals_bound_and_a_minimum_of_rows(loop: ClosedLoop, place: Any) -> None:
    found = loop.dry_run(RULES["kpi"], FIRST, END)
    weeks = place.kpi("nps", grain="week")
    below = {w["period_start"] for w in weeks if w["high"] < 30 and w["n"] >= 20 and not w["partial"]}
    assert {f.happening.subject.rpartition(":")[2] for f in found} == below
    values = [w for w in weeks if w["value"] < 30]
    assert len(below) == 1 < len(values)  # others look low, but not surely
    few = replace(RULES["kpi"], when=RULES["kpi"].when.model_copy(update={"least_n": 71}))
    assert loop.dry_run(few, FIRST, END) == []


def test_a_change_for_the_worse_and_a_week_out_of_line_are_that_week(loop: ClosedLoop) -> None:
    bad = str((FIRST + timedelta(days=42)).date())
    for when in ('change = "worse"', "anomaly = true"):
        tried = rule(f'trigger = "kpi"\nkpi = "nps"\ngrain = "week"\n{when}')
        found = [f.happening.subject.rpartition(":")[2] for f in loop.dry_run(tried, FIRST, END)]
        assert found[:1] == [bad] or found == [bad], when
    better = rule('trigger = "kpi"\nkpi = "nps"\ngrain = "week"\nchange = "better"')
    assert bad not in [f.happening.subject.rpartition(":")[2] for f in loop.dry_run(better, FIRST, END)]


def test_a_score_crosses_once_and_surely(loop: ClosedLoop) -> None:
    found = loop.dry_run(rule('trigger = "score"\nkind = "health"\nbelow = 40'), FIRST, END)
    first = [f.happening.at for f in found if f.happening.customer_id == "c0"]
    # 80 − 2·day + 5 lies below 40 from day 23 on, and it never rises again.
    assert first == [FIRST + timedelta(days=23)]
    others = [row for row in HISTORY["customer_scores"] if row["customer_id"] == "c1"]
    crossings = sum(b["high"] < 40 <= a["high"] for a, b in itertools.pairwise(others))
    assert sum(f.happening.customer_id == "c1" for f in found) == crossings + (others[0]["high"] < 40)


def test_a_still_day_and_a_surge_are_found_and_nothing_else(loop: ClosedLoop) -> None:
    still = [f.happening.subject for f in loop.dry_run(RULES["volume"], FIRST, END)]
    assert still == [f"volume:usage::{(FIRST + timedelta(days=45)).date()}"]
    (surge,) = loop.dry_run(RULES["surge"], FIRST + timedelta(days=28), END)
    assert surge.happening.kind == "incident"
    assert SURGE_AT < surge.happening.at <= SURGE_AT + timedelta(hours=2)
    assert set(surge.happening.customers) <= {f"c{n}" for n in range(20)}
    assert len(surge.happening.customers) >= 5


def test_counts_are_judged_by_published_distributions() -> None:
    even = [5] * 20  # varies less than Poisson: judged as Poisson
    assert upper_p(12, even) == pytest.approx(stats.poisson(100.5 / 20).sf(11))
    assert lower_p(0, even) == pytest.approx(stats.poisson(100.5 / 20).cdf(0))
    rough = [0, 12, 1, 9, 0, 14, 2, 10]
    mean = (sum(rough) + 0.5) / 8
    variance = sum((n - mean) ** 2 for n in rough) / 7
    p = mean / variance  # negative binomial by its moments
    assert upper_p(20, rough) == pytest.approx(stats.nbinom(mean * p / (1 - p), p).sf(19))
    assert upper_p(20, rough) > 50 * stats.poisson(mean).sf(19)
    assert upper_p(50, [1, 2]) == 1.0  # too few to tell anything


def test_silence_is_told_when_it_became_so_long(loop: ClosedLoop) -> None:
    tried = rule('trigger = "silence"\ntable = "survey_responses"\ndays = 10')
    last = {}
    for row in HISTORY["survey_responses"]:
        last[row["customer_id"]] = max(row["answered_at"], last.get(row["customer_id"], FIRST))
    since = END - timedelta(days=5)
    wanted = sorted(who for who, at in last.items() if since <= at + timedelta(days=10) < END)
    found = tried.trigger.find(tried.when, loop.look, since, END)
    assert sorted(str(h.customer_id) for h in found) == wanted
    assert wanted


def test_old_data_is_told_once_a_last_row(loop: ClosedLoop) -> None:
    tried = rule('trigger = "freshness"\ntable = "feedback"\nhours = 24')
    last = max(row["written_at"] for row in HISTORY["feedback"])
    assert tried.trigger.find(tried.when, loop.look, END, last + timedelta(hours=23)) == []
    early, late = (tried.trigger.find(tried.when, loop.look, END, last + timedelta(hours=h))[0] for h in (24, 90))
    assert early.subject == late.subject


def test_a_target_that_slips_is_told_once_a_month(place: Any, loop: ClosedLoop) -> None:
    tried = rule('trigger = "target"\nprobability = 0.3')
    place.workspace.set_target(target_of(**{"kpi": "nps", "value": 90, "from": "2026-03-02", "by": "2026-05-31"}))
    place.workspace.set_target(target_of(**{"kpi": "nps", "value": -90, "from": "2026-03-02", "by": "2026-05-30"}))
    found = tried.trigger.find(tried.when, loop.look, END, END)
    assert [h.title for h in found] == ["The target 90 of nps is slipping"]
    again = tried.trigger.find(tried.when, loop.look, END, END + timedelta(days=2))
    assert again[0].subject == found[0].subject


def test_the_holdout_is_drawn_for_ever_and_has_its_share() -> None:
    tried = rule('trigger = "answer"', holdout_percent=20)
    people = [Happening(f"a{n}", FIRST, "answer", "", person=f"p{n}") for n in range(4_000)]
    drawn = [held_out(tried, h) for h in people]
    assert stats.binomtest(sum(drawn), len(drawn), 0.2).pvalue > 0.001
    assert drawn == [held_out(tried, h) for h in people]
    other = replace(tried, id="other")
    both = Counter(zip(drawn, (held_out(other, h) for h in people), strict=True))
    assert both[True, True] < 1.4 * 0.04 * 4_000  # another rule draws others


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-03-27T21:30", "2026-03-28T08:00"),  # a Friday evening
        ("2026-03-28T03:00", "2026-03-28T08:00"),  # after midnight
        ("2026-03-28T20:00", "2026-03-29T08:00"),  # over the night in which clocks go forward
        ("2026-03-27T12:00", "2026-03-27T12:00"),
    ],
)
def test_quiet_hours_end_by_the_wall_clock(at: str, until: str) -> None:
    from zoneinfo import ZoneInfo

    quiet = Quiet.model_validate({"from": time(20), "to": time(8)})
    zone = ZoneInfo("Europe/Berlin")
    moment = datetime.fromisoformat(at).replace(tzinfo=zone).astimezone(UTC)
    assert quiet.ends_after(moment, "Europe/Berlin") == datetime.fromisoformat(until).replace(tzinfo=zone)


def test_quiet_weekends_end_on_monday() -> None:
    quiet = Quiet.model_validate({"from": time(20), "to": time(8), "weekends": True})
    saturday = datetime(2026, 3, 7, 15, tzinfo=UTC)
    assert quiet.ends_after(saturday, "UTC") == datetime(2026, 3, 9, 8, tzinfo=UTC)
    assert date(2026, 3, 9).weekday() == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('trigger = "answer"', 'trigger = "nothing"'),
        ('action = "case"', 'action = "explode"'),
        ("[when]", "strange = 1\n[when]"),
        ("at_most = 6", 'at_most = 6\nwhere = "score <="'),
        ("at_most = 6", 'at_most = "many"'),
        ("[[do]]", "[[done]]"),
    ],
)
def test_a_rule_that_is_wrong_is_refused_with_what_is(change: str, words: str) -> None:
    text = 'name = "x"\n[when]\ntrigger = "answer"\nat_most = 6\n[[do]]\naction = "case"\n'
    rule_in("x", text)
    with pytest.raises(BadInput):
        rule_in("x", text.replace(change, words))
