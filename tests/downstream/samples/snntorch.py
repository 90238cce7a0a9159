"""Samples of snntorch: spikes, all of which have a surrogate gradient."""

from __future__ import annotations

import torch
from snntorch.functional.loss import SpikeTime
from torch import Tensor

from plugrad import Sample, SampleMaker

FirstSpike, MultiSpike = SpikeTime.FirstSpike, SpikeTime.MultiSpike


def spikes(*options: object):
    """(input, *options): around the threshold, without dimensions, and far from it."""

    def samples(make: SampleMaker) -> list[Sample]:
        return [
            Sample(make(3, 4), *options),
            Sample(make(), *options),
            Sample(make.tensor([-40.0, -1.5, 1.5, 40.0]), *options),
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


def atan(x: Tensor, alpha: float) -> Tensor:
    """atan(pi alpha x / 2) / pi."""
    return torch.atan(torch.pi / 2 * alpha * x) / torch.pi


def fast_sigmoid(x: Tensor, slope: object = 25) -> Tensor:
    """x / (1 + slope |x|); the slope of ``custom`` is 25."""
    slope = 25 if callable(slope) else slope
    return x / (1 + slope * x.abs())


def heaviside(x: Tensor) -> Tensor:
    """A neuron that has fired passes the gradient."""
    return torch.relu(x)


def leaky(x: Tensor, slope: float) -> Tensor:
    """A leaky ReLU."""
    return torch.nn.functional.leaky_relu(x, slope)


def sigmoid(x: Tensor, slope: float) -> Tensor:
    """The logistic function of slope x."""
    return torch.sigmoid(slope * x)


def sparse_fast_sigmoid(x: Tensor, slope: float, least: float) -> Tensor:
    """fast_sigmoid where x is more than ``least``."""
    return torch.where(x > least, fast_sigmoid(x, slope), torch.zeros_like(x))


def spike_rate_escape(x: Tensor, beta: float, slope: float) -> Tensor:
    """The integral of slope exp(-beta |x - 1|)."""
    tail = torch.exp(-beta * (x - 1).abs())
    return slope / beta * torch.where(x < 1, tail, 2 - tail)


def identity(x: Tensor, *_: object) -> Tensor:
    """Straight through."""
    return x * 1


def triangular(x: Tensor, threshold: float) -> Tensor:
    """A roof: its slope is ``threshold`` below 0 and minus that above."""
    return -threshold * x.abs()


def first_spike(record: Tensor, *_: object) -> Tensor:
    """A neuron that spikes more at the time of its first spike spikes earlier."""
    time = FirstSpike.apply(record.detach()).long()
    return -record.gather(0, time.unsqueeze(0)).squeeze(0)


def multi_spike(record: Tensor, count: int, *_: object) -> Tensor:
    """The same for each of the first spikes; where they coincide, the gradients add up."""
    return -record.gather(0, MultiSpike.apply(record.detach(), count).long())


_SPIKE = "a step has no slope: the gradient is that of a smooth function beside it"


def _surrogate(samples: object, reference: object) -> dict[str, object]:
    return {"samples": samples, "surrogate": _SPIKE, "surrogate_reference": reference}


_LOSS = "snntorch.functional.loss:SpikeTime"
_RULES = "snntorch.surrogate"
SAMPLES = {
    "snntorch._neurons.leakykernel:LeakyKernel.ATan": _surrogate(spikes(2.0), atan),
    "snntorch._neurons.leakyparallel:LeakyParallel.ATan": _surrogate(spikes(2.0), atan),
    "snntorch._neurons.leakyunroll:LeakyParallel.ATan": _surrogate(spikes(2.0), atan),
    f"{_LOSS}.FirstSpike": _surrogate(records(), first_spike),
    f"{_LOSS}.MultiSpike": _surrogate(records(2), multi_spike),
    f"{_LOSS}.Tolerance": _surrogate(tolerance, identity),
    "snntorch.functional.quant:StateQuant": _surrogate(quantize, identity),
    f"{_RULES}:ATan": _surrogate(spikes(2.0), atan),
    f"{_RULES}:CustomSurrogate": _surrogate(spikes(custom), fast_sigmoid),
    f"{_RULES}:FastSigmoid": _surrogate(spikes(25), fast_sigmoid),
    f"{_RULES}:Heaviside": _surrogate(spikes(), heaviside),
    f"{_RULES}:LeakySpikeOperator": _surrogate(spikes(0.1), leaky),
    f"{_RULES}:Sigmoid": _surrogate(spikes(25), sigmoid),
    f"{_RULES}:SparseFastSigmoid": _surrogate(spikes(25, 0.1), sparse_fast_sigmoid),
    f"{_RULES}:SpikeRateEscape": _surrogate(spikes(1, 25), spike_rate_escape),
    f"{_RULES}:StochasticSpikeOperator": {
        "samples": spikes(0.0, 0.2),
        "surrogate": _SPIKE,
        "random": True,
    },
    f"{_RULES}:StraightThroughEstimator": _surrogate(spikes(), identity),
    f"{_RULES}:Triangular": _surrogate(spikes(1.0), triangular),
}

NOT_REACHED: dict[str, str] = {}
