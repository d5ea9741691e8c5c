"""Fills a workspace with a made-up company, through the same way in as any file, and marks it as simulated."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import typer

from wellheard.app import ImportCall, Workspace
from wellheard.base.errors import BadCall
from wellheard.simulate import Written, simulate

MARK = "simulated"  # a file of this name in a workspace's folder makes every page say that its data are made up
FIRST = ("touchpoints", "schedules", "fx_rates", "accounts", "customers")  # what others lean on


def is_simulated(workspace: Workspace) -> bool:
    """Whether the workspace holds the made-up company."""
    return (workspace.folder / MARK).is_file()


def fill(workspace: Workspace, customers: int) -> None:
    """Loads a made-up company of so many contacts, two years of it. Does nothing where it is loaded already.

    Raises BadCall where the workspace holds other data, so that made-up rows never mix with real ones.
    """
    if is_simulated(workspace):
        typer.echo("The made-up company is loaded already.")
        return
    _check_empty(workspace)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wellheard-demo-") as folder:
        typer.echo(f"Making up a company with {customers:,} contacts and two years of history …")
        written = simulate(Path(folder), customers=customers)
        total = _load(workspace, written)
    (workspace.folder / MARK).write_text(json.dumps({"customers": customers}) + "\n", encoding="utf-8")
    typer.echo(f"{total:,} simulated rows are in, after {time.monotonic() - started:.0f} s.")


def _check_empty(workspace: Workspace) -> None:
    """Rows of a demo that was broken off half-way may be there; they are delivered again and change nothing."""
    others = [i for i in workspace.imports() if i.undone_at is None and not _is_ours(i.files)]
    if others:
        raise BadCall(
            "this workspace holds data of your own, and made-up rows never mix with real ones",
            hint="give the demo a home of its own: wellheard --home demo-home demo",
            field="workspace",
        )


def _is_ours(files: tuple[str, ...]) -> bool:
    return all(name.startswith("simulated-") for name in files)


def _load(workspace: Workspace, written: Written) -> int:
    order = {name: place for place, name in enumerate(FIRST)}
    files = sorted(written.files, key=lambda file: (order.get(file[0], len(order)), file[0]))
    total = 0
    for number, (table, path, rows) in enumerate(files, 1):
        named = path.rename(path.with_name(f"simulated-{path.name}"))
        report = workspace.import_files(ImportCall(paths=(named,), table=table))
        rejected = f", {report.rejected:,} rejected" if report.rejected else ""
        typer.echo(f"  {number:>2}/{len(files)}  {rows:>9,} rows of {table}{rejected}")
        total += sum(counts.new for counts in report.tables)
    return total
