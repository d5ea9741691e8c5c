"""Answers as JSON: for the widget on pages of the survey's origins, and for programs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from wellheard.base.errors import BadCall, Refused
from wellheard.store.submission import Kept
from wellheard.store.unnamed import delete_by_receipt
from wellheard.surveys.collect import receipt_of, sent_of
from wellheard.surveys.identity import identity_of
from wellheard.surveys.reading import Reading
from wellheard.surveys.survey import Survey
from wellheard.web.public.reception import Reception, body_from, body_of
from wellheard.web.widget.script import shown, widget_script

ADDRESS = re.compile(r"/s/([^/]+)/answers")
FOREVER = "public, max-age=31536000, immutable"


class Taking:
    """Takes an answer. It speaks to the server itself: what lies between them costs as much as reading an answer."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception

    def takes(self, scope: Scope) -> bool:
        """Whether a call sends an answer as JSON."""
        return scope["type"] == "http" and scope["method"] == "POST" and key_of(scope) != ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers such a call. Raises what is to be told to the caller instead."""
        reception = self.reception
        key, headers = key_of(scope), dict(scope["headers"])
        client = scope.get("client")
        reception.count_from(client[0] if client else None, _text(headers, b"x-forwarded-for"), key)
        survey, version = reception.survey(key)
        allowed = _allowed(_text(headers, b"origin"), _text(headers, b"host") or "", survey)
        if (_text(headers, b"content-type") or "").partition(";")[0].strip().lower() != "application/json":
            raise BadCall("the body is not announced as JSON", hint="send content-type: application/json")
        sent = sent_of(await body_from(receive, _text(headers, b"content-length") or "0"))
        submission, reading = reception.collected(survey, version, sent)
        if submission is None:
            status, told = 422, _faults(reading)
        else:
            kept = await reception.keep(submission)
            status, told = (201 if kept.state == "stored" else 200), _told(kept, reading)
        body = to_json(told)
        said = {"content-type": "application/json", "content-length": str(len(body)), **allowed}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": body})


def key_of(scope: Scope) -> str:
    """The survey's key in the address to which an answer is sent."""
    found = ADDRESS.fullmatch(scope["path"])
    return found[1] if found else ""


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def routes(reception: Reception) -> list[Route]:
    """The addresses that speak JSON, and the widget's script."""

    async def show(request: Request) -> Response:
        key = request.path_params["key"]
        reception.count(request, key)
        survey, _ = reception.survey(key)
        allowed = allowed_origin(request, survey)
        if not survey.open:
            return JSONResponse(None, 404, headers=allowed)
        named = _named(reception, request)
        judge = None if survey.anonymous or not named else reception.may_ask
        if judge is not None and not await run_in_threadpool(judge, key, named):
            return JSONResponse(None, 404, headers={**allowed, "cache-control": "no-store"})
        kept = "no-store" if named else "public, max-age=60"
        language = survey.spoken(request.query_params.get("lang"))
        return JSONResponse(shown(survey, language), headers={**allowed, "cache-control": kept})

    async def preflight(request: Request) -> Response:
        survey, _ = reception.survey(request.path_params["key"])
        told = {
            "access-control-allow-methods": "GET, POST",
            "access-control-allow-headers": "content-type",
            "access-control-max-age": "600",
        }
        return Response(status_code=204, headers={**allowed_origin(request, survey), **told})

    async def delete(request: Request) -> Response:
        key = request.path_params["key"]
        reception.count(request, key)
        survey, _ = reception.survey(key)
        allowed = allowed_origin(request, survey)
        await run_in_threadpool(forget, reception, survey.key, receipt_of(await body_of(request)))
        return Response(status_code=204, headers=allowed)

    async def script(request: Request) -> Response:
        made = widget_script()
        if request.path_params["name"] != made.name:
            return Response("there is no such script\n", 404, media_type="text/plain")
        headers = {"cache-control": FOREVER, "access-control-allow-origin": "*"}
        return Response(made.text, media_type="text/javascript", headers=headers)

    return [
        Route("/s/{key}/answers", preflight, methods=["OPTIONS"]),
        Route("/s/{key}/receipt", delete, methods=["DELETE"]),
        Route("/s/{key}/widget", show, methods=["GET"]),
        Route("/s/{key}/widget", preflight, methods=["OPTIONS"]),
        Route("/widget/{name}", script, methods=["GET"]),
    ]


def _named(reception: Reception, request: Request) -> dict[str, str | None]:
    """Whom the site says that the widget is shown to, where that is signed; nothing for anybody else."""
    statement = request.query_params.get("identity", "")[:2_000]
    secret = reception.settings.survey_secret.get_secret_value()
    found = identity_of(secret, statement, reception.now()) if statement else {}
    return found if found.get("customer_id") else {}


def forget(reception: Reception, survey_key: str, receipt: str) -> None:
    """Deletes the anonymous answer of a receipt. Raises Unknown."""
    with reception.store.writing() as con:
        delete_by_receipt(con, survey_key, receipt, reception.now())


def allowed_origin(request: Request, survey: Survey) -> dict[str, str]:
    """The headers that let a page of another origin read the answer, where the survey names that origin.

    Raises Refused for a page of any other origin; programs send none.
    """
    return _allowed(request.headers.get("origin"), request.headers.get("host", ""), survey)


def _allowed(origin: str | None, host: str, survey: Survey) -> dict[str, str]:
    if origin is None or urlsplit(origin).netloc.lower() == host.lower():
        return {"vary": "origin"}
    if origin not in survey.origins:
        raise Refused(
            "this survey is not asked on that site", hint="add its origin to the survey's `origins`", field="origin"
        )
    return {"vary": "origin", "access-control-allow-origin": origin}


def _told(kept: Kept, reading: Reading) -> dict[str, object]:
    """An acknowledgement. It does not say whether the answer was flagged: who floods us need not learn how."""
    return {
        "state": kept.state,
        "id": kept.submission_id or None,
        "edit": kept.edit,
        "edit_until": kept.edit_until.isoformat(),
        "complete": reading.complete,
        "step": reading.step,
    }


def _faults(reading: Reading) -> dict[str, object]:
    field, word = next(iter(reading.faults.items()), (None, "empty"))
    message = f"the answer to {field} is {word.replace('_', ' ')}" if field else "no question was answered"
    error = {"code": "bad_answer", "message": message, "hint": "answer as the questions offer", "field": field}
    return {"error": error, "faults": dict(reading.faults)}
