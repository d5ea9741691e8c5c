"""Rows of different systems become one person or company by their evidence, in whatever order they come."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

import pytest

from wellheard.base.errors import BadCall, Unknown
from wellheard.enrich.identity import free_mail, phone_of

Rows = Sequence[Mapping[str, Any]]


def person(key: str, **more: Any) -> dict[str, Any]:
    return {"source_id": key, "updated_at": "2026-01-01", **more}


class Register:
    """Delivers people and companies, and says who is one with whom."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.workspace = desk.workspace

    def people(self, source: str, *rows: Mapping[str, Any]) -> str:
        return str(self.desk.deliver({"customers": list(rows)}, source).import_id)

    def groups(self, kind: str = "person") -> list[set[str]]:
        """The linked rows, a set for each person or company."""
        found: dict[str, set[str]] = {}
        for link in self.workspace.links():
            if link.state == "holds" and link.kind == kind:
                found.setdefault(link.whole, {link.whole}).add(link.row)
        return sorted(found.values(), key=sorted)

    def why(self) -> dict[tuple[str, str], str]:
        return {(link.row, link.beside): link.reason for link in self.workspace.links() if link.state == "holds"}

    def answers(self, *whose: tuple[str, str]) -> None:
        """One answer of each `(source, customer_id)`."""
        for source, key in whose:
            row = {"source_id": f"of {key}", "kind": "nps", "score": 9, "answered_at": "2026-03-05", "customer_id": key}
            self.desk.deliver({"survey_responses": [row]}, source)

    def units(self) -> tuple[int, int]:
        row = self.desk.one("nps")
        return row["n"], row["units"]


@pytest.fixture
def register(desk: Any) -> Register:
    return Register(desk)


ANN = (
    ("crm", person("1", email=" Ann@X.example", phone="030 1234567", country="DE")),
    ("shop", person("7", email="ann@x.example", external_id="E-1")),
    ("help", person("u9", phone="+49 30 1234567")),
)


@pytest.mark.slow
def test_two_sources_that_share_an_email_give_one_customer(register: Register) -> None:
    register.people("crm", person("1", email="ann@x.example"), person("2", email="bo@x.example"))
    register.answers(("crm", "1"), ("crm", "2"))
    assert register.units() == (2, 2)
    second = register.people("shop", person("7", email=" ANN@x.Example "), person("8", email="ann+shop@x.example"))
    register.answers(("shop", "7"), ("shop", "8"))
    assert register.groups() == [{"crm:1", "shop:7"}]
    assert register.units() == (4, 3)
    register.workspace.undo(second)
    assert register.groups() == []
    assert [(link.state, link.ended_at is not None) for link in register.workspace.links()] == [("ended", True)]


@pytest.mark.slow
def test_a_chain_of_three_is_one_person_in_every_order_of_arrival(register: Register) -> None:
    for order in list(permutations(ANN))[1::2]:
        for source, row in order:
            register.people(source, row)
        assert register.groups() == [{"crm:1", "shop:7", "help:u9"}]
        assert register.why() == {("help:u9", "crm:1"): "phone", ("shop:7", "crm:1"): "email"}
        register.desk.clear()


@pytest.mark.slow
def test_redelivery_changes_nothing(register: Register) -> None:
    for source, row in ANN:
        register.people(source, row)
    held = register.desk.sql("select * from facts.main.person_links order by id")
    for source, row in reversed(ANN):
        register.people(source, row)
    assert register.desk.sql("select * from facts.main.person_links order by id").equals(held)


@pytest.mark.slow
def test_a_link_ends_with_its_evidence_and_comes_back_with_it(register: Register) -> None:
    register.people("crm", person("1", email="ann@x.example"))
    register.people("shop", person("7", email="ann@x.example"))
    moved = register.people("shop", {**person("7", email="ann@new.example"), "updated_at": "2026-02-01"})
    assert register.groups() == []
    register.workspace.undo(moved)
    assert register.groups() == [{"crm:1", "shop:7"}]
    register.people("crm", {**person("1", email="ann@new.example"), "updated_at": "2026-02-01"})
    assert register.groups() == []
    register.people("shop", {**person("7", email="ann@new.example"), "updated_at": "2026-02-02"})
    assert register.groups() == [{"crm:1", "shop:7"}]
    tombstone = {"source_id": "7", "deleted": True, "updated_at": "2026-03-01"}
    register.people("shop", tombstone)
    assert register.groups() == []


