"""Prints every bar of the reader of texts beside VADER, TextBlob and TF-IDF + logistic regression, in one run.

    python -m training.bench --data DIR [--out FILE]

The models that leave one set out are not shipped; what they said of that set is kept in `training/results/left_out.npz`
with the hash of its rows, and judged anew here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from training import judged, measured
from wellheard.enrich.text.graph import FOLDER, Graph


@dataclass(frozen=True)
class Line:
    """A bar: what it is about, what is asked, ours and the others' figures, whether it holds; None: no bar."""

    what: str
    bar: str
    ours: str
    others: str
    holds: bool | None


def lines(folder: Path, graph: Graph) -> list[Line]:
    """Every bar, in the order in which they were set."""
    subjects: Sequence[Callable[[Path, Graph], list[Line]]] = (
        left_out,
        emotions,
        speed,
        numbers,
        topics,
        languages,
        own_sentences,
        cache,
        portuguese,
    )
    found = []
    for subject in subjects:
        for line in subject(folder, graph):
            mark = {True: "holds", False: "MISSED", None: "-"}[line.holds]
            sys.stdout.write(f"{line.what:58} {line.bar:26} {line.ours:26} {line.others:44} {mark}\n")
            sys.stdout.flush()
            found.append(line)
    return found


def left_out(folder: Path, graph: Graph) -> list[Line]:
    rows = {name: judged.left_out(folder, graph, name) for name in judged.SETS}
    found = []
    for name, r in rows.items():
        found.append(
            Line(
                f"sentiment, {name} left out: macro-F1",
                "≥ VADER + .03",
                f"{r.ours:.3f}",
                f"VADER {r.vader:.3f}  TextBlob {r.textblob:.3f}  TF-IDF {r.tfidf:.3f}",
                r.ours >= r.vader + 0.03,
            )
        )
    mean = {k: float(np.mean([getattr(r, k) for r in rows.values()])) for k in ("ours", "vader", "textblob", "tfidf")}
    others = f"VADER {mean['vader']:.3f}  TextBlob {mean['textblob']:.3f}  TF-IDF {mean['tfidf']:.3f}"
    held = mean["ours"] >= mean["vader"] + 0.06
    found.append(
        Line("sentiment, mean of the sets left out: macro-F1", "≥ VADER + .06", f"{mean['ours']:.3f}", others, held)
    )
    sides = {
        k: float(np.mean([getattr(r, k) for r in rows.values()]))
        for k in ("sides", "vader_sides", "textblob_sides", "tfidf_sides")
    }
    others = (
        f"VADER {sides['vader_sides']:.3f}  TextBlob {sides['textblob_sides']:.3f}  TF-IDF {sides['tfidf_sides']:.3f}"
    )
    held = sides["sides"] >= sides["vader_sides"] + 0.06
    found.append(
        Line("negative against positive, mean: accuracy", "≥ VADER + .06", f"{sides['sides']:.3f}", others, held)
    )
    p = rows["products"]
    found.append(
        Line(
            "valence, products left out: r with human rating",
            "≥ .72",
            f"{p.valence:.3f}",
            f"VADER {p.vader_valence:.3f}  TextBlob {p.textblob_valence:.3f}",
            p.valence >= 0.72,
        )
    )
    found.append(
        Line(
            "strength, products left out: r",
            "≥ .57",
            f"{p.strength:.3f}",
            f"VADER {p.vader_strength:.3f}",
            p.strength >= 0.57,
        )
    )
    return found


def emotions(folder: Path, graph: Graph) -> list[Line]:
    e = judged.emotions(folder, graph)
    bars = (("28 classes", "classes", 0.46), ("Ekman", "ekman", 0.59), ("groups", "groups", 0.69))
    found = [
        Line(
            f"emotions, judging half, {words}: macro-F1",
            f"≥ {bar:.2f}",
            f"{getattr(e, name):.3f}",
            f"TF-IDF {getattr(e, 'tfidf_' + name):.3f}",
            getattr(e, name) >= bar,
        )
        for words, name, bar in bars
    ]
    return [
        *found,
        Line(
            "net emotion of 100 comments: mean absolute error",
            "≤ .10 and below VADER",
            f"{e.net_error:.3f}",
            f"VADER {e.vader_net_error:.3f}  TF-IDF {e.tfidf_net_error:.3f}",
            e.net_error <= 0.10 and e.net_error < e.vader_net_error,
        ),
    ]


