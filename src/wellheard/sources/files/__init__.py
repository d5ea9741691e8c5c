"""Turns a file on disk into a stream of record batches and an honest description of how it was read."""

from __future__ import annotations

from wellheard.sources.files.detect import detect
from wellheard.sources.files.format import ROW, BadRow, FileBatches, Format, Rename
from wellheard.sources.files.reader import Preview, fields, open_file

__all__ = ["ROW", "BadRow", "FileBatches", "Format", "Preview", "Rename", "detect", "fields", "open_file"]
