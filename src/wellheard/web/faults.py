"""What goes wrong, told in one shape to programs and with a next step to people."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from wellheard.base.errors import WellheardError
from wellheard.web.record import record
from wellheard.web.site import Site

API = "/api/"
HINTS = {
    404: "look at the address, or begin at the scorecard",
    405: "this address takes another method",
    500: "try again; if it stays, the server's own output says more",
}


def answer_faults(app: FastAPI, site: Site) -> None:
    """Gives the application its answers to everything that goes wrong."""

    def told(request: Request, status: int, code: str, message: str, hint: str, field: str | None) -> Response:
        if request.url.path.startswith(API):
            error = {"code": code, "message": message, "hint": hint, "field": field}
            return JSONResponse({"error": error}, status)
        if request.headers.get("hx-request") == "true":
            part = site.part("fault.html", message=message, hint=hint)
            part.status_code = status
            return part
        return site.page(request, "error.html", status, message=message, hint=hint, title=_title(status))

    def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, WellheardError)
        said = error.as_json()["error"]
        hint = said["hint"] or ""
        return told(request, error.http_status, str(said["code"]), str(said["message"]), hint, said["field"])

    def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = error.status_code
        code = {404: "unknown", 405: "method_not_allowed"}.get(status, "bad_call")
        message = {404: "there is no such page", 405: f"{request.method} is not taken here"}.get(
            status, str(error.detail)
        )
        response = told(request, status, code, message, HINTS.get(status, ""), None)
        response.headers.update(error.headers or {})
        return response

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        field, message = _first(error.errors())
        return told(request, 422, "bad_call", message, "/api/v1/docs says what each parameter takes", field)

    def unforeseen(request: Request, error: Exception) -> Response:
        record(f"{request.method} {request.url.path} failed", error)
        return told(request, 500, "failed", "something went wrong on our side", HINTS[500], None)

    app.add_exception_handler(WellheardError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, unforeseen)


def _first(errors: Sequence[Any]) -> tuple[str | None, str]:
    found = errors[0]
    where = [str(part) for part in found.get("loc", ()) if part not in ("query", "path", "body")]
    name = where[0] if where else None
    return name, f"{name}: {found.get('msg', 'cannot be read')}" if name else str(found.get("msg", "cannot be read"))


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Something went wrong"
