"""Samples of torchdiffeq: the adjoint method, and gradients that are led around a step."""

from __future__ import annotations

import torch
from torch import Tensor
from torchdiffeq._impl.misc import _rms_norm

from plugrad import Sample, SampleMaker


def spiral(t: Tensor, y: Tensor) -> Tensor:
    """A field that depends on time and is not linear."""
    return torch.sin(y) * 0.5 - y.flip(-1) * torch.cos(t)


def _largest_norm(values: tuple[Tensor, ...]) -> Tensor:
    return torch.stack([_rms_norm(value) for value in values if value.numel()]).max()


def adjoint(make: SampleMaker) -> list[Sample]:
    """(shapes, func, y0, t, rtol, atol, method, options, event_fn, adjoint_..., t_requires_grad).

    Its last arguments, the parameters, must be those that func itself uses; a copy is another
    parameter. So func has none here.
    """

    def sample(y: Tensor, t: list[float]) -> Sample:
        forward = (1e-12, 1e-13, "dopri5", {"norm": _rms_norm, "max_num_steps": 100}, None)
        options = {"norm": _largest_norm, "max_num_steps": 100}
        backward = (1e-12, 1e-13, "dopri5", options, True)
        return Sample(None, spiral, y, make.tensor(t), *forward, *backward)

    return [sample(make(2), [0.0, 0.03]), sample(make(1, 2), [0.0, 0.01, 0.03])]


def stitch(make: SampleMaker) -> list[Sample]:
    """(x1, out)."""
    x = make(3)
    return [
        Sample(x, torch.nextafter(x, x + 1)).constant(1),
        Sample(make(), make()).constant(1),
    ]


def stitch_reference(x: Tensor, _: Tensor) -> Tensor:
    """The identity."""
    return x * 1


def event(t: Tensor, y: Tensor) -> Tensor:
    """The event is where the state's sum passes through t."""
    return y.sum() - t


def rerouting(make: SampleMaker) -> list[Sample]:
    """(func, event_fn, event_t, state_t)."""
    return [
        Sample(spiral, event, make(), make(3)).constant(2),
        Sample(spiral, event, make(), make(2, 2)).constant(2),
    ]


def assign(make: SampleMaker) -> list[Sample]:
    """(scratch, value, index)."""
    return [
        Sample(make(3, 4), make(3), (slice(None), 2)),
        Sample(make(4), make(), 1),
    ]


def assign_reference(scratch: Tensor, value: Tensor, index: object) -> Tensor:
    """An assignment that changes no input."""
    result = scratch.clone()
    result[index] = value
    return result


SAMPLES = {
    "torchdiffeq._impl.adjoint:OdeintAdjointMethod": adjoint,
    "torchdiffeq._impl.misc:_StitchGradient": {
        "samples": stitch,
        "surrogate": "the value is the neighbour, the gradient that of the identity",
        "surrogate_reference": stitch_reference,
    },
    "torchdiffeq._impl.odeint:ImplicitFnGradientRerouting": {
        "samples": rerouting,
        "surrogate": "adds the gradient of the time at which the event happens",
    },
    "torchdiffeq._impl.rk_common:_UncheckedAssign": {
        "samples": assign,
        "reference": assign_reference,
    },
}

NOT_REACHED: dict[str, str] = {}
