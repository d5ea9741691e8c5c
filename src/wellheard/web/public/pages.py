"""The pages on which surveys are answered without a script. Looking at one stores nothing: mail scanners look too."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from wellheard.base.errors import BadCall, WellheardError
from wellheard.store.invitations import note_seen, unsubscribe
from wellheard.store.tokens import new_token
from wellheard.surveys.collect import Closed, Sent, sent_from
from wellheard.surveys.reading import FIELD, from_form
from wellheard.web.public.answers import forget
from wellheard.web.public.notices import notice
from wellheard.web.public.reception import Reception, body_of
from wellheard.web.survey_page import HONEYPOT, STEP, Page, Sheet, closed_page, question_page, thanks_page

# What a page brings along from one turn to the next, by the name in addresses and forms.
BROUGHT = {"i": "invitation", "identity": "identity", "channel": "channel", "touchpoint": "touchpoint"}
KEY, EDIT, LANGUAGE, SHOWN = "key", "edit", "lang", "shown"
MOST_FIELDS = 400
LONGEST_QUERY = 4_000


def routes(reception: Reception) -> list[Route]:
    """The addresses that give pages."""

    async def look(request: Request) -> Response:
        key = request.path_params["key"]
        reception.count(request, key)
        survey, _ = reception.survey(key)
        fields = _pairs(request.url.query[:LONGEST_QUERY])
        told = dict(fields)
        language = survey.spoken(told.get(LANGUAGE) or _spoken_by(request))
        chosen = {name: raw for name, raw in from_form(fields).items() if name in survey.by_id}
        brought = {name: told[name] for name in (*BROUGHT, EDIT) if told.get(name)}
        if not survey.open:
            return _html(closed_page(Sheet(survey, language, "")), 410)
        hidden = {**brought, KEY: new_token(), LANGUAGE: language, SHOWN: str(int(time.time() * 1000))}
        sheet = Sheet(
            survey,
            language,
            request.url.path,
            answers=chosen,
            hidden=hidden,
            preselected=bool(chosen),
            address=lambda other: f"?{urlencode({**brought, LANGUAGE: other, **_as_fields(chosen)})}",
        )
        return _html(question_page(sheet))

    async def take(request: Request) -> Response:
        key = request.path_params["key"]
        reception.count(request, key)
        survey, version = reception.survey(key)
        fields = _pairs((await body_of(request)).decode("utf-8", "replace"))
        told = dict(fields)
        sent = _sent(told, from_form(fields))
        language = survey.spoken(sent.language)
        hidden = {name: told[name] for name in (*BROUGHT, LANGUAGE) if told.get(name)}
        sheet = Sheet(survey, language, request.url.path, answers=dict(sent.answers), hidden=hidden)
        try:
            submission, reading = reception.collected(survey, version, sent)
        except Closed:
            return _html(closed_page(sheet), 410)
        if reading.faults:
            kept_on = {**hidden, **{n: told[n] for n in (KEY, EDIT, SHOWN) if told.get(n)}}
            return _html(question_page(_turned(sheet, reading.step or 0, kept_on, reading.faults)), 422)
        edit = sent.edit
        if submission is not None:
            edit = (await reception.keep(submission)).edit
        if reading.step is not None:
            brought = {**hidden, **({EDIT: edit} if edit else {KEY: new_token()})}
            return _html(question_page(_turned(sheet, reading.step, brought)))
        return _html(_thanks(sheet, edit))

    async def seen(request: Request) -> Response:
        key = request.path_params["key"]
        reception.count(request, key)
        survey, _ = reception.survey(key)
        token = dict(_pairs((await body_of(request)).decode("utf-8", "replace"))).get("i", "")
        reception.by_invitation.take(token)
        await run_in_threadpool(_seen, reception, survey.key, token)
        return Response(status_code=204)

    async def leaving(request: Request) -> Response:
        reception.count(request)
        return notice(
            "No more surveys?",
            "Press the button, and you will not be asked again.",
            action=request.url.path,
            button="Do not ask me again",
        )

    async def leave(request: Request) -> Response:
        reception.count(request)
        await run_in_threadpool(_unsubscribe, reception, request.path_params["token"])
        return notice("Done", "You will not be asked again.")

    async def deleting(request: Request) -> Response:
        reception.count(request)
        survey, _ = reception.survey(request.path_params["key"])
        words = f"Enter the code that you were given when you answered “{survey.name}”."
        return notice("Delete my answer", words, action=request.url.path, button="Delete my answer", asks="Your code:")

    async def delete(request: Request) -> Response:
        reception.count(request)
        survey, _ = reception.survey(request.path_params["key"])
        told = dict(_pairs((await body_of(request)).decode("utf-8", "replace")))
        await run_in_threadpool(forget, reception, survey.key, told.get("receipt", "").strip())
        return notice("Done", "Your answer has been deleted.")

    return [
        Route("/s/{key}", look, methods=["GET"]),
        Route("/s/{key}", take, methods=["POST"]),
        Route("/s/{key}/seen", seen, methods=["POST"]),
        Route("/s/{key}/delete", deleting, methods=["GET"]),
        Route("/s/{key}/delete", delete, methods=["POST"]),
        Route("/u/{token}", leaving, methods=["GET"]),
        Route("/u/{token}", leave, methods=["POST"]),
    ]


def failed(request: Request, error: WellheardError, headers: dict[str, str]) -> Response:
    """A page that says what went wrong. Loading it again sends the same answer with the same key."""
    del request
    words = f"{error.message[:1].upper()}{error.message[1:]}. {error.hint[:1].upper()}{error.hint[1:]}."
    return notice("That did not work", words, error.http_status, headers=headers)


def _sent(told: Mapping[str, str], answers: Mapping[str, Any]) -> Sent:
    """A form as what JSON would say. Raises BadCall."""
    given: dict[str, Any] = {field: told[name] for name, field in BROUGHT.items() if told.get(name)}
    given |= {name: told[name] for name in (KEY, EDIT) if told.get(name)}
    given |= {"language": told[LANGUAGE]} if told.get(LANGUAGE) else {}
    given |= {"step": int(told[STEP])} if told.get(STEP, "").isdecimal() and len(told[STEP]) < 4 else {}
    given |= {"website": told[HONEYPOT]} if told.get(HONEYPOT) else {}
    if (shown := told.get(SHOWN, "")).isdecimal() and len(shown) < 16:
        # A page loaded again after going back was shown before: only a first, quick sending looks like a program's.
        given["seconds_taken"] = time.time() - int(shown) / 1000
    return sent_from({"answers": dict(answers), **given})


def _turned(sheet: Sheet, step: int, hidden: Mapping[str, str], faults: Mapping[str, str] | None = None) -> Sheet:
    return Sheet(
        sheet.survey, sheet.language, sheet.action, answers=sheet.answers, faults=faults or {}, hidden=hidden, step=step
    )


def _thanks(sheet: Sheet, edit: str | None) -> Page:
    change = f"{sheet.action}?{urlencode({EDIT: edit, LANGUAGE: sheet.language})}" if edit else None
    anonymous = sheet.survey.anonymous
    return thanks_page(sheet, change if sheet.survey.edit_minutes else None, edit if anonymous else None)


def _seen(reception: Reception, survey_key: str, token: str) -> None:
    with reception.store.writing() as con:
        note_seen(con, survey_key, token, reception.now())


def _unsubscribe(reception: Reception, token: str) -> None:
    with reception.store.writing() as con:
        unsubscribe(con, token, reception.now())


def _pairs(text: str) -> list[tuple[str, str]]:
    """The fields of a form or address. Raises BadCall for too many."""
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise BadCall(f"more than {MOST_FIELDS} fields", hint="send the page's own fields") from None


def _as_fields(answers: Mapping[str, Any]) -> dict[str, str]:
    """Answers of one value as an address names them."""
    return {f"{FIELD}{name}": raw for name, raw in answers.items() if isinstance(raw, str)}


def _spoken_by(request: Request) -> str:
    """The first language that a browser asks for."""
    return request.headers.get("accept-language", "").partition(",")[0].partition(";")[0].strip()[:12]


def _html(page: Page, status: int = 200) -> HTMLResponse:
    return HTMLResponse(page.html, status, headers=dict(page.headers))
