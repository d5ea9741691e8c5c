"""How busy the made-up company is: ratios to what it usually does, for tests of speed that need many rows of a kind."""

from __future__ import annotations

from dataclasses import dataclass, fields

from wellheard.base.errors import BadCall


@dataclass(frozen=True)
class Volume:
    """What a company does more or less of than Larkfield usually would.

    `conversations`, `visits` and `usage` multiply rates. `readings` is the share of contacts whose health is written
    down. `standing_orders` is how many a contact places in a month beside the shop; `term_months` splits subscriptions
    into periods of at most so many months, as systems write that begin a period with every bill, 0 leaves them whole.
    """

    conversations: float = 1.0
    visits: float = 1.0
    usage: float = 1.0
    readings: float = 1.0
    standing_orders: float = 0.0
    term_months: int = 0

    def __post_init__(self) -> None:
        for each in fields(self):
            if getattr(self, each.name) < 0:
                raise BadCall(f"{each.name} is {getattr(self, each.name)}", hint="Give 0 or more.", field="volume")
        if self.readings > 1:
            raise BadCall(f"readings is {self.readings}", hint="Give a share from 0 to 1.", field="volume")


USUAL = Volume()
