"""Who was asked and who was not, with every reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from wellheard.surveys.reasons import reason_words
from wellheard.web.site import Site

MOST = 200
A_MONTH = timedelta(days=30)


def routes(site: Site) -> APIRouter:
    """The page. Its file stands before the designer's in the order of their names, as its address must."""
    router = APIRouter()

    @router.get("/surveys/asked")
    def asked(request: Request, survey: str = "", only: str = "") -> HTMLResponse:
        services = site.services
        since = datetime.now(UTC) - A_MONTH
        entries = services.asking.entries(survey or None, False if only == "no" else None, MOST)
        return site.page(
            request,
            "asked.html",
            counted=_counted(services.asking.reasons(since)),
            entries=entries,
            survey=survey,
            only="no" if only == "no" else "",
            person=_clocks(services.settings.asks_per_person),
            company=_clocks(services.settings.asks_per_company),
            said=reason_words,
        )

    return router


def _counted(reasons: Mapping[tuple[str, str], int]) -> list[tuple[str, int, int, list[tuple[str, int]]]]:
    by_survey: dict[str, dict[str, int]] = defaultdict(dict)
    for (survey, reason), number in reasons.items():
        by_survey[survey][reason] = number
    found = []
    for survey, numbers in sorted(by_survey.items()):
        why = sorted(((r, n) for r, n in numbers.items() if r), key=lambda one: -one[1])
        found.append((survey, numbers.get("", 0), sum(n for _, n in why), why))
    return found


def _clocks(clocks: Mapping[int, int]) -> str:
    """`once in 7 days, 2 times in 30 days`."""
    each = [f"{'once' if most == 1 else f'{most} times'} in {days} days" for days, most in sorted(clocks.items())]
    return ", ".join(each) or "as often as you like"
