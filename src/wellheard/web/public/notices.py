"""Small public pages that are no survey: what went wrong, leaving, and deleting an anonymous answer."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from wellheard.web import survey_page

HERE = Path(__file__).parent
LOOKS = survey_page.HERE
ACCENT = "#1f5c57"


def notice(
    title: str,
    text: str,
    status: int = 200,
    *,
    action: str = "",
    button: str = "",
    asks: str = "",
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """A page with one sentence, and where `action` is given a form with one button; `asks` labels its one field."""
    style = f":root{{--accent:{ACCENT};--on:{survey_page.ink_on(ACCENT)}}}{_style()}"
    html = _templates().get_template("notice.html").render(
        language="en", dir="ltr", title=title, text=text, style=Markup(style), languages=[], action=action,
        button=button, asks=asks,
    )  # fmt: skip
    mark = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{mark}'; form-action 'self'; base-uri 'none'"
    told = {
        "content-security-policy": f"{policy}; frame-ancestors 'none'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-robots-tag": "noindex",
    }
    return HTMLResponse(html, status, headers={**told, **(headers or {})})


@cache
def _style() -> str:
    return "".join(line.strip() for line in (LOOKS / "survey.css").read_text("utf-8").splitlines())


@cache
def _templates() -> Environment:
    return Environment(loader=FileSystemLoader([HERE, LOOKS]), autoescape=True, undefined=StrictUndefined)
