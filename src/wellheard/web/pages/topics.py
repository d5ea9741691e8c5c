"""Topics: what customers write about, how much, what grows, and how people correct it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from wellheard.base.errors import BadCall, WellheardError
from wellheard.web.site import Site
from wellheard.web.texts import TextServices

SEE_OTHER = 303


def routes(site: Site) -> APIRouter:
    """The list with its forms, and the differences between versions."""
    router = APIRouter()

    def page(request: Request, status: int = 200, **more: Any) -> HTMLResponse:
        texts = site.services.texts
        versions = texts.versions()
        found = texts.topics()
        told = {"fault": "", "diff": None} | more
        return site.page(
            request, "topics.html", status, topics=found, volumes=texts.volumes(), versions=versions,
            negative=_negative(texts), **told,
        )  # fmt: skip

    @router.get("/topics")
    def topics(request: Request, before: int | None = None, after: int | None = None) -> HTMLResponse:
        if before is None or after is None:
            return page(request)
        texts = site.services.texts
        names = {t.id: t.name for v in (before, after) for t in texts.topics(v).topics}
        return page(request, diff=texts.difference(before, after), before=before, after=after, names=names)

    @router.post("/topics/{step}")
    async def change(request: Request, step: str) -> Response:
        async with request.form(max_files=0, max_fields=8) as form:
            site.tokens.check(request, form)
            told = form
        try:
            await run_in_threadpool(_change, site.services.texts, step, told)
        except WellheardError as error:
            fault = site.piece("fault.html", message=error.message, hint=error.hint)
            return await run_in_threadpool(page, request, error.http_status, fault=fault)
        return RedirectResponse("/topics", SEE_OTHER)

    return router


def _negative(texts: TextServices) -> dict[str, int]:
    """How many of each topic's newest comments are negative, of those that are shown at most."""
    found: dict[str, int] = {}
    for comment in texts.look({"sentiment": "negative"}, 2_000):
        if comment.read["topic_id"]:
            found[comment.read["topic_id"]] = found.get(comment.read["topic_id"], 0) + 1
    return found


def _change(texts: TextServices, step: str, form: FormData) -> None:
    def said(name: str) -> str:
        return str(form.get(name, "")).strip()

    steps: dict[str, Callable[[], Any]] = {
        "find": lambda: texts.find_topics(_number(said("k"))),
        "merge": lambda: texts.merge_topics(said("topic"), said("into")),
        "rename": lambda: texts.rename_topic(said("topic"), said("name")),
        "split": lambda: texts.split_topic(said("topic")),
        "pin": lambda: texts.pin_topic(said("topic"), True),
        "unpin": lambda: texts.pin_topic(said("topic"), False),
        "delete": lambda: texts.delete_topic(said("topic")),
        "define": lambda: texts.define_topic(said("name"), said("examples").splitlines()),
    }
    if step not in steps:
        raise BadCall(f"{step!r} cannot be done to topics", hint=f"one of {', '.join(steps)}", field="step")
    steps[step]()


def _number(text: str) -> int | None:
    if not text:
        return None
    if not text.isdigit() or not 2 <= int(text) <= 200:
        raise BadCall(f"{text!r} is no number of topics", hint="2 to 200, or empty", field="k")
    return int(text)
