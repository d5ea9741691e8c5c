"""Options that a survey makes itself, each under a key that stays when its words change."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from wellheard.surveys.question import Asked, Options

OTHER = "other"
Key = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]


class Offered(Options):
    """The options by key, in order; with `other`, one more that asks for a text."""

    choices: tuple[Key, ...] = Field(min_length=2, max_length=40)
    other: bool = False

    @field_validator("choices")
    @classmethod
    def _different(cls, choices: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(choices)) != len(choices) or OTHER in choices:
            raise ValueError("the choices must differ; for `other` say other = true")
        return choices

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that can be picked."""
        return (*self.choices, OTHER) if self.other else self.choices


def option_words(asked: Asked, keys: tuple[str, ...], outcomes: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """Options as pages show them."""
    told = outcomes or {}
    return [{"value": key, "label": asked.word(key) or key, "outcome": told.get(key)} for key in keys]
