"""Samples of botorch: straight-through estimators for discrete parameters."""

from __future__ import annotations

from plugrad import Sample, SampleMaker


def samples(make: SampleMaker) -> list[Sample]:
    """In two and three dimensions."""
    return [Sample(make(3, 4)), Sample(make(2, 3, 4))]


SAMPLES = {
    "botorch.utils.rounding:RoundSTE": {"samples": samples, "surrogate": "straight through"},
    "botorch.utils.rounding:OneHotArgmaxSTE": {
        "samples": samples,
        "surrogate": "straight through",
    },
}

NOT_REACHED = {
    "botorch.utils.rounding:IdentitySTEFunction": "abstract: it has no forward",
    "botorch.acquisition.multi_objective.logei:_FusedLogAreas": (
        "its kernel is C++ that is compiled when it is first used, with the flags of the machine"
    ),
}
