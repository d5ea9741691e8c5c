"""Topics: what texts are about, found by their meanings, kept from run to run, and corrected by people.

Ward's clustering of a sample, the nearest centre for all others, names by class-TF-IDF. A set of topics never changes:
each correction makes the next version, and two versions can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wellheard.base.errors import BadCall, Unknown
from wellheard.enrich.text.graph import Numbers

SAMPLE = 4_000  # texts that are clustered: memory grows with their square
CUT = 1.9  # Ward's distance at which clusters are no longer joined, where their number is not given
NEAR = 0.35  # the cosine below which a text belongs to no topic
SAME = 0.8  # the cosine from which a topic of a new run is one that was there
LEAST = 5  # texts of a topic
QUOTES = 3
EXAMPLES = 10  # texts by which a person defines a category
SURE = 0.5  # the probability from which a text belongs to a defined category
MOST = 60  # topics that a run finds
STOP = frozenset((Path(__file__).parent / "stop_words.txt").read_text("utf-8").split())
_WORD = re.compile(r"[^\W\d_]{2,}(?:'[a-z]+)?")


@dataclass(frozen=True)
class Topic:
    """A topic: `centre` is a meaning, `group` the wider topic, and a `defined` one has a person's examples."""

    id: str
    name: str
    words: tuple[str, ...]
    centre: tuple[float, ...]
    size: int
    quotes: tuple[str, ...] = ()
    group: str = ""
    pinned: bool = False
    named: bool = False  # a person gave the name
    examples: tuple[str, ...] = ()
    absorbed: tuple[tuple[float, ...], ...] = ()  # centres of topics that were merged into this one

    @property
    def defined(self) -> bool:
        return bool(self.examples)


@dataclass(frozen=True)
class Topics:
    """A version of a workspace's topics. `gone` are centres of topics that people deleted: no run finds them again."""

    version: int = 0
    topics: tuple[Topic, ...] = ()
    next_id: int = 1
    gone: tuple[tuple[float, ...], ...] = ()
    words: str = "no topics yet"

    def topic(self, id: str) -> Topic:
        """The topic of an id; raises Unknown where there is none."""
        for topic in self.topics:
            if topic.id == id:
                return topic
        raise Unknown(f"there is no topic {id!r}", hint="`wellheard topics` lists them", field="topic")


@dataclass(frozen=True)
class Difference:
    """What is different in a later version: ids of topics, with old and new names of those renamed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str, str], ...]
    moved: tuple[str, ...]


def difference(before: Topics, after: Topics) -> Difference:
    """From one version to another."""
    old, new = {t.id: t for t in before.topics}, {t.id: t for t in after.topics}
    both = [id for id in new if id in old]
    return Difference(
        tuple(id for id in new if id not in old),
        tuple(id for id in old if id not in new),
        tuple((id, old[id].name, new[id].name) for id in both if old[id].name != new[id].name),
        tuple(id for id in both if old[id].centre != new[id].centre or old[id].absorbed != new[id].absorbed),
    )


def clustered(meanings: Numbers, k: int | None = None, cut: float = CUT) -> npt.NDArray[np.int64]:
    """The cluster of each meaning by Ward's method: k of them, or as many as the cut leaves; numbered by size."""
    from sklearn.cluster import AgglomerativeClustering

    n = len(meanings)
    if n < 2:
        return np.zeros(n, np.int64)
    how = {"n_clusters": min(k, n)} if k else {"n_clusters": None, "distance_threshold": cut}
    labels = AgglomerativeClustering(linkage="ward", **how).fit_predict(meanings)
    order = sorted(set(labels), key=lambda c: (-int((labels == c).sum()), int(np.argmax(labels == c))))
    place = {c: n for n, c in enumerate(order)}
    return np.array([place[c] for c in labels], np.int64)


