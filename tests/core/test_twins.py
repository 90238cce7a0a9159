"""In-place operators and ``inplace=True``, on Variables and on tensors that meet one."""

from __future__ import annotations

import operator

import pytest
import torch
import torch.utils.checkpoint
from torch.nn import functional

import plugrad as pg
from plugrad.core.twins import make_twin
from plugrad.errors import InplaceError, SavedTensorChangedError

OPERATORS = [
    (operator.iadd, 2.0),
    (operator.isub, 2.0),
    (operator.imul, 3.0),
    (operator.itruediv, 4.0),
    (operator.ipow, 2),
]


def _both():
    data = torch.tensor([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]], dtype=torch.float64)
    yield pg.Variable(data.clone(), requires_grad=True)
    yield data.clone().requires_grad_()


@pytest.mark.parametrize(("change", "operand"), OPERATORS)
@pytest.mark.parametrize("tensor", [False, True])
def test_an_operator_changes_the_variable_and_what_shares_its_memory(change, operand, tensor):
    found = []
    for leaf in _both():
        x = leaf * 1
        alias, row = x, x[0]
        value = torch.full((3,), operand, dtype=torch.float64) if tensor else operand
        if change is not operator.ipow:  # which saves its result, and x changes it
            row = change(row, value)
        x = change(x, value)
        assert x is alias
        (x * x).sum().backward()
        found.append((x.tolist(), row.tolist(), leaf.grad.tolist(), x._version))
    assert found[0] == found[1]


@pytest.mark.parametrize(("change", "operand"), OPERATORS)
def test_an_operator_trains_a_leaf_in_no_grad(change, operand):
    found = []
    for leaf in _both():
        kept = leaf
        with torch.no_grad():
            leaf = change(leaf, operand)
        assert leaf is kept
        assert leaf.requires_grad
        found.append(leaf.tolist())
    assert found[0] == found[1]


@pytest.mark.parametrize("change", [operator.iand, operator.ior, operator.ixor])
def test_integers(change):
    x, t = pg.Variable(torch.arange(6)), torch.arange(6)
    same = x
    x, t = change(x, 3), change(t, 3)
    assert x is same
    assert x.tolist() == t.tolist()


