"""Which things a comment names: products, features, places, amounts and people, each with how its clause speaks of it.

Found by lists and by form, and not by a model, so that each finding can be pointed at: products are those of the
workspace's own rows, features the words of the aspects. Whoever is named stays hidden, `[name]`, where a title, a role
or a verb such as "spoke to" says that a name follows; no other name is known as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from wellheard.enrich.text.aspects import clauses
from wellheard.enrich.text.reading import Read

NAME = "[name]"
KINDS = ("product", "feature", "place", "amount", "person")
MOST = 30
_ROLES = (
    "agent|assistant|barista|cashier|chef|cleaner|colleague|consultant|courier|doctor|driver|employee|guide|host|"
    "hostess|manager|nurse|receptionist|salesman|saleswoman|teacher|technician|therapist|waiter|waitress"
)
_TITLES = r"mr|mrs|ms|miss|mx|dr|prof|sir|madam"
_PERSON = re.compile(
    rf"\b(?i:(?P<title>{_TITLES})\.?|(?:the |our |your )?(?P<role>{_ROLES}),?(?: named| called)?|named|called|"
    r"(?:spoke|talked|chatted) (?:to|with)|helped by|served by|thanks to|thank you,?|my name is)\s+"
    r"(?P<name>[A-Z][a-zà-ÿ'-]+(?: [A-Z][a-zà-ÿ'-]+)?)"
)
# Whoever writes "from" or "to" may as well name a person: there, the name itself must say that it is a place.
_CAPITAL = r"[A-ZÀ-Þ][a-zà-ÿ'-]+"
_GROUND = r"(?:Street|Road|Square|Airport|Station)"
_PLACE = re.compile(
    rf"\b(?:(?:in|at|near|around|outside)\s+(?:the\s+)?(?P<name>{_CAPITAL}(?: {_CAPITAL})*)"
    rf"|(?:from|to)\s+(?:the\s+)?(?P<ground>{_CAPITAL}(?: {_CAPITAL})*? {_GROUND}))\b"
)
_AMOUNT = re.compile(
    r"(?:[€$£¥]\s?\d[\d.,]*\d|[€$£¥]\s?\d|\b\d[\d.,]*\s?(?:€|£|%|percent\b|euros?\b|dollars?\b|pounds?\b|eur\b|usd\b|gbp\b))",
    re.IGNORECASE,
)
# What begins with a capital letter after "in" or "at" without being a place.
_TIMES = frozenset({
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march",
    "april", "may", "june", "july", "august", "september", "october", "november", "december", "christmas", "easter",
    "english", "german", "french", "spanish", "italian", "i",
})  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Entity:
    """A thing that a comment names: `kind` of `KINDS`, the `words` as they stand there, the aspect of a feature, and
    sentiment and valence (−1 to 1) of the clause it stands in; None where that was not read."""

    kind: str
    words: str
    aspect: str | None = None
    sentiment: str | None = None
    valence: float | None = None


def entities(
    text: str, read: Callable[[Sequence[str]], Sequence[Read]], features: Mapping[str, str], products: Sequence[str]
) -> list[Entity]:
    """The things that a plain text names, in their order, each once a clause, at most 30.

    `features` are the words of aspects, `products` the names known in the workspace; `read` reads clauses.
    """
    parts = clauses(text)
    found = []
    for clause, said in zip(parts, read(parts), strict=True):
        for kind, words, aspect in dict.fromkeys(named(clause, features, products)):
            found.append(Entity(kind, words, aspect, said.sentiment, said.valence))
    return found[:MOST]


def named(clause: str, features: Mapping[str, str], products: Sequence[str]) -> Iterator[tuple[str, str, str | None]]:
    """Kind, words and aspect of each thing in one clause; what is one kind is not named as another again."""
    left = clause
    for name in sorted(products, key=len, reverse=True):
        if found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", left, re.IGNORECASE):
            yield "product", found[0], None
            left = left.replace(found[0], " ; ")
    for person in _PERSON.finditer(left):
        about = person["role"] or person["title"]
        yield "person", f"{about.lower()} {NAME}" if about else NAME, None
    left = _PERSON.sub(" ; ", left)
    for place in _PLACE.finditer(left):
        name = place["name"] or place["ground"]
        first = name.split()[0].lower()
        if first not in _TIMES and first not in features:
            yield "place", name, None
    for amount in _AMOUNT.finditer(left):
        yield "amount", amount[0], None
    for word in _WORD.findall(left):
        if (aspect := features.get(word.lower())) is not None:
            yield "feature", word.lower(), aspect
