"""What changes a Variable's memory or shape and has no gradient; and ``out=``."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import ArgumentError, InplaceError, SavedTensorChangedError

CALLS = {
    "resize_": (2, 1),
    "resize_as_": (torch.zeros(2, 1),),
    "set_": (torch.zeros(3, dtype=torch.float64),),
    "apply_": (lambda a: 2 * a,),
    "map_": (torch.ones(3, dtype=torch.float64), lambda a, b: a + b),
    "map2_": (*[torch.ones(3, dtype=torch.float64)] * 2, lambda a, b, c: a + b + c),
}


def _numbers() -> torch.Tensor:
    return torch.arange(1.0, 4, dtype=torch.float64)


@pytest.mark.parametrize("name", CALLS)
def test_without_a_gradient_it_does_what_torchs_does(name):
    x, t = pg.Variable(_numbers()), _numbers()
    assert getattr(x, name)(*CALLS[name]) is x
    getattr(t, name)(*CALLS[name])
    assert x.tolist() == t.tolist()
    assert not x.requires_grad


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("computed", [False, True])
def test_what_requires_grad_is_refused_and_the_fix_works(name, computed):
    x = pg.Variable(_numbers(), requires_grad=True)
    x = x * 1 if computed else x
    with pytest.raises(InplaceError, match=rf"{name} was called on[^$]*fix: call it on x.detach"):
        getattr(x, name)(*CALLS[name])
    assert x.tolist() == [1, 2, 3]
    getattr(x.detach(), name)(*CALLS[name])


@pytest.mark.parametrize("name", ["map_", "map2_", "set_"])
def test_an_argument_that_requires_grad_is_refused(name):
    other = pg.Variable(_numbers(), requires_grad=True)
    x = pg.Variable(_numbers())
    args = (other, *CALLS[name][1:])
    with pytest.raises(InplaceError, match=r"called with[^$]*fix: pass .detach\(\)"):
        getattr(x, name)(*args)
    getattr(x, name)(other.detach(), *CALLS[name][1:])


@pytest.mark.parametrize("name", CALLS)
def test_what_was_saved_is_not_silently_another(name):
    constant = pg.Variable(_numbers())
    w = pg.Variable(_numbers(), requires_grad=True)
    z = (constant * w).sum()
    getattr(constant, name)(*CALLS[name])
    with pytest.raises(SavedTensorChangedError):
        z.backward()


def test_a_change_of_memory_that_was_set_is_counted_for_all_who_have_it():
    memory = _numbers()
    w = pg.Variable(_numbers(), requires_grad=True)
    with pg.no_grad():
        w.set_(memory)
    z = (w * w).sum()
    memory.add_(1)
    with pytest.raises(SavedTensorChangedError):
        z.backward()


def test_set_gives_a_leaf_other_memory_in_no_grad():
    leaf = pg.Variable(_numbers(), requires_grad=True)
    memory = torch.zeros(3, dtype=torch.float64)
    computed = leaf * 1
    with pg.no_grad():
        leaf.set_(memory)
        with pytest.raises(InplaceError):
            computed.set_(memory)
    (leaf * leaf).sum().backward()
    memory += 1
    assert leaf.tolist() == [1, 1, 1]
    assert leaf.requires_grad
    storage = pg.Variable(torch.zeros(2))
    storage.set_(torch.arange(6.0).untyped_storage(), 1, (2, 2), (2, 1))
    assert storage.tolist() == [[1, 2], [3, 4]]


def test_a_view_that_got_other_memory_or_shape_is_not_changed_with_its_base():
    w = pg.Variable(torch.ones(4), requires_grad=True)
    base = pg.Variable(torch.ones(4))
    taken, resized = base[:2], base[:2]
    taken.set_(torch.zeros(2))
    resized.resize_(2, 1)
    base.mul_(w)
    assert not taken.requires_grad
    with pytest.raises(InplaceError, match="another shape"):
        resized.sum().backward()


def test_memory_is_shared_between_processes():
    leaf = pg.Parameter(torch.ones(3))
    assert not leaf.is_shared()
    assert leaf.share_memory_() is leaf
    assert leaf.is_shared()


@pytest.mark.parametrize(
    "call",
    [
        lambda x, out: torch.add(x, x, out=out),
        lambda x, out: torch.add(x.detach().data, 1, out=x),
        lambda x, out: torch.matmul(x, x, out=out),
        lambda x, out: torch.sin(x, out=out),
        lambda x, out: torch.cat([x, x], out=out),
        lambda x, out: torch.linalg.norm(x, out=out),
    ],
)
def test_out_is_refused(call):
    x, out = pg.Variable(_numbers(), requires_grad=True), torch.zeros(3, dtype=torch.float64)
    with pytest.raises(ArgumentError, match=r"out=, which no op takes[^$]*fix: drop out="):
        call(x, out)
    assert out.tolist() == [0, 0, 0]


def test_out_is_written_where_nothing_is_recorded():
    x, y = pg.Variable(_numbers(), requires_grad=True), pg.Variable(_numbers())
    for out in (torch.zeros(3, dtype=torch.float64), pg.Variable(torch.zeros(3)).double()):
        torch.add(y, 1, out=out)
        assert out.tolist() == (_numbers() + 1).tolist()
        with pg.no_grad():
            torch.sin(x, out=out)
        assert out.tolist() == _numbers().sin().tolist()
    version = y._version
    torch.mul(y, 2, out=y)
    assert y._version == version + 1


def test_the_fix_of_out_works_and_none_is_no_out():
    x, out = pg.Variable(_numbers(), requires_grad=True), torch.zeros(3, dtype=torch.float64)
    result = torch.add(x, x, out=None)
    out.copy_(result.detach())
    assert out.tolist() == [2, 4, 6]
