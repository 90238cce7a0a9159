"""``x[index] = y``: every kind of index and value, beside torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import plugrad as pg
from plugrad.errors import InplaceError

MASK = torch.tensor([True, False, True, False])
GRID = torch.arange(24).view(4, 3, 2) % 3 == 0

INDICES = [
    0,
    -1,
    (1, 2),
    (1, 2, 0),
    slice(None),
    slice(1, 3),
    slice(None, None, 2),
    (slice(None), 1),
    (Ellipsis, 0),
    Ellipsis,
    (),
    None,
    (None, 1),
    (slice(None), None, 0),
    (Ellipsis, None),
    True,
    (1, None, slice(1, None)),
    MASK,
    MASK.numpy(),
    GRID,
    (MASK, 1),
    (slice(None), torch.tensor([True, False, True])),
    ([True, False, True, False],),
    torch.tensor([0, 2]),
    torch.tensor([[0, 2], [1, 1]]),
    torch.tensor(2),
    (torch.tensor(2), torch.tensor(1)),
    (torch.tensor([0, 2]), torch.tensor([1, 0])),
    ([0, 2], [1, 0]),
    (slice(None), [0, 2]),
    ([0, 2], slice(None), 1),
    (0, Ellipsis, torch.tensor([1, 0])),
    (torch.tensor([0, 1]), None, torch.tensor([1, 2])),
    torch.tensor([], dtype=torch.int64),
    (slice(2, 2),),
    torch.tensor([0, 3], dtype=torch.int32),
]


def _name(index):
    return str(index).replace("\n", "")[:40]


def _leaves():
    for make in (lambda t: pg.Variable(t, requires_grad=True), lambda t: t.requires_grad_()):
        yield make(torch.linspace(0, 1, 24, dtype=torch.float64).view(4, 3, 2)), make


def _wrapped(index, make):
    """The same index, with Variables for tensors where ``make`` makes such."""
    if isinstance(index, tuple):
        return tuple(_wrapped(i, make) for i in index)
    return make(index.clone()) if isinstance(index, torch.Tensor) else index


@pytest.mark.parametrize("index", INDICES, ids=_name)
@pytest.mark.parametrize("kind", ["number", "0-dim", "whole", "one"])
@pytest.mark.parametrize("wrap", [False, True])
def test_values_and_gradients_are_torchs(index, kind, wrap):
    found = []
    for leaf, make in _leaves():
        x = leaf * 1
        shape = torch.zeros(4, 3, 2)[index].shape
        shapes = {"0-dim": (), "whole": shape, "one": (1, 1, *shape)[-len(shape) - 1 :]}
        value = 2.5
        if kind != "number":
            size = torch.Size(shapes[kind])
            numbers = torch.linspace(1, 2, size.numel(), dtype=torch.float64)
            value = make(numbers.view(size))
        wrapped = _wrapped(index, pg.Variable) if wrap and isinstance(x, pg.Variable) else index
        x[wrapped] = value
        (x**2).sum().backward()
        grads = [leaf.grad] + ([] if kind == "number" else [value.grad])
        found.append([x.tolist(), x._version, *(g.tolist() for g in grads)])
    assert found[0] == found[1]


@pytest.mark.parametrize("index", [0, MASK, (Ellipsis, [0, 1]), (1, None)], ids=_name)
def test_of_a_view_and_untracked(index):
    found = []
    for leaf, _ in _leaves():
        x = leaf * 1
        view = x.transpose(0, 1).contiguous().transpose(0, 1)
        view[index] = 3.0
        untracked = leaf.detach().clone()
        untracked[index] = 4
        with pg.no_grad(), torch.no_grad():
            leaf[index] = 5.0
        view.sum().backward()
        found.append((view.tolist(), untracked.tolist(), leaf.tolist(), leaf.grad.tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("index", "value", "error"),
    [
        (slice(None, None, -1), 1.0, ValueError),
        (7, 1.0, IndexError),
        ((0, 0, 0, 0), 1.0, IndexError),
        (MASK[:2], 1.0, IndexError),
        (0.5, 1.0, IndexError),
        ("a", 1.0, TypeError),
        (0, torch.ones(5), RuntimeError),
        (MASK, torch.ones(5), RuntimeError),
    ],
)
def test_errors_are_torchs(index, value, error):
    for leaf, _ in _leaves():
        x = leaf * 1
        before = x.tolist()
        with pytest.raises(error):
            x[index] = value
        assert x.tolist() == before


def test_a_leaf_is_refused_and_no_tensor_is_written_behind_the_graph():
    leaf = pg.Variable(torch.ones(3), requires_grad=True)
    with pytest.raises(InplaceError, match="a leaf"):
        leaf[0] = 1.0
    tensor = torch.zeros(3)
    with pytest.raises(
        InplaceError, match=r"make the tensor a Variable: plugrad.Variable\(tensor\)"
    ):
        tensor[...] = leaf
    assert tensor.tolist() == [0, 0, 0]
    with pg.no_grad():
        tensor[...] = leaf
    assert tensor.tolist() == [1, 1, 1]
    tensor[pg.Variable(torch.tensor([0, 2]))] = leaf.detach()[0] * 2
    assert tensor.tolist() == [2, 1, 2]
    variable = pg.Variable(torch.zeros(3))
    variable[...] = leaf
    (variable * variable).sum().backward()
    assert leaf.grad.tolist() == [2, 2, 2]


ARRAYS = {
    "two arrays": [np.array([2, 0]), np.array([2, 1])],
    "an array and a number": [np.array([2, 0]), 1],
    "a mask": [np.array([True, False, True, False])],
    "an array and a slice": [np.array([2, 0]), slice(1)],
    "arrays in a tuple": (np.array([2, 0]), np.array([2, 1])),
}


@pytest.mark.filterwarnings("ignore:Using a non-tuple sequence")
@pytest.mark.parametrize("name", ARRAYS)
def test_a_list_of_numpys_arrays_is_a_tuple(name):
    index, found = ARRAYS[name], []
    for leaf, _ in _leaves():
        x = leaf * 1
        (x[index] ** 2).sum().backward()
        x[index] = 9.0
        found.append((x.tolist(), leaf.grad.tolist()))
    assert found[0] == found[1]
