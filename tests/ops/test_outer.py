"""Gradients and indices that do not fit the input: torch would write beyond its memory."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import ArgumentError

ATEN = torch.ops.aten
WINDOWS = {d: ([2] * d, [2] * d, [0] * d, [1] * d, False) for d in (2, 3)}


def _places(shape, inner):
    return torch.zeros(shape, dtype=torch.int64) + torch.arange(shape[-1])


CALLS = {
    "_adaptive_avg_pool2d_backward": (2, lambda g, x: (g, x)),
    "_adaptive_avg_pool3d_backward": (3, lambda g, x: (g, x)),
    "adaptive_max_pool2d_backward": (2, lambda g, x: (g, x, _places(g.shape, 2))),
    "adaptive_max_pool3d_backward": (3, lambda g, x: (g, x, _places(g.shape, 3))),
    "max_pool2d_with_indices_backward": (
        2,
        lambda g, x: (g, x, *WINDOWS[2], _places(g.shape, 2)),
    ),
    "max_pool3d_with_indices_backward": (
        3,
        lambda g, x: (g, x, *WINDOWS[3], _places(g.shape, 3)),
    ),
    "reflection_pad1d_backward": (1, lambda g, x: (g, x, [0, -2])),
    "reflection_pad2d_backward": (2, lambda g, x: (g, x, [0, -2] * 2)),
    "reflection_pad3d_backward": (3, lambda g, x: (g, x, [0, -2] * 3)),
    "replication_pad1d_backward": (1, lambda g, x: (g, x, [0, -2])),
    "replication_pad2d_backward": (2, lambda g, x: (g, x, [0, -2] * 2)),
    "replication_pad3d_backward": (3, lambda g, x: (g, x, [0, -2] * 3)),
}
INDEXED = [name for name in CALLS if "max" in name]


def _gradient(*shape):
    return pg.Variable(torch.ones(shape, dtype=torch.float64), requires_grad=True)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("outer", [(1, 3), (4, 2), (2, 5), (2, 1)])
def test_a_gradient_for_another_input_is_refused(name, outer):
    inner, arguments = CALLS[name]
    x = torch.zeros(2, 3, *[4] * inner, dtype=torch.float64)
    kernel = getattr(ATEN, name)
    g = _gradient(*outer, *[2] * inner)
    with pytest.raises(ArgumentError, match=r"got a gradient of shape[^$]*fix: give both the same"):
        kernel(*arguments(g, x))
    right = kernel(*arguments(_gradient(2, 3, *[2] * inner), x))
    assert right.shape == x.shape
    assert right.sum().item() == 2 * 3 * 2**inner


@pytest.mark.parametrize("name", INDEXED)
@pytest.mark.parametrize("index", [-1, 64, 10**6])
def test_an_index_beyond_the_image_is_refused(name, index):
    inner, arguments = CALLS[name]
    x = torch.zeros(2, 3, *[4] * inner, dtype=torch.float64)
    g = _gradient(2, 3, *[2] * inner)
    *others, indices = arguments(g, x)
    with pytest.raises(ArgumentError, match=r"got indices of shape[^$]*fix: pass the indices"):
        getattr(ATEN, name)(*others, indices[:1])
    indices.view(-1)[3] = index
    with pytest.raises(ArgumentError, match=r"not one of the[^$]*fix: pass the indices"):
        getattr(ATEN, name)(*others, indices)


def test_a_convolutions_gradient_of_another_batch_is_refused():
    x, weight = torch.ones(2, 4, 5), torch.ones(4, 4, 3)
    geometry = None, [1], [0], [1], False, [0], 1, [True, True, False]
    with pytest.raises(ArgumentError, match=r"got a gradient of shape[^$]*fix: give both the same"):
        ATEN.convolution_backward(_gradient(1, 4, 3).float(), x, weight, *geometry)
    gx, gweight, _ = ATEN.convolution_backward(_gradient(2, 4, 3).float(), x, weight, *geometry)
    assert (gx.shape, gweight.shape) == (x.shape, weight.shape)
