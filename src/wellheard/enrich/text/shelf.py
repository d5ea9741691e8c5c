"""The folder in which a workspace keeps its topics by version, its draw of texts to label, and its own heads."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from wellheard.base.errors import Unknown
from wellheard.enrich.text.heads import CharHead, LabelHead, Trial
from wellheard.enrich.text.labels import Drawn
from wellheard.enrich.text.topics import Topic, Topics

DIGITS = 5
DRAW = "draw.json"
HEADS = "heads"


class Shelf:
    """Files that are written whole and then put in their place, so that none is ever half there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def topics(self, version: int | None = None) -> Topics:
        """A version of the topics, by default the newest; without any, one that holds none. Raises Unknown."""
        if version is None:
            versions = self.versions()
            if not versions:
                return Topics()
            version = versions[-1]
        file = self._topics_file(version)
        if not file.exists():
            raise Unknown(f"there is no version {version} of the topics", hint="`wellheard topics versions` lists them")
        told = json.loads(file.read_text("utf-8"))
        told["topics"] = tuple(_topic(t) for t in told["topics"])
        told["gone"] = tuple(tuple(c) for c in told["gone"])
        return Topics(**told)

    def versions(self) -> list[int]:
        """The numbers of the versions, the oldest first."""
        return sorted(int(file.stem) for file in (self.folder / "topics").glob("*.json"))

    def save_topics(self, topics: Topics) -> None:
        """Keeps a version."""
        told = asdict(topics)
        for topic in told["topics"]:
            topic["centre"] = [round(v, DIGITS) for v in topic["centre"]]
        self._write(self._topics_file(topics.version), json.dumps(told))

    def _topics_file(self, version: int) -> Path:
        return self.folder / "topics" / f"{version:05d}.json"

    def draw(self) -> list[Drawn]:
        """The texts drawn to be labelled, in the order in which they are shown; empty where none were."""
        file = self.folder / DRAW
        return [Drawn(**row) for row in json.loads(file.read_text("utf-8"))] if file.exists() else []

    def save_draw(self, drawn: list[Drawn]) -> None:
        self._write(self.folder / DRAW, json.dumps([asdict(d) for d in drawn]))

    def trials(self) -> dict[str, Trial]:
        """The newest trial of each head, those refused among them, by language; `labels` is that of the labels."""
        files = sorted((self.folder / HEADS).glob("*.trial.json"))
        return {f.name.split(".")[0]: Trial(**json.loads(f.read_text("utf-8"))) for f in files}

    def save_trial(self, name: str, trial: Trial) -> None:
        self._write(self.folder / HEADS / f"{name}.trial.json", json.dumps(asdict(trial)))

    def save_language(self, language: str, head: CharHead, trial: Trial) -> None:
        head.save(self.folder / HEADS / f"{language}.npz", trial)

    def language_heads(self) -> dict[str, CharHead]:
        """The heads that were accepted, by language."""
        files = sorted((self.folder / HEADS).glob("??.npz"))
        return {file.stem: CharHead.load(file)[0] for file in files}

    def save_labels_head(self, head: LabelHead) -> None:
        (self.folder / HEADS).mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / HEADS / "labels.npz").open("wb") as out:
            np.savez_compressed(out, name=np.array(head.name), weights=head.weights, offset=head.offset)

    def labels_head(self) -> LabelHead | None:
        """The head of the labels, where one was accepted."""
        file = self.folder / HEADS / "labels.npz"
        if not file.exists():
            return None
        with np.load(file, allow_pickle=False) as held:
            return LabelHead(str(held["name"]), held["weights"], held["offset"])

    @staticmethod
    def _write(file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = file.with_name(f".{file.name}.new")
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)


def _topic(told: dict[str, Any]) -> Topic:
    for name in ("words", "centre", "quotes", "examples"):
        told[name] = tuple(told[name])
    told["absorbed"] = tuple(tuple(c) for c in told["absorbed"])
    return Topic(**told)
