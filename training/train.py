"""Trains the reader of customers' texts with fixed seeds and steps, and writes its graphs in eight bits.

    python -m training.train --data DIR --out DIR [--steps N] [--without SET]

`--without` leaves one set out, so that it can judge: such a model is for judging alone and is not shipped.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer
from torch import Tensor, nn

from training import cx, data, pairs
from training.base import BASE, base_folder
from training.network import WIDTH, Embedder, Reader, base_reader

SEED, STEPS, BATCH, TOKENS, POOL = 20_261, 1_600, 32, 56, 40
FINISH = 500  # steps of the second stage: negation and our own sentences, among rows of the first
SLOWER = 0.5  # the second stage's rate, of the first's
BODY, TOPS, DECAY, WARM = 1.4e-4, 1e-3, 0.01, 60
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


def finishing_rows(rows: list[data.Row], steps: int) -> list[data.Row]:
    """What the second stage sees."""
    draw = random.Random(SEED + 1)
    own = 4 * data.own(test=False) + 6 * data.idioms()
    made = pairs.pairs(SEED, steps * BATCH // 4)
    mixed = own + made + draw.sample(rows, max(0, steps * BATCH - len(own) - len(made)))
    draw.shuffle(mixed)
    return mixed


def train(reader: Reader, rows: list[data.Row], folder: Path, steps: int, seed: int, rate: float = 1.0) -> Reader:
    """Trains for a number of steps, the rate up and then down to nothing."""
    reader.freeze()
    reader.train()
    tops = [*reader.sentiment.parameters(), *reader.emotion.parameters(), *reader.feeling.parameters()]
    body = [p for layer in reader.layers for p in layer.parameters() if p.requires_grad]
    groups = [{"params": body, "lr": BODY * rate}, {"params": tops, "lr": TOPS * rate}]
    step_by = torch.optim.AdamW(groups, weight_decay=DECAY)
    pace = torch.optim.lr_scheduler.LambdaLR(
        step_by, lambda n: min(1.0, (n + 1) / WARM) * max(0.0, (steps - n) / steps)
    )
    began = time.monotonic()
    for n, batch in enumerate(batches(rows[: steps * BATCH], tokenizer(folder), random.Random(seed))[:steps]):
        ids, mask = padded([pair[0] for pair in batch])
        loss = loss_of(reader(ids, mask), [pair[1] for pair in batch])
        step_by.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*body, *tops], 1.0)
        step_by.step()
        pace.step()
        if n % 50 == 0:
            speed = (n + 1) * BATCH / (time.monotonic() - began)
            sys.stdout.write(f"{n} of {steps}, loss {loss.item():.3f}, {speed:.0f}/s\n")
            sys.stdout.flush()
    return reader.eval()


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
    asked.add_argument("--steps", type=int, default=STEPS)
    asked.add_argument("--finish", type=int, default=FINISH, help="steps of the second stage; 0 leaves it out")
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
    if told.finish:
        torch.manual_seed(SEED + 1)
        train(reader, finishing_rows(rows, told.finish), folder, told.finish, SEED + 1, SLOWER)
    torch.save(reader.state_dict(), told.out / "reader.pt")
    write_graphs(reader.eval(), base_reader(folder / "model.safetensors", SEED), told.out)
    (told.out / "training.json").write_text(json.dumps(_made(told, len(rows)), indent=2) + "\n", "utf-8")


def _made(told: argparse.Namespace, rows: int) -> dict[str, Any]:
    graphs = ("reader", "embedder")
    packages = ("torch", "onnx", "onnxruntime", "tokenizers")
    return {
        "steps": told.steps,
        "finishing_steps": told.finish,
        "texts_seen": min(rows, told.steps * BATCH) + told.finish * BATCH,
        "seed": SEED,
        "without": told.without,
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
