"""Surveys: the list of them, making one from a template, and the designer with its preview."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from wellheard.base.errors import BadInput, WellheardError
from wellheard.metrics.submissions import Filled
from wellheard.surveys.catalogue import question_type
from wellheard.surveys.reasons import reason_words
from wellheard.surveys.shelf import definition, survey_text, templates
from wellheard.surveys.survey import Branding, Survey, survey_from
from wellheard.surveys.words import ENGLISH, LANGUAGES
from wellheard.web.asking import Forecast
from wellheard.web.asking_form import shown_asking
from wellheard.web.guard import POLICY
from wellheard.web.site import Site
from wellheard.web.survey_form import Draft, done, draft_in, name_of, shown_draft, with_fields
from wellheard.web.survey_page import Page, Sheet, question_page, thanks_page

SEE_OTHER = 303
AFTER = {"high": "after good news", "middle": "after neither", "low": "after bad news"}
MOST_FIELDS = 5_000
FRAMES = {"content-security-policy": f"{POLICY}; frame-src 'self'"}  # the designer shows the preview in a frame
FRAMED = {"content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'self'"}


def routes(site: Site) -> APIRouter:
    """The pages. What changes a draft only is answered with the changed draft; `save` alone writes."""
    router = APIRouter()

    @router.get("/surveys")
    def listed(request: Request) -> HTMLResponse:
        surveys, faulty = site.services.surveys.surveys()
        counts = site.services.submissions()
        rows = [(s, _measures(s), counts.get(s.id, Filled()), site.services.survey_address(s.id)) for s in surveys]
        return site.page(request, "surveys.html", surveys=rows, faulty=faulty, languages=LANGUAGES)

    @router.get("/surveys/new")
    def beginning(request: Request, template: str = "") -> HTMLResponse:
        return _new(site, request, template)

    @router.post("/surveys/new")
    async def make(request: Request) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
            told = {name: str(form.get(name, "")).strip() for name in ("template", "name", "brand")}
        return await run_in_threadpool(_made, site, request, told)

    @router.post("/surveys/preview")
    async def preview(request: Request) -> Response:
        async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
            site.tokens.check(request, form)
            return await run_in_threadpool(_previewed, site, form)

    @router.get("/surveys/{id}")
    def designer(request: Request, id: str, lang: str = "", saved: bool = False) -> HTMLResponse:
        survey = site.services.surveys.survey(id)
        return _designer(site, request, id, _whole(survey), survey.spoken(lang), saved=saved)

    @router.get("/surveys/{id}/preview")
    def kept(id: str, lang: str = "", page: str = "0") -> Response:
        survey = site.services.surveys.survey(id)
        return _framed(_preview(survey, survey.spoken(lang), page))

    @router.get("/surveys/{id}/file")
    def file(id: str) -> PlainTextResponse:
        return PlainTextResponse(survey_text(site.services.surveys.survey(id)))

    @router.post("/surveys/{id}")
    async def change(request: Request, id: str) -> Response:
        async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
            site.tokens.check(request, form)
            return await run_in_threadpool(_changed, site, request, id, form)

    return router


def _new(site: Site, request: Request, template: str, fault: Any = "", status: int = 200, **typed: str) -> HTMLResponse:
    said = {"name": "", "brand": site.services.settings.workspace_name, **typed}
    ours = {"branding": Branding(name=site.services.settings.workspace_name)}
    named = [template.model_copy(update=ours) for template in templates().values()]
    ready = [(t, _measures(t), t.asked(t.questions[0], ENGLISH).word("title")) for t in named]
    chosen = template if template in templates() else next(iter(templates()))
    return site.page(request, "survey_new.html", status, ready=ready, chosen=chosen, typed=said, fault=fault)


def _made(site: Site, request: Request, told: dict[str, str]) -> Response:
    template = templates().get(told["template"]) or next(iter(templates().values()))
    shelf = site.services.surveys
    name = told["name"] or template.name
    try:
        draft = definition(template) | {"id": name_of(name, shelf.ids(), "survey"), "name": name, "test": True}
        survey = survey_from({**draft, "branding": {"name": told["brand"]}})
        shelf.save(survey, replaces=None)
    except WellheardError as error:
        fault = site.piece("fault.html", message=error.message, hint=error.hint)
        return _new(site, request, template.id, fault, error.http_status, name=name, brand=told["brand"])
    return RedirectResponse(f"/surveys/{survey.id}", SEE_OTHER)


def _changed(site: Site, request: Request, id: str, form: FormData) -> Response:
    draft = with_fields(draft_in(form), form)
    language, do = str(form.get("language", ENGLISH)), str(form.get("do", ""))
    if do == "save":
        try:
            survey = survey_from({**draft, "id": id})
            site.services.surveys.save(survey, replaces=survey.version)
        except WellheardError as error:
            wrong = site.piece("fault.html", message=error.message, hint=error.hint)
            return _designer(site, request, id, draft, language, fault=wrong, status=error.http_status)
        return RedirectResponse(f"/surveys/{id}?lang={language}&saved=true", SEE_OTHER)
    spoken = do.removeprefix("lang:") if do.startswith("lang:") else language
    expected, fault = _expected(site, draft, id) if do == "forecast" else (None, "")
    draft = done(draft, do)
    spoken = spoken if spoken in draft["languages"] else draft["languages"][0]
    return _designer(site, request, id, draft, spoken, fault=fault, changed=True, expected=expected)


def _expected(site: Site, draft: Draft, id: str) -> tuple[Forecast | None, Any]:
    """The forecast for a draft, or what is wrong with it."""
    try:
        return site.services.asking.forecast(survey_from({**draft, "id": id})), ""
    except WellheardError as error:
        return None, site.piece("fault.html", message=error.message, hint=error.hint)


def _designer(
    site: Site,
    request: Request,
    id: str,
    draft: Draft,
    language: str,
    *,
    fault: Any = "",
    status: int = 200,
    saved: bool = False,
    changed: bool = False,
    expected: Forecast | None = None,
) -> HTMLResponse:
    response = site.page(
        request,
        "survey.html",
        status,
        id=id,
        draft=draft,
        draft_text=json.dumps(draft, ensure_ascii=False),
        language=language,
        languages=LANGUAGES,
        shown=shown_draft(draft, language),
        pages=_pages(draft),
        fault=fault,
        saved=saved,
        changed=changed or bool(fault),
        answers=site.services.submissions().get(id, Filled()),
        address=site.services.survey_address(id),
        widget=site.services.widget_tag(id),
        k=shown_asking(draft.get("asking"), site.services.asking.lacks()),
        expected=expected,
        said=reason_words,
    )
    response.headers.update(FRAMES)
    return response


def _whole(survey: Survey) -> Draft:
    """A survey's definition with every head field, as the form shows them."""
    told = survey.model_dump(mode="json")
    return told | {"questions": definition(survey)["questions"], "thanks": definition(survey).get("thanks", [])}


