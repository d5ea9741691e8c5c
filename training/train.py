"""Trains the reader of customers' texts with fixed seeds and steps, and writes its graphs in eight bits.

    python -m training.train --data DIR --out DIR [--steps N] [--without SET]

`--without` leaves one set out, so that it can judge: such a model is for judging alone and is not shipped.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import importlib.metadata
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from torch import Tensor, nn

from training import cx, data, pairs, talk
from training.base import BASE, base_folder
from training.network import WIDTH, Embedder, Reader, base_reader

SEED, STEPS, BATCH, TOKENS, POOL = 20_261, 1_600, 32, 56, 40
HELD = 100  # steps after which what was trained is written, so that a run can be taken up again
BODY, TOPS, DECAY, WARM = 1.4e-4, 1e-3, 0.01, 60
KINDS = ("plain", "request", "negation", "implied", "sarcasm", "mixed", "noisy")
PARTS = ("reader", "optimizer", "pace")
CLASSES = (1.15, 1.25, 0.85)  # weights of the sentiments, since most rows are positive


def tokenizer(folder: Path) -> Tokenizer:
    made = Tokenizer.from_file(str(folder / "tokenizer.json"))
    made.no_padding()
    made.enable_truncation(TOKENS)
    return made


def batches(rows: list[data.Row], words: Tokenizer, draw: random.Random) -> list[list[tuple[list[int], data.Row]]]:
    """Rows of like length together, so that little is padded; the order of the batches is drawn."""
    ids = [e.ids for e in words.encode_batch([row.text for row in rows])]
    pairs = list(zip(ids, rows, strict=True))
    found = []
    for start in range(0, len(pairs), BATCH * POOL):
        pool = sorted(pairs[start : start + BATCH * POOL], key=lambda pair: len(pair[0]))
        groups = [pool[n : n + BATCH] for n in range(0, len(pool), BATCH)]
        draw.shuffle(groups)
        found += groups
    return found


def padded(ids: list[list[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, ids))
    tokens = torch.tensor([part + [0] * (longest - len(part)) for part in ids])
    mask = torch.tensor([[1] * len(part) + [0] * (longest - len(part)) for part in ids])
    return tokens, mask


def loss_of(out: tuple[Tensor, ...], rows: list[data.Row]) -> Tensor:
    """Cross-entropy of the sentiment, 12 × that of the emotions, squared errors of valence and strength."""
    sentiment, emotion, feeling = out[:3]
    total = sentiment.sum() * 0.0
    told = [n for n, row in enumerate(rows) if row.sentiment is not None]
    if told:
        target = torch.tensor([rows[n].sentiment for n in told])
        each = nn.functional.cross_entropy(sentiment[told], target, label_smoothing=0.05, reduction="none")
        weight = torch.tensor([rows[n].weight * CLASSES[rows[n].sentiment or 0] for n in told])
        total = total + (each * weight).sum() / len(rows)
    felt = [n for n, row in enumerate(rows) if row.emotions is not None]
    if felt:
        marks = torch.zeros(len(felt), len(data.EMOTIONS))
        for line, n in enumerate(felt):
            marks[line, list(rows[n].emotions or ())] = 1.0
        share = len(felt) / len(rows)
        total = total + 12 * share * nn.functional.binary_cross_entropy_with_logits(emotion[felt], marks)
    rated = [n for n, row in enumerate(rows) if row.rating is not None]
    if rated:
        rating = torch.tensor([rows[n].rating or 0.0 for n in rated]) / 2
        wanted = torch.stack([rating, rating.abs()], dim=1)
        total = total + 4 * (len(rated) / len(rows)) * nn.functional.mse_loss(feeling[rated], wanted)
    return total


@dataclass(frozen=True)
class Second:
    """A second stage: its steps, its rate of the first's, how often it sees our own sentences of which kinds and the
    idioms, and which part of its texts are pairs of negations and everyday talk."""

    steps: int
    rate: float
    own: int
    idioms: int
    pairs: float
    talk: float
    kinds: tuple[str, ...]


# Each begins where the first stage ended, and the reader is the mean of their weights (model soup: Wortsman et al.,
# 2022): one knows negation better, the other what is said without a feeling.
SECONDS = (
    Second(500, 0.5, own=4, idioms=6, pairs=1 / 4, talk=0, kinds=KINDS),
    Second(1_200, 0.6, own=3, idioms=4, pairs=1 / 12, talk=1 / 5, kinds=cx.KINDS),
)


def second_rows(rows: list[data.Row], second: Second) -> list[data.Row]:
    """What a second stage sees: sentences of ours among rows of the first."""
    draw, texts = random.Random(SEED + 1), second.steps * BATCH
    own = second.own * data.own(False, second.kinds) + second.idioms * data.idioms(second.kinds)
    made = pairs.pairs(SEED, int(texts * second.pairs))
    made += data.apart(talk.talk(SEED, int(texts * second.talk)), second.kinds)
    mixed = own + made + draw.sample(rows, max(0, texts - len(own) - len(made)))
    draw.shuffle(mixed)
    return mixed


def train(
    reader: Reader,
    rows: list[data.Row],
    folder: Path,
    steps: int,
    seed: int,
    rate: float = 1.0,
    held: Path | None = None,
) -> Reader:
    """Trains for a number of steps, the rate up and then down to nothing. Taken up again from `held` where it is."""
    reader.freeze()
    reader.train()
    tops = [*reader.sentiment.parameters(), *reader.emotion.parameters(), *reader.feeling.parameters()]
    body = [p for layer in reader.layers for p in layer.parameters() if p.requires_grad]
    groups = [{"params": body, "lr": BODY * rate}, {"params": tops, "lr": TOPS * rate}]
    step_by = torch.optim.AdamW(groups, weight_decay=DECAY)
    pace = torch.optim.lr_scheduler.LambdaLR(
        step_by, lambda n: min(1.0, (n + 1) / WARM) * max(0.0, (steps - n) / steps)
    )
    done = _taken_up(held, reader, step_by, pace)
    began = time.monotonic()
    for n, batch in enumerate(batches(rows[: steps * BATCH], tokenizer(folder), random.Random(seed))[:steps]):
        if n < done:
            continue
        ids, mask = padded([pair[0] for pair in batch])
        loss = loss_of(reader(ids, mask), [pair[1] for pair in batch])
        step_by.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*body, *tops], 1.0)
        step_by.step()
        pace.step()
        if held and (n + 1) % HELD == 0:
            states = {"done": n + 1, "random": torch.get_rng_state()}
            torch.save(states | {k: v.state_dict() for k, v in zip(PARTS, (reader, step_by, pace), strict=True)}, held)
        if n % 50 == 0:
            speed = (n + 1 - done) * BATCH / (time.monotonic() - began)
            sys.stdout.write(f"{n} of {steps}, loss {loss.item():.3f}, {speed:.0f}/s\n")
            sys.stdout.flush()
    return reader.eval()


def _taken_up(held: Path | None, *parts: Any) -> int:
    """How many steps were done before, their states given to the parts."""
    if held is None or not held.exists():
        return 0
    states = torch.load(held, weights_only=False)
    for name, part in zip(PARTS, parts, strict=True):
        part.load_state_dict(states[name])
    torch.set_rng_state(states["random"])
    return int(states["done"])


def write_graphs(reader: Reader, base: Reader, out: Path) -> None:
    """Two graphs, in full and in eight bits per channel."""
    ids, mask = torch.ones(2, 9, dtype=torch.int64), torch.ones(2, 9, dtype=torch.int64)
    both = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        reader, (ids, mask), str(out / "reader.fp32.onnx"), opset_version=17, dynamo=False,
        input_names=["input_ids", "attention_mask"], output_names=["sentiment", "emotions", "feeling", "shared"],
        dynamic_axes={"input_ids": both, "attention_mask": both, "shared": both,
                      **{name: {0: "texts"} for name in ("sentiment", "emotions", "feeling")}},
    )  # fmt: skip
    torch.onnx.export(
        Embedder(base.eval()), (torch.zeros(2, 9, WIDTH), mask), str(out / "embedder.fp32.onnx"), opset_version=17,
        dynamo=False, input_names=["shared", "attention_mask"], output_names=["meaning"],
        dynamic_axes={"shared": both, "attention_mask": both, "meaning": {0: "texts"}},
    )  # fmt: skip
    for name in ("reader", "embedder"):
        quantize_dynamic(
            out / f"{name}.fp32.onnx", out / f"{name}.onnx", per_channel=True, weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gather", "Gemm"],
        )  # fmt: skip


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--out", type=Path, required=True)
    asked.add_argument("--steps", type=int, default=STEPS, help="steps of the first stage")
    asked.add_argument("--finish", type=int, help="the last of the second stages alone, with so many steps; 0: none")
    asked.add_argument("--first", type=Path, help="the weights after the first stage, where it was run before")
    asked.add_argument("--without")
    told = asked.parse_args()
    torch.set_num_threads(1)  # so that sums are added in one order
    folder = base_folder()
    rows = data.training_rows(told.data, SEED, told.without)
    told.out.mkdir(parents=True, exist_ok=True)
    reader = base_reader(folder / "model.safetensors", SEED)
    if told.first:
        reader.load_state_dict(torch.load(told.first))
    else:
        train(reader, rows, folder, told.steps, SEED)
        torch.save(reader.state_dict(), told.out / "first.pt")
    seconds = SECONDS if told.finish is None else (replace(SECONDS[-1], steps=told.finish),) if told.finish else ()
    if seconds:
        reader.load_state_dict(_mean([_after(reader, rows, folder, second, told.out) for second in seconds]))
    torch.save(reader.state_dict(), told.out / "reader.pt")
    write_graphs(reader.eval(), base_reader(folder / "model.safetensors", SEED), told.out)
    made = _made(told, len(rows), seconds)
    (told.out / "training.json").write_text(json.dumps(made, indent=2) + "\n", "utf-8")


def _after(first: Reader, rows: list[data.Row], folder: Path, second: Second, out: Path) -> dict[str, Tensor]:
    """The weights after a second stage; those of the first stage stay as they are."""
    reader = copy.deepcopy(first)
    torch.manual_seed(SEED + 1)
    held = out / f"held_{second.steps}.pt"
    train(reader, second_rows(rows, second), folder, second.steps, SEED + 1, second.rate, held)
    return reader.state_dict()


def _mean(weights: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([part[name] for part in weights]).mean(0) for name in weights[0]}


def _made(told: argparse.Namespace, rows: int, seconds: Sequence[Second]) -> dict[str, Any]:
    graphs = ("reader", "embedder")
    packages = ("torch", "onnx", "onnxruntime", "tokenizers")
    return {
        "steps": told.steps,
        "second_stages": [asdict(second) for second in seconds],
        "texts_seen": min(rows, told.steps * BATCH) + sum(second.steps for second in seconds) * BATCH,
        "seed": SEED,
        "without": told.without,
        "threads": torch.get_num_threads(),
        "data": {name: data.hash_of(told.data, name) for name in data.SOURCES if name != told.without},
        "own_sentences": {
            **cx.hashes(),
            "idioms.txt": hashlib.sha256((cx.FOLDER / "idioms.txt").read_bytes()).hexdigest(),
        },
        "base": BASE,
        "packages": {name: importlib.metadata.version(name) for name in packages},
        "graphs": {n: hashlib.sha256((told.out / f"{n}.onnx").read_bytes()).hexdigest() for n in graphs},
    }


if __name__ == "__main__":
    main()