def test_matmul_rebinds_as_in_torch():
    x = old = pg.Variable(torch.eye(2), requires_grad=True) * 1
    x @= torch.ones(2, 2)
    assert x is not old
    assert old.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: functional.relu(x, inplace=True),
        torch.nn.ReLU(inplace=True),
        functional.relu_,
        torch.relu_,
        lambda x: functional.dropout(x, 0.5, inplace=True),
        torch.nn.Dropout(0.5, inplace=True),
        torch.nn.Dropout(0.5, inplace=True).eval(),
        lambda x: functional.dropout(x, 0.0, inplace=True),
        lambda x: functional.dropout(x, 1.0, inplace=True),
    ],
)
@pytest.mark.parametrize("part", [False, True])
def test_torch_functions_change_their_argument(call, part):
    found = []
    for leaf in _both():
        base = leaf * 1
        x = base[1] if part else base
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            assert call(x) is x
        (base.sum() + (x * x).sum()).backward()
        found.append((base.tolist(), leaf.grad.tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "write",
    [
        lambda t, v: operator.iadd(t, v),
        lambda t, v: operator.imul(t, v),
        lambda t, v: t.copy_(v),
        lambda t, v: t.masked_fill_(v > 0, v.sum()),
        lambda t, v: operator.setitem(t, ..., v),
        lambda t, v: operator.setitem(t, 0, v[0]),
    ],
)
def test_a_plain_tensor_takes_values_but_no_graph(write):
    leaf, expected = _both()
    tensor = torch.ones(2, 3, dtype=torch.float64)
    with pytest.raises(InplaceError, match=r"cannot remember[^$]*fix: make the tensor a Variable"):
        write(tensor, leaf)
    assert tensor.tolist() == torch.ones(2, 3).tolist()
    with pg.no_grad():
        write(tensor, leaf)
    again = torch.ones(2, 3, dtype=torch.float64)
    write(again, leaf.detach())
    right = torch.ones(2, 3, dtype=torch.float64)
    write(right, expected.detach())
    assert tensor.tolist() == again.tolist() == right.tolist()
    assert type(tensor) is torch.Tensor
    write(pg.Variable(torch.ones(2, 3, dtype=torch.float64)), leaf)  # the fix


class Foreign:
    """What no tensor can be computed with."""

    def __repr__(self) -> str:  # part of a test's name
        return "Foreign"


class Reflected(Foreign):
    """It computes with anything."""

    def __rmul__(self, other):
        return "reflected"


#: What a number is on the right of: all but @ take one.
SIGNS = {
    operator.iadd: "+=",
    operator.isub: "-=",
    operator.imul: "*=",
    operator.itruediv: "/=",
    operator.ipow: r"\*\*=",
    operator.iand: "&=",
    operator.ior: r"\|=",
    operator.ixor: r"\^=",
    operator.imatmul: "@=",
    operator.matmul: "@",
}


@pytest.mark.parametrize("change", SIGNS, ids=SIGNS.get)
@pytest.mark.parametrize("operand", ["2", None, [1.0, 2.0], Foreign()], ids=repr)
@pytest.mark.parametrize("recorded", [False, True])
def test_a_foreign_operand_is_pythons_type_error(change, operand, recorded):
    data = torch.arange(4.0).reshape(2, 2)
    for x in pg.Variable(data.clone(), requires_grad=recorded) * 1, data.clone():
        words = rf"unsupported operand type\(s\) for {SIGNS[change].replace('=', '.?=?')}"
        with pytest.raises(TypeError, match=words):
            change(x, operand)
        assert x.tolist() == data.tolist()


@pytest.mark.parametrize("recorded", [False, True])
def test_a_number_is_no_operand_of_a_matrix_product(recorded):
    for x in pg.Variable(torch.eye(2), requires_grad=recorded) * 1, torch.eye(2):
        for product in (lambda x: x @ 2, lambda x: 2 @ x, lambda x: operator.imatmul(x, True)):
            with pytest.raises(TypeError, match="unsupported operand type"):
                product(x)


def test_another_type_may_take_over_as_in_torch():
    for x in pg.Variable(torch.eye(2)), torch.eye(2):
        assert operator.imul(x, Reflected()) == "reflected"


def test_an_in_place_operator_refuses_an_array():
    np = pytest.importorskip("numpy")
    x = pg.Variable(torch.ones(2))
    with pytest.raises(pg.errors.ArgumentError, match="NumPy array.*\n.*\n.*fix: make the array"):
        x *= np.ones(2)
    x *= torch.as_tensor(2 * np.ones(2))
    assert x.tolist() == [2, 2]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: torch.sin_(input=x),
        lambda x: torch.relu_(input=x),
        lambda x: functional.relu_(input=x),
        lambda x: torch.clamp_(input=x, min=0.5, max=2.0),
        lambda x: torch.fill_(input=x, value=3.0),
        lambda x: x.add_(other=x.detach(), alpha=2),
        lambda x: functional.relu(input=x, inplace=True),
        lambda x: torch.dropout_(input=x, p=0.0, train=True),
    ],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_every_argument_may_be_given_by_keyword(call, recorded):
    found = []
    for leaf in _both():
        x = leaf * 1 if recorded else leaf.detach()
        y = call(x)
        if recorded:
            y.sum().backward()
        found.append((x.tolist(), y.tolist(), leaf.grad.tolist() if recorded else None))
    assert found[0] == found[1]


def test_a_twin_without_its_argument_names_it():
    with pytest.raises(pg.errors.ArgumentError, match="sin.* is missing the argument 'x'"):
        pg.Variable.sin_()


def test_a_method_given_what_cannot_be_an_operand_says_so():
    x = pg.Variable(torch.ones(2), requires_grad=True) * 1
    for call in (lambda: x.mul("2"), lambda: x.mul_(other="2")):
        with pytest.raises(pg.errors.ArgumentError, match="mul.. takes tensors and numbers, not"):
            call()
    assert x.mul_(torch.as_tensor(2)).tolist() == [2, 2]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", ["gt_", "eq_", "logical_and_"])
