"""Places wall-clock times in time: the instant at which a zone's clocks showed them."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

NAIVE = dt.Timestamp(scale=6)


def from_zone(
    wall: ir.TimestampValue, shifts: Any, zone: str, fold: str | None
) -> tuple[ir.TimestampValue, ir.StringValue]:
    """The instant at which the zone's wall showed `wall`, and a reason where it never did, or did twice.

    `shifts` are the zone's offsets; `fold` (earlier, later) says which of two equal times is meant.
    """
    if not shifts.moves:
        return wall - ibis.interval(seconds=shifts.first), ibis.null("string")
    before = shifts.first
    until, doubts = [], []
    for at, after in shifts.moves:
        naive = at.replace(tzinfo=None)
        gap = after > before
        edge = naive + timedelta(seconds=after if not gap and fold == "later" else before)
        begin, end = naive + timedelta(seconds=min(before, after)), naive + timedelta(seconds=max(before, after))
        inside = (wall >= ibis.literal(begin, type=NAIVE)) & (wall < ibis.literal(end, type=NAIVE))
        # A day is written as its midnight, also where the clocks skip that: it begins then.
        skipped = gap and begin.time() == time()
        still = wall <= ibis.literal(edge, type=NAIVE) if skipped else wall < ibis.literal(edge, type=NAIVE)
        until.append((still, before))
        if gap:
            inside = inside & (wall != ibis.literal(begin, type=NAIVE)) if skipped else inside
            doubts.append((inside, f"this time does not exist in {zone}: clocks went forward"))
        elif fold is None:
            doubts.append((inside, f"this time happened twice in {zone}: say --fold earlier or --fold later"))
        before = after
    shift = ibis.cases(*until, else_=before)
    doubt = ibis.cases(*doubts, else_=None) if doubts else ibis.null("string")
    return wall - shift.as_interval("s"), doubt
