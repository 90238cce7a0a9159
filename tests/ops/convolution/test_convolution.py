"""Layers whose parameters are Variables, in the formats that models use."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import plugrad as pg

LAYERS = {
    "same": lambda: nn.Conv2d(2, 4, (1, 3), padding="same", groups=2),
    "strided": lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1, dilation=2),
    "transposed": lambda: nn.ConvTranspose2d(2, 4, 3, stride=2, output_padding=1),
}


def called(layer, x, weight, bias):
    copy = layer()
    del copy.weight, copy.bias
    copy.weight, copy.bias = weight, bias
    return copy(x)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_and_its_derivatives(name, dtype, channels_last):
    layer = LAYERS[name]
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 2, 6, 5), *(p.shape for p in layer().parameters())]
    data = [torch.randn(s, generator=generator, dtype=dtype) for s in shapes]
    if channels_last:
        data[0] = data[0].contiguous(memory_format=torch.channels_last)
    leaves = [t.clone().requires_grad_() for t in data]
    variables = [pg.Variable(t.clone(), requires_grad=True) for t in data]
    theirs, ours = called(layer, *leaves), called(layer, *variables)
    assert ours.stride() == theirs.stride()
    firsts = torch.autograd.grad(theirs.square().sum(), leaves, create_graph=True)
    seconds = torch.autograd.grad(sum(g.square().sum() for g in firsts), leaves)
    got = pg.grad(ours.square().sum(), variables, create_graph=True)
    again = pg.grad(sum(g.square().sum() for g in got), variables)
    allowed = 1e-5 if dtype is torch.float32 else 1e-12
    for expected, found in zip((*firsts, *seconds), (*got, *again), strict=True):
        assert found.dtype is dtype
        error = (found.data - expected.detach()).abs().max()
        assert error <= allowed * expected.detach().abs().max()


@pytest.mark.parametrize("batched", [True, False])
def test_strides_of_dimensions_of_size_1_make_no_difference(batched):
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(5, 5, 4, generator=generator, dtype=torch.float64).permute(2, 0, 1)
    x = image[None] if batched else image
    weight = torch.randn(4, 2, 3, 3, generator=generator, dtype=torch.float64)
    weight = weight.contiguous(memory_format=torch.channels_last)

    def derivatives(*tensors):
        variables = [pg.Variable(t, requires_grad=True) for t in tensors]
        z = nn.functional.conv2d(*variables, groups=2)
        g = pg.Variable(torch.arange(1.0, 1 + z.numel()).view(z.shape).double().cos(), True)
        alone = pg.grad(z, variables, g.data, retain_graph=True)
        firsts = pg.grad(z, variables, g, create_graph=True)
        seconds = pg.grad(sum((f * f.data.cos()).sum() for f in firsts), [*variables, g])
        return [t.data for t in (*alone, *firsts, *seconds)]

    found = derivatives(x, weight)
    plain = [torch.empty(t.shape, dtype=t.dtype).copy_(t) for t in (x, weight)]
    for a, b in zip(found, derivatives(*plain), strict=True):
        torch.testing.assert_close(a, b)

    def along(step):
        z = nn.functional.conv2d(plain[0], plain[1] + step * plain[1].sin(), groups=2)
        return (z * torch.arange(1.0, 1 + z.numel()).view(z.shape).double().cos()).sum()

    slope = (along(0.5) - along(-0.5)) / 1.0  # it is linear
    torch.testing.assert_close((found[1] * plain[1].sin()).sum(), slope)


def strided(shape, strides, seed):
    """Random numbers of the shape, in float32, with these strides."""
    size = 1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, generator=generator).as_strided(shape, strides)


#: Shape and strides of x and weight, the stride of the convolution, and more options.
MISREAD = {
    "one channel": ((2, 1, 9, 4), (36, 36, 4, 1), (4, 1, 1, 3), (3, 1, 3, 1), (1, 2), {}),
    "one channel each": ((2, 1, 9, 4), (36, 1, 4, 1), (1, 1, 2, 3), (6, 1, 3, 1), (1, 2), {}),
    "groups": (
        *((1, 6, 6, 6), (216, 1, 36, 6), (3, 2, 3, 1), (6, 1, 2, 1), (1, 1)),
        {"groups": 3, "dilation": (1, 2)},
    ),
    "groups in 3d": (
        *((2, 6, 5, 9, 4), (1080, 1, 216, 24, 6), (3, 2, 2, 1, 3), (12, 1, 6, 1, 2), (1, 3, 1)),
        {"groups": 3},
    ),
    "one channel in 3d": (
        *((2, 1, 9, 6, 4), (216, 1, 24, 4, 1), (2, 1, 1, 1, 3), (3, 3, 3, 3, 1), (3, 1, 2), {}),
    ),
    "transposed": (
        *((2, 8, 6, 1), (48, 1, 8, 8), (8, 4, 1, 3), (12, 1, 96, 4), (3, 2)),
        {"padding": (0, 1), "groups": 2, "dilation": (1, 2)},
    ),
    "transposed in 3d": (
        *((2, 1, 5, 6, 1), (30, 1, 6, 1, 1), (1, 1, 1, 1, 3), (0, 0, 7, 3, 1), (1, 1, 2), {}),
    ),
}


@pytest.mark.parametrize("name", MISREAD)
def test_a_kernel_that_misreads_strides_in_float32_is_not_given_them(name):
    shape, strides, weight_shape, weight_strides, stride, options = MISREAD[name]
    x, weight = strided(shape, strides, 0), strided(weight_shape, weight_strides, 1)
    transposed = "_transpose" if name.startswith("transposed") else ""
    conv = getattr(nn.functional, f"conv{transposed}{len(stride)}d")

    def derivatives(*tensors):
        variables = [pg.Variable(t, requires_grad=True) for t in tensors]
        z = conv(*variables, stride=stride, **options)
        gradients = pg.grad(z.square().sum(), variables, create_graph=True)
        return z, *gradients, *pg.grad(sum(g.square().sum() for g in gradients), variables)

    exact = derivatives(x.double().contiguous(), weight.double().contiguous())
    for found, expected in zip(derivatives(x, weight), exact, strict=True):
        torch.testing.assert_close(found.data.double(), expected.data, rtol=1e-4, atol=1e-3)


def test_a_bias_of_another_dtype_has_a_gradient_of_its_own():
    x, weight, bias = torch.ones(2, 4, 5).double(), torch.ones(4, 2, 3).double(), torch.ones(2)
    given = [pg.Variable(t, requires_grad=True) for t in (x, weight, bias)]
    z = torch.nn.functional.conv_transpose1d(*given)  # others refuse it, as torch's do
    gradients = pg.grad(z.sum(), given)
    expected = [t.requires_grad_() for t in (x, weight, bias)]
    z = torch.nn.functional.conv_transpose1d(*expected)
    for actual, other in zip(gradients, torch.autograd.grad(z.sum(), expected), strict=True):
        torch.testing.assert_close(actual.data, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"])
@pytest.mark.parametrize("wanted", [(2,), (1,), (0, 2), (0, 1), (1, 2)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_some_of_the_gradients_are_asked_for(name, dtype, wanted, create_graph):
    """oneDNN's kernel also gives a weight that is not asked for, in another shape."""
    function, space = getattr(nn.functional, name), [3] * int(name[-2])
    channels = (4, 2) if "transpose" in name else (2, 4)
    given = [torch.randn(*s, dtype=dtype) for s in ((5, 4, *space), (*channels, *space), (2,))]
    theirs = [t.clone().requires_grad_() for t in given]
    ours = [pg.Variable(t, requires_grad=True) for t in given]
    expected, got = (
        torch.autograd.grad(
            function(*three, padding=1).sin().sum(),
            [three[i] for i in wanted],
            create_graph=create_graph,
        )
        for three in (theirs, ours)
    )
    for a, b in zip(expected, got, strict=True):
        torch.testing.assert_close(b.data, a.detach())
