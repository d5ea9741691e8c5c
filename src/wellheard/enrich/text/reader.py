"""Reads texts: language first, then what says nothing, then the model sentence by sentence; the same words once.

A text in a language that no model here can read is not scored, and says so; the English model never sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from wellheard.enrich.text.aspects import aspects_named, aspects_of, clauses, vocabulary
from wellheard.enrich.text.cleaning import for_model, plain, says_nothing, sentences
from wellheard.enrich.text.decoding import reads
from wellheard.enrich.text.graph import Graph, Numbers, graph_in
from wellheard.enrich.text.kept import Kept
from wellheard.enrich.text.languages import language_of
from wellheard.enrich.text.lexicon import NAME as LEXICON
from wellheard.enrich.text.lexicon import lexicon_read
from wellheard.enrich.text.reading import NO_CONTENT, Read, overall

ROUND = 512  # texts that are read before their readings are kept


class Head(Protocol):
    """A reader of one language that was trained at home."""

    @property
    def name(self) -> str:
        """The name that its readings bear."""

    def read(self, texts: Sequence[str]) -> list[Read]:
        """What it reads in plain texts of its language."""


Service = Callable[[Sequence[str]], list[Read | None]]


@dataclass
class Reader:
    """Everything by which texts are read here.

    `heads` holds, by language, what was trained at home; one for English is asked instead of the model's own sentiment.
    `service` is an outside model that is asked first where one was set; what it does not answer our model reads.
    """

    graph: Graph | None = field(default_factory=graph_in)
    kept: Kept = field(default_factory=Kept)
    expected: str = "en"
    heads: Mapping[str, Head] = field(default_factory=dict)
    service: Service | None = None
    service_name: str = ""
    aspects: Path | None = None

    @property
    def model(self) -> str:
        """The name that every reading bears by default: model and heads, so that a change of either is a new name."""
        base = self.service_name or (self.graph.name if self.graph else LEXICON)
        return "+".join([base, *(head.name for _, head in sorted(self.heads.items()))])

    def read(self, texts: Sequence[str], declared: Sequence[str | None] | None = None) -> list[Read]:
        """What is in each text, in their order. `declared` are their languages where they are known."""
        said = list(declared) if declared is not None else [None] * len(texts)
        keys = [self.kept.key(self.model, lang or "", text) for text, lang in zip(texts, said, strict=True)]
        found = self.kept.reads(list(dict.fromkeys(keys)))
        new = {key: (text, lang) for key, text, lang in zip(keys, texts, said, strict=True) if key not in found}
        wanted = sorted(new, key=lambda key: (len(new[key][0]), new[key][0], new[key][1] or ""))
        for start in range(0, len(wanted), ROUND):
            part = wanted[start : start + ROUND]
            made = dict(zip(part, self._read([new[key] for key in part]), strict=True))
            self.kept.keep(made)
            found |= made
        return [found[key] for key in keys]

    def meanings(self, texts: Sequence[str]) -> list[Numbers]:
        """Each text's meaning, 384 numbers of length 1. Raises BadInput where the model has no embedder."""
        assert self.graph is not None
        cleaned = [for_model(plain(text)) for text in texts]
        keys = [self.kept.key("meaning", self.graph.name, text) for text in cleaned]
        found = self.kept.meanings(list(dict.fromkeys(keys)))
        new = {key: text for key, text in zip(keys, cleaned, strict=True) if key not in found}
        order = sorted(new, key=lambda key: (len(new[key]), new[key]))
        for start in range(0, len(order), ROUND):
            part = order[start : start + ROUND]
            meaning = self.graph.read([new[key] for key in part], meaning=True).meaning
            assert meaning is not None
            self.kept.keep_meanings(dict(zip(part, meaning, strict=True)))
        if order:
            found |= self.kept.meanings(order)
        return [found[key] for key in keys]

    def _read(self, given: Sequence[tuple[str, str | None]]) -> list[Read]:
        texts = [plain(text) for text, _ in given]
        found: list[Read | None] = [None] * len(given)
        by_language: dict[str, list[int]] = {}
        for n, (text, (_, declared)) in enumerate(zip(texts, given, strict=True)):
            if says_nothing(text):
                found[n] = Read(why=NO_CONTENT)
            else:
                by_language.setdefault(language_of(text, declared, self.expected), []).append(n)
        for language, places in by_language.items():
            made = self._in_language(language, [texts[n] for n in places])
            for n, read in zip(places, made, strict=True):
                found[n] = replace(read, language=language)
        return [read for read in found if read is not None]

    def _in_language(self, language: str, texts: list[str]) -> list[Read]:
        if self.service is not None:
            return self._by_service(language, texts)
        return self._at_home(language, texts)

    def _by_service(self, language: str, texts: list[str]) -> list[Read]:
        assert self.service is not None
        answered = self.service(texts)
        left = [n for n, read in enumerate(answered) if read is None]
        ours = dict(zip(left, self._at_home(language, [texts[n] for n in left]), strict=True)) if left else {}
        return [replace(r, model=self.service_name) if r is not None else ours[n] for n, r in enumerate(answered)]

    def _at_home(self, language: str, texts: list[str]) -> list[Read]:
        head = self.heads.get(language)
        if language != "en":
            if head is None:
                return [Read(why=f"language not supported: {language}") for _ in texts]
            return [replace(read, model=head.name) for read in head.read(texts)]
        found = self._english(texts)
        if head is None:
            return found
        own = head.read(texts)
        return [
            replace(ours, sentiment=h.sentiment, sure=h.sure, model=head.name)
            for ours, h in zip(found, own, strict=True)
        ]

    def _english(self, texts: list[str]) -> list[Read]:
        words = vocabulary(self.aspects)
        whole = [sentences(text) for text in texts]
        split = [[clause for clause in clauses(text) if aspects_named(clause, words)] for text in texts]
        # Read once what is both a sentence and a clause.
        pieces = {p: for_model(p) for parts in (*whole, *split) for p in parts}
        read = self._pieces(list(pieces.items()))
        name = self.graph.name if self.graph else LEXICON
        return [
            replace(
                overall([(len(part.split()), read[part]) for part in parts]),
                aspects=aspects_of([(clause, read[clause]) for clause in cut], words),
                model=name,
            )
            for parts, cut in zip(whole, split, strict=True)
        ]

    def pieces(self, texts: Sequence[str]) -> list[Read]:
        """What our own reader reads in each plain English text as a whole; nothing is kept or sent anywhere."""
        found = self._pieces([(text, for_model(text)) for text in dict.fromkeys(texts)])
        return [found[text] for text in texts]

    def _pieces(self, pieces: list[tuple[str, str]]) -> dict[str, Read]:
        if self.graph is None:
            return {piece: lexicon_read(piece) for piece, _ in pieces}
        cleaned = [text for _, text in pieces]
        made = reads(self.graph.read(cleaned), cleaned, self.graph.manifest)
        return dict(zip((piece for piece, _ in pieces), made, strict=True))
