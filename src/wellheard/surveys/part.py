"""What every piece of a survey's definition is: frozen, and with no field that is not known."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A piece of a definition."""

    model_config = ConfigDict(extra="forbid", frozen=True)
