"""Statements that are run again: only while what their text hangs on is as it was."""

from __future__ import annotations

from typing import Any

import pytest

from wellheard.metrics import statements


def _order(key: str, revenue: float, currency: str = "EUR", day: str = "2026-02-03", **more: Any) -> dict[str, Any]:
    return {"source_id": key, "customer_id": key, "ordered_at": day, "revenue": revenue, "currency": currency, **more}


@pytest.fixture
def stated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The KPIs that were stated anew, in order."""
    found: list[str] = []
    keep = statements._keep

    def noted(key: Any, ask: Any, names: list[str]) -> None:
        found.append(ask.metric.name)
        keep(key, ask, names)

    monkeypatch.setattr(statements, "_keep", noted)
    monkeypatch.setattr(statements, "_plans", type(statements._plans)())
    return found


def test_more_rows_of_the_same_kind_need_no_new_statement(desk: Any, stated: list[str]) -> None:
    asked = {"start": "2026-02-01", "end": "2026-03-01"}
    desk.deliver({"orders": [_order("a", 100)]})
    assert desk.one("revenue_per_user", **asked)["value"] == 100
    desk.deliver({"orders": [_order("b", 50)]})
    assert desk.one("revenue_per_user", **asked)["value"] == 75
    assert stated == ["revenue_per_user"]


def test_a_second_currency_is_noticed(desk: Any, stated: list[str]) -> None:
    asked = {"start": "2026-02-01", "end": "2026-03-01"}
    desk.deliver({"orders": [_order("a", 100), _order("b", 100)]})
    assert desk.one("revenue_per_user", **asked)["value"] == 100
    rate = {"source_id": "1", "from_currency": "USD", "to_currency": "EUR", "on_date": "2026-01-01", "rate": 0.5}
    desk.deliver({"orders": [_order("c", 100, "USD")], "fx_rates": [rate]})
    assert desk.one("revenue_per_user", **asked)["value"] == pytest.approx(250 / 3)
    assert stated == ["revenue_per_user"] * 2


def test_customers_that_come_later_are_noticed(desk: Any, stated: list[str]) -> None:
    asked = {"start": "2026-02-01", "end": "2026-03-01", "by": ["region"]}
    desk.deliver({"orders": [_order("a", 100)]})
    assert [row["region"] for row in desk.kpi("revenue_per_user", **asked)] == [None]
    desk.deliver({"customers": [{"source_id": "a", "region": "North"}]})
    assert [row["region"] for row in desk.kpi("revenue_per_user", **asked)] == ["North"]
    assert len(stated) == 2


def test_a_level_and_a_viewer_share_a_statement_and_a_filter_does_not(desk: Any, stated: list[str]) -> None:
    desk.deliver({"orders": [_order("a", 100), _order("b", 300, product="x")]})
    asked = {"start": "2026-02-01", "end": "2026-03-01"}
    narrow, wide = (desk.one("revenue_per_user", level=level, **asked) for level in (0.8, 0.99))
    assert narrow["low"] > wide["low"]
    assert len(stated) == 1
    assert desk.one("revenue_per_user", where="product = 'x'", **asked)["value"] == 300
    assert len(stated) == 2


def test_what_a_question_peeks_at_is_stated_each_time(desk: Any, stated: list[str]) -> None:
    """The commonest scale among the rows that a filter leaves is looked for in those rows."""
    answer = {"kind": "csat", "main": True, "survey_id": "s", "answered_at": "2026-02-03"}
    rows = [{**answer, "source_id": str(n), "score": 4, "scale_min": 1, "scale_max": 5} for n in range(2)]
    desk.deliver({"survey_responses": rows})
    assert desk.one("csat", variant="mean", where="survey_id = 's'")["value"] == 4
    others = [{**answer, "source_id": f"o{n}", "score": 6, "scale_min": 1, "scale_max": 7} for n in range(3)]
    desk.deliver({"survey_responses": others})
    assert desk.one("csat", variant="mean", where="survey_id = 's'")["value"] == 6
    assert stated == []
