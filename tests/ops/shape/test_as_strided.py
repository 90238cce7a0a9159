"""as_strided: what it refuses, and views by strides whose base is changed in place."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError


@pytest.mark.parametrize(
    ("made", "geometry", "why"),
    [
        (lambda: torch.arange(6.0)[1:4], ((3,), (2,)), "not the Variable's"),
        (lambda: torch.arange(6.0)[2:4], ((2,), (1,), 1), "not the Variable's"),
        (lambda: torch.arange(6.0)[::2], ((2,), (1,)), "not the Variable's"),
        (lambda: torch.arange(1.0).expand(3), ((1,), (1,)), "share memory"),
    ],
)
def test_a_view_of_memory_that_is_not_the_variables_is_refused(made, geometry, why):
    x = pg.Variable(made(), requires_grad=True)
    with pytest.raises(ArgumentError, match=f"{why}[\\s\\S]*fix: call it on"):
        x.as_strided(*geometry)
    with pg.no_grad():
        assert torch.equal(x.as_strided(*geometry).data, made().as_strided(*geometry))


@pytest.mark.skipif(torch_before("2.13"), reason="torch asks nobody there")
def test_the_geometry_of_a_plain_tensor_in_variables():
    x, one = torch.arange(6.0), pg.Variable(torch.tensor(1))
    assert x.as_strided([one * 2], (one * 3,), one).tolist() == [1, 4]
    given = pg.Variable(torch.ones(2))
    with pytest.raises(TypeError, match=r"tuple of ints[\s\S]*fix: pass what it takes"):
        x.as_strided(given, given)
    with pytest.raises(ArgumentError, match=r"'size' of as_strided\(\)[\s\S]*fix: pass a number"):
        x.as_strided(given.requires_grad_(), (1,))


def test_a_part_with_gaps_has_a_gradient_where_its_elements_are():
    x = pg.Variable(torch.arange(16.0).reshape(4, 4)[:, :3], requires_grad=True)
    x.as_strided((3,), (5,)).backward(torch.tensor([1.0, 2.0, 3.0]))
    assert x.grad.tolist() == torch.diag(torch.tensor([1.0, 2.0, 3.0, 0.0]))[:, :3].tolist()


def program(library, base_of):
    leaf = base_of(library)
    base = leaf * 1
    view = base.as_strided((2, 2), (1, 2), base.storage_offset() + 1)
    view.mul_(torch.tensor([[2.0, 3.0], [4.0, 5.0]]))
    again = base.as_strided((3,), (2,), base.storage_offset())
    base.add_(view.sum())
    (again * view.reshape(-1)[:3] + base.sum()).sum().backward()
    return leaf.grad.tolist()


def test_a_view_by_strides_changed_in_place_changes_its_base():
    def of_torch(library):
        return torch.arange(6.0).requires_grad_()

    def of_ours(library):
        return pg.Variable(torch.arange(6.0), requires_grad=True)

    assert program(pg, of_ours) == program(torch, of_torch)


@pytest.mark.parametrize("offset", [None, 4])
def test_a_base_that_does_not_begin_where_its_memory_does(offset):
    leaf = pg.Variable(torch.ones(4), requires_grad=True)
    base = pg.Variable(torch.zeros(8)[4:])
    base.add_(leaf)
    base.as_strided((2,), (2,), offset).mul_(3)
    assert base.data.tolist() == [3, 1, 3, 1]
    base.sum().backward()
    assert leaf.grad.tolist() == [3, 1, 3, 1]


def test_the_second_derivative_by_strides():
    x = pg.Variable(torch.arange(1.0, 7.0, dtype=torch.float64), requires_grad=True)
    y = (x.as_strided((3, 2), (1, 2)) ** 3).sum()
    (gx,) = pg.grad(y, [x], create_graph=True)
    (ggx,) = pg.grad(gx.sum(), [x])
    counts = torch.tensor([1.0, 1, 2, 1, 1, 0], dtype=torch.float64)
    assert torch.equal(gx.data, 3 * counts * x.data**2)
    assert torch.equal(ggx, 6 * counts * x.data)


def test_as_strided_in_place_makes_the_variable_the_view():
    leaf = pg.Variable(torch.arange(6.0), requires_grad=True)
    x = leaf * 1
    assert x.as_strided_((2, 2), (1, 2), 1) is x
    assert x.data.tolist() == [[1, 3], [2, 4]]
    (x * torch.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert leaf.grad.tolist() == [0, 1, 3, 2, 4, 0]
