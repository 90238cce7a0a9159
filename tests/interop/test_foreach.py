"""torch._foreach_exp and all its kin on Variables that require grad, beside torch."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import InplaceError

NAMES = sorted(name for name in dir(torch) if name.startswith("_foreach_"))
#: Torch has no derivative of them, which it says in backward.
NONE = {"_foreach_copy_", "_foreach_powsum"}


def lists(leaf):
    """Three lists of two tensors, no element equal to another."""
    generator = torch.Generator().manual_seed(0)
    shapes = ((3, 3), (2, 2))
    made = [torch.rand(s, generator=generator, dtype=torch.float64) * 0.7 + 0.2 for s in 3 * shapes]
    leaves = [leaf(t) for t in made]
    return leaves[:2], leaves[2:4], leaves[4:]


def forms(xs, ys, zs):
    """The arguments that one or the other of them takes."""
    number = torch.tensor(1.5, dtype=torch.float64)
    return {
        "list": (xs,),
        "two lists": (xs, ys),
        "number": (xs, 1.5),
        "numbers": (xs, [1.5, 2.5]),
        "tensor": (xs, number),
        "to the list": (1.5, xs),
        "weight": (xs, ys, 0.3),
        "three lists": (xs, ys, zs),
        "scaled": (xs, ys, zs, 0.3),
        "each scaled": (xs, ys, zs, [0.3, 0.4]),
        "scaled by a tensor": (xs, ys, zs, torch.tensor([0.3, 0.4], dtype=torch.float64)),
    }


def flat(value):
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [part for each in value for part in flat(each)]
    return [value]


def called(name, form, leaf, grad):
    """The outputs, or what was changed in place, and the gradients of all leaves."""
    xs, ys, zs = lists(leaf)
    own = [x * 1 for x in xs] if name.endswith("_") else xs
    output = getattr(torch, name)(*forms(own, ys, zs)[form])
    outputs = flat(own if name.endswith("_") else output)
    total = sum((o * o.detach().cos()).sum() for o in outputs)
    gradients = (None,) * 6
    if total.requires_grad:
        gradients = grad(total, [*xs, *ys, *zs], allow_unused=True)
    raw = [None if t is None else getattr(t, "data", t).detach() for t in (*outputs, *gradients)]
    return [torch.zeros(1) if t is None or not t.any() else t for t in raw]


@pytest.mark.parametrize("name", NAMES)
def test_a_function_of_lists_is_torchs(name):
    tried = 0
    for form in forms([], [], []):
        try:
            expected = called(name, form, lambda t: t.requires_grad_(), torch.autograd.grad)
        except (RuntimeError, TypeError):
            continue  # torch does not take this form, or does not differentiate it
        tried += 1
        got = called(name, form, lambda t: pg.Variable(t, requires_grad=True), pg.grad)
        torch.testing.assert_close(got, expected)
    assert tried or name in NONE


@pytest.mark.parametrize("other", [1.0, [1.0]], ids=["number", "numbers"])
@pytest.mark.parametrize("name", ["_foreach_maximum", "_foreach_minimum"])
def test_where_elements_tie_the_gradient_is_shared_as_in_torch(name, other):
    function = getattr(torch, name)
    x, y = pg.Variable([1.0, 2.0, 0.0], requires_grad=True), torch.tensor([1.0, 2.0, 0.0])
    (got,) = pg.grad(function([x], other)[0].sum(), x)
    y.requires_grad_()
    (expected,) = torch.autograd.grad(function([y], other)[0].sum(), y)
    assert got.tolist() == expected.tolist()


def test_lists_of_other_lengths_are_torchs_error():
    x = pg.Variable([1.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="same number of tensors"):
        torch._foreach_maximum([x], [x, x])


def test_a_leaf_is_not_changed_in_place():
    x = pg.Variable([1.0], requires_grad=True)
    for change in (torch._foreach_exp_, torch._foreach_zero_):
        with pytest.raises(InplaceError, match="a leaf Variable that requires grad"):
            change([x])
    assert x.tolist() == [1]


@pytest.mark.parametrize("options", [{"fused": True}, {"foreach": True}], ids=str)
def test_an_optimizer_does_not_write_out_the_numbers(options, monkeypatch):
    """As C does of what it does not take, for an error that nobody sees."""

    def broken(variable):
        raise AssertionError("a Variable was written out")

    monkeypatch.setattr(pg.Variable, "__repr__", broken)
    monkeypatch.setattr(pg.Parameter, "__repr__", broken)
    changed = []
    for convert in (lambda module: module, pg.interop.convert):
        torch.manual_seed(0)
        model = convert(torch.nn.Linear(3, 2))
        model(torch.ones(2, 3)).square().sum().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1, foreach=True)
        torch.optim.AdamW(model.parameters(), **options).step()
        changed.append(torch.as_tensor(model.weight.detach()))
    torch.testing.assert_close(*changed)


def test_plain_parameters_before_variables():
    torch.manual_seed(0)
    plain, converted = torch.nn.Linear(3, 2), pg.interop.convert(torch.nn.Linear(3, 2))
    for module in (plain, converted):
        module(torch.ones(2, 3)).square().sum().backward()
    before = [torch.as_tensor(m.weight.detach()).clone() for m in (plain, converted)]
    both = [*plain.parameters(), *converted.parameters()]
    torch.optim.AdamW(both, foreach=True).step()
    for module, weight in zip((plain, converted), before, strict=True):
        assert not torch.equal(torch.as_tensor(module.weight.detach()), weight)
    with pytest.raises(TypeError):
        torch.utils._foreach_utils._group_tensors_by_device_and_dtype([[1]])
