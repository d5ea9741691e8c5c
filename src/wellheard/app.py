"""Joins the rooms: a deployment's workspace as one object, for the command line, the server and the notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wellheard.base.errors import BadCall
from wellheard.base.settings import Settings, home_of, settings_of
from wellheard.enrich import decisions
from wellheard.enrich.decisions import Decision, Link
from wellheard.enrich.enrichments import enrich
from wellheard.feeding import feeds_of
from wellheard.importing import ImportCall as ImportCall
from wellheard.importing import intake
from wellheard.insights.advice import Advice, advise
from wellheard.insights.nonresponse import Silence, customers_by, silence
from wellheard.metrics.answer import Answer
from wellheard.metrics.catalogue import Catalogue, metrics
from wellheard.metrics.choice import read_choice, write_choice
from wellheard.metrics.frame import Frame
from wellheard.metrics.metric import Metric
from wellheard.metrics.names import known_names
from wellheard.metrics.own import own_metrics
from wellheard.metrics.parity import Compared, compared, pairs, pairs_of
from wellheard.metrics.query import query
from wellheard.metrics.question import OWNER, Question, Viewer, question
from wellheard.metrics.reader import Reader
from wellheard.metrics.rollups import Rollups
from wellheard.metrics.segments import read_segments, remove_segment, save_segment
from wellheard.metrics.submissions import Filled, submissions
from wellheard.metrics.target import Pace, Target, check_reach, pace, read_targets, remove_target, set_target
from wellheard.tables.catalogue import tables
from wellheard.warehouse import history, load
from wellheard.warehouse import links as found_links
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.feeds import Feed

if TYPE_CHECKING:
    from wellheard.enrich.text.workspace_texts import Texts

WORKSPACE = "main"
NAME = r"[a-z0-9][a-z0-9_-]{0,40}"
SEGMENTS_FILE = "segments.toml"
TARGETS_FILE = "targets.toml"
SCORECARD_FILE = "scorecard.toml"
OWN_KPIS = "kpis"  # the folder of the home that holds the KPIs a workspace adds

Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Effect:
    """A KPI's figures for all data before and after a decision: value, low, high, n, units."""

    kpi: str
    title: str
    unit: str
    currency: str | None
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Result(Answer):
    """An answer that draws itself."""

    def chart(self) -> Any:
        """The Altair chart of a series over time, or of one dimension's groups. Raises BadCall for any other answer."""
        from wellheard.reports import charts  # the library of charts takes a second to load, and few commands draw

        by = self.question.by
        if self.question.grain is not None and not by:
            return charts.trend(self).drawn
        if self.question.grain is None and len(by) == 1:
            return charts.groups(self, self.to_list(), by[0], None).drawn
        raise BadCall("there is no chart for this answer", hint="ask with a grain, or by one dimension", field="by")


