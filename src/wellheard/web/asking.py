"""What the pages ask of a workspace that asks by itself. It is handed over by the file that serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from wellheard.store.ledger import Entry
from wellheard.surveys.forecast import Month
from wellheard.surveys.survey import Survey


class Forecast(Protocol):
    """What is expected, and what its reader must know."""

    @property
    def notes(self) -> Sequence[str]: ...
    def of(self, survey_id: str) -> list[Month]: ...


class Invited(Protocol):
    """What became of asking somebody: the link, or why not."""

    @property
    def link(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...


class AskingServices(Protocol):
    """Whom surveys ask. `lacks` says by channel which settings are missing; a channel that is ready lacks nothing."""

    def entries(self, survey_id: str | None, asked: bool | None, most: int) -> Sequence[Entry]: ...
    def reasons(self, since: datetime) -> Mapping[tuple[str, str], int]: ...
    def forecast(self, draft: Survey, months: int = 3) -> Forecast: ...
    def lacks(self) -> Mapping[str, str]: ...
    def invite(self, survey_id: str, customer: str, occasion: str) -> Invited: ...
