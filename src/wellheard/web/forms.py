"""Forms that only our own pages can send: a cookie that no other site may use, and a token made from it."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from wellheard.base.errors import Refused

COOKIE = "wellheard_form"
FIELD = "form_token"


class Tokens:
    """Makes and checks the tokens of this process."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def of(self, request: Request) -> tuple[str, str]:
        """The visitor's cookie, a new one where there is none, and the token that a form must bring with it."""
        cookie = request.cookies.get(COOKIE) or secrets.token_urlsafe(24)
        return cookie, self._token(cookie)

    def check(self, request: Request, form: FormData) -> None:
        """Raises Refused for a form that did not come from a page of ours."""
        given, cookie = form.get(FIELD), request.cookies.get(COOKIE)
        if not cookie or not isinstance(given, str) or not hmac.compare_digest(given, self._token(cookie)):
            raise Refused(
                "this form is too old, or did not come from this page",
                hint="go back, reload the page and send it again",
                field=FIELD,
            )

    def _token(self, cookie: str) -> str:
        return hmac.new(self._secret, cookie.encode(), hashlib.sha256).hexdigest()


def remember(response: Response, cookie: str) -> None:
    """Gives the visitor the cookie that forms are checked against."""
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", path="/")
