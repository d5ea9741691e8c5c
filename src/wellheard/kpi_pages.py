"""Writes a page a KPI, and an index of them, from the words that the KPIs themselves carry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from wellheard.base.errors import BadInput
from wellheard.metrics.bricks import Brick
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.coverage import table_of
from wellheard.metrics.metric import Example, Metric, Need
from wellheard.tables.catalogue import table

MARK = "<!-- Made by `make docs` from the KPI's own file. Change that file, not this page. -->"
INDEX = "README.md"
UNITS = {
    "percent": "percent",
    "points": "points",
    "seconds": "seconds",
    "money": "money, in the reporting currency",
    "number": "a number",
    "count": "a count",
}
DECISIONS = "docs/decisions"  # as the KPIs' sources name them


def write(out: Path) -> None:
    """Writes `out/README.md` and `out/NAME.md` for every KPI; pages of KPIs that are gone are removed.

    Raises BadInput where the folder cannot be written.
    """
    wanted = pages()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path in out.glob("*.md"):
            if path.name not in wanted and path.read_text("utf-8").startswith(MARK):
                path.unlink()
        for name, text in wanted.items():
            (out / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{out} cannot be written: {error.strerror}", hint="give another folder", field="out") from None


def pages() -> dict[str, str]:
    """Every page by the name of its file."""
    known = metrics()
    return {INDEX: _index(list(known.values()))} | {f"{name}.md": _page(kpi) for name, kpi in known.items()}


def _index(kpis: Sequence[Metric]) -> str:
    rows = [(f"[{k.title}]({k.name}.md)", f"`{k.name}`", k.question, UNITS.get(k.unit, k.unit)) for k in kpis]
    words = "Each KPI has one definition, in one file of `src/wellheard/kpis/`; these pages are made from those files."
    return _text(MARK, "", "# The KPIs", "", words, "", *_table(("KPI", "name", "question", "in"), rows))


def _page(kpi: Metric) -> str:
    return _text(
        MARK,
        "",
        f"# {kpi.title}",
        "",
        f"**{kpi.question}**",
        "",
        f"> {kpi.formula}",
        "",
        *_facts(kpi),
        *_needs(kpi.needs),
        *_section("Mind", [f"- {trap}" for trap in kpi.traps]),
        *_variants(kpi),
        *_examples(kpi),
        *_coverage(kpi),
        *_asking(kpi),
        *_section("Source", [kpi.source.replace(DECISIONS, f"[{DECISIONS}](../decisions/)") + "."]),
    )


def _facts(kpi: Metric) -> Iterator[str]:
    rows = [
        ("name", f"`{kpi.name}`"),
        ("unit", UNITS.get(kpi.unit, kpi.unit)),
        ("good news is", kpi.direction),
        ("placed in a period by", kpi.placed_by),
        ("how it is made", _made(kpi.brick)),
        ("shown as few below", f"{kpi.least_n} rows"),
        ("definition", f"version {kpi.version}, since {kpi.since}"),
    ]
    if kpi.not_additive:
        rows.append(("groups do not add up to the whole", kpi.not_additive))
    yield from _table(("", ""), [row for row in rows if row[1]])
    yield ""


def _made(brick: Brick) -> str:
    """The first paragraph of the brick's own words."""
    return " ".join((type(brick).__doc__ or "").split("\n\n")[0].split())


def _needs(needs: Sequence[Need]) -> Iterator[str]:
    lines = [line for need in needs for line in _need(need)]
    yield from _section("What it needs", lines)


def _need(need: Need) -> Iterator[str]:
    among = " and ".join(f"`{column}` is `{value}`" for column, value in need.among)
    place = f"[`{need.table}`](../../src/wellheard/tables/{need.table}.py)"
    yield f"- {place}" + (", if there are any" if need.optional else "") + (f", where {among}:" if among else ":")
    yield from (f"  - `{c}`: {table(need.table).by_name[c].words}" for c in need.columns)
    for way in need.instead:
        yield f"  - or `{way.table}` with {', '.join(f'`{c}`' for c in way.columns)}"


def _variants(kpi: Metric) -> Iterator[str]:
    rows = [(f"`{kpi.name}:{v.name}`", v.words, UNITS.get(v.unit or kpi.unit, v.unit or "")) for v in kpi.variants]
    yield from _section("Variants", list(_table(("ask for", "what differs", "in"), rows)) if rows else [])


def _examples(kpi: Metric) -> Iterator[str]:
    rows = [
        (e.words, f"`{e.variant}`" if e.variant else "", _value(kpi, e), str(e.n), str(e.pending or ""), _interval(e))
        for e in kpi.examples
    ]
    names = ("given", "variant", "answer", "n", "pending", "interval")
    kept = [i for i in range(len(names)) if i < 4 or any(row[i] for row in rows)]
    shown = [tuple(row[i] for i in kept) for row in rows]
    lines = list(_table(tuple(names[i] for i in kept), shown))
    yield from _section("Worked examples", [*lines, "", "The tests load these rows and ask."] if rows else [])


def _value(kpi: Metric, example: Example) -> str:
    if example.value is None:
        return "none"
    unit = kpi.asked([v for v in (example.variant or "").split("+") if v]).unit
    sign = {"percent": " %", "seconds": " s"}.get(unit, "")
    return f"{example.value:,.10g}{sign}"


def _interval(example: Example) -> str:
    if example.low is None or example.high is None:
        return ""
    return f"about {example.low:g} to {example.high:g}"


def _coverage(kpi: Metric) -> Iterator[str]:
    rows = [
        (
            str(cell.units),
            "one" if cell.most == 1 else f"1 to {cell.most}",
            *(f"{share:.1%}".replace("%", " %") for share in (cell.mean, cell.least, cell.bar)),
            cell.words,
        )
        for cell in table_of(kpi.brick)
    ]
    words = (
        "How often the 95 % interval held the truth in 20,000 simulated samples, over several true values. Where it "
        "misses its bar, the figure is shown as few."
    )
    names = ("people", "rows of each", "on average", "at worst", "bar", "shown as")
    yield from _section("How far its interval can be relied on", [words, "", *_table(names, rows)] if rows else [])


def _asking(kpi: Metric) -> Iterator[str]:
    lines = [
        "```sh",
        f"wellheard kpi {kpi.name} --grain month --compare previous",
        f"wellheard kpi {kpi.name} --rows",
        "```",
        "",
        "```python",
        f'wellheard.open("home").kpi("{kpi.name}", grain="month").to_pandas()',
        "```",
        "",
        f"Over HTTP: `/api/v1/kpis/{kpi.name}?grain=month`.",
    ]
    yield from _section("Asking", lines)


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield from (f"## {title}", "", *lines, "")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"


def _text(*lines: str) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"
