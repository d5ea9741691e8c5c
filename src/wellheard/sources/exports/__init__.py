"""Exports of answers from other survey systems: recognised by their header, and read into rows of our tables."""

from __future__ import annotations

from wellheard.sources.exports.delivery import Melted, Reading, read_export
from wellheard.sources.exports.export import Export, Laid, exports, recognised
from wellheard.sources.exports.questions import Taken, Told, told_of
from wellheard.sources.exports.sheet import head_of

__all__ = [
    "Export",
    "Laid",
    "Melted",
    "Reading",
    "Taken",
    "Told",
    "exports",
    "head_of",
    "read_export",
    "recognised",
    "told_of",
]
