"""Rollups give what the facts give, for every KPI, whatever came, changed, went or was undone in between."""

from __future__ import annotations

import math
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from tests.conftest import Desk

import wellheard
from wellheard import kpi_contract
from wellheard.base.errors import BadCall
from wellheard.metrics.catalogue import metrics
from wellheard.metrics.metric import Metric
from wellheard.metrics.rollups import Rollups

LONG = bool(os.environ.get("WELLHEARD_TEST_LONG"))
SHARE = 6  # of the KPIs, one in so many is asked in an ordinary run; in a long one all are, with their variants
KPIS = list(metrics().values())
FIGURES = [
    pytest.param(
        kpi,
        name,
        id=f"{kpi.name}:{name or ''}",
        marks=[] if place % SHARE == 0 and name == kpi.usual else [pytest.mark.long],
    )
    for place, kpi in enumerate(KPIS)
    for name in dict.fromkeys((kpi.usual, *(v for v in kpi_contract.figures_of(kpi) if v)))
]
EXACT = ("period_start", "period_end", "partial", "n", "units", "pending", "state", "currency", "moved")
LATE = {"survey_responses": "answered_at", "conversations": "opened_at", "orders": "ordered_at", "usage": "used_at"}
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def desk(company_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A copy of the made-up company, where every figure's rollup is made before anything changes."""
    home = tmp_path_factory.mktemp("rolled")
    shutil.copytree(company_home, home, dirs_exist_ok=True)
    with wellheard.open(home) as workspace:
        yield Desk(workspace)


@pytest.fixture(autouse=True)
def _anew(desk: Desk) -> None:
    """Each test keeps its own rollups, since all that are kept are brought forward together."""
    shutil.rmtree(desk.workspace.rollups.folder, ignore_errors=True)
    desk.workspace.rollups = Rollups(desk.workspace.lake, metrics(), makes=True)


def _change(desk: Desk, seed: int) -> None:
    """New rows, late rows, corrections and tombstones in every table of events, an import undone, and a link."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for table, instant in LATE.items():
        some = desk.sql(
            f"select * exclude (id, ingested_at, deleted, row_hash, import_id) from facts.main.{table} "
            f"where not deleted order by hash(id || '{seed}') limit 12"
        )
        names = [c for c in some.columns if not c.startswith("made_") and c != "attributes"]
        given = some[names].astype(object).where(some[names].notna(), None).to_dict("records")
        for place, row in enumerate(given):
            if place < 4:  # new, or late by up to a year
                row["source_id"] = f"{row['source_id']}-{seed}"
            else:
                row["updated_at"] = "2030-01-01"
            if 4 <= place < 7:
                row["customer_id"] = given[0]["customer_id"]
            if place >= 10:
                row["deleted"] = True
        rows[table] = [{k: v for k, v in row.items() if v is not None and k != "source"} for row in given]
        assert all(row.get(instant) or row.get("deleted") for row in rows[table])
    (source,) = desk.sql("select distinct source from facts.main.orders").source
    desk.deliver(rows, source=source)


def _asked(kpi: Metric, variant: str | None, seed: int) -> dict[str, Any]:
    choose = random.Random(f"{kpi.name} {variant} {seed}")
    asked: dict[str, Any] = {"grain": choose.choice(("month", "month", "quarter")), "compare": "previous"}
    if choose.random() < 0.7:
        asked["by"] = ["region"]
    if choose.random() < 0.5:
        asked |= {"start": "2026-01-01", "end": "2026-07-01"}
    return {**asked, "variant": variant}


def _agree(desk: Desk, kpi: Metric, asked: dict[str, Any]) -> None:
    rolled = desk.workspace.kpi(kpi.name, engine="rollups", **asked)
    assert rolled.engine == "rollups"
    facts = desk.workspace.kpi(kpi.name, engine="facts", **asked).to_list()
    found = rolled.to_list()
    assert [{k: r.get(k) for k in EXACT} for r in found] == [{k: r.get(k) for k in EXACT} for r in facts]
    for ours, theirs in zip(found, facts, strict=True):
        for name in theirs:
            if name.startswith("part_") or name in ("value", "previous", "change"):
                assert _close(ours[name], theirs[name]), (name, ours, theirs)
            elif name in ("low", "high"):
                assert _close(ours[name], theirs[name], _carried(theirs, name)), (name, ours, theirs)


def _close(ours: float | None, theirs: float | None, most: float = 1e-9) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=max(most, 1e-9))


def _carried(row: dict[str, Any], limit: str) -> float:
    """How far the last digits of the sums move a limit: its square is a small difference of large ones.

    Sums are settled to 13 digits. Where customers hardly differ, the width is small beside the value: h² = z²·(Σx²/n −
    mean²)/n, so an error of 1e-11 in both moves h by 1e-11·mean²/h.
    """
    if row[limit] is None or row["value"] is None or row[limit] == row["value"]:
        return 0.0
    return float(1e-11 * row["value"] ** 2 / abs(row[limit] - row["value"]))


@pytest.mark.parametrize(("kpi", "variant"), FIGURES)
def test_rollups_give_what_the_facts_give(kpi: Metric, variant: str | None, desk: Desk) -> None:
    for seed in range(3 if LONG else 1):
        asked = _asked(kpi, variant, seed)
        _agree(desk, kpi, asked)  # as made
        _change(desk, crc32(f"{kpi.name} {variant} {seed}".encode()) % 10_000)
        _agree(desk, kpi, asked)  # brought forward


def test_an_undone_import_and_a_link_reach_the_rollups(desk: Desk) -> None:
    nps, asked = metrics()["nps"], {"grain": "month", "by": ["region"], "compare": "previous"}
    _agree(desk, nps, asked)
    before = desk.workspace.kpi("nps", **asked).to_list()
    _change(desk, 77)
    _agree(desk, nps, asked)
    desk.workspace.undo(desk._taken.pop())
    _agree(desk, nps, asked)
    after = desk.workspace.kpi("nps", **asked).to_list()
    assert [{k: v for k, v in row.items() if k != "snapshot"} for row in after] == [
        {k: v for k, v in row.items() if k != "snapshot"} for row in before
    ]


def test_rollups_outlive_the_process_and_are_left_where_they_cannot_be(desk: Desk) -> None:
    asked = {"grain": "month", "by": ["region"]}
    _agree(desk, metrics()["csat"], asked)
    with wellheard.open(desk.workspace.home) as again:
        assert again.kpi("csat", **asked).engine == "rollups"
        assert again.kpi("csat", where="region = 'Europe'", **asked).engine == "facts"
        assert again.kpi("csat", start="2026-01-05", **asked).engine == "facts"
        assert again.kpi("nps", grain="day").engine == "facts"  # nobody asked for it where rollups are made
        with pytest.raises(BadCall, match="no rollup covers"):
            again.kpi("nps", grain="day", engine="rollups")


def test_a_company_of_two_sources_is_read_whole(new_desk: Any) -> None:
    desk = new_desk(unit="account")
    for source, account, who, paid in (("crm", "1", "x", 100), ("shop", "2", "y", 50)):
        rows = {
            "accounts": [{"source_id": account, "domain": "acme.example", "updated_at": "2026-01-01"}],
            "customers": [{"source_id": who, "account_id": account, "updated_at": "2026-01-01"}],
            "orders": [{"source_id": f"o{who}", "customer_id": who, "revenue": paid, "ordered_at": "2026-03-05"}],
        }
        desk.deliver(rows, source)
    desk.workspace.rollups = Rollups(desk.workspace.lake, metrics(), makes=True)
    kpi, asked = metrics()["revenue_per_user"], {"grain": "month", "variant": "per_account"}
    _agree(desk, kpi, asked)
    later = {"source_id": "o3", "customer_id": "x", "revenue": 30, "ordered_at": "2026-03-09"}
    desk.deliver({"orders": [later]}, "crm")
    _agree(desk, kpi, asked)
    (row,) = desk.workspace.kpi("revenue_per_user", engine="rollups", **asked).to_list()
    assert (row["units"], row["part_num"], row["part_nn"]) == (1, 180, 180**2)


def test_a_feature_that_is_new_is_new_to_everybody(new_desk: Any) -> None:
    desk = new_desk()
    used = [("a", "boards"), ("b", "boards"), ("b", "reports")]
    rows = [
        {"source_id": str(n), "customer_id": who, "feature": what, "used_at": "2026-02-05"}
        for n, (who, what) in enumerate(used)
    ]
    old = {"source_id": "old", "customer_id": "b", "feature": "exports", "used_at": "2026-01-05"}
    desk.deliver({"usage": [old, *rows]})
    desk.workspace.rollups = Rollups(desk.workspace.lake, metrics(), makes=True)
    kpi, asked = metrics()["feature_adoption"], {"grain": "month"}
    _agree(desk, kpi, asked)
    new = [("9", "a", "reports"), ("10", "c", "maps")]
    later = [{"source_id": n, "customer_id": who, "feature": f, "used_at": "2026-02-20"} for n, who, f in new]
    desk.deliver({"usage": later})
    _agree(desk, kpi, asked)
    # Three are active in February, four features are known by then, and they used two, two and one of them.
    february = desk.workspace.kpi("feature_adoption", engine="rollups", **asked).to_list()[1]
    assert (february["n"], february["part_num"]) == (12, 5)
    alone = {"start": "2026-02-01", "end": "2026-03-01"}
    assert desk.one("feature_adoption", **alone)["n"] == 12
    desk.workspace.save_segment("boards", "feature = 'boards'")
    by = desk.workspace.kpi("feature_adoption", by=["segments.boards"], **alone).to_list()
    assert [(row["n"], row["part_num"]) for row in by] == [(9, 3), (3, 2)]
