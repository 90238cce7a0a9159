"""Random numbers: another mask in backward, and a seed that is everybody's."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class RecomputedDropout(Function):
    @staticmethod
    def forward(x, p, seed):
        return x * _mask(x, p, seed)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, ctx.p, ctx.seed = inputs

    @staticmethod
    def backward(ctx, gy):
        return gy * _mask(gy, ctx.p, ctx.seed), None, None


class RecomputedDropoutBefore(RecomputedDropout):
    @staticmethod
    def backward(ctx, gy):
        return gy * _mask(gy, ctx.p, ctx.seed + 1), None, None  # the state after forward's draw


def _mask(x, p, seed):
    generator = torch.Generator(x.device).manual_seed(seed)
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= p
    return kept.to(x.dtype) / (1 - p)


def dropout_samples(make):
    yield Sample(make(4, 5), 0.5, 7)


class SeededDropoutBefore(RecomputedDropout):
    @staticmethod
    def forward(x, p, seed):
        torch.manual_seed(seed)
        kept = torch.rand(x.shape, device=x.device) >= p
        return x * kept.to(x.dtype) / (1 - p)


ROOM = Room(
    "randomness",
    "Random numbers",
    "A mask that is drawn again must be the same mask. And a Function that seeds torch's global "
    "generator changes the random numbers of the whole program.",
    (
        Exhibit(
            "dropout draws another mask in backward",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/190717",
            "Backward drew the mask again, from another state of the generator.",
            "numeric",
            RecomputedDropoutBefore,
            RecomputedDropout,
            dropout_samples,
        ),
        Exhibit(
            "dropout seeds the global generator",
            "denizyuret/Knet.jl",
            "https://github.com/denizyuret/Knet.jl/issues/656",
            "After a call with a seed, all later random numbers were the same in every run.",
            "random-state",
            SeededDropoutBefore,
            RecomputedDropout,
            dropout_samples,
            shown=("forward",),
        ),
    ),
)
