"""`python -m bench.report` makes `docs/speed.md` of the files in `bench/results/`; no line of it is written by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent.parent / "docs" / "speed.md"
HEAD = """# Speed

What `make bench` measured, made from the files in `bench/results/` by `python -m bench.report`; do not edit it here.
SIZE=1 is 1 million answers, 1 million conversations with 4 million messages, 2 million orders, 0.5 million subscription
periods and 2 million visits of a made-up company; SIZE=10 is ten times that. Each thing is timed in a process of its
own; a time is the median of its turns. Whoever is measured beside us gives the same values: each run checks that.
"""
ORDER = ("scorecard", "alternatives", "refresh", "imports", "serving", "answers", "following", "sizes", "memory")
Row = Sequence[str]


def page(results: Path = RESULTS) -> str:
    """The whole page."""
    files = sorted(results.glob("*.json"), key=_place)
    return "\n".join([HEAD, _bars(files), *(text_of(path) for path in files)]).rstrip() + "\n"


def _place(path: Path) -> tuple[int, float, str]:
    subject = path.stem.split("-")[0]
    size = json.loads(path.read_text("utf-8")).get("size", 1)
    return ORDER.index(subject) if subject in ORDER else len(ORDER), size, path.name


def _bars(files: Sequence[Path]) -> str:
    rows = []
    for path in files:
        kept = json.loads(path.read_text("utf-8"))
        size = f"{kept['size']:g}" if "size" in kept else ""
        for bar in goals(kept):
            held = "reached" if bar["holds"] else "**not reached**"
            rows.append((path.stem.split("-")[0], size, bar["words"], number(bar["value"]), held))
    return "## Goals\n\n" + table(("subject", "SIZE", "goal", "measured", ""), rows) if rows else ""


def goals(kept: dict[str, Any]) -> list[dict[str, Any]]:
    """The goals of a file with what was measured; the answers' file names them by its own keys."""
    bars = kept.get("bars", [])
    if isinstance(bars, list):
        return bars
    words = {
        "rate": "answers acknowledged a second ≥ {}",
        "p99_ms": "their p99 ≤ {} ms",
        "ratio": "≥ {} × storing nothing",
    }
    return [
        {
            "words": words[name].format(number(limit)),
            "value": kept[name],
            "holds": kept[name] <= limit if name == "p99_ms" else kept[name] >= limit,
        }
        for name, limit in bars.items()
    ]


def text_of(path: Path) -> str:
    """The section of one file."""
    kept = json.loads(path.read_text("utf-8"))
    if "tables" not in kept:
        return _plain(path.stem, kept)
    lines = [f"## {kept['subject'].capitalize()}, SIZE={kept['size']:g}", ""]
    for each in kept["tables"]:
        lines += [f"### {each['title']}", ""]
        lines += [each["words"], ""] if each["words"] else []
        lines += [_figures(each["figures"]), ""]
    for bar in kept["bars"]:
        held = "reached" if bar["holds"] else "not reached"
        lines.append(f"- {bar['words']}: {number(bar['value'])}, {held}.")
    lines += [*(f"- {note}" for note in kept["notes"]), "", _circumstances(kept), ""]
    return "\n".join(lines)


def _figures(figures: Sequence[dict[str, Any]]) -> str:
    more = list(dict.fromkeys(name for figure in figures for name in figure["more"]))
    columns = [("seconds", "s"), ("ratio", "ratio"), ("peak_mb", "peak MB")]
    shown = [(key, words) for key, words in columns if any(figure[key] is not None for figure in figures)]
    head = ["", *(words for _, words in shown), *more]
    rows = [
        [
            figure["what"],
            *(number(figure[key]) for key, _ in shown),
            *(number(figure["more"].get(name)) for name in more),
        ]
        for figure in figures
    ]
    return table(head, rows)


def _plain(name: str, kept: dict[str, Any]) -> str:
    rows = [(key.replace("_", " "), number(v)) for key, v in kept.items() if isinstance(v, int | float | str | bool)]
    return f"## {name.capitalize()}\n\n{table(('', ''), rows)}\n"


def _circumstances(kept: dict[str, Any]) -> str:
    machine, versions = kept["machine"], ", ".join(f"{name} {v}" for name, v in kept["versions"].items())
    return (
        f"{kept['made']}, {machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, "
        f"{machine['system']}, load before {machine['load_before']}; {versions}."
    )


def table(head: Row, rows: Sequence[Row]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def number(value: Any) -> str:
    """Three digits of a number; a dash where nothing is known."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def main() -> int:
    """Writes the page."""
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
