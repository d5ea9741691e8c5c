"""How often somebody may be asked: the rule alone, over plain numbers, for the ledger and for the simulator alike.

A clock says how many times somebody may be asked in so many days, wherever in time these days begin. Every linked
person has clocks, and so has every company. Who is asked for something more important may take the place of what was
planned and has not been sent.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

DAY = 86_400.0

Clocks = Sequence[tuple[float, int]]  # seconds, and how many times in them


@dataclass(frozen=True)
class Budgets:
    """The clocks of people and companies: how many times by the number of days."""

    person: Mapping[int, int] = field(default_factory=dict)
    company: Mapping[int, int] = field(default_factory=dict)

    def clocks(self) -> tuple[Clocks, Clocks]:
        """Both in seconds, the shortest first."""
        return _seconds(self.person), _seconds(self.company)


@dataclass(slots=True, eq=False)
class Asking:
    """One time that somebody is asked: when, in seconds since 1970; `settled` once it cannot be taken back."""

    at: float
    person: str
    company: str | None
    priority: int
    settled: bool
    id: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether somebody may be asked: `reason` why not, and what gives way if so."""

    reason: str | None
    gives_way: Sequence[Asking] = ()


class Diary:
    """When people and companies were asked and will be."""

    def __init__(self, budgets: Budgets) -> None:
        self._clocks = dict(zip(("person", "company"), budgets.clocks(), strict=True))
        self._of: dict[str, dict[str, list[Asking]]] = {"person": {}, "company": {}}

    def add(self, asking: Asking) -> None:
        """Notes an asking, whatever the budgets say."""
        for listed in self._lists(asking):
            insort(listed, asking, key=_at)

    def remove(self, asking: Asking) -> None:
        """Takes an asking out."""
        for listed in self._lists(asking):
            listed.remove(asking)

    def ask(self, wanted: Asking) -> Verdict:
        """Notes an asking where the budgets, or what gives way to it, allow it.

        The reason names the kind and the days of the first clock that is full, such as `person_budget:30`.
        """
        gone: list[Asking] = []
        while full := self._full(wanted):
            kind, seconds = full
            weaker = [other for other in self._near(kind, wanted, seconds) if _gives_way(other, wanted)]
            if not weaker:
                for other in gone:
                    self.add(other)
                return Verdict(f"{kind}_budget:{round(seconds / DAY)}")
            gone.append(min(weaker, key=lambda other: (other.priority, -other.at)))
            self.remove(gone[-1])
        self.add(wanted)
        return Verdict(None, gone)

    def times(self, kind: str, name: str) -> list[float]:
        """When a person or company is asked, in order."""
        return [asking.at for asking in self._of[kind].get(name, ())]

    def _full(self, wanted: Asking) -> tuple[str, float] | None:
        for kind, name in (("person", wanted.person), ("company", wanted.company)):
            listed = self._of[kind].get(name) if name is not None else None
            place = bisect_right(listed, wanted.at, key=_at) if listed else 0
            for seconds, most in self._clocks[kind]:
                if most == 0 or (listed and _would_exceed(listed, place, wanted.at, seconds, most)):
                    return kind, seconds
        return None

    def _near(self, kind: str, wanted: Asking, seconds: float) -> Iterable[Asking]:
        name = wanted.person if kind == "person" else wanted.company
        return (other for other in self._of[kind].get(name or "", ()) if abs(other.at - wanted.at) < seconds)

    def _lists(self, asking: Asking) -> list[list[Asking]]:
        found = [self._of["person"].setdefault(asking.person, [])]
        if asking.company is not None:
            found.append(self._of["company"].setdefault(asking.company, []))
        return found


def exceeded(times: Sequence[float], clocks: Mapping[int, int]) -> bool:
    """Whether any stretch of days holds more of the times, given in order, than its clock allows."""
    return any(
        times[i + most] - times[i] < days * DAY for days, most in clocks.items() for i in range(len(times) - most)
    )


def _would_exceed(listed: list[Asking], place: int, at: float, seconds: float, most: int) -> bool:
    """Whether some stretch of so many seconds that holds `at` holds `most` others already.

    `place` is where `at` would stand. Any `most` neighbours in a row, with `at` among or beside them, are such others.
    """
    for first in range(max(0, place - most), min(place, len(listed) - most) + 1):
        begin = min(at, listed[first].at)
        end = max(at, listed[first + most - 1].at)
        if end - begin < seconds:
            return True
    return False


def _gives_way(other: Asking, wanted: Asking) -> bool:
    return not other.settled and other.priority < wanted.priority


def _seconds(clocks: Mapping[int, int]) -> Clocks:
    return [(days * DAY, most) for days, most in sorted(clocks.items())]


def _at(asking: Asking) -> float:
    return asking.at
