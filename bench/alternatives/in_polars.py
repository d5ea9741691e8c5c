"""The bounded set of KPIs in Polars, lazily over the Parquet files: value and n by month and segment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from bench.data import END, START

FIRST, LAST = datetime.fromisoformat(START), datetime.fromisoformat(END)
GROUP = ["period", "segment"]
Frames = dict[str, pl.LazyFrame]
c = pl.col


def lazy(folder: str) -> Callable[[], dict[str, Any]]:
    """A turn that scans the files and collects every KPI at once, so that scans are shared."""
    paths = {path.stem: path for path in Path(folder).glob("*.parquet")}

    def turn() -> dict[str, Any]:
        frames = {name: pl.scan_parquet(path) for name, path in paths.items()}
        found = pl.collect_all([kpi(frames).select(*GROUP, "value", "n") for kpi in KPIS.values()])
        return {name: _rows(frame) for name, frame in zip(KPIS, found, strict=True)}

    return turn


def _placed(frames: Frames, t: pl.LazyFrame, at: str, firm: bool = True) -> pl.LazyFrame:
    """Adds the segment as of the column `at`."""
    people = frames["people"].rename({"account_id": "of_account"}).drop("finish").sort("begin")
    t = t.sort(at).join_asof(
        people, left_on=at, right_on="begin", by_left="customer_id", by_right="key", check_sortedness=False
    )
    account = pl.coalesce("account_id", "of_account") if firm else c("of_account")
    firms = frames["companies"].rename({"segment": "firm_segment"}).drop("finish").sort("begin")
    t = t.drop("begin").with_columns(firm=account)
    t = t.join_asof(firms, left_on=at, right_on="begin", by_left="firm", by_right="key", check_sortedness=False)
    return t.with_columns(segment=pl.coalesce("segment", "firm_segment"))


def _month(at: str) -> pl.Expr:
    return c(at).dt.truncate("1mo").dt.date().alias("period")


def _asked(t: pl.LazyFrame, at: str) -> pl.LazyFrame:
    return t.filter((c(at) >= FIRST) & (c(at) < LAST))


def _scored(frames: Frames, kind: str, low: int, high: int, value: pl.Expr) -> pl.LazyFrame:
    scale = (c("scale_min") == low) & (c("scale_max") == high)
    t = frames["answers"].filter((c("kind") == kind) & c("main") & c("score").is_not_null() & scale)
    t = _placed(frames, _asked(t, "answered_at"), "answered_at").with_columns(_month("answered_at"))
    return t.group_by(GROUP).agg(value=100.0 * value.mean(), n=pl.len())


def nps(frames: Frames) -> pl.LazyFrame:
    return _scored(frames, "nps", 0, 10, (c("score") >= 9).cast(pl.Int64) - (c("score") <= 6).cast(pl.Int64))


def csat(frames: Frames) -> pl.LazyFrame:
    return _scored(frames, "csat", 1, 5, c("score") >= 4)


def first_response_time(frames: Frames) -> pl.LazyFrame:
    t = _asked(frames["conversations"].filter(~c("ours") & c("waited").is_not_null()), "asked_at")
    t = _placed(frames, t, "asked_at").with_columns(_month("asked_at"))
    return t.group_by(GROUP).agg(value=c("waited").median(), n=pl.len())


def response_rate(frames: Frames) -> pl.LazyFrame:
    answers = frames["answers"]
    came = answers.filter(c("invitation_id").is_not_null() & c("complete").fill_null(True))
    came = came.select("source", "invitation_id", came=pl.lit(True)).unique()
    ends = pl.concat([answers.select(end=c("answered_at").max()), frames["invitations"].select(end=c("sent_at").max())])
    t = _asked(frames["invitations"], "sent_at")
    t = t.join(came, how="left", left_on=["source", "source_id"], right_on=["source", "invitation_id"])
    t = t.join(ends.max(), how="cross").with_columns(answered=c("came").is_not_null() | c("said_so"))
    young = ~c("answered") & (c("sent_at") + timedelta(days=14) > c("end"))
    t = t.filter((c("answered") | (~c("bounced") & c("delivered"))) & ~young)
    t = _placed(frames, t, "sent_at").with_columns(_month("sent_at"))
    return t.group_by(GROUP).agg(value=100.0 * c("answered").mean(), n=pl.len())


def _held(frames: Frames, begin: str) -> pl.LazyFrame:
    """A row a month and subscription that overlaps it, with who holds it, and the segment as of the window's begin."""
    windows = frames["windows"].select("period", "finish", at=begin)
    held = frames["subscriptions"].join_where(windows, c("started_at") <= c("finish"), c("until") > c("at"))
    held = held.with_columns(
        at_start=c("started_at") <= c("at"),
        at_end=c("until") > c("finish"),
        unit=pl.coalesce("customer_id", "account_id"),
    )
    return _placed(frames, held, "at")


