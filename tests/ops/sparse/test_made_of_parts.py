"""Sparse tensors made of indices and a Variable of values."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

VALUES = torch.tensor([2.0, -1.0, 0.5, 3.0], dtype=torch.float64)
WEIGHTS = torch.arange(1.0, 13.0, dtype=torch.float64)
COMPRESSED, PLAIN = torch.tensor([0, 1, 4]), torch.tensor([1, 0, 1, 2])
BLOCKS = torch.stack([VALUES, -VALUES], 1).reshape(4, 2, 1)
CALLS = {
    "coo": (VALUES, lambda m: lambda v: m.sparse_coo_tensor([[0, 0, 1, 1], [1, 1, 0, 2]], v)),
    "coo, size": (
        VALUES,
        lambda m: (
            lambda v: m.sparse_coo_tensor(torch.tensor([[0, 0, 1, 1], [1, 1, 0, 2]]), v, (3, 4))
        ),
    ),
    "csr": (VALUES, lambda m: lambda v: m.sparse_csr_tensor(COMPRESSED, PLAIN, v, (2, 3))),
    "csc": (VALUES, lambda m: lambda v: m.sparse_csc_tensor(COMPRESSED, PLAIN, v, (3, 2))),
    "bsr": (BLOCKS, lambda m: lambda v: m.sparse_bsr_tensor(COMPRESSED, PLAIN, v, (4, 3))),
    "bsc": (BLOCKS, lambda m: lambda v: m.sparse_bsc_tensor(COMPRESSED, PLAIN, v, (6, 2))),
    "compressed": (
        VALUES,
        lambda m: (
            lambda v: m.sparse_compressed_tensor(
                COMPRESSED, PLAIN, v, (2, 3), layout=torch.sparse_csr
            )
        ),
    ),
}


@pytest.mark.filterwarnings("ignore:Sparse")
@pytest.mark.parametrize(("values", "of"), CALLS.values(), ids=CALLS)
def test_gradients_of_the_values_are_torchs_and_have_derivatives(values, of):
    """Of torch's own the elements are taken by a product that it differentiates twice."""
    v = pg.Variable(values.clone(), requires_grad=True)
    y = of(pg.ops)(v).to_dense(masked_grad=False)
    (gv,) = pg.grad((y**3 * WEIGHTS[: y.numel()].reshape(y.shape)).sum(), v, create_graph=True)
    (second,) = pg.grad((gv**2).sum(), v)

    made = of(torch)(values)
    assert torch.equal(y.data, made.to_dense())
    columns = [of(torch)(e.reshape(values.shape)).to_dense() for e in torch.eye(values.numel())]
    places = torch.stack(columns).double()
    u = values.clone().flatten().requires_grad_()
    z = torch.tensordot(u, places, 1)
    loss = (z**3 * WEIGHTS[: z.numel()].reshape(z.shape)).sum()
    (gu,) = torch.autograd.grad(loss, u, create_graph=True)
    (expected,) = torch.autograd.grad((gu**2).sum(), u)
    torch.testing.assert_close(gv.data, gu.detach().reshape(values.shape))
    torch.testing.assert_close(second.data, expected.reshape(values.shape))


def test_a_batch_of_compressed_tensors():
    v = pg.Variable(torch.stack([VALUES[:2], VALUES[2:]]), requires_grad=True)
    rows, columns = torch.tensor([[0, 1, 2], [0, 0, 2]]), torch.tensor([[1, 0], [0, 2]])
    y = pg.ops.sparse_csr_tensor(rows, columns, v, (2, 2, 3))
    seed = WEIGHTS.reshape(2, 2, 3)
    (gv,) = pg.grad(y.to_dense(masked_grad=False), v, seed)
    assert gv.data.tolist() == [[2.0, 4.0], [10.0, 12.0]]


def test_the_gradient_of_a_large_tensor_takes_memory_by_its_elements():
    v = pg.Variable(VALUES.clone(), requires_grad=True)
    where = torch.tensor([[0, 10**6, 5, 5], [7, 3, 10**6, 10**6]])
    y = pg.ops.sparse_coo_tensor(where, v, (2 * 10**6, 2 * 10**6))
    (gv,) = pg.grad(torch.sparse.sum(torch.sparse.sum(y, 1), 0) ** 2, v)
    torch.testing.assert_close(gv.data, torch.full((4,), 9.0, dtype=torch.float64))
