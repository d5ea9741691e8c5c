"""Saved segments: filters with a name, in one TOML file of the home, that every surface can group and filter by."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from wellheard.base.errors import BadCall, BadInput, Place, Unknown
from wellheard.metrics.names import SEGMENTS
from wellheard.metrics.where import names_in, parse

NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
HINT = 'a line is NAME = "FILTER", such as vip = "tier = \'gold\'"'


def read_segments(path: Path) -> dict[str, str]:
    """The saved segments by name; none where there is no file. Raises BadInput for a file that is wrong."""
    try:
        told = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", hint=HINT, place=Place(str(path))) from None
    for name, text in told.items():
        try:
            _check(name, text)
        except BadCall as error:
            raise BadInput(error.message, hint=error.hint or HINT, place=Place(str(path), column=name)) from None
    return told


def save_segment(path: Path, name: str, where: str) -> None:
    """Keeps a filter under a name, in place of an earlier one. Raises BadCall for a filter that cannot be read."""
    _check(name, where)
    _write(path, {**read_segments(path), name: where})


def remove_segment(path: Path, name: str) -> None:
    """Forgets a saved segment. Raises Unknown where there is none of that name."""
    kept = read_segments(path)
    if name not in kept:
        raise Unknown(
            f"there is no saved segment {name!r}", hint=f"there are: {', '.join(kept) or 'none'}", field="name"
        )
    _write(path, {n: text for n, text in kept.items() if n != name})


def _check(name: str, where: object) -> None:
    if not NAME.fullmatch(name):
        raise BadCall(f"{name!r} is no name for a segment", hint="small letters, digits and _", field="name")
    if not isinstance(where, str):
        raise BadCall(f"{name} is no filter", hint=HINT, field="where")
    if any(n.startswith(f"{SEGMENTS}.") for n in names_in(parse(where))):
        raise BadCall(f"{name} is made of another segment", hint="write out what the other says", field="where")


def _write(path: Path, segments: Mapping[str, str]) -> None:
    lines = [f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in sorted(segments.items())]
    beside = path.with_suffix(".new")
    beside.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    os.replace(beside, path)  # a reader sees the old file or the new one, never half of one
