"""The bounded set of KPIs in pandas, as an analyst writes them: value and n by month and segment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.data import END, START

Frames = dict[str, pd.DataFrame]
FIRST, LAST = pd.Timestamp(START), pd.Timestamp(END)
GROUP = ["period", "segment"]


def read(folder: Path) -> Frames:
    """All tables in memory."""
    return {path.stem: pd.read_parquet(path) for path in folder.glob("*.parquet")}


def in_memory(folder: str) -> Callable[[], dict[str, Any]]:
    """A turn over frames that were read before."""
    frames = _ordered(read(Path(folder)))
    return lambda: scorecard(frames)


def with_reading(folder: str) -> Callable[[], dict[str, Any]]:
    """A turn that reads the files first."""
    return lambda: scorecard(_ordered(read(Path(folder))))


def scorecard(frames: Frames) -> dict[str, Any]:
    """Every KPI of the set as rows."""
    return {name: _rows(kpi(frames)) for name, kpi in KPIS.items()}


def _ordered(frames: Frames) -> Frames:
    for name in ("people", "companies"):
        frames[name] = frames[name].sort_values("begin")
    return frames


def _placed(frames: Frames, t: pd.DataFrame, at: str) -> pd.DataFrame:
    """Adds the segment as of the column `at`, and the month in which it lies."""
    t = t.sort_values(at)
    people = frames["people"].rename(columns={"account_id": "of_account"})
    t = pd.merge_asof(t, people, left_on=at, right_on="begin", left_by="customer_id", right_by="key")
    account = t["account_id"].fillna(t["of_account"]) if "account_id" in t else t["of_account"]
    t = t.drop(columns=["key", "begin", "finish", "of_account"]).assign(firm=account)
    firms = frames["companies"].rename(columns={"segment": "firm_segment"})
    t = pd.merge_asof(t, firms, left_on=at, right_on="begin", left_by="firm", right_by="key")
    t["segment"] = t["segment"].fillna(t["firm_segment"])
    return t


def _month(t: pd.DataFrame, at: str) -> pd.DataFrame:
    return t.assign(period=t[at].values.astype("datetime64[M]"))


def _asked(t: pd.DataFrame, at: str) -> pd.DataFrame:
    return t[(t[at] >= FIRST) & (t[at] < LAST)]


def _grouped(t: pd.DataFrame, by: list[str] | None = None) -> Any:
    return t.groupby(by or GROUP, dropna=False, observed=True)


def nps(frames: Frames) -> pd.DataFrame:
    t = frames["answers"]
    t = t[(t["kind"] == "nps") & t["main"] & t["score"].notna() & (t["scale_min"] == 0) & (t["scale_max"] == 10)]
    t = _month(_placed(frames, _asked(t, "answered_at"), "answered_at"), "answered_at")
    t = t.assign(value=100.0 * ((t["score"] >= 9).astype(int) - (t["score"] <= 6).astype(int)))
    return _grouped(t)["value"].agg(value="mean", n="size")


def csat(frames: Frames) -> pd.DataFrame:
    t = frames["answers"]
    t = t[(t["kind"] == "csat") & t["main"] & t["score"].notna() & (t["scale_min"] == 1) & (t["scale_max"] == 5)]
    t = _month(_placed(frames, _asked(t, "answered_at"), "answered_at"), "answered_at")
    return _grouped(t.assign(value=100.0 * (t["score"] >= 4)))["value"].agg(value="mean", n="size")


def first_response_time(frames: Frames) -> pd.DataFrame:
    t = frames["conversations"]
    t = _asked(t[~t["ours"] & t["waited"].notna()], "asked_at")
    t = _month(_placed(frames, t, "asked_at"), "asked_at")
    return _grouped(t)["waited"].agg(value="median", n="size")


def response_rate(frames: Frames) -> pd.DataFrame:
    answers, t = frames["answers"], frames["invitations"]
    end = max(t["sent_at"].max(), answers["answered_at"].max())
    came = answers[answers["invitation_id"].notna() & answers["complete"].fillna(True)]
    came = came[["source", "invitation_id"]].drop_duplicates().assign(came=True)
    t = _asked(t, "sent_at").merge(
        came, how="left", left_on=["source", "source_id"], right_on=["source", "invitation_id"]
    )
    answered = t["came"].notna() | t["said_so"]
    t = t.assign(value=100.0 * answered)
    young = ~answered & (t["sent_at"] + pd.Timedelta(days=14) > end)
    t = t[(answered | (~t["bounced"] & t["delivered"])) & ~young]
    return _grouped(_month(_placed(frames, t, "sent_at"), "sent_at"))["value"].agg(value="mean", n="size")


def _held(frames: Frames, begin: str) -> pd.DataFrame:
    """A row a month and subscription that overlaps it, with who holds it, and the segment as of the window's begin."""
    t, parts = frames["subscriptions"], []
    for window in frames["windows"].itertuples():
        start = getattr(window, begin)
        inside = t[(t["started_at"] <= window.finish) & (t["until"] > start)]
        at_start, at_end = inside["started_at"] <= start, inside["until"] > window.finish
        parts.append(inside.assign(period=window.period, at=start, at_start=at_start, at_end=at_end))
    held = pd.concat(parts)
    held["unit"] = held["customer_id"].fillna(held["account_id"])
    return _placed(frames, held, "at")


