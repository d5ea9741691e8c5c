"""The commands for surveys: which there are and where they are answered, and what was answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Annotated, Any

import typer

Open = Callable[[], AbstractContextManager[Any]]
Format = Annotated[str, typer.Option("--format", help="table, json or csv.")]
LISTED = ("survey", "name", "state", "answers", "partial", "flagged", "trials", "invited", "path")
ANSWERED = (
    "answered_at",
    "survey",
    "answer",
    "flag",
    "complete",
    "trial",
    "channel",
    "language",
    "customer_id",
    "said",
)


def register(app: typer.Typer, open_workspace: Open) -> typer.Typer:
    """Adds the commands to the program's, and gives their group; `open_workspace` gives the workspace asked for."""
    surveys = typer.Typer(no_args_is_help=True, help="Surveys of our own, and what was answered.")
    app.add_typer(surveys, name="surveys")

    @surveys.command("list")
    def list_(format: Format = "table") -> None:
        """List the surveys, where each is answered, and how many answers it has."""
        from wellheard.console import print_objects

        with open_workspace() as workspace, _store(workspace) as store:
            print_objects(_listed(workspace, store), format, LISTED)

    @surveys.command()
    def answers(
        survey: Annotated[str | None, typer.Argument(help="The survey's id; by default all of them.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many of the newest.")] = 20,
        flagged: Annotated[bool, typer.Option("--flagged", help="Only those that do not count, and why.")] = False,
        format: Format = "table",
    ) -> None:
        """Show the newest answers, those that do not count among them."""
        from wellheard.console import print_objects

        with open_workspace() as workspace, _store(workspace) as store:
            print_objects(_answered(workspace, store, survey, limit, flagged), format, ANSWERED)

    return surveys


@contextmanager
def _store(workspace: Any) -> Iterator[Any]:
    from wellheard.store.store import open_store

    store = open_store(workspace.home, workspace.settings)
    try:
        yield store
    finally:
        store.close()


def _listed(workspace: Any, store: Any) -> list[dict[str, Any]]:
    from wellheard.store.answers import counts
    from wellheard.surveys.published import Published
    from wellheard.surveys.shelf import Shelf

    surveys = Published(store, Shelf(workspace.home / "surveys"), workspace.name).all()
    with store.reading() as con:
        found = counts(con, workspace.name)
    return [
        {
            "survey": survey.id,
            "name": survey.name,
            "state": "test" if survey.test else "open" if survey.open else "closed",
            "answers": found[survey.id].answers,
            "partial": found[survey.id].partial,
            "flagged": found[survey.id].flagged,
            "trials": found[survey.id].test,
            "invited": found[survey.id].invited,
            "path": f"{workspace.settings.public_address}/s/{survey.key}",
        }
        for survey in surveys
    ]


def _answered(workspace: Any, store: Any, survey: str | None, limit: int, flagged: bool) -> list[dict[str, Any]]:
    from wellheard.store.answers import newest_answers
    from wellheard.store.surveys import survey_called

    with store.reading() as con:
        if survey is not None:
            survey_called(con, workspace.name, survey)
        found = newest_answers(con, workspace.name, survey, limit, flagged=flagged)
    return [
        {
            "answered_at": answer.answered_at.isoformat(timespec="seconds"),
            "survey": answer.survey_id,
            "answer": answer.submission_id,
            "flag": answer.flag,
            "complete": answer.complete,
            "trial": answer.test,
            "channel": answer.channel,
            "language": answer.language,
            "customer_id": answer.customer_id,
            "said": dict(answer.said),
        }
        for answer in found
    ]
