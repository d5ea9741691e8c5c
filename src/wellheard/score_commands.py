"""The commands for scores: make them, and list the customers with theirs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer

Open = Callable[[], AbstractContextManager[Any]]
Format = Annotated[str, typer.Option("--format", help="table, json, csv or parquet.")]


@dataclass(frozen=True)
class Given:
    """What is said of a snapshot: its file, the outcome, the column of keys, whose they are, and of which day it is."""

    file: Path
    outcome: str
    key: str | None
    source: str | None
    as_of: datetime | None


def _from_snapshot(workspace: Any, given: Given, out: Path | None) -> dict[str, Any]:
    """Learns from a snapshot; gives what is told of it."""
    import pyarrow.csv as pc

    from wellheard.console import progress_bar
    from wellheard.scoring import score_from_snapshot

    with progress_bar() as progress:
        progress(f"learning from {given.file.name}", 0)
        found = score_from_snapshot(workspace, given.file, given.outcome, given.key, given.source, given.as_of)
    if out is not None:
        pc.write_csv(found.chances, out)
    seen = found.card["judged"]
    return {
        "outcome": found.card["outcome"], "examples": found.card["examples"], "left": found.card["left"],
        "validated": found.card["validated"], "model": found.card["kind"],
        **{name: round(seen[name], 4) for name in ("auc", "auc_low", "auc_high", "slope", "calibration_error")},
        "left_out": ", ".join(found.card["leaks"]), "rows": found.rows, "import": found.import_id,
    }  # fmt: skip


def _refuse_without_snapshot(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            from wellheard.base.errors import BadCall

            raise BadCall(f"--{name} belongs to --snapshot", hint="name the file with --snapshot", field=name)


def register(app: typer.Typer, open_workspace: Open) -> None:
    """Adds the commands to the program's; `open_workspace` gives the workspace that was asked for."""

    @app.command()
    def score(
        as_of: Annotated[
            datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day to its end; by default all the data.")
        ] = None,
        kind: Annotated[list[str] | None, typer.Option(help="Only this kind of score; may be given again.")] = None,
        snapshot: Annotated[
            Path | None,
            typer.Option(help="Learn from this labelled snapshot: a row a customer, its outcome, no dates."),
        ] = None,
        outcome: Annotated[
            str | None, typer.Option(help="Who has left in the snapshot, as COLUMN=VALUE, such as Churn=Yes.")
        ] = None,
        key: Annotated[str | None, typer.Option(help="The snapshot's column that names customers.")] = None,
        source: Annotated[str | None, typer.Option(help="The source whose customers the key names.")] = None,
        out: Annotated[Path | None, typer.Option(help="Write each row's chance to this CSV file.")] = None,
        format: Format = "table",
    ) -> None:
        """Score every customer: health, risk of leaving, lifetime value and profit. Goes on where it was broken off."""
        from wellheard.console import print_objects, progress_bar
        from wellheard.scoring import score as run

        until = datetime.combine(as_of.date(), time.max, UTC) if as_of else None
        if snapshot is not None:
            with open_workspace() as workspace:
                given = Given(snapshot, outcome or "", key, source, until)
                print_objects([_from_snapshot(workspace, given, out)], format)
            return
        _refuse_without_snapshot(outcome=outcome, key=key, source=source, out=out)
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
