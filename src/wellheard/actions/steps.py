"""Does what a rule says: each step writes to the store, in the transaction in which the rule was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wellheard.actions import rule as rules
from wellheard.actions.happening import Happening
from wellheard.actions.letter import filled
from wellheard.actions.message import Message
from wellheard.actions.rule import Rule
from wellheard.actions.sending import Sender, delivery_key, queue_message
from wellheard.base.errors import WellheardError
from wellheard.base.schedules import Schedule, add_business_seconds
from wellheard.store import cases, firings
from wellheard.store.cases import Opening
from wellheard.store.firings import Firing
from wellheard.store.followup import Transaction


@dataclass(frozen=True)
class Enrolment:
    """Somebody who is to be asked by a survey: `occasion` names what about for ever, `at` is when."""

    survey: str
    occasion: str
    source: str | None
    about: Mapping[str, str | None]
    at: datetime


# Asks within the limits of asking, in the transaction; gives the invitation's id and link. Raises Unknown and Refused.
Invite = Callable[[Transaction, Enrolment], tuple[str, str]]


@dataclass(frozen=True)
class Customer:
    """Who a step is about, as far as is known. `refuses` says that they want no mails."""

    id: str
    name: str = ""
    email: str = ""
    refuses: bool = False

    def as_facts(self) -> dict[str, str]:
        """What a message carries of them."""
        told = {"id": self.id, "name": self.name, "email": self.email}
        return {name: value for name, value in told.items() if value}


@dataclass
class Scene:
    """What the steps of one firing share; `case_number` is set by the step that opens one."""

    rule: Rule
    happening: Happening
    firing: Firing
    sender: Sender
    now: datetime
    zone: str
    address: str
    public_address: str
    schedules: Mapping[str, Schedule]
    customer: Customer | None
    invite: Invite | None = None
    case_number: int | None = None
    done: list[str] = field(default_factory=list)


def perform(con: Transaction, scene: Scene) -> None:
    """Does every step of the rule in order: a case first, so that messages can lead to it."""
    steps = sorted(enumerate(scene.rule.file.do), key=lambda pair: not isinstance(pair[1], rules.OpenCase))
    for place, step in steps:
        match step:
            case rules.OpenCase():
                _open(con, scene, step)
            case rules.Notify() | rules.Webhook() | rules.Ticket():
                _tell(con, scene, step, place)
            case rules.Tag():
                if scene.happening.customer_id:
                    firings.tag_customer(
                        con, scene.sender.workspace, scene.happening.customer_id, step.tag, scene.rule.id, scene.now
                    )
            case rules.Survey():
                _enrol(con, scene, step, place)
            case rules.Review():
                _letter(con, scene, step.through, step.subject, step.text, step.link, place)
            case rules.Play():
                if scene.case_number is not None:
                    cases.change_case(con, scene.sender.workspace, scene.case_number, scene.now, play=step.play)
                    cases.enter(con, scene.case_number, scene.now, "wellheard", "play", step.play)
    for words in scene.done if scene.case_number is not None else ():
        cases.enter(con, scene.case_number or 0, scene.now, "wellheard", "noted", words)


def due_after(step: rules.OpenCase, schedules: Mapping[str, Schedule], start: datetime) -> datetime | None:
    """When a case is due: after hours of the clock, or of the opening hours where a schedule of that name is known."""
    if step.due_hours is None:
        return None
    schedule = schedules.get(step.schedule)
    if schedule is None:
        return start + timedelta(hours=step.due_hours)
    return add_business_seconds(schedule, start, step.due_hours * 3600)


def _open(con: Transaction, scene: Scene, step: rules.OpenCase) -> None:
    h = scene.happening
    told: dict[str, Any] = {"text": h.text, "facts": [list(pair) for pair in h.facts], "rule": scene.rule.name}
    told |= {"source": h.source, "link": h.link, "customers": list(h.customers)}
    told |= {"review": h.review, "platform": h.platform} if h.review else {}
    if scene.customer is not None:
        told["customer"] = scene.customer.as_facts()
    opening = Opening(
        kind=h.kind,
        subject=h.subject,
        title=h.title,
        details=told,
        rule_id=scene.rule.id,
        priority=step.priority,
        owner=step.owner,
        team=step.team,
        play=step.play,
        customer_id=h.customer_id,
        account_id=h.account_id,
        conversation_id=h.conversation_id,
        submission_id=h.submission_id,
        due_at=due_after(step, scene.schedules, scene.now),
        escalate_to=step.escalate_to,
    )
    scene.case_number, new = cases.open_case(con, scene.sender.workspace, opening, scene.now)
    if not new:
        words = f"the rule {scene.rule.id} holds as well"
        cases.enter(con, scene.case_number, scene.now, "wellheard", "noted", words)


def _tell(con: Transaction, scene: Scene, step: rules.Notify | rules.Webhook | rules.Ticket, place: int) -> None:
    kinds = {"notify": "notice", "webhook": "event", "ticket": "ticket"}
    h, data = scene.happening, {"rule": scene.rule.id, "subject": scene.happening.subject}
    data |= {"happened_at": h.at.isoformat(), "kind": h.kind}
    named = {"customer_id": h.customer_id, "account_id": h.account_id, "conversation_id": h.conversation_id}
    data |= {name: value for name, value in named.items() if value}
    if scene.case_number is not None:
        data["case"] = str(scene.case_number)
    if isinstance(step, rules.Ticket):
        data["priority"] = step.priority
    link = f"{scene.address}/cases/{scene.case_number}" if scene.case_number else f"{scene.address}{h.link or '/cases'}"
    who = scene.customer
    facts = (*h.facts, *((("customer", who.name or who.email or who.id),) if who else ()))
    message = Message(
        key=delivery_key(scene.sender.workspace, scene.rule.id, h.subject, place),
        kind=kinds[step.action],
        title=f"{h.title} · {scene.rule.name}",
        text=h.text,
        facts=facts,
        link=link,
        to=step.to if isinstance(step, rules.Notify) else "",
        customer=who.as_facts() if who else {},
        data=data,
        made_at=scene.now,
    )
    quiet = scene.rule.file.quiet
    wait = quiet.ends_after(scene.now, scene.zone) if quiet and isinstance(step, rules.Notify) else None
    _queue(con, scene, message, step.through, wait)


def _enrol(con: Transaction, scene: Scene, step: rules.Survey, place: int) -> None:
    who, h = scene.customer, scene.happening
    if scene.invite is None or who is None or not who.email or who.refuses:
        scene.done.append("nobody could be enrolled: no address, or they want no mails")
        return
    about = {
        "customer_id": h.customer_id,
        "account_id": h.account_id,
        "conversation_id": h.conversation_id,
        "channel": "email",
    }
    after = scene.now + timedelta(days=step.after_days)
    occasion = f"rule:{scene.rule.id}:{h.subject}"
    try:
        invitation_id, link = scene.invite(con, Enrolment(step.survey, occasion, h.source, about, after))
    except WellheardError as error:
        scene.done.append(error.message)
        return
    workspace = scene.sender.workspace
    firings.enrol(con, workspace, invitation_id, scene.rule.id, h.customer_id, scene.firing.depth, scene.now)
    _letter(con, scene, step.through, step.subject, step.text, link, place, after)


def _letter(
    con: Transaction,
    scene: Scene,
    through: str,
    subject: str,
    text: str,
    link: str,
    place: int,
    after: datetime | None = None,
) -> None:
    who = scene.customer
    if who is None or not who.email or who.refuses:
        scene.done.append("no letter was sent: no address, or they want no mails")
        return
    fields = {"name": who.name or "there", "link": link}
    key = delivery_key(scene.sender.workspace, scene.rule.id, scene.happening.subject, place)
    message = Message(
        key=key,
        kind="letter",
        title=filled(subject, fields),
        text=filled(text, fields),
        link=link,
        to=who.email,
        customer=who.as_facts(),
        unsubscribe=f"{scene.public_address}/stop/{key}",
        made_at=scene.now,
    )
    _queue(con, scene, message, through, after)


def _queue(con: Transaction, scene: Scene, message: Message, through: str, wait: datetime | None = None) -> None:
    queue_message(
        con,
        scene.sender,
        message,
        through,
        rule_id=scene.rule.id,
        case_number=scene.case_number,
        not_before=wait,
    )
