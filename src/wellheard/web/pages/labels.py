"""Labels: people read texts drawn at random, and from that follows how often the model is wrong."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wellheard.base.errors import BadCall, WellheardError
from wellheard.web.site import Site

SEE_OTHER = 303
SENTIMENTS = ("negative", "neutral", "positive")
RATER = "wellheard_rater"


def routes(site: Site) -> APIRouter:
    """The next text with its three buttons, the draw, and the receipt."""
    router = APIRouter()

    def page(request: Request, rater: str, status: int = 200, **more: Any) -> HTMLResponse:
        texts = site.services.texts
        text, done, whole = texts.to_label(rater) if rater else (None, 0, texts.to_label("")[2])
        told: dict[str, Any] = {"fault": "", "trial": None} | more
        return site.page(
            request, "labels.html", status, text=text, done=done, whole=whole, rater=rater, receipt=texts.receipt(),
            trials=texts.trials(), sentiments=SENTIMENTS, **told,
        )  # fmt: skip

    @router.get("/labels")
    def labels(request: Request, rater: str = "") -> HTMLResponse:
        return page(request, rater.strip()[:60] or request.cookies.get(RATER, "")[:60])

    @router.post("/labels")
    async def label(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=8) as form:
            site.tokens.check(request, form)
            told = {name: str(form.get(name, "")) for name in ("table", "id", "sentiment", "rater")}
        texts = site.services.texts
        await run_in_threadpool(texts.label, told["table"], told["id"], told["sentiment"], told["rater"])
        response = RedirectResponse("/labels", SEE_OTHER)
        response.set_cookie(RATER, told["rater"].strip()[:60], httponly=True, samesite="strict", path="/labels")
        return response

    @router.post("/labels/{step}")
    async def step(request: Request, step: str) -> Response:
        async with request.form(max_files=0, max_fields=8) as form:
            site.tokens.check(request, form)
            n, what = str(form.get("n", "")), str(form.get("what", "labels"))
        try:
            await run_in_threadpool(_step, site, step, n, what)
        except WellheardError as error:
            fault = site.piece("fault.html", message=error.message, hint=error.hint)
            rater = request.cookies.get(RATER, "")[:60]
            return await run_in_threadpool(page, request, rater, error.http_status, fault=fault)
        return RedirectResponse("/labels", SEE_OTHER)

    return router


def _step(site: Site, step: str, n: str, what: str) -> None:
    texts = site.services.texts
    if step == "draw":
        if not n.isdigit():
            raise BadCall(f"{n!r} is no number of texts", hint="draw 50 to 300", field="n")
        texts.draw_labels(int(n))
    elif step == "learn":
        if what == "labels":
            texts.learn_labels()
        else:
            texts.learn_language(what)
    else:
        raise BadCall(f"{step!r} cannot be done here", hint="draw or learn", field="step")