@pytest.mark.slow
def test_what_one_source_keeps_apart_no_rule_joins(register: Register) -> None:
    register.people("crm", person("1", email="office@x.example"), person("2", email="office@x.example"))
    register.people("shop", person("7", email="office@x.example"))
    assert register.groups() == []  # whose of the two it is, nobody can tell
    register.people("crm", {**person("2", email="own@x.example"), "updated_at": "2026-02-01"})
    assert register.groups() == [{"crm:1", "shop:7"}]
    register.people("shop", {**person("7", email="office@x.example", phone="+49301234567"), "updated_at": "2026-02-01"})
    late = {**person("2", email="own@x.example", phone="+49301234567"), "updated_at": "2026-02-02"}
    register.people("crm", late)
    assert register.groups() == [{"crm:1", "shop:7"}]  # the e-mail is stronger, and 1 and 2 stay two


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"email": "a@x.example", "email_confirmed": "false"}, {"email": "a@x.example"}, False),
        ({"email": "a@x.example", "email_confirmed": "true"}, {"email": "a@x.example"}, True),
        ({"email": "a@gmail.com"}, {"email": "a@gmail.com"}, True),
        ({"email": "nobody"}, {"email": "nobody"}, False),
        ({"name": "Ann Lee"}, {"name": "Ann Lee"}, False),
        ({"external_id": "E 1"}, {"external_id": " E 1"}, True),
        ({"external_id": ""}, {"external_id": ""}, False),
        ({"phone": "030 1234567"}, {"phone": "030 1234567"}, False),
        ({"phone": "030 1234567", "country": "DE"}, {"phone": "0049-30-1234567"}, True),
        ({"phone": "030 1234567", "country": "DE"}, {"phone": "030 1234567", "country": "GB"}, False),
    ],
)
def test_evidence_of_people(register: Register, one: Mapping[str, Any], other: Mapping[str, Any], same: bool) -> None:
    register.people("crm", person("1", **one))
    register.people("shop", person("1", **other))
    assert bool(register.groups()) == same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"domain": "https://www.Acme.example/about"}, {"domain": "acme.example"}, True),
        ({"domain": "gmail.com"}, {"domain": "gmail.com"}, False),
        ({"domain": "acme"}, {"domain": "acme"}, False),
        ({"name": "Acme"}, {"name": "Acme"}, False),
        ({"external_id": "A1"}, {"external_id": "A1"}, True),
    ],
)
def test_evidence_of_companies(
    register: Register, one: Mapping[str, Any], other: Mapping[str, Any], same: bool
) -> None:
    register.desk.deliver({"accounts": [person("1", **one)]}, "crm")
    register.desk.deliver({"accounts": [person("1", **other)]}, "billing")
    assert register.groups("company") == ([{"billing:1", "crm:1"}] if same else [])


@pytest.mark.slow
def test_a_source_may_say_who_is_one(register: Register) -> None:
    register.people("crm", person("1"), person("2"))
    linked = [
        {"source_id": str(n), "person_id": "P", "customer_source": s, "customer_id": k, "reason": "source_link"}
        for n, (s, k) in enumerate([("crm", "1"), ("crm", "2"), ("survey", "x")])
    ]
    given = register.desk.deliver({"person_links": linked}, "mdm").import_id
    assert register.groups() == [{"crm:1", "crm:2", "survey:x"}]
    register.answers(("crm", "1"), ("crm", "2"), ("survey", "x"))
    assert register.units() == (3, 1)
    register.workspace.undo(given)
    assert register.groups() == []
    assert register.units() == (3, 3)


@pytest.mark.slow
def test_a_decision_by_hand_outlives_rules_and_redelivery(register: Register) -> None:
    for source, row in ANN[:2]:
        register.people(source, row)
    workspace = register.workspace
    (link,) = workspace.links()
    workspace.settle(workspace.unlink(link.id))
    assert register.groups() == []
    for source, row in ANN:
        register.people(source, row)
    register.people(
        "shop", {**ANN[1][1], "email": "ann@x.example", "phone": "+49301234567", "updated_at": "2026-05-01"}
    )
    assert {"crm:1", "shop:7"} not in [group & {"crm:1", "shop:7"} for group in register.groups()]
    (apart,) = [link for link in workspace.links() if link.state == "kept apart"]
    assert (apart.decided_by, apart.reason) == ("owner", "email")
    workspace.settle(workspace.relink(apart.id))
    assert register.groups() == [{"crm:1", "shop:7", "help:u9"}]


