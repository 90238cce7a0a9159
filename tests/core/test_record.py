"""Outputs: their shapes, which records share, and where forward must not put them."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core import record
from plugrad.errors import OpDefinitionError


def leaf(*shape):
    return pg.Variable(torch.ones(shape), requires_grad=True)


def test_records_share_a_shape_that_is_an_exact_tuple():
    x = leaf(2, 3)
    y, z = x.sin(), x * x
    assert type(y._edge._pg_shape) is tuple
    assert y._edge._pg_shape == (2, 3)
    assert y._edge._pg_shape is z._edge._pg_shape


def test_of_many_shapes_few_are_remembered_and_all_are_right():
    for length in range(record._MOST_SHAPES + 10):
        y = leaf(length).sin()
        assert y._edge._pg_shape == (length,)
    assert len(record._shapes) <= record._MOST_SHAPES


def test_a_shape_without_dimensions_is_remembered_too():
    y = leaf().sin()
    assert y._edge._pg_shape == ()
    assert () in record._shapes


def returning(made):
    class Op(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return made(ctx, x)

        @staticmethod
        def backward(ctx, *gradients):
            return 2 * gradients[0]

    return Op


@pytest.mark.parametrize(
    ("made", "where"),
    [
        (lambda _, x: {"y": 2 * x}, "a dict"),
        (lambda _, x: (2 * x, [3 * x]), "a list among its outputs"),
        (lambda _, x: [2 * x, {"z": (3 * x,)}], "a dict among its outputs"),
        (lambda _, x: (2 * x, {"n": x.argmax(), "z": x * 1j}), "a dict among its outputs"),
    ],
)
def test_an_output_in_a_container_is_refused_where_its_gradient_would_be_lost(made, where):
    op = returning(made)
    with pytest.raises(
        OpDefinitionError, match=f"of Op returned a tensor inside {where}"
    ) as raised:
        op.apply(leaf(2))
    assert "one tuple" in raised.value.fix


def test_what_has_no_gradient_may_be_in_a_container():
    def made(ctx, x):
        counts, mean = {"n": x.argmax(), "size": 2}, x.mean()
        ctx.mark_non_differentiable(mean)
        return 2 * x, counts, [mean], "name", None

    x = leaf(2)
    y, counts, (mean,), *rest = returning(made).apply(x)
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]
    assert (counts["n"].item(), counts["size"], mean.item(), *rest) == (0, 2, 1.0, "name", None)
    assert returning(lambda _, x: {"y": 2 * x}).apply(x.detach())["y"].tolist() == [2, 2]


def test_torchs_own_function_is_as_in_torch():
    class Named(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x, [3 * x]

        @staticmethod
        def backward(ctx, gradient, _):
            return 2 * gradient

    for x in (leaf(2), torch.ones(2, requires_grad=True)):
        y, (z,) = Named.apply(x)
        y.sum().backward()
        assert x.grad.tolist() == [2, 2]
        assert not z.requires_grad
