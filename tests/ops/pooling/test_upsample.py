"""Resizing: the gradient is forward's adjoint also where torch's kernels say otherwise."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn.functional import interpolate

import plugrad as pg
from plugrad.tests.installed import needs_pinned_torch


def is_adjoint(x, resize, generator):
    """Whether <A x, g> = <x, B g> for resize's gradient B, of small integers: without rounding."""
    v = pg.Variable(x, requires_grad=True)
    y = resize(v)
    g = torch.randint(0, 2, y.shape, generator=generator).to(x.dtype)
    (gx,) = pg.grad(y, v, g)
    probes = [torch.randint(-3, 4, x.shape, generator=generator).to(x.dtype) for _ in range(3)]
    probes = [torch.empty_like(x).copy_(p) for p in probes]  # in x's memory format
    return all(
        float((torch.as_tensor(resize(p).detach()).double() * g.double()).sum())
        == pytest.approx(float((p.double() * gx.data.double()).sum()), abs=1e-9)
        for p in probes
    )


#: Sizes and scales for which torch 2.13's gradient of one dimension is wrong, and two that are not.
LENGTHS = [(3, {"scale_factor": 2.125}), (8, {"size": 219}), (8, {"size": 230}), (6, {"size": 246})]
LENGTHS += [(3, {"scale_factor": 2.0}), (5, {"size": 3})]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact"])
@pytest.mark.parametrize(("n", "to"), LENGTHS)
def test_nearest_in_each_dimension(n, to, mode, dtype):
    generator = torch.Generator().manual_seed(0)
    for dims in (1, 2, 3):
        others = dims - 1
        own = {k: (v, *(2 if k == "size" else 1.5,) * others) for k, v in to.items()}
        formats = {1: [torch.contiguous_format], 2: [torch.contiguous_format, torch.channels_last]}
        for channels, memory in itertools.product((1, 4), formats.get(dims, formats[1])):
            x = torch.zeros(2, channels, n, *(2,) * others, dtype=dtype)
            x = x.contiguous(memory_format=memory)
            assert is_adjoint(x, lambda t: interpolate(t, mode=mode, **own), generator)  # noqa: B023


@needs_pinned_torch  # newer ones may be right
def test_torchs_gradient_of_nearest_ignores_the_scale():
    t = torch.ones(1, 1, 3, requires_grad=True)
    v = pg.Variable(t.detach(), requires_grad=True)
    results = [interpolate(x, scale_factor=2.125) for x in (t, v)]
    assert torch.equal(results[0].detach(), results[1].data)
    for y in results:
        y.sum().backward()
    assert t.grad.tolist() == [[[2, 2, 2]]]  # once this fails, torch is right
    assert v.grad.tolist() == [[[3, 2, 1]]]


def test_the_second_derivative_of_nearest_takes_the_same_way():
    x = pg.Variable(torch.randn(1, 1, 3, dtype=torch.float64), requires_grad=True)
    y = interpolate(x, scale_factor=2.125)
    (first,) = pg.grad((y**3).sum(), x, create_graph=True)
    counts = torch.tensor([3.0, 2, 1], dtype=torch.float64)
    assert torch.allclose(first.data, counts * 3 * x.data**2)
    (second,) = pg.grad(first.sum(), x)
    assert torch.allclose(second.data, counts * 6 * x.data)


#: How interpolate is told the size of small images; some dimensions keep theirs.
SMALL = [{"size": m} for m in itertools.product((1, 2, 3, 6), repeat=2)]
SMALL += [{"scale_factor": f} for f in [(1.18, 1.22), (2.3, 1.2), (1.1, 0.7), (0.9, 3.1), (1, 0.5)]]


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("align_corners", [False, True])
def test_antialiased_resizing_of_small_images(mode, align_corners):
    generator = torch.Generator().manual_seed(0)
    how = {"mode": mode, "align_corners": align_corners, "antialias": True}
    for n, to in itertools.product(itertools.product((2, 3, 5), repeat=2), SMALL):

        def resize(t, to=to):
            return interpolate(t if isinstance(t, pg.Variable) else pg.Variable(t), **to, **how)

        x = torch.randn(1, 2, *n, dtype=torch.float64, generator=generator)
        y = resize(x)
        assert is_adjoint(x, resize, generator)
        if y.shape[-1] > 1:
            assert torch.equal(y.data, interpolate(x, **to, **how))


@needs_pinned_torch  # newer ones may be right
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_an_antialiased_image_that_is_one_wide_is_not_its_first_row_repeated(mode):
    x = torch.randn(1, 2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    right = interpolate(x.mT, size=(1, 6), mode=mode, antialias=True).mT
    ours = interpolate(pg.Variable(x), size=(6, 1), mode=mode, antialias=True)
    assert torch.equal(ours.data, right)
    theirs = interpolate(x, size=(6, 1), mode=mode, antialias=True)
    assert not torch.allclose(theirs, right)  # once this fails, torch is right
