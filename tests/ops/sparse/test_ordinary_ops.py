"""Ops for all tensors, given a sparse Variable: torch's gradient or an error, never another."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

VALUES = torch.tensor([[0.0, 2.0, 0.0], [-1.0, 0.0, 3.0]], dtype=torch.float64)
OTHER = torch.tensor([[1.0, 2.0, 0.5], [-1.0, 4.0, 3.0]], dtype=torch.float64)
LAYOUTS = {"coo": torch.Tensor.to_sparse, "csr": torch.Tensor.to_sparse_csr}

CALLS = {
    "abs": lambda s, w: s.abs(),
    "add": lambda s, w: s + s,
    "add to dense": lambda s, w: w + s,
    "addmm": lambda s, w: torch.addmm(torch.eye(2, dtype=torch.float64), s, w.t()),
    "cat": lambda s, w: torch.cat([s, s]),
    "clone": lambda s, w: s.clone(),
    "coalesce": lambda s, w: s.coalesce(),
    "div": lambda s, w: s / 2,
    "index_select": lambda s, w: s.index_select(0, torch.tensor([1])),
    "matmul": lambda s, w: s @ w.t(),
    "matmul of two": lambda s, w: s @ (s * 2).t(),
    "mul by a number": lambda s, w: s * 3,
    "mul by dense": lambda s, w: s * w,
    "mul": lambda s, w: s * s,
    "mv": lambda s, w: s @ w[0],
    "neg": lambda s, w: -s,
    "norm": lambda s, w: s.norm(),
    "pow": lambda s, w: s**2,
    "relu": lambda s, w: torch.relu(s),
    "select": lambda s, w: s[0],
    "sin": lambda s, w: s.sin(),
    "sparse.mm": lambda s, w: torch.sparse.mm(s, w.t()),
    "sparse.mm of two": lambda s, w: torch.sparse.mm(s, (s * 2).t()),
    "sparse_mask": lambda s, w: w.sparse_mask(s),
    "sum": lambda s, w: s.sum(),
    "sum of abs": lambda s, w: s.abs().sum(),
    "sum of div": lambda s, w: (s / 2).sum(),
    "sum of mul": lambda s, w: (s * s).sum(),
    "sum of pow": lambda s, w: (s**2).sum(),
    "sum of pow of pow": lambda s, w: (s**2).pow(3).sum(),
    "t": lambda s, w: s.t(),
    "tanh": lambda s, w: torch.tanh(s),
    "to_dense": lambda s, w: s.to_dense().exp() * w,
    "values": lambda s, w: s.coalesce().values() ** 2,
}
#: What torch cannot compute or differentiate either, so that nobody says what is right.
REFUSED = {
    "coo": {"cat", "index_select", "norm", "select", "sin", "tanh"},
    "csr": {"cat", "coalesce", "div", "index_select", "matmul of two", "mul by dense", "norm",
            "pow", "select", "sin", "sparse.mm of two", "sparse_mask", "sum of div", "sum of pow",
            "sum of pow of pow", "tanh", "values"},
}  # fmt: skip


def dense(tensor):
    if tensor is None:
        return None
    raw = tensor.data if isinstance(tensor, pg.Variable) else tensor
    return raw if raw.layout is torch.strided else raw.to_dense()


def gradients(call, make, layout, grad):
    s, w = make(LAYOUTS[layout](VALUES)), make(OTHER.clone())
    y = call(s, w)
    y = y if y.layout is torch.strided else y.to_dense()
    weights = torch.arange(1.0, y.numel() + 1, dtype=torch.float64).reshape(y.shape)
    return [dense(g) for g in grad((y * weights).sum(), [s, w], allow_unused=True)]


def of_torch(call, layout):
    return gradients(call, lambda t: t.requires_grad_(), layout, torch.autograd.grad)


def of_plugrad(call, layout, grad=pg.grad):
    return gradients(call, lambda t: pg.Variable(t, requires_grad=True), layout, grad)


def by_backward(y, leaves, allow_unused):
    y.backward()
    return [leaf.grad for leaf in leaves]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CALLS)
def test_the_gradient_is_torchs(name, layout):
    if name in REFUSED[layout]:
        with pytest.raises((RuntimeError, TypeError)):
            of_torch(CALLS[name], layout)
        return
    right = of_torch(CALLS[name], layout)
    for grad in (pg.grad, by_backward):
        for ours, theirs in zip(of_plugrad(CALLS[name], layout, grad), right, strict=True):
            assert (ours is None) == (theirs is None)
            if ours is not None:
                torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", sorted(REFUSED["coo"]))
def test_what_torch_cannot_do_is_an_error_here(name):
    with pytest.raises((RuntimeError, TypeError)):
        of_plugrad(CALLS[name], "coo")


LIKE = [torch.zeros_like, torch.empty_like]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("like", LIKE, ids=lambda f: f.__name__)
def test_a_new_tensor_like_a_sparse_one(like, layout):
    given = LAYOUTS[layout](VALUES)
    made, expected = like(pg.Variable(given, requires_grad=True)), like(given)
    assert type(made) is pg.Variable
    assert (made.layout, made.shape, made.dtype) == (expected.layout, VALUES.shape, VALUES.dtype)
    if like is torch.zeros_like:
        assert not made.to_dense().data.any()


def test_a_gradient_of_all_elements_can_be_changed_in_place():
    s = pg.Variable(VALUES.to_sparse(), requires_grad=True)
    s.sum().backward()
    s.grad.mul_(3)
    assert s.grad.tolist() == [[3, 3, 3], [3, 3, 3]]
