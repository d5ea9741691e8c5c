"""Errors that a person can act on: what is wrong, where, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a problem was seen. Every part may be unknown."""

    file: str | None = None
    row: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        parts = [
            self.file,
            f"row {self.row}" if self.row is not None else None,
            f"column {self.column}" if self.column is not None else None,
        ]
        return ", ".join(part for part in parts if part)


class WellheardError(Exception):
    """The root of all errors we raise on purpose.

    `code` is stable and meant for programs, `message` says what is wrong, `hint` what to do next, `field` names the
    argument or setting at fault, `place` the file, row and column.
    """

    code = "error"
    exit_code = 1
    http_status = 500

    def __init__(self, message: str, *, hint: str = "", field: str | None = None, place: Place | None = None) -> None:
        self.message = message
        self.hint = hint
        self.field = field
        self.place = place or Place()
        super().__init__(str(self))

    def __str__(self) -> str:
        where = str(self.place)
        head = f"{where}: {self.message}" if where else self.message
        return f"{head}\n{self.hint}" if self.hint else head

    def as_json(self) -> dict[str, dict[str, str | None]]:
        """The one shape in which an error leaves by HTTP."""
        where = str(self.place)
        message = f"{where}: {self.message}" if where else self.message
        return {"error": {"code": self.code, "message": message, "hint": self.hint, "field": self.field}}


class BadCall(WellheardError):
    """The call itself is wrong: an unknown name, a missing option, a value of the wrong kind."""

    code = "bad_call"
    exit_code = 2
    http_status = 422


class Unknown(BadCall):
    """Something was named that does not exist."""

    code = "unknown"
    http_status = 404


class Ambiguous(BadCall):
    """The input can be read in more than one way, and we do not guess."""

    code = "ambiguous"


class BadInput(BadCall):
    """A file cannot be read as what it was said to be."""

    code = "bad_input"


class Busy(WellheardError):
    """Another process holds the store; the same call may succeed in a moment."""

    code = "busy"
    http_status = 503


class Refused(WellheardError):
    """The call is understood and not allowed."""

    code = "refused"
    exit_code = 2
    http_status = 403


class BrokenHome(WellheardError):
    """The deployment's folder cannot be opened: missing parts, a newer format, a bad setting."""

    code = "broken_home"
    exit_code = 1
