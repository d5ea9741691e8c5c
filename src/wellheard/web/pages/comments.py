"""What customers wrote, with what was read in it: found by words, by meaning and by what was read."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wellheard.base.errors import Unknown
from wellheard.web.site import Site

MOST = 50
SEE_OTHER = 303
FILTERS = ("words", "like", "topic", "sentiment", "issue", "aspect", "strength", "emotion", "language", "table",
           "rating_band", "disagrees", "start", "end")  # fmt: skip
CHOICES = {
    "sentiment": ("positive", "neutral", "negative"),
    "issue": ("complaint", "question", "request", "suggestion", "praise", "statement"),
    "strength": ("low", "medium", "high"),
    "rating_band": ("low", "middle", "high"),
}
READ_AT_ONCE = 2_000  # what one press of the button reads; the rest waits for the next, or for the command


def routes(site: Site) -> APIRouter:
    """The list with its filters, one text with its words, and the button that reads what waits."""
    router = APIRouter()

    @router.get("/comments")
    def comments(request: Request) -> HTMLResponse:
        filters = {name: request.query_params[name] for name in FILTERS if request.query_params.get(name)}
        texts = site.services.texts
        found = texts.look(filters, MOST)
        status = texts.status()
        return site.page(
            request,
            "comments.html",
            comments=found,
            filters=filters,
            choices=CHOICES,
            topics=texts.topics().topics,
            state=status,
            summary=texts.summed(filters) if filters and len(found) > 2 else (),
            most=MOST,
            link=lambda **more: "/comments?" + urlencode({**filters, **more}),
        )

    @router.get("/comments/{table}/{text_id}")
    def one(request: Request, table: str, text_id: str) -> HTMLResponse:
        found = site.services.texts.comment(table, text_id)
        if found is None:
            raise Unknown("there is no such text", hint="it may have been deleted: go back to the list", field="id")
        texts = site.services.texts
        spoke, things = texts.explained(found.text), texts.named(found.text)
        return site.page(request, "comment.html", comment=found, spoke=spoke, things=things)

    @router.post("/comments/read")
    async def read(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=4) as form:
            site.tokens.check(request, form)
        await run_in_threadpool(site.services.texts.read, READ_AT_ONCE)
        return RedirectResponse("/comments", SEE_OTHER)

    return router
