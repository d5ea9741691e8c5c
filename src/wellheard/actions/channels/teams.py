"""Microsoft Teams: an Adaptive Card to the address of a workflow, since Office 365 connectors have ended."""

from __future__ import annotations

import re
from typing import Any

from wellheard.actions.channel import Channel, Field, Sent, Try, taken
from wellheard.actions.message import Message

LONGEST = 8_000  # characters; a whole card may have 28 kB
MARKED = re.compile(r"([\\`*_\[\]()#~<>])")


def send(attempt: Try) -> Sent:
    """One call; a workflow answers 202 and tells no id."""
    taken(attempt.egress.post(attempt.settings["url"], json=_body(attempt.message)), attempt.now)
    return Sent()


def inert(text: str) -> str:
    """Text of which a card makes no mention, link or format."""
    return MARKED.sub(r"\\\1", text)


def _body(message: Message) -> dict[str, Any]:
    def block(text: str, **how: Any) -> dict[str, Any]:
        return {"type": "TextBlock", "text": inert(text), "wrap": True, **how}

    parts: list[dict[str, Any]] = [block(message.title[:300], weight="Bolder", size="Medium", style="heading")]
    if message.text:
        parts.append(block(message.text[:LONGEST]))
    if message.facts:
        parts.append({"type": "FactSet", "facts": [{"title": inert(n), "value": inert(v)} for n, v in message.facts]})
    parts.append(block(f"Reference {message.key[:12]}", isSubtle=True, size="Small"))
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": parts,
    }
    if message.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": message.link}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


CHANNEL = Channel(
    title="Microsoft Teams",
    words="Sends an Adaptive Card to a channel by the address of a workflow.",
    kinds=("notice",),
    fields=(Field("url", "The workflow's address: it opens the channel to whoever has it.", secret=True, url=True),),
    send=send,
    once="A workflow tells no id, so after a timeout it may arrive twice, with the same reference.",
)