def speed(folder: Path, graph: Graph) -> list[Line]:
    s = measured.speed(folder, graph)
    return [
        Line(
            "speed at batch 16, ~95 characters, 2 threads",
            "≥ 0.03 × VADER",
            f"{s.ours:,.0f}/s = {s.ours / s.vader:.4f} ×",
            f"VADER {s.vader:,.0f}/s  TextBlob {s.textblob:,.0f}/s  TF-IDF {s.tfidf:,.0f}/s",
            s.ours >= 0.03 * s.vader,
        ),
        Line("a single comment, p50, seconds of a core", "≤ 5 ms", f"{s.single:.1f} ms", "", s.single <= 5),
        Line("loading, seconds of a core", "≤ 1 s", f"{s.load:.2f} s", "", s.load <= 1),
        Line("memory of a process that reads", "≤ 300 MB", f"{s.memory:.0f} MB", "", s.memory <= 300),
        Line("model file", "≤ 24 MB", f"{s.size:.1f} MB", f"embedder's own layers {s.embedder:.1f} MB", s.size <= 24),
    ]


def numbers(folder: Path, graph: Graph) -> list[Line]:
    del folder
    lost = json.loads((graph.folder / "training.json").read_text("utf-8")).get("lost_in_eight_bits")
    if lost is None:
        return [Line("eight bits against full, macro-F1 lost", "≤ .01", "not measured", "", None)]
    return [
        Line("eight bits against full, macro-F1 lost", "≤ .01", f"{lost:.4f}", "measured when shipped", lost <= 0.01)
    ]


def topics(folder: Path, graph: Graph) -> list[Line]:
    t = measured.topics(folder, graph)
    return [
        Line(
            "topics, banking77, 30 %, k = 77: v-measure",
            "≥ .79",
            f"{t.v_measure:.3f}",
            f"TF-IDF {t.tfidf_v_measure:.3f}",
            t.v_measure >= 0.79,
        ),
        Line(
            f"  time for {t.texts:,} texts, two cores",
            "≤ 8 s for 3,080",
            f"{t.seconds:.1f} s",
            "",
            t.seconds * 3080 / t.texts <= 8,
        ),
        Line(
            "categories from 10 examples each: accuracy",
            "≥ .82",
            f"{t.categories:.3f}",
            f"TF-IDF {t.tfidf_categories:.3f}",
            t.categories >= 0.82,
        ),
    ]


def languages(folder: Path, graph: Graph) -> list[Line]:
    del graph
    right, n, known = measured.languages(folder)
    return [Line(f"language, {known} languages, {n} sentences", "≥ .95", f"{right:.3f}", "", right >= 0.95)]


def own_sentences(folder: Path, graph: Graph) -> list[Line]:
    del folder
    bars = {"plain": 0.9, "request": 0.8, "negation": 0.8}
    return [
        Line(
            f"our sentences kept for the test, {kind} ({n})",
            f"≥ {bars[kind]}" if kind in bars else "no bar",
            f"{ours:.3f}",
            f"VADER {vader:.3f}  TextBlob {blob:.3f}",
            ours >= bars[kind] if kind in bars else None,
        )
        for kind, n, ours, vader, blob in judged.own_sentences(graph)
    ]


def cache(folder: Path, graph: Graph) -> list[Line]:
    rate, same = measured.cache(folder, graph)
    return [
        Line("texts that repeat, from the cache", "≥ 20,000/s", f"{rate:,.0f}/s", "", rate >= 20_000),
        Line("two runs give identical scores", "yes", "yes" if same else "no", "", same),
    ]


def portuguese(folder: Path, graph: Graph) -> list[Line]:
    del graph
    trial = measured.portuguese(folder)
    rivals = "  ".join(f"{name} {score:.3f}" for name, score in trial.rivals.items())
    return [
        Line(
            "Portuguese learned at home, held-out months: macro-F1",
            "beats both, or is refused",
            f"{trial.score:.3f}",
            rivals + (" · taken" if trial.accepted else " · refused"),
            trial.accepted == (trial.gain_low > 0),
        )
    ]


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, default=Path("../shared/data"))
    asked.add_argument("--model", type=Path, default=FOLDER)
    asked.add_argument("--out", type=Path)
    told = asked.parse_args()
    found = lines(told.data, Graph(told.model))
    if told.out:
        told.out.write_text(json.dumps([asdict(line) for line in found], indent=1, ensure_ascii=False) + "\n", "utf-8")
    missed = [line.what for line in found if line.holds is False]
    sys.stdout.write(f"\n{sum(line.holds is True for line in found)} hold, {len(missed)} are missed\n")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
