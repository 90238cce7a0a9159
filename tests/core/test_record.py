"""Records share the shapes of their outputs, and forget those when there are many."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.core import record


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
