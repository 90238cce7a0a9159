"""Samples of botorch: straight-through estimators for discrete parameters."""

from __future__ import annotations

from torch import Tensor

from plugrad import Sample, SampleMaker


def samples(make: SampleMaker) -> list[Sample]:
    """In two and three dimensions."""
    return [Sample(make(3, 4)), Sample(make(2, 3, 4))]


def identity(x: Tensor) -> Tensor:
    """Straight through."""
    return x * 1


_STRAIGHT = {
    "samples": samples,
    "surrogate": "straight through",
    "surrogate_reference": identity,
}
SAMPLES = {
    "botorch.utils.rounding:RoundSTE": _STRAIGHT,
    "botorch.utils.rounding:OneHotArgmaxSTE": _STRAIGHT,
}

NOT_REACHED = {
    "botorch.utils.rounding:IdentitySTEFunction": "abstract: it has no forward",
    "botorch.acquisition.multi_objective.logei:_FusedLogAreas": (
        "its kernel is C++ that is compiled when it is first used, with the flags of the machine"
    ),
}