def test_what_a_comparison_overwrites_has_no_gradient_whatever_arrives(name, create_graph):
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    y = x * 1
    getattr(y, name)(torch.tensor([0.0, 2.0]) * 0 + 9 * (name != "logical_and_"))
    (gx,) = pg.grad([1 / y], [x], [torch.ones(2)], create_graph=create_graph)
    assert gx.tolist() == [0, 0]


# --- what a call may return that it did not make -------------------------------------


@pg.op("test::pick", inplace=("pick_",))
class Pick(pg.Composite):
    """Its second argument, itself."""

    @staticmethod
    def forward(x, y):
        return y


pick_ = make_twin(Pick, "pick_")


def _leaf(*values):
    return pg.Variable(torch.tensor(values, dtype=torch.float64), requires_grad=True)


@pytest.mark.parametrize("number", [1.0, 1j])
def test_conj_physical_in_place_does_not_hide_a_change_of_what_was_saved_before(number):
    """For a real number torch refuses; the gradient was that of the changed value."""
    x = pg.Variable(torch.tensor([number, 2.0]), requires_grad=True)
    a = x * 1
    y = a * a
    a.mul_(10)
    y.conj_physical_()
    with pytest.raises(SavedTensorChangedError):
        pg.grad(y, x, torch.ones_like(y.data))


def test_conj_physical_in_place_of_what_a_saved_tensor_hook_packed():
    """The rule was given what the hook had packed: it was packed twice."""
    for leaf in _both():
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 1, lambda t: t):
            y = leaf * leaf
            y.conj_physical_()
        y.sum().backward()
        assert leaf.grad.tolist() == [[2, -4, 6], [8, 10, -12]]


def _squared_in_place(x):
    a = x * 1
    a[:1].mul_(a[:1])
    return a * 1


@pytest.mark.parametrize(
    "around",
    [
        lambda f, x: pg.checkpoint(f, x),
        lambda f, x: torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False),
        lambda f, x: _within(torch.autograd.graph.saved_tensors_hooks(torch.clone, _same), f, x),
    ],
)
def test_what_hooks_are_given_of_an_operand_in_the_memory_that_changes_is_as_it_was(around):
    """They were given it after the write: gradients were silently wrong, also in a checkpoint."""
    x = _leaf(3.0, 2.0)
    y = around(_squared_in_place, x)
    (g,) = pg.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [6, 1]
    (gg,) = pg.grad(g.sum(), x)
    assert gg.tolist() == [2, 0]


def _same(tensor):
    return tensor


def _within(context, function, x):
    with context:
        return function(x)


def test_a_composite_may_write_a_leaf_over_its_argument():
    """The leaf got no gradient, silently."""
    w, y = _leaf(1.0, 2.0), _leaf(3.0, 4.0)
    x = w * 1
    assert pick_(x, y) is x
    (gw, gy) = pg.grad((x * x).sum(), [w, y], allow_unused=True)
    assert x.tolist() == [3, 4]
    assert gw is None
    assert gy.tolist() == [6, 8]


def test_a_composite_may_write_a_result_of_before_over_its_argument():
    """The record of the result became that of the change, and saved what was changed."""
    w, y = _leaf(1.0, 2.0), _leaf(3.0, 4.0)
    x, z = w * 1, y.square()
    pick_(x, z)
    x.mul_(5)
    (gy,) = pg.grad(x.sum() + z.sum(), y)
    assert gy.tolist() == [36, 48]
    assert z.tolist() == [9, 16]


@pytest.mark.parametrize("view", [False, True])
def test_a_composite_does_not_hide_a_change_of_what_was_saved_before(view):
    w, y = _leaf(1.0, 2.0), _leaf(3.0, 4.0)
    b = y * 1
    x, z = w * 1, b * b
    b.mul_(10)
    pick_(x, z[...] if view else z)
    with pytest.raises(SavedTensorChangedError):
        x.sum().backward()
