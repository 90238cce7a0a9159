"""Samples of efficientnet_pytorch: its one activation."""

from __future__ import annotations

import torch

from plugrad import Sample, SampleMaker


def samples(make: SampleMaker) -> list[Sample]:
    """Around zero, without dimensions, and far out on both sides."""
    return [
        Sample(make(3, 4)),
        Sample(make()),
        Sample(make.tensor([-30.0, -0.0, 0.0, 30.0])),
    ]


SAMPLES = {
    "efficientnet_pytorch.utils:SwishImplementation": {
        "samples": samples,
        "reference": torch.nn.functional.silu,
    },
}

NOT_REACHED: dict[str, str] = {}
