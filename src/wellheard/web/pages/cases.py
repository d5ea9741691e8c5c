"""Cases: a team's inbox with saved views, and the page of a case with its steps and its reply."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from wellheard.actions import caseload
from wellheard.actions.drafting import Draft, Undrafted, draft_reply
from wellheard.actions.effect import outcomes_by_play, time_to_close
from wellheard.actions.reply import note_reply, send_reply, suggestions, unanswerable, ways
from wellheard.base.errors import BadCall, WellheardError
from wellheard.base.periods import zone_of
from wellheard.store import cases, firings
from wellheard.store.cases import STATES, Case, Search
from wellheard.store.deliveries import deliveries
from wellheard.web.followup import BESIDE, WHO, Told, away, fault_of, loop_of, moment_in, number_in, posted, words_of
from wellheard.web.inbox import FIELDS, READY, STATE_CHOICES, TASKS, query_of, rows_of, search_of
from wellheard.web.site import Site

SNOOZES = (("4", "4 hours"), ("24", "a day"), ("72", "3 days"), ("168", "a week"))
MOST_MEASURED = 5_000


def routes(site: Site) -> APIRouter:
    """The inbox, a case, and what can be done with it."""
    router = APIRouter()

    @router.get("/cases")
    def inbox(request: Request) -> HTMLResponse:
        return _inbox(site, request)

    @router.get("/cases/figures")
    def figures(request: Request) -> HTMLResponse:
        del request
        return _figures(site)

    @router.get("/cases/{number}")
    def one(request: Request, number: str) -> HTMLResponse:
        return _page(site, request, number_in({"number": number}))

    @router.get("/cases/{number}/suggestions")
    def suggested(number: str) -> HTMLResponse:
        loop = loop_of(site)
        with loop.store.reading() as con:
            case = cases.case(con, loop.workspace, number_in({"number": number}))
        found = suggestions(loop, str(case.details.get("text", "")))
        return site.part("suggestions.html", number=case.number, found=found)

    @router.post("/cases/{number}/draft")
    async def draft(request: Request, number: str) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
        return await run_in_threadpool(_drafted, site, request, number_in({"number": number}))

    def failed(request: Request, error: WellheardError, told: Told) -> Response:
        if "number" not in told:
            return _inbox(site, request, error.http_status, fault_of(site, error))
        return _page(site, request, number_in(told), error.http_status, fault_of(site, error), told)

    router.add_api_route("/cases/views", posted(site, lambda told: _keep_view(site, told), failed), methods=["POST"])
    for name, step in _steps(site).items():
        router.add_api_route(f"/cases/{{number}}/{name}", posted(site, step, failed), methods=["POST"])
    return router


def _steps(site: Site) -> dict[str, Any]:
    """What can be done with a case, each by the last part of its address."""

    def at(told: Told) -> str:
        back = told.get("back", "")
        return back if back.startswith(("/cases?", "/alerts?", "/incidents?")) else f"/cases/{number_in(told)}"

    def acknowledge(told: Told) -> str:
        caseload.acknowledge(loop_of(site), number_in(told), WHO)
        return at(told)

    def snooze(told: Told) -> str:
        loop = loop_of(site)
        hours = told.get("hours", "")
        if hours:
            if hours not in dict(SNOOZES):
                raise BadCall(f"{hours!r} cannot be chosen", hint="choose one of the times", field="hours")
            until = loop.sender.now() + timedelta(hours=int(hours))
        else:
            until = moment_in(told, "until", zone_of(site.services.settings.time_zone))
        caseload.snooze(loop, number_in(told), WHO, until)
        return at(told)

    def assign(told: Told) -> str:
        caseload.assign(loop_of(site), number_in(told), WHO, told.get("owner", "").strip()[:200])
        return at(told)

    def comment(told: Told) -> str:
        caseload.comment(loop_of(site), number_in(told), WHO, words_of(told))
        return at(told)

    def close(told: Told) -> str:
        caseload.close(loop_of(site), number_in(told), WHO, told.get("outcome", ""), words_of(told))
        return at(told)

    def reopen(told: Told) -> str:
        caseload.reopen(loop_of(site), number_in(told), WHO)
        return at(told)

    def merge(told: Told) -> str:
        caseload.merge(loop_of(site), number_in(told), number_in(told, "into"), WHO)
        return f"/cases/{number_in(told, 'into')}"

    def reply(told: Told) -> str:
        send_reply(loop_of(site), number_in(told), WHO, told.get("text", ""), told.get("through", ""))
        return at(told)

    def replied(told: Told) -> str:
        note_reply(loop_of(site), number_in(told), WHO, told.get("text", ""))
        return at(told)

    made = (acknowledge, snooze, assign, comment, close, reopen, merge, reply, replied)
    return {step.__name__: step for step in made}


def _drafted(site: Site, request: Request, number: int) -> HTMLResponse:
    """The page with a draft in its form; past replies stand below it, and alone where no draft could be had."""
    try:
        return _page(site, request, number, draft=draft_reply(loop_of(site), number, WHO))
    except (BadCall, Undrafted) as error:
        return _page(site, request, number, error.http_status, fault_of(site, error))


def _inbox(site: Site, request: Request, status: int = 200, fault: Any = "") -> HTMLResponse:
    loop, given = loop_of(site), dict(request.query_params)
    search = search_of(given, TASKS)
    with loop.store.reading() as con:
        views = cases.saved_views(con, loop.workspace)
        counts = cases.counts_by_state(con, loop.workspace, TASKS)
    query = query_of(given)
    ready = [(name, "&".join(f"{k}={v}" for k, v in part.items())) for name, part in READY]
    return site.page(
        request,
        "cases.html",
        status,
        beside=BESIDE,
        rows=rows_of(loop, search),
        typed={name: given.get(name, "") for name in FIELDS},
        states=STATE_CHOICES,
        views=[*ready, *views.items()],
        own=list(views),
        query=query,
        counts=counts,
        any=any(counts[state] for state in STATES),
        fault=fault,
    )


def _keep_view(site: Site, told: Told) -> str:
    loop, name = loop_of(site), told.get("name", "").strip()[:60]
    if not name:
        raise BadCall("the view has no name", hint="give it one", field="name")
    query = "" if told.get("do") == "remove" else query_of(dict(_pairs(told.get("query", ""))))
    with loop.store.writing() as con:
        cases.save_view(con, loop.workspace, name, query)
    return f"/cases?{query}" if query else "/cases"


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query[:2_000], max_num_fields=20)


def _page(
    site: Site,
    request: Request,
    number: int,
    status: int = 200,
    fault: Any = "",
    typed: Told | None = None,
    draft: Draft | None = None,
) -> HTMLResponse:
    loop = loop_of(site)
    now = loop.sender.now()
    with loop.store.reading() as con:
        case = cases.case(con, loop.workspace, number)
        history = cases.entries(con, number)
        sent = deliveries(con, loop.workspace, loop.sender.vault, case_number=number)
        tags = firings.tags_of(con, loop.workspace, case.customer_id) if case.customer_id else []
        others = _others(con, loop.workspace, case, now)
    found = ways(loop, case)
    return site.page(
        request,
        "case.html",
        status,
        beside=BESIDE,
        case=case,
        customer=case.details.get("customer", {}),
        facts=case.details.get("facts", ()),
        text=case.details.get("text", ""),
        concerned=case.details.get("customers", ()),
        conversation=_conversation(case),
        due=away(case.due_at, now),
        late=case.undone and case.due_at is not None and case.due_at < now,
        history=history,
        sent=sent,
        tags=tags,
        others=others,
        outcomes=caseload.OUTCOMES,
        snoozes=SNOOZES,
        ways=found,
        copied=unanswerable(case, found),
        colleagues=sorted(loop.colleagues),
        typed=typed or {},
        drafts=loop.chat is not None,
        draft=draft,
        fault=fault,
    )


def _others(con: Any, workspace: str, case: Case, now: Any) -> list[Case]:
    if not case.customer_id:
        return []
    search = Search(customer_id=case.customer_id, states=STATES, most=10)
    return [other for other in cases.cases(con, workspace, search, now) if other.number != case.number]


def _conversation(case: Case) -> str:
    source = case.details.get("source")
    return f"/conversations/{quote(str(case.conversation_id), safe='')}" if case.conversation_id and source else ""


def _figures(site: Site) -> HTMLResponse:
    loop = loop_of(site)
    now = loop.sender.now()
    with loop.store.reading() as con:
        found = cases.cases(con, loop.workspace, Search(kinds=TASKS, states=STATES[:4], most=MOST_MEASURED), now)
    return site.part("case_figures.html", closing=time_to_close(found, now), plays=outcomes_by_play(found))
