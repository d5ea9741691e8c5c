"""What conversations cost by the rate card: the same in the score of a customer and in the KPIs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import wellheard
from wellheard.base.errors import BrokenHome
from wellheard.base.settings import settings_of
from wellheard.desk import Desk
from wellheard.enrich.profit import KIND
from wellheard.scoring import score

CARD = """
[[rates]]
from = 2026-01-01
an_hour = 40
[[rates]]
from = 2026-03-01
an_hour = 60
[[rates]]
from = 2026-02-01
an_hour = 90
channel = "phone"
"""
# Hours of work by customer, day and channel; the cost is given for the last of a's alone.
TALKS = (
    ("a", "2026-01-10T12:00:00Z", "chat", 2.0, None),  # 80
    ("a", "2026-03-05T12:00:00Z", "chat", 0.5, None),  # 30
    ("a", "2026-03-06T12:00:00Z", "phone", 1.0, None),  # 90: the channel's own rate comes first
    ("a", "2026-03-07T12:00:00Z", "chat", 9.0, 7.0),  # 7, whatever the hours say
    ("b", "2025-12-31T22:30:00Z", "chat", 5.0, None),  # no rate yet: half past eleven on the last day in Berlin
    ("b", "2025-12-31T23:30:00Z", "chat", 1.0, None),  # 40: half past midnight there
    ("b", "2026-03-05T12:00:00Z", "chat", None, None),  # nobody knows how long
)
COST = {"a": 207.0, "b": 40.0}


def _rows() -> dict[str, list[dict[str, Any]]]:
    return {
        "orders": [
            {"source_id": who, "customer_id": who, "ordered_at": "2026-03-20", "revenue": 1000, "goods_cost": 0,
             "currency": "EUR"}
            for who in COST
        ],
        "conversations": [
            {"source_id": str(n), "customer_id": who, "opened_at": at, "channel": channel, "cost": cost,
             "handling_seconds": None if hours is None else hours * 3600, "currency": "EUR" if cost else None}
            for n, (who, at, channel, hours, cost) in enumerate(TALKS)
        ],
    }  # fmt: skip


@pytest.mark.slow
def test_the_score_and_the_kpis_take_one_rate_card(tmp_path: Path) -> None:
    (tmp_path / "rate_card.toml").write_text(CARD)
    (tmp_path / "wellheard.toml").write_text('time_zone = "Europe/Berlin"\nscore_hour = -1\n')
    with wellheard.open(tmp_path) as workspace:
        desk = Desk(workspace)
        desk.deliver(_rows())
        score(workspace, kinds=(KIND,))
        found = dict(
            workspace.lake.con.execute(
                "select customer_id, value from facts.main.customer_scores where kind = 'profit'"
            ).fetchall()
        )
        assert found == {who: pytest.approx(1000 - cost) for who, cost in COST.items()}
        assert desk.one("customer_profitability", variant="total")["value"] == pytest.approx(sum(found.values()))
        assert desk.one("lifetime_value", variant="net")["value"] == pytest.approx(sum(found.values()) / 2)


def test_without_a_rate_card_minutes_are_no_money(desk: Any) -> None:
    desk.deliver(_rows())
    assert desk.one("customer_profitability", variant="total")["value"] == pytest.approx(2000 - 7)


@pytest.mark.parametrize(
    "text", ["[[rates]]\nan_hour = 3\n", "[[rates]]\nfrom = 2026-01-01\nan_hour = -1\n", "rate = 3\n", "[[rates"]
)
def test_a_rate_card_that_is_wrong_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "rate_card.toml").write_text(text)
    with pytest.raises(BrokenHome, match="rate_card"):
        settings_of(tmp_path)
