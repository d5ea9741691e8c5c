"""Google Play: answers reviews of an app. Formats: Google Play Developer API version 3, reviews.reply and reviews.get.

A review has one answer, and answering again replaces it, so the same call twice is one answer. Every try looks first
all the same, so that none replaces what was written there after the message was made. A service account logs in by a
signed statement (RFC 7523), which is exchanged for a token.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wellheard.actions.channel import Channel, Field, Sent, Try, Undelivered, said_json, taken
from wellheard.actions.message import says_the_same

SCOPE = "https://www.googleapis.com/auth/androidpublisher"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
VALID = 3_600  # seconds, the longest that a statement may be
LONGEST = 350  # letters of an answer
TAG = re.compile(r"<[^<>]*>")  # which the platform takes out of answers


def send(attempt: Try) -> Sent:
    """Answers the review whose id is the message's thread, unless it holds that answer."""
    review, text = attempt.message.thread, attempt.message.text.strip()
    headers = {"authorization": f"Bearer {_token(attempt)}"}
    url = _url(attempt, review)
    if _answered(attempt, url, headers, text):
        return Sent(review, found=True)
    taken(attempt.egress.post(f"{url}:reply", headers=headers, json={"replyText": text}), attempt.now)
    return Sent(review)


def _answered(attempt: Try, url: str, headers: dict[str, str], text: str) -> bool:
    """Whether the review holds that answer. Raises Undelivered where it holds one that was written since."""
    told = said_json(taken(attempt.egress.get(url, headers=headers), attempt.now))
    for comment in told.get("comments", ()) if isinstance(told, dict) else ():
        ours = comment.get("developerComment") or {}
        if ours and says_the_same(str(ours.get("text", "")), TAG.sub("", text)):
            return True
        written = int((ours.get("lastModified") or {}).get("seconds", 0))  # what has none is as old as can be
        if ours and written >= int(attempt.message.made_at.timestamp()):
            raise Undelivered("somebody has answered this review there since", retry=False, hint="look at it there")
    return False


def _token(attempt: Try) -> str:
    body = urlencode({"grant_type": GRANT, "assertion": _statement(attempt)})
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = taken(attempt.egress.post(attempt.settings["token_address"], headers=headers, content=body), attempt.now)
    token = said_json(answer).get("access_token")
    if not isinstance(token, str):
        raise Undelivered("Google gave no token", retry=True, status=answer.status)
    return token


def _statement(attempt: Try) -> str:
    """Who we are, signed with the service account's key (RS256, RFC 7515)."""
    try:
        account = json.loads(attempt.settings["account"])
        issuer, key = account["client_email"], load_pem_private_key(account["private_key"].encode(), None)
    except (ValueError, KeyError, TypeError, AttributeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise Undelivered("account is no key file", retry=False, hint="paste the service account's JSON as it is")
    now = int(attempt.now.timestamp())
    claims = {"iss": issuer, "scope": SCOPE, "aud": attempt.settings["token_address"], "iat": now, "exp": now + VALID}
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_text(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def _part(told: dict[str, Any]) -> str:
    return _text(json.dumps(told, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _url(attempt: Try, review: str) -> str:
    head = attempt.settings["address"].rstrip("/")
    app = quote(attempt.settings["package"], safe="")
    return f"{head}/androidpublisher/v3/applications/{app}/reviews/{quote(review, safe='')}"


CHANNEL = Channel(
    title="Google Play",
    words="Answers reviews of your app in public, as its developer.",
    kinds=("reply",),
    fields=(
        Field("package", "The app's package name, such as com.example.app."),
        Field("account", "The key file, as JSON, of a service account that may reply to reviews.", secret=True),
        Field(
            "address",
            "Where the API is.",
            required=False,
            url=True,
            default="https://androidpublisher.googleapis.com",
        ),
        Field(
            "token_address",
            "Where tokens are given.",
            required=False,
            url=True,
            default="https://oauth2.googleapis.com/token",
        ),
    ),
    send=send,
    once="A review has one answer there, and an answer that was written since is never replaced.",
    longest=LONGEST,
    reviews=("googleplay", "googleplaystore", "playstore"),
)
