"""A workspace's texts as one object: read, found, put into topics, labelled and learned from."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np

from wellheard.base.egress import Egress
from wellheard.base.errors import BadCall, Unknown
from wellheard.base.settings import Settings
from wellheard.enrich.text import comments as found_comments
from wellheard.enrich.text import labels as labelling
from wellheard.enrich.text import scores, topics
from wellheard.enrich.text.aspects import vocabulary
from wellheard.enrich.text.cleaning import plain
from wellheard.enrich.text.comments import Comment, Wanted
from wellheard.enrich.text.conversation_words import Told, told_in
from wellheard.enrich.text.emerging import Volume, volumes
from wellheard.enrich.text.entities import Entity, entities
from wellheard.enrich.text.explaining import Spoke, words_that_moved
from wellheard.enrich.text.graph import FOLDER, graph_in
from wellheard.enrich.text.heads import BAND, Rated, Trial, label_head, language_head
from wellheard.enrich.text.issues import band_of
from wellheard.enrich.text.kept import Kept
from wellheard.enrich.text.languages import language_of
from wellheard.enrich.text.learned import Learned, features
from wellheard.enrich.text.lexicon import NAME as LEXICON
from wellheard.enrich.text.products import products_in
from wellheard.enrich.text.reader import Reader
from wellheard.enrich.text.reading import SENTIMENTS, Read
from wellheard.enrich.text.service import Service
from wellheard.enrich.text.shelf import Shelf
from wellheard.enrich.text.summary import summary
from wellheard.enrich.text.topics import Difference, Topic, Topics
from wellheard.enrich.text.waiting import PERSON, many_waiting
from wellheard.enrich.text.waiting import texts as all_texts
from wellheard.warehouse.engine import Lake
from wellheard.warehouse.load import Enrich

LABELS = "label"
TOLD = ("words", "topic", "sentiment", "issue", "aspect", "strength", "emotion", "language", "table", "rating_band")
SEARCHED = 4_000  # comments whose meanings a search compares
CLUSTERED = 6_000  # texts that a run of topics looks at
Progress = scores.Progress


class Texts:
    """Everything that a workspace does with customers' words. Safe to share between threads; close it when done."""

    def __init__(self, lake: Lake, settings: Settings, folder: Path, enrich: Enrich) -> None:
        self.lake, self.settings, self.folder, self.enrich = lake, settings, folder, enrich
        self.shelf = Shelf(folder)
        self._lock = threading.RLock()
        self._reader: Reader | None = None
        self._egress: Egress | None = None

    def close(self) -> None:
        """Lets go of its files."""
        with self._lock:
            if self._reader is not None:
                self._reader.kept.close()
                self._reader = None
            if self._egress is not None:
                self._egress.close()
                self._egress = None

    @property
    def reader(self) -> Reader:
        """What reads here, made when first asked for."""
        with self._lock:
            if self._reader is None:
                self._reader = self._make()
            return self._reader

    def _make(self) -> Reader:
        told = self.settings
        graph = None if told.text_model == "vader" else graph_in(Path(told.text_model) if told.text_model else FOLDER)
        reader = Reader(
            graph=graph,
            kept=Kept(self.folder / "kept.sqlite"),
            expected=told.text_language,
            heads={**self.shelf.language_heads()},
            aspects=self.folder.parent.parent.parent / "aspects.toml",
        )
        if (own := self.shelf.labels_head()) is not None and graph is not None:
            reader.heads = {**reader.heads, "en": Learned(own, graph)}
        if told.text_service:
            self._egress = Egress(allow_internal=frozenset(told.internal_hosts), timeout=60)
            key = told.text_service_key.get_secret_value()
            reader.service = Service(told.text_service, told.text_service_model, key, self._egress)
            reader.service_name = told.text_service_model or "service"
        return reader

    def _renew(self) -> None:
        """Reads by what the shelf holds now."""
        with self._lock:
            if self._reader is not None:
                self._reader.kept.close()
                self._reader = None

    # Reading

    @property
    def rejects(self) -> Path:
        return self.folder.parent / "rejects"

    def read(self, most: int | None = None, progress: Progress = lambda _done, _all: None) -> int:
        """Reads the texts that wait; gives how many."""
        current = self.shelf.topics()
        return scores.read_waiting(
            self.lake, self.reader, current, self.rejects, enrich=self.enrich, most=most, progress=progress
        )

    def read_fast(self, most: int | None = None, progress: Progress = lambda _done, _all: None) -> int:
        """Reads by the lexicon what nothing has read yet, some ten times as fast; gives how many texts.

        The rows bear the lexicon's name and no emotions, and wait for the model as before: what it reads replaces them.
        """
        heads = {language: head for language, head in self.reader.heads.items() if language != "en"}
        fast = replace(self.reader, graph=None, service=None, service_name="", heads=heads)
        return scores.read_waiting(
            self.lake, fast, Topics(), self.rejects, enrich=self.enrich, most=most, unread=True, progress=progress
        )

    def crowded(self) -> bool:
        """Whether more texts are unread than the settings leave to the model alone."""
        limit = self.settings.text_fast_from
        return limit > 0 and self.reader.graph is not None and many_waiting(self.lake, None) > limit

    def waiting(self) -> int:
        """How many texts wait."""
        return many_waiting(self.lake, self.reader.model)

    def score(self, given: Sequence[str], languages: Sequence[str | None] | None = None) -> list[dict[str, Any]]:
        """A row a text: language, sentiment, valence, emotions, strength, topics, model, aspects, why not read."""
        reads = self.reader.read(given, languages)
        places = scores.topics_of(given, reads, self.reader, self.shelf.topics())
        return [
            _row(read, [topic.name] if topic else [], self.reader.model)
            for read, topic in zip(reads, places, strict=True)
        ]

    def status(self) -> dict[str, Any]:
        """How many texts were read, of them by the lexicon for the time being, how many wait, and how many could not be
        read and why."""
        with self.lake.reading():
            unread = found_comments.counted(self.lake, "unread")
            fast = found_comments.many_by(self.lake, LEXICON) if self.reader.graph is not None else 0
        read = unread.pop(found_comments.NONE, 0)
        return {"model": self.reader.model, "read": read, "fast": fast, "waiting": self.waiting(), "unread": unread}

    # Finding

    def comments(self, wanted: Wanted, limit: int = 50) -> list[Comment]:
        """Comments by filter and words, the newest first."""
        with self.lake.reading():
            return found_comments.comments(self.lake, wanted, limit)

    def alike(self, words: str, wanted: Wanted, limit: int = 50) -> list[Comment]:
        """Comments by meaning, the likest first, among the newest few thousand that fit."""
        pool = [c for c in self.comments(wanted, SEARCHED) if c.read["language"] == "en"]
        if not pool or not words.strip():
            return pool[:limit]
        asked, *known = self.reader.meanings([words, *(c.text for c in pool)])
        likeness = np.array(known, np.float32) @ asked
        order = np.argsort(-likeness, kind="stable")[:limit]
        return [Comment(**{**vars(pool[n]), "likeness": round(float(likeness[n]), 3)}) for n in order]

    def counted(self, by: str) -> dict[str, int]:
        """How many texts by a column of their reading."""
        with self.lake.reading():
            return found_comments.counted(self.lake, by)

    def explained(self, text: str) -> list[Spoke]:
        """The words of a text that moved what was read, by the model and by the lexicon; none unless it is English."""
        text = plain(text)
        return words_that_moved(text, self.reader.graph) if self._is_english(text) else []

    def named(self, text: str) -> list[Entity]:
        """The things that a text names, each with how its clause speaks of it; people stay hidden."""
        text = plain(text)
        if not self._is_english(text):
            return []
        with self.lake.reading():
            products = products_in(self.lake, text)
        return entities(text, self.reader.pieces, vocabulary(self.reader.aspects), products)

    def _is_english(self, text: str) -> bool:
        return language_of(text, None, self.settings.text_language) == "en"

    def summary(self, wanted: Wanted, n: int = 3) -> list[str]:
        """A few sentences of customers that stand for the comments asked for."""
        return summary([c.text for c in self.comments(wanted, 200)], self.reader.meanings, n)

    def look(self, filters: Mapping[str, str], limit: int = 50) -> list[Comment]:
        """Comments by filters in words, as an address says them; `like` searches by meaning. Raises BadCall."""
        wanted = wanted_of(filters)
        like = filters.get("like", "").strip()
        return self.alike(like, wanted, limit) if like else self.comments(wanted, limit)

    def summed(self, filters: Mapping[str, str]) -> list[str]:
        """The summary of what `look` finds."""
        return self.summary(wanted_of(filters)) if self.reader.graph is not None else []

    def conversation(self, source: str, id: str) -> Told:
        """A few sentences of a conversation's customer, and the tags that its readings suggest."""
        return told_in(self.lake, self.reader, source, id)

    # Topics

    def volumes(self, days: int = 28) -> list[tuple[Topic, Volume]]:
        """Each topic with its texts of the newest `days` and of as many before; emerging ones are marked.

        What the lexicon read is left out: no topic was looked for in it.
        """
        with self.lake.reading():
            s = found_comments.newest(self.lake)
            s = s.filter(s.sentiment.notnull() & s.written_at.notnull() & (s.model != LEXICON))
            s = s.select("topic_id", "written_at")
            rows = self.lake.backend.to_pyarrow(s).to_pylist()
        last = max((row["written_at"] for row in rows), default=None)
        counts: list[dict[str, int]] = [{}, {}]
        whole = [0, 0]
        for row in rows:
            span = (last - row["written_at"]).days // days if last else 2
            if span < 2:
                whole[span] += 1
                if row["topic_id"]:
                    counts[span][row["topic_id"]] = counts[span].get(row["topic_id"], 0) + 1
        known = {topic.id: topic for topic in self.shelf.topics().topics}
        for id in known:
            counts[0].setdefault(id, 0)
        found = volumes(counts[0], counts[1], whole[0], whole[1])
        return [(known[volume.id], volume) for volume in found if volume.id in known]

    def topics(self, version: int | None = None) -> Topics:
        """The topics, by default the newest version."""
        return self.shelf.topics(version)

    def versions(self) -> list[int]:
        """The numbers of the topics' versions, the oldest first."""
        return self.shelf.versions()

    def difference(self, before: int, after: int) -> Difference:
        """What is different between two versions."""
        return topics.difference(self.shelf.topics(before), self.shelf.topics(after))

    def find_topics(self, k: int | None = None) -> Topics:
        """Finds topics in what was read and places every text. Raises BadCall where too little was read."""
        pool = [c for c in self.comments(Wanted(), CLUSTERED) if c.read["sentiment"] and c.read["language"] == "en"]
        words = list(dict.fromkeys(c.text for c in pool))
        if len(words) < 2 * topics.LEAST:
            raise BadCall(f"{len(words)} different texts were read", hint="read more first: `wellheard texts read`")
        meanings = np.array(self.reader.meanings(words), np.float32)
        return self._change(topics.found(self.shelf.topics(), words, meanings, k))

    def merge_topics(self, id: str, into: str) -> Topics:
        return self._change(topics.merged(self.shelf.topics(), id, into))

    def rename_topic(self, id: str, name: str) -> Topics:
        return self._change(topics.renamed(self.shelf.topics(), id, name))

    def pin_topic(self, id: str, pin: bool = True) -> Topics:
        return self._change(topics.pinned(self.shelf.topics(), id, pin))

    def delete_topic(self, id: str) -> Topics:
        return self._change(topics.deleted(self.shelf.topics(), id))

    def split_topic(self, id: str) -> Topics:
        words = list(dict.fromkeys(c.text for c in self.comments(Wanted(topic=id), SEARCHED)))
        meanings = np.array(self.reader.meanings(words), np.float32).reshape(-1, 384)
        return self._change(topics.split(self.shelf.topics(), id, words, meanings))

    def define_topic(self, name: str, examples: Sequence[str]) -> Topics:
        meanings = np.array(self.reader.meanings(list(examples) or [""]), np.float32)
        return self._change(topics.defined(self.shelf.topics(), name, examples, meanings))

    def _change(self, changed: Topics) -> Topics:
        """Keeps a version and says so in the rows of the texts whose place changed."""
        with self._lock:
            changed = topics.grouped(changed)
            self.shelf.save_topics(changed)
            scores.place(self.lake, self.reader, changed, self.rejects, self.enrich)
        return changed

    # Labels

    def draw_labels(self, n: int, seed: int = 7, *, by_sentiment: bool = True) -> int:
        """Draws texts to be labelled, 50 to 300; those labelled before stay labelled. Raises BadCall."""
        if not 50 <= n <= 300:
            raise BadCall(f"{n} texts cannot be drawn", hint="draw 50 to 300", field="n")
        drawn = labelling.draw(self._said(), n, seed, by_sentiment=by_sentiment)
        if not drawn:
            raise BadCall("no text was read yet", hint="read texts first: `wellheard texts read`")
        self.shelf.save_draw(drawn)
        return len(drawn)

    def _said(self) -> list[tuple[str, str, str]]:
        with self.lake.reading():
            s = found_comments.newest(self.lake)
            s = s.filter(s.sentiment.notnull()).select("text_table", "text_id", "sentiment")
            return [tuple(row.values()) for row in self.lake.backend.to_pyarrow(s).to_pylist()]

    def labels(self) -> dict[tuple[str, str], dict[str, str]]:
        """What people read: text → rater → sentiment."""
        with self.lake.reading():
            s = self.lake.table("text_scores")
            s = s.filter((s.model == PERSON) & s.label.notnull())
            rows = self.lake.backend.to_pyarrow(
                s.select("text_table", "text_id", "label", rater=s.attributes["rater"].coalesce("somebody"))
            ).to_pylist()
        found: dict[tuple[str, str], dict[str, str]] = {}
        for row in rows:
            found.setdefault((row["text_table"], row["text_id"]), {})[row["rater"]] = row["label"]
        return found

    def to_label(self, rater: str) -> tuple[Comment | None, int, int]:
        """The next text of the draw that a rater has not labelled, how many are done, and how many there are."""
        drawn, told = self.shelf.draw(), self.labels()
        left = [d for d in drawn if rater not in told.get((d.table, d.id), {})]
        done = len(drawn) - len(left)
        for d in left:
            if (found := self.comment(d.table, d.id)) is not None:
                return found, done, len(drawn)
            done += 1
        return None, done, len(drawn)

    def comment(self, table: str, id: str) -> Comment | None:
        """One text as it is shown; None where it is no longer there."""
        with self.lake.reading():
            t = all_texts(self.lake)
            rows = self.lake.backend.to_pyarrow(t.filter((t.table == table) & (t.id == id)).limit(1)).to_pylist()
        if not rows:
            return None
        row = rows[0]
        return Comment(table, id, plain(row["text"]), row["written_at"], row["customer_id"], row["rating"], {})

    def label(self, table: str, id: str, sentiment: str, rater: str) -> None:
        """Keeps what a person read in a text of the draw. Raises Unknown and BadCall."""
        if sentiment not in SENTIMENTS:
            raise BadCall(f"{sentiment!r} is no sentiment", hint=f"one of {', '.join(SENTIMENTS)}", field="sentiment")
        rater = " ".join(rater.split())[:60]
        drawn = {(d.table, d.id): d for d in self.shelf.draw()}
        if (table, id) not in drawn or not rater:
            raise Unknown(
                "this text was not drawn to be labelled, or nobody says who labels", hint="draw a sample first"
            )
        with self.lake.reading():
            t = all_texts(self.lake)
            t = t.filter((t.table == table) & (t.id == id)).select("source", "written_at", "customer_id")
            (text,) = self.lake.backend.to_pyarrow(t).to_pylist()
        now = datetime.now(UTC)
        row = {
            "source": text["source"], "source_id": f"{LABELS}:{table}:{id}:{rater}", "updated_at": now, "text_id": id,
            "text_table": table, "written_at": text["written_at"], "customer_id": text["customer_id"], "model": PERSON,
            "scored_at": now, "label": sentiment, "rater": rater, "probability": str(drawn[table, id].probability),
        }  # fmt: skip
        scores.write(self.lake, [row], self.rejects, self.enrich)

    def receipt(self) -> labelling.Receipt:
        """How often the model is wrong, as far as the labels say."""
        sizes: dict[str, int] = {}
        for _, _, said in self._said():
            sizes[said] = sizes.get(said, 0) + 1
        return labelling.receipt(self.shelf.draw(), self.labels(), sizes)

    # Learning at home

    def trials(self) -> Mapping[str, Trial]:
        """How each head did that was tried here."""
        return self.shelf.trials()

    def learn_language(self, language: str) -> Trial:
        """Trains a head for a language from rated comments, and takes it if it wins. Raises BadCall for too few."""
        if language == "en":
            raise BadCall("English is read by the model", hint="`wellheard texts learn labels` learns from labels")
        head, trial = language_head(language, self._rated(language))
        self.shelf.save_trial(language, trial)
        if trial.accepted:
            self.shelf.save_language(language, head, trial)
            self._renew()
        return trial

    def _rated(self, language: str) -> list[Rated]:
        with self.lake.reading():
            t = all_texts(self.lake)
            t = t.filter(t.rating.notnull() & t.written_at.notnull())
            rows = self.lake.backend.to_pyarrow(t.order_by(["written_at", "id"])).to_pylist()
        found = []
        for row in rows:
            text, band = plain(row["text"]), band_of(row["rating"], row["low"], row["high"])
            if band and language_of(text, row["language"], self.settings.text_language) == language:
                found.append(Rated(text, BAND[band], row["written_at"]))
        return found

    def learn_labels(self) -> Trial:
        """Trains a head from the labels, and takes it if it wins on unseen ones. Raises BadCall for too few."""
        graph = self.reader.graph
        if graph is None:
            raise BadCall("the lexicon learns nothing", hint="leave text_model empty", field="text_model")
        told = []
        for (table, id), by in sorted(self.labels().items()):
            found = self.comment(table, id)
            votes = list(by.values())
            if found is not None:
                told.append((found.text, max(SENTIMENTS, key=votes.count)))
        base = [
            SENTIMENTS.index(r.sentiment or "neutral") for r in Reader(graph=graph).read([text for text, _ in told])
        ]
        truth = np.array([SENTIMENTS.index(said) for _, said in told], np.int64)
        head, trial = label_head(features(graph, [text for text, _ in told]), np.array(base, np.int64), truth)
        self.shelf.save_trial("labels", trial)
        if trial.accepted:
            self.shelf.save_labels_head(head)
            self._renew()
        return trial


def wanted_of(filters: Mapping[str, str]) -> Wanted:
    """Filters as an address or a command says them. Raises BadCall for a day that is none."""
    known = {name: filters[name].strip()[:200] for name in TOLD if filters.get(name)}
    days: dict[str, date] = {}
    for name in ("start", "end"):
        if filters.get(name):
            try:
                days[name] = date.fromisoformat(filters[name])
            except ValueError:
                raise BadCall(f"{filters[name]!r} is no day", hint="write it as 2026-03-31", field=name) from None
    return Wanted(**known, **days, disagrees=filters.get("disagrees") == "yes")  # type: ignore[arg-type]


def _row(read: Read, topics_: list[str], asked: str) -> dict[str, Any]:
    return {
        "language": read.language,
        "sentiment": read.sentiment,
        "valence": read.valence,
        "emotions": list(read.emotions),
        "strength": read.strength,
        "topics": topics_,
        "model": read.model or asked,
        "aspects": {aspect.aspect: aspect.sentiment for aspect in read.aspects},
        "why": read.why,
    }