SEGMENT = c("segment").filter("at_start").sort_by(c("mrr").filter("at_start"), descending=True).first()


def churn_rate(frames: Frames) -> pl.LazyFrame:
    lives = _held(frames, "begin").group_by("period", "unit")
    lives = lives.agg(segment=SEGMENT, there=c("at_start").any(), stays=c("at_end").any()).filter("there")
    return lives.group_by(GROUP).agg(value=100.0 * (~c("stays")).mean(), n=pl.len())


def net_revenue_retention(frames: Frames) -> pl.LazyFrame:
    held = _held(frames, "year_before").with_columns(day=c("at").dt.date())
    held = held.join(frames["rates"], how="left", left_on=["currency", "day"], right_on=["base", "day"])
    held = held.with_columns(mrr=c("mrr") * c("rate")).sort("period", "unit", "started_at", "until")
    before = c("until").cum_max().shift().over("period", "unit")
    held = held.with_columns(gap=(c("started_at") > c("at")) & (c("started_at") > before).fill_null(False))
    lives = held.group_by("period", "unit").agg(
        segment=SEGMENT, there=c("at_start").any(), before=c("mrr").filter("at_start").sum(),
        after=c("mrr").filter("at_end").sum(), back=c("gap").any(),
    ).filter("there")  # fmt: skip
    after = pl.when("back").then(0.0).otherwise("after")
    return lives.group_by(GROUP).agg(value=100.0 * after.sum() / c("before").sum(), n=pl.len())


def revenue_per_user(frames: Frames) -> pl.LazyFrame:
    t = _asked(frames["orders"], "ordered_at")
    t = t.filter(~c("status").is_in(["void", "voided", "failed", "declined", "test", "draft"]))
    t = t.with_columns(day=c("ordered_at").dt.date(), unit=pl.coalesce("customer_id", "account_id"))
    t = t.filter(c("unit").is_not_null())
    t = t.join(frames["rates"], how="left", left_on=["currency", "day"], right_on=["base", "day"])
    gone = c("status").is_in(["cancelled", "canceled"])
    t = _placed(frames, t, "ordered_at").with_columns(
        _month("ordered_at"),
        money=pl.when(gone).then(0.0).otherwise((c("revenue") - c("refunded")) * c("rate")),
        stands=~c("status").is_in(["cancelled", "canceled", "refund", "refunded_only"]),
    )
    units = t.group_by([*GROUP, "unit"]).agg(c("money").sum(), c("stands").any())
    return units.group_by(GROUP).agg(value=c("money").sum() / c("stands").sum(), n=c("stands").sum())


def conversion_rate(frames: Frames) -> pl.LazyFrame:
    t = _placed(frames, _asked(frames["visits"], "started_at"), "started_at", firm=False)
    visitors = t.with_columns(_month("started_at")).group_by([*GROUP, "visitor_id"]).agg(c("converted").any())
    return visitors.group_by(GROUP).agg(value=100.0 * c("converted").mean(), n=pl.len())


def backlog(frames: Frames) -> pl.LazyFrame:
    windows = frames["windows"].select("period", at="finish")
    t = frames["conversations"].join_where(windows, c("opened_at") < c("at"))
    t = t.filter((c("first_end") >= c("at")) | ((c("reopened_at") < c("at")) & (c("last_end") >= c("at"))))
    return _placed(frames, t, "at").group_by(GROUP).agg(value=pl.len(), n=pl.len())


SET = (
    nps, csat, first_response_time, response_rate, churn_rate, net_revenue_retention, revenue_per_user, conversion_rate,
    backlog,
)  # fmt: skip
KPIS: dict[str, Callable[[Frames], pl.LazyFrame]] = {kpi.__name__: kpi for kpi in SET}


def _rows(found: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {"period_start": str(row["period"])[:10], **{name: row[name] for name in ("segment", "value", "n")}}
        for row in found.iter_rows(named=True)
    ]
