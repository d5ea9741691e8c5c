"""What can set a survey off: a file in `surveys/triggers/` says in which rows it shows, and no list of them is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wellheard.base.errors import Unknown
from wellheard.base.registry import found

ROOM = "wellheard.surveys.triggers"


@dataclass(frozen=True)
class Trigger:
    """What sets a survey off. Its name is that of its file.

    It shows in the rows of `table` by their column `instant`, or where that is empty `otherwise`. A row counts where
    each column of `where` has one of the values (a None among them stands for empty), and none of `never`. `about` says
    which columns name what the survey is about, by the columns of an invitation. `traits` are columns by which people
    can be chosen. With `first_of` only the first row of each customer with the same values there counts, with `last_of`
    only the last, once none of them has an empty instant. `until` is the column that ends repeated asking. `ahead`
    means that it is known before it happens. A `calendar` one shows in no rows: everybody is asked on days that the
    survey names.
    """

    title: str
    words: str
    table: str = "customers"
    instant: str = "created_at"
    otherwise: str | None = None
    where: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    never: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    traits: tuple[str, ...] = ()
    first_of: tuple[str, ...] | None = None
    last_of: tuple[str, ...] | None = None
    until: str | None = None
    ahead: bool = False
    calendar: bool = False


def triggers() -> dict[str, Trigger]:
    """Every trigger by its name."""
    return found(ROOM, "TRIGGER", Trigger)


def trigger_called(name: str) -> Trigger:
    """The trigger of a name. Raises Unknown naming those that there are."""
    if name not in triggers():
        raise Unknown(f"there is no trigger {name!r}", hint=f"there are {', '.join(triggers())}", field="trigger")
    return triggers()[name]
