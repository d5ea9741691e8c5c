"""The rows of the lake as plain Parquet files for other tools: the columns that the bounded set of KPIs needs.

Everybody starts from the same cleaned rows: tombstones and trial answers are out, made columns stand under their names,
and instants are UTC without a zone. What is made ready here is not in anybody's time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import hand
from bench.data import Place
from wellheard.base.settings import settings_of
from wellheard.tables.catalogue import tables
from wellheard.warehouse.engine import Lake

# The KPIs that every alternative computes: value and n by month and segment.
SET = (
    "nps", "csat", "first_response_time", "response_rate", "churn_rate", "net_revenue_retention", "revenue_per_user",
    "conversion_rate", "backlog",
)  # fmt: skip
EARLY, LATE = "timestamp '1900-01-01'", "timestamp '2200-01-01'"
TABLES = {
    "people": f"""
        select key, account_id, segment, coalesce(valid_from::timestamp, {EARLY}) as begin,
            coalesce(valid_to::timestamp, {LATE}) as finish
        from (select source_id as key, * from facts.main.customers where not deleted)""",
    "companies": f"""
        select source_id as key, segment, coalesce(valid_from::timestamp, {EARLY}) as begin,
            coalesce(valid_to::timestamp, {LATE}) as finish
        from facts.main.accounts where not deleted""",
    "rates": "select base, day, rate from rates",
    "windows": """
        select period, begin::timestamp as begin, finish::timestamp as finish,
            finish::timestamp - interval 12 month as year_before from windows""",
    "answers": """
        select id, source, kind, score, scale_min, scale_max, answered_at::timestamp as answered_at, customer_id,
            account_id, submission_id, invitation_id, complete, coalesce(main, true) as main
        from facts.main.survey_responses where not deleted and not coalesce(test, false)""",
    "invitations": """
        select id, source, source_id, customer_id, account_id, sent_at::timestamp as sent_at,
            answered_at is not null as said_so, coalesce(bounced, false) as bounced,
            coalesce(delivered_at, seen_at) is not null as delivered
        from facts.main.survey_invitations where not deleted""",
    "conversations": f"""
        select id, customer_id, account_id, opened_at::timestamp as opened_at,
            coalesce(opened_by, '') in ('human', 'automation') as ours,
            coalesce(made__first_customer_at, opened_at)::timestamp as asked_at, made__first_response_seconds as waited,
            made__first_human_reply_at is not null or closed_at is not null or made__resolved_at is not null as over,
            coalesce(made__first_resolved_at, made__resolved_at, closed_at, {LATE})::timestamp as first_end,
            coalesce(made__resolved_at, {LATE})::timestamp as last_end,
            coalesce(made__first_reopened_at, {LATE})::timestamp as reopened_at
        from cases""",
    "subscriptions": f"""
        select id, customer_id, account_id, mrr::double as mrr, currency, started_at::timestamp as started_at,
            coalesce(ended_at::timestamp, {LATE}) as until
        from paid""",
    "orders": """
        select id, customer_id, account_id, ordered_at::timestamp as ordered_at, lower(coalesce(status, '')) as status,
            coalesce(revenue, 0)::double as revenue, coalesce(refunded, 0)::double as refunded, currency
        from facts.main.orders where not deleted""",
    "visits": """
        select visitor_id, customer_id, started_at::timestamp as started_at, converted_at is not null as converted
        from facts.main.visits where not deleted""",
}


def exported(place: Place) -> Path:
    """The folder of the Parquet files; writes them where they are missing."""
    folder = place.copy("parquet")
    if not (folder / "done").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        con = _lake(place)
        for name, rows in TABLES.items():
            con.execute(f"copy ({rows}) to '{folder / name}.parquet' (format parquet, compression zstd)")
        (folder / "done").touch()
    return folder


def native(place: Place) -> Path:
    """The lake's tables as native ones of the same engine, in one file; writes it where it is missing."""
    path = place.copy("native.duckdb")
    if not path.is_file():
        con, partial = _lake(place), path.with_suffix(".new")
        partial.unlink(missing_ok=True)
        con.execute(f"attach '{partial}' as native")
        for name in tables():
            con.execute(f"create table native.main.{name} as select * from facts.main.{name}")
        con.execute("detach native")
        partial.rename(path)
    return path


def _lake(place: Place) -> Any:
    con = Lake(place.home / "workspaces" / "main", settings_of(place.home)).con
    hand.prepare(con)
    return con
