"""What comes back is read as mail servers and providers write it, and belongs to the right letter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook
from starlette.testclient import TestClient

from wellheard.base.errors import BadInput
from wellheard.base.settings import Settings
from wellheard.store import blocks, dispatches, ledger
from wellheard.store.budgets import Budgets
from wellheard.store.inbox import Inbox
from wellheard.store.layout import BOUNCES, INVITATIONS, UNSUBSCRIBES
from wellheard.store.ledger import Candidate
from wellheard.store.returned import Returned, note_returned
from wellheard.store.store import Store, open_store
from wellheard.store.vault import open_vault
from wellheard.surveys.bounces import read_events, read_report
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf
from wellheard.web.public.application import make_public_app
from wellheard.web.public.reception import reception_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEY = "0123456789abcdef0123456789abcdef"


def report(
    action: str = "failed", status: str = "5.1.1", address: str = "Ada@x.example", key: str = KEY, whole: bool = True
) -> bytes:
    """A delivery report as RFC 3464 lays it out, with the mail that came back or with its headers alone."""
    mail = MIMEMultipart("report", report_type="delivery-status")
    mail["From"], mail["To"] = "MAILER-DAEMON@relay.example", "surveys@larkfield.example"
    mail.attach(MIMEText("This is the mail system. Your message could not be delivered."))
    told = MIMEBase("message", "delivery-status")
    head, one = EmailMessage(), EmailMessage()
    head["Reporting-MTA"] = "dns; relay.example"
    one["Original-Recipient"], one["Final-Recipient"] = f"rfc822;{address}", f"rfc822; {address}"
    one["Action"], one["Status"] = action, status
    one["Diagnostic-Code"] = "smtp; 550 5.1.1 no such user"
    told.set_payload([head, one])
    mail.attach(told)
    sent = EmailMessage()
    sent["Subject"], sent["X-Wellheard-Invitation"] = "We would like to hear from you", key
    sent.set_content("…")
    headers = MIMEText(str(sent).partition("\n\n")[0], "rfc822-headers")
    mail.attach(MIMEMessage(sent) if whole else headers)
    return mail.as_bytes()


@pytest.mark.parametrize("whole", [True, False])
def test_a_report_names_the_letter_the_address_and_why(whole: bool) -> None:
    (found,) = read_report(report(whole=whole))
    assert found == Returned("bounced", KEY, "Ada@x.example", True, "5.1.1 550 5.1.1 no such user")


@pytest.mark.parametrize(
    ("action", "status", "kind", "lasting"),
    [
        ("failed", "4.4.7", "bounced", False),
        ("delivered", "2.0.0", "delivered", True),
        ("delayed", "4.0.0", None, None),
    ],
)
def test_what_failed_for_a_while_is_not_for_ever(action: str, status: str, kind: Any, lasting: Any) -> None:
    found = [(r.kind, r.lasting) for r in read_report(report(action, status))]
    assert found == ([(kind, lasting)] if kind else [])


def test_another_mail_is_no_report() -> None:
    with pytest.raises(BadInput, match="no delivery report"):
        read_report(b"Subject: out of office\r\n\r\nI am away.")


@pytest.mark.parametrize(
    "body",
    [
        b"[]", b"{", b'{"type": "bounced"}', b'{"type": "exploded", "data": {}}', b'{"events": [{"type": 1}]}',
        b'{"type": "bounced", "data": {"id": {"$ne": 1}}}',
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        read_events(body)


class Office:
    """A store in which one letter was sent, and the public's application over it."""

    def __init__(self, home: Path) -> None:
        settings = Settings(webhook_secret=SECRET)  # type: ignore[arg-type]
        self.store: Store = open_store(home, settings)
        (home / "surveys").mkdir()
        (home / "surveys" / "nps.toml").write_text('name = "NPS"\n[[questions]]\nid = "a"\ntype = "nps"\n', "utf-8")
        published = Published(self.store, Shelf(home / "surveys"), "main")
        key = published.all()[0].key
        vault = open_vault(home, settings)
        told = Candidate(key, "o1", NOW, ("crm:1",), channel="email", address="ada@x.example")
        with self.store.writing() as con:
            (decided,) = ledger.decide(con, "main", Budgets(), [told], vault, NOW)
            claimed = dispatches.claim(con, "main", vault, NOW)
            assert claimed is not None
            dispatches.note_sent(con, claimed, NOW, "provider-17")
        self.invitation = str(decided.invitation_id)
        self.inbox = Inbox(self.store)
        app = make_public_app(reception_of("main", settings, self.store, self.inbox, published))
        self.client = TestClient(app, raise_server_exceptions=False)

    def note(self, *returned: Returned) -> int:
        with self.store.writing() as con:
            return note_returned(con, "main", returned, NOW)

    def row(self, table: sa.Table) -> list[dict[str, Any]]:
        with self.store.reading() as con:
            return [dict(row) for row in con.execute(table.select()).mappings()]

    def post(self, body: bytes, kind: str = "application/json", **headers: str) -> Any:
        now = datetime.now(UTC)
        signed = {"webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp())),
                  "webhook-signature": Webhook(SECRET).sign("m1", now, body.decode())}  # fmt: skip
        return self.client.post("/bounces", content=body, headers={"content-type": kind, **signed, **headers})


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.inbox.close()
    made.store.close()


