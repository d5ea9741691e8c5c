"""Cases over time: due by opening hours, escalated, woken, answered by the customer's channel; and what it brought."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from scipy import stats
from tests.actions.conftest import NOON, Clock, Post
from tests.actions.desks import World, settings_at

from wellheard.actions import caseload, timetable
from wellheard.actions.closed_loop import ClosedLoop
from wellheard.actions.effect import difference, effect_of, means_difference, share, time_to_close
from wellheard.actions.message import Message
from wellheard.actions.reply import send_reply, suggestions, ways
from wellheard.actions.rule import OpenCase
from wellheard.actions.sending import queue_message
from wellheard.actions.steps import due_after
from wellheard.base.egress import Egress
from wellheard.base.errors import BadCall
from wellheard.base.schedules import schedule_from_rows
from wellheard.following import closed_loop_of
from wellheard.insights.similar_replies import SimilarReplies, Suggestion, pairs_of
from wellheard.store.cases import Opening, Search, case, cases, entries, open_case
from wellheard.store.connections import keep_connection
from wellheard.store.deliveries import deliveries
from wellheard.store.firings import Firing
from wellheard.store.store import open_store

COLLEAGUES = """
[anna]
through = "slack"
to = "C-ANNA"
[ben]
through = "slack"
to = "C-BEN"
[leads]
through = "slack"
members = ["anna", "ben"]
"""


@pytest.fixture
def team(shared_desk: Any, tmp_path: Path, world: World) -> Iterator[ClosedLoop]:
    shared_desk.clear()
    store = open_store(tmp_path, shared_desk.workspace.settings)
    made = closed_loop_of(shared_desk.workspace, store)
    made = replace(made, home=tmp_path, sender=replace(made.sender, now=Clock()))
    (tmp_path / "colleagues.toml").write_text(COLLEAGUES, "utf-8")
    with store.writing() as con:
        for name, (channel, fields) in settings_at(world.url).items():
            keep_connection(con, "main", made.sender.vault, name, channel, {}, fields, NOON)
    yield made
    made.sender.egress.close()
    store.close()
    shared_desk.clear()


def opened(loop: ClosedLoop, **more: Any) -> int:
    told = {"kind": "answer", "subject": str(more), "title": "NPS 2", "details": {}, **more}
    with loop.store.writing() as con:
        return open_case(con, "main", Opening(**told), loop.sender.now())[0]


def sent(loop: ClosedLoop) -> list[Any]:
    with loop.store.reading() as con:
        return deliveries(con, "main", loop.sender.vault)


def test_a_case_is_due_within_opening_hours() -> None:
    rows = [{"schedule_id": "office", "zone": "Europe/Berlin", "weekday": day, "opens": "09:00", "closes": "17:00"}
            for day in range(5)]  # fmt: skip
    schedules = schedule_from_rows(rows)
    friday = datetime(2026, 3, 27, 15, 0, tzinfo=UTC)  # 16:00 in Berlin, before the night in which clocks go forward
    step = OpenCase(action="case", due_hours=4, schedule="office")
    assert due_after(step, schedules, friday) == datetime(2026, 3, 30, 10, 0, tzinfo=UTC)  # Monday, 12:00 in Berlin
    assert due_after(OpenCase(action="case", due_hours=4), schedules, friday) == friday + timedelta(hours=4)
    assert due_after(OpenCase(action="case"), schedules, friday) is None


def test_an_overdue_case_is_passed_on_once_to_everybody_of_the_team(team: ClosedLoop) -> None:
    late = opened(team, due_at=NOON + timedelta(hours=1), escalate_to="leads")
    asleep = opened(team, title="Asleep")
    caseload.snooze(team, asleep, "anna", NOON + timedelta(hours=2))
    assert caseload.tend(team) == []
    team.sender.now.at = NOON + timedelta(hours=3)  # type: ignore[attr-defined]
    assert caseload.tend(team) == [late]
    assert caseload.tend(team) == []
    assert sorted((d.title, d.recipient) for d in sent(team)) == [
        (f"Case {late} is overdue", "C-ANNA"),
        (f"Case {late} is overdue", "C-BEN"),
    ]
    with team.store.reading() as con:
        assert case(con, "main", asleep).state == "open"
        assert [e.kind for e in entries(con, late)] == ["opened", "escalated"]
    with pytest.raises(BadCall):
        caseload.snooze(team, asleep, "anna", NOON)


def test_a_colleague_who_is_mentioned_or_given_a_case_is_told_once(team: ClosedLoop) -> None:
    number = opened(team)
    caseload.comment(team, number, "anna", "@ben, could you? mail@ben.example and @nobody and @ben.")
    caseload.assign(team, number, "anna", "ben")
    caseload.assign(team, number, "anna", "anna")
    assert sorted((d.title, d.recipient) for d in sent(team)) == [
        (f"anna gave you case {number}", "C-BEN"),
        (f"anna mentioned you in case {number}", "C-BEN"),
    ]


def test_two_rules_on_one_answer_make_one_case(team: ClosedLoop) -> None:
    first = opened(team, subject="answer:1", rule_id="a")
    assert opened(team, subject="answer:1", rule_id="b") == first
    with team.store.reading() as con:
        assert len(cases(con, "main", Search(), NOON)) == 1


@pytest.mark.parametrize("desk", ["zendesk", "freshdesk", "intercom"])
def test_whoever_wrote_to_a_help_desk_is_answered_there_by_a_person_and_once(
    desk: str, team: ClosedLoop, world: World
) -> None:
    told = {"source": desk, "customer": {"id": "c1", "email": "ann@x.example"}}
    number = opened(team, conversation_id="77", details=told)
    with team.store.reading() as con:
        found = ways(team, case(con, "main", number))
    assert [(w.connection, w.thread) for w in found] == [(desk, "77")]
    assert sent(team) == []  # nothing leaves by itself
    for _ in range(2):  # pressed twice
        send_reply(team, number, "anna", "We are sorry.\nIt is on its way.", desk)
    world.faults.append("lost")
    team = replace(team, sender=replace(team.sender, egress=_short(), internal=frozenset({"127.0.0.1"})))
    team.sender.send_due()
    team.sender.now.on(minutes=1)  # type: ignore[attr-defined]
    team.sender.send_due()
    assert [(r["id"], r["text"].replace("<br>", "\n")) for r in world.replies] == [
        ("77", "We are sorry.\nIt is on its way.")
    ]
    with pytest.raises(BadCall, match="cannot be answered"):
        send_reply(team, number, "anna", "x", "slack")


def _short() -> Any:
    return Egress(allow_internal=frozenset({"127.0.0.1"}), timeout=0.4)


class Mailbox:
    """Takes every mail."""

    def __init__(self) -> None:
        self.mails: list[Any] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.mails.append((envelope, message_from_bytes(envelope.content, policy=default)))
        return "250 taken"


def test_a_mail_is_one_message_with_one_id_and_says_that_a_machine_sent_it(post: Post) -> None:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=number)
    server.start()
    try:
        fields = {"host": "127.0.0.1", "port": str(number), "security": "none", "from": "Care <cx@x.example>"}
        post.connect("mail", "email", fields, {})
        told = {"to": "ann@x.example", "title": "Hello\r\nBcc: eve@x.example", "facts": (("a", "b"),)}
        message = Message(
            "k" * 32, "letter", text="Dear Ann", unsubscribe="https://x.example/stop/1", made_at=NOON, **told
        )
        with post.sender.store.writing() as con:
            queue_message(con, post.sender, message, "mail")
        post.run(1)
    finally:
        server.stop()
    ((envelope, mail),) = box.mails
    assert (envelope.mail_from, envelope.rcpt_tos) == ("cx@x.example", ["ann@x.example"])
    assert mail["subject"] == "Hello Bcc: eve@x.example"
    assert mail["bcc"] is None
    assert mail["message-id"] == f"<{'k' * 32}@x.example>"
    assert mail["auto-submitted"] == "auto-generated"
    assert mail["list-unsubscribe"] == "<https://x.example/stop/1>"
    assert "Dear Ann" in mail.get_content()


def test_replies_are_suggested_from_similar_texts_and_never_made_up() -> None:
    def said(conversation: str, author: str, body: str, minute: int, **more: Any) -> dict[str, Any]:
        told = {"source": "desk", "conversation_id": conversation, "author_type": author, "body": body,
                "visibility": "public", "auto_reply": False, "instant": NOON + timedelta(minutes=minute)}  # fmt: skip
        return told | more

    refund = "We have refunded the double charge; it arrives within five days."
    parcel = "Your parcel was held at customs; it leaves tomorrow, we are sorry."
    messages = [
        said("1", "customer", "You charged my card twice for the invoice!", 0),
        said("1", "bot", "Thanks, somebody will look at it and come back to you soon.", 1),
        said("1", "human", "looks like the billing bug again, see the notes of last week", 2, visibility="internal"),
        said("1", "human", refund, 3),
        said("2", "customer", "My parcel has not arrived yet, where is it?", 4),
        said("2", "human", parcel, 5),
        said("3", "customer", "I am out of office until Monday", 6, auto_reply=True),
        said("3", "human", "This answers nobody at all, so it is no pair of texts.", 7),
    ]
    pairs = pairs_of(messages)
    assert [(p.conversation_id, p.reply) for p in pairs] == [("1", refund), ("2", parcel)]
    known = SimilarReplies(pairs)
    assert [s.reply for s in known.like("charged twice on my card")] == [refund]
    assert known.like("where is the parcel")[0].reply == parcel
    assert known.like("zzz qqq") == []
    assert known.like("the printer smells of burnt plastic whenever somebody prints") == []  # shares one word alone
    assert SimilarReplies([]).like("anything") == []
    same = known.like("My parcel has not arrived yet, where is it?")[0]
    assert same.similarity == pytest.approx(1.0)
    assert isinstance(same, Suggestion)


def test_similarity_is_that_of_another_library() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics.pairwise import cosine_similarity

    texts = ["the parcel is late again", "my card was charged twice", "late late parcel, very late", "hello there"]
    asked = "the late parcel again my card"
    vectorizer = TfidfVectorizer(token_pattern=r"[^\W\d_]{2,}", sublinear_tf=True)
    wanted = cosine_similarity(vectorizer.fit_transform(texts), vectorizer.transform([asked])).ravel()
    pairs = [Suggestion(str(n), "s", text, f"reply {n}", NOON, 0.0) for n, text in enumerate(texts)]
    found = {s.conversation_id: s.similarity for s in SimilarReplies(pairs).like(asked, most=9)}
    assert found == {str(n): pytest.approx(v) for n, v in enumerate(wanted) if v >= 0.12}


def test_suggestions_come_from_the_lake(team: ClosedLoop, shared_desk: Any) -> None:
    rows = [
        {"source_id": "m1", "conversation_id": "9", "author_type": "customer", "body": "The app crashes on login",
         "sent_at": NOON - timedelta(days=3), "visibility": "public"},
        {"source_id": "m2", "conversation_id": "9", "author_type": "human", "sent_at": NOON - timedelta(days=2),
         "body": "Please update to version 5, which mends the login.", "visibility": "public"},
    ]  # fmt: skip
    shared_desk.deliver({"messages": rows})
    (found,) = suggestions(team, "login crashes")
    assert found.reply.startswith("Please update")
    assert suggestions(team, "  ") == []


def test_shares_and_differences_are_those_of_published_methods() -> None:
    # Newcombe (1998), table II, (a): 56/70 against 48/80 gives 0.2 with 0.0524 to 0.3339.
    found = difference(share(56, 70), share(48, 80))
    assert (found.value, found.low, found.high) == pytest.approx((20.0, 5.24, 33.39), abs=0.006)
    first, second = [5.0, 7.0, 9.0, 4.0], [1.0, 2.0, 6.0]
    wanted = stats.ttest_ind(first, second, equal_var=False).confidence_interval()
    made = means_difference(first, second)
    assert (made.low, made.high) == pytest.approx((wanted.low, wanted.high))
    assert share(0, 0).value is None
    assert difference(share(0, 0), share(1, 2)).value is None
    assert means_difference([1.0], second).value is None


def test_the_time_to_close_is_that_of_another_library() -> None:
    spans = [
        (3.0, True),
        (5.0, True),
        (8.0, False),
        (9.0, True),
        (14.0, True),
        (20.0, False),
        (21.0, True),
        (40.0, True),
    ]
    made: Any = [
        SimpleNamespace(
            state="closed" if closed else "open",
            opened_at=NOON,
            closed_at=NOON + timedelta(hours=hours) if closed else None,
            due_at=NOON + timedelta(hours=10),
        )
        for hours, closed in spans
        if closed
    ]
    made += [
        SimpleNamespace(state="open", opened_at=NOON + timedelta(hours=100 - hours), closed_at=None, due_at=None)
        for hours, closed in spans
        if not closed
    ]
    found = time_to_close(made, NOON + timedelta(hours=100))
    censored = stats.CensoredData.right_censored([h for h, _ in spans], [not closed for _, closed in spans])
    alive = stats.ecdf(censored).sf
    wanted = min(t for t, left in zip(alive.quantiles, alive.probabilities, strict=True) if left <= 0.5)
    assert found.median_hours == wanted
    assert (found.cases, found.closed) == (8, 6)
    assert (found.on_time.count, found.on_time.of) == (3, 6)


def test_the_effect_compares_who_was_followed_up_with_who_was_left_alone(team: ClosedLoop, shared_desk: Any) -> None:
    answers, orders, customers, fired = [], [], [], []
    for n in range(40):
        acted, who = n < 20, f"c{n}"
        fired.append(Firing("r", who, NOON, NOON, "acted" if acted else "held_out", customer_id=who))
        good = n % 20 < (15 if acted else 5)
        for day, score in ((-1, 2), (10, 9 if good else 3), (20, 0)):  # the next one counts, and no other
            answers.append({"source_id": f"{who}-{day}", "customer_id": who, "kind": "nps", "score": score,
                            "answered_at": NOON + timedelta(days=day)})  # fmt: skip
        orders.append({"source_id": f"o{n}", "customer_id": who, "revenue": (100 if acted else 80) + n % 2,
                       "currency": "EUR", "ordered_at": NOON + timedelta(days=5)})  # fmt: skip
        customers.append({"source_id": who, "updated_at": "2025-01-01",
                          "ended_at": NOON + timedelta(days=30) if not acted and n % 2 else None})  # fmt: skip
    fired.append(Firing("r", "young", NOON + timedelta(days=80), NOON, "acted", customer_id="c0"))
    shared_desk.deliver({"survey_responses": answers, "orders": orders, "customers": customers})
    found = effect_of(team.look, fired, NOON + timedelta(days=100), days=90)
    assert (found.recovered.count, found.recovered.of) == (15, 20)
    assert (found.recovered_alone.count, found.recovered_alone.of) == (5, 20)
    assert found.recovery.value == pytest.approx(50)
    assert found.recovery.low is not None
    assert 0 < found.recovery.low < 50
    assert (found.stayed.count, found.stayed_alone.count) == (20, 10)
    assert (found.revenue, found.revenue_alone, found.revenue_difference.value) == pytest.approx((100.5, 80.5, 20))


SCHEDULE = """
name = "Monday scorecard"
every = "week"
on = 0
at = 08:00:00
zone = "Europe/Berlin"
kpis = ["nps"]
where = "segment = 'gold'"
[[to]]
through = "slack"
to = "C-CX"
[[to]]
through = "hook"
"""


def test_a_scorecard_leaves_once_at_eight_in_its_zone_with_its_filter(
    team: ClosedLoop, shared_desk: Any, tmp_path: Path
) -> None:
    (tmp_path / "schedules").mkdir()
    (tmp_path / "schedules" / "monday.toml").write_text(SCHEDULE, "utf-8")
    people = [
        {"source_id": f"c{n}", "segment": "gold" if n < 5 else "silver", "updated_at": "2025-01-01"} for n in range(10)
    ]
    answers = [
        {"source_id": f"a{n}", "customer_id": f"c{n}", "kind": "nps", "score": 10 if n < 5 else 0,
         "answered_at": datetime(2026, 3, 25, 12, tzinfo=UTC)} for n in range(10)
    ]  # fmt: skip
    shared_desk.deliver({"customers": people, "survey_responses": answers})
    clock: Any = team.sender.now
    clock.at = datetime(2026, 3, 30, 5, 59, tzinfo=UTC)  # 07:59 there: clocks went forward the day before
    assert timetable.send_due(team) == 0
    clock.at = datetime(2026, 3, 30, 6, 0, tzinfo=UTC)
    assert timetable.send_due(team) == 2
    assert timetable.send_due(team) == 0
    told = sent(team)
    assert {(d.title, d.connection) for d in told} == {("Monday scorecard", "slack"), ("Monday scorecard", "hook")}
    (name, said), *_ = told[0].message["facts"]
    assert name == "Net Promoter Score" or "NPS" in name
    assert said.startswith("+100")  # gold alone
    clock.at = datetime(2026, 4, 6, 18, 0, tzinfo=UTC)  # nothing ran for a week: what was due at eight is too late
    assert timetable.send_due(team) == 0


def test_a_digest_tells_what_was_alerted_since_the_last(team: ClosedLoop, tmp_path: Path) -> None:
    (tmp_path / "schedules").mkdir()
    text = 'name = "Digest"\nwhat = "digest"\nevery = "day"\nat = 13:00:00\n[[to]]\nthrough = "slack"\nto = "C1"\n'
    (tmp_path / "schedules" / "digest.toml").write_text(text, "utf-8")
    (tmp_path / "schedules" / "wrong.toml").write_text('name = "x"\nzone = "Mars"\n', "utf-8")
    opened(team, kind="alert", title="NPS fell", owner="anna")
    opened(team, kind="answer", title="No alert")
    team.sender.now.at = NOON + timedelta(hours=1)  # type: ignore[attr-defined]
    assert timetable.send_due(team) == 1
    (told,) = sent(team)
    assert [value for _, value in told.message["facts"]] == ["NPS fell (anna, open)"]
    assert "wrong" in timetable.appointments(tmp_path)[1]
