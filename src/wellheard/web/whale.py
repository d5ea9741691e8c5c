"""The whale curve: how much of all profit the most profitable customers bring, and what the others take away again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from wellheard.metrics.bricks import Mean
from wellheard.reports import charts, units
from wellheard.web.site import Site, drawn
from wellheard.web.view import MOST_ROWS, View, span_of

SHOWN = ("customer_profitability",)
TITLE = "The whale curve"
STEPS = 100


@dataclass(frozen=True)
class Whale:
    """Shares of customers, the most profitable first, and of all profit that they bring together, both in percent.

    `peak` is the highest share and `peak_at` how many percent of customers bring it. Without profit as a whole the
    curve says nothing, and `points` is empty.
    """

    points: tuple[tuple[float, float], ...]
    peak: float
    peak_at: float
    at_loss: int
    customers: int


def whale(profits: Sequence[float]) -> Whale:
    """The curve of customers' profits.

    Source: R. S. Kaplan and V. G. Narayanan, Journal of Cost Management 15 (5) 2001, 5–15.
    """
    ranked = sorted(profits, reverse=True)
    whole, at_loss = sum(ranked), sum(p < 0 for p in ranked)
    if whole <= 0:
        return Whale((), 0.0, 0.0, at_loss, len(ranked))
    heights, so_far = [], 0.0
    for profit in ranked:
        so_far += profit
        heights.append(100 * so_far / whole)
    top = max(range(len(heights)), key=heights.__getitem__)
    size = len(ranked)
    kept = sorted({round(i * size / STEPS) for i in range(STEPS + 1)} | {top + 1})
    points = tuple((100 * k / size, heights[k - 1] if k else 0.0) for k in kept)
    return Whale(points, heights[top], 100 * (top + 1) / size, at_loss, size)


def part(site: Site, view: View) -> Markup:
    """The part of the page, from the rows behind the number."""
    answer = site.figures.answer(view.rows(), MOST_ROWS)
    rows = [row for row in answer.to_list() if row["counted"] and row.get("num") is not None]
    found = whale([row["num"] for row in rows]) if isinstance(answer.metric.brick, Mean) else whale([])
    wide, narrow = (
        (drawn(charts.whale(found.points, w), kind) if found.points else None)
        for w, kind in ((charts.WIDE, "chart-wide"), (charts.NARROW, "chart-narrow"))
    )
    shown = {"found": found, "peak": units.written(found.peak, "percent", None), "wide": wide, "narrow": narrow}
    return site.piece("whale.html", title=TITLE, span=span_of(view, None), **shown)