@pytest.mark.parametrize("by", ["key", "provider", "address"])
def test_a_bounce_belongs_to_its_letter_and_counts_once(office: Office, by: str) -> None:
    named = {"key": {"reference": office.invitation}, "provider": {"reference": "provider-17"},
             "address": {"address": "ADA@x.example"}}[by]  # fmt: skip
    assert office.note(Returned("bounced", **named)) == 1
    assert office.note(Returned("bounced", **named)) == 1
    assert len(office.row(BOUNCES)) == 1
    (invitation,) = office.row(INVITATIONS)
    assert invitation["bounced_at"] == NOW
    told = Candidate(invitation["survey_key"], "o2", NOW, ("crm:2",), address="ada@x.example")
    with office.store.reading() as con:
        assert blocks.Blocks(con, "main", [told]).reason(told) == "bounced"


def test_what_is_about_no_letter_of_ours_is_not_kept(office: Office) -> None:
    assert office.note(Returned("bounced", "f" * 32), Returned("complained", address="eve@x.example")) == 0
    assert office.row(BOUNCES) == office.row(UNSUBSCRIBES) == []


@pytest.mark.parametrize("kind", ["complained", "unsubscribed"])
def test_who_complains_is_not_asked_again_under_any_name(office: Office, kind: str) -> None:
    office.note(Returned(kind, office.invitation))
    (left,) = office.row(UNSUBSCRIBES)
    assert (left["person"], left["origin"]) == ("crm:1", kind)
    assert left["address_hash"] == blocks.address_hash("ada@x.example")


def test_arrival_and_reading_are_noted(office: Office) -> None:
    office.note(Returned("delivered", office.invitation), Returned("seen", "provider-17"))
    (invitation,) = office.row(INVITATIONS)
    assert (invitation["delivered_at"], invitation["seen_at"]) == (NOW, NOW)


def test_the_webhook_takes_events_and_reports(office: Office) -> None:
    events = {"events": [{"type": "delivered", "data": {"id": "provider-17"}},
                         {"type": "bounced", "data": {"id": "unknown"}}]}  # fmt: skip
    assert office.post(json.dumps(events).encode()).json() == {"noted": 1}
    body = report(key=office.invitation).decode().encode()
    assert office.post(body, "message/rfc822").json() == {"noted": 1}
    assert len(office.row(BOUNCES)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-timestamp": "1700000000"},
        {"webhook-timestamp": "soon"},
        {"webhook-id": "m2"},
    ],
)
def test_w5_an_event_that_is_not_signed_as_agreed_is_believed_nothing(office: Office, headers: dict[str, str]) -> None:
    body = json.dumps({"type": "bounced", "data": {"id": office.invitation}}).encode()
    answer = office.post(body, **headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "refused")
    assert office.row(BOUNCES) == []


def test_w5_a_changed_byte_or_a_missing_secret_is_seen(office: Office) -> None:
    body = json.dumps({"type": "bounced", "data": {"id": office.invitation}}).encode()
    now = datetime.now(UTC)
    headers = {"webhook-id": "m1", "webhook-timestamp": str(int(now.timestamp())),
               "webhook-signature": Webhook(SECRET).sign("m1", now, body.decode())}  # fmt: skip
    assert office.client.post("/bounces", content=body + b" ", headers=headers).status_code == 403
    assert office.client.post("/bounces", content=body).status_code == 403
    assert office.post(body).json() == {"noted": 1}
