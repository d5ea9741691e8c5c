"""Budgets hold for people and companies however they are linked, what is more important wins, and reasons are kept."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wellheard.base.settings import Settings
from wellheard.store import blocks, dispatches, ledger
from wellheard.store.budgets import Asking, Budgets, Diary, exceeded
from wellheard.store.columns import METADATA
from wellheard.store.invitations import unsubscribe
from wellheard.store.ledger import Candidate, Decided, Quota
from wellheard.store.refusals import refuse, refusing
from wellheard.store.store import Store, open_store
from wellheard.store.surveys import save_survey
from wellheard.store.vault import Vault, open_vault

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WEEKLY = Budgets({7: 1, 90: 3}, {7: 3})


class Office:
    """A store with two surveys, and a ledger in it."""

    def __init__(self, home: Path, store: Store) -> None:
        self.store = store
        self.vault: Vault = open_vault(home, Settings())
        with self.store.writing() as con:
            kept = [save_survey(con, "main", name, "x", NOON) for name in ("nps", "csat")]
        self.nps, self.csat = (survey.survey_key for survey in kept)
        self.count = 0

    def candidate(self, person: str = "crm:1", at: datetime = NOON, **given: Any) -> Candidate:
        self.count += 1
        told = {"person_rows": (person,), "channel": "email", "address": f"{person[4:]}@x.example", **given}
        key = told.pop("survey_key", self.nps)
        return Candidate(key, told.pop("occasion", f"o{self.count}"), at, **told)

    def decide(self, *candidates: Candidate, budgets: Budgets = WEEKLY, now: datetime = NOON) -> list[Decided]:
        with self.store.writing() as con:
            return ledger.decide(con, "main", budgets, candidates, self.vault, now)

    def reasons(self, *candidates: Candidate, **given: Any) -> list[str | None]:
        return [decided.reason for decided in self.decide(*candidates, **given)]

    def claim(self, now: datetime = NOON) -> Any:
        with self.store.writing() as con:
            return dispatches.claim(con, "main", self.vault, now)

    def listed(self, **which: Any) -> list[ledger.Entry]:
        with self.store.reading() as con:
            return ledger.entries(con, "main", **which)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def office(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Office]:
    if request.param == "postgresql":
        yield Office(tmp_path, request.getfixturevalue("in_postgres")())
        return
    made = Office(tmp_path, open_store(tmp_path, Settings()))
    yield made
    made.store.close()


def test_a_person_is_asked_once_a_week_over_all_surveys(office: Office) -> None:
    assert office.reasons(office.candidate()) == [None]
    other = {"survey_key": office.csat}
    assert office.reasons(office.candidate(at=NOON + 6.9 * DAY, **other)) == ["person_budget:7"]
    assert office.reasons(office.candidate(at=NOON - 6.9 * DAY, **other)) == ["person_budget:7"]
    assert office.reasons(office.candidate(at=NOON + 7 * DAY, **other)) == [None]
    assert office.reasons(office.candidate("crm:2", **other)) == [None]


def test_every_clock_holds(office: Office) -> None:
    found = [office.reasons(office.candidate(at=NOON + 8 * n * DAY))[0] for n in range(13)]
    assert found == [None] * 3 + ["person_budget:90"] * 9 + [None]  # 3 in 90 days; the 12th eight days are day 96


def test_linked_rows_are_one_person_also_when_they_are_linked_later(office: Office) -> None:
    assert office.reasons(office.candidate("crm:1")) == [None]
    linked = office.candidate("zen:9", person_rows=("zen:9", "crm:1"))
    assert office.reasons(linked) == ["person_budget:7"]
    assert office.reasons(office.candidate("zen:9")) == [None]  # as long as nothing links them


def test_a_company_has_budgets_of_its_own_over_its_people(office: Office) -> None:
    found = [office.reasons(office.candidate(f"crm:{n}", company_rows=("crm:A",)))[0] for n in range(4)]
    assert found == [None, None, None, "company_budget:7"]
    assert office.reasons(office.candidate("crm:8", company_rows=("zen:a", "crm:A"))) == ["company_budget:7"]
    assert office.reasons(office.candidate("crm:9", company_rows=("crm:B",))) == [None]


def test_of_surveys_that_compete_the_more_important_is_asked(office: Office) -> None:
    low, high = office.candidate(priority=2), office.candidate(priority=8, survey_key=office.csat)
    found = {d.candidate.priority: d.reason for d in office.decide(low, high)}
    assert found == {8: None, 2: "person_budget:7"}


def test_what_is_planned_gives_way_and_what_was_sent_does_not(office: Office) -> None:
    planned = office.candidate(at=NOON + DAY, priority=2)
    assert office.reasons(planned) == [None]
    assert office.reasons(office.candidate(priority=8)) == [None]
    assert {(e.asked, e.reason) for e in office.listed()} == {(True, None), (False, "gave_way")}
    assert office.claim(NOON + 2 * DAY).tries == 0  # the more important one
    assert office.claim(NOON + 2 * DAY) is None
    assert office.reasons(office.candidate(priority=9)) == ["person_budget:7"]


def test_an_occasion_is_decided_once_also_for_reasons(office: Office) -> None:
    first = office.candidate(occasion="resolved:1", refused="not_drawn")
    assert office.reasons(first) == ["not_drawn"]
    assert office.reasons(office.candidate("crm:2", occasion="resolved:1")) == []
    assert [e.reason for e in office.listed()] == ["not_drawn"]


def test_two_who_decide_at_once_do_not_ask_twice(office: Office) -> None:
    found: list[str | None] = []

    def decide(n: int) -> None:
        found.extend(office.reasons(office.candidate(occasion=f"at once {n}")))

    threads = [threading.Thread(target=decide, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, found)) == ["None"] + ["person_budget:7"] * 5


def test_quotas_count_whom_they_name(office: Office) -> None:
    quotas = (Quota(30, 2, {"segment": "large"}), Quota(30, 3))
    large = {"traits": {"segment": "large"}, "quotas": quotas}
    found = [office.reasons(office.candidate(f"crm:{n}", **large))[0] for n in range(3)]
    assert found == [None, None, "quota:30:segment=large"]
    small = {"traits": {"segment": "small"}, "quotas": quotas}
    assert [office.reasons(office.candidate(f"crm:{n}", **small))[0] for n in (5, 6)] == [None, "quota:30"]
    # Within one transaction as well.
    many = [office.candidate(f"crm:{n}", survey_key=office.csat, **large) for n in range(20, 24)]
    assert [d.reason for d in office.decide(*many)] == [None, None] + ["quota:30:segment=large"] * 2


def test_who_wants_no_more_is_not_asked_by_any_row_or_address(office: Office) -> None:
    (asked,) = office.decide(office.candidate("crm:1", address="Ada@X.example"))
    assert asked.token is not None
    claimed = office.claim()
    with office.store.writing() as con:
        dispatches.note_sent(con, claimed, NOON)
        unsubscribe(con, asked.token, NOON)
    later = NOON + 30 * DAY
    assert office.reasons(office.candidate("crm:1", at=later, address=None, carried=False)) == ["opted_out"]
    assert office.reasons(office.candidate("zen:5", at=later, person_rows=("zen:5", "crm:1"))) == ["opted_out"]
    assert office.reasons(office.candidate("zen:6", at=later, address=" ada@x.EXAMPLE")) == ["opted_out"]
    assert office.reasons(office.candidate("zen:1", at=later)) == [None]  # another person with the same key elsewhere
    with office.store.writing() as con:
        assert blocks.opt_in(con, "main", later, person="crm:1") == 1
    assert office.reasons(office.candidate("crm:1", at=later)) == [None]


WRITTEN, DIALLED = "+49 (30) 123-456", "+4930123456"  # as in the table of customers, and as letters are sent


def test_who_stops_letters_to_a_telephone_is_asked_nothing_there(office: Office) -> None:
    sms = {"channel": "sms", "address": WRITTEN}
    office.decide(office.candidate("crm:1", at=NOON + DAY, **sms))
    with office.store.writing() as con:
        refuse(con, "main", None, DIALLED, "letter", NOON)
    assert office.claim(NOON + 2 * DAY) is None
    assert office.reasons(office.candidate("crm:2", **sms)) == ["opted_out"]
    assert office.reasons(office.candidate("crm:3", channel="sms", address="+49 30 123457")) == [None]


def test_who_leaves_a_survey_on_a_telephone_gets_no_letters_there(office: Office) -> None:
    (asked,) = office.decide(office.candidate("crm:1", channel="sms", address=WRITTEN))
    assert asked.token is not None
    with office.store.writing() as con:
        unsubscribe(con, asked.token, NOON)
        assert refusing(con, "main", [], [DIALLED, "+4930123457"])[1] == {DIALLED}
        assert blocks.opt_in(con, "main", NOON, address="+49 30/123456") == 1
        assert refusing(con, "main", [], [DIALLED])[1] == frozenset()


# Earlier versions kept the SHA-256 of what stands on the right for who had written what stands on the left.
@pytest.mark.parametrize(
    ("address", "kept"),
    [(WRITTEN, WRITTEN), ("Ada@X.example ", "ada@x.example"), ("Groß@x.example", "groß@x.example"),
     ("Groß@x.example", "gross@x.example")],
)  # fmt: skip
def test_refusals_and_bounces_of_earlier_versions_hold(tmp_path: Path, address: str, kept: str) -> None:
    office = Office(tmp_path, open_store(tmp_path, Settings()))
    hash = hashlib.sha256(kept.encode()).hexdigest()
    with office.store.writing() as con:
        blocks.note_bounce(con, "main", hash, NOON)
    assert office.reasons(office.candidate("crm:1", address=address)) == ["bounced"]
    with office.store.writing() as con:
        blocks.opt_out(con, "main", NOON, hash=hash)
        assert refusing(con, "main", [], [address])[1] == {address}
    assert office.reasons(office.candidate("crm:2", address=address)) == ["opted_out"]
    office.store.close()


def test_leaving_takes_back_what_waits(office: Office) -> None:
    office.decide(office.candidate("crm:1", at=NOON + DAY))
    with office.store.writing() as con:
        blocks.opt_out(con, "main", NOON, person="crm:1")
    assert office.claim(NOON + 2 * DAY) is None
    assert [(e.asked, e.reason, e.state) for e in office.listed()] == [(False, "opted_out", "withdrawn")]


def test_an_address_that_bounced_rests_or_is_asked_no_more(office: Office) -> None:
    for name, lasting in (("a@x.example", True), ("b@x.example", False)):
        with office.store.writing() as con:
            hash = blocks.address_hash(name)
            assert blocks.note_bounce(con, "main", hash, NOON, lasting=lasting)
            assert not blocks.note_bounce(con, "main", hash, NOON, lasting=lasting)
    ask = [office.candidate(f"crm:{n}", address=name) for n, name in enumerate(("a@x.example", "B@x.example"))]
    assert office.reasons(*ask) == ["bounced", "bounced"]
    with office.store.writing() as con:
        blocks.forget_passing(con, "main", NOON + 8 * DAY)
    again = [office.candidate(f"crm:{n}", address=name) for n, name in enumerate(("a@x.example", "b@x.example"))]
    assert sorted(map(str, office.reasons(*again))) == ["None", "bounced"]


def test_trials_touch_no_budget_and_are_touched_by_none(office: Office) -> None:
    assert office.reasons(office.candidate(test=True)) == [None]
    assert office.reasons(office.candidate()) == [None]
    assert office.reasons(office.candidate(test=True)) == [None]


def test_the_store_holds_no_address_in_the_open(office: Office) -> None:
    (asked,) = office.decide(office.candidate("crm:1", address="marker-address@x.example"))
    with office.store.reading() as con:
        rows = [str(row) for table in METADATA.sorted_tables for row in con.execute(table.select())]
    assert len(rows) > 4
    assert not any("marker-address" in row or str(asked.token) in row for row in rows)
    claimed = office.claim()
    assert claimed.address == "marker-address@x.example"
    with office.store.writing() as con:
        dispatches.note_sent(con, claimed, NOON)
        assert con.execute(dispatches.DISPATCHES.select()).mappings().one()["address"] is None


def test_a_letter_is_tried_eight_times_with_growing_rests_and_then_counts_no_more(office: Office) -> None:
    office.decide(office.candidate())
    now, rests = NOON, []
    while (claimed := office.claim(now)) is not None:
        with office.store.writing() as con:
            dispatches.note_failed(con, claimed, now, "the server is asleep", lasting=False)
            due = con.execute(dispatches.DISPATCHES.select()).mappings().one()["due_at"]
        rests.append((due - now).total_seconds() / 60)
        now = max(due, now + timedelta(seconds=1))
    assert len(rests) == 8
    for rest, most in zip(rests[:7], (1, 4, 16, 64, 256, 360, 360), strict=True):
        assert most / 2 <= rest <= most
    assert [(e.asked, e.reason, e.state) for e in office.listed()] == [(False, "not_sent", "failed")]
    assert office.reasons(office.candidate()) == [None]


def test_what_a_dead_process_left_is_unsure_unless_the_receiver_knows_keys(office: Office) -> None:
    office.decide(office.candidate("crm:1"), office.candidate("crm:2", channel="sms"))
    assert {office.claim().channel, office.claim().channel} == {"email", "sms"}
    with office.store.writing() as con:
        assert dispatches.recover(con, "main", NOON + timedelta(minutes=1), frozenset(["sms"])) == 0  # it may yet live
        assert dispatches.recover(con, "main", NOON + timedelta(minutes=6), frozenset(["sms"])) == 2
    assert {e.channel: e.state for e in office.listed()} == {"email": "unsure", "sms": "waiting"}
    assert office.claim(NOON + DAY).channel == "sms"
    assert office.claim(NOON + DAY) is None


def test_r10_a_clock_that_is_set_back_asks_nobody_twice(office: Office) -> None:
    assert office.reasons(office.candidate(occasion="wave:1"), now=NOON) == [None]
    assert office.reasons(office.candidate(occasion="wave:1"), now=NOON - timedelta(hours=1)) == []
    back = office.candidate(at=NOON - timedelta(hours=1))
    assert office.reasons(back, now=NOON - timedelta(hours=1)) == ["person_budget:7"]
    assert office.reasons(office.candidate(occasion="wave:1"), now=NOON + DAY) == []


@pytest.mark.parametrize("seed", range(6))
def test_no_stretch_of_time_ever_holds_more_than_its_clock_whatever_the_order(seed: int) -> None:
    chance = random.Random(seed)
    budgets = Budgets({7: 1, 30: 2, 90: 4}, {7: 3, 30: 8})
    diary = Diary(budgets)
    company_of = {f"p{n}": f"c{n % 5}" for n in range(25)}
    for n in range(2_000):
        person = chance.choice(list(company_of))
        at = chance.uniform(0, 200) * 86_400
        diary.ask(Asking(at, person, company_of[person], chance.randint(1, 9), chance.random() < 0.5, str(n)))
    asked = 0
    for kind, names, clocks in (
        ("person", set(company_of), budgets.person),
        ("company", set(company_of.values()), budgets.company),
    ):
        for name in names:
            times = diary.times(kind, name)
            asked += len(times)
            for days, most in clocks.items():  # by another way: count in every stretch that begins with an asking
                assert all(sum(t <= u < t + days * 86_400 for u in times) <= most for t in times)
            assert not exceeded(times, clocks)
    assert asked > 100
    assert exceeded([0.0, 6 * 86_400.0], {7: 1})
    assert not exceeded([0.0, 7 * 86_400.0], {7: 1})
