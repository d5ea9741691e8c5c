"""Serves a workspace's pages and API on this machine: hands the rooms' functions to web and runs the server."""

from __future__ import annotations

import gc
import json
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from wellheard.actions.closed_loop import ClosedLoop
from wellheard.app import Workspace
from wellheard.asking import Asker, asker_of
from wellheard.asking_service import AskingService
from wellheard.base.errors import BadCall, Refused
from wellheard.demo import is_simulated
from wellheard.enrich.conversation_timeline import timeline_of
from wellheard.enrich.decisions import Decision
from wellheard.following import Following, LoopService, cases_told, closed_loop_of
from wellheard.importing import ImportCall, reading_of, taken_as
from wellheard.jobs import Inviting, Merging
from wellheard.metrics.answer import Answer
from wellheard.metrics.curves import Curves, cohort_curves
from wellheard.metrics.question import Question
from wellheard.nightly import Nightly
from wellheard.reading_texts import reading_texts
from wellheard.scored import ScoreService
from wellheard.sources import files
from wellheard.sources.exports import exports
from wellheard.sources.recipe import ATTRIBUTE, Take, completed, mapped
from wellheard.store.inbox import Inbox
from wellheard.store.store import open_store
from wellheard.store.vault import open_vault
from wellheard.surveys.published import Published
from wellheard.surveys.shelf import Shelf
from wellheard.web.public.application import make_public_app
from wellheard.web.public.reception import reception_of
from wellheard.web.server import make_app
from wellheard.web.services import Draft, ExportQuestion, KnownExport, Preview, Progress, Report, Services, Turned
from wellheard.web.widget.script import widget_script

LOCAL = ("127.0.0.1", "localhost", "::1")
SURVEYS = "surveys"  # the folder of the home in which surveys lie
TRIED_PORTS = 50
SWITCH = 0.0005  # seconds that a thread may keep the interpreter while another wants it; ten times as long by default


def serve(workspace: Workspace, host: str | None = None, port: int | None = None) -> None:
    """Serves until it is told to stop. Raises Refused for a host that is not this machine.

    A port that is taken gives way to the next free one, and 0 to any free one; the address is printed when it listens.
    """
    workspace.rollups.makes = True  # whoever looks at a page looks again
    chosen = host or workspace.settings.host
    if chosen not in LOCAL:
        raise Refused(
            f"this version listens on this machine only, and not on {chosen}: nobody logs in yet, "
            "so whoever reaches it sees everything",
            hint="leave --host away, or use 127.0.0.1, localhost or ::1",
            field="host",
        )
    wanted = workspace.settings.port if port is None else port
    listening = _listening(chosen, wanted)
    with listening:
        actual = listening.getsockname()[1]
        if wanted and actual != wanted:
            _say(f"Port {wanted} is taken; using {actual} instead.")
        shown = f"[{chosen}]" if ":" in chosen else "127.0.0.1"
        with reading_texts(workspace), Nightly(workspace), taking_answers(workspace) as door:
            server = _Server(
                uvicorn.Config(
                    make_app(services_of(workspace, door)),
                    log_level="warning",
                    access_log=False,
                    timeout_graceful_shutdown=5,
                    server_header=False,
                    lifespan="on",
                ),
                f"Wellheard is at http://{shown}:{actual}\nSurveys are answered at {door.address}",
            )
            server.run(sockets=[listening])


@dataclass(frozen=True)
class Door:
    """Where the public answers: what every address begins with, and the surveys that have one."""

    address: str
    published: Published
    loop: ClosedLoop
    asker: Asker

    def page(self, survey_id: str) -> str | None:
        """The address of a survey's page; None while it has none, as when its file is wrong."""
        key = self.published.called(survey_id).key
        return f"{self.address}/s/{key}" if key else None

    def widget(self, survey_id: str) -> str | None:
        """The line that shows a survey on the pages of a site."""
        key = self.published.called(survey_id).key
        source = f"{self.address}/widget/{widget_script().name}"
        return f'<script src="{source}" data-survey="{key}" async></script>' if key else None


