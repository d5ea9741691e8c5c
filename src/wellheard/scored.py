"""Hands the pages what they need of scores: plain functions over one workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from wellheard.app import Workspace
from wellheard.insights import customers as listed
from wellheard.insights.advocates import advocates
from wellheard.insights.dossier import Dossier, Elsewhere, dossier
from wellheard.insights.worth_by import worth_by
from wellheard.metrics.segments import read_segments, remove_segment, save_segment
from wellheard.scoring import cards
from wellheard.warehouse import scores

VIEWS_FILE = "customer_views.toml"


class ScoreService:
    """Customers, dossiers and models of a workspace. `elsewhere` tells what happened to somebody outside the lake."""

    def __init__(self, workspace: Workspace, elsewhere: Elsewhere) -> None:
        self.workspace, self._elsewhere = workspace, elsewhere
        self._views = workspace.home / VIEWS_FILE

    def customers(
        self, where: str | None, columns: Sequence[str], order: str, limit: int | None, offset: int
    ) -> list[dict[str, Any]]:
        wanted = listed.Wanted(where, tuple(columns), order, limit, offset)
        with self.workspace.lake.reading():
            return listed.plain(listed.customers(self.workspace.lake, wanted))

    def count(self, where: str | None) -> int:
        with self.workspace.lake.reading():
            return listed.count(self.workspace.lake, where)

    def columns(self) -> Sequence[str]:
        return listed.columns()

    def dossier(self, kind: str, id: str, of: str = "") -> Dossier:
        with self.workspace.lake.reading():
            return dossier(self.workspace.lake, kind, id, self._elsewhere, of)

    def advocates(self) -> Sequence[Mapping[str, Any]]:
        with self.workspace.lake.reading():
            return advocates(self.workspace.lake)

    def cards(self, kind: str) -> Sequence[Mapping[str, Any]]:
        return cards(self.workspace, kind)

    def worth_by(self, dimension: str) -> Sequence[Mapping[str, Any]]:
        with self.workspace.lake.reading():
            return worth_by(self.workspace.lake, dimension)

    def views(self) -> Mapping[str, str]:
        return read_segments(self._views)

    def save_view(self, name: str, where: str) -> None:
        self.count(where or None)  # a view that cannot be listed is not kept
        save_segment(self._views, name, where)

    def remove_view(self, name: str) -> None:
        remove_segment(self._views, name)

    def newest_given(self) -> datetime | None:
        return scores.newest_given(self.workspace.lake)

    def instants(self) -> Sequence[datetime]:
        return scores.instants(self.workspace.lake)