def _segments(held: pd.DataFrame) -> pd.Series:
    """The segment of each unit's subscription that pays most at the window's start."""
    first = held[held["at_start"]].sort_values("mrr", ascending=False)
    return first.drop_duplicates(["period", "unit"]).set_index(["period", "unit"])["segment"]


def churn_rate(frames: Frames) -> pd.DataFrame:
    held = _held(frames, "begin")
    lives = _grouped(held, ["period", "unit"])[["at_start", "at_end"]].any()
    lives = lives[lives["at_start"]].join(_segments(held)).reset_index()
    return _grouped(lives.assign(value=100.0 * ~lives["at_end"]))["value"].agg(value="mean", n="size")


def net_revenue_retention(frames: Frames) -> pd.DataFrame:
    held = _held(frames, "year_before")
    rates = frames["rates"].assign(day=pd.to_datetime(frames["rates"]["day"]))
    held = held.merge(rates, how="left", left_on=["currency", "at"], right_on=["base", "day"])
    held["mrr"] *= held["rate"]
    held = held.sort_values(["period", "unit", "started_at", "until"])
    before = held.groupby(["period", "unit"])["until"].cummax().groupby([held["period"], held["unit"]]).shift()
    held["gap"] = (held["started_at"] > held["at"]) & before.notna() & (held["started_at"] > before)
    held["paid"], held["pays"] = held["mrr"].where(held["at_start"]), held["mrr"].where(held["at_end"], 0.0)
    lives = _grouped(held, ["period", "unit"]).agg(
        there=("at_start", "any"), before=("paid", "sum"), after=("pays", "sum"), back=("gap", "any")
    )
    lives = lives[lives["there"]].join(_segments(held)).reset_index()
    lives["after"] = lives["after"].where(~lives["back"], 0.0)
    sums = _grouped(lives)[["before", "after"]].sum()
    return pd.DataFrame({"value": 100.0 * sums["after"] / sums["before"], "n": _grouped(lives).size()})


def revenue_per_user(frames: Frames) -> pd.DataFrame:
    t = _asked(frames["orders"], "ordered_at")
    t = t[~t["status"].isin(["void", "voided", "failed", "declined", "test", "draft"])]
    rates = frames["rates"].assign(day=pd.to_datetime(frames["rates"]["day"]))
    t = t.assign(day=t["ordered_at"].dt.normalize(), unit=t["customer_id"].fillna(t["account_id"]))
    t = t[t["unit"].notna()].merge(rates, how="left", left_on=["currency", "day"], right_on=["base", "day"])
    gone = t["status"].isin(["cancelled", "canceled"])
    t["money"] = np.where(gone, 0.0, (t["revenue"] - t["refunded"]) * t["rate"])
    t["stands"] = ~t["status"].isin(["cancelled", "canceled", "refund", "refunded_only"])
    t = _month(_placed(frames, t, "ordered_at"), "ordered_at")
    units = _grouped(t, [*GROUP, "unit"]).agg(money=("money", "sum"), stands=("stands", "any")).reset_index()
    sums = _grouped(units)[["money", "stands"]].sum()
    return pd.DataFrame({"value": sums["money"] / sums["stands"], "n": sums["stands"]})


def conversion_rate(frames: Frames) -> pd.DataFrame:
    t = _month(_placed(frames, _asked(frames["visits"], "started_at"), "started_at"), "started_at")
    visitors = _grouped(t, [*GROUP, "visitor_id"])["converted"].any().reset_index()
    return _grouped(visitors.assign(value=100.0 * visitors["converted"]))["value"].agg(value="mean", n="size")


def backlog(frames: Frames) -> pd.DataFrame:
    t, parts = frames["conversations"], []
    for window in frames["windows"].itertuples():
        at = window.finish
        still = (t["first_end"] >= at) | ((t["reopened_at"] < at) & (t["last_end"] >= at))
        parts.append(t[(t["opened_at"] < at) & still].assign(period=window.period, at=at))
    t = _placed(frames, pd.concat(parts), "at")
    return _grouped(t)["id"].agg(value="size", n="size")


SET = (
    nps, csat, first_response_time, response_rate, churn_rate, net_revenue_retention, revenue_per_user, conversion_rate,
    backlog,
)  # fmt: skip
KPIS = {kpi.__name__: kpi for kpi in SET}


def _rows(found: pd.DataFrame) -> list[dict[str, Any]]:
    rows = found.reset_index()
    return [
        {
            "period_start": str(period)[:10],
            "segment": None if pd.isna(segment) else segment,
            "value": float(value),
            "n": int(n),
        }
        for period, segment, value, n in zip(rows["period"], rows["segment"], rows["value"], rows["n"], strict=True)
    ]
