"""What help desks have in common: before anything is made or said again, it is looked for there."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wellheard.actions.channel import Sent, Try, Undelivered, said_json
from wellheard.actions.message import says_the_same
from wellheard.base.answer import Answer


def _nowhere(attempt: Try, id: str) -> str:
    del attempt, id
    return ""


@dataclass(frozen=True)
class HelpDesk:
    """What differs between them. `known` gives the id of the ticket that carries the delivery's key, or nothing, and
    `make` the new ticket's id. `said` gives what our side wrote in the conversation `message.thread`, to which `say`
    adds. `shown` is the address at which people see a ticket.
    """

    known: Callable[[Try], str]
    make: Callable[[Try], str]
    said: Callable[[Try], Iterable[str]]
    say: Callable[[Try], None]
    shown: Callable[[Try, str], str] = _nowhere

    def send(self, attempt: Try) -> Sent:
        """Opens a ticket, or adds a reply to a conversation that is there; neither of them twice."""
        return self._reply(attempt) if attempt.message.kind == "reply" else self._ticket(attempt)

    def _ticket(self, attempt: Try) -> Sent:
        known = self.known(attempt) if attempt.again else ""
        id = known or self.make(attempt)
        return Sent(id, self.shown(attempt, id), found=bool(known))

    def _reply(self, attempt: Try) -> Sent:
        """Replies have no key there, so the whole text is compared."""
        id, text = attempt.message.thread, attempt.message.text
        found = attempt.again and any(says_the_same(said, text) for said in self.said(attempt))
        if not found:
            self.say(attempt)
        return Sent(id, self.shown(attempt, id), found=found)


def at(attempt: Try, path: str) -> str:
    """An address of the help desk."""
    return attempt.settings["address"].rstrip("/") + path


def logged_in(user: str, password: str) -> dict[str, str]:
    """The header by which a name and a secret log in (RFC 7617)."""
    return {"authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def id_in(answer: Answer, *path: str) -> str:
    """The id in an answer that was taken, below these names. Raises Undelivered where there is none."""
    told = said_json(answer)
    for name in path:
        told = told.get(name) if isinstance(told, dict) else None
    if not isinstance(told, dict) or "id" not in told:
        raise Undelivered("it answered without a ticket", retry=True, status=answer.status)
    return str(told["id"])
