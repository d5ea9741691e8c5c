"""MiniLM-L6 with three heads, and its graphs: what reads a text, and what gives its meaning from the layers they share.

The lowest layers are frozen, so the trained reader and the untrained embedder are one there. The reader's graph hands
its hidden states after those layers to the embedder's graph, which holds the upper layers of the base model alone.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from training.data import EMOTIONS

WIDTH, HEADS, LAYERS, SHARED = 384, 12, 6, 2


class Layer(nn.Module):
    """One layer of the encoder: attention, then two dense steps, each added to what came in."""

    def __init__(self, dropout: float = 0.1) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.wide = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.end = nn.LayerNorm(WIDTH, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        n, t = x.shape[0], x.shape[1]
        q, k, v = self.qkv(x).reshape(n, t, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        weight = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(WIDTH // HEADS) + bias, dim=-1)
        seen = (self.dropout(weight) @ v).transpose(1, 2).reshape(n, t, WIDTH)
        x = self.norm(x + self.dropout(self.out(seen)))
        return self.end(x + self.dropout(self.narrow(nn.functional.gelu(self.wide(x)))))


def bias_of(mask: Tensor) -> Tensor:
    return (1.0 - mask[:, None, None, :].float()) * -10_000.0


def mean_of(x: Tensor, mask: Tensor) -> Tensor:
    weight = mask.unsqueeze(-1).float()
    return (x * weight).sum(1) / weight.sum(1)


class Reader(nn.Module):
    """A text's tokens → logits of 3 sentiments, logits of 28 emotions, (valence, strength) in −2…2, shared states."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(30_522, WIDTH)
        self.places = nn.Embedding(512, WIDTH)
        self.kind = nn.Parameter(torch.zeros(WIDTH))
        self.norm = nn.LayerNorm(WIDTH, eps=1e-12)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.dropout = nn.Dropout(0.1)
        self.sentiment = nn.Linear(WIDTH, 3)
        self.emotion = nn.Linear(WIDTH, len(EMOTIONS))
        self.feeling = nn.Linear(WIDTH, 2)
        nn.init.constant_(self.emotion.bias, -3.0)

    def shared(self, ids: Tensor, mask: Tensor) -> Tensor:
        x = self.norm(self.words(ids) + self.places.weight[: ids.shape[1]] + self.kind)
        for layer in self.layers[:SHARED]:
            x = layer(x, bias_of(mask))
        return x

    def upper(self, x: Tensor, mask: Tensor) -> Tensor:
        for layer in self.layers[SHARED:]:
            x = layer(x, bias_of(mask))
        return mean_of(x, mask)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        shared = self.shared(input_ids, attention_mask)
        x = self.dropout(self.upper(shared, attention_mask))
        return self.sentiment(x), self.emotion(x), self.feeling(x), shared

    def freeze(self) -> None:
        """Leaves embeddings and the shared layers as they are, and switches their dropout off."""
        for module in (self.words, self.places, self.norm, *self.layers[:SHARED]):
            module.requires_grad_(False)
        self.kind.requires_grad_(False)

    def train(self, mode: bool = True) -> Reader:
        super().train(mode)
        for layer in self.layers[:SHARED]:
            layer.eval()
        return self


class Embedder(nn.Module):
    """The base model's upper layers: shared states → a text's meaning, 384 numbers of length 1."""

    def __init__(self, base: Reader) -> None:
        super().__init__()
        self.base = base

    def forward(self, shared: Tensor, attention_mask: Tensor) -> Tensor:
        return nn.functional.normalize(self.base.upper(shared, attention_mask), dim=-1)


def base_reader(weights: Path, seed: int) -> Reader:
    """A reader with the base model's weights and untrained heads, which the seed draws."""
    torch.manual_seed(seed)
    given, reader = load_file(weights), Reader()
    state = reader.state_dict()
    state["words.weight"] = given["embeddings.word_embeddings.weight"]
    state["places.weight"] = given["embeddings.position_embeddings.weight"]
    state["kind"] = given["embeddings.token_type_embeddings.weight"][0]
    for part in ("weight", "bias"):
        state[f"norm.{part}"] = given[f"embeddings.LayerNorm.{part}"]
        for n in range(LAYERS):
            old, new = f"encoder.layer.{n}", f"layers.{n}"
            parts = [given[f"{old}.attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            state[f"{new}.qkv.{part}"] = torch.cat(parts)
            for ours, theirs in (
                ("out", "attention.output.dense"),
                ("norm", "attention.output.LayerNorm"),
                ("wide", "intermediate.dense"),
                ("narrow", "output.dense"),
                ("end", "output.LayerNorm"),
            ):
                state[f"{new}.{ours}.{part}"] = given[f"{old}.{theirs}.{part}"]
    reader.load_state_dict(state)
    return reader
