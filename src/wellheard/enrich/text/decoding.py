"""From the model's numbers to words: sentiment, valence, emotions, strength, by the cuts in its manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wellheard.enrich.text.graph import Numbers, Outputs
from wellheard.enrich.text.reading import EMOTIONS, PLEASANT, SENTIMENTS, STRENGTHS, UNPLEASANT, Read

BOOSTERS = frozenset(
    [
        "very",
        "really",
        "so",
        "extremely",
        "absolutely",
        "totally",
        "completely",
        "utterly",
        "incredibly",
        "super",
        "highly",
        "terribly",
        "awfully",
        "never",
        "always",
        "worst",
        "best",
        "ever",
        "again",
    ]
)
MOST_EMOTIONS = 3
GROUPS = {
    "positive": PLEASANT,
    "negative": UNPLEASANT,
    "neutral": frozenset({"neutral"}),
    "ambiguous": frozenset(EMOTIONS) - PLEASANT - UNPLEASANT - {"neutral"},
}
TOWARDS = 0.3
_CAPITALS = re.compile(r"\b[A-Z]{3,}\b")
_REPEATED = re.compile(r"([a-z])\1\1", re.IGNORECASE)


def probabilities(logits: Numbers, manifest: Mapping[str, Any]) -> Numbers:
    """The sentiments' probabilities, n × 3, by the manifest's temperature and shifts."""
    shifted = (logits + np.array(manifest["shift"], np.float32)) / np.float32(manifest["temperature"])
    grown = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True), np.float32)


def valences(out: Outputs, manifest: Mapping[str, Any]) -> Numbers:
    """The valence of each text, −1 to 1: its own head's, drawn towards the sentiment, which sees more complaints."""
    chance = probabilities(out.sentiment, manifest)
    head = np.clip(out.feeling[:, 0] / 2, -1, 1)
    return np.asarray((1 - TOWARDS) * head + TOWARDS * (chance[:, 2] - chance[:, 0]), np.float32)


def marks(text: str) -> float:
    """How loud a text is by its surface, 0 to 1: capitals, exclamation marks, stretched letters, boosters."""
    words = text.lower().split()
    loud = 0.35 * min(2, text.count("!")) + 0.4 * bool(_CAPITALS.search(text)) + 0.3 * bool(_REPEATED.search(text))
    return min(1.0, loud + 0.25 * min(2, sum(w.strip(".,!?") in BOOSTERS for w in words)))


def strengths(feeling: Numbers, texts: Sequence[str]) -> Numbers:
    """How strong the feeling is, 0 to 1: the head's strength and the valence's size, with a little of the surface."""
    learned = np.clip(0.5 * feeling[:, 1] / 2 + 0.5 * np.abs(feeling[:, 0]) / 2, 0, 1)
    loud = np.array([marks(text) for text in texts], np.float32)
    return np.asarray(np.clip(0.95 * learned + 0.05 * loud, 0, 1), np.float32)


def reads(out: Outputs, texts: Sequence[str], manifest: Mapping[str, Any]) -> list[Read]:
    """What was read in each cleaned text."""
    chance, valence = probabilities(out.sentiment, manifest), valences(out, manifest)
    felt = 1 / (1 + np.exp(-out.emotions))
    cuts = np.array([manifest["emotion_cuts"][name] for name in EMOTIONS], np.float32)
    score, shows = strengths(out.feeling, texts), groups(felt, manifest)
    found = []
    for n in range(len(texts)):
        place = int(chance[n].argmax())
        named = _named(felt[n], cuts, bool(shows["positive"][n]), bool(shows["negative"][n]))
        shown = any(name != "neutral" for name in named) or SENTIMENTS[place] != "neutral"
        low, high = manifest["strength_cuts"]
        band = STRENGTHS[int(score[n] >= low) + int(score[n] >= high)]
        found.append(
            Read(
                sentiment=SENTIMENTS[place],
                valence=round(float(valence[n]), 4),
                emotions=named,
                strength=band if shown else None,
                score=round(float(score[n]), 4) if shown else None,
                sure=round(float(chance[n][place]), 4),
            )
        )
    return found


def groups(felt: npt.NDArray[Any], manifest: Mapping[str, Any]) -> dict[str, npt.NDArray[np.bool_]]:
    """Whether each text shows any pleasant, unpleasant or ambiguous emotion, or none: by the chance that not all of a
    group's emotions are missing."""
    return {
        name: 1 - np.prod(1 - felt[:, [EMOTIONS.index(e) for e in members]], axis=1) >= manifest["group_cuts"][name]
        for name, members in GROUPS.items()
    }


def _named(felt: npt.NDArray[Any], cuts: npt.NDArray[Any], pleasant: bool, unpleasant: bool) -> tuple[str, ...]:
    """The emotions over their cuts, the strongest first; of a side that shows one at least, and of another none.

    `neutral` stands only where there is no other.
    """
    over = felt / cuts
    order = [int(n) for n in np.argsort(-over, kind="stable")]
    barred = {*(() if pleasant else PLEASANT), *(() if unpleasant else UNPLEASANT), "neutral"}
    named = [EMOTIONS[n] for n in order if over[n] >= 1 and EMOTIONS[n] not in barred][:MOST_EMOTIONS]
    for shown, side in ((pleasant, PLEASANT), (unpleasant, UNPLEASANT)):
        if shown and not side & set(named):
            named = [*named[: MOST_EMOTIONS - 1], next(EMOTIONS[n] for n in order if EMOTIONS[n] in side)]
    return tuple(named) or ("neutral",)
