"""What every trigger keeps: its columns exist, and it sees a row that fits, once, and no row that does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wellheard.base.errors import Unknown
from wellheard.store.submission import ABOUT
from wellheard.surveys.survey import survey_from
from wellheard.surveys.trigger import Trigger, trigger_called, triggers
from wellheard.tables.catalogue import table
from wellheard.tables.table import Type
from wellheard.warehouse.occasions import occasions

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
IN_ROWS = [name for name, trigger in triggers().items() if not trigger.calendar]


@pytest.mark.parametrize("name", triggers())
def test_a_trigger_has_words_and_can_be_asked_by(name: str) -> None:
    trigger = trigger_called(name)
    assert trigger.title
    assert trigger.words.endswith(".")
    asking: dict[str, Any] = {"trigger": name} | ({"begins": "2026-03-01"} if trigger.calendar else {})
    asking |= {"only": {trait: ["x"] for trait in trigger.traits}}
    question = {"id": "nps", "type": "nps"}
    assert survey_from({"id": "s", "name": "S", "questions": [question], "asking": asking}).asking is not None


def test_an_unknown_trigger_is_refused_with_those_there_are() -> None:
    with pytest.raises(Unknown, match="there is no trigger 'full_moon'"):
        trigger_called("full_moon")


@pytest.mark.parametrize("name", IN_ROWS)
def test_its_columns_are_those_of_its_table(name: str) -> None:
    trigger = trigger_called(name)
    columns = table(trigger.table).by_name
    assert columns[trigger.instant].type is Type.INSTANT
    named = {*trigger.where, *trigger.never, *trigger.traits, *(trigger.first_of or ()), *(trigger.last_of or ())}
    named |= {*trigger.about.values()} - {"source_id"}
    assert named <= set(columns)
    assert set(trigger.about) <= set(ABOUT)
    assert not {columns[column].private for column in named} & {True}
    assert "customer_id" in columns


@pytest.mark.slow
def test_each_sees_its_row_once_and_in_its_time_alone(desk: Any) -> None:
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in IN_ROWS:
        trigger = trigger_called(name)
        rows.setdefault(trigger.table, []).append({"source_id": name, **_fitting(trigger)})
    desk.deliver(rows)
    lake, day = desk.workspace.lake, timedelta(days=1)
    for name in IN_ROWS:
        trigger = trigger_called(name)
        seen = {o.key: o for o in occasions(lake, trigger, NOON - day, NOON + day, lasting=False)}
        assert f"example:{name}" in seen, name
        assert seen[f"example:{name}"].instant == NOON
        assert seen[f"example:{name}"].customer_id == f"{name} of c1"
        assert occasions(lake, trigger, NOON + day, NOON + 2 * day, lasting=False) == []
        assert occasions(lake, trigger, NOON - 3 * day, NOON - day, lasting=False) == []


def _fitting(trigger: Trigger) -> dict[str, Any]:
    """A row that the trigger sees, with all that its table needs."""
    row: dict[str, Any] = {column.name: NOON for column in table(trigger.table).columns if column.required}
    instants = [c.name for c in table(trigger.table).columns if c.name in ("opened_at", "ordered_at", "started_at")]
    row |= dict.fromkeys(instants, NOON - timedelta(hours=1))
    row |= {column: values[0] for column, values in trigger.where.items() if values[0] is not None}
    name = next(name for name, other in triggers().items() if other is trigger)
    return row | {"customer_id": f"{name} of c1", trigger.instant: NOON}
