"""gather with sparse_grad: the gradient is sparse, as torch's."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks")

CALLS = {
    "a row of each column": ((4, 3), 0, torch.tensor([[0, 1, 2], [0, 3, 1]])),
    "an element twice": ((4,), 0, torch.tensor([1, 1, 3])),
    "the last dimension": ((2, 3), -1, torch.tensor([[2, 0], [1, 1]])),
    "no element": ((3, 2), 0, torch.zeros(0, 2, dtype=torch.int64)),
    "a number": ((), 0, torch.tensor(0)),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_gradient_is_torchs(name):
    shape, dim, index = CALLS[name]
    found = []
    for make in (lambda t: pg.Variable(t, requires_grad=True), lambda t: t.requires_grad_()):
        x = make(torch.linspace(1, 2, torch.Size(shape).numel()).view(shape))
        (torch.gather(x, dim, index, sparse_grad=True) ** 2).sum().backward()
        found.append(x.grad.data)
    ours, theirs = found
    assert ours.layout is theirs.layout is torch.sparse_coo
    assert torch.equal(ours._indices(), theirs._indices())
    assert torch.equal(ours._values(), theirs._values())


def test_a_gradient_that_is_differentiated_is_right():
    x = pg.Variable(torch.tensor([1.0, 2.0, 3.0]), requires_grad=True)
    y = torch.gather(x, 0, torch.tensor([0, 0, 2]), sparse_grad=True)
    (g,) = pg.grad((y**3).sum(), x, create_graph=True)
    assert g.tolist() == [6, 0, 27]
    (second,) = pg.grad(g.sum(), x)
    assert second.data.to_dense().tolist() == [12, 0, 18]


def test_an_optimizer_of_sparse_gradients_steps():
    w = pg.Parameter(torch.zeros(3))
    optimizer = torch.optim.SparseAdam([w], lr=0.1)
    torch.gather(w, 0, torch.tensor([1]), sparse_grad=True).sum().backward()
    optimizer.step()
    torch.testing.assert_close(w.data, torch.tensor([0.0, -0.1, 0.0]))
