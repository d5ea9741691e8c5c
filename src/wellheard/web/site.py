"""What every page shares: the services, the figures, the templates and the head with what the data are."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from wellheard.reports import units
from wellheard.reports.charts import Chart
from wellheard.reports.drawing import svg
from wellheard.web.figures import Figures
from wellheard.web.forms import Tokens, remember
from wellheard.web.services import Services
from wellheard.web.standing import question_of

HERE = Path(__file__).parent
STATIC = {
    **{path.name: path for path in sorted((HERE / "assets").iterdir())},
    **{path.name: path for path in sorted((HERE / "vendor").iterdir()) if path.suffix in (".js", ".woff2")},
}
NAMED = re.compile(r"`([^`]+)`")
NAVIGATION = (
    ("/", "Scorecard"),
    ("/kpis", "KPIs"),
    ("/targets", "Targets"),
    ("/customers", "Customers"),
    ("/surveys", "Surveys"),
    ("/comments", "Comments"),
    ("/topics", "Topics"),
    ("/cases", "Cases"),
    ("/rules", "Rules"),
    ("/import", "Import"),
    ("/identity", "Identity"),
)


class Site:
    """One workspace's pages. `page` makes a whole page, `part` a piece of one."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.figures = Figures(services)
        self.tokens = Tokens()
        self.ending = threading.Event()
        self.closing: list[Callable[[], None]] = [self.figures.close, services.loop.close]
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"day": _day, "moment": _moment, "count": _count, "worded": worded}
        self._templates.globals |= {
            "asset": asset,
            "written": units.written,
            "spread": units.spread,
            "change": units.change,
            "navigation": NAVIGATION,
            "drawn": drawn,
        }

    def page(self, request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
        """A whole page; `template` extends layout.html."""
        cookie, token = self.tokens.of(request)
        head = {
            "workspace_name": self.services.settings.workspace_name,
            "simulated": self.services.simulated(),
            "data_up_to": _or_none(self.figures.data_up_to),
            "here": request.url.path,
            "form_token": token,
        }
        response = HTMLResponse(self._templates.get_template(template).render(**(head | context)), status)
        response.headers["cache-control"] = "no-store"
        remember(response, cookie)
        return response

    def part(self, template: str, **context: Any) -> HTMLResponse:
        """A piece of a page."""
        return HTMLResponse(self.piece(template, **context), headers={"cache-control": "no-store"})

    def piece(self, template: str, **context: Any) -> Markup:
        """A piece of a page as markup, to be set into one."""
        return Markup(self._templates.get_template(template).render(**context))

    def warm(self) -> None:
        """Begins what the scorecard shows, so that it stands when somebody looks."""
        for kpi in self.services.kpis():
            if self.ending.is_set():
                return
            end = self.figures.data_end(kpi.name)
            if end is not None:
                self.figures.start(question_of(kpi, end), later=True)

    def close(self) -> None:
        """Ends what pages began."""
        for close in self.closing:
            close()


def drawn(chart: Chart, css_class: str = "") -> Markup:
    """A chart as markup; its texts were escaped by the XML writer."""
    return Markup(svg(chart, css_class))


def asset(name: str) -> str:
    """The address of a file of ours, with its content's mark, so that browsers may keep it for ever."""
    return f"/static/{_mark(name, STATIC[name].stat().st_mtime_ns)}/{name}"


@lru_cache
def _mark(name: str, _changed: int) -> str:
    return hashlib.sha256(STATIC[name].read_bytes()).hexdigest()[:12]


def _or_none(make: Any) -> Any:
    """The head of an error page must not fail for the reason of the page."""
    try:
        return make()
    except Exception:  # noqa: BLE001
        return None


def _day(day: date) -> str:
    return units.day_name(day)


def _moment(moment: datetime) -> str:
    return f"{units.day_name(moment.date())}, {moment:%H:%M} UTC"


def worded(text: str) -> Markup:
    """A sentence of a definition as HTML: what stands between backticks is a name, set as one."""
    return Markup(NAMED.sub(r"<code>\1</code>", str(escape(text))))


def _count(number: int) -> str:
    return f"{number:,}"
