"""Whom to tell: names that rules and cases use, each with the connection by which it is reached.

They stand in `colleagues.toml` of the home: `[anna]` with `through`, `to` and, for a team, `members`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from wellheard.base.errors import BadInput, Place

FILE = "colleagues.toml"
MENTION = re.compile(r"(?<![\w@.])@([\w.-]{1,60}\w|\w)")


class Colleague(BaseModel):
    """A person or team: how it is reached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    through: str
    to: str = ""
    members: tuple[str, ...] = ()


def colleagues_in(home: Path) -> dict[str, Colleague]:
    """The colleagues by name; none where there is no file. Raises BadInput."""
    path = home / FILE
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        return {name: Colleague.model_validate(entry) for name, entry in told.items()}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadInput(f"cannot be read: {error}", place=Place(FILE)) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", place=Place(FILE)) from None


def mentioned(text: str, known: Mapping[str, Colleague]) -> list[str]:
    """The colleagues that a comment names with an @, once each."""
    return [name for name in dict.fromkeys(MENTION.findall(text)) if name in known]
