"""What everything else is read against: opening hours, exchange rates, and the moments of the journey."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from wellheard.simulate.columns import dates, idents, integers, words
from wellheard.simulate.company import CURRENCIES, DAY, Array, Company
from wellheard.simulate.rhythm import schedule_rows
from wellheard.simulate.writer import Writer

TOUCHPOINTS = (
    ("website", "discover"),
    ("purchase", "buy"),
    ("onboarding", "start"),
    ("product", "use"),
    ("support", "use"),
    ("relationship", "stay"),
)
# What a unit of the home currency is worth, how far that moves in a day, and how strongly it is drawn back.
LEVELS, DAILY, PULL = np.array([1.0, 1.10, 0.86]), np.array([0.0, 0.0042, 0.0032]), 0.01
LEAD_MONTHS = 13  # rates begin so long before the history


def write_almanac(writer: Writer, company: Company) -> None:
    """The tables `schedules`, `fx_rates` and `touchpoints`."""
    _write_schedules(writer, company)
    _write_rates(writer, company)
    names, stages = zip(*TOUCHPOINTS, strict=True)
    rows = writer.number("touchpoints", len(names)) + np.arange(len(names))
    columns = {"touchpoint": words(names, rows), "stage": words(stages, rows), "position": integers(rows + 1)}
    writer.append("touchpoints", idents("touchpoint-", rows + 1, width=1), _since(company, len(rows)), columns)


def _write_schedules(writer: Writer, company: Company) -> None:
    rows = schedule_rows(company)
    text = [name for name in rows[0] if name not in ("weekday", "valid_from", "valid_to")]
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in text}
    columns["weekday"] = pa.array([row["weekday"] for row in rows], pa.int64())
    for name in ("valid_from", "valid_to"):
        columns[name] = pa.array([row[name] for row in rows], pa.date32())
    number = writer.number("schedules", len(rows)) + np.arange(len(rows))
    writer.append("schedules", idents("hours-", number + 1, width=2), _since(company, len(rows)), columns)


def _write_rates(writer: Writer, company: Company) -> None:
    """Each currency into each other one on every day; the home currency's rates walk about their level."""
    rng, first = company.rng("rates"), company.start(-LEAD_MONTHS)
    days = np.arange(first, company.last, DAY)
    logs = np.zeros((len(days), len(CURRENCIES)))
    for today in range(1, len(days)):
        logs[today] = logs[today - 1] * (1 - PULL) + rng.normal(0, 1, len(CURRENCIES)) * DAILY
    worth = LEVELS * np.exp(logs)
    pairs = [(a, b) for a in range(len(CURRENCIES)) for b in range(len(CURRENCIES)) if a != b]
    day = np.repeat(np.arange(len(days)), len(pairs))
    source, target = (np.tile([pair[side] for pair in pairs], len(days)) for side in (0, 1))
    rate = np.round(worth[day, target] / worth[day, source], 6)
    number = writer.number("fx_rates", len(day)) + np.arange(len(day))
    columns = {
        "from_currency": words(CURRENCIES, source),
        "to_currency": words(CURRENCIES, target),
        "on_date": dates(days[day]),
        "rate": pa.array(rate, pa.float64()),
    }
    writer.append("fx_rates", idents("rate-", number, width=6), days[day], columns)


def _since(company: Company, rows: int) -> Array:
    return np.full(rows, company.first)
