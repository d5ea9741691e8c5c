"""The surveys that the public may answer: those on the shelf, with the random key that stands in their addresses."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from wellheard.base.errors import Unknown
from wellheard.store.store import Store
from wellheard.store.surveys import save_survey
from wellheard.surveys.shelf import Shelf, survey_text
from wellheard.surveys.survey import Survey

LOOK = 1.0  # seconds after which the shelf's files are looked at again


class Published:
    """A workspace's surveys by key. Each version of a file is kept in the store when it is first seen."""

    def __init__(self, store: Store, shelf: Shelf, workspace: str) -> None:
        self.store = store
        self.shelf = shelf
        self.workspace = workspace
        self._lock = threading.Lock()
        self._looked = -LOOK
        self._state: object = None
        self._by_key: dict[str, tuple[Survey, int]] = {}

    def survey(self, key: str) -> tuple[Survey, int]:
        """The survey of a key, and the number under which the store keeps this version. Raises Unknown."""
        found = self._now().get(key)
        if found is None:
            raise Unknown("there is no such survey", hint="use the link as it was sent", field="survey")
        return found

    def called(self, survey_id: str) -> Survey:
        """The survey of an id, with its key. Raises Unknown or what is wrong with its file."""
        for survey, _ in self._now().values():
            if survey.id == survey_id:
                return survey
        return self.shelf.survey(survey_id)

    def all(self) -> list[Survey]:
        """Every survey that can be read, with its key, by name."""
        return sorted((survey for survey, _ in self._now().values()), key=lambda survey: survey.name.casefold())

    def _now(self) -> Mapping[str, tuple[Survey, int]]:
        if time.monotonic() - self._looked < LOOK:
            return self._by_key
        with self._lock:
            if time.monotonic() - self._looked >= LOOK:
                state = self._files()
                if state != self._state:
                    self._by_key, self._state = self._read(), state
                self._looked = time.monotonic()
        return self._by_key

    def _files(self) -> object:
        stats = [(path.name, path.stat()) for path in sorted(self.shelf.folder.glob("*.toml"))]
        return [(name, stat.st_mtime_ns, stat.st_size, stat.st_ino) for name, stat in stats]

    def _read(self) -> dict[str, tuple[Survey, int]]:
        surveys, _ = self.shelf.surveys()  # a file that is wrong is shown where surveys are made
        found = {}
        now = datetime.now(UTC)
        for survey in surveys:
            with self.store.writing() as con:
                kept = save_survey(con, self.workspace, survey.id, survey_text(survey), now)
            found[kept.survey_key] = survey.model_copy(update={"key": kept.survey_key}), kept.version
        return found
