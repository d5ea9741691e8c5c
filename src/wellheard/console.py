"""Prints results on a terminal, or as JSON, CSV and Parquet for programs."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from wellheard.app import Effect
from wellheard.base.errors import BadCall, BadInput
from wellheard.base.periods import Grain, add_months
from wellheard.enrich.decisions import Link
from wellheard.insights.advice import Advice
from wellheard.metrics.answer import Answer
from wellheard.metrics.catalogue import Catalogue
from wellheard.metrics.parity import Compared
from wellheard.metrics.question import column_of, question
from wellheard.metrics.target import Pace
from wellheard.reports import units

if TYPE_CHECKING:
    from wellheard.kpi_contract import Finding
    from wellheard.preview import Month, Preview

FORMATS = ("table", "json", "csv", "parquet")
WIDE = 200
CARET = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula


def out() -> Console:
    """The terminal's output."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=WIDE)  # a file or a pipe has no edge to wrap at


def check_format(name: str) -> None:
    """Raises BadCall for a format that is none."""
    if name not in FORMATS:
        raise BadCall(f"--format {name} is not known", hint=f"one of {', '.join(FORMATS)}", field="format")


def print_answer(answer: Answer, format: str) -> None:
    """An answer in the format asked for."""
    check_format(format)
    for note in answer.notes:
        sys.stderr.write(f"note: {note}\n")
    if format == "parquet":
        pq.write_table(answer.to_arrow(), sys.stdout.buffer)
        return
    rows = answer.to_list()
    if format != "table":
        print_objects(rows, format, answer.to_arrow().column_names)
        return
    if answer.question.rows:
        print_objects(rows, "table", answer.to_arrow().column_names)
        return
    for line in _heading(answer):
        out().print(line, style="italic", markup=False, highlight=False)
    named = [_figure(row, answer) for row in rows]
    _print_table(
        named, [n for n in (named[0] if named else {}) if any(row[n] not in ("", None) for row in named)], None
    )
    if answer.data_end is not None:
        definition = answer.metric.definition(answer.asked.variants)
        out().print(f"[dim]data up to {answer.data_end} · {definition} · snapshot {answer.snapshot}[/]")


def _heading(answer: Answer) -> list[str]:
    """What the figures are: the KPI's formula where it holds, and the words of each variant that changes it."""
    metric = answer.metric
    chosen = [metric.variant(name) for name in answer.asked.variants]
    whole = all(variant.brick is None for variant in chosen)
    first = f"{metric.title}: {metric.formula}" if whole else metric.title
    return [first, *(f"  {variant.name}: {variant.words}" for variant in chosen)]


