"""What every hook keeps (W5): of all calls that could be made at its address, the proven one alone is taken in, once.

How each system signs is written here anew from what it publishes, so that a scheme cannot agree with itself alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from standardwebhooks import Webhook
from tests.actions.conftest import NOON, Clock, new_store

from wellheard.actions.hook import Hook, schemes
from wellheard.base.settings import Settings
from wellheard.store import hooks
from wellheard.store.cases import Case, Entry, Opening, case, change_case, entries, open_case
from wellheard.store.columns import METADATA
from wellheard.store.connections import keep_connection
from wellheard.store.deliveries import Outgoing, queue, settle_delivered
from wellheard.store.inbox import Inbox
from wellheard.store.store import FILE, Store, open_store
from wellheard.store.vault import Vault, new_key
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf
from wellheard.web.public.application import make_public_app
from wellheard.web.public.hooks import LARGEST
from wellheard.web.public.reception import reception_of

__all__ = ["new_store"]
SECRET, NEXT, WRONG = (f"whsec_{base64.b64encode(letter * 32).decode()}" for letter in (b"a", b"b", b"c"))
TICKET = "4711"
Headers = dict[str, str]


@dataclass(frozen=True)
class Sender:
    """How a system writes and signs what happened to a ticket."""

    body: Callable[[str, str, datetime], dict[str, Any]]  # what, the event's id, when
    sign: Callable[[str, bytes, str, datetime], Headers]
    proof: str  # the header without which nothing is proven


def zendesk_body(what: str, id: str, at: datetime) -> dict[str, Any]:
    told: dict[str, Any] = {
        "solved": {"current": "SOLVED", "previous": "OPEN"},
        "reopened": {"current": "OPEN", "previous": "SOLVED"},
        "answered": {"comment": {"author": {"is_staff": True}, "is_public": True, "body": "We are on it."}},
    }[what]
    kind = "comment_added" if what == "answered" else "status_changed"
    head = {"type": f"zen:event-type:ticket.{kind}", "id": id, "time": at.isoformat()}
    return {**head, "zendesk_event_version": "2022-06-20", "event": told, "detail": {"id": TICKET, "status": "OPEN"}}


def zendesk_sign(secret: str, body: bytes, _id: str, at: datetime) -> Headers:
    moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    made = hmac.new(secret.encode(), moment.encode() + body, hashlib.sha256).digest()
    return {
        "X-Zendesk-Webhook-Signature": base64.b64encode(made).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": moment,
    }


def intercom_body(what: str, id: str, at: datetime) -> dict[str, Any]:
    topic = {"solved": "closed", "reopened": "opened", "answered": "replied"}[what]
    item = {"type": "conversation", "id": TICKET}
    return {
        "type": "notification_event",
        "id": id,
        "topic": f"conversation.admin.{topic}",
        "first_sent_at": int(at.timestamp()),
        "created_at": int(at.timestamp()) - 1,
        "data": {"type": "notification_event_data", "item": item},
    }


def intercom_sign(secret: str, body: bytes, _id: str, _at: datetime) -> Headers:
    return {"X-Hub-Signature": "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}


def standard_body(what: str, _id: str, _at: datetime) -> dict[str, Any]:
    return {"type": f"ticket.{what}", "data": {"ticket": TICKET, "system": "zendesk"}}


def standard_sign(secret: str, body: bytes, id: str, at: datetime) -> Headers:
    moment = {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp()))}
    return {**moment, "webhook-signature": Webhook(secret).sign(id, at, body.decode())}


def freshdesk_body(what: str, _id: str, _at: datetime) -> dict[str, Any]:
    return {"ticket": int(TICKET), "what": what}


def freshdesk_sign(secret: str, _body: bytes, _id: str, _at: datetime) -> Headers:
    return {"X-Wellheard-Secret": secret}


SENDERS = {
    "zendesk": Sender(zendesk_body, zendesk_sign, "X-Zendesk-Webhook-Signature"),
    "intercom": Sender(intercom_body, intercom_sign, "X-Hub-Signature"),
    "standard": Sender(standard_body, standard_sign, "webhook-signature"),
    "freshdesk": Sender(freshdesk_body, freshdesk_sign, "X-Wellheard-Secret"),
}
SIGNED = [name for name, hook in schemes().items() if hook.signed]


@dataclass
class Desk:
    """A hook of one scheme, and the case for which ticket 4711 was opened in that help desk."""

    scheme: str
    store: Store
    vault: Vault
    client: TestClient
    clock: Clock
    hook: str
    number: int

    def call(self, what: str = "solved", id: str = "e1", **how: Any) -> Any:
        body, headers = self.written(what, id, **how)
        return self.post(body, headers)

    def written(
        self, what: str = "solved", id: str = "e1", secret: str = SECRET, at: datetime | None = None
    ) -> tuple[bytes, Headers]:
        sender, moment = SENDERS[self.scheme], at or self.clock()
        body = json.dumps(sender.body(what, id, moment)).encode()
        return body, sender.sign(secret, body, id, moment)

    def post(self, body: bytes, headers: Mapping[str, str]) -> Any:
        return self.client.post(f"/hooks/{self.hook}", content=body, headers=dict(headers))

    def noted(self) -> list[str]:
        return [entry.kind for entry in self.history()[1:]]

    def history(self) -> list[Entry]:
        with self.store.reading() as con:
            return entries(con, self.number)

    def case(self) -> Case:
        with self.store.reading() as con:
            return case(con, "main", self.number)

    def rows(self) -> dict[str, list[Any]]:
        """All that lies in the store but for what a hook may write."""
        own = {"cases", "case_entries", "hooks", "heard_events"}
        with self.store.reading() as con:
            return {t.name: con.execute(t.select()).all() for t in METADATA.sorted_tables if t.name not in own}


@pytest.fixture
def desk_of(tmp_path: Path, new_store: Path) -> Iterator[Callable[[str], Desk]]:
    shutil.copy(new_store, tmp_path / FILE)
    (tmp_path / "surveys").mkdir()
    settings = Settings(answers_per_network=100_000)
    store, vault, clock = open_store(tmp_path, settings), Vault((new_key(),)), Clock()
    inbox = Inbox(store)
    published = Published(store, Shelf(tmp_path / "surveys"), "main")
    reception = reception_of("main", settings, store, inbox, published, vault=vault)
    app = make_public_app(replace(reception, now=clock))

    def make(scheme: str) -> Desk:
        channel = "zendesk" if scheme == "standard" else scheme
        with store.writing() as con:
            keep_connection(con, "main", vault, "desk", channel, {}, {}, NOON)
            number, _ = open_case(con, "main", Opening("answer", "s1", "NPS 2", {}, rule_id="low"), NOON)
            out = Outgoing("k", "ticket", "desk", "NPS 2", {}, rule_id="low", case_number=number)
            settle_delivered(con, queue(con, "main", vault, out, NOON), TICKET, None, NOON, 0.1)
            id = hooks.keep_hook(con, "main", vault, "help", scheme, SECRET, NOON)
        client = TestClient(app, base_url="https://ask.example", raise_server_exceptions=False)
        return Desk(scheme, store, vault, client, clock, id, number)

    yield make
    inbox.close()
    store.close()


@pytest.mark.parametrize("hook", schemes().values(), ids=schemes())
def test_a_scheme_says_what_it_is_and_how_its_other_side_is_set_up(hook: Hook) -> None:
    assert hook.name in SENDERS, "write here, by what it publishes, how that system signs"
    assert hook.title
    assert hook.use.endswith(".")
    assert "secret" in hook.use
    if hook.draws is not None:
        assert len({hook.draws() for _ in range(10)}) == 10
        assert len(hook.draws()) >= 22


@pytest.mark.parametrize("scheme", schemes())
def test_w5_a_good_call_is_written_in_the_case_of_its_ticket(scheme: str, desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of(scheme)
    before = desk.rows()
    told = desk.call()
    assert (told.status_code, told.json()) == (200, {"accepted": True, "cases": [desk.number]})
    assert desk.noted() == ["solved the ticket"]
    assert desk.history()[-1].who == "help"
    assert desk.case().answered_at == NOON
    assert desk.case().state == "open"  # a person closes it, with what came of it
    # W6: nothing but the case has changed, so that no rule can be set off and nothing leaves.
    assert desk.rows() == before


@pytest.mark.parametrize("scheme", schemes())
@pytest.mark.parametrize("fault", ["wrong secret", "empty secret", "missing header", "empty header", "unknown address"])
def test_w5_a_call_without_the_proof_is_refused(scheme: str, fault: str, desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of(scheme)
    body, headers = desk.written(secret=WRONG if fault == "wrong secret" else SECRET)
    proof = SENDERS[scheme].proof
    if fault == "empty secret" and scheme != "standard":
        headers = SENDERS[scheme].sign("", body, "e1", NOON)
    elif fault in ("empty header", "empty secret"):
        headers[proof] = ""
    elif fault == "missing header":
        del headers[proof]
    elif fault == "unknown address":
        desk.hook = "0" * 32
    told = desk.post(body, headers)
    assert told.status_code == (404 if fault == "unknown address" else 403)
    assert set(told.json()["error"]) == {"code", "message", "hint", "field"}
    assert SECRET not in told.text
    assert desk.noted() == []
    if fault != "unknown address":
        assert desk.call().json()["accepted"]  # the refused one did not use the event up


@pytest.mark.parametrize("scheme", SIGNED)
@pytest.mark.parametrize("fault", ["changed byte", "re-serialised", "6 minutes old", "6 minutes early", "other moment"])
def test_w5_a_signed_call_that_was_changed_or_kept_is_refused(
    scheme: str, fault: str, desk_of: Callable[[str], Desk]
) -> None:
    desk = desk_of(scheme)
    minutes = {"6 minutes old": -6, "6 minutes early": 6}.get(fault, 0)
    body, headers = desk.written(at=NOON + timedelta(minutes=minutes))
    if fault == "changed byte":
        body = body.replace(TICKET.encode(), b"4712")
    elif fault == "re-serialised":
        body = json.dumps(json.loads(body), indent=1).encode()
    elif fault == "other moment":  # an old call in whose headers somebody wrote the present
        old, headers = desk.written(at=NOON - timedelta(hours=1))
        _, fresh = desk.written()
        body, moments = old, [name for name in headers if name.lower().endswith("timestamp")]
        headers |= {name: fresh[name] for name in moments}
    assert desk.post(body, headers).status_code == 403
    assert desk.noted() == []


@pytest.mark.parametrize("scheme", SIGNED)
def test_w5_a_call_of_four_minutes_ago_is_taken(scheme: str, desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of(scheme)
    assert desk.call(at=NOON - timedelta(minutes=4)).json()["accepted"]


@pytest.mark.parametrize("scheme", schemes())
def test_w5_a_repeated_call_changes_nothing(scheme: str, desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of(scheme)
    body, headers = desk.written("answered")
    beside = {"X-Zendesk-Webhook-Invocation-Id": "another", "X-Request-Id": "another"}  # what nobody signed
    told = [desk.post(body, headers), desk.post(body, headers), desk.post(body, headers | beside)]
    assert [t.json()["accepted"] for t in told] == [True, False, False]
    assert {t.status_code for t in told} == {200}  # so that the sender's own second try ends
    assert desk.noted() == ["answered the customer"]


@pytest.mark.parametrize("scheme", ["zendesk", "standard"])
def test_w5_a_second_try_with_a_new_mark_is_the_same_event(scheme: str, desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of(scheme)
    body, headers = desk.written("answered", "e9")
    assert desk.post(body, headers).json()["accepted"]
    desk.clock.on(hours=2)
    headers = SENDERS[scheme].sign(SECRET, body, "e9", desk.clock())
    assert not desk.post(body, headers).json()["accepted"]
    assert desk.noted() == ["answered the customer"]


def test_w5_twenty_at_once_are_one(desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of("zendesk")
    body, headers = desk.written("answered")
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: desk.post(body, headers), range(20)))
    assert sorted(t.json()["accepted"] for t in told) == [False] * 19 + [True]
    assert desk.noted() == ["answered the customer"]


@pytest.mark.parametrize("scheme", schemes())
def test_w5_two_secrets_hold_while_the_other_side_changes_over(scheme: str, desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of(scheme)
    with desk.store.writing() as con:
        hooks.rotate_hook(con, "main", desk.vault, "help", NEXT, NOON)
    assert desk.call("solved", "e1").json()["accepted"]
    assert desk.call("reopened", "e2", secret=NEXT).json()["accepted"]
    with desk.store.writing() as con:
        hooks.drop_old_secret(con, "main", desk.vault, "help", NOON)
    assert desk.call("answered", "e3").status_code == 403
    assert desk.call("answered", "e3", secret=NEXT).json()["accepted"]
    assert desk.noted() == ["solved the ticket", "reopened the ticket", "answered the customer"]


def test_s16_the_secrets_of_hooks_lie_sealed(desk_of: Callable[[str], Desk], tmp_path: Path) -> None:
    desk = desk_of("zendesk")
    lying = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert SECRET.encode() not in lying
    with desk.store.writing() as con:
        assert hooks.reseal_hooks(con, desk.vault) == 1
        kept = hooks.hooks(con, "main", desk.vault)["help"]
    assert kept.secrets == (SECRET,)
    assert SECRET not in repr(kept)


@pytest.mark.parametrize("scheme", schemes())
def test_a_ticket_that_is_solved_reopened_and_solved_again(scheme: str, desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of(scheme)
    steps: list[datetime | None] = []
    for n, what in enumerate(("solved", "solved", "reopened", "solved")):
        desk.call(what, f"e{n}")
        steps.append(desk.case().answered_at)
        desk.clock.on(hours=1)
    # The second telling of a state that is known is no news.
    assert desk.noted() == ["solved the ticket", "reopened the ticket", "solved the ticket"]
    assert steps == [NOON, NOON, None, NOON + timedelta(hours=3)]


def test_an_event_finds_the_case_about_a_conversation_and_the_one_it_was_merged_into(
    desk_of: Callable[[str], Desk],
) -> None:
    desk = desk_of("zendesk")
    with desk.store.writing() as con:
        about = Opening("text", "s2", "angry", {"source": "zendesk"}, conversation_id=TICKET)
        other = Opening("text", "s3", "angry", {"source": "intercom"}, conversation_id=TICKET)
        second, _ = open_case(con, "main", about, NOON)
        third, _ = open_case(con, "main", other, NOON)
        change_case(con, "main", second, NOON, state="merged", merged_into=third)
    assert desk.call().json()["cases"] == [desk.number, third]
    assert third != desk.number


def test_tickets_of_another_desk_or_number_are_nobodys(desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of("standard")
    for id, data in (
        ("e1", {"ticket": TICKET, "system": "freshdesk"}),
        ("e2", {"ticket": "471", "system": "zendesk"}),
        ("e3", {"ticket": TICKET}),
        ("e4", {"ticket": [TICKET], "system": "zendesk"}),
        ("e5", {"ticket": True, "system": "zendesk"}),
    ):
        body = json.dumps({"type": "ticket.solved", "data": data}).encode()
        told = desk.post(body, standard_sign(SECRET, body, id, NOON))
        assert (told.status_code, told.json()) == (200, {"accepted": True, "cases": []})
    assert desk.noted() == []


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"\xff", b"[" * 100_000], ids=range(5))
def test_a_proven_call_that_is_no_object_is_told_so(body: bytes, desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of("zendesk")
    told = desk.post(body, zendesk_sign(SECRET, body, "", NOON))
    assert (told.status_code, told.json()["error"]["field"]) == (422, "body")


def test_a_body_is_bounded_and_unproven_ones_are_counted(desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of("zendesk")
    assert desk.post(b"x" * (LARGEST + 1), {}).status_code == 413
    assert desk.client.get(f"/hooks/{desk.hook}").status_code == 405
    assert desk.client.head(f"/hooks/{desk.hook}").status_code == 200
    reception = desk.client.app.state.reception  # type: ignore[attr-defined]
    reception.by_network.rate = 3
    reception.by_network._left.clear()
    assert [desk.call(secret=WRONG).status_code for _ in range(5)] == [403] * 3 + [429] * 2
    assert desk.call().status_code == 200  # the help desk itself is not slowed down


def test_private_comments_and_those_of_customers_are_no_answers(desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of("zendesk")
    for n, (public, staff) in enumerate(((False, True), (True, False))):
        told = zendesk_body("answered", f"e{n}", NOON)
        told["event"]["comment"] |= {"is_public": public, "author": {"is_staff": staff}}
        body = json.dumps(told).encode()
        assert desk.post(body, zendesk_sign(SECRET, body, "", NOON)).json() == {"accepted": True, "cases": []}
    assert desk.noted() == []


def test_an_old_event_is_forgotten_only_when_its_signature_is_long_void(desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of("zendesk")
    body, headers = desk.written("answered", "e1")
    assert desk.post(body, headers).json()["accepted"]
    desk.clock.at += hooks.REMEMBERED + timedelta(days=1)
    assert desk.call("answered", "e2").json()["accepted"]  # which forgets what is older
    assert desk.post(body, headers).status_code == 403
    with desk.store.reading() as con:
        assert len(con.execute(METADATA.tables["heard_events"].select()).all()) == 1


def test_every_topic_of_intercom_is_read_where_its_ticket_stands(desk_of: Callable[[str], Desk]) -> None:
    desk = desk_of("intercom")
    plain, inside = {"type": "ticket", "id": TICKET}, {"type": "ticket_part", "ticket": {"id": TICKET}, "id": "9"}
    steps = (
        ("ticket.state.updated", plain | {"ticket_state": "in_progress"}, ""),  # never solved, so not reopened
        ("ticket.admin.replied", inside, "answered the customer"),
        ("ticket.resolved", plain, "solved the ticket"),
        ("ticket.closed", inside, ""),  # older versions tell both
        ("ticket.state.updated", plain | {"ticket_state": "resolved"}, ""),
        ("ticket.state.updated", plain | {"ticket_state": {"category": "in_progress"}}, "reopened the ticket"),
        ("ticket.closed", inside, "solved the ticket"),
        ("ticket.contact.replied", inside, ""),
        ("ping", {}, ""),
    )
    wanted: list[str] = []
    for n, (topic, item, kind) in enumerate(steps):
        told = intercom_body("solved", f"n{n}", NOON) | {"topic": topic, "data": {"item": item}}
        body = json.dumps(told).encode()
        assert desk.post(body, intercom_sign(SECRET, body, "", NOON)).json()["accepted"]
        wanted += [kind] if kind else []
        assert desk.noted() == wanted, topic
