"""What a hook is: a file that says by what another system proves a call to be its own, and what it tells.

A call is proven by its bytes as they came: JSON written anew is another text. The id by which a repetition is known is
taken from what was signed, never from a header beside it, which anybody could change.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from wellheard.base.errors import BadCall, Refused, Unknown
from wellheard.base.registry import found

ROOM = "wellheard.actions.hooks"
WINDOW = 300  # seconds that a signed call may be old or early
SOLVED, REOPENED, ANSWERED = "solved", "reopened", "answered"
LONGEST_TICKET = 200


@dataclass(frozen=True)
class Call:
    """A call as it came in: the names of `headers` are small letters, `now` is in seconds since 1970."""

    secrets: tuple[str, ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
    now: float


@dataclass(frozen=True)
class Event:
    """A ticket, by its id there, was solved, reopened or answered. `system` is its help desk, `text` what was said.

    With `if_solved` it is news only where the ticket was known to be solved: what came before was not told.
    """

    ticket: str
    what: str
    system: str
    text: str = ""
    if_solved: bool = False


@dataclass(frozen=True)
class Hook:
    """How one system's calls are proven and read.

    `check` gives the id of a call that is proven, and raises Refused for any other. `read` gives what it tells, and
    None where that is nothing to us. `draws` makes a secret where it is ours to make; without it, that system's own is
    asked for. `signed` says whether a changed byte is noticed.
    """

    title: str
    use: str
    check: Callable[[Call], str]
    read: Callable[[Mapping[str, Any]], Event | None]
    draws: Callable[[], str] | None = None
    signed: bool = True
    name: str = ""


@cache
def schemes() -> dict[str, Hook]:
    """Every scheme there is, by the name of its file."""
    return {name: replace(hook, name=name) for name, hook in found(ROOM, "HOOK", Hook).items()}


def scheme_called(name: str) -> Hook:
    """One scheme. Raises Unknown with those there are."""
    if name not in schemes():
        raise Unknown(f"there is no scheme {name!r}", hint=f"there are: {', '.join(schemes())}", field="scheme")
    return schemes()[name]


def equals_any(given: str, wanted: Iterable[str]) -> bool:
    """Whether a text is one of the wanted; how long that takes says nothing about how much of it is right."""
    fits = [hmac.compare_digest(given.encode(), one.encode()) for one in wanted]
    return any(fits) and bool(given)


def prove(call: Call, given: str, sign: Callable[[bytes], str], moment: float | None = None) -> None:
    """Raises Refused unless one of the secrets gives the mark that came, and the moment, if there is one, is now."""
    if not equals_any(given, [sign(secret.encode()) for secret in call.secrets if secret]):
        raise unproven()
    if moment is not None and not abs(moment - call.now) <= WINDOW:
        raise Refused(
            "the call is older than five minutes, or its clock goes wrong", hint="send it anew, with a mark of now"
        )


def unproven() -> Refused:
    """The error for a call that could be anybody's."""
    return Refused(
        "the call is not proven to be of whom this hook belongs to",
        hint="check the secret, and that nothing rewrites it",
    )


def told_in(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body. Raises BadCall for anything else."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise BadCall("the body is no JSON object", hint="send one", field="body")
    return told


def part_of(told: object, *names: str) -> Any:
    """What stands at the end of these names in nested objects; None where one is missing."""
    for name in names:
        told = told.get(name) if isinstance(told, Mapping) else None
    return told


def event_of(ticket: object, what: str, system: str, text: object = "", *, if_solved: bool = False) -> Event | None:
    """An event, where the ticket has an id."""
    named = isinstance(ticket, str | int) and not isinstance(ticket, bool) and 0 < len(str(ticket)) <= LONGEST_TICKET
    said = text if isinstance(text, str) else ""
    return Event(str(ticket), what, system, said, if_solved) if named else None


def template_event(told: Mapping[str, Any], system: str) -> Event | None:
    """What a body says that a colleague wrote by hand in a help desk: `ticket`, `what`, and `text` if there is one."""
    what = str(told.get("what") or "")
    if what not in (SOLVED, REOPENED, ANSWERED):
        return None
    return event_of(told.get("ticket"), what, system, told.get("text"))
