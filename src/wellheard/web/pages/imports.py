"""The import page: choose a file, say what its columns mean, see what would happen, take it; and take loads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from wellheard.base.errors import BadCall, WellheardError
from wellheard.tables.catalogue import tables
from wellheard.tables.table import Table, Type
from wellheard.web.drafts import Drafts, Upload
from wellheard.web.services import Draft, KnownExport
from wellheard.web.site import Site

COMMON = ("source_id", "updated_at")
NOT_MAPPED = ("id", "ingested_at", "attributes", "deleted", "source")
FREE = "attributes."
SAMPLES = 3
CONSTANTS, FORMATS = 3, 2
LEAVE, KEEP = "", "+"
TABLES_FIRST = ("survey_responses", "conversations", "orders", "subscriptions", "customers", "accounts", "feedback")
SEE_OTHER = 303
MOST_QUESTIONS = 500  # of an export, that its page shows
# What a question of an export may be said to ask, as `--question` has it.
ASKS = (
    ("nps", "recommendation, 0 to 10"), ("csat:1-5", "satisfaction, 1 to 5"), ("csat:1-7", "satisfaction, 1 to 7"),
    ("csat:1-10", "satisfaction, 1 to 10"), ("csat:0-10", "satisfaction, 0 to 10"),
    ("ces:1-7", "ease, 1 to 7, high is easy"), ("ces:1-5", "ease, 1 to 5, high is easy"),
    ("ces:1-7:low", "effort, 1 to 7, low is easy"), ("ces:1-5:low", "effort, 1 to 5, low is easy"),
    ("custom", "a number of its own, in no KPI"), ("choice", "one of some answers"), ("text", "an open question"),
    ("skip", "leave it out"),
)  # fmt: skip


def routes(site: Site) -> APIRouter:
    """The steps of an import, and the list of what was taken."""
    router = APIRouter()
    drafts = Drafts(site.services)
    site.closing.append(drafts.close)

    @router.get("/import")
    def start(request: Request, undone: str = "") -> HTMLResponse:
        return site.page(
            request,
            "import.html",
            feeds=_feeds(site),
            imports=site.services.imports(),
            most=site.services.settings.max_upload_mb,
            undone=undone,
        )

    @router.post("/import/upload")
    async def upload(request: Request) -> Response:
        async with request.form(max_files=1, max_fields=4) as form:
            site.tokens.check(request, form)
            file = form.get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise BadCall("no file was chosen", hint="choose a file and press Upload", field="file")
            stored = await run_in_threadpool(drafts.store, file.filename, file.file)
        return RedirectResponse(f"/import/{stored.token}", SEE_OTHER)

    @router.get("/import/{token}")
    def mapping(request: Request, token: str, table: str = "", export: str = "") -> HTMLResponse:
        found = drafts.find(token)
        try:
            if not table and (known := _known(site, found, export)) is not None:
                return site.page(request, "export.html", **_exported(found, known))
            context = _mapping(site, found, table)
        except WellheardError as error:
            return site.page(
                request, "unreadable.html", error.http_status, upload=found, message=str(error.message), hint=error.hint
            )
        return site.page(request, "mapping.html", **context)

    @router.post("/import/{token}/{step}")
    async def act(request: Request, token: str, step: str) -> Response:
        async with request.form(max_files=0, max_fields=20_000) as form:
            site.tokens.check(request, form)
            given = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        return await run_in_threadpool(_act, site, drafts, token, step, given)

    @router.get("/import/{token}/job")
    def job(request: Request, token: str) -> Response:
        found = drafts.find(token)
        if found.job is None:
            return RedirectResponse(f"/import/{token}", SEE_OTHER)
        return site.page(request, "job.html", **_job(site, found, request))

    @router.get("/import/{token}/progress")
    def progress(request: Request, token: str) -> HTMLResponse:
        return site.part("progress.html", **_job(site, drafts.find(token), request))

    @router.get("/import/{token}/recipe.toml")
    def recipe(token: str) -> Response:
        found = drafts.find(token)
        text = site.services.recipe(draft_of(found, found.chosen, _columns(site, found)))
        headers = {"content-disposition": 'attachment; filename="recipe.toml"'}
        return PlainTextResponse(text, media_type="application/toml", headers=headers)

    @router.post("/imports/{import_id}/undo")
    async def undo(request: Request, import_id: str) -> Response:
        form = await request.form(max_files=0, max_fields=4)
        site.tokens.check(request, form)
        undone = await run_in_threadpool(site.services.undo, import_id)
        return RedirectResponse(f"/import?undone={undone.import_id}#imports", SEE_OTHER)

    return router


def _act(site: Site, drafts: Drafts, token: str, step: str, given: Mapping[str, str]) -> Response:
    found = drafts.find(token)
    if step == "discard":
        drafts.discard(found)
        return RedirectResponse("/import", SEE_OTHER)
    if step not in ("check", "run"):
        raise BadCall(f"{step!r} is no step of an import", hint="check, run or discard", field="step")
    chosen = {name: value for name, value in given.items() if name != "form_token"} or found.chosen
    drafts.start(found, draft_of(found, chosen, _columns(site, found)), chosen, dry_run=step == "check")
    return RedirectResponse(f"/import/{token}/job", SEE_OTHER)


def _columns(site: Site, upload: Upload) -> Sequence[str]:
    return site.services.preview(upload.file).columns


def draft_of(upload: Upload, chosen: Mapping[str, str], columns: Sequence[str]) -> Draft:
    """The import that a form says. Raises BadCall where two columns mean the same, or a value has no column."""
    if chosen.get("export"):
        return _draft_of_export(upload, chosen)
    table = _table(chosen.get("table", ""))
    mapping: dict[str, str] = {}
    for number, column in enumerate(columns):
        target = chosen.get(f"col-{number}", LEAVE)
        if target == LEAVE:
            continue
        name = FREE + column if target == KEEP else target
        if name in mapping:
            raise BadCall(
                f"{mapping[name]!r} and {column!r} are both said to be {name}", hint="leave one of them out", field=name
            )
        mapping[name] = column
    constants = {}
    for number in range(CONSTANTS):
        name, value = chosen.get(f"set-{number}", ""), chosen.get(f"value-{number}", "").strip()
        if name and value and name not in mapping:
            constants[name] = value
    formats = {}
    for number in range(FORMATS):
        place, form = chosen.get(f"date-{number}", ""), chosen.get(f"format-{number}", "").strip()
        if place.isdecimal() and int(place) < len(columns) and form:
            formats[columns[int(place)]] = form
    return Draft(
        file=upload.file,
        table=table.name,
        source=chosen.get("source", "").strip() or table.name,
        mapping=mapping,
        constants=constants,
        tz=chosen.get("tz", "").strip() or None,
        fold=chosen.get("fold") or None,
        decimal=chosen.get("decimal") or None,
        date_formats=formats,
    )


def _draft_of_export(upload: Upload, chosen: Mapping[str, str]) -> Draft:
    """The import of a known export that a form says: what is left as it was recognised is not told."""
    told = {
        chosen[f"question-{number}"]: chosen[f"asks-{number}"]
        for number in range(MOST_QUESTIONS)
        if chosen.get(f"asks-{number}") and chosen.get(f"question-{number}")
    }
    return Draft(
        file=upload.file,
        table="survey_responses",
        source=chosen.get("source", "").strip(),
        mapping={},
        tz=chosen.get("tz", "").strip() or None,
        fold=chosen.get("fold") or None,
        export=chosen["export"],
        questions=told,
    )


def _known(site: Site, upload: Upload, export: str) -> KnownExport | None:
    """The upload as a known system's export: as recognised, as named, or as chosen before."""
    before = upload.chosen.get("export", "")
    if not export and upload.chosen and not before:
        return None  # its columns were mapped by hand
    return site.services.known_export(upload.file, export or before or None, {})


