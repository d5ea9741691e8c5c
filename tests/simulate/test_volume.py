"""A company may be told busier than usual, for tests of speed; what is told stays consistent."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from wellheard.base.errors import BadCall
from wellheard.simulate import simulate
from wellheard.simulate.volume import Volume


def test_each_ratio_moves_its_own_rows(tmp_path: Path) -> None:
    usual = simulate(tmp_path / "usual", customers=300, months=6).rows
    more = Volume(conversations=2.0, visits=0.5, usage=0.25, readings=0.5, standing_orders=1.0)
    busy = simulate(tmp_path / "busy", customers=300, months=6, volume=more).rows
    ratio = {table: busy[table] / usual[table] for table in usual}
    assert ratio["conversations"] == pytest.approx(2, rel=0.25)
    assert ratio["visits"] == pytest.approx(0.5, rel=0.25)
    assert ratio["usage"] == pytest.approx(0.25, rel=0.25)
    assert busy["subscriptions"] == usual["subscriptions"]
    orders = pq.read_table(tmp_path / "busy" / "orders.parquet")
    standing = pc.sum(pc.equal(orders["channel"], "standing order")).as_py()
    assert standing > 300  # one a contact and month that is there, of 300 contacts who come over six months


def test_terms_cut_subscriptions_without_a_gap_and_bring_the_same_money(tmp_path: Path) -> None:
    simulate(tmp_path / "usual", customers=300, months=6)
    simulate(tmp_path / "terms", customers=300, months=6, volume=Volume(term_months=2))
    whole, cut = (pq.read_table(tmp_path / name / "subscriptions.parquet").to_pandas() for name in ("usual", "terms"))
    assert len(cut) > 2 * len(whole)
    same = ["account_id", "plan", "mrr", "currency", "attributes.movement", "attributes.seats"]
    assert (cut["ended_at"] - cut["started_at"]).dt.days.max() == 60
    never = pd.Timestamp("2100-01-01", tz="UTC")
    whole["ended_at"], cut["ended_at"] = (frame["ended_at"].fillna(never) for frame in (whole, cut))
    for name, first in (("started_at", "min"), ("ended_at", "max")):
        kept = whole.groupby(same, dropna=False)[name].agg(first)
        assert kept.equals(cut.groupby(same, dropna=False)[name].agg(first))
    running = cut[cut["ended_at"] == never]
    assert sorted(running["account_id"]) == sorted(whole[whole["ended_at"] == never]["account_id"])
    assert list(running["status"].unique()) == list(whole[whole["ended_at"] == never]["status"].unique())


@pytest.mark.parametrize("wrong", [{"visits": -1.0}, {"readings": 1.5}])
def test_a_ratio_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadCall, match=next(iter(wrong))):
        Volume(**wrong)
