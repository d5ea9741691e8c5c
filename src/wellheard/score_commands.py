"""The commands for scores: make them, and list the customers with theirs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, time
from typing import Annotated, Any

import typer

Open = Callable[[], AbstractContextManager[Any]]
Format = Annotated[str, typer.Option("--format", help="table, json, csv or parquet.")]


def register(app: typer.Typer, open_workspace: Open) -> None:
    """Adds the commands to the program's; `open_workspace` gives the workspace that was asked for."""

    @app.command()
    def score(
        as_of: Annotated[
            datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day to its end; by default all the data.")
        ] = None,
        kind: Annotated[list[str] | None, typer.Option(help="Only this kind of score; may be given again.")] = None,
        format: Format = "table",
    ) -> None:
        """Score every customer: health, risk of leaving, lifetime value and profit. Goes on where it was broken off."""
        from wellheard.console import print_objects, progress_bar
        from wellheard.scoring import score as run

        until = datetime.combine(as_of.date(), time.max, UTC) if as_of else None
        with open_workspace() as workspace:
            with progress_bar() as progress:
                at, steps = run(workspace, until, kind or (), progress)
            rows = [{"as_of": at.isoformat(), "kind": s.kind, "rows": s.rows, "import": s.import_id} for s in steps]
            print_objects(rows, format, ("as_of", "kind", "rows", "import"))

    @app.command()
    def customers(
        where: Annotated[str | None, typer.Option(help='A filter such as "health < 40 and profit > 0".')] = None,
        columns: Annotated[str | None, typer.Option(help="Columns, with commas between; `all` for every one.")] = None,
        order: Annotated[str, typer.Option(help="A column; with a - in front the greatest first.")] = "customer_id",
        limit: Annotated[int | None, typer.Option(min=1, help="So many at most.")] = None,
        format: Format = "table",
    ) -> None:
        """List the customers with their scores: one row a customer."""
        import pyarrow.parquet as pq

        from wellheard.console import check_format, print_objects
        from wellheard.insights.customers import PRIVATE, SHOWN, Wanted, plain
        from wellheard.insights.customers import columns as known
        from wellheard.insights.customers import customers as listed

        check_format(format)
        every = tuple(name for name in known() if name not in PRIVATE)
        named = tuple(name.strip() for name in (columns or "").split(",") if name.strip())
        chosen = every if named == ("all",) else named or SHOWN
        with open_workspace() as workspace, workspace.lake.reading():
            found = listed(workspace.lake, Wanted(where, chosen, order, limit))
        if format == "parquet":
            pq.write_table(found, sys.stdout.buffer)
            return
        print_objects(plain(found), format, chosen)
