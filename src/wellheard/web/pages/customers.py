"""The customers: a list with filters and views of one's own, its export, and everything of one of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from wellheard.base.errors import BadCall, WellheardError
from wellheard.insights.dossier import BEHIND
from wellheard.reports import units
from wellheard.web.site import Site

SEE_OTHER = 303
A_PAGE = 50
MOST_EXPORTED = 1_000_000
LISTED = (
    "customer_id",
    "account_id",
    "kind",
    "name",
    "account_name",
    "segment",
    "health",
    "health_coverage",
    "health_band",
    "health_trend",
    "churn_risk_90d",
    "churn_reasons",
    "churn_risk_snapshot",
    "snapshot_reasons",
    "lifetime_value",
    "lifetime_value_low",
    "lifetime_value_high",
    "profit",
    "currency",
    "as_of",
)
ORDERS = (
    ("customer_id", "customer"),
    ("health", "health, the worst first"),
    ("-churn_risk_90d", "risk of leaving"),
    ("-churn_risk_snapshot", "risk by a labelled snapshot"),
    ("-lifetime_value", "lifetime value"),
    ("profit", "profit, the least first"),
)
AT_LOSS = "profit < 0"
CARET = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take for a formula
KINDS = {
    "health": "Health",
    "lifetime_value": "Lifetime value",
    "lifetime_revenue": "Lifetime revenue",
    "lifetime_value_net": "Lifetime value less what was spent on them",
    "profit": "Profit to date",
    "churn_risk_snapshot": "Risk of leaving, by a labelled snapshot",
}


def routes(site: Site) -> APIRouter:
    """The list, its export and views, the two special lists, and the page of a customer and of a company."""
    router = APIRouter()

    def page(request: Request, where: str, order: str, number: int, status: int = 200, fault: str = "") -> HTMLResponse:
        services = site.services.scores
        rows: list[dict[str, Any]] = []
        many = 0
        if not fault:
            try:
                many = services.count(where or None)
                rows = services.customers(where or None, LISTED, order, A_PAGE, A_PAGE * (number - 1))
            except WellheardError as error:
                fault = site.piece("fault.html", message=error.message, hint=error.hint)
                status = error.http_status
        kept = {"where": where, "order": order}
        more = urlencode(kept | {"page": number + 1}) if many > A_PAGE * number else ""
        less = urlencode(kept | {"page": number - 1}) if number > 1 else ""
        shown = [_row(row) for row in rows]
        return site.page(
            request,
            "customers.html",
            status,
            rows=shown,
            many=many,
            where=where,
            order=order,
            orders=ORDERS,
            views=services.views(),
            fault=fault,
            more=more,
            less=less,
            export=urlencode(kept),
            scored=services.instants()[:1],
            given=services.newest_given(),
            learned=bool(services.cards("churn_risk_snapshot")),
        )

    @router.get("/customers")
    def listed(request: Request, where: str = "", order: str = "customer_id", page_: str = "") -> HTMLResponse:
        del page_
        return page(request, where.strip(), _order(order), _number(request.query_params.get("page", "1")))

    @router.get("/customers/export")
    def export(where: str = "", order: str = "customer_id") -> Response:
        columns = [c for c in site.services.scores.columns() if c not in ("name", "account_name", "email")]
        rows = site.services.scores.customers(where.strip() or None, columns, _order(order), MOST_EXPORTED, 0)
        head = {"content-disposition": 'attachment; filename="customers.csv"', "cache-control": "no-store"}
        return Response(_csv(columns, rows), media_type="text/csv; charset=utf-8", headers=head)

    @router.get("/customers/advocates")
    def speak_for_us(request: Request) -> HTMLResponse:
        return site.page(request, "advocates.html", rows=site.services.scores.advocates())

    @router.get("/customers/at-loss")
    def at_loss(request: Request) -> HTMLResponse:
        rows = site.services.scores.customers(AT_LOSS, (*LISTED, "profit_low", "profit_high"), "profit", 200, 0)
        return site.page(request, "at_loss.html", rows=[_row(row) for row in rows])

    @router.post("/customers/views")
    async def save(request: Request) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
            name, where = (str(form.get(field, "")).strip() for field in ("name", "where"))
        try:
            site.services.scores.save_view(name, where)
        except WellheardError as error:
            fault = site.piece("fault.html", message=error.message, hint=error.hint)
            return page(request, where, "customer_id", 1, error.http_status, fault)
        return RedirectResponse("/customers?" + urlencode({"where": where}), SEE_OTHER)

    @router.post("/customers/views/{name}/remove")
    async def remove(request: Request, name: str) -> Response:
        async with request.form(max_files=0) as form:
            site.tokens.check(request, form)
        site.services.scores.remove_view(name)
        return RedirectResponse("/customers", SEE_OTHER)

    @router.get("/customers/{id:path}")
    def customer(request: Request, id: str) -> HTMLResponse:
        return _dossier(site, request, "customer", id)

    @router.get("/accounts/{id:path}")
    def account(request: Request, id: str) -> HTMLResponse:
        return _dossier(site, request, "account", id)

    return router


def _order(text: str) -> str:
    if text not in [name for name, _ in ORDERS]:
        raise BadCall(f"{text!r} orders no list", hint=f"one of {', '.join(n for n, _ in ORDERS)}", field="order")
    return text


def _number(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000:
        raise BadCall(f"{text!r} is no page", hint="pages are counted from 1", field="page")
    return int(text)


def _money(value: float | None, currency: str | None) -> str:
    return str(units.written(value, "money", currency))


def _risk(value: float | None) -> str:
    return str(units.written(None if value is None else 100 * value, "percent"))


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A customer as the list shows them."""
    currency = row["currency"]
    person = row["customer_id"] is not None
    coverage = row["health_coverage"]
    by_snapshot = row["churn_risk_90d"] is None and row["churn_risk_snapshot"] is not None
    return {
        "path": f"/customers/{row['customer_id']}" if person else f"/accounts/{row['account_id']}",
        "id": row["customer_id"] if person else row["account_id"],
        "name": row["name"] or row["account_name"] or "",
        "company": row["account_id"] if person else None,
        "segment": row["segment"] or "",
        "health": str(units.written(row["health"], "count")),
        "band": row["health_band"] or "",
        "coverage": "" if coverage is None else f"{coverage:.0f} % known",
        "trend": row["health_trend"] or "",
        "risk": _risk(row["churn_risk_snapshot" if by_snapshot else "churn_risk_90d"]),
        "by_snapshot": by_snapshot,
        "reasons": row["snapshot_reasons" if by_snapshot else "churn_reasons"] or "",
        "value": _money(row["lifetime_value"], currency),
        "range": units.spread(row["lifetime_value_low"], row["lifetime_value_high"], "money", currency),
        "profit": _money(row["profit"], currency),
        "spread": units.spread(row.get("profit_low"), row.get("profit_high"), "money", currency),
    }


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """Cells that no spreadsheet runs: a text that looks like a formula is quoted."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for row in rows:
        cells = (row[name] for name in columns)
        writer.writerow(["'" + c if isinstance(c, str) and c.startswith(CARET) else c for c in cells])
    return out.getvalue()


def _dossier(site: Site, request: Request, kind: str, id: str) -> HTMLResponse:
    of = request.query_params.get("of", "")
    told = site.services.scores.dossier(kind, id, of if of in BEHIND else "")
    return site.page(
        request,
        "dossier.html",
        told=told,
        title=str(told.traits.get("name") or told.id),
        scores=[_score(s) for s in sorted(told.scores, key=lambda s: _place(s["kind"]))],
        traits=[(name.replace("_", " "), _said(value)) for name, value in told.traits.items()],
        history=[
            (_said(s["as_of"]), str(units.written(s["value"], "count")), s["attributes"].get("band", ""))
            for s in told.history[:12]
        ],
        events=[
            (_said(e.at), e.table.replace("_", " "), e.words, (e.text or "")[:2000], _link(e), _clock(e))
            for e in told.events
        ],
        of=of if of in BEHIND else "",
        components=BEHIND,
        bars=_bars(told.bars),
    )


def _clock(event: Any) -> str:
    """What the clock of a conversation measured."""
    return ", ".join(f"{words} {units.duration(seconds)}" for words, seconds in event.clock.items())


def _bars(bars: Sequence[Any]) -> list[dict[str, Any]]:
    """The components by how much they moved a score; `size` is their share of the largest move, in percent."""
    most = max((abs(bar.change) for bar in bars), default=0.0) or 1.0

    def known(value: float | None) -> str:
        return "not known" if value is None else str(units.written(value, "count"))

    return [
        {
            "component": bar.component,
            "before": known(bar.before),
            "after": known(bar.after),
            "change": units.change(bar.change, "points"),
            "size": round(100 * abs(bar.change) / most),
            "fell": bar.change < 0,
        }
        for bar in bars
    ]


def _link(event: Any) -> str:
    return f"/{event.table}/{event.row}" if event.table in ("conversations", "cases") else ""


def _said(value: Any) -> str:
    return f"{units.day_name(value.date())}, {value:%H:%M}" if isinstance(value, datetime) else str(value)


def _place(kind: str) -> tuple[int, str]:
    """Health first, then the risks from the shortest horizon on, then money."""
    first = ("health", "churn_risk_30d", "churn_risk_90d", "churn_risk_365d", "churn_risk_snapshot", *KINDS)
    return first.index(kind) if kind in first else len(first), kind


def _score(score: Mapping[str, Any]) -> dict[str, Any]:
    """A score as its page shows it, with its reasons."""
    kind, beside = score["kind"], score["attributes"]
    risk = kind.startswith("churn_risk_")
    days = kind.removeprefix("churn_risk_").removesuffix("d") if risk else ""
    title = f"Risk of leaving within {days} days" if days.isdecimal() else KINDS.get(kind, kind)
    if risk:
        value, low, high = (None if score[k] is None else 100 * score[k] for k in ("value", "low", "high"))
        unit = "percent"
    else:
        value, low, high = score["value"], score["low"], score["high"]
        unit = "money" if score["currency"] else "count"
    why = beside.get("reasons") or beside.get("why_not") or ""
    parts = [
        f"{name.replace('_', ' ')} {beside[name]}" for name in ("to_date", "ahead", "band", "trend") if beside.get(name)
    ]
    return {
        "title": title,
        "value": str(units.written(value, unit, score["currency"])),
        "kind": "churn_risk_90d" if days.isdecimal() else kind,
        "range": units.spread(low, high, unit, score["currency"]),
        "why": why,
        "parts": ", ".join(parts),
        "coverage": "" if score["coverage"] is None else f"{score['coverage']:.0f} %",
        "model": score["model"] or "",
        "as_of": _said(score["as_of"]),
        "company": bool(score.get("of_company")),
        "ours": score["ours"],
    }
