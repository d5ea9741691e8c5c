"""What kind of text it is, and whether it disagrees with the rating beside it."""

from __future__ import annotations

import re

from wellheard.enrich.text.reading import Read

_ASKS = re.compile(
    r"\?|(?:^|[.!,;:]\s+|\b(?:hi|hello|hey|and|so)\s+)"
    r"(?:how|what|where|when|which|who|why|can|could|do|does|did|is|are|will|would|may|should)\s+"
    r"(?:i|you|we|it|the|there|my|your|this|that|a|an|is|are|do|does|much|many|long|to)\b",
    re.IGNORECASE,
)
_REQUESTS = re.compile(
    r"\b(?:please|pls|plz|kindly|i (?:need|would like|want|wish) to|could you|can you|would you|send me|call me)\b",
    re.IGNORECASE,
)
_SUGGESTS = re.compile(
    r"\b(?:it would be (?:nice|great|good|helpful|better)|would love to see|you (?:should|could)"
    r"|should (?:have|be|add|offer)"
    r"|i suggest|suggestion|wish (?:you|it|there)|why not|please add|needs? (?:a|an|more|better)\b)",
    re.IGNORECASE,
)


def issue_of(text: str, read: Read) -> str | None:
    """What kind a plain text is; None where nothing was read. A complaint that asks is a complaint."""
    if read.sentiment is None:
        return None
    if _SUGGESTS.search(text) and read.sentiment != "positive":
        return "suggestion"
    if read.sentiment == "negative":
        return "complaint"
    if _ASKS.search(text):
        return "question"
    if _REQUESTS.search(text):
        return "request"
    return "praise" if read.sentiment == "positive" else "statement"


def asks(text: str) -> bool:
    """Whether a plain text asks something."""
    return _ASKS.search(text) is not None


def band_of(score: float | None, low: float | None, high: float | None) -> str | None:
    """A rating on its scale in thirds: `low`, `middle` or `high`; None where it is not known."""
    if score is None or low is None or high is None or high <= low:
        return None
    share = (score - low) / (high - low)
    return "low" if share < 1 / 3 else "high" if share > 2 / 3 else "middle"


def disagrees(read: Read, band: str | None) -> bool | None:
    """Whether the text says the opposite of its rating; None where one of them is not known."""
    if band is None or read.sentiment is None:
        return None
    return (read.sentiment, band) in (("positive", "low"), ("negative", "high"))