@contextmanager
def taking_answers(workspace: Workspace) -> Iterator[Door]:
    """Takes answers from the public on a port of its own, and merges them, until the block ends; gives the door.

    A port of its own can be opened to the world without opening that of the figures, where nobody logs in yet.
    """
    # The inbox's thread lets go of the interpreter at every row it writes, and must not wait long to get it back.
    sys.setswitchinterval(SWITCH)
    settings = workspace.settings
    store = open_store(workspace.home, settings)
    inbox = Inbox(store)
    published = Published(store, Shelf(workspace.home / SURVEYS), workspace.name)
    published.all()  # so that each has its address before anybody asks
    with _listening(settings.public_host, settings.public_port) as listening:
        host = f"[{settings.public_host}]" if ":" in settings.public_host else settings.public_host
        address = settings.public_address or f"http://{host}:{listening.getsockname()[1]}"
        asker = asker_of(workspace, store, published, address)
        vault = open_vault(workspace.home, settings)
        app = make_public_app(reception_of(workspace.name, settings, store, inbox, published, asker.shows, vault))
        # The address of a caller is ours to judge: the server must not believe what a header says of it.
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=5,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=2_000,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="public", daemon=True)
        serving.start()
        merging = Merging(workspace, store)
        loop = closed_loop_of(workspace, store)
        following = Following(loop, workspace.lake.snapshot)
        inviting = Inviting(asker)
        try:
            yield Door(address, published, loop, asker)
        finally:
            server.should_exit = True
            serving.join()
            inviting.close()
            asker.close()
            merging.close()
            following.close()
            inbox.close()
            store.close()


class _Server(uvicorn.Server):
    """Says where it is once it truly listens."""

    def __init__(self, config: uvicorn.Config, words: str) -> None:
        super().__init__(config)
        self.words = words

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            # What was loaded stays for good. To look for garbage among it stops everybody for a quarter of a second.
            gc.collect()
            gc.freeze()
            _say(self.words)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self._captured_signals.clear()  # being told to stop is no failure: the exit code is 0


def _say(words: str) -> None:
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def _listening(host: str, port: int) -> socket.socket:
    """A socket bound to the port, or to the next free one after it."""
    for candidate in [port] if port == 0 else range(port, min(port + TRIED_PORTS, 65_536)):
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1" if host == "localhost" else host, candidate))
            sock.listen(1024)
        except OSError:
            sock.close()
            continue
        return sock
    raise BadCall(f"no port from {port} on is free", hint="give --port 0 for any free one", field="port")


def services_of(workspace: Workspace, door: Door | None = None) -> Services:
    """What the pages may do with a workspace; `door` is where its surveys are answered, if they are."""

    def ask(asked: Question, limit: int | None) -> Answer:
        return workspace.ask(asked, limit)

    def curves(asked: Question) -> Curves:
        return cohort_curves(workspace.lake, workspace.settings, workspace.catalogue.metric(asked.kpi), asked)

    loop = LoopService(workspace, door.loop if door else None)
    return Services(
        settings=workspace.settings,
        kpis=workspace.kpis,
        metric=lambda name: workspace.catalogue.metric(name),
        ask=ask,
        dimensions=workspace.dimensions,
        data_end=workspace.data_end,
        state=workspace.state,
        page_state=workspace.page_state,
        feeds=workspace.feeds,
        simulated=lambda: is_simulated(workspace),
        uploads=workspace.folder / "uploads",
        preview=_preview,
        suggest=_suggested,
        exports=lambda: {name: export.title for name, export in exports().items()},
        known_export=_known_export,
        take=lambda draft, dry, progress: _take(workspace, draft, dry, progress),
        recipe=recipe_text,
        imports=workspace.imports,
        undo=workspace.undo,
        scorecard=workspace.scorecard,
        choose_scorecard=workspace.choose_scorecard,
        targets=workspace.saved_targets,
        set_target=workspace.set_target,
        remove_target=workspace.remove_target,
        segments=lambda: workspace.settings.segments,
        save_segment=workspace.save_segment,
        remove_segment=workspace.remove_segment,
        links=workspace.links,
        effect_of=lambda id: _turned(workspace, id),
        turn=lambda id: workspace.settle(workspace.turned(id)),
        effect_of_linking=lambda kind, one, other: _told(workspace, workspace.link(kind, one, other)),
        link=lambda kind, one, other: workspace.settle(workspace.link(kind, one, other)),
        conversation=lambda id: timeline_of(workspace.lake, id),
        curves=curves,
        customers_by=workspace.customers_by,
        surveys=Shelf(workspace.home / SURVEYS),
        submissions=workspace.submissions,
        survey_address=lambda id: door.page(id) if door else None,
        widget_tag=lambda id: door.widget(id) if door else None,
        asking=AskingService(workspace, door.asker if door else None),
        texts=workspace.texts,
        scores=ScoreService(workspace, cases_told(loop)),
        loop=loop,
    )


