"""A training step of models that people train: their time and their peak memory, beside torch's.

The models are plain ``torch.nn``; plugrad runs the same ones, converted. GPT-2-like: a causal
transformer. BERT-like: one that sees all tokens, with a mask of padding. ResNet-18-like:
convolutions, batch normalization, a residual in each block. A step is forward, cross entropy,
backward, AdamW.

A step takes a tenth of a second or more, so a machine that others use, too, disturbs each one. So
what is measured is the processor's time, on one thread; both sides take turns, and the least of
each counts. plugrad's own share is some milliseconds a step, whatever the size; with two threads,
where the kernels take half as long, it weighs twice as much.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import plugrad as pg
from plugrad.benchmarks.real_step import peak_bytes
from plugrad.benchmarks.result import TORCH, Result
from plugrad.benchmarks.timing import least, processor_time, threads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.benchmarks.effort import Effort

_TIME_AIM = 1.03
_MEMORY_AIM = 1.0
_TOKENS = 1000


class Attention(nn.Module):
    """Attention of several heads, as GPT-2 and BERT have it."""

    def __init__(self, width: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = max(1, width // 64), causal
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        split = (batch, length, self.heads, width // self.heads)
        q, k, v = (part.view(split).transpose(1, 2) for part in self.qkv(x).chunk(3, dim=-1))
        y = functional.scaled_dot_product_attention(q, k, v, mask, is_causal=self.causal)
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    """Attention, then two linear layers, each beside a shortcut and normalized before or after."""

    def __init__(self, width: int, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.attention = Attention(width, causal)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(approximate="tanh" if causal else "none"),
            nn.Linear(4 * width, width),
        )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        first, second = self.norms
        if self.causal:
            x = x + self.attention(first(x), mask)
            return x + self.mlp(second(x))
        x = first(x + self.attention(x, mask))
        return second(x + self.mlp(x))


class Transformer(nn.Module):
    """GPT-2 where it is causal, otherwise BERT, both with the embedding's weight for the head."""

    def __init__(self, layers: int, width: int, length: int, causal: bool) -> None:
        super().__init__()
        self.token, self.place = nn.Embedding(_TOKENS, width), nn.Embedding(length, width)
        self.layers = nn.ModuleList([Layer(width, causal) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)

    def forward(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        x = self.token(ids) + self.place(torch.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x, mask)
        return functional.linear(self.norm(x), self.token.weight)


class Block(nn.Module):
    """ResNet's basic block."""

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, wider, 3, stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(wider, wider, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(wider), nn.BatchNorm2d(wider)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, wider, 1, stride, bias=False), nn.BatchNorm2d(wider)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + self.shortcut(x))


def resnet(width: int) -> nn.Module:
    """Return ResNet-18, whose first blocks are ``width`` channels wide."""
    stem = [
        nn.Conv2d(3, width, 7, 2, 3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
        Block(width, width, 1),
        Block(width, width, 1),
    ]
    for stage in range(3):
        channels = width * 2**stage
        stem += [Block(channels, 2 * channels, 2), Block(2 * channels, 2 * channels, 1)]
    return nn.Sequential(*stem, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * width, 10))


class Training:
    """One side: a model, a batch, an optimizer, and a step."""

    def __init__(self, model: nn.Module, inputs: tuple[Tensor, ...], labels: Tensor) -> None:
        self.model, self.inputs, self.labels = model, inputs, labels
        self.parameters: list[Any] = list(model.parameters())
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4)
        self.loss = 0.0

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        self.optimizer.zero_grad()

    def step(self) -> None:
        """Forward, backward, update."""
        y: Any = self.model(*self.inputs)
        loss: Any = functional.cross_entropy(y.flatten(0, -2), self.labels.flatten())
        loss.backward()
        self.optimizer.step()
        self.loss = loss.item()

    def whole_step(self) -> None:
        """A step with the forgetting before it."""
        self.zero_grad()
        self.step()

    def bytes_between_steps(self) -> int:
        """What is alive all the time: parameters, buffers, the optimizer's state, the batch."""
        state = [t for s in self.optimizer.state.values() for t in s.values()]
        tensors = [*self.parameters, *self.model.buffers(), *state, *self.inputs, self.labels]
        return sum(t.detach().untyped_storage().nbytes() for t in tensors)


def _models(effort: Effort) -> Iterator[tuple[str, nn.Module, tuple[Tensor, ...], Tensor]]:
    """The name of each, the model, its inputs, its labels."""
    torch.manual_seed(0)
    layers, width, length, batch = effort.transformer
    ids = torch.randint(0, _TOKENS, (batch, length))
    size = f"{layers} layers, {width} wide, {length} tokens, batch {batch}"
    yield f"GPT-2-like, {size}", Transformer(layers, width, length, True), (ids,), ids
    lengths = torch.randint(length // 2, length + 1, (batch,))
    mask = (torch.arange(length) < lengths[:, None])[:, None, None]
    yield f"BERT-like, {size}", Transformer(layers, width, length, False), (ids, mask), ids
    width, side, batch = effort.resnet
    images, labels = torch.randn(batch, 3, side, side), torch.randint(0, 10, (batch,))
    yield f"ResNet-18-like, {side}x{side}, batch {batch}", resnet(width), (images,), labels


def results(effort: Effort) -> Iterator[Result]:
    """Measure the time, then the memory, of each model."""
    with threads(1):
        for name, model, inputs, labels in _models(effort):
            sides = {
                "plugrad": Training(pg.interop.convert(deepcopy(model)), inputs, labels),
                TORCH: Training(model, inputs, labels),
            }
            seconds = least(
                {side: processor_time(training.whole_step) for side, training in sides.items()},
                effort.model_rounds,
            )
            ours, theirs = (training.loss for training in sides.values())
            if abs(ours - theirs) > 1e-3 * abs(theirs):
                raise AssertionError(f"{name}: the losses differ, {ours} and torch's {theirs}")
            milliseconds = {side: 1e3 * value for side, value in seconds.items()}
            yield Result.of(f"one step of {name}", "ms", milliseconds, aim=_TIME_AIM)
            peaks = {side: peak_bytes(training) / 2**20 for side, training in sides.items()}
            yield Result.of(f"peak memory of one step of {name}", "MiB", peaks, aim=_MEMORY_AIM)
