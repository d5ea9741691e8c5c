"""From what happens to customers to letters in their inboxes: whom, when, once, and why not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.sink import Sink, mail_sink, text_of

from wellheard import asking
from wellheard.app import Workspace
from wellheard.asking import Asker, asker_of
from wellheard.asking_service import AskingService, Invited
from wellheard.base.errors import BadCall
from wellheard.jobs import merge_answers
from wellheard.store import blocks, dispatches, ledger
from wellheard.store.inbox import Inbox
from wellheard.store.invitations import unsubscribe
from wellheard.store.store import Store, open_store
from wellheard.surveys.collect import collect, sent_from
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf

pytestmark = pytest.mark.slow
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NPS = '[[questions]]\nid = "nps"\ntype = "nps"\n[[questions]]\nid = "why"\ntype = "text"\n'
LINK = re.compile(r"https://ask\.example/s/[0-9a-f]{32}\?i=([\w-]{22})&lang=(\w\w)")
ADA = {"source_id": "ada", "email": "ada@x.example", "phone": "+4930123456", "country": "DE", "language": "de"}


class Office:
    """A workspace with a mail server, whose clock the test sets."""

    def __init__(self, desk: Any, folder: Path, sink: Sink) -> None:
        self.desk, self.sink, self.now = desk, sink, NOON
        self.workspace: Workspace = desk.workspace
        self.shelf = folder / "surveys"
        self.shelf.mkdir()
        self.store: Store = open_store(folder, self.workspace.settings)
        self.published = Published(self.store, Shelf(self.shelf), "main")
        self.asker: Asker = asker_of(
            self.workspace, self.store, self.published, "https://ask.example", lambda: self.now
        )

    def put(self, name: str, asking: str, head: str = "") -> None:
        """A survey that asks as told."""
        text = f'name = "{name}"\nlanguages = ["en", "de"]\n{head}\n{NPS}\n[asking]\n{asking}\n'
        (self.shelf / f"{name}.toml").write_text(text, "utf-8")
        self.published._looked = -10.0

    def resolve(self, *rows: tuple[str, str, datetime], **more: Any) -> None:
        """Conversations that were resolved: their keys, customers and when."""
        told = [
            {"source_id": key, "customer_id": who, "opened_at": at - HOUR, "resolved_at": at, **more}
            for key, who, at in rows
        ]
        self.desk.deliver({"conversations": told})

    def run(self) -> list[str | None]:
        """Plans, then sends all that is due; gives why each was not asked."""
        reasons = [decided.reason for decided in self.asker.plan()]
        while self.asker.deliver():
            pass
        return reasons

    def entries(self, **which: Any) -> list[ledger.Entry]:
        with self.store.reading() as con:
            return ledger.entries(con, "main", **which)

    def answer(self, name: str, token: str, score: int) -> None:
        inbox = Inbox(self.store)
        sent = sent_from({"answers": {"nps": score}, "invitation": token})
        submission, _ = collect(self.published.called(name), 1, "main", sent, self.now)
        assert submission is not None
        inbox.take(submission)
        inbox.close()


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with mail_sink() as made:
        yield made


@pytest.fixture
def office(new_desk: Callable[..., Any], tmp_path: Path, sink: Sink) -> Iterator[Office]:
    settings = {**sink.settings, "internal_hosts": ["127.0.0.1"], "tester_email": "tester@larkfield.example"}
    for listed in (sink.mails, sink.recipients, sink.senders):
        listed.clear()
    sink.says = {}
    made = Office(new_desk(**settings), tmp_path, sink)
    yield made
    made.store.close()


def test_a_resolved_conversation_is_asked_about_once(office: Office) -> None:
    office.put("after", 'trigger = "conversation_resolved"\nafter_hours = 2')
    office.desk.deliver({"customers": [ADA]})
    office.resolve(("t1", "ada", NOON - HOUR))
    assert office.run() == []  # the two hours are not over
    office.now = NOON + HOUR
    assert office.run() == [None]
    assert office.run() == []
    (mail,) = office.sink.mails
    assert office.sink.recipients == ["ada@x.example"]
    found = LINK.search(text_of(mail, "plain"))
    assert found is not None
    assert found.group(2) == "de"
    office.answer("after", found.group(1), 9)
    merge_answers(office.workspace, office.store, lambda: office.now)
    (row,) = office.desk.sql("select * from facts.main.survey_responses where kind = 'nps'").to_dict("records")
    assert (row["customer_id"], row["conversation_id"], row["channel"]) == ("ada", "t1", "email")
    assert row["asked_at"].to_pydatetime() == office.now
    rate = office.desk.one("response_rate")
    assert (rate["value"], rate["n"]) == (100.0, 1)


def test_the_mail_can_be_answered_left_and_sorted_by_programs(office: Office) -> None:
    office.put("after", 'trigger = "conversation_resolved"', 'branding = { name = "Lark & Field <b>" }')
    office.desk.deliver({"customers": [ADA]})
    office.resolve(("t1", "ada", NOON - HOUR))
    office.run()
    (mail,) = office.sink.mails
    token = LINK.search(text_of(mail, "plain")).group(1)  # type: ignore[union-attr]
    assert mail["List-Unsubscribe"] == f"<https://ask.example/u/{token}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert office.sink.senders == ["surveys@larkfield.example"]
    assert mail["Subject"] == "Lark & Field <b> möchte von Ihnen hören"
    html, text = text_of(mail, "html"), text_of(mail, "plain")
    for part in (text, html.replace("&amp;", "&")):
        assert [f"a.nps={n}" in part for n in (0, 5, 10, 11)] == [True, True, True, False]
        assert f"https://ask.example/u/{token}" in part
    assert "Lark &amp; Field &lt;b&gt;" in html
    assert "<script" not in html
    assert "http://" not in html


def test_quiet_hours_are_those_where_the_person_lives(office: Office) -> None:
    people = {"berlin": "DE", "tokyo": "JP", "states": "US", "nowhere": None}
    office.desk.deliver(
        {"customers": [{"source_id": n, "email": f"{n}@x.example", "country": c} for n, c in people.items()]}
    )
    office.put("after", 'trigger = "conversation_resolved"\nquiet_from = "19:00"\nquiet_to = "09:30"')
    office.now = datetime(2026, 3, 2, 19, 45, tzinfo=UTC)  # 20:45 in Berlin, 4:45 in Tokyo, 9:45 to 14:45 in the States
    office.resolve(*((name, name, office.now - HOUR) for name in people))
    office.run()
    when = {entry.person.partition(":")[2]: entry.asked_at for entry in office.entries()}
    assert when == {
        "berlin": datetime(2026, 3, 3, 8, 30, tzinfo=UTC),
        "tokyo": datetime(2026, 3, 3, 0, 30, tzinfo=UTC),
        "states": office.now,  # day everywhere from Honolulu to New York
        "nowhere": datetime(2026, 3, 3, 9, 30, tzinfo=UTC),  # by the workspace's clock
    }
    assert office.sink.recipients == ["states@x.example"]
    office.now = datetime(2026, 3, 3, 0, 31, tzinfo=UTC)
    office.run()
    assert office.sink.recipients == ["states@x.example", "tokyo@x.example"]


def test_every_one_who_is_not_asked_has_a_reason(office: Office) -> None:
    people = [
        {"source_id": f"p{n}", "email": f"p{n}@x.example", "segment": "small" if n else "large"} for n in range(5)
    ]
    people[1]["email"] = None
    office.desk.deliver({"customers": people})
    office.put("after", 'trigger = "conversation_resolved"\nonly = { segment = ["small"] }')
    found = [(f"t{n}", f"p{n}", NOON - HOUR) for n in range(5)]
    office.resolve(*found, ("again", "p4", NOON - HOUR), ("late", "p3", NOON - 5 * DAY))
    office.resolve(("spam", "p3", NOON - HOUR), spam=True)
    with office.store.writing() as con:
        blocks.opt_out(con, "main", NOON, person="example:p2")
    assert sorted(map(str, office.run())) == sorted(
        ["None", "None", "not_meant", "no_address", "opted_out", "person_budget:7", "too_late"]
    )
    asked = [e.person for e in office.entries(asked=True)]
    assert sorted(asked) == ["example:p3", "example:p4"]


def test_a_share_is_drawn_by_chance_and_the_same_each_time(office: Office) -> None:
    office.desk.deliver({"customers": [{"source_id": f"p{n}", "email": f"p{n}@x.example"} for n in range(400)]})
    rows = [
        {"source_id": f"t{n}", "customer_id": f"p{n}", "opened_at": NOON - 2 * HOUR, "resolved_at": NOON - HOUR}
        for n in range(400)
    ]
    office.desk.deliver({"conversations": rows})
    office.put("after", 'trigger = "conversation_resolved"\nsample = 25')
    reasons = [decided.reason for decided in office.asker.plan()]
    assert 65 <= reasons.count(None) <= 135  # 100 expected; outside with a chance below 1 in 10,000
    assert set(reasons) == {None, "not_drawn"}
    assert office.asker.plan() == []


def test_waves_are_smooth_and_reach_everybody_once_a_wave(office: Office) -> None:
    office.desk.deliver(
        {"customers": [{"source_id": f"p{n}", "email": f"p{n}@x.example", "country": "DE"} for n in range(300)]}
    )
    office.put("nps", 'trigger = "relationship"\nbegins = 2026-03-01\nevery_days = 30\nspread_days = 10')
    days: dict[Any, int] = {}
    people: list[str] = []
    for n in (*range(12), 20, 30, 31):
        office.now = datetime(2026, 3, 1, 23, tzinfo=UTC) + n * DAY
        for decided in office.asker.plan():
            assert decided.reason is None
            days[office.now.date()] = days.get(office.now.date(), 0) + 1
            people.append(decided.candidate.person_rows[0])
    assert sorted(people[:300]) == sorted(f"example:p{n}" for n in range(300))
    assert len(set(people[300:])) == len(people[300:]) > 0  # the second wave has begun
    assert [day.day for day in days] == [*range(1, 11), 31, 1]
    assert all(10 < n < 60 for n in list(days.values())[:10])  # 30 expected a day


def test_a_subscription_is_asked_about_after_a_month_and_then_every_quarter(office: Office) -> None:
    office.desk.deliver(
        {
            "customers": [ADA, {"source_id": "bo", "email": "bo@x.example"}],
            "subscriptions": [
                {"source_id": "s1", "customer_id": "ada", "started_at": "2026-01-01"},
                {"source_id": "s2", "customer_id": "bo", "started_at": "2026-01-01", "ended_at": "2026-03-20"},
            ],
        }
    )
    office.put("use", 'trigger = "subscription_started"\nafter_hours = 720\nevery_days = 90')
    asked = []
    for n in (0, 29, 30, 31, 60, 119, 120, 124, 209, 210):
        office.now = datetime(2026, 1, 1, 12, tzinfo=UTC) + n * DAY
        asked += [(n, d.candidate.about["customer_id"]) for d in office.asker.plan() if d.reason is None]
    assert asked == [(30, "ada"), (30, "bo"), (120, "ada"), (210, "ada")]


def test_an_appointment_is_asked_about_before_it(office: Office) -> None:
    office.desk.deliver(
        {
            "customers": [ADA],
            "appointments": [
                {"source_id": "a1", "customer_id": "ada", "starts_at": NOON + 23 * HOUR},
                {"source_id": "a2", "customer_id": "ada", "starts_at": NOON + 20 * HOUR, "status": "Cancelled"},
            ],
        }
    )
    office.put("ahead", 'trigger = "appointment_ahead"\nafter_hours = -24')
    assert [d.candidate.occasion for d in office.asker.plan()] == ["appointment_ahead:example:a1"]


def test_reminders_go_to_the_silent_and_count_in_the_budget(office: Office) -> None:
    office.put("after", 'trigger = "conversation_resolved"\nreminders = 2\nremind_days = 8')
    office.desk.deliver(
        {"customers": [{"source_id": n, "email": f"{n}@x.example"} for n in ("silent", "quick", "left")]}
    )
    office.resolve(*((n, n, NOON - HOUR) for n in ("silent", "quick", "left")))
    office.run()
    tokens = {
        m["To"].partition("@")[0]: LINK.search(text_of(m, "plain")).group(1)  # type: ignore[union-attr]
        for m in office.sink.mails
    }
    office.answer("after", tokens["quick"], 10)
    with office.store.writing() as con:
        unsubscribe(con, tokens["left"], NOON)
    office.now = NOON + 7 * DAY
    assert office.run() == []
    office.now = NOON + 8 * DAY
    assert office.run() == [None]
    reminder = office.sink.mails[-1]
    assert reminder["To"] == "silent@x.example"
    assert reminder["Subject"].startswith("A reminder:")
    assert tokens["silent"] in text_of(reminder, "plain")
    office.now = NOON + 16 * DAY
    assert office.run() == ["person_budget:30"]  # two in 30 days: the invitation and the first reminder
    assert len(office.sink.mails) == 4


def test_a_trial_goes_to_the_tester_alone_and_not_without_end(office: Office) -> None:
    office.desk.deliver({"customers": [{"source_id": f"p{n}", "email": f"p{n}@x.example"} for n in range(12)]})
    office.put("after", 'trigger = "conversation_resolved"', "test = true")
    office.resolve(*((f"t{n}", f"p{n}", NOON - HOUR) for n in range(12)))
    assert sorted(map(str, office.run())) == ["None"] * 10 + ["quota:1"] * 2
    assert set(office.sink.recipients) == {"tester@larkfield.example"}
    assert all(mail["Subject"].startswith("[Test]") for mail in office.sink.mails)
    merge_answers(office.workspace, office.store, lambda: office.now)
    assert office.desk.sql("select * from facts.main.survey_invitations").empty


def test_an_address_that_the_server_does_not_have_is_not_written_to_again(office: Office) -> None:
    office.sink.says = {"ada@x.example": "550 no such user", "bo@x.example": "451 come back later"}
    office.desk.deliver({"customers": [ADA, {"source_id": "bo", "email": "bo@x.example"}]})
    office.put("after", 'trigger = "conversation_resolved"')
    office.resolve(("t1", "ada", NOON - HOUR), ("t2", "bo", NOON - HOUR))
    office.run()
    assert {e.person: (e.state, e.reason) for e in office.entries()} == {
        "example:ada": ("failed", "not_sent"),
        "example:bo": ("waiting", None),
    }
    office.sink.says = {}
    office.now = NOON + HOUR
    office.resolve(("t3", "ada", NOON))
    assert office.run() == ["bounced"]
    assert office.sink.recipients == ["bo@x.example"]  # what was put off has gone
    with office.store.reading() as con:
        assert dispatches.states(con, "main") == {"failed": 1, "sent": 1}


def test_a_channel_that_is_not_set_up_is_passed_over(office: Office) -> None:
    office.desk.deliver({"customers": [ADA, {"source_id": "bo", "phone": "+4930765432"}]})
    office.put("after", 'trigger = "conversation_resolved"\nchannels = ["sms", "email"]')
    office.resolve(("t1", "ada", NOON - HOUR), ("t2", "bo", NOON - HOUR))
    office.run()
    assert {e.person: (e.channel, e.reason) for e in office.entries()} == {
        "example:ada": ("email", None),
        "example:bo": (None, "no_address"),
    }


def test_people_who_are_linked_share_budget_and_address(office: Office) -> None:
    office.desk.deliver({"customers": [{"source_id": "z1", "email": "Ada@x.example"}]}, source="zen")
    office.desk.deliver({"customers": [{**ADA, "account_id": "A"}]}, source="crm")
    row = {"opened_at": NOON - 2 * HOUR, "resolved_at": NOON - HOUR}
    office.desk.deliver({"conversations": [{"source_id": "1", "customer_id": "z1", **row}]}, source="zen")
    office.desk.deliver({"conversations": [{"source_id": "1", "customer_id": "ada", **row}]}, source="crm")
    office.put("after", 'trigger = "conversation_resolved"')
    assert sorted(map(str, office.run())) == ["None", "person_budget:7"]
    assert {e.company for e in office.entries()} == {"crm:A"}


def test_an_invitation_by_hand_gives_its_link_and_counts(office: Office) -> None:
    office.desk.deliver({"customers": [ADA]})
    office.put("after", 'trigger = "conversation_resolved"')
    made = office.asker.invite("after", "ada", "link", "receipt 17")
    assert made is not None
    assert made.token is not None
    assert office.asker.invite("after", "ada", "link", "receipt 17") is None
    again = office.asker.invite("after", "example:ada", "api", "receipt 18")
    assert again is not None
    assert again.reason == "person_budget:7"
    office.desk.deliver({"customers": [{"source_id": "bo", "country": "DE"}]})
    by_program = AskingService(office.workspace, office.asker)
    told = by_program.invite("after", "bo", "receipt 1")
    assert told.link is not None
    assert told.link.startswith("https://ask.example/s/")
    assert by_program.invite("after", "bo", "receipt 1") == Invited(None, "decided_before")
    assert by_program.invite("after", "bo", "receipt 2") == Invited(None, "person_budget:7")
    office.answer("after", made.token, 7)
    merge_answers(office.workspace, office.store, lambda: office.now)
    sent = office.desk.sql("select channel, sent_at from facts.main.survey_invitations order by 1").to_dict("records")
    assert [(row["channel"], row["sent_at"].to_pydatetime()) for row in sent] == [("api", NOON), ("link", NOON)]


def test_the_widget_keeps_to_the_budgets_of_whom_the_site_names(office: Office) -> None:
    office.desk.deliver({"customers": [{**ADA, "account_id": "A"}]}, source="crm")
    office.put("site", 'trigger = "page_visited"')
    key = office.published.called("site").key
    who = {"customer_id": "ada"}
    assert office.asker.shows(key, who)
    assert office.asker.shows(key, who)  # the next page of the same day
    office.now = NOON + DAY
    assert not office.asker.shows(key, who)
    assert not office.asker.shows(key, who)
    assert office.asker.shows(key, {"customer_id": "somebody"})
    told = {(e.person, e.kind, e.company): e.reason for e in office.entries() if not e.asked}
    assert told == {("crm:ada", "shown", "crm:A"): "person_budget:7"}
    office.now = NOON + 7 * DAY
    assert office.asker.shows(key, who)
    merge_answers(office.workspace, office.store, lambda: office.now)
    assert office.desk.sql("select * from facts.main.survey_invitations").empty  # nothing was sent


def test_what_was_planned_is_taken_back_when_the_survey_closes(office: Office) -> None:
    office.desk.deliver({"customers": [ADA]})
    office.put("after", 'trigger = "conversation_resolved"')
    office.resolve(("t1", "ada", NOON - HOUR))
    assert [d.reason for d in office.asker.plan()] == [None]
    office.put("after", 'trigger = "conversation_resolved"', "open = false")
    assert office.asker.deliver() == 1
    assert [(e.asked, e.reason, e.state) for e in office.entries()] == [(False, "closed", "withdrawn")]
    with pytest.raises(BadCall, match="after is closed"):
        office.asker.invite("after", "ada", "link", "by hand")
    assert office.sink.mails == []


def test_a_letter_that_cannot_be_written_says_in_the_log_where_and_names_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError(ADA["email"])

    office.put("after", 'trigger = "conversation_resolved"')
    office.desk.deliver({"customers": [ADA]})
    office.resolve(("t1", "ada", NOON - HOUR))
    monkeypatch.setattr(asking, "write_letter", broken)
    with structlog.testing.capture_logs() as logs:
        assert office.run() == [None]
    told = next(line for line in logs if line["event"] == "a letter could not be written")
    assert told["error"] == "KeyError"
    assert "asking.py" in str(told["trace"])
    assert "ada@" not in str(logs)
    assert office.sink.mails == []