def _exported(upload: Upload, known: KnownExport) -> dict[str, Any]:
    chosen = upload.chosen if upload.chosen.get("export") == known.system else {}
    told = {
        chosen[f"question-{n}"]: chosen.get(f"asks-{n}", "") for n in range(MOST_QUESTIONS) if f"question-{n}" in chosen
    }
    return {
        "upload": upload,
        "known": known,
        "questions": list(enumerate(known.questions[:MOST_QUESTIONS])),
        "asks": ASKS,
        "told": told,
        "titles": {table.name: table.title for table in _in_order()},
        "chosen": {"source": known.system, "tz": known.zone or "", "fold": ""} | chosen,
    }


def _table(name: str) -> Table:
    known = tables()
    if name not in known:
        raise BadCall(f"there is no table {name!r}", hint=f"one of {', '.join(known)}", field="table")
    return known[name]


@dataclass(frozen=True)
class Line:
    """A column of the file on the mapping page: some of its values, and what it is taken for."""

    number: int
    column: str
    samples: str
    target: str


def _mapping(site: Site, upload: Upload, table_name: str) -> dict[str, Any]:
    preview = site.services.preview(upload.file)
    chosen = upload.chosen if not table_name or upload.chosen.get("table") == table_name else {}
    table = _table(table_name or chosen.get("table") or _likely(site, preview.columns))
    suggested = {column: name for name, column in site.services.suggest(table.name, preview.columns).items()}
    lines = [
        Line(
            number,
            column,
            ", ".join(_shown(row.get(column)) for row in preview.rows[:SAMPLES] if row.get(column) not in (None, "")),
            chosen.get(f"col-{number}", suggested.get(column, LEAVE)),
        )
        for number, column in enumerate(preview.columns)
    ]
    return {
        "upload": upload,
        "preview": preview,
        "shown_rows": preview.rows[:6],
        "table": table,
        "tables": _in_order(),
        "targets": targets(table),
        "lines": lines,
        "constants": _constants(table, chosen, lines),
        "one_of": {c.name: c.one_of for c in table.columns if c.one_of},
        "formats": [(n, chosen.get(f"date-{n}", ""), chosen.get(f"format-{n}", "")) for n in range(FORMATS)],
        "chosen": {"source": table.name, "tz": site.services.settings.time_zone, "fold": "", "decimal": ""} | chosen,
        "free": FREE,
        "keep": KEEP,
        "needed": needed(site, table),
        "exports": site.services.exports(),
    }


