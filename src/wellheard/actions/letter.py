"""Texts with merge fields: `{name}` becomes what is known, and nothing else of a text is ever a program."""

from __future__ import annotations

import re
from collections.abc import Mapping

from wellheard.base.errors import BadCall

FIELD = re.compile(r"\{([a-z_]+)(?:\|([^{}]*))?\}")


def filled(text: str, fields: Mapping[str, str]) -> str:
    """The text with its fields filled in; `{name|there}` says what stands where a name is not known.

    Each field is filled in once: what a value holds is never read as a field.
    """
    return FIELD.sub(lambda found: fields.get(found[1]) or found[2] or "", text)


def check_fields(text: str, known: frozenset[str]) -> None:
    """Raises BadCall for a field that there is not, or a brace that begins none."""
    for found in FIELD.finditer(text):
        if found[1] not in known:
            hint = f"there are: {', '.join(sorted(known))}"
            raise BadCall(f"the text has a field {{{found[1]}}} that there is not", hint=hint, field="text")
    if "{" in FIELD.sub("", text) or "}" in FIELD.sub("", text):
        raise BadCall("the text has a brace that begins no field", hint="write {name}", field="text")
