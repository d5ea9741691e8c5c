"""The KPIs chosen for the scorecard, in a TOML file of the home."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

from wellheard.base.errors import BadInput, Place


def read_choice(path: Path) -> tuple[str, ...]:
    """The names chosen, in order; none where there is no file. Raises BadInput for a file that is wrong."""
    try:
        told = tomllib.loads(path.read_text("utf-8")).get("kpis", [])
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", place=Place(str(path))) from None
    if not isinstance(told, list) or not all(isinstance(name, str) for name in told):
        raise BadInput("kpis is no list of names", hint='write kpis = ["nps", "csat"]', place=Place(str(path)))
    return tuple(dict.fromkeys(told))


def write_choice(path: Path, names: Sequence[str]) -> None:
    """Keeps the names; without any, the file says that all are shown."""
    beside = path.with_suffix(".new")
    beside.write_text(f"kpis = {json.dumps(list(dict.fromkeys(names)))}\n", encoding="utf-8")
    os.replace(beside, path)  # a reader sees the old file or the new one, never half of one