def needed(site: Site, table: Table) -> dict[str, list[str]]:
    """The columns of a table without which a KPI cannot be computed, each with the KPIs that need it."""
    found: dict[str, list[str]] = {}
    for kpi in site.services.kpis():
        for need in kpi.needs:
            if need.table == table.name:
                for column in (*(name for name, _ in need.among), *need.columns):
                    found.setdefault(column, []).append(kpi.title)
    return {column: list(dict.fromkeys(titles)) for column, titles in found.items()}


def targets(table: Table) -> list[tuple[str, str]]:
    """What a column of a file may mean in a table, with a sentence each."""
    own = [(c.name, c.words) for c in table.columns if c.type is not Type.MAP]
    common = [(name, table.by_name[name].words) for name in COMMON]
    return [*own, *common]


def _constants(table: Table, chosen: Mapping[str, str], lines: Sequence[Line]) -> list[tuple[int, str, str]]:
    """The lines for values that hold for every row; a new page begins with the column that decides what a row is."""
    mapped = {line.target for line in lines}
    asked = [c.name for c in table.columns if c.one_of and c.required and c.name not in mapped]
    if "kind" in table.by_name and "kind" not in mapped and "kind" not in asked:
        asked.append("kind")
    first = dict(enumerate(asked[:CONSTANTS]))
    return [(n, chosen.get(f"set-{n}", first.get(n, "")), chosen.get(f"value-{n}", "")) for n in range(CONSTANTS)]


def _likely(site: Site, columns: Sequence[str]) -> str:
    """The table of which the file's columns name the most."""
    scored = [
        (len(site.services.suggest(table.name, columns)), -place, table.name) for place, table in enumerate(_in_order())
    ]
    return max(scored)[2]


def _in_order() -> list[Table]:
    place = {name: index for index, name in enumerate(TABLES_FIRST)}
    return sorted(tables().values(), key=lambda table: (place.get(table.name, len(place)), table.name))


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _unfilled(site: Site, upload: Upload) -> dict[str, list[str]]:
    """The columns that KPIs need and that this mapping leaves empty."""
    if upload.chosen.get("export"):
        return {}
    table = _table(upload.chosen.get("table", ""))
    filled = {value for name, value in upload.chosen.items() if name.startswith(("col-", "set-"))}
    made = {column.name for column in table.columns if column.made_by}
    return {name: titles for name, titles in needed(site, table).items() if name not in filled | made}


def _feeds(site: Site) -> list[dict[str, Any]]:
    titles = {kpi.name: kpi.title for kpi in site.services.kpis()}
    feeds = sorted(site.figures.feeds().values(), key=lambda feed: (not feed.rows, titles.get(feed.kpi, feed.kpi)))
    return [{"name": f.kpi, "title": titles.get(f.kpi, f.kpi), "rows": f.rows, "missing": f.missing} for f in feeds]


def _job(site: Site, upload: Upload, request: Request) -> dict[str, Any]:
    job = upload.job
    finished = job is not None and job.done and job.report is not None and not job.dry_run
    if finished:
        site.warm()  # begins the new figures while the report is read
    return {
        "upload": upload,
        "job": job,
        "feeds": _feeds(site) if finished else [],
        "unfilled": _unfilled(site, upload) if job is not None and job.dry_run and job.done else {},
        "chosen": upload.chosen,
        "form_token": site.tokens.of(request)[1],
    }
