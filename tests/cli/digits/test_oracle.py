"""The comparison with torch must notice what is wrong."""

from __future__ import annotations

import math

import pytest
import torch

from plugrad.cli.digits.data import PIXELS, Images
from plugrad.cli.digits.model import initial_weights
from plugrad.cli.digits.oracle import Difference, gradient_difference


@pytest.fixture
def batch():
    random = torch.Generator().manual_seed(0)
    return Images(
        torch.rand(16, PIXELS, generator=random), torch.randint(0, 10, (16,), generator=random)
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_engines_agree(batch, dtype):
    difference = gradient_difference(initial_weights(0), batch, dtype)
    assert difference.dtype is dtype
    assert difference.is_rounding


def test_the_weights_are_left_alone(batch):
    weights = initial_weights(0)
    gradient_difference(weights, batch, torch.float32)
    assert all(map(torch.equal, weights, initial_weights(0)))


@pytest.mark.parametrize("relative", [1e-4, 1.0, math.inf, math.nan])
def test_more_than_rounding_is_noticed(relative):
    assert not Difference(torch.float32, relative, relative).is_rounding


def test_float64_is_held_to_more():
    assert Difference(torch.float32, 1e-7, 1e-7).is_rounding
    assert not Difference(torch.float64, 1e-7, 1e-7).is_rounding
