"""What the columns of an export ask: recognised by their words and their values, or told, and never guessed from one.

A column counts for a KPI only where wording and values both say so. Everything else comes in as `custom`, which no KPI
counts, until somebody says what it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from wellheard.base.errors import BadCall

KINDS = ("nps", "csat", "ces", "emotion", "intent", "fcr", "custom")
FORMS = ("choice", "text", "skip")
TOLD = re.compile(r"([a-z]+)(?::(-?\d+)-(\d+))?(:low)?")
NUMBERED = re.compile(r"\s*(\d{1,2})(?:\.0+)?(?:\s*[-–—:.=]\s*\S.*)?\s*", re.DOTALL)

RECOMMENDS = re.compile(
    r"recommend|weiterempfehl|recommand|recomend|raccomand|consigli|aanbevel|polec|tavsiye|おすすめ|薦め|सिफारिश",
    re.IGNORECASE,
)
SATISFIED = re.compile(r"satisf|zufrieden|soddisfa|tevreden|zadowol|memnun|満足|संतुष्ट", re.IGNORECASE)
EASY = re.compile(
    r"\beas(y|e|ily)\b|\beinfach|\bfacile|\bfácil|\bmakkelijk|\bgemakkelijk|\błatw|\bkolay", re.IGNORECASE
)

LADDERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "csat": (
        ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
        ("very dissatisfied", "dissatisfied", "neither satisfied nor dissatisfied", "satisfied", "very satisfied"),
        ("very unsatisfied", "unsatisfied", "neutral", "satisfied", "very satisfied"),
        (
            "extremely dissatisfied", "somewhat dissatisfied", "neither satisfied nor dissatisfied",
            "somewhat satisfied", "extremely satisfied",
        ),
    ),
    "ces": (
        ("very difficult", "difficult", "neutral", "easy", "very easy"),
        ("very difficult", "difficult", "neither easy nor difficult", "easy", "very easy"),
        (
            "extremely difficult", "moderately difficult", "slightly difficult", "neither easy nor difficult",
            "slightly easy", "moderately easy", "extremely easy",
        ),
    ),
}  # fmt: skip
SCALES: Mapping[str, tuple[tuple[int, int], ...]] = {"csat": ((1, 5), (1, 7)), "ces": ((1, 5), (1, 7))}


@dataclass(frozen=True)
class Told:
    """What somebody said of a question: its kind or form, and its scale where one was given."""

    form: str
    low: int | None = None
    high: int | None = None
    direction: str | None = None


def told_of(text: str) -> Told:
    """What `nps`, `csat:1-7`, `ces:1-5:low`, `choice`, `text` and `skip` say. Raises BadCall for anything else."""
    found = TOLD.fullmatch(text.strip())
    if found is None or found[1] not in (*KINDS, *FORMS) or (found[2] and int(found[2]) >= int(found[3])):
        raise BadCall(
            f"{text!r} does not say what a question asks",
            hint=f"one of {', '.join((*KINDS, *FORMS))}; with a scale as csat:1-7, and ces:1-5:low where low is good",
            field="question",
        )
    low, high = (int(found[2]), int(found[3])) if found[2] else (None, None)
    return Told(found[1], low, high, "low_is_good" if found[4] else None)


@dataclass(frozen=True)
class Candidate:
    """A column that may be a question: its words, the different values in it, and what the export itself says it is.

    `key` is what a person calls it by, `id` what it is called in our tables.
    """

    column: str
    id: str
    words: str
    values: frozenset[str] | None
    hint: str = ""
    key: str = ""
    open_text: bool = False


@dataclass(frozen=True)
class Taken:
    """A question as it is taken: `form` is a kind, `choice`, `text` or `skip`; `why` says how that is known."""

    column: str
    id: str
    words: str
    form: str
    why: str
    low: int | None = None
    high: int | None = None
    direction: str | None = None
    main: bool = False
    ladder: tuple[str, ...] = ()
    key: str = ""

    @property
    def scored(self) -> bool:
        """Whether it is answered by a number."""
        return self.form not in FORMS

    def answer(self, text: str | None) -> dict[str, str | None] | None:
        """The columns of `survey_responses` that a cell fills; None where it was left empty."""
        said = (text or "").strip()
        if not said or self.form == "skip":
            return None
        row: dict[str, str | None] = {"question_id": self.id, "kind": "custom" if not self.scored else self.form}
        row["main"] = "true" if self.main else "false"
        if self.form == "text":
            return row | {"comment": said}
        if self.form == "choice":
            return row | {"choice": said}
        row |= {"score": score_of(said, self.ladder), "direction": self.direction}
        if self.low is not None:
            row |= {"scale_min": str(self.low), "scale_max": str(self.high)}
        return row


def score_of(said: str, ladder: Sequence[str] = ()) -> str:
    """The number in a cell: itself, the one before its words, or its place on a ladder of words; else as it stands."""
    if said.casefold() in ladder:
        return str(ladder.index(said.casefold()) + 1)
    found = NUMBERED.fullmatch(said)
    return found[1] if found else said


def taken(candidates: Iterable[Candidate], told: Mapping[str, Told]) -> tuple[Taken, ...]:
    """What each column asks; the first of a kind is the survey's main question of it.

    Raises BadCall where something is told of a question that the file does not have.
    """
    listed = list(candidates)
    known = {name for c in listed for name in (c.column, c.id, c.key)}
    for name in told:
        if name not in known:
            raise BadCall(
                f"the file has no question {name!r}",
                hint=f"its questions: {', '.join(c.key or c.column for c in listed)}",
                field="question",
            )
    found = []
    mains: set[str] = set()
    for candidate in listed:
        said = next((told[n] for n in (candidate.column, candidate.key, candidate.id) if n in told), None)
        one = _as_told(candidate, said) if said else _recognised(candidate)
        if one.scored and one.form not in mains:
            mains.add(one.form)
            one = replace(one, main=True)
        found.append(one)
    return tuple(found)


def _taken(c: Candidate, form: str, why: str) -> Taken:
    return Taken(c.column, c.id, c.words, form, why, key=c.key or c.column)


def _as_told(c: Candidate, said: Told) -> Taken:
    ladder = _ladder(c, said.form)
    high = len(ladder) or None
    low = said.low if said.low is not None else (1 if ladder else None)
    one = replace(_taken(c, said.form, "as you said"), ladder=ladder, direction=said.direction)
    return replace(one, low=low, high=said.high if said.high is not None else high)


def _recognised(c: Candidate) -> Taken:
    numbers = _numbers(c.values)
    if c.open_text:
        return _taken(c, "text", "an open question")
    if c.values is not None and not c.values:
        return _taken(c, "skip", "nobody answered it")
    if c.hint == "nps" or (RECOMMENDS.search(c.words) and numbers and min(numbers) >= 0 and max(numbers) <= 10):
        why = "the export says so" if c.hint == "nps" else "it asks for a recommendation, and its answers are 0 to 10"
        return replace(_taken(c, "nps", why), low=0, high=10)
    for kind, asks in (("csat", SATISFIED), ("ces", EASY)):
        if c.hint == kind or asks.search(c.words):
            if ladder := _ladder(c, kind):
                return replace(_taken(c, kind, "by the words of its answers"), low=1, high=len(ladder), ladder=ladder)
            scale = next((s for s in SCALES[kind] if numbers and min(numbers) >= s[0] and max(numbers) == s[1]), None)
            if scale:
                why = f"its words ask for it, and its answers are {scale[0]} to {scale[1]}"
                return replace(_taken(c, kind, why), low=scale[0], high=scale[1])
    if numbers:
        return _taken(c, "custom", "a number; say which KPI it feeds, if one")
    form = "text" if c.values is None or any(len(v) > 120 for v in c.values) else "choice"
    return _taken(c, form, "different texts" if form == "text" else "one of some answers")


def _ladder(c: Candidate, kind: str) -> tuple[str, ...]:
    """The ladder of words on which all answers stand."""
    said = {value.casefold() for value in c.values or ()}
    return next((ladder for ladder in LADDERS.get(kind, ()) if said and said <= set(ladder)), ())


def _numbers(values: frozenset[str] | None) -> list[int]:
    """The numbers that the values are; none where one of them is no small whole number."""
    if not values:
        return []
    found = [NUMBERED.fullmatch(value) for value in values]
    return [int(one[1]) for one in found if one] if all(found) else []
