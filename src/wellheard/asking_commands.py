"""The commands for asking: who was asked and why not, asking one by hand, leaving, what came back, and the forecast."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from wellheard.base.errors import BadCall

Open = Callable[[], AbstractContextManager[Any]]
Format = Annotated[str, typer.Option("--format", help="table, json or csv.")]
SurveyId = Annotated[str, typer.Argument(help="The survey's id.")]
LEDGER = ("decided_at", "survey", "person", "company", "channel", "kind", "asked_at", "state", "why_not", "occasion")
FORECAST = (
    "month", "survey", "occasions", "asked", "answers", "answers_low", "answers_high", "interval_width",
)  # fmt: skip


def register(surveys: typer.Typer, open_workspace: Open) -> None:
    """Adds the commands to those of surveys; `open_workspace` gives the workspace that was asked for."""
    _register_ledger(surveys, open_workspace)
    _register_people(surveys, open_workspace)

    @surveys.command()
    def forecast(
        survey: Annotated[str | None, typer.Argument(help="The survey's id; by default all that ask.")] = None,
        months: Annotated[int, typer.Option(min=1, max=24, help="How many months ahead.")] = 3,
        format: Format = "table",
    ) -> None:
        """Forecast whom the surveys ask under their rules, the answers to expect, and how sure the KPI will be."""
        from wellheard.console import print_objects
        from wellheard.forecasting import forecast_of

        with open_workspace() as workspace, _published(workspace) as (store, published):
            told = forecast_of(workspace, store, published.all(), datetime.now(UTC), months)
            rows = [row for row in told.as_rows() if survey in (None, row["survey"])]
            print_objects(rows, format, FORECAST)
            if format == "table":
                for note in told.notes:
                    typer.echo(note)


def _register_ledger(surveys: typer.Typer, open_workspace: Open) -> None:
    @surveys.command()
    def ledger(
        survey: Annotated[str | None, typer.Argument(help="The survey's id; by default all of them.")] = None,
        not_asked: Annotated[bool, typer.Option("--not-asked", help="Only those who were not asked, and why.")] = False,
        person: Annotated[str | None, typer.Option(help="One customer, as source:key.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the newest.")] = 50,
        format: Format = "table",
    ) -> None:
        """List who was asked for what, who was not, and why."""
        from wellheard.console import print_objects
        from wellheard.store import ledger as kept
        from wellheard.store.surveys import survey_called

        with open_workspace() as workspace, _published(workspace) as (store, _), store.reading() as con:
            if survey is not None:
                survey_called(con, workspace.name, survey)
            asked = False if not_asked else None
            found = kept.entries(con, workspace.name, survey_id=survey, asked=asked, person=person, most=limit)
            print_objects([_line(entry) for entry in found], format, LEDGER)

    @surveys.command()
    def invite(
        survey: SurveyId,
        customer: Annotated[str, typer.Argument(help="The customer, as source:key or by a key of one source.")],
        channel: Annotated[str, typer.Option(help="The channel; link gives the link to pass on.")] = "link",
        occasion: Annotated[str, typer.Option(help="What it is about; one occasion is asked about once.")] = "",
    ) -> None:
        """Ask one customer by hand, under the same budgets; prints the link."""
        from wellheard.asking import asker_of

        with open_workspace() as workspace, _published(workspace) as (store, published):
            asker = asker_of(workspace, store, published, workspace.settings.public_address)
            try:
                now = datetime.now(UTC).isoformat(timespec="seconds")
                typer.echo(_invited(asker, asker.invite(survey, customer, channel, occasion or now), survey, channel))
            finally:
                asker.close()


def _register_people(surveys: typer.Typer, open_workspace: Open) -> None:
    @surveys.command("opt-out")
    def opt_out(
        person: Annotated[str, typer.Argument(help="A customer as source:key, or an e-mail address.")],
        undo: Annotated[bool, typer.Option("--undo", help="Let them be asked again, as they wished.")] = False,
    ) -> None:
        """Note that somebody is not to be asked again, by any survey or channel."""
        from wellheard.store import blocks

        with open_workspace() as workspace, _published(workspace) as (store, _), store.writing() as con:
            named = {"address": person} if "@" in person else {"person": person}
            if "@" not in person and ":" not in person:
                raise BadCall(f"{person!r} names nobody", hint="write source:key or an e-mail address", field="person")
            if undo:
                ended = blocks.opt_in(con, workspace.name, datetime.now(UTC), **named)
                typer.echo(f"{person} may be asked again." if ended else f"{person} had not opted out.")
                return
            blocks.opt_out(con, workspace.name, datetime.now(UTC), **named)
            typer.echo(f"{person} is not asked any more.")

    @surveys.command()
    def bounces(
        file: Annotated[list[Path], typer.Argument(help="Delivery reports as they came; - reads one from a pipe.")],
    ) -> None:
        """Take in delivery reports of mail servers, so that dead addresses are not written to again."""
        from wellheard.store.returned import note_returned
        from wellheard.surveys.bounces import read_report

        with open_workspace() as workspace, _published(workspace) as (store, _):
            texts = [sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes() for path in file]
            found = [returned for text in texts for returned in read_report(text)]
            with store.writing() as con:
                ours = note_returned(con, workspace.name, found, datetime.now(UTC))
            typer.echo(f"{len(found)} told of, {ours} of them about letters of ours.")


def _invited(asker: Any, decided: Any, survey_id: str, channel: str) -> str:
    from wellheard.surveys.reasons import reason_words

    if decided is None:
        return "That was decided before; see `wellheard surveys ledger`."
    if decided.reason is not None:
        return f"Not asked: {reason_words(decided.reason)}."
    if channel in ("link", "api"):
        return str(asker.link(asker.published.called(survey_id), decided.token))
    return f"It will be sent by {channel} at {decided.candidate.at:%Y-%m-%d %H:%M} UTC, while `wellheard serve` runs."


def _line(entry: Any) -> dict[str, Any]:
    from wellheard.surveys.reasons import reason_words

    return {
        "decided_at": entry.decided_at.isoformat(timespec="seconds"),
        "survey": entry.survey_id,
        "person": entry.person,
        "company": entry.company,
        "channel": entry.channel,
        "kind": entry.kind + (" (test)" if entry.test else ""),
        "asked_at": entry.asked_at.isoformat(timespec="seconds") if entry.asked else None,
        "state": entry.state,
        "why_not": None if entry.asked else reason_words(entry.reason),
        "occasion": entry.occasion,
    }


@contextmanager
def _published(workspace: Any) -> Iterator[tuple[Any, Any]]:
    from wellheard.store.store import open_store
    from wellheard.surveys.published import Published
    from wellheard.surveys.shelf import Shelf

    store = open_store(workspace.home, workspace.settings)
    try:
        published = Published(store, Shelf(workspace.home / "surveys"), workspace.name)
        published.all()
        yield store, published
    finally:
        store.close()
