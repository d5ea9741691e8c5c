"""What the pages may ask of a workspace that asks by itself: its ledger, its forecast, and asking somebody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from wellheard.app import Workspace
from wellheard.asking import Asker
from wellheard.base.errors import Refused
from wellheard.forecasting import Forecast, forecast_of, with_draft
from wellheard.store import ledger
from wellheard.store.store import Store, open_store
from wellheard.surveys.channel import channels
from wellheard.surveys.shelf import Shelf
from wellheard.surveys.survey import Survey


@dataclass(frozen=True)
class Invited:
    """What became of asking somebody: the link, or why not."""

    link: str | None
    reason: str | None


@dataclass(frozen=True)
class AskingService:
    """Handed to the pages; `asker` is None where nothing is served to the public."""

    workspace: Workspace
    asker: Asker | None = None

    def entries(self, survey_id: str | None, asked: bool | None, most: int) -> Sequence[ledger.Entry]:
        """The newest lines of the ledger."""
        with self._store() as store, store.reading() as con:
            return ledger.entries(con, self.workspace.name, survey_id=survey_id, asked=asked, most=most)

    def reasons(self, since: datetime) -> Mapping[tuple[str, str], int]:
        """How many were decided since, by survey and reason."""
        with self._store() as store, store.reading() as con:
            return ledger.reasons(con, self.workspace.name, since)

    def forecast(self, draft: Survey, months: int = 3) -> Forecast:
        """The forecast with one survey as it would be."""
        with self._store() as store:
            surveys, _ = Shelf(self.workspace.home / "surveys").surveys()
            return forecast_of(self.workspace, store, with_draft(surveys, draft), datetime.now(UTC), months)

    def lacks(self) -> Mapping[str, str]:
        """Which settings each channel lacks."""
        return {name: channel.lacks(self.workspace.settings) for name, channel in channels().items()}

    def invite(self, survey_id: str, customer: str, occasion: str) -> Invited:
        """Asks a customer through a program. Raises Refused where nothing is served to the public."""
        if self.asker is None:
            raise Refused("surveys are not served here, so that no link would open", hint="run `wellheard serve`")
        decided = self.asker.invite(survey_id, customer, "api", occasion)
        if decided is None:
            return Invited(None, "decided_before")
        if decided.token is None:
            return Invited(None, decided.reason)
        survey: Survey = self.asker.published.called(survey_id)
        return Invited(self.asker.link(survey, decided.token), None)

    @contextmanager
    def _store(self) -> Iterator[Store]:
        if self.asker is not None:
            yield self.asker.store
            return
        store = open_store(self.workspace.home, self.workspace.settings)
        try:
            yield store
        finally:
            store.close()
