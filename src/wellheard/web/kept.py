"""Sends a page again as it was made, for as long as nothing that it shows has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MARK = "wellheard.lasting"
PAGES = 32  # kept at once; a scorecard is some 100 kB
Page = tuple[Message, bytes]


def lasting(request: Request, response: Response) -> Response:
    """Says of a page that it is whole, and the same for everybody until the state changes.

    A page with a form is not: its token belongs to one visitor. Nor is one on which figures are still awaited.
    """
    request.scope[MARK] = True
    return response


class KeptPages:
    """Keeps what a page said is `lasting`, by the state it was made in and by its address."""

    def __init__(self, app: ASGIApp, state: Callable[[], Hashable]) -> None:
        self.app = app
        self._state = state
        self._lock = threading.Lock()
        self._pages: OrderedDict[Hashable, Page] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        key = self._key(scope)
        page = self._pages.get(key) if key is not None else None
        if page is not None:
            await send(_copied(page[0]))
            await send({"type": "http.response.body", "body": page[1]})
            return
        started: list[Message] = []
        body = bytearray()

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(_copied(message))
            else:
                body.extend(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, seen)
        if key is not None and scope.get(MARK) and started and started[0]["status"] == 200:
            self._keep(key, (_without_cookies(started[0]), bytes(body)))

    def _key(self, scope: Scope) -> Hashable | None:
        """The state before the page is made, so that what changes meanwhile is not taken for what was shown."""
        try:
            return (self._state(), scope["path"], scope["query_string"])
        except Exception:  # noqa: BLE001 - the page itself says what is wrong
            return None

    def _keep(self, key: Hashable, page: Page) -> None:
        with self._lock:
            self._pages[key] = page
            while len(self._pages) > PAGES:
                self._pages.popitem(last=False)


def _copied(start: Message) -> Message:
    """The middleware around this one adds headers to the message that it is given."""
    return {**start, "headers": list(start["headers"])}


def _without_cookies(start: Message) -> Message:
    return {**start, "headers": [(name, value) for name, value in start["headers"] if name.lower() != b"set-cookie"]}
