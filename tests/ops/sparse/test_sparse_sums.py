"""Sums and softmaxes of sparse tensors: torch's gradients, in x's pattern; second derivatives."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

MATRIX = torch.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)
MASK = MATRIX != 0
OPTIONS = {"dtype": torch.float64, "check_invariants": True}


def matrix():
    return MATRIX.to_sparse()


def repeated():
    """One element in two parts."""
    where = torch.tensor([[0, 0, 1, 0], [1, 2, 0, 1]])
    return torch.sparse_coo_tensor(where, torch.tensor([2.0, 1.0, -1.0, 0.5]), (3, 3), **OPTIONS)


def rows():
    """Rows, of which one is left out."""
    numbers = torch.tensor([[0.3, -1.0], [2.0, 0.1]])
    return torch.sparse_coo_tensor(torch.tensor([[2, 0]]), numbers, (3, 2), **OPTIONS)


TENSORS = {"matrix": matrix, "repeated": repeated, "rows": rows}
CALLS = {
    "sum": torch.sparse.sum,
    "sum in float32": lambda x: torch.sparse.sum(x, dtype=torch.float32).double(),
    "sum, 0": lambda x: torch.sparse.sum(x, 0),
    "sum, -1": lambda x: torch.sparse.sum(x, (-1,)),
    "sum, 0 and 1": lambda x: torch.sparse.sum(x, (0, 1)),
    "sum, 0, in float32": lambda x: torch.sparse.sum(x, 0, dtype=torch.float32),
    "softmax, 0": lambda x: torch.sparse.softmax(x, 0),
    "softmax, 1": lambda x: torch.sparse.softmax(x, 1),
    "softmax in float32": lambda x: torch.sparse.softmax(x, 1, dtype=torch.float32),
    "log_softmax, 0": lambda x: torch.sparse.log_softmax(x, 0),
    "log_softmax, 1": lambda x: torch.sparse.log_softmax(x, 1),
}


def dense(t):
    return t if t.layout is torch.strided else t.to_dense()


def raw(t):
    return t.data if isinstance(t, pg.Variable) else t.detach()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS)
def test_values_and_gradients_are_torchs_and_as_sparse(tensor, call):
    found = []
    for x, grad in (
        (tensor().requires_grad_(), torch.autograd.grad),
        (pg.Variable(tensor(), requires_grad=True), pg.grad),
    ):
        y = call(x)
        (gx,) = grad((dense(y) ** 3).sum(), x)
        found.append([raw(y), raw(gx)])
    for theirs, own in zip(*found, strict=True):
        assert (own.layout, own.dtype) == (theirs.layout, theirs.dtype)
        torch.testing.assert_close(dense(own), dense(theirs), rtol=1e-7, atol=1e-12)
    theirs, own = (gradients[1].coalesce() for gradients in found)
    assert torch.equal(own.indices(), theirs.indices())


def in_dense(name, x):
    """The same function of the matrix with all its elements."""
    left_out = x.masked_fill(~MASK, -torch.inf)
    if name == "sum":
        return x.sum(0)
    if name == "softmax":
        return left_out[:2].softmax(1)
    return left_out[:2].log_softmax(1).masked_fill(~MASK[:2], 0.0)


@pytest.mark.parametrize("name", ["sum", "softmax", "log_softmax"])
def test_there_are_second_derivatives_which_torch_lacks(name):
    call = getattr(torch.sparse, name)
    x = pg.Variable(matrix(), requires_grad=True)
    weights = torch.arange(1.0, 4.0, dtype=torch.float64)
    y = call(x, 0 if name == "sum" else 1).to_dense(masked_grad=False)
    (gx,) = pg.grad((y**3 * weights).sum(), x, create_graph=True)
    assert gx.layout is torch.sparse_coo
    (second,) = pg.grad((gx.to_dense() ** 2).sum(), x)

    z = MATRIX.clone().requires_grad_()
    loss = (in_dense(name, z) ** 3 * weights).sum()
    (gz,) = torch.autograd.grad(loss, z, create_graph=True)
    (expected,) = torch.autograd.grad((gz.masked_fill(~MASK, 0.0) ** 2).sum(), z)
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(second.data.to_dense(), expected.masked_fill(~MASK, 0.0))


def test_a_gradient_in_other_places_counts_where_x_has_elements():
    """A cotangent may be sparse too, in places where x has no elements."""
    x = pg.Variable(matrix(), requires_grad=True)
    where = torch.tensor([[1, 2], [0, 2]])
    seed = torch.sparse_coo_tensor(where, torch.tensor([3.0, 4.0]), (3, 3), **OPTIONS)
    y = torch.sparse.softmax(x, 1)
    (gx,) = pg.grad(y, x, seed)
    shares = y.data.to_dense()[1]
    slope = 3 * shares[0] * torch.tensor([1 - shares[0], 0.0, -shares[2]])
    torch.testing.assert_close(gx.data.to_dense()[1], slope, rtol=1e-6, atol=1e-9)
    assert not gx.data.to_dense()[0].any()


def test_what_is_repeated_is_put_together_with_torchs_gradient():
    x = pg.Variable(repeated(), requires_grad=True)
    y = x.coalesce()
    assert y.data._nnz() == 3
    torch.testing.assert_close(y.data.to_dense(), repeated().to_dense())
    seed = MATRIX.to_sparse()
    assert torch.equal(pg.grad(y, x, seed)[0].data.to_dense(), MATRIX)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("dense_first", [False, True])
def test_a_sparse_gradient_and_one_of_all_elements_are_added(dense_first, create_graph):
    x = pg.Variable(matrix(), requires_grad=True)
    y = x * 1.0
    terms = [
        lambda: torch.sparse.sum(y, 0).to_dense().sum(),
        lambda: y.to_dense(masked_grad=False).sum() * 2,
    ]
    loss = sum(term() for term in (terms if dense_first else reversed(terms)))
    (gy,) = pg.grad(loss, y, create_graph=create_graph)
    torch.testing.assert_close(gy.data.to_dense(), 2 + MASK.double())
