"""The model's files: tokens in, numbers out, in batches of like length. Loads nothing before it is first asked."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wellheard.base.errors import BadInput

Numbers = npt.NDArray[np.float32]
FOLDER = Path(__file__).parent / "model"
BATCH = 16
TOKENS = 128
THREADS = 2


@dataclass(frozen=True)
class Outputs:
    """For each text: 3 logits of sentiment, 28 of emotions, valence and strength in −2…2, its meaning if asked for."""

    sentiment: Numbers
    emotions: Numbers
    feeling: Numbers
    meaning: Numbers | None


class Graph:
    """A model in a folder: `reader.onnx`, `tokenizer.json.gz`, `manifest.json` and, for topics, `embedder.onnx`.

    Raises BadInput where a file is missing or is not the one that the manifest names. Safe to share between threads.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        file = self.folder / "manifest.json"
        if not file.exists():
            raise BadInput(f"there is no model in {self.folder}: manifest.json is missing", hint="see docs/text.md")
        told: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
        for name, wanted in told["files"].items():
            path = self.folder / name
            if not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
                raise BadInput(f"{path} is not the file that its manifest names", hint="install the model again")
        return told

    @property
    def name(self) -> str:
        """The model's name with its version, which every score bears."""
        return str(self.manifest["name"])

    def read(self, texts: Sequence[str], *, meaning: bool = False) -> Outputs:
        """Numbers of cleaned texts, in their order. Texts of like length go together, so the order changes nothing."""
        with self._lock:
            words, reader = self._words, self._reader
            embedder = self._embedder if meaning else None
        encoded = words.encode_batch(list(texts))
        order = sorted(range(len(texts)), key=lambda n: (len(encoded[n].ids), texts[n]))
        parts: list[list[Numbers]] = []
        for places in _cut(order):
            ids, mask = _padded([encoded[n].ids for n in places])
            wanted = ["sentiment", "emotions", "feeling", *(["shared"] if embedder else [])]
            found = reader.run(wanted, {"input_ids": ids, "attention_mask": mask})
            if embedder:
                found[3] = embedder.run(None, {"shared": found[3], "attention_mask": mask})[0]
            parts.append(found)
        back = np.argsort(np.array(order, dtype=np.int64), kind="stable")
        joined = [np.concatenate([p[n] for p in parts])[back] for n in range(4 if meaning else 3)] if parts else []
        if not joined:
            none = np.zeros((0, 3), np.float32)
            return Outputs(
                none, np.zeros((0, 28), np.float32), np.zeros((0, 2), np.float32), np.zeros((0, 384), np.float32)
            )
        return Outputs(joined[0], joined[1], joined[2], joined[3] if meaning else None)

    @cached_property
    def _words(self) -> Any:
        from tokenizers import Tokenizer

        words = Tokenizer.from_str(gzip.decompress((self.folder / "tokenizer.json.gz").read_bytes()).decode("utf-8"))
        words.no_padding()
        words.enable_truncation(TOKENS)
        return words

    @cached_property
    def _reader(self) -> Any:
        return self._session("reader.onnx")

    @cached_property
    def _embedder(self) -> Any:
        return self._session("embedder.onnx")

    def _session(self, name: str) -> Any:
        import onnxruntime

        if name not in self.manifest["files"]:
            raise BadInput(f"{self.folder} has no {name}", hint="a model without it reads texts and finds no topics")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A thread that waits gives the core to others: half the work of a busy machine would be waiting.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # Memory is handed back after each batch: a server must not keep what the longest text needed.
        options.enable_cpu_mem_arena = False
        return onnxruntime.InferenceSession(str(self.folder / name), options, providers=["CPUExecutionProvider"])


@lru_cache(maxsize=4)
def graph_in(folder: Path = FOLDER) -> Graph:
    """The graph of a folder, the same one each time."""
    return Graph(folder)


def _cut(order: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]


def _padded(ids: list[list[int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    longest = max(map(len, ids))
    tokens = np.zeros((len(ids), longest), np.int64)
    mask = np.zeros((len(ids), longest), np.int64)
    for n, part in enumerate(ids):
        tokens[n, : len(part)] = part
        mask[n, : len(part)] = 1
    return tokens, mask
