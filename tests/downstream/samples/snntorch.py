"""Samples of snntorch: spikes, all of which have a surrogate gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad import Sample, SampleMaker


def spikes(*options: object):
    """(input, *options): around the threshold, without dimensions, and far from it."""

    def samples(make: SampleMaker) -> list[Sample]:
        return [
            Sample(make(3, 4), *options),
            Sample(make(), *options),
            Sample(make.tensor([-40.0, -1.0, 1.0, 40.0]), *options),
        ]

    return samples


def custom(x: Tensor, gradient: Tensor, _: Tensor) -> Tensor:
    """A surrogate as a user writes it."""
    return gradient / (25 * torch.abs(x) + 1.0) ** 2


def records(*options: object):
    """(spk_rec, *options): time, batch, neuron."""

    def samples(make: SampleMaker) -> list[Sample]:
        return [
            Sample(make.booleans(5, 2, 3).to(make.dtype), *options),
            Sample(make.booleans(4, 1, 2).to(make.dtype), *options),
        ]

    return samples


def tolerance(make: SampleMaker) -> list[Sample]:
    """(spk_time, target, tolerance)."""
    return [
        Sample(make(2, 3, low=0.0, high=5.0), make(2, 3, low=0.0, high=5.0), 1).constant(1),
        Sample(make(4, low=0.0, high=5.0), make(4, low=0.0, high=5.0), 2).constant(1),
    ]


def quantize(make: SampleMaker) -> list[Sample]:
    """(input, levels)."""
    levels = torch.linspace(-1.2, 1.2, 5, dtype=torch.float64)
    return [Sample(make(3, 4), levels).constant(1), Sample(make(5), levels).constant(1)]


_SPIKE = "a step has no slope: the gradient is that of a smooth function beside it"


def _surrogate(samples: object) -> dict[str, object]:
    return {"samples": samples, "surrogate": _SPIKE}


_LOSS = "snntorch.functional.loss:SpikeTime"
_RULES = "snntorch.surrogate"
SAMPLES = {
    "snntorch._neurons.leakykernel:LeakyKernel.ATan": _surrogate(spikes(2.0)),
    "snntorch._neurons.leakyparallel:LeakyParallel.ATan": _surrogate(spikes(2.0)),
    "snntorch._neurons.leakyunroll:LeakyParallel.ATan": _surrogate(spikes(2.0)),
    f"{_LOSS}.FirstSpike": _surrogate(records()),
    f"{_LOSS}.MultiSpike": _surrogate(records(2)),
    f"{_LOSS}.Tolerance": _surrogate(tolerance),
    "snntorch.functional.quant:StateQuant": _surrogate(quantize),
    f"{_RULES}:ATan": _surrogate(spikes(2.0)),
    f"{_RULES}:CustomSurrogate": _surrogate(spikes(custom)),
    f"{_RULES}:FastSigmoid": _surrogate(spikes(25)),
    f"{_RULES}:Heaviside": _surrogate(spikes()),
    f"{_RULES}:LeakySpikeOperator": _surrogate(spikes(0.1)),
    f"{_RULES}:Sigmoid": _surrogate(spikes(25)),
    f"{_RULES}:SparseFastSigmoid": _surrogate(spikes(25, 0.1)),
    f"{_RULES}:SpikeRateEscape": _surrogate(spikes(1, 25)),
    f"{_RULES}:StochasticSpikeOperator": {**_surrogate(spikes(0.0, 0.2)), "random": True},
    f"{_RULES}:StraightThroughEstimator": _surrogate(spikes()),
    f"{_RULES}:Triangular": _surrogate(spikes(1.0)),
}

NOT_REACHED: dict[str, str] = {}