def _figure(row: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """A row of an answer as people read it: with units, its interval in one cell, and no column that says nothing."""
    unit, currency, grain = row["unit"], row["currency"], answer.question.grain
    start, end = (date.fromisoformat(row[k]) if row[k] else None for k in ("period_start", "period_end"))
    period = "" if start is None or end is None else units.period_name(start, grain, end)
    shown: dict[str, Any] = {"period": period + (" (partial)" if row["partial"] else "")}
    split = answer.metric.split
    if split is not None and answer.metric.splits(answer.question.variants):
        shown[split.column] = row[split.column]
    groups = {name: row[column_of(name)] for name in answer.question.by}
    shown |= {name: units.NONE if value is None else value for name, value in groups.items()}
    shown["value"] = str(units.written(row["value"], unit, currency))
    shown[f"{100 * answer.question.level:g}% interval"] = units.spread(row["low"], row["high"], unit, currency)
    shown["n"] = row["n"]
    shown["pending"] = row["pending"] or ""
    shown["state"] = "" if row["state"] == "ok" else row["state"]
    if answer.question.compare is not None:
        shown["before"] = str(units.written(row["previous"], unit, currency))
        shown["change"] = units.change(row["change"], unit, currency)
        shown["moved"] = row["moved"] or ""
    return shown


def print_preview(preview: Preview, format: str) -> None:
    """The last twelve months by two definitions, side by side."""
    if format != "table":
        sides = ("value", "low", "high", "n", "definition")
        print_objects(
            [
                {
                    "period_start": m.start.isoformat(),
                    "partial": m.partial,
                    **{f"{side}_{name}": row.get(name) for side, row in _sides(m) for name in sides},
                }
                for m in preview.months
            ],
            format,
        )
        return
    before = preview.before.definition(()) if preview.before is not None else "(not defined)"
    rows = []
    for m in preview.months:
        shown = {"period": units.period_name(m.start, Grain.MONTH) + (" (partial)" if m.partial else "")}
        for side, row in _sides(m):
            currency = row.get("currency")
            shown[side] = str(units.written(row.get("value"), row.get("unit", ""), currency))
            shown[f"{side}: 95% interval"] = units.spread(
                row.get("low"), row.get("high"), row.get("unit", ""), currency
            )
            shown[f"{side}: n"] = str(row.get("n", "–"))
        rows.append(shown)
    _print_table(rows, list(rows[0] if rows else []), f"before: {before}; after: {preview.after.definition(())}")


def _sides(month: Month) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    return ("before", month.before), ("after", month.after)


def print_advice(advice: Advice, format: str) -> None:
    """The set of KPIs for a goal; a warning goes to the error stream, so that programs read a list."""
    if advice.warning:
        sys.stderr.write(f"note: {advice.warning}\n")
    rows = [
        {
            "kpi": p.kpi,
            "title": p.title,
            "role": p.role,
            "why": p.why,
            "review": p.review,
            "needs": ", ".join(p.needs),
            "missing": p.missing,
            "until_then": p.until_then,
        }
        for p in advice.picks
    ]
    if format == "table":
        for row in rows:
            out().print(f"[bold]{row['title']}[/] ({row['kpi']}), {row['role'].lower()}, looked at {row['review']}")
            out().print(f"  {row['why']}")
            out().print(
                f"  needs {row['needs']}"
                + (f"; missing: {row['missing']}" if row["missing"] else "; your data feed it")
            )
            if row["until_then"]:
                out().print(f"  until then: {row['until_then']}")
        return
    print_objects(rows, format)


def print_targets(paces: Sequence[Pace], catalogue: Catalogue, format: str) -> None:
    """Where each target stands."""
    if format != "table":
        plain = ("state", "value", "low", "high", "n", "elapsed", "expected", "needed", "probability")
        told = [{**p.target.model_dump(mode="json", by_alias=True), "target": p.target.value} for p in paces]
        objects = [
            {"id": p.target.key, **t, **{k: getattr(p, k) for k in plain}} for p, t in zip(paces, told, strict=True)
        ]
        print_objects(objects, format)
        return
    rows = []
    for p in paces:
        t = p.target
        unit = catalogue.metric(question(t.kpi).kpi).asked(question(t.kpi).variants).unit
        rows.append(
            {
                "id": t.key,
                "KPI": t.kpi,
                "rows": t.where or "all",
                "owner": t.owner or "–",
                "days": f"{t.start} to {t.by}",
                "target": str(units.written(t.value, unit, None)),
                "so far": str(units.written(p.value, unit, None)),
                "95% interval": units.spread(p.low, p.high, unit, None),
                "gone by": f"{p.elapsed:.0%}",
                "the rest must bring": str(units.written(p.needed, unit, None)),
                "met": p.state if p.probability is None or p.state != "running" else f"{p.probability:.0%} likely",
            }
        )
    names = list(rows[0]) if rows else ["id", "KPI", "target"]
    _print_table(rows, names, None)


def print_parity(compared: Sequence[Compared], format: str) -> None:
    """Other products' figures beside ours, and why they differ."""
    if format != "table":
        print_objects([_parity_object(each) for each in compared], format, PARITY)
        return
    for product in dict.fromkeys(each.pair.name for each in compared):
        mine = [each for each in compared if each.pair.name == product]
        _print_table([_parity_row(each) for each in mine], ("KPI", "period", "theirs", "ours", "why"), product)


SIDE = ("definition", "value", "low", "high", "n", "state")
PARITY = (
    "product", "kpi", "their_name", "period_start", "period_end", *(f"their_{name}" for name in SIDE),
    *(f"our_{name}" for name in SIDE), "unit", "currency", "why", "checked", "source",
)  # fmt: skip


def _parity_object(each: Compared) -> dict[str, Any]:
    pair, sides = each.pair, {"their": each.theirs, "our": each.ours}
    figures = {f"{side}_{name}": row[name] for side, row in sides.items() for name in SIDE}
    return {
        "product": pair.name,
        "kpi": pair.kpi.name,
        "their_name": pair.preset.theirs,
        "period_start": each.start,
        "period_end": each.end,
        **figures,
        "unit": each.ours["unit"],
        "currency": each.ours["currency"],
        "why": pair.preset.differs,
        "checked": pair.checked,
        "source": pair.preset.source,
    }


def _parity_row(each: Compared) -> dict[str, Any]:
    def said(row: Mapping[str, Any]) -> str:
        spread = units.spread(row["low"], row["high"], row["unit"], row["currency"])
        lines = [str(units.written(row["value"], row["unit"], row["currency"])), spread, f"n = {row['n']:,}"]
        return "\n".join(line for line in [*lines, "few" if row["state"] == "few" else ""] if line)

    start, end = each.start, each.end
    whole_month = start is not None and end == add_months(start, 1) and start.day == 1
    period = "" if start is None else units.period_name(start, Grain.MONTH if whole_month else None, end)
    return {
        "KPI": f"{each.pair.kpi.name}:{each.pair.theirs}",
        "period": period,
        "theirs": said(each.theirs),
        "ours": said(each.ours),
        "why": f"{each.pair.preset.differs} ({each.pair.checked})",
    }


def print_findings(findings: Iterable[Finding], faults: Sequence[BadInput], format: str) -> bool:
    """What was checked of own KPIs; gives whether all of it holds."""
    rows = [{"kpi": "", "check": "the file can be read", "holds": False, "problem": str(f)} for f in faults]
    for finding in findings:
        problem = "; ".join(finding.problems)
        rows.append({"kpi": finding.kpi, "check": finding.check, "holds": not problem, "problem": problem})
    if not rows and format == "table":
        out().print("there are no KPIs of your own: docs/own-kpis.md shows how one is written")
    elif format == "table":
        words = [{**row, "holds": "yes" if row["holds"] else "no"} for row in rows]
        _print_table(words, list(words[0]), None)
    else:
        print_objects(rows, format)
    return all(row["holds"] for row in rows)


def print_objects(rows: Sequence[Mapping[str, Any]], format: str, columns: Sequence[str] | None = None) -> None:
    """A list of plain objects in the format asked for."""
    check_format(format)
    names = list(columns or (rows[0] if rows else []))
    if format == "json":
        sys.stdout.write(json.dumps(list(rows), ensure_ascii=False, indent=1, default=str) + "\n")
    elif format == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(names)
        writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
    elif format == "table":
        _print_table(rows, names, None)
    else:
        raise BadCall("parquet is for results of `wellheard kpi`", hint="use json or csv", field="format")


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet runs: a text that looks like a formula is quoted."""
    return "'" + value if isinstance(value, str) and value.startswith(CARET) else value


def _print_table(rows: Sequence[Mapping[str, Any]], names: Sequence[str], title: str | None) -> None:
    table = Table(title=title, title_justify="left")
    for name in names:
        numeric = any(isinstance(row.get(name), int | float) and not isinstance(row.get(name), bool) for row in rows)
        right = numeric or name in ("value", "before", "change")
        table.add_column(name, justify="right" if right else "left", no_wrap=right)
    for row in rows:
        table.add_row(*[_text(row.get(name)) for name in names])
    out().print(table)


def _text(value: Any) -> str:
    from rich.markup import escape

    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return escape(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value))


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int], None]]:
    """A line that moves while an import runs; silent where nobody watches."""
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("opening")
        yield lambda stage, rows: bar.update(task, description=f"{stage}: {rows:,} rows" if rows else stage)


def links_table(links: Sequence[Link], format: str) -> None:
    """Every link in the format asked for: ids and reasons, no personal values."""
    rows = [
        {
            "id": link.id,
            "kind": link.kind,
            "row": link.row,
            "linked_with": link.beside,
            "whole": link.whole,
            "state": link.state,
            "why": link.why,
            "since": link.since.isoformat(timespec="seconds"),
            "ended_at": link.ended_at.isoformat(timespec="seconds") if link.ended_at else None,
            "decided_by": link.decided_by,
        }
        for link in links
    ]
    shown = [{**row, "id": link.id[:12]} for row, link in zip(rows, links, strict=True)] if format == "table" else rows
    columns = ["id", "kind", "row", "linked_with", "whole", "state", "why", "since", "ended_at", "decided_by"]
    print_objects(shown, format, columns)


def decided(words: str, effects: Sequence[Effect], import_id: str | None) -> None:
    """What a decision about a link does to the KPIs, and whether it was made."""
    if effects:
        rows = []
        for e in effects:
            row: dict[str, Any] = {"KPI": e.title}
            for side, figures in (("before", e.before), ("after", e.after)):
                row[side] = str(units.written(figures["value"], e.unit, e.currency))
                row[f"n {side}"] = figures["n"]
                row[f"units {side}"] = figures["units"]
            rows.append(row)
        _print_table(rows, list(rows[0]), f"{words}: what changes, over all data")
    else:
        out().print(f"{words}: no KPI's figure changes")
    if import_id is None:
        out().print("dry run: nothing was written")
    else:
        out().print(f"done; `wellheard undo {import_id}` takes it back")
