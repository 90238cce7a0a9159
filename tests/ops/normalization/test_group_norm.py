"""group_norm: it keeps the memory format of its input, as torch's does; and that of nothing."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg
from plugrad.core.installed_torch import torch_before


def data(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def in_format(*shape):
    """The same numbers in the memory format for images or volumes."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    x = data(*shape)
    return x.contiguous(memory_format=formats[x.dim()]) if x.dim() in formats else x


def native(x, groups, weight=None, bias=None):
    n, channels, *pixels = x.shape
    size = torch.Size(pixels).numel()
    return torch.native_group_norm(x, weight, bias, n, channels, size, groups, 1e-5)[0]


IMAGES = {
    "channels_last": in_format(2, 4, 3, 3),
    "channels_last_3d": in_format(2, 4, 2, 3, 2),
    "of three dimensions": data(2, 3, 4).mT,
    "a part of images": in_format(2, 6, 4, 5)[:, :4, 1:, 1:],
    "columns": in_format(2, 4, 5, 1),
    "one channel": in_format(3, 1, 2, 4),
    "pixels that are the same": in_format(2, 4, 3, 1).expand(2, 4, 3, 3),
    "transposed": data(2, 4, 3, 5).mT,
    "a pixel each, with gaps": data(2, 4, 2, 2)[:, :, :1, :1],
    "contiguous": data(2, 4, 3, 3),
    "empty": in_format(0, 4, 3, 3),
}


@pytest.mark.parametrize("function", [F.group_norm, native], ids=["group_norm", "native"])
@pytest.mark.parametrize("name", IMAGES)
def test_the_memory_format_is_kept(name, function):
    x = IMAGES[name]
    groups = 2 if x.shape[1] % 2 == 0 else 1
    expected = F.group_norm(x, groups)
    got = function(pg.Variable(x, requires_grad=True), groups)
    assert got.stride() == expected.stride()
    assert torch.equal(got.data, expected)


@pytest.mark.parametrize("function", [F.group_norm, native], ids=["group_norm", "native"])
@pytest.mark.parametrize("shape", [(2, 4, 3, 3), (2, 4, 2, 3, 2)], ids=["images", "volumes"])
@pytest.mark.parametrize("wanted", [(0, 1, 2), (1, 2), (0,), (1,), (2,)], ids=str)
def test_gradients_of_channels_last_are_those_of_contiguous(wanted, shape, function):
    given = in_format(*shape), data(4).exp(), data(4)
    ours = [pg.Variable(t, requires_grad=i in wanted) for i, t in enumerate(given)]
    # torch's own kernel crashes for channels_last if x requires no grad.
    theirs = [t.contiguous().requires_grad_(i in wanted) for i, t in enumerate(given)]
    found = []
    for (x, weight, bias), grad in ((ours, pg.grad), (theirs, torch.autograd.grad)):
        tensors = [(x, weight, bias)[i] for i in wanted]
        first = grad(function(x, 2, weight, bias).sin().sum(), tensors, create_graph=True)
        second = grad(sum(g.square().sum() for g in first), tensors)
        found.append((*first, *second))
    for got, expected in zip(*found, strict=True):
        torch.testing.assert_close(got.data, expected.detach())


def test_dropout_after_it_drops_what_torch_drops():
    x = in_format(2, 4, 3, 3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        got = F.dropout(F.group_norm(pg.Variable(x, requires_grad=True), 2), 0.5)
        torch.manual_seed(0)
        expected = F.dropout(F.group_norm(x, 2), 0.5)
    assert torch.equal(got.data, expected)


def test_it_is_mapped_over_channels_last():
    x = torch.stack([in_format(2, 4, 3, 3), in_format(2, 4, 3, 3).flip(0)])
    got = pg.func.vmap(lambda t: F.group_norm(t, 2))(pg.Variable(x, requires_grad=True))
    for y, one in zip(got.data, x, strict=True):
        torch.testing.assert_close(y, F.group_norm(one, 2))


# --- of nothing, where torch's gradient of the weight is nan ---


@pytest.mark.parametrize("function", [F.group_norm, native], ids=["functional", "native"])
@pytest.mark.parametrize("shape", [(1, 2, 0), (2, 2, 3, 0), (0, 2, 3)], ids=str)
def test_sums_over_no_pixels_are_0(function, shape):
    if 0 in shape[2:] and not torch_before("2.14"):
        pytest.skip("torch refuses it")
    three = [torch.ones(s, dtype=torch.float64) for s in (shape, 2, 2)]
    x, weight, bias = [pg.Variable(t, requires_grad=True) for t in three]
    y = function(x, 1, weight, bias)
    cotangent = pg.Variable(torch.ones_like(y.data), requires_grad=True)
    grads = pg.grad(y, (x, weight, bias), cotangent, create_graph=True)
    for g, t in zip(grads, three, strict=True):
        assert torch.equal(g.data, torch.zeros_like(t))
    again = pg.grad(
        [g.sum() for g in grads], (x, weight, cotangent), allow_unused=True, materialize_grads=True
    )
    for g in again:
        assert torch.equal(g.data, torch.zeros_like(g.data))
