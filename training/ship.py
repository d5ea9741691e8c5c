"""Sets the cuts of a trained reader by rows that were kept back, and writes what the package ships: model and manifest.

python -m training.ship --data DIR --model DIR --out DIR --name NAME
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from sklearn.metrics import f1_score

from training import data, exams
from training.base import base_folder
from wellheard.enrich.text.decoding import GROUPS, strengths
from wellheard.enrich.text.graph import Graph, Outputs

CUTS = np.arange(0.04, 0.72, 0.02)
AROUND = 2  # cuts on each side that a cut's F1 is the mean of: F1 of few rows jumps from cut to cut
SHIFTS = np.arange(0, 0.41, 0.1)  # at most half as likely again: more would follow the sets' own shares
TOKENIZER = "tokenizer.json.gz"
BLANK: dict[str, Any] = {
    "temperature": 1.0,
    "shift": [0.0, 0.0, 0.0],
    "emotion_cuts": dict.fromkeys(data.EMOTIONS, 0.3),
    "group_cuts": dict.fromkeys(GROUPS, 0.5),
    "strength_cuts": [0.33, 0.66],
}


def copied(model: Path, out: Path, name: str) -> None:
    """The model's files with a manifest that says nothing of cuts yet."""
    out.mkdir(parents=True, exist_ok=True)
    for graph in ("reader.onnx", "embedder.onnx"):
        shutil.copy(model / graph, out / graph)
    words = (base_folder() / "tokenizer.json").read_bytes()
    (out / TOKENIZER).write_bytes(gzip.compress(words, mtime=0))
    files = {n: _hash(out / n) for n in ("reader.onnx", "embedder.onnx", TOKENIZER)}
    manifest = {"name": name, "languages": ["en"], "files": files, **BLANK}
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def temperature(folder: Path, graph: Graph, sets: tuple[str, ...], shift: float) -> float:
    """By what the sentiments' logits are divided, so that its probabilities surprise least on rows kept back."""
    rows = [row for name in sets for row in exams.kept(folder, name)]
    x = graph.read([r.text for r in rows]).sentiment + np.array([0, shift, 0], np.float32)
    y = np.array([r.sentiment for r in rows])

    def surprise(by: float) -> float:
        grown = x / by - (x / by).max(1, keepdims=True)
        return float(-(grown - np.log(np.exp(grown).sum(1, keepdims=True)))[np.arange(len(y)), y].mean())

    return round(float(min(np.arange(0.5, 3.01, 0.05), key=surprise)), 2)


def neutral_shift(folder: Path, graph: Graph, sets: tuple[str, ...]) -> float:
    """What is added to the logit of neutral: where annotators draw its boundary, by the mean macro-F1 over the sets.

    One number for all sources. The mean over sets whose shares differ keeps it from following any of them.
    """
    rows = [exams.kept(folder, name) for name in sets]
    logits = [graph.read([r.text for r in part]).sentiment for part in rows]

    def right(by: float) -> float:
        shifted = [(x + np.array([0, by, 0], np.float32)).argmax(1) for x in logits]
        told = [[r.sentiment for r in part] for part in rows]
        return float(np.mean([f1_score(y, x, average="macro") for x, y in zip(shifted, told, strict=True)]))

    return round(float(max(SHIFTS, key=right)), 2)


def felt(folder: Path, graph: Graph, half: int) -> tuple[np.ndarray, np.ndarray, Outputs]:
    """One half of the emotions' judging rows: probabilities, marks, and all outputs."""
    rows = data.goemotions(folder, "dev")[half::2]
    out = graph.read([r.text for r in rows])
    marks = np.zeros((len(rows), len(data.EMOTIONS)), bool)
    for n, row in enumerate(rows):
        marks[n, list(row.emotions or ())] = True
    return 1 / (1 + np.exp(-out.emotions)), marks, out


def emotion_cuts(folder: Path, graph: Graph) -> dict[str, float]:
    """The cut of each emotion by the best F1 on the first half, each F1 the mean of those around it, drawn towards the
    cut at which as many are found as are there, since few rows bear a rare emotion."""
    chance, marks, _ = felt(folder, graph, 0)
    cuts = {}
    for n, name in enumerate(data.EMOTIONS):
        right = [f1_score(marks[:, n], chance[:, n] >= c, zero_division=0) for c in CUTS]
        best = CUTS[_best(right)]
        rate = float(np.quantile(chance[:, n], 1 - marks[:, n].mean()))
        weight = min(1.0, marks[:, n].sum() / 60)
        cuts[name] = round(float(weight * best + (1 - weight) * rate), 3)
    return cuts


def _best(right: list[float]) -> int:
    """The place of the best among neighbours."""
    around = np.convolve(np.pad(right, AROUND, mode="edge"), np.ones(2 * AROUND + 1), mode="valid")
    return int(around.argmax())


def group_cuts(folder: Path, graph: Graph) -> dict[str, float]:
    """The cut of each group of emotions in the same way."""
    chance, marks, _ = felt(folder, graph, 0)
    cuts = {}
    for name, members in GROUPS.items():
        places = [data.EMOTIONS.index(e) for e in members]
        score, truth = 1 - np.prod(1 - chance[:, places], axis=1), marks[:, places].any(1)
        tried = np.quantile(score, np.linspace(0.3, 0.97, 60))
        cuts[name] = round(float(tried[_best([f1_score(truth, score >= c) for c in tried])]), 4)
    return cuts


def strength_cuts(folder: Path, graph: Graph) -> list[float]:
    """Thirds of the strengths of rated texts that were kept back."""
    rows = [r for name in ("tweets", "products") for r in exams.kept(folder, name)]
    texts = [r.text for r in rows]
    score = strengths(graph.read(texts).feeling, texts)
    return [round(float(v), 3) for v in np.quantile(score, [1 / 3, 2 / 3])]


def lost_in_eight_bits(folder: Path, graph: Graph, model: Path) -> float:
    """What macro-F1 of the sentiment falls by in eight bits, on rows kept back; the mean of the sets."""
    full = Graph(graph.folder)
    vars(full)["_reader"] = onnxruntime.InferenceSession(str(model / "reader.fp32.onnx"))
    lost = []
    for name in ("goemotions", "tweets", "products", "clothing"):
        rows = exams.kept(folder, name)
        texts, truth = [r.text for r in rows], [r.sentiment for r in rows]
        scores = [f1_score(truth, g.read(texts).sentiment.argmax(1), average="macro") for g in (full, graph)]
        lost.append(scores[0] - scores[1])
    return round(float(np.mean(lost)), 4)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--model", type=Path, required=True)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--name", required=True)
    told = asked.parse_args()
    copied(told.model, told.out, told.name)
    graph = Graph(told.out)
    without = json.loads((told.model / "training.json").read_text())["without"]
    sets = tuple(s for s in ("goemotions", "tweets", "products", "clothing") if s != without)
    manifest = dict(graph.manifest)
    shift = neutral_shift(told.data, graph, sets)
    manifest |= {"shift": [0.0, shift, 0.0], "temperature": temperature(told.data, graph, sets, shift)}
    manifest |= {"strength_cuts": strength_cuts(told.data, graph)}
    if without != "goemotions":
        manifest["emotion_cuts"] = emotion_cuts(told.data, graph)
        manifest["group_cuts"] = group_cuts(told.data, graph)
    (told.out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    made = json.loads((told.model / "training.json").read_text("utf-8"))
    if without is None:
        made["lost_in_eight_bits"] = lost_in_eight_bits(told.data, graph, told.model)
    (told.out / "training.json").write_text(json.dumps(made, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
