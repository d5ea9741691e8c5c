"""What an hour of our colleagues costs, from one day on: by which the minutes of conversations become money."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import ibis
import ibis.expr.types as ir

from wellheard.base.errors import BadInput
from wellheard.enrich.past import Past

FILE = "rate_card.toml"


@dataclass(frozen=True)
class Rate:
    """Money an hour, in the reporting currency, from a day on; for one channel, or all where it names none."""

    since: date
    an_hour: float
    channel: str | None = None


@dataclass(frozen=True)
class RateCard:
    """The rates, the newest first; of those that hold, one of the conversation's own channel comes first."""

    rates: tuple[Rate, ...] = ()

    def cost(self, t: ir.Table, past: Past) -> ir.FloatingValue:
        """What the handling of each conversation cost; null where its minutes or its rate are not known."""
        del past
        cases = [
            ((t["at"].cast("timestamp(6)").date() >= rate.since) & _is(t, rate.channel), rate.an_hour)
            for rate in sorted(self.rates, key=lambda r: (r.channel is None, -r.since.toordinal()))
        ]
        if not cases:
            return ibis.null("float64")
        return t.handling_seconds.cast("float64") / 3600 * ibis.cases(*cases, else_=None)


def _is(t: ir.Table, channel: str | None) -> ir.BooleanValue:
    return ibis.literal(True) if channel is None else (t.channel == channel).fill_null(False)


def read_rate_card(home: Path) -> RateCard:
    """The rates of a home's `rate_card.toml`; none where it has no such file. Raises BadInput where it is wrong.

    Each `[[rates]]` has `from`, a day, `an_hour`, and may have `channel`.
    """
    path = home / FILE
    if not path.is_file():
        return RateCard()
    hint = 'write [[rates]] with from = 2026-01-01, an_hour = 42.5 and, if it is for one alone, channel = "phone"'
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("rates", [])
        rates = tuple(Rate(row["from"], float(row["an_hour"]), row.get("channel")) for row in rows)
        if not all(isinstance(rate.since, date) and rate.an_hour >= 0 for rate in rates):
            raise ValueError("a rate has a day and an amount from 0 on")
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", hint=hint, field="rate_card") from None
    return RateCard(rates)
