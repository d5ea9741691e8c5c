"""The commands for links between rows: list them, make and undo them, always with what that does to the KPIs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Annotated, Any

import typer

Open = Callable[[], AbstractContextManager[Any]]
Format = Annotated[str, typer.Option("--format", help="table, json or csv.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the effect and change nothing.")]
LinkId = Annotated[str, typer.Argument(help="The link's id, or its first letters, from `wellheard links`.")]


def register(app: typer.Typer, open_workspace: Open) -> None:
    """Adds the commands to the program's; `open_workspace` gives the workspace that was asked for."""

    @app.command()
    def links(format: Format = "table") -> None:
        """List which rows are one person or company, and why."""
        from wellheard.console import links_table

        with open_workspace() as workspace:
            links_table(workspace.links(), format)

    @app.command()
    def link(
        kind: Annotated[str, typer.Argument(help="person or company.")],
        one: Annotated[str, typer.Argument(help="A row of customers or accounts, as source:source_id.")],
        other: Annotated[str, typer.Argument(help="The row that is the same person or company.")],
        dry_run: DryRun = False,
    ) -> None:
        """Say that two rows are one person or company, and show what that does to the KPIs."""
        _decide(open_workspace, lambda workspace: workspace.link(kind, one, other), dry_run)

    @app.command()
    def unlink(id: LinkId, dry_run: DryRun = False) -> None:
        """Say that the two rows of a link are not one; no rule links them again."""
        _decide(open_workspace, lambda workspace: workspace.unlink(id), dry_run)

    @app.command()
    def relink(id: LinkId, dry_run: DryRun = False) -> None:
        """Withdraw an unlink."""
        _decide(open_workspace, lambda workspace: workspace.relink(id), dry_run)


def _decide(open_workspace: Open, decision_in: Callable[[Any], Any], dry_run: bool) -> None:
    from wellheard.console import decided

    with open_workspace() as workspace:
        decision = decision_in(workspace)
        effects = workspace.effects(decision)
        decided(decision.words, effects, None if dry_run else workspace.settle(decision))
