"""Idempotency-Key on every POST of the API: the same call twice is one effect, and both get the same answer."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from typing import Any

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wellheard.base.errors import BadCall, WellheardError
from wellheard.metrics.question import OWNER
from wellheard.store import keyed_calls
from wellheard.store.keyed_calls import Given
from wellheard.web.services import Services

KEY = re.compile(r"[\x21-\x7e]{1,200}")
LONGEST_WAIT = 30.0  # seconds for the first call of a key to be answered
STEP = 0.05


class KeyedCalls:
    """Lets the first call of a key through and gives its answer to the others."""

    def __init__(self, app: ASGIApp, services: Callable[[], Services]) -> None:
        self.app, self.services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = dict(scope.get("headers", ())).get(b"idempotency-key")
        posts = scope["type"] == "http" and scope["method"] == "POST" and scope["path"].startswith("/api/")
        if not posts or key is None:
            await self.app(scope, receive, send)
            return
        body = await _read(receive)
        told = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}\n".encode() + body
        text = key.decode("latin-1")
        try:
            if not KEY.fullmatch(text):
                raise BadCall(
                    "the key is empty, too long or no plain text", hint="a UUID does", field="idempotency-key"
                )
            given = await self._begun(text, hashlib.sha256(told).hexdigest())
        except WellheardError as error:
            await _answer(send, error.http_status, json.dumps(error.as_json()))
            return
        if isinstance(given, Given):
            await _answer(send, given.status, given.answer, again=True)
            return
        await self._first(scope, body, send, text)

    async def _begun(self, key: str, body_hash: str) -> Given | bool:
        loop = self.services().loop()
        until = time.monotonic() + LONGEST_WAIT
        while True:
            begun = await anyio.to_thread.run_sync(
                keyed_calls.begin, loop.store, loop.workspace, OWNER.name, key, body_hash, loop.sender.now()
            )
            if begun is not False:
                return begun
            if time.monotonic() > until:
                raise BadCall("the first call with this key is still at work", hint="ask again in a moment")
            await anyio.sleep(STEP)

    async def _first(self, scope: Scope, body: bytes, send: Send, key: str) -> None:
        parts: list[bytes] = []
        status = 500

        async def replayed() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def kept(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                parts.append(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, replayed, kept)
        finally:
            loop = self.services().loop()
            answer = b"".join(parts).decode("utf-8", "replace")
            with anyio.CancelScope(shield=True):
                await anyio.to_thread.run_sync(
                    keyed_calls.settle, loop.store, loop.workspace, OWNER.name, key, status, answer
                )


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body", False):
            return body


async def _answer(send: Send, status: int, body: str, *, again: bool = False) -> None:
    sent = body.encode()
    headers: list[tuple[bytes, Any]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(sent)).encode()),
    ]
    headers += [(b"idempotency-replayed", b"true")] if again else []
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sent})
