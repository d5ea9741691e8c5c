"""What a trigger is: a file that says which words a rule gives it, and finds what happened between two instants."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict

from wellheard.actions.condition import Condition
from wellheard.actions.happening import Happening, Look
from wellheard.base.errors import Unknown
from wellheard.base.registry import found

ROOM = "wellheard.actions.triggers"


class When(BaseModel):
    """The words that every trigger has; each adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    where: Condition = ""


@dataclass(frozen=True)
class Trigger:
    """`find` gives what happened in [since, until), in order. Where `historic` is false it knows the present alone.

    `slow` ones ask for figures, so they are looked at every few minutes and not at every change.
    """

    title: str
    words: str
    when: type[When]
    find: Callable[[Any, Look, datetime, datetime], Sequence[Happening]]
    historic: bool = True
    slow: bool = False
    name: str = ""


@cache
def triggers() -> dict[str, Trigger]:
    """Every trigger there is, by the name of its file."""
    return {name: replace(trigger, name=name) for name, trigger in found(ROOM, "TRIGGER", Trigger).items()}


def trigger_called(name: str) -> Trigger:
    """One trigger. Raises Unknown with those there are."""
    if name not in triggers():
        raise Unknown(f"there is no trigger {name!r}", hint=f"there are: {', '.join(triggers())}", field="trigger")
    return triggers()[name]


def facts_of(row: dict[str, Any], names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The filled ones of these columns, as pairs to show."""
    return tuple((name.replace("_", " "), _shown(row[name])) for name in names if row.get(name) not in (None, ""))


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
