"""scatter: sources larger than the index, and the form that has no gradient."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

# x, dim, index, src: what torch takes. It raises in backward where index and src differ.
SHAPES = [
    ((3, 4), 0, (1, 2), (3, 4)),
    ((3, 4), 1, (2, 3), (2, 5)),
    ((3, 4), -1, (1, 4), (6, 4)),
    ((2, 3, 2), 1, (2, 1, 1), (2, 4, 3)),
    ((3,), 0, (2,), (3,)),
    ((3,), 0, (), (3,)),
    ((3,), 0, (1,), ()),
    ((), 0, (), (3,)),
    ((), 0, (1,), (2,)),
    ((3, 4), 0, (0,), (3, 4)),
    ((3, 4), 0, (0, 4), (2, 4)),
    ((3, 4), 1, (0,), (7,)),
    ((3, 4), 0, (0, 3), ()),
    ((0, 3), 0, (0, 3), (2, 3)),
]
each = pytest.mark.parametrize(("shape", "dim", "index_shape", "src_shape"), SHAPES, ids=str)


def arguments(shape, dim, index_shape, src_shape):
    generator = torch.Generator().manual_seed(0)
    x, src = (torch.randn(s, generator=generator, dtype=torch.float64) for s in (shape, src_shape))
    # No place twice: along dim the indices count up.
    length = index_shape[dim if len(index_shape) > 1 else 0] if index_shape else 1
    index = torch.arange(length)
    if len(index_shape) > 1:
        sizes = [-1 if d == dim % len(index_shape) else 1 for d in range(len(index_shape))]
        index = index.view(sizes).expand(index_shape)
    return x, dim, index.reshape(index_shape), src


def jacobian(function, x):
    """Of a linear function: its value for each unit vector."""
    units = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
    return torch.stack([(function(u) - function(u * 0)).flatten() for u in units])


@each
@pytest.mark.parametrize("function", [torch.scatter, torch.scatter_add])
def test_an_element_of_src_that_is_not_used_has_gradient_0(
    function, shape, dim, index_shape, src_shape
):
    x, dim, index, src = arguments(shape, dim, index_shape, src_shape)
    vx, vsrc = (pg.Variable(t, requires_grad=True) for t in (x, src))
    c = pg.Variable(torch.randn_like(x), requires_grad=True)
    z = function(vx, dim, index, vsrc)
    gx, gsrc = pg.grad(z, [vx, vsrc], c, create_graph=True)
    assert gx.shape == x.shape
    assert gsrc.shape == src.shape
    right = jacobian(lambda s: function(x, dim, index, s), src)
    torch.testing.assert_close(gsrc.data.flatten(), right @ c.data.flatten())
    right = jacobian(lambda x: function(x, dim, index, src), x) if x.numel() else right[:0]
    torch.testing.assert_close(gx.data.flatten(), right @ c.data.flatten())
    if gsrc.requires_grad:  # nothing was used of it otherwise
        (gc,) = pg.grad(gsrc, c, src)
        torch.testing.assert_close(gc.data, function(x * 0, dim, index, src))


@pytest.mark.parametrize("function", [torch.scatter, torch.scatter_add])
def test_a_corner_of_src(function):
    x, s = (pg.Variable(torch.ones(3, 4), requires_grad=True) for _ in range(2))
    z = function(x, 0, torch.tensor([[0, 0]]), s)
    (gs,) = pg.grad(z.sum(), s)
    assert gs.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_reduce_has_no_gradient_but_a_value():
    x = pg.Variable(torch.ones(3), requires_grad=True)
    index = torch.tensor([0])
    with pytest.raises(pg.errors.NotDifferentiableError, match="no gradient[\\s\\S]*fix:"):
        x.scatter(0, index, 5.0, reduce="add")
    with pg.no_grad():
        assert x.scatter(0, index, 5.0, reduce="add").tolist() == [6, 1, 1]