@pytest.mark.slow
def test_what_was_linked_by_hand_stays_linked(register: Register) -> None:
    register.people("crm", person("1", email="a@x.example"), person("2", email="b@x.example"))
    register.people("shop", person("1", email="c@x.example"))
    workspace = register.workspace
    workspace.settle(workspace.link("person", "crm:1", "shop:1"))
    by_hand = workspace.imports()[0].import_id
    workspace.settle(workspace.link("person", "crm:1", "2"))  # one source's own two rows, too
    assert register.groups() == [{"crm:1", "crm:2", "shop:1"}]
    register.people("shop", {**person("1", email="b@x.example"), "updated_at": "2026-02-01"})
    assert register.groups() == [{"crm:1", "crm:2", "shop:1"}]
    workspace.undo(by_hand)
    assert register.groups() == [{"crm:1", "crm:2", "shop:1"}]  # by the e-mail now
    assert register.why()["shop:1", "crm:2"] == "email"


@pytest.mark.slow
def test_what_cannot_be_decided_is_refused(register: Register) -> None:
    register.people("crm", person("1"), person("2"))
    register.people("shop", person("1"))
    workspace = register.workspace
    with pytest.raises(Unknown, match="no row 'crm:9'"):
        workspace.link("person", "crm:9", "crm:1")
    with pytest.raises(BadCall, match="several sources"):
        workspace.link("person", "1", "crm:2")
    with pytest.raises(BadCall, match="with itself"):
        workspace.link("person", "crm:2", "2")
    with pytest.raises(BadCall, match="cannot be linked"):
        workspace.link("dog", "crm:1", "crm:2")
    with pytest.raises(Unknown):
        workspace.unlink("abcdef")
    workspace.settle(workspace.link("person", "crm:1", "crm:2"))
    with pytest.raises(BadCall, match="already"):
        workspace.link("person", "crm:2", "crm:1")


@pytest.mark.slow
def test_piece_by_piece_gives_what_all_at_once_gives(new_desk: Callable[..., Any]) -> None:
    rng = random.Random(5)
    rows = {
        source: [
            person(
                str(n),
                email=rng.choice([None, f"m{rng.randrange(15)}@x.example"]),
                phone=rng.choice([None, f"+4930{1000000 + rng.randrange(15)}"]),
                external_id=rng.choice([None, f"e{rng.randrange(30)}"]),
            )
            for n in range(14)
        ]
        for source in ("a", "b", "c")
    }
    whole, pieces = Register(new_desk()), Register(new_desk())
    for source, part in rows.items():
        whole.people(source, *part)
    loose = [(source, row) for source, part in rows.items() for row in part]
    rng.shuffle(loose)
    for start in range(0, len(loose), 14):
        for source in rows:
            if part := [row for of, row in loose[start : start + 14] if of == source]:
                pieces.people(source, *part)
    assert len(whole.groups()) > 3
    assert pieces.groups() == whole.groups()
    assert pieces.why() == whole.why()
    for group in whole.groups():
        assert len({row.split(":")[0] for row in group}) == len(group)


def test_links_hold_no_personal_value(register: Register) -> None:
    for source, row in ANN:
        register.people(source, row)
    held = register.desk.sql("select * from facts.main.person_links").to_csv().casefold()
    assert "crm:1" in held
    for secret in ("ann", "x.example", "1234567"):
        assert secret not in held


def test_free_mail_domains_stand_once_and_in_order_of_reading() -> None:
    assert len(set(free_mail())) == len(free_mail()) > 80
    assert all(domain == domain.strip().lower() and "." in domain for domain in free_mail())
    assert {"gmail.com", "web.de", "qq.com"} <= set(free_mail())


@pytest.mark.parametrize(
    ("number", "country", "same_as"),
    [
        ("(212) 555-0123", "US", "+12125550123"),
        ("+44 20 7946 0958", "", "+442079460958"),
        ("020 7946 0958", "gb", "+442079460958"),
        ("020 7946 0958", "United Kingdom", ""),
        ("call me", "DE", ""),
    ],
)
def test_numbers_as_the_world_dials_them(number: str, country: str, same_as: str) -> None:
    assert phone_of(f"{number}\x1f{country}") == same_as