def found(before: Topics, texts: Sequence[str], meanings: Numbers, k: int | None = None, seed: int = 7) -> Topics:
    """The next version, from texts and their meanings: pinned and defined topics stay, others keep id and name where
    the texts still speak of the same thing."""
    sample = np.arange(len(texts))
    if len(texts) > SAMPLE:
        sample = np.sort(np.random.default_rng(seed).choice(len(texts), SAMPLE, replace=False))
    labels = clustered(meanings[sample], k)
    members = [sample[labels == c] for c in range(int(labels.max()) + 1 if len(labels) else 0)]
    members = [m for m in members if len(m) >= min(LEAST, max(1, len(texts) // 10))][:MOST]
    centres = [_unit(meanings[m].mean(axis=0)) for m in members]
    kept = [topic for topic in before.topics if topic.pinned or topic.defined]
    left = [topic for topic in before.topics if topic not in kept]
    blocked = np.array([*(t.centre for t in kept), *before.gone], np.float32).reshape(-1, 384)
    free = [n for n, c in enumerate(centres) if not len(blocked) or float((blocked @ c).max()) < SAME]
    same = _matched([left_.centre for left_ in left], [centres[n] for n in free])
    words = names_of([[texts[i] for i in members[n]] for n in free])
    made, next_id = list(kept), before.next_id
    for place, n in enumerate(free):
        old = left[same[place]] if place in same else None
        id, next_id = (old.id, next_id) if old else (f"t{next_id}", next_id + 1)
        name = old.name if old and old.named else ", ".join(words[place][:3]) or f"topic {id}"
        made.append(
            Topic(
                id, name, tuple(words[place]), tuple(map(float, centres[n])), len(members[n]),
                quotes=_quotes(texts, meanings, members[n], centres[n]), named=bool(old and old.named),
                absorbed=old.absorbed if old else (),
            )
        )  # fmt: skip
    whole = Topics(before.version + 1, tuple(made), next_id, before.gone, f"found in {len(texts):,} texts")
    return grouped(whole)


def grouped(topics: Topics) -> Topics:
    """The same topics, each with the wider one it belongs to: the second level, named after its largest member."""
    if len(topics.topics) < 4:
        return replace(topics, topics=tuple(replace(t, group=t.name) for t in topics.topics))
    centres = np.array([t.centre for t in topics.topics], np.float32)
    labels = clustered(centres, k=max(2, round(len(centres) / 4)))
    largest = {c: max((t for t, m in zip(topics.topics, labels, strict=True) if m == c), key=lambda t: t.size).name
               for c in set(labels)}  # fmt: skip
    told = [replace(t, group=largest[c]) for t, c in zip(topics.topics, labels, strict=True)]
    return replace(topics, topics=tuple(told))


def nearest(topics: Topics, meanings: Numbers) -> list[str | None]:
    """The topic of each meaning: a defined one where its examples make it likely, else the nearest, else None."""
    if not len(meanings) or not topics.topics:
        return [None] * len(meanings)
    centres = [(t.id, c) for t in topics.topics if not t.defined for c in (t.centre, *t.absorbed)]
    centres += [("", c) for c in topics.gone]
    assigned: list[str | None] = [None] * len(meanings)
    if centres:
        likeness = meanings @ np.array([c for _, c in centres], np.float32).T
        best = likeness.argmax(axis=1)
        for n, place in enumerate(best):
            if likeness[n, place] >= NEAR:
                assigned[n] = centres[int(place)][0] or None
    return assigned


def names_of(groups: Sequence[Sequence[str]], most: int = 6) -> list[list[str]]:
    """The words and pairs of words that set each group of texts apart: class-TF-IDF (M. Grootendorst, 2022)."""
    counts = [_grams(group) for group in groups]
    total: dict[str, int] = {}
    for found_ in counts:
        for gram, n in found_.items():
            total[gram] = total.get(gram, 0) + n
    mean = sum(sum(c.values()) for c in counts) / max(1, len(counts))
    named = []
    for found_ in counts:
        size = max(1, sum(found_.values()))
        weight = {
            g: n / size * float(np.log(1 + mean / total[g])) * (1.3 if " " in g else 1) for g, n in found_.items()
        }
        order = sorted((g for g in weight if found_[g] > 1 or size < 40), key=lambda g: (-weight[g], g))
        named.append(_apart(order, most))
    return named


def _apart(order: Sequence[str], most: int) -> list[str]:
    """The first few, without those that say what stands there already."""
    kept: list[str] = []
    for gram in order:
        if not any(set(gram.split()) <= set(k.split()) or set(k.split()) <= set(gram.split()) for k in kept):
            kept.append(gram)
        if len(kept) == most:
            break
    return kept


def _grams(texts: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for text in texts:
        words = [w.lower().replace("'", "") for w in _WORD.findall(text.replace("’", "'"))]
        plain_ = [w if w not in STOP else "" for w in words]
        pairs = [f"{a} {b}" for a, b in pairwise(plain_) if a and b and a != b]
        for gram in {*filter(None, plain_), *pairs}:
            counts[gram] = counts.get(gram, 0) + 1
    return counts


def _quotes(
    texts: Sequence[str], meanings: Numbers, members: npt.NDArray[np.int64], centre: Numbers
) -> tuple[str, ...]:
    order = members[np.argsort(-(meanings[members] @ centre), kind="stable")]
    return tuple(dict.fromkeys(texts[int(n)] for n in order))[:QUOTES]


def _matched(old: Sequence[Sequence[float]], new: Sequence[Numbers]) -> dict[int, int]:
    """For new centres the old one that each is, one to one, the likest pairs first by the best sum."""
    from scipy.optimize import linear_sum_assignment

    if not old or not new:
        return {}
    likeness = np.array(new, np.float32) @ np.array(old, np.float32).T
    rows, columns = linear_sum_assignment(-likeness)
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if likeness[r, c] >= SAME}


def _unit(vector: Numbers) -> Numbers:
    return np.asarray(vector / max(1e-9, float(np.linalg.norm(vector))), np.float32)


def merged(topics: Topics, id: str, into: str) -> Topics:
    """One topic joined to another, whose id and name stay. Raises Unknown and BadCall."""
    gone, kept = topics.topic(id), topics.topic(into)
    if id == into:
        raise BadCall("a topic is not merged with itself", hint="name two topics", field="into")
    one = replace(
        kept, size=kept.size + gone.size, absorbed=(*kept.absorbed, gone.centre, *gone.absorbed), pinned=True,
        examples=(*kept.examples, *gone.examples) if kept.defined else (),
    )  # fmt: skip
    rest = tuple(one if t.id == into else t for t in topics.topics if t.id != id)
    return _next(topics, rest, f"{gone.name} merged into {kept.name}")


def renamed(topics: Topics, id: str, name: str) -> Topics:
    """A topic under a name that a person gave. Raises BadCall for an empty one."""
    said = " ".join(name.split())[:80]
    if not said:
        raise BadCall("a topic needs a name", hint="give a word or two", field="name")
    old = topics.topic(id)
    return _with(topics, replace(old, name=said, named=True), f"{old.name} is called {said}")


def pinned(topics: Topics, id: str, pin: bool = True) -> Topics:
    """A topic that the next run leaves as it is, or no longer."""
    old = topics.topic(id)
    return _with(topics, replace(old, pinned=pin), f"{old.name} is {'' if pin else 'no longer '}pinned")


def deleted(topics: Topics, id: str) -> Topics:
    """Without a topic; its texts have none, and no run finds it again."""
    old = topics.topic(id)
    rest = tuple(t for t in topics.topics if t.id != id)
    gone = topics.gone if old.defined else (*topics.gone, old.centre, *old.absorbed)
    return _next(topics, rest, f"{old.name} deleted", gone=gone)


def split(topics: Topics, id: str, texts: Sequence[str], meanings: Numbers) -> Topics:
    """A topic as two, by its own texts; the larger part keeps the id. Raises BadCall where there are too few."""
    old = topics.topic(id)
    if len(texts) < 2 * LEAST:
        raise BadCall(
            f"{old.name} has {len(texts)} texts, too few to split", hint=f"{2 * LEAST} are needed", field="topic"
        )
    labels = clustered(meanings, k=2)
    parts = [np.flatnonzero(labels == c) for c in range(2)]
    words = names_of([[texts[int(n)] for n in part] for part in parts])
    made = []
    for n, (part, id_) in enumerate(zip(parts, (id, f"t{topics.next_id}"), strict=True)):
        centre = _unit(meanings[part].mean(axis=0))
        name = old.name if n == 0 and old.named else ", ".join(words[n][:3]) or f"topic {id_}"
        quotes = _quotes(texts, meanings, part, centre)
        made.append(Topic(id_, name, tuple(words[n]), tuple(map(float, centre)), len(part), quotes, old.group, True))
    rest = tuple(part for t in topics.topics for part in (made if t.id == id else [t]))
    return replace(_next(topics, rest, f"{old.name} split in two"), next_id=topics.next_id + 1)


def defined(topics: Topics, name: str, examples: Sequence[str], meanings: Numbers) -> Topics:
    """With a category that a person defines by examples. Raises BadCall for fewer than ten."""
    said = tuple(dict.fromkeys(" ".join(e.split()) for e in examples if e.strip()))
    if len(said) < EXAMPLES:
        raise BadCall(
            f"{len(said)} different examples are given", hint=f"give {EXAMPLES}, one a line", field="examples"
        )
    if not name.strip():
        raise BadCall("a category needs a name", hint="give a word or two", field="name")
    centre = _unit(meanings.mean(axis=0))
    topic = Topic(f"t{topics.next_id}", name.strip()[:80], tuple(names_of([said])[0]), tuple(map(float, centre)), 0,
                  said[:QUOTES], name.strip()[:80], True, True, said)  # fmt: skip
    return replace(_next(topics, (*topics.topics, topic), f"{topic.name} defined"), next_id=topics.next_id + 1)


def _with(topics: Topics, topic: Topic, words: str) -> Topics:
    return _next(topics, tuple(topic if t.id == topic.id else t for t in topics.topics), words)


def _next(
    topics: Topics, rest: tuple[Topic, ...], words: str, gone: tuple[tuple[float, ...], ...] | None = None
) -> Topics:
    return Topics(topics.version + 1, rest, topics.next_id, topics.gone if gone is None else gone, words)
