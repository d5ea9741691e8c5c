"""Where figures go wrong elsewhere because rows of two systems are one customer, or are taken for one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import wellheard
from wellheard.kpi_contract import Desk
from wellheard.metrics.question import Viewer

pytestmark = pytest.mark.slow
SHARE = 1 if os.environ.get("WELLHEARD_TEST_LONG") else 4  # of the figures, one in so many is asked


def figures(desk: Any, names: Iterable[str]) -> dict[str, Any]:
    """The KPIs named over all data, to the last digit."""
    found = {}
    for name in names:
        rows = desk.kpi(name)
        found[name] = [{column: value for column, value in row.items() if column != "snapshot"} for row in rows]
    return found


def test_a_link_undone_restores_every_figure(company_home: Path, tmp_path: Path) -> None:
    shutil.copytree(company_home, tmp_path / "home")
    with wellheard.open(tmp_path / "home") as workspace:
        desk = Desk(workspace)
        busy = workspace.lake.con.execute(
            "select c.source || ':' || c.source_id as name from facts.main.customers c "
            "join facts.main.survey_responses r on r.customer_id = c.source_id and not r.deleted "
            "where c.valid_to is null and not c.deleted group by all having count(*) > 1 order by count(*) desc, 1"
        ).fetchmany(2)
        fed = [feed.kpi for feed in workspace.feeds() if feed.rows]
        asked = sorted({"nps", "csat", *fed[::SHARE]}, key=fed.index)
        before = figures(desk, asked)
        assert len(before) * SHARE > 10
        decision = workspace.link("person", *(row[0] for row in busy))
        effects = workspace.effects(decision)
        told = [effect.kpi for effect in effects if effect.kpi in before]
        assert {"nps", "csat"} <= set(told) < set(before)
        seen = [*told, next(name for name in before if name not in told)]
        assert figures(desk, seen) == {name: before[name] for name in seen}  # looking changes nothing
        workspace.settle(decision)
        during = figures(desk, seen)
        assert [name for name in seen if during[name] != before[name]] == told
        shown = [effect for effect in effects if effect.kpi in before]
        assert all(any(effect.after.items() <= row.items() for row in during[effect.kpi]) for effect in shown)
        (link,) = (link for link in workspace.links() if link.state == "holds")
        workspace.settle(workspace.unlink(link.id))
        assert figures(desk, asked) == before


def subscription(key: str, customer: str, account: str, start: str, end: str | None) -> dict[str, Any]:
    return {"source_id": key, "customer_id": customer, "account_id": account, "mrr": 100, "currency": "EUR",
            "started_at": start, "ended_at": end, "updated_at": "2026-01-01"}  # fmt: skip


def test_a_company_that_moves_to_a_new_billing_system_has_not_churned(new_desk: Callable[..., Any]) -> None:
    desk = new_desk(unit="account")
    account = {"updated_at": "2026-01-01", "domain": "acme.example"}
    desk.deliver({"accounts": [{"source_id": "1", **account}, {"source_id": "2", "updated_at": "2026-01-01"}],
                  "subscriptions": [subscription("a", "x", "1", "2024-01-01", "2026-03-15"),
                                    subscription("b", "y", "2", "2024-01-01", None)]}, "old")  # fmt: skip
    march = {"start": "2026-03-01", "end": "2026-04-01"}
    assert desk.one("churn_rate", **march)["value"] == 50
    moved = desk.deliver({"accounts": [{"source_id": "n", **account}],
                          "subscriptions": [subscription("c", "z", "n", "2026-03-15", None)]}, "new")  # fmt: skip
    assert desk.one("churn_rate", **march)["value"] == 0
    assert desk.one("net_revenue_retention", **march)["value"] == 100
    desk.workspace.undo(moved.import_id)
    assert desk.one("churn_rate", **march)["value"] == 50


def test_accounts_that_merge_count_once_and_apart_again_when_undone(new_desk: Callable[..., Any]) -> None:
    desk = new_desk(unit="account")
    desk.deliver({"accounts": [{"source_id": str(n), "updated_at": "2026-01-01"} for n in (1, 2, 3)],
                  "subscriptions": [subscription("a", "x", "1", "2024-01-01", "2026-03-15"),
                                    subscription("b", "y", "2", "2024-01-01", None),
                                    subscription("c", "z", "3", "2024-01-01", "2026-03-20")]}, "crm")  # fmt: skip
    march = {"start": "2026-03-01", "end": "2026-04-01"}
    before = desk.one("churn_rate", **march)
    assert (before["n"], before["value"]) == (3, pytest.approx(200 / 3))
    workspace = desk.workspace
    workspace.settle(workspace.link("company", "1", "2"))
    row = desk.one("churn_rate", **march)
    assert (row["n"], row["value"]) == (2, 50)
    assert desk.one("net_revenue_retention", **march)["value"] == pytest.approx(100 / 3)
    assert desk.one("churn_rate", variant="by_subscription", **march)["value"] == pytest.approx(200 / 3)
    (link,) = workspace.links()
    workspace.settle(workspace.unlink(link.id))
    after = desk.one("churn_rate", **march)
    assert {k: v for k, v in after.items() if k != "snapshot"} == {k: v for k, v in before.items() if k != "snapshot"}


def test_a_linked_person_is_one_unit_of_a_private_viewer_too(desk: Any) -> None:
    for source in ("crm", "shop"):
        desk.deliver({"customers": [{"source_id": "1", "email": "ann@x.example", "region": source}],
                      "survey_responses": [{"source_id": "a", "kind": "nps", "score": 9, "customer_id": "1",
                                            "answered_at": "2026-03-05"}]}, source)  # fmt: skip
    viewer = Viewer(name="analyst", row_rules=("region = 'shop'",), smallest_group=2)
    assert (desk.one("nps")["n"], desk.one("nps")["units"]) == (2, 1)
    row = desk.one("nps", viewer=viewer)
    assert (row["n"], row["units"], row["state"], row["value"]) == (1, 1, "hidden", None)
