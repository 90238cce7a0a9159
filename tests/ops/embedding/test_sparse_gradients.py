"""embedding and embedding_bag with sparse=True: gradients that are sparse tensors, as torch's."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg
from plugrad.errors import ArgumentError

pytestmark = pytest.mark.filterwarnings("ignore:Sparse invariant checks")  # by torch's optimizers

INDICES = torch.tensor([1, 0, 3, 3, 2, 1, 3])
OFFSETS = torch.tensor([0, 2, 2, 5])
WEIGHTS = torch.linspace(0.5, 2, 7, dtype=torch.float64)


def table():
    return torch.linspace(-1, 2, 10, dtype=torch.float64).view(5, 2)


def both(function):
    """The gradients of the table: ours and torch's."""
    x = pg.Variable(table(), requires_grad=True)
    (got,) = pg.grad(function(x).sin().sum(), x)
    leaf = table().requires_grad_()
    (expected,) = torch.autograd.grad(function(leaf).sin().sum(), leaf)
    return got.data, expected


def assert_same_form(got, expected):
    assert got.layout is expected.layout is torch.sparse_coo
    assert got.is_coalesced() == expected.is_coalesced()
    assert torch.equal(got._indices(), expected._indices())
    torch.testing.assert_close(got._values(), expected._values())
    assert got.shape == expected.shape


OPTIONS = [{}, {"padding_idx": 3}, {"padding_idx": -2}, {"max_norm": 0.5}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    "indices", [INDICES, INDICES[:6].view(2, 3), INDICES.int(), INDICES[:0], INDICES[2:4]]
)
def test_the_gradient_of_a_table_has_torchs_indices(indices, options):
    assert_same_form(*both(lambda t: F.embedding(indices, t, sparse=True, **options)))


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "sum"},
        {"mode": "mean"},
        {"mode": "sum", "padding_idx": 3},
        {"mode": "mean", "padding_idx": 3},
        {"mode": "sum", "per_sample_weights": WEIGHTS},
        {"mode": "sum", "max_norm": 0.5},
    ],
    ids=str,
)
def test_the_gradient_of_bags_has_torchs_indices(options):
    assert_same_form(*both(lambda t: F.embedding_bag(INDICES, t, OFFSETS, sparse=True, **options)))


def test_bags_with_the_last_offset():
    def called(t):
        ends = torch.tensor([0, 2, 2, 7])
        return F.embedding_bag(INDICES, t, ends, mode="mean", sparse=True, include_last_offset=True)

    assert_same_form(*both(called))


def test_an_index_without_dimensions_may_be_padding():
    x = pg.Variable(table(), requires_grad=True)
    for index, rows in ((3, 0), (2, 1)):
        y = F.embedding(torch.tensor(index), x, padding_idx=3, sparse=True)
        (g,) = pg.grad(y.sum(), x)
        assert g.data._nnz() == rows


def test_the_weights_of_bags_keep_their_gradient():
    x, w = (pg.Variable(t, requires_grad=True) for t in (table(), WEIGHTS))
    y = F.embedding_bag(INDICES, x, OFFSETS, mode="sum", sparse=True, per_sample_weights=w)
    gx, gw = pg.grad(y.sin().sum(), [x, w])
    y = F.embedding_bag(INDICES, x, OFFSETS, mode="sum", per_sample_weights=w)
    dense, expected = pg.grad(y.sin().sum(), [x, w])
    torch.testing.assert_close(gx.data.to_dense(), dense.data)
    assert torch.equal(gw.data, expected.data)


@pytest.mark.parametrize("bags", [False, True])
def test_a_second_derivative(bags):
    def squares(leaf, grad, sparse):
        if bags:
            y = F.embedding_bag(INDICES, leaf, OFFSETS, mode="mean", sparse=sparse)
        else:
            y = F.embedding(INDICES, leaf, sparse=sparse)
        (g,) = grad(y.sin().sum(), leaf, create_graph=True)
        return grad((g.to_dense() if sparse else g).square().sum(), leaf)[0]

    x = pg.Variable(table(), requires_grad=True)
    got, expected = (squares(x, pg.grad, sparse) for sparse in (True, False))
    assert got.data.is_sparse
    torch.testing.assert_close(got.data.to_dense(), expected.data)


def test_what_has_no_sparse_gradient_in_torch_says_so():
    x = pg.Variable(table(), requires_grad=True)
    y = F.embedding(INDICES, x, scale_grad_by_freq=True, sparse=True)
    with pytest.raises(ArgumentError, match="leave out scale_grad_by_freq=True"):
        y.sum().backward()
    y = F.embedding_bag(INDICES, x, OFFSETS, scale_grad_by_freq=True, sparse=True)
    with pytest.raises(ArgumentError, match="leave out scale_grad_by_freq=True"):
        y.sum().backward()
    y, *_ = torch.ops.aten._embedding_bag.default(x, INDICES, OFFSETS, False, 2, True)
    with pytest.raises(ArgumentError, match="leave out sparse=True"):
        y.sum().backward()


class Model(nn.Module):
    def __init__(self, bags):
        super().__init__()
        self.table = (nn.EmbeddingBag if bags else nn.Embedding)(5, 2, sparse=True)

    def forward(self, x):
        return self.table(x).square().sum()


OPTIMIZERS = {
    "SparseAdam": lambda p: torch.optim.SparseAdam(p, lr=0.1),
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "SGD with momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
}


@pytest.mark.parametrize("bags", [False, True])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_models_train_as_in_torch(optimizer, bags):
    torch.manual_seed(0)
    module = Model(bags)
    ours = pg.interop.convert(copy.deepcopy(module))
    for model in (module, ours):
        stepper = optimizer(list(model.parameters()))
        for indices in ([[1, 0], [3, 3]], [[2, 0], [1, 3]], [[0, 0], [4, 0]]):
            stepper.zero_grad()
            model(torch.tensor(indices)).backward()
            stepper.step()
    assert ours.table.weight.grad.is_sparse
    torch.testing.assert_close(ours.table.weight.data, module.table.weight.data)


def test_gradients_add_up_as_in_torch():
    ours, theirs = pg.Variable(table(), requires_grad=True), table().requires_grad_()
    for leaf in (ours, theirs):
        for _ in range(2):
            F.embedding(INDICES, leaf, sparse=True).square().sum().backward()
    assert_same_form(ours.grad.data, theirs.grad)
    for leaf in (ours, theirs):
        leaf.square().sum().backward()
    assert torch.equal(ours.grad.data, theirs.grad)


def test_the_parts_of_a_sparse_variable_that_optimizers_ask_for():
    x = pg.Variable(torch.eye(3).to_sparse(), requires_grad=True)
    assert isinstance(x._values(), pg.Variable)
    assert not x._values().requires_grad  # nor does it in torch
    assert x._indices().tolist() == [[0, 1, 2]] * 2
    assert (x._nnz(), x._dimI(), x._dimV()) == (3, 2, 0)
    values = pg.Variable([1.0, 2.0, 3.0], requires_grad=True)
    y = x.new(x._indices(), values, x.size())
    (y.to_dense() * torch.arange(9.0).view(3, 3)).sum().backward()
    assert values.grad.tolist() == [0, 4, 8]
