"""Samples of timm: its memory-efficient activations."""

from __future__ import annotations

import torch

from plugrad import Sample, SampleMaker


def smooth(make: SampleMaker) -> list[Sample]:
    """Around zero, without dimensions, and far out on both sides."""
    return [
        Sample(make(3, 4)),
        Sample(make()),
        Sample(make.tensor([-30.0, -0.0, 0.0, 30.0])),
    ]


def hard(make: SampleMaker) -> list[Sample]:
    """Each of the three pieces; the kinks at -3 and 3."""
    return [
        Sample(make(3, 4, low=-6.0, high=6.0)),
        Sample(make()),
        Sample(make.tensor([-3.0, 3.0])).at_kink(),
    ]


def hard_mish(make: SampleMaker) -> list[Sample]:
    """Each of the three pieces; the kinks at -2 and 0."""
    return [
        Sample(make(3, 4, low=-4.0, high=2.0)),
        Sample(make()),
        Sample(make.tensor([-2.0, 0.0])).at_kink(),
    ]


def hard_sigmoid_reference(x: torch.Tensor) -> torch.Tensor:
    """As timm has it: at the kinks it takes the inner slope, torch's the outer one."""
    return (x + 3).clamp(0, 6) / 6


def hard_swish_reference(x: torch.Tensor) -> torch.Tensor:
    """As timm has it, see there."""
    return x * hard_sigmoid_reference(x)


def hard_mish_reference(x: torch.Tensor) -> torch.Tensor:
    """As the paper's notes have it."""
    return 0.5 * x * (x + 2).clamp(0, 2)


_MODULE = "timm.layers.activations_me"
SAMPLES = {
    f"{_MODULE}:SwishAutoFn": {"samples": smooth, "reference": torch.nn.functional.silu},
    f"{_MODULE}:MishAutoFn": {"samples": smooth, "reference": torch.nn.functional.mish},
    f"{_MODULE}:HardSigmoidAutoFn": {
        "samples": hard,
        "reference": hard_sigmoid_reference,
    },
    f"{_MODULE}:HardSwishAutoFn": {"samples": hard, "reference": hard_swish_reference},
    f"{_MODULE}:HardMishAutoFn": {"samples": hard_mish, "reference": hard_mish_reference},
}

NOT_REACHED: dict[str, str] = {}
