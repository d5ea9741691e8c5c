"""Puts the widget's script together: the frame, the drawing of every question type, and the style.

It is put on a page as `<script src=".../widget/wellheard-HASH.js" data-survey="KEY" async></script>`, with
`data-identity` where the site's server has signed who is there (`surveys/identity.py`), `data-delay` in seconds,
`data-again` in days, `data-language` and `data-touchpoint`; or a page calls `wellheard.show({survey: "KEY"})`. It reads
`GET s/KEY/widget?lang=`, which answers `shown`, and sends `POST s/KEY/answers` with the fields of
`surveys.collect.Sent`: each page of the survey under a new key, with the `edit` that the answer to the one before gave.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wellheard.surveys.catalogue import part_of, question_types
from wellheard.surveys.display import shown_survey, shown_thanks
from wellheard.surveys.survey import Survey
from wellheard.web.survey_page import ink_on

HERE = Path(__file__).parent
COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    """The script's text, and its file name, which changes with it: browsers may keep it for ever."""

    name: str
    text: str


@cache
def widget_script() -> Script:
    """The script with all question types."""
    style = "".join(line.strip() for line in (HERE / "widget.css").read_text("utf-8").splitlines())
    drawn = "".join(part_of(name, "widget.js").read_text("utf-8") for name in question_types())
    frame = (HERE / "widget.js").read_text("utf-8")
    text = frame.replace("CSS_TEXT", json.dumps(style)).replace("\nTYPES\n", f"\n{drawn}")
    text = "\n".join(line.strip() for line in COMMENT.sub("", text).splitlines() if line.strip()) + "\n"
    return Script(f"wellheard-{hashlib.sha256(text.encode()).hexdigest()[:12]}.js", text)


def shown(survey: Survey, language: str) -> dict[str, Any]:
    """What the widget is told of a survey, as plain values."""
    return shown_survey(survey, language) | {
        "on": ink_on(survey.branding.accent),
        "ended": shown_thanks(survey, None, language),
    }