class Workspace:
    """One company's data and figures. Open it with `wellheard.open`; close it, or use it in a `with`."""

    def __init__(self, home: Path | str | None = None, workspace: str = WORKSPACE) -> None:
        if not re.fullmatch(NAME, workspace):
            raise BadCall(
                f"{workspace!r} is no name for a workspace", hint="small letters, digits, - and _", field="workspace"
            )
        self.home = home_of(Path(home) if home is not None else None)
        self.name = workspace
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._settings = settings_of(self.home)
        self._segments: tuple[Hashable, Settings] = (None, self._settings)
        self.folder = self.home / "workspaces" / workspace
        self.lake = Lake(self.folder, self._settings)
        self.rollups = Rollups(self.lake, metrics())
        self._catalogue: tuple[Hashable, Catalogue] = (None, Catalogue())

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the workspace."""
        if "texts" in vars(self):
            self.texts.close()
        self.lake.close()

    @cached_property
    def texts(self) -> Texts:
        """What customers wrote: read, found, put into topics, labelled."""
        from wellheard.enrich.text.workspace_texts import Texts  # with what it brings; few commands read texts

        return Texts(self.lake, self._settings, self.folder / "texts", enrich)

    def kpi(
        self,
        name: str,
        by: Sequence[str] | str = (),
        grain: str | None = None,
        where: str | None = None,
        start: date | str | None = None,
        end: date | str | None = None,
        variant: str | None = None,
        compare: str | None = None,
        as_of: int | None = None,
        level: float = 0.95,
        viewer: Viewer = OWNER,
        rows: bool = False,
        limit: int | None = None,
        top: int | None = None,
        pooled: bool = False,
        engine: str = "auto",
    ) -> Result:
        """One KPI: `w.kpi("nps", by="region", grain="month")`. `name` may carry variants as `csat:mean`.

        `top` lets only so many groups stand alone; `pooled` steadies small groups by what all have in common.
        """
        asked = question(
            name,
            by if isinstance(by, str) else tuple(by),
            grain,
            where,
            start,
            end,
            variant,
            compare,
            as_of,
            level,
            viewer,
            rows,
            top,
            pooled,
        )
        return Result(**vars(self.ask(asked, limit, engine)))

    def ask(self, asked: Question, limit: int | None = None, engine: str = "auto") -> Answer:
        """The answer to a question; `engine` is auto, facts or rollups."""
        return query(self.lake, self.settings, self.catalogue.metric(asked.kpi), asked, limit, self.rollups, engine)

    def kpis(self) -> list[Metric]:
        """Every KPI there is, in its newest version."""
        return list(self.catalogue.metrics.values())

    @property
    def catalogue(self) -> Catalogue:
        """The built-in KPIs and those in the home's folder `kpis`; a file that changed is read again."""
        folder = self.home / OWN_KPIS
        state = definitions_state(folder)
        if self._catalogue[0] != state:
            own = own_metrics(folder, metrics())
            self._catalogue = (state, Catalogue(own.found, own.faults))
        return self._catalogue[1]

    @property
    def settings(self) -> Settings:
        """The settings, with the segments that are saved now. Raises BadInput where their file is wrong."""
        file = self.home / SEGMENTS_FILE
        state = definitions_state(self.home, SEGMENTS_FILE)
        if self._segments[0] != state:
            self._segments = (
                state,
                self._settings.model_copy(update={"segments": {**self._settings.segments, **read_segments(file)}}),
            )
        return self._segments[1]

    def save_segment(self, name: str, where: str) -> None:
        """Keeps a filter under a name; it is a dimension `segments.NAME` from then on."""
        save_segment(self.home / SEGMENTS_FILE, name, where)

    def remove_segment(self, name: str) -> None:
        """Forgets a saved segment."""
        remove_segment(self.home / SEGMENTS_FILE, name)

    def scorecard(self) -> tuple[str, ...]:
        """The KPIs that were chosen for the scorecard; empty where it shows all."""
        return read_choice(self.home / SCORECARD_FILE)

    def choose_scorecard(self, names: Sequence[str]) -> None:
        """Keeps which KPIs the scorecard shows; none means all. Raises Unknown for one that does not exist."""
        for name in names:
            self.catalogue.metric(question(name).kpi)
        write_choice(self.home / SCORECARD_FILE, names)

    def advise(self, goal: str, business: str, maturity: str) -> Advice:
        """Which KPIs to track for a goal, what each needs, and what is missing."""
        lacks = {feed.kpi: feed.missing for feed in self.feeds()}
        tracked = self.scorecard() or [name for name, words in lacks.items() if not words]
        return advise(goal, business, maturity, self.catalogue.metrics, lacks, tracked)

    def targets(self) -> list[Pace]:
        """Every target and where it stands. Raises BadInput where their file is wrong."""
        return [self._pace(target) for target in self.saved_targets()]

    def saved_targets(self) -> tuple[Target, ...]:
        """The targets as they were set."""
        return read_targets(self.home / TARGETS_FILE)

    def set_target(self, target: Target) -> None:
        """Keeps a target. Raises BadCall or Unknown for a KPI, a variant or a filter that does not exist."""
        asked = target.now(target.by)
        kpi = self.catalogue.metric(asked.kpi)
        check_reach(target, kpi)
        query(self.lake, self.settings, kpi, asked)
        set_target(self.home / TARGETS_FILE, target)

    def remove_target(self, key: str) -> None:
        """Forgets a target."""
        remove_target(self.home / TARGETS_FILE, key)

    def _pace(self, target: Target) -> Pace:
        kpi = self.catalogue.metric(target.now(target.by).kpi)
        with self.lake.reading():
            first = self.ask(target.now(target.by))
            end = first.data_end
            if end is None or end < target.start:
                return Pace(target, "none")
            answers = [self.ask(asked) for asked in (target.now(end), target.past(end))]
        now, past = (answer.to_list() for answer in answers)
        return pace(target, kpi, now[0], past, end)

    def state(self) -> Hashable:
        """What answers hang on beside the question: the snapshot and the definitions. Equal states, equal answers."""
        written = definitions_state(self.home / OWN_KPIS), definitions_state(self.home, SEGMENTS_FILE)
        return self.lake.newest(), written

    def page_state(self) -> Hashable:
        """What the scorecard's page hangs on: what answers do, and what is chosen and aimed at."""
        return self.state(), definitions_state(self.home, TARGETS_FILE), definitions_state(self.home, SCORECARD_FILE)

    def dimensions(self, name: str) -> list[str]:
        """The names by which a KPI can be grouped and filtered."""
        with self.lake.reading() as snapshot:
            reader = Reader(self.lake, self.settings, snapshot)
            return list(known_names(self.catalogue.metric(name).tables[0], reader.attributes))

    def data_end(self, name: str) -> date | None:
        """The day up to which a KPI's tables hold data."""
        with self.lake.reading() as snapshot:
            reader = Reader(self.lake, self.settings, snapshot)
            return Frame(reader, self.catalogue.metric(name).asked(()), question(name)).data_day

    def parity(
        self, product: str | None = None, start: date | str | None = None, end: date | str | None = None
    ) -> list[Compared]:
        """What other products would show from these rows, beside our figures; in the last complete month by default.

        Raises Unknown for a product whose figures no KPI reproduces.
        """

        def ask(asked: Question) -> Answer:
            return self.ask(asked)

        wanted = pairs(self.kpis()) if product is None else pairs_of(self.kpis(), product)
        span = question("parity", start=start, end=end)
        return list(compared(wanted, ask, self.data_end, span.start, span.end))

    def import_files(self, call: ImportCall, progress: Progress = lambda _stage, _rows: None) -> load.Report:
        """Takes files in. Raises BadCall, BadInput or Ambiguous before anything is written."""
        given = intake(call)
        report = load.take(
            self.lake,
            given.recipe,
            given.deliveries,
            default_zone=self.settings.time_zone,
            rejects_folder=self.folder / "rejects",
            enrich=enrich,
            progress=progress,
            dry_run=call.dry_run,
            unreadable=given.unreadable,
        )
        return replace(report, left_out=given.left_out(), questions=given.questions(), notes=given.notes())

    def silence(
        self,
        name: str,
        by: str = "segment",
        survey: str | None = None,
        where: str | None = None,
        start: date | str | None = None,
        end: date | str | None = None,
    ) -> Silence:
        """Who stayed silent about a survey KPI: response rates, whom the answers stand for, and the KPI weighed so."""
        asked = question(name, where=where, start=start, end=end)
        return silence(self.catalogue.metric(asked.kpi), asked, by, survey, self.ask, self.customers_by)

    def customers_by(self, asked: Question, by: str) -> Mapping[Any, int]:
        """The customers there were at the end of a question's range, by group."""
        return customers_by(self.lake, self.settings, self.catalogue.metric(asked.kpi), asked, by)

    def imports(self) -> list[history.Import]:
        """Every load, the newest first."""
        return history.imports(self.lake)

    def undo(self, import_id: str) -> history.Undone:
        """Takes a load back."""
        return history.undo(self.lake, import_id, enrich)

    def links(self) -> list[Link]:
        """Which rows are one person or company, and why; and which are kept apart."""
        return decisions.links(self.lake)

    def link(self, kind: str, one: str, other: str, by: str = OWNER.name) -> Decision:
        """What says that two rows of customers (kind `person`) or accounts (`company`) are one: try it, or settle it.

        A row is named as `source:source_id`, or by a key that one source alone uses.
        """
        return decisions.joined(self.lake, kind, one, other, by)

    def unlink(self, link_id: str, by: str = OWNER.name) -> Decision:
        """What says that the two rows of a link are not one."""
        return decisions.parted(self.lake, link_id, by)

    def relink(self, link_id: str, by: str = OWNER.name) -> Decision:
        """What withdraws an `unlink`."""
        return decisions.restored(self.lake, link_id, by)

    def turned(self, link_id: str) -> Decision:
        """The `unlink` of a link that holds, the `relink` of one that was undone by hand."""
        holds = decisions.link_of(self.lake, link_id).state == "holds"
        return self.unlink(link_id) if holds else self.relink(link_id)

    def settle(self, decision: Decision) -> str:
        """Makes a decision hold; gives the id of the import by which it can be taken back."""
        return found_links.decide(self.lake, decision.kind, decision.row, decision.words, enrich)

    def effects(self, decision: Decision) -> list[Effect]:
        """The KPIs whose figures a decision would change. Nothing is kept of it."""
        with self.lake.reading():
            before = self._figures()
        with self.lake.trying():
            found_links.apply(self.lake, decision.kind, decision.row, enrich)
            after = self._figures()
        kpis = {kpi.name: kpi for kpi in self.kpis()}
        return [
            Effect(name, kpis[name].title, kpis[name].unit, row["currency"], _shown(row), _shown(then))
            for name, rows in before.items()
            for row, then in zip(rows, after[name], strict=False)
            if _shown(row) != _shown(then)
        ]

    def _figures(self) -> dict[str, list[dict[str, Any]]]:
        """The figures of all data of every KPI that has any."""
        return {feed.kpi: self.kpi(feed.kpi).to_list() for feed in self.feeds() if feed.rows}

    def feeds(self) -> list[Feed]:
        """Which KPIs this data can feed, and what is missing for the others."""
        return feeds_of(self.lake, self.kpis())

    def submissions(self) -> dict[str, Filled]:
        """Filled-in questionnaires by survey: those that count, and trial ones."""
        with self.lake.reading() as snapshot:
            return submissions(Reader(self.lake, self.settings, snapshot))

    def counts(self) -> dict[str, int]:
        """Rows by canonical table."""
        with self.lake.reading() as snapshot:
            reader = Reader(self.lake, self.settings, snapshot)
            return {name: reader.bounds(name).rows for name in tables()}


def definitions_state(folder: Path, pattern: str = "*.toml") -> Hashable:
    """What tells whether a file of the folder has changed."""
    files_ = sorted(folder.glob(pattern))
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files_)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("value", "low", "high", "n", "units")}


def as_json(answer: Answer) -> str:
    """An answer as the text that `--format json` and the API give."""
    return json.dumps(answer.to_list(), ensure_ascii=False, indent=1, default=str)
