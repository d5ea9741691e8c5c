"""The designer's fields of when a survey asks: read from the form, and shown as the form takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData

from wellheard.surveys.cadence import PERSON_TRAITS, Asking
from wellheard.surveys.channel import channels
from wellheard.surveys.trigger import triggers

NUMBERS = ("after_hours", "every_days", "spread_days", "sample", "priority", "reminders", "remind_days", "expire_days")
TEXTS = ("begins", "quiet_from", "quiet_to")
QUOTA = re.compile(r"(\d{1,8})\s+(?:in\s+)?(\d{1,3})\s*(?:days?)?\s*(.*)")


def asking_in(form: FormData, draft: Any) -> Any:
    """What the fields say; the draft's own where the form has none, and nothing where no trigger is chosen.

    What cannot be read is kept as it was typed, so that saving says what is wrong with it.
    """
    if "k.trigger" not in form:
        return draft
    trigger = _text(form, "trigger")
    if not trigger:
        return None
    told: dict[str, Any] = {"trigger": trigger, "channels": [str(value) for value in form.getlist("k.channels")]}
    told |= {name: _number(_text(form, name)) for name in NUMBERS if _text(form, name)}
    told |= {name: _text(form, name) for name in TEXTS if _text(form, name)}
    told["only"] = _only(_text(form, "only"))
    told["quotas"] = [_quota(line) for line in filter(None, map(str.strip, _text(form, "quotas").splitlines()))]
    return told


def shown_asking(draft: Any, lacks: Mapping[str, str]) -> dict[str, Any]:
    """What the page shows: every trigger and channel, and the values of the draft."""
    given: dict[str, Any] = draft if isinstance(draft, dict) else {}
    default = {name: field.default for name, field in Asking.model_fields.items()}
    values = {name: given.get(name, default.get(name)) for name in (*NUMBERS, *TEXTS)}
    chosen = given.get("channels") or ["email"]
    ways = [*chosen, *(name for name in channels() if name not in chosen)]  # in order of preference
    return {
        "trigger": given.get("trigger", ""),
        "triggers": [(name, trigger.title, trigger.words) for name, trigger in triggers().items()],
        "channels": [
            (name, channels()[name].title, channels()[name].words, name in chosen, lacks.get(name, ""))
            for name in ways
            if name in channels() and channels()[name].carried
        ],
        "values": {name: "" if value is None else _plain(value) for name, value in values.items()},
        "only": "\n".join(f"{name}: {', '.join(values)}" for name, values in (given.get("only") or {}).items()),
        "quotas": "\n".join(_line(quota) for quota in given.get("quotas") or ()),
        "traits": ", ".join(_traits(given.get("trigger", ""))),
    }


def _traits(trigger: str) -> list[str]:
    return [*PERSON_TRAITS, *(triggers()[trigger].traits if trigger in triggers() else ())]


def _only(text: str) -> dict[str, list[str]]:
    """Lines such as `segment: large, small`."""
    parted = (line.partition(":") for line in filter(None, map(str.strip, text.splitlines())))
    return {name.strip(): [v for v in map(str.strip, values.split(",")) if v] for name, _, values in parted}


def _quota(line: str) -> Any:
    """A line such as `500 in 30 days segment=large`; the line itself where it says something else."""
    read = QUOTA.fullmatch(line)
    if read is None:
        return line
    traits = dict(part.partition("=")[::2] for part in filter(None, map(str.strip, read.group(3).split(","))))
    return {"most": int(read.group(1)), "days": int(read.group(2)), "traits": traits}


def _line(quota: Any) -> str:
    if not isinstance(quota, dict):
        return str(quota)
    whom = ", ".join(f"{name}={value}" for name, value in (quota.get("traits") or {}).items())
    return f"{quota['most']} in {quota['days']} days {whom}".strip()


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _number(text: str) -> Any:
    if re.fullmatch(r"-?\d{1,6}", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,6}\.\d{1,4}", text) else text


def _text(form: FormData, name: str) -> str:
    return str(form.get(f"k.{name}", "")).strip()
