"""A page a model: how well it ranks, whether its chances mean what they say, what it missed, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wellheard.base.errors import Unknown
from wellheard.reports import units
from wellheard.web.site import Site

TITLES = {
    "churn_risk_90d": "Risk of leaving",
    "churn_risk_snapshot": "Risk of leaving, by a labelled snapshot",
    "lifetime_value": "Lifetime value",
    "health": "Health",
    "profit": "Profit",
    "early_signs": "Early signs",
}
HORIZONS = "churn_risk_90d"  # whose card has a part for each horizon
SNAPSHOT = "churn_risk_snapshot"
SAME = {"lifetime_revenue": "lifetime_value", "lifetime_value_net": "lifetime_value"}
BEST = {"logistic": "logistic regression", "boosted": "gradient boosting", "both": "regression and boosting together"}
GROUPED = ("segment", "cohort", "acquisition_channel")
DRIFT = ((0.25, "much"), (0.1, "some"), (0.0, "little"))


def routes(site: Site) -> APIRouter:
    """The page of each kind of score."""
    router = APIRouter()

    @router.get("/models/{kind}")
    def page(request: Request, kind: str, by: str = "segment") -> HTMLResponse:
        kind = SAME.get(kind, kind)
        if kind not in TITLES:
            raise Unknown(f"there is no model {kind!r}", hint=f"one of {', '.join(TITLES)}", field="kind")
        cards = site.services.scores.cards("churn_risk_90d" if kind == "early_signs" else kind)
        card: Mapping[str, Any] = cards[0] if cards else {}
        worth = site.services.scores.worth_by(by) if kind == "lifetime_value" and card else []
        return site.page(
            request,
            "model.html",
            kind=kind,
            title=TITLES[kind],
            card=card,
            before=[datetime.fromisoformat(c["as_of"]) for c in cards[1:13]],
            horizons=_horizons(kind, card),
            signs=[_sign(s) for s in card.get("signs", [])] if kind == "early_signs" else [],
            drift=[(_named(n), f"{v:.2f}", _moved(v)) for n, v in card.get("drift", {}).items()]
            if kind == "churn_risk_90d"
            else [],
            fits=_fits(card) if kind == "lifetime_value" else [],
            worth=[_group(w, card.get("currency")) for w in worth],
            by=by,
            grouped=GROUPED,
            at=datetime.fromisoformat(card["as_of"]) if card else None,
            weights=_weights(card) if kind == "health" else [],
            tried=_tried(card) if kind == "health" else [],
            keys=_keys(card) if kind == "profit" else [],
        )

    return router


def _named(feature: str) -> str:
    return feature.replace("_", " ")


def _moved(value: float) -> str:
    return next(words for edge, words in DRIFT if value >= edge)


def _share(value: float | None) -> str:
    return str(units.written(None if value is None else 100 * value, "percent"))


def _number(value: Any, digits: int = 3) -> str:
    return units.NONE if not isinstance(value, int | float) or value != value else f"{value:.{digits}f}"


def _horizons(kind: str, card: Mapping[str, Any]) -> list[dict[str, Any]]:
    if kind == SNAPSHOT:
        return [_horizon(card)] if card else []
    if kind != HORIZONS or not card:
        return []
    every = card.get("horizons", {})
    main = every.get(str(card.get("main")), {})
    instead = "A rule stands for it." if "why_not" in main else f"Its chances follow from those of {card['main']} days."
    return [_horizon(h) | {"instead": instead} for h in every.values()]


def _horizon(card: Mapping[str, Any]) -> dict[str, Any]:
    seen = card.get("judged", {})
    lead = card.get("lead_days", {})
    missed = card.get("missed", {})
    return {
        "title": f"Who {card.get('event', 'leaves')} within {card['days']} days"
        if "days" in card
        else f"Who has {card['outcome']} in {card['file']}",
        "why_not": card.get("why_not", ""),
        "examples": card["examples"],
        "left": card["left"],
        "kind": BEST.get(card.get("kind", ""), ""),
        "validated": card.get("validated", ""),
        "auc": _area(seen),
        "slope": _number(seen.get("slope"), 2),
        "error": _share(seen.get("calibration_error")),
        "curve": [(row["n"], _share(row["predicted"]), _share(row["observed"])) for row in seen.get("curve", [])],
        "lift": [
            (_share(row["looked_at"]), _share(row["found"]), _number(row["lift"], 1))
            for row in seen.get("lift", [])[:5]
        ],
        "lead": f"{lead['median']:.0f} days (half of them {lead['lower']:.0f} to {lead['upper']:.0f})"
        if lead.get("n")
        else "",
        "missed": missed.get("missed"),
        "leavers": missed.get("leavers"),
        "differ": [(_named(row["feature"]), f"{row['standard_deviations']:+.1f}") for row in missed.get("differ", [])],
        "drivers": [
            (_named(row["feature"]), row["how"], f"{row['weight']:+.2f}") for row in card.get("drivers", [])[:10]
        ],
        "leaks": [(_named(name), _number(area)) for name, area in card.get("leaks", {}).items()],
    }


def _sign(row: Mapping[str, Any]) -> dict[str, Any]:
    lead = row["lead_days"]
    low, high = (None if row[name] is None else 100 * row[name] for name in ("low", "high"))
    return {
        "words": row["words"],
        "shown": row["shown"],
        "precision": _share(row["precision"]),
        "days": row["days"],
        "range": units.spread(low, high, "percent"),
        "usual": _share(row["usual"]),
        "found": _share(row["found"]),
        "lead": units.NONE if lead is None else f"{lead:.0f} days",
    }


def _parameter(value: float | None, none: str = units.NONE) -> str:
    if value is None or value != value:
        return none
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _fits(card: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for model, told in card.get("models", {}).items():
        parameters = [
            (part, name, _parameter(p["value"]), _parameter(p["error"], "not bounded by the data"))
            for part, fit in told.items()
            if isinstance(fit, dict)
            for name, p in fit["parameters"].items()
        ]
        found.append(
            {"model": model, "customers": told["customers"], "why_not": told["why_not"], "parameters": parameters}
        )
    return found


def _group(row: Mapping[str, Any], currency: str | None) -> dict[str, Any]:
    months = row["payback_months"]
    return {
        "group": row["group"] or "not known",
        "customers": row["customers"],
        "value": str(units.written(row["value"], "money", currency)),
        "range": units.spread(row["low"], row["high"], "money", currency),
        "acquisition": str(units.written(row["acquisition"], "money", currency)),
        "payback": units.NONE if months is None else f"{months:.1f} months",
    }


def _weights(card: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    learned = card.get("learned", {}).get("weights", {})
    windows = card.get("windows", {})
    return [
        (name, windows.get(name, ""), _share(weight), _share(learned.get(name)))
        for name, weight in card.get("weights", {}).items()
    ]


def _tried(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    learned = card.get("learned", {})
    return [(name, _area(learned[name])) for name in ("formula", "learned") if name in learned]


def _area(seen: Mapping[str, Any]) -> str:
    return f"{_number(seen.get('auc'))} ({_number(seen.get('auc_low'))} to {_number(seen.get('auc_high'))})"


def _keys(card: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (_named(name), str(units.written(card["total"][name], "money", card.get("currency"))), f"{at_loss:,}")
        for name, at_loss in card.get("at_loss", {}).items()
    ]