def _pages(draft: Draft) -> list[tuple[str, str]]:
    """What the preview can show, by its key: each page of questions, and each way in which it ends."""
    try:
        steps = survey_from(draft).steps
    except BadInput:
        steps = ((),)
    asked = []
    for n, step in enumerate(steps):
        follows = any(question.kind_of.beside(question.options) for question in step)
        name = f"Page {n + 1}" if len(steps) > 1 else "Questions"
        asked += [(f"{n}:{o}", f"{name}, {words}") for o, words in AFTER.items()] if follows else [(str(n), name)]
    return [*asked, *((f"thanks:{n}", f"End {n + 1}") for n in range(len(draft["thanks"]))), ("thanks:", "End")]


def _previewed(site: Site, form: FormData) -> Response:
    try:
        survey = survey_from(with_fields(draft_in(form), form))
    except WellheardError as error:
        html = site.piece("survey_fault.html", message=error.message, hint=error.hint)
        return HTMLResponse(html, headers=FRAMED)
    return _framed(_preview(survey, survey.spoken(str(form.get("language", ""))), str(form.get("page", "0"))))


def _preview(survey: Survey, language: str, page: str) -> Page:
    """A page as customers see it. Of an end, only its words matter: the conditions are taken to hold."""
    kind, _, number = page.partition(":")
    if kind == "thanks":
        ends = survey.thanks[int(number) :][:1] if number.isdecimal() else ()
        ended = survey.model_copy(update={"thanks": tuple(end.model_copy(update={"when": ()}) for end in ends)})
        return thanks_page(Sheet(ended, language, "#", preview=True))
    step = min(int(kind), len(survey.steps) - 1) if kind.isdecimal() and len(kind) < 4 else 0
    answers = _answered(survey, step, number)
    return question_page(Sheet(survey, language, "#", answers=answers, step=step, preview=True))


def _answered(survey: Survey, step: int, outcome: str) -> dict[str, str]:
    """Answers of an outcome to all that the follow-ups of a page ask about."""
    abouts = {question.kind_of.beside(question.options) for question in survey.steps[step]} - {None}
    answers: dict[str, str] = {}
    for about in abouts:
        question = survey.question(str(about))
        view = question.kind_of.view(survey.asked(question, survey.languages[0]))
        points = [*view.get("points", ()), *view.get("options", ())]
        fitting = [str(point["value"]) for point in points if point.get("outcome") == outcome]
        answers |= {question.id: fitting[-1]} if fitting else {}
    return answers


def _framed(page: Page) -> Response:
    return HTMLResponse(page.html, headers=dict(page.headers))


def _measures(survey: Survey) -> str:
    """What a survey's questions measure, in a few words."""
    titles = [q.kind_of.title for q in survey.questions if q.kind_of.kind != "custom"]
    return ", ".join(dict.fromkeys(titles)) or question_type(survey.questions[0].type).title
