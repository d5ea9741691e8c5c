"""What an hour of our colleagues costs, from one day on: by which the minutes of conversations become money."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from wellheard.base.errors import BrokenHome

FILE = "rate_card.toml"
HINT = 'write [[rates]] with from = 2026-01-01, an_hour = 42.5 and, if it is for one alone, channel = "phone"'


class Rate(BaseModel):
    """Money an hour, in the reporting currency, from a day on; for one channel, or all where it names none."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    since: date = Field(alias="from")
    an_hour: float = Field(ge=0, allow_inf_nan=False)
    channel: str | None = None


RateCard = tuple[Rate, ...]


def in_force_first(card: RateCard) -> list[Rate]:
    """The rates in the order in which the first that fits holds: those of one channel first, the newest first."""
    return sorted(card, key=lambda rate: (rate.channel is None, -rate.since.toordinal()))


def read_rates(home: Path) -> list[dict[str, Any]] | None:
    """The `[[rates]]` of a home's `rate_card.toml` as they stand there; None where there is no such file.

    Raises BrokenHome for a file that cannot be read.
    """
    path = home / FILE
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BrokenHome(f"{FILE} cannot be read: {error}", hint=HINT) from None
    rates = told.pop("rates", [])
    if told or not isinstance(rates, list):
        raise BrokenHome(f"{FILE} holds {', '.join(told) or 'no list of rates'}", hint=HINT)
    return rates
