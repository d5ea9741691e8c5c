"""Prints what imports did: their rows, what they were taken for, and what can be computed now."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from wellheard.console import out, print_objects
from wellheard.warehouse.feeds import Feed
from wellheard.warehouse.history import Import, Undone
from wellheard.warehouse.load import Report

COUNTED = ("read", "new", "changed", "unchanged", "repeated", "rejected")


def import_report(report: Report, feeds: Sequence[Feed]) -> None:
    """What an import did, and which KPIs can be computed now."""
    from rich.markup import escape

    console = out()
    table = Table(title=f"import {report.import_id or '(dry run: nothing was written)'}", title_justify="left")
    for name in ("table", "rows read", "new", "changed", "unchanged", "repeated", "rejected"):
        table.add_column(name, justify="left" if name == "table" else "right")
    for c in report.tables:
        counts = (c.read, c.new, c.changed, c.unchanged + c.older, c.repeated, c.rejected)
        table.add_row(c.table, *[f"{n:,}" for n in counts])
    if report.unreadable:
        unread = f"{report.unreadable:,}"
        table.add_row("(could not be read)", unread, "0", "0", "0", "0", unread)
    console.print(table)
    if not any(c.read for c in report.tables) and not report.unreadable:
        console.print("the file has no rows")
    if len(report.tables) == 1:
        console.print("[dim]" + escape("; ".join(f"{field} ← {origin}" for _, field, origin in report.mapping)) + "[/]")
    if any(c.repeated for c in report.tables):
        console.print("repeated: rows with the key of another row; one stayed. Is source_id really the row's own key?")
    for column, words in dict(report.readings).items():
        console.print(f"[dim]{escape(column)}: {escape(words)}[/]")
    for reason, n in report.reasons:
        console.print(f"  {n:,} × {escape(reason)}")
    _print_export(report)
    if report.rejects_file is not None:
        console.print(f"rejected rows, with their reasons: {report.rejects_file}")
    _print_feeds(feeds)


def _print_export(report: Report) -> None:
    """What the columns of a known export were taken for, and which answers never count."""
    from rich.markup import escape

    if report.questions:
        table = Table(title="what is asked, and as what it is taken (--question says otherwise)", title_justify="left")
        for name in ("question", "taken as", "because"):
            table.add_column(name)
        for row in report.questions:
            table.add_row(*map(escape, row))
        out().print(table)
    for why, n in report.left_out:
        out().print(f"{n:,} {escape(why)}: kept, and in no KPI")
    for note in report.notes:
        out().print(escape(note))


def _print_feeds(feeds: Sequence[Feed]) -> None:
    table = Table(title="what this workspace can feed", title_justify="left")
    table.add_column("KPI")
    table.add_column("rows", justify="right")
    table.add_column("missing")
    for feed in sorted(feeds, key=lambda f: (-(f.rows > 0), f.kpi)):
        table.add_row(feed.kpi, f"{feed.rows:,}" if feed.rows else "–", feed.missing)
    out().print(table)


def imports_table(imports: Sequence[Import], format: str) -> None:
    """Every load in the format asked for."""
    rows = [
        {
            "id": i.import_id,
            "taken_at": i.taken_at.isoformat(timespec="seconds"),
            "source": i.source,
            "files": ", ".join(i.files),
            **{k: sum(t[k] for t in i.tables) for k in ("new", "changed", "unchanged", "repeated")},
            **{k: sum(t[k] for t in i.tables) + i.unreadable for k in ("read", "rejected")},
            "tables": ", ".join(t["table"] for t in i.tables),
            "undone_at": i.undone_at.isoformat(timespec="seconds") if i.undone_at else None,
        }
        for i in imports
    ]
    print_objects(
        rows,
        format,
        [*("id", "taken_at", "source", "files"), *COUNTED, "tables", "undone_at"],
    )


def undone(result: Undone) -> None:
    """What taking a load back did."""
    console = out()
    for table in result.removed:
        console.print(f"{table}: {result.removed[table]:,} rows removed, {result.restored[table]:,} restored")
    if not result.removed:
        console.print("that import had changed nothing")
    if result.again:
        again = ", ".join(result.again)
        console.print(f"later imports brought some of these rows too ({again}); import them again if they are wanted")
