"""Columns that are plainly written are read in a shorter way, which must come to the same."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from wellheard.tables.catalogue import table
from wellheard.tables.table import Type

ZONED = ["2025-03-30 01:30:00+00", "2025-03-30T03:30:00+02:00", "2025-01-05 23:59:59.25-0730", "2025-07-01 00:00:00Z"]
FULL = {"referrer_id": "c1", "referred_id": "c2", "referred_at": "2025-05-01 10:00:00+00", "status": "converted"}


def test_instants_that_all_say_their_offset(bench: Any) -> None:
    rows = [{"source_id": str(n), "opened_at": at, "closed_at": at if n else ""} for n, at in enumerate(ZONED)] + [
        {"source_id": "never", "opened_at": "2025-02-30 10:00:00+00", "closed_at": ""}
    ]
    report = bench.take("conversations", rows, tz="Europe/Berlin")
    assert report.rejected == 1
    assert [why for why, _ in report.reasons] == ["opened_at: '2025-02-30 10:00:00+00' is not a date or time"]
    found = {row["source_id"]: row for row in bench.rows("conversations")}
    assert {key: row["opened_at"] for key, row in found.items()} == {
        str(n): datetime.fromisoformat(at).astimezone(UTC) for n, at in enumerate(ZONED)
    }
    assert [found[str(n)]["closed_at"] is None for n in range(len(ZONED))] == [True, False, False, False]


@pytest.mark.parametrize("left", range(1, len(FULL) + 1))
def test_the_hash_of_a_row_does_not_hang_on_what_is_empty_at_its_end(bench: Any, left: int) -> None:
    """The upper 62 bits of the MD5 of the values in their places, without the signs after the last."""
    given = {column: value if n < left else "" for n, (column, value) in enumerate(FULL.items())}
    given |= {"referred_at": FULL["referred_at"]}
    bench.take("referrals", [{"source_id": "r1", "updated_at": "2025-06-01 00:00:00+00", **given}])
    (row,) = bench.rows("referrals")
    values = [str(_micros(datetime(2025, 6, 1, tzinfo=UTC))), "", ""]  # the version, deleted, attributes
    for column in table("referrals").columns:
        value = given.get(column.name, "")
        values.append(str(_micros(datetime.fromisoformat(value))) if value and column.type is Type.INSTANT else value)
    content = "\x1f".join(values).rstrip("\x1f")
    assert row["row_hash"] == int.from_bytes(hashlib.md5(content.encode()).digest()[:8], "little") >> 2


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def test_words_of_a_closed_vocabulary_are_folded_beside_plain_ones(bench: Any) -> None:
    kinds = ["nps", "NPS", " Nps ", "csat"]
    rows = [
        {"source_id": str(n), "kind": kind, "score": "5", "complete": yes, "answered_at": "2025-05-01 10:00:00+00"}
        for n, (kind, yes) in enumerate(zip(kinds, ["true", "TRUE", "yes", "false"], strict=True))
    ]
    assert bench.take("survey_responses", rows).rejected == 0
    found = sorted(bench.rows("survey_responses"), key=lambda row: row["source_id"])
    assert [row["kind"] for row in found] == ["nps", "nps", "nps", "csat"]
    assert [row["complete"] for row in found] == [True, True, True, False]
