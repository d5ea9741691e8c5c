"""Who is who: the rows that are one person or company, why, and what undoing a link would change."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wellheard.base.errors import BadCall, Unknown, WellheardError
from wellheard.web.services import Link
from wellheard.web.site import Site

MOST = 200
SEE_OTHER = 303
UNDO, REDO = "undo", "redo"
KINDS = PERSON, COMPANY = "person", "company"


def routes(site: Site) -> APIRouter:
    """The list, a link's own page with its effect, and the button on it."""
    router = APIRouter()

    @router.get("/identity")
    def listed(request: Request, done: str = "", q: str = "") -> HTMLResponse:
        links = [link for link in site.services.links() if q.casefold() in f"{link.row} {link.beside}".casefold()]
        return site.page(request, "identity.html", links=links[:MOST], many=len(links), q=q, done=done, step=step_of)

    def merging(request: Request, kind: str, one: str, other: str, status: int = 200, fault: str = "") -> HTMLResponse:
        turned = None
        if one and other and not fault:
            try:
                turned = site.services.effect_of_linking(kind, one, other)
            except WellheardError as error:
                fault, status = site.piece("fault.html", message=error.message, hint=error.hint), error.http_status
        given = {"kind": kind, "kinds": KINDS, "one": one, "other": other}
        return site.page(request, "identity_merge.html", status, turned=turned, fault=fault, **given)

    @router.get("/identity/merge")
    def merge(request: Request, kind: str = PERSON, one: str = "", other: str = "") -> HTMLResponse:
        return merging(request, kind, one.strip(), other.strip())

    @router.post("/identity/merge")
    async def merged(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=6) as form:
            site.tokens.check(request, form)
            kind, one, other = (str(form.get(name, "")).strip() for name in ("kind", "one", "other"))
        try:
            await run_in_threadpool(site.services.link, kind, one, other)
        except WellheardError as error:
            fault = site.piece("fault.html", message=error.message, hint=error.hint)
            return merging(request, kind, one, other, error.http_status, fault)
        return RedirectResponse("/identity?done=merge", SEE_OTHER)

    @router.get("/identity/{link_id}")
    def shown(request: Request, link_id: str) -> HTMLResponse:
        link = _find(site, link_id)
        turned = site.services.effect_of(link_id)
        return site.page(request, "identity_link.html", link=link, turned=turned, step=step_of(link))

    @router.post("/identity/{link_id}/{step}")
    async def turn(request: Request, link_id: str, step: str) -> Response:
        form = await request.form(max_files=0, max_fields=4)
        site.tokens.check(request, form)
        await run_in_threadpool(_turn, site, link_id, step)
        return RedirectResponse(f"/identity?done={link_id}", SEE_OTHER)

    return router


def step_of(link: Link) -> str:
    """What can be done with a link: it is undone, or its undoing is; a link whose evidence is gone needs neither."""
    return {"holds": UNDO, "kept apart": REDO}.get(link.state, "")


def _find(site: Site, link_id: str) -> Link:
    for link in site.services.links():
        if link.id == link_id:
            return link
    raise Unknown(f"there is no link {link_id!r}", hint="it may have been replaced: go back to the list", field="id")


def _turn(site: Site, link_id: str, step: str) -> None:
    """Once, however often the button is pressed: an old page must not do the opposite of what it says."""
    if step != step_of(_find(site, link_id)):
        raise BadCall("this link has changed since the page was shown", hint="go back to the list", field="step")
    site.services.turn(link_id)
