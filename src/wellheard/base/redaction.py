"""Takes secrets out of texts before they reach a log or an error."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any

from wellheard.base.errors import WellheardError

HIDDEN = "***"
_WORDS = (
    r"passw(?:or)?d|pwd|passphrase|secret|token|api[-_]?key|apikey|access[-_]?key|private[-_]?key|authori[sz]ation"
    r"|credential|signature|cookie|session[-_]?id|otp"
)
_NAMED = re.compile(rf"[\w.-]*(?:{_WORDS})[\w.-]*", re.IGNORECASE)
_SHORT = frozenset({"auth", "sig", "key", "code", "jwt", "state", "assertion", "session", "sid"})
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    # A whole header line: its value may hold spaces.
    (re.compile(r"(?im)\b((?:proxy-)?authorization|(?:set-)?cookie)(\s*:\s*)[^\r\n\"'}]+"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic|digest|negotiate)(\s+)[A-Za-z0-9+/._~=-]{6,}"), rf"\1\2{HIDDEN}"),
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s/?#@]+@"), rf"\1{HIDDEN}@"),
    # name=value, name: value, "name": "value" and 'name': 'value'
    (
        re.compile(rf"(?i)([\w.-]*(?:{_WORDS})[\w.-]*)([\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s&;,\"'}})\]]+)"),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(r"(?i)([?&](?:auth|sig|key|code|jwt|state|assertion|session|sid)=)[^\s&#\"']+"), rf"\1{HIDDEN}"),
    # Tokens that show by their own shape: JSON web tokens, and the prefixes that large vendors give theirs.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"), HIDDEN),
    (re.compile(r"\b(?:sk|rk|pk|whsec|shpat|shpss|ghp|gho|ghs|glpat|xox[a-z])[-_][\w-]{10,}"), HIDDEN),
    (re.compile(r"\bAKIA[A-Z0-9]{16}\b"), HIDDEN),
    (re.compile(r"(?i)(hooks\.slack\.com/services/|/bot)[\w:/-]{20,}"), rf"\1{HIDDEN}"),
)


def redact(text: str) -> str:
    """The text with passwords, tokens, keys, cookies and credentials of URLs hidden."""
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text


def trace_of(error: BaseException) -> str:
    """Where an error came from and what it is, with those that led to it, for a log.

    Only our own errors say their words: a library's may repeat the row, address or password that it failed on.
    """
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    before = trace_of(earlier) + "\nwhich led to\n" if earlier is not None else ""
    words = f": {redact(error.message)}" if isinstance(error, WellheardError) else ""
    return before + "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__ + words


def names_secret(name: str) -> bool:
    """Whether a header, field or parameter of this name holds a secret."""
    return name.lower() in _SHORT or _NAMED.fullmatch(name) is not None


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hides secrets in all that is about to be logged."""
    return {key: HIDDEN if _NAMED.fullmatch(key) and value else _hidden(value) for key, value in event.items()}


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "replace"))
    if isinstance(value, Mapping):
        return {key: HIDDEN if names_secret(str(key)) and part else _hidden(part) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden(part) for part in value]
    return value