def _turned(workspace: Workspace, id: str) -> Turned:
    return _told(workspace, workspace.turned(id))


def _told(workspace: Workspace, decision: Decision) -> Turned:
    """What a decision says, and what it would change, before it is written."""
    return Turned(decision.words, workspace.effects(decision))


def _preview(path: Path) -> Preview:
    seen = files.fields(path)
    how = [seen.format.kind, seen.format.compression, seen.format.encoding]
    if seen.format.delimiter:
        how.append(
            {"\t": "tabs", ",": "commas", ";": "semicolons"}.get(seen.format.delimiter, repr(seen.format.delimiter))
        )
    if seen.format.sheet:
        how.append(f"sheet {seen.format.sheet}")
    return Preview(
        words=", ".join(str(part) for part in how if part),
        columns=seen.columns,
        rows=seen.rows,
        renames=[f"column {r.position}, {r.was!r}, is called {r.now!r} here" for r in seen.renames],
        bad_rows=[f"row {bad.row}: {bad.reason}" for bad in seen.bad_rows],
    )


def _known_export(path: Path, system: str | None, told: Mapping[str, str]) -> KnownExport | None:
    """What a file is as the export of a system that is known, or named; None where it is none."""
    reading = reading_of(path, ImportCall(paths=(path,), export=system, questions=told))
    if reading is None:
        return None
    laid = reading.laid
    return KnownExport(
        system=reading.system,
        title=reading.title,
        tables=tuple(laid.columns),
        questions=[ExportQuestion(q.key, q.words, taken_as(q), q.why) for q in laid.questions],
        zone=laid.zone,
        asks_zone=laid.asks_zone,
        notes=laid.notes,
    )


def _suggested(table: str, columns: Sequence[str]) -> Mapping[str, str]:
    """Canonical column to the file's column, for those whose names say it."""
    (rule,) = completed(mapped(table, table, {}, {}), list(columns)).rules
    return {name: take.column for name, take in rule.columns.items() if isinstance(take, Take)}


def _take(workspace: Workspace, draft: Draft, dry_run: bool, progress: Progress) -> Report:
    """Takes exactly what a draft maps, by a recipe beside the file: what the page leaves out stays out."""
    if draft.export:
        call = ImportCall(
            paths=(draft.file,),
            source=draft.source or None,
            tz=draft.tz,
            fold=draft.fold,
            dry_run=dry_run,
            export=draft.export,
            questions=draft.questions,
        )
        return workspace.import_files(call, progress)
    recipe = draft.file.with_name("recipe.toml")
    recipe.write_text(recipe_text(draft), encoding="utf-8")
    call = ImportCall(paths=(draft.file,), recipe=recipe, dry_run=dry_run)
    return workspace.import_files(call, progress)


def recipe_text(draft: Draft) -> str:
    """A draft as a recipe, which `wellheard import --recipe` takes as well."""
    lines = [f"name = {_toml(draft.table)}", f"source = {_toml(draft.source)}"]
    lines += [f"{name} = {_toml(value)}" for name, value in _readings(draft).items()]
    if draft.date_formats:
        pairs = ", ".join(f"{_toml(column)} = {_toml(form)}" for column, form in draft.date_formats.items())
        lines.append(f"date_formats = {{ {pairs} }}")
    lines += ["", "[[tables]]", f"table = {_toml(draft.table)}", "", "[tables.columns]"]
    filled = {name: _toml(column) for name, column in draft.mapping.items()}
    filled |= {name: f"{{ set = {_toml(value)} }}" for name, value in draft.constants.items()}
    own = {name: text for name, text in filled.items() if not name.startswith(ATTRIBUTE)}
    free = {name.removeprefix(ATTRIBUTE): text for name, text in filled.items() if name.startswith(ATTRIBUTE)}
    lines += [f"{_toml(name)} = {text}" for name, text in own.items()]
    if free:
        lines += ["", "[tables.columns.attributes]", *(f"{_toml(name)} = {text}" for name, text in free.items())]
    return "\n".join(lines) + "\n"


def _readings(draft: Draft) -> dict[str, str]:
    given: dict[str, Any] = {"tz": draft.tz, "fold": draft.fold, "decimal": draft.decimal}
    return {name: value for name, value in given.items() if value}


def _toml(text: str) -> str:
    """A text as a TOML string: JSON's escapes, with DEL, which JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")
