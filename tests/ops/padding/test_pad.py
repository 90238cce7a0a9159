"""F.pad: its modes go to their primitives, and what torch refuses is refused in torch's words."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

MODES = ("reflect", "replicate", "circular")


def variable(*shape):
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    return pg.Variable(values, requires_grad=True)


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("constant", "ConstantPadNd"),
        ("reflect", "ReflectionPad1d"),
        ("replicate", "ReplicationPad1d"),
    ],
)
def test_one_record_a_call(mode, name):
    x = variable(1, 2, 3)
    node = F.pad(x, (1, 1), mode).grad_fn
    assert node.name() == name
    assert node.next_functions[0][0].variable is x


def outcome(x, *args):
    """The value and the gradient, or the error."""
    try:
        y = F.pad(x, *args)
    except Exception as error:
        return type(error), str(error)
    grad = pg.grad if isinstance(x, pg.Variable) else torch.autograd.grad
    (g,) = grad((y * y).sum(), x)
    return y.detach(), g


SHAPES = [(3,), (2, 3), (2, 3, 4), (1, 2, 3, 4), (1, 1, 2, 3, 4)]
PADS = [(1,), (1, 2), (2, -1), (1, 1, 0, 1), (-1, 0, 1, 1), (0, 1, 1, 0, 1, 1), (3, 3)]


@pytest.mark.parametrize("mode", ["constant", *MODES])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("pad", PADS, ids=str)
def test_torch_does_the_same_or_raises_the_same(shape, pad, mode):
    x = variable(*shape)
    theirs = outcome(x.data.clone().requires_grad_(), pad, mode)
    ours = outcome(x, pad, mode)
    if isinstance(theirs[0], type):
        assert ours[0] is theirs[0]
        assert mode == "constant" or ours[1] == theirs[1]
    else:
        for expected, found in zip(theirs, ours, strict=True):
            torch.testing.assert_close(found.data, expected)


@pytest.mark.parametrize("mode", MODES)
def test_a_value_is_for_a_constant_border(mode):
    with pytest.raises(RuntimeError, match="value argument"):
        F.pad(variable(1, 2, 3), (1, 1), mode, pg.Variable(torch.tensor(2.0)))


def test_a_value_that_requires_grad_is_refused():
    value = pg.Variable(torch.tensor(2.0), requires_grad=True)
    with pytest.raises(pg.errors.ArgumentError) as caught:
        F.pad(variable(2), (1, 1), "constant", value)
    assert "'value' of constant_pad_nd() is a Variable that requires grad" in str(caught.value)
    assert F.pad(variable(2), (1, 1), "constant", value.detach()).tolist()[0] == 2


@pytest.mark.parametrize("mode", MODES)
def test_second_order(mode):
    x = variable(1, 2, 3)
    y = F.pad(x, (2, 1), mode)
    (g,) = pg.grad((y**3).sum(), x, create_graph=True)
    (h,) = pg.grad((g * g).sum(), x)
    leaf = x.data.clone().requires_grad_()
    (first,) = torch.autograd.grad((F.pad(leaf, (2, 1), mode) ** 3).sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad((first * first).sum(), leaf)
    torch.testing.assert_close(h.data, second)
