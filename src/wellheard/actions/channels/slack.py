"""Slack, by a bot's token and chat.postMessage.

Posting is not idempotent there, so the delivery's key travels in the message's metadata, and a later try first looks
for it in the channel's newest messages.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from wellheard.actions.channel import Channel, Field, Sent, Try, Undelivered, said_json, taken
from wellheard.actions.message import Message

EVENT = "wellheard_delivery"
LONGEST = 2_900  # characters of a block of text, of which Slack takes 3,000
PAUSE = 1.05  # seconds between two messages to one channel, of which Slack takes about one a second
PASSING = {"rate_limited", "ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
HINTS = {
    "is_archived": "the channel is archived: choose another one",
    "channel_not_found": "give the channel's id, such as C0123456789, and invite the bot",
    "not_in_channel": "invite the bot to the channel",
    "token_revoked": "connect Slack again: its token was revoked",
    "invalid_auth": "connect Slack again: its token is not taken",
    "account_inactive": "connect Slack again: the bot was removed",
    "missing_scope": "give the bot chat:write, and channels:history to find what it sent",
}


def send(attempt: Try) -> Sent:
    """Posts the message, unless an earlier try did."""
    channel = attempt.message.to or attempt.settings.get("channel", "")
    if not channel:
        raise Undelivered("no Slack channel was named", retry=False, hint="name one in the rule or in the connection")
    if attempt.again and (posted := _posted(attempt, channel)):
        return Sent(posted, found=True)
    told = _call(attempt, "chat.postMessage", _body(attempt.message, channel))
    return Sent(f"{told.get('channel', channel)}:{told['ts']}")


def inert(text: str) -> str:
    """Text that Slack shows as it is: no mention, no link, no format can be made of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _body(message: Message, channel: str) -> dict[str, Any]:
    title, text = inert(message.title), inert(message.text)[:LONGEST]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": message.title[:150], "emoji": False}},
        {"type": "section", "text": {"type": "plain_text", "text": message.text[:LONGEST] or " ", "emoji": False}},
    ]
    if message.facts:
        fields = [
            {"type": "plain_text", "text": f"{name}: {value}"[:LONGEST], "emoji": False}
            for name, value in message.facts[:10]
        ]
        blocks.append({"type": "section", "fields": fields})
    if message.link:
        button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": message.link}
        blocks.append({"type": "actions", "elements": [button]})
    return {
        "channel": channel,
        "text": f"{title}\n{text}",
        "blocks": blocks,
        "mrkdwn": False,
        "link_names": False,
        "parse": "none",
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": EVENT, "event_payload": {"key": message.key}},
    }


def _posted(attempt: Try, channel: str) -> str:
    """The message that carries the delivery's key, if it is among those posted since the first try."""
    asked = {
        "channel": channel,
        "oldest": f"{attempt.first_at.timestamp() - 60:.6f}",
        "inclusive": "true",
        "include_all_metadata": "true",
        "limit": "200",
    }
    cursor = ""
    for _ in range(20):
        told = _call(attempt, "conversations.history", {**asked, "cursor": cursor} if cursor else asked, form=True)
        for message in told.get("messages", ()):
            sent = message.get("metadata") or {}
            if sent.get("event_type") == EVENT and sent.get("event_payload", {}).get("key") == attempt.message.key:
                return f"{channel}:{message['ts']}"
        cursor = (told.get("response_metadata") or {}).get("next_cursor", "")
        if not cursor:
            return ""
        time.sleep(PAUSE)
    return ""


def _call(attempt: Try, method: str, body: dict[str, Any], *, form: bool = False) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {attempt.settings['token']}"}
    url = f"{attempt.settings['address'].rstrip('/')}/{method}"
    if form:
        answer = attempt.egress.get(f"{url}?{urlencode(body)}", headers=headers)
    else:
        answer = attempt.egress.post(url, headers=headers, json=body)
    told: dict[str, Any] = said_json(taken(answer, attempt.now))
    if told.get("ok") is True:
        return told
    error = str(told.get("error", "an error without a name"))
    raise Undelivered(
        f"Slack refused: {error}", retry=error in PASSING, status=answer.status, hint=HINTS.get(error, "")
    )


CHANNEL = Channel(
    title="Slack",
    words="Posts to a channel as a bot with the scopes chat:write and channels:history.",
    kinds=("notice",),
    fields=(
        Field("token", "The bot's token, which begins with xoxb-.", secret=True),
        Field("channel", "The channel's id, such as C0123456789; a rule may name another.", required=False),
        Field("address", "Where Slack's methods are.", required=False, url=True, default="https://slack.com/api"),
    ),
    send=send,
    once="A later try first looks for its key among the channel's newest messages.",
)
