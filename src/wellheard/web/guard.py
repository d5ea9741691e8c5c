"""Stands before every page: who may call, how much may come in, and what a browser may do with what goes out.

Until people can log in, whoever reaches the server may see everything. So only names of this machine are answered,
which keeps a foreign site from reaching it through a name that it points here, and a form is taken from our own pages
alone.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
SMALL_BODY = 2_000_000  # bytes of a form without a file


class TooLarge(Exception):
    """More came in than a request may bring."""


class Guard:
    """Refuses foreign hosts and foreign forms, bounds what comes in, and adds the headers that every answer bears."""

    def __init__(self, app: ASGIApp, upload_path: str, largest_upload: int) -> None:
        self.app = app
        self.upload_path = upload_path
        self.largest_upload = largest_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = _refusal(scope["method"], headers)
        limit = self.largest_upload if scope["path"] == self.upload_path else SMALL_BODY
        if refused is None and _announced(headers) > limit:
            refused = (
                413,
                "too_large",
                f"this is larger than the {limit // 1_000_000} MB that are taken here",
                "raise max_upload_mb in wellheard.toml, or use `wellheard import`, which takes files of any size",
            )
        if refused is not None:
            await _refuse(send, *refused)
            return
        started = False

        async def answered(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *((n, v) for n, v in HEADERS if n not in own)]
            await send(message)

        try:
            await self.app(scope, _bounded(receive, limit), answered)
        except TooLarge:
            if not started:
                await _refuse(
                    send, 413, "too_large", "more came in than is taken here", "use `wellheard import` for large files"
                )


def host_of(header: str) -> str:
    """The host of a Host header, without its port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.rpartition(":")[0].lower() if ":" in header else header.lower()


def _refusal(method: str, headers: dict[str, str]) -> tuple[int, str, str, str] | None:
    host = headers.get("host", "")
    if host_of(host) not in LOCAL_HOSTS:
        return (
            421,
            "wrong_host",
            "this server answers to 127.0.0.1 and localhost alone",
            "open the address that `wellheard serve` printed",
        )
    if method in SAFE_METHODS:
        return None
    origin = headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
    if foreign or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return (
            403,
            "foreign_form",
            "this form was sent by another site",
            "open the page itself and send it from there",
        )
    return None


def _announced(headers: dict[str, str]) -> int:
    length = headers.get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def _bounded(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def next_message() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge
        return message

    return next_message


async def _refuse(send: Send, status: int, code: str, message: str, hint: str) -> None:
    body = json.dumps({"error": {"code": code, "message": message, "hint": hint, "field": None}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
