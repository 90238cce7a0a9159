"""Views: their base, and what an in-place change of one means to the others."""

from __future__ import annotations

import gc

import pytest
import torch

import plugrad as pg
from plugrad import errors
from plugrad.tests.notes.engines import close, raw, values

TORCH_NAMES = True

LEAF_VIEW = "a view of a leaf Variable that requires grad"
MANY_VIEWS = "output of a function that returns multiple views"
NO_GRAD_VIEW = "A view was created in no_grad mode"


# --- what a view is ------------------------------------------------------------------

VIEWS = {
    "view": lambda x: x.view(-1),
    "view_as": lambda x: x.view_as(x),
    "reshape": lambda x: x.reshape(4),
    "transpose": lambda x: x.transpose(0, 1),
    "t": lambda x: x.t(),
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "permute": lambda x: x.permute(1, 0),
    "squeeze": lambda x: x[None].squeeze(0),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "expand": lambda x: x.expand(3, 2, 2),
    "narrow": lambda x: x.narrow(0, 0, 1),
    "select": lambda x: x.select(0, 1),
    "getitem": lambda x: x[0, 1:],
    "slice": lambda x: x[:],
    "flatten": lambda x: x.flatten(),
    "movedim": lambda x: x.movedim(0, 1),
    "unbind": lambda x: x.unbind()[1],
    "chunk": lambda x: x.chunk(2)[0],
    "split": lambda x: x.split(1)[1],
    "of a view": lambda x: x.view(-1)[1:].unsqueeze(0),
    "detach": lambda x: x.detach(),
}

COPIES = {
    "clone": lambda x: x.clone(),
    "flip": lambda x: x.flip(0),
    "cat": lambda x: torch.cat([x, x]),
    "index": lambda x: x[[0, 1]],
    "mask": lambda x: x[x > 0],
    "contiguous": lambda x: x.t().contiguous(),
    "add": lambda x: x + 0,
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("requires_grad", [False, True])
def test_a_view_knows_its_base(engine, name, requires_grad):
    x = engine.tensor([[1.0, 2.0], [3.0, 4.0]]).requires_grad_(requires_grad).clone()
    y = VIEWS[name](x)
    assert not x._is_view()
    assert x._base is None
    if name != "detach":  # shares memory, but is no view to autograd
        assert y._is_view()
        assert y._base is x


@pytest.mark.parametrize("name", VIEWS)
def test_a_change_of_a_base_shows_in_its_views(engine, name):
    x = engine.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = VIEWS[name](x)
    x.fill_(7)
    assert set(y.flatten().tolist()) == {7}
    assert y._version == x._version == 1


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_no_view(engine, name):
    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]]).clone()
    y = COPIES[name](x)
    assert not y._is_view()
    assert y._base is None
    x.zero_()
    assert values(y) != values(x)


def test_a_view_of_a_view_has_the_first_ones_base(engine):
    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    assert x[0][1:].unsqueeze(0)._base is x


# --- a change of one is a change of all ----------------------------------------------


def test_a_change_of_a_view_is_part_of_the_bases_gradient(engine):
    root = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    x = root.clone()
    x.narrow(0, 0, 1).mul_(2)
    x.sum().backward()
    assert values(x) == [[2, 4], [3, 4]]
    assert values(root.grad) == [[2, 2], [1, 1]]


def test_a_change_of_a_view_is_part_of_another_views_gradient(engine):
    root = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    x = root.clone()
    v1, v2 = x.narrow(0, 0, 1), x.narrow(0, 0, 1)
    v1.mul_(2)
    v2.sum().backward()
    assert values(v2) == [[2, 4]]
    assert values(root.grad) == [[2, 2], [0, 0]]


def test_a_change_of_a_view_of_a_view_is_part_of_the_bases_gradient(engine):
    root = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    x = root.clone()
    x.narrow(0, 0, 1).narrow(1, 1, 1).mul_(2)
    x.sum().backward()
    assert values(root.grad) == [[1, 2], [1, 1]]


def test_a_change_of_the_base_is_part_of_a_views_gradient(engine):
    root = engine.leaf([1.0, 2.0])
    x = root.clone()
    view = x[0:1]
    x.mul_(3)
    view.sum().backward()
    assert values(view) == [3]
    assert values(root.grad) == [3, 0]


def test_changes_of_base_and_views_in_turn(engine):
    root, w = engine.leaf([1.0, 2.0, 3.0]), engine.leaf([10.0])
    x = root.clone()
    head, tail = x[:2], x[1:]
    head.mul_(2)  # 2 4 3
    x.add_(1)  # 3 5 4
    tail.mul_(w)  # 3 50 40
    head[1:].mul_(3)  # 3 150 40
    assert values(x) == [3, 150, 40]
    assert values(head) == [3, 150]
    (x.sum() + head.sum() * 100).backward()
    assert values(root.grad) == [2 * 101, 2 * 30 * 101, 10]
    assert values(w.grad) == [5 * 3 * 101 + 4]


def test_a_view_that_is_not_contiguous(engine):
    root = engine.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    x = root.t().clone().t()
    x.narrow(0, 0, 1).narrow(1, 1, 1).mul_(2)
    x.sum().backward()
    assert values(root.grad) == [[1, 2, 1], [1, 1, 1]]


@pytest.mark.parametrize(
    "name", [n for n in VIEWS if n not in {"expand", "unbind", "chunk", "split", "detach"}]
)
def test_a_change_through_any_single_view(engine, name):
    root, w = engine.leaf([[1.0, 2.0], [3.0, 4.0]]), engine.leaf(5.0)
    x = root.clone()
    view = VIEWS[name](x)
    ones = torch.zeros(2, 2, dtype=torch.float64)
    VIEWS[name](ones).fill_(1)
    view.mul_(w)
    (x * x).sum().backward()
    a = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    close(x, torch.where(ones > 0, a * 5, a))
    close(root.grad, torch.where(ones > 0, 2 * 25 * a, 2 * a))
    close(w.grad, (ones * 2 * 5 * a * a).sum())


def test_two_products_through_views(engine):
    root = engine.leaf([[float(4 * i + j) for j in range(4)] for i in range(4)])
    w = engine.leaf([[2.0, 3.0], [4.0, 5.0]])
    x = root.clone()
    x.narrow(1, 2, 2).narrow(0, 1, 2).mul_(w)
    x.narrow(1, 0, 2).narrow(0, 1, 2).mul_(w)
    x.sum().backward()
    assert values(root.grad) == [[1, 1, 1, 1], [2, 3, 2, 3], [4, 5, 4, 5], [1, 1, 1, 1]]
    assert values(w.grad) == [[4 + 6, 5 + 7], [8 + 10, 9 + 11]]


def test_second_derivatives_go_through_changes_of_views(engine):
    root, w = engine.leaf([2.0, 3.0]), engine.leaf([5.0])
    x = root.clone()
    x[0:1].mul_(w)
    x[0:1].mul_(x[1:2].clone())
    (g,) = engine.grad(x[0] * x[0], w, create_graph=True)  # (2 * 5 * 3)^2, over w
    assert values(g) == [2 * 2 * 3 * 30]
    assert [values(v) for v in engine.grad(g.sum(), (w, root))] == [[72], [360, 240]]


def test_a_change_makes_the_base_of_a_view_require_grad(engine):
    x, w = engine.tensor([[1.0, 2.0], [3.0, 4.0]]), engine.leaf([5.0])
    x.narrow(1, 1, 1).mul_(w)
    assert x.requires_grad
    x.sum().backward()
    assert values(w.grad) == [6]


def test_a_change_makes_the_views_of_a_base_require_grad(engine):
    r = engine.leaf([1.0])
    x = engine.tensor([1.0, 1.0, 1.0])
    view = x.select(0, 1)
    assert not view.requires_grad
    assert view.grad_fn is None
    x.add_(r)
    assert view.requires_grad
    assert not view.is_leaf
    view.backward()
    assert values(r.grad) == [1]


def test_a_change_of_a_view_of_a_constant_is_part_of_the_views_gradient(engine):
    a, b = engine.tensor([2.0, 5.0]), engine.leaf([3.0])
    res = a.narrow(0, 1, 1).mul_(b)
    res.sum().backward()
    assert values(b.grad) == [5]


def test_the_value_before_a_change_is_differentiated_as_it_was(engine):
    root = engine.leaf([1.0, 2.0])
    x = root.clone()
    before = x[0:1] + 0
    x[0:1].mul_(7)
    (before * 10 + x[0:1]).backward()
    assert values(root.grad) == [17, 0]


def test_items_of_items(engine):
    a = engine.leaf([[1.0], [1.0], [1.0]])
    b = a * 2
    c = b.view_as(b)
    c[0][0] = 3
    with engine.no_grad():
        assert c.grad_fn is not None
    c.sum().backward()
    assert values(b) == [[3], [2], [2]]
    assert values(a.grad) == [[0], [2], [2]]


def test_a_grad_fn_of_a_view_can_first_be_asked_for_in_no_grad(engine):
    a = engine.leaf([1 + 1j], dtype=torch.complex128).clone()
    v = a.real
    a.add_(1)
    with engine.no_grad():
        assert v.grad_fn is not None


def test_a_change_through_the_real_part(engine):
    z = engine.leaf([1 + 2j], dtype=torch.complex128)
    y = z.clone()
    y.real.mul_(3)
    assert values(y) == [3 + 2j]
    (y.real + 10 * y.imag).backward()
    assert values(z.grad) == [3 + 10j]


# --- what cannot be changed ----------------------------------------------------------


def test_a_view_of_a_leaf_that_requires_grad_cannot_be_changed(engine):
    x = engine.leaf([1.0, 2.0])
    with engine.raises(RuntimeError, LEAF_VIEW):
        x[0:1].add_(1)
    assert values(x) == [1, 2]


@pytest.mark.parametrize(
    "several",
    [
        lambda x: x.unbind(),
        lambda x: x.split(1),
        lambda x: x.split([1, 1]),
        lambda x: x.chunk(2),
    ],
    ids=["unbind", "split", "split sizes", "chunk"],
)
def test_one_of_several_views_cannot_be_changed(engine, several):
    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]]).clone()
    parts = several(x)
    for part in parts:
        with engine.raises(RuntimeError, MANY_VIEWS):
            part.mul_(2)
    assert values(x) == [[1, 2], [3, 4]]
    parts[0].sum().backward()


def test_one_of_several_views_of_a_constant_can_be_changed(engine):
    x = engine.tensor([[1.0, 2.0], [3.0, 4.0]])
    x.unbind()[0].mul_(2)
    assert values(x) == [[2, 4], [3, 4]]


def test_one_of_several_views_of_a_constant_takes_nothing_that_requires_grad(engine):
    x, b = engine.tensor([[1.0, 2.0]]), engine.leaf([3.0])
    with engine.raises(RuntimeError, MANY_VIEWS):
        x.unbind()[0].copy_(b)
    assert values(x) == [[1, 2]]
    x.select(1, 0).copy_(b)
    x.sum().backward()
    assert values(b.grad) == [1]


def test_a_view_of_one_of_several_views_cannot_be_changed(engine):
    a = engine.leaf([1.0, 2.0]).clone()
    b = a.unbind(0)
    with engine.raises(RuntimeError, MANY_VIEWS):
        b[0].view_as(b[0]).mul_(2)
    with engine.raises(RuntimeError, MANY_VIEWS):
        a.view_as(a).unbind(0)[0].mul_(2)
    assert values(a) == [1, 2]


def test_a_base_of_several_views_can_be_changed(engine):
    a = engine.leaf([1.0, 2.0]).clone()
    first, _ = a.unbind(0)
    a.mul_(3)
    assert values(first) == 3


def test_an_expanded_view_cannot_be_changed(engine):
    x = engine.leaf([1.0]).clone()
    with pytest.raises(RuntimeError):
        x.expand(3).add_(1)
    assert values(x) == [1]


@pytest.mark.parametrize("grad_mode", [True, False])
@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize("kind", ["one", "several"])
def test_which_views_can_be_changed(engine, kind, grad_mode, requires_grad):
    x = engine.tensor([1.0, 2.0]).requires_grad_(requires_grad).clone()
    with engine.set_grad_enabled(grad_mode):
        view = x.view_as(x) if kind == "one" else x.unbind()[0]
    assert view._is_view()
    if requires_grad and not grad_mode:
        with engine.raises(RuntimeError, NO_GRAD_VIEW):
            view.add_(1)
    elif requires_grad and kind == "several":
        with engine.raises(RuntimeError, MANY_VIEWS):
            view.add_(1)
    else:
        view.add_(1)
        assert values(x)[0] == 2


def test_a_view_made_in_no_grad_of_a_leaf_cannot_be_changed_outside(engine):
    x = engine.leaf([1.0, 2.0])
    with engine.no_grad():
        view = x[0:1]
        view.mul_(5)
    assert values(x) == [5, 2]
    assert x.is_leaf
    with engine.raises(RuntimeError, NO_GRAD_VIEW):
        view.mul_(5)
    assert values(x) == [5, 2]


def test_a_view_of_a_view_made_in_no_grad_cannot_be_changed(engine):
    x = engine.tensor([1.0, 2.0])
    with engine.no_grad():
        y = x.view(2)
    y.requires_grad_(True)
    z = y.view(2)
    with engine.raises(RuntimeError, "a view of a view .* is being .* inside the no_grad block"):
        z /= 2
    assert values(x) == [1, 2]


# --- changes of shape in place -------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        (lambda y: y.t_(), (3, 2)),
        (lambda y: y.transpose_(0, 1), (3, 2)),
        (lambda y: y.unsqueeze_(0), (1, 2, 3)),
        (lambda y: y.unsqueeze_(1).squeeze_(1), (2, 3)),
    ],
    ids=["t_", "transpose_", "unsqueeze_", "squeeze_"],
)
def test_a_change_of_shape_in_place_keeps_the_numbers_and_their_gradients(engine, change, shape):
    x = engine.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    y = x.clone()
    assert change(y) is y
    assert tuple(y.shape) == shape
    weights = torch.arange(6.0, dtype=torch.float64).reshape(shape)
    (y * engine.tensor(weights.tolist())).sum().backward()
    flat = change(torch.arange(6).reshape(2, 3).clone()).flatten().argsort()
    assert values(x.grad.flatten()) == weights.flatten()[flat].tolist()


# --- Functions that return views -----------------------------------------------------


def narrowing(engine):
    class Narrow(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.n = x.shape[0]
            return x.narrow(0, 0, 1)

        @staticmethod
        def backward(ctx, g):
            return torch.cat([g, g.new_zeros(ctx.n - 1)])

    return Narrow


def test_a_view_that_a_function_returned_cannot_be_changed(engine):
    x = engine.leaf([1.0, 2.0])
    out = narrowing(engine).apply(x.clone())
    with engine.raises(RuntimeError, "This view was created inside a custom Function"):
        out += 1
    out.sum().backward()
    assert values(x.grad) == [1, 0]


def test_a_view_of_a_constant_that_a_function_returned_takes_nothing_that_requires_grad(engine):
    a, b = engine.tensor([1.0, 2.0]), engine.leaf([1.0])
    view = narrowing(engine).apply(a)
    with engine.raises(RuntimeError, "This view was created inside a custom Function"):
        view += b
    with engine.raises(RuntimeError, "This view was created inside a custom Function"):
        view.copy_(b)
    assert values(a) == [1, 2]


def test_one_of_several_results_of_a_function_that_is_a_view_cannot_be_changed(engine):
    class Two(engine.Function):
        @staticmethod
        def forward(ctx, a, b):
            a = a.narrow(0, 0, 1)
            return a, a + b

        @staticmethod
        def backward(ctx, ga, gab):
            return torch.cat([ga + gab, ga * 0]), gab

    a, b = engine.leaf([1.0, 2.0]), engine.leaf([3.0])
    first, second = Two.apply(a.clone(), b)
    with engine.raises(RuntimeError, MANY_VIEWS):
        first += 3
    second += 3
    (first * second).backward()
    assert values(a.grad) == [1 + 7, 0]
    assert values(b.grad) == [1]


def test_a_copy_that_a_function_returned_can_be_changed(engine):
    class Copy(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g * 10

    x = engine.leaf([1.0])
    out = Copy.apply(x)
    out *= 3
    out.backward()
    assert values(x.grad) == [30]


def test_a_view_that_a_function_returned_in_no_grad_cannot_be_changed_outside(engine):
    class Alias(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x[:]

        @staticmethod
        def backward(ctx, g):
            return g

    x = engine.leaf([1.0])
    with engine.no_grad():
        out = Alias.apply(x)
    assert not out.requires_grad or out.is_leaf
    with engine.raises(RuntimeError, NO_GRAD_VIEW):
        out.zero_()
    assert values(x) == [1]


# --- memory --------------------------------------------------------------------------


def test_a_view_keeps_its_base_and_its_graph(engine):
    x = engine.leaf([1.0, 2.0])

    def scope():
        middle = x.view(2, 1)
        out = middle.view(2)
        cycle = [middle]
        cycle.append(cycle)
        return out

    out = scope()
    gc.collect()
    out.backward(engine.tensor([3.0, 4.0]))
    assert values(x.grad) == [3, 4]


# --- changes of shape in place, of views ---------------------------------------------

SHAPE_CHANGES = {
    "as_strided_": lambda v: v.as_strided_((1, 0), (2, 2)),
    "transpose_": lambda v: v.transpose_(0, 0),
    "t_": lambda v: v.t_(),
    "squeeze_": lambda v: v.squeeze_(0),
    "unsqueeze_": lambda v: v.unsqueeze_(0),
    "swapdims_": lambda v: v.swapdims_(0, 0),
    "swapaxes_": lambda v: v.swapaxes_(0, 0),
}


def same_in_a_function(engine):
    class Same(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, g):
            return g

    return Same.apply


@pytest.mark.parametrize("change", SHAPE_CHANGES)
@pytest.mark.parametrize("kind", ["one", "several", "function"])
def test_which_views_can_change_their_shape(engine, change, kind):
    make_view = {
        "one": lambda x: x.view_as(x),
        "several": lambda x: x.unbind()[0],
        "function": same_in_a_function(engine),
    }[kind]
    for made_in_grad_mode in (True, False):
        for changed_in_grad_mode in (True, False):
            for requires_grad in (True, False):
                base = engine.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
                base = base.requires_grad_(requires_grad).clone()
                with engine.set_grad_enabled(made_in_grad_mode):
                    view = make_view(base)
                bad = requires_grad and (not made_in_grad_mode or kind != "one")
                with engine.set_grad_enabled(changed_in_grad_mode):
                    if bad and changed_in_grad_mode:
                        with engine.raises(RuntimeError, "view"):
                            SHAPE_CHANGES[change](view)
                        continue
                    SHAPE_CHANGES[change](view)
                if bad:
                    with engine.raises(RuntimeError, "view"):
                        view.add_(1)
                else:
                    view.add_(1)


UNRECORDED = ["no_grad", "inference_mode"]


@pytest.mark.parametrize("mode", UNRECORDED)
@pytest.mark.parametrize("leaf", [True, False])
def test_a_view_whose_shape_was_changed_unrecorded_leads_through_its_base(engine, mode, leaf):
    root = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    base = root if leaf else root * 2
    view = base.view_as(base)
    with getattr(engine, mode)():
        view.t_()
    weights = engine.tensor([[1.0, 2.0], [3.0, 4.0]])
    (view * weights).sum().backward()
    assert values(root.grad) == ([[1, 3], [2, 4]] if leaf else [[2, 6], [4, 8]])
    assert view._version == base._version == 1


def test_a_view_whose_shape_was_changed_unrecorded_keeps_its_gradient_and_takes_changes(engine):
    root = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    base = root * 2
    view = base.view_as(base)
    view.retain_grad()
    with engine.no_grad():
        view.t_()
    view[0].mul_(5)
    weights = [[1.0, 2.0], [3.0, 4.0]]
    (base * engine.tensor(weights)).sum().backward()
    assert values(root.grad) == [[10, 4], [30, 8]]
    assert values(base) == [[10, 4], [30, 8]]


def test_a_view_whose_base_was_changed_keeps_no_gradient_that_nobody_asked_for(engine):
    base = engine.leaf([1.0, 2.0]) * 1
    view = base[:1]
    base.mul_(3)
    view.sum().backward()
    with pytest.warns(UserWarning, match="not a leaf"):
        assert view.grad is None


NOTHING = {
    "as_strided_": lambda v: v.as_strided_((2, 3), (3, 1)),
    "transpose_": lambda v: v.transpose_(1, 1),
    "swapdims_": lambda v: v.swapdims_(0, 0),
    "swapaxes_": lambda v: v.swapaxes_(-1, 1),
    "squeeze_": lambda v: v.squeeze_(0),
    "squeeze_ all": lambda v: v.squeeze_(),
    "t_": lambda v: v.view(6).t_(),
}


@pytest.mark.parametrize("mode", UNRECORDED)
@pytest.mark.parametrize("name", NOTHING)
def test_an_unrecorded_change_of_shape_that_changes_nothing_is_taken(engine, mode, name):
    root = engine.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    root.grad = engine.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    computed = root * 2
    computed.retain_grad()
    view = computed[:]
    with getattr(engine, mode)():
        for x in (root, computed, view):
            NOTHING[name](x)
    assert root._version == 1
    assert computed._version == view._version == 2
    assert not computed.is_leaf
    (computed * 3).sum().backward(retain_graph=True)
    assert values(computed.grad) == [[3, 3, 3], [3, 3, 3]]
    assert values(root.grad) == [[7, 7, 7], [7, 7, 7]]
    view.sum().backward()
    assert values(root.grad) == [[9, 9, 9], [9, 9, 9]]


def test_a_change_that_changes_nothing_counts_all_the_same(engine):
    y = engine.leaf([1.0, 2.0]).exp()
    with engine.no_grad():
        y.squeeze_(0)
    with engine.raises(RuntimeError, "modified by an inplace operation"):
        y.sum().backward()


def test_a_view_whose_shape_was_changed_in_place_still_changes_its_base(engine):
    root = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    x = root.clone()
    view = x.view_as(x)
    view.t_()
    view[0].mul_(10)
    assert values(x) == [[10, 2], [30, 4]]
    x.sum().backward()
    assert values(root.grad) == [[10, 1], [10, 1]]


# --- a base that is changed after its views were made --------------------------------


@pytest.mark.parametrize("change", [lambda x, w: x.mul_(w), lambda x, w: x.__setitem__(0, w)])
@pytest.mark.parametrize("kind", ["one", "several", "function", "no_grad"])
def test_what_becomes_of_a_view_when_its_base_is_changed(engine, kind, change):
    root, w = engine.leaf([2.0, 3.0]), engine.leaf(5.0)
    x = root.clone()
    if kind == "no_grad":
        with engine.no_grad():
            view = x[:1]
    else:
        view = {
            "one": lambda x: x[:1],
            "several": lambda x: x.split(1)[0],
            "function": narrowing(engine).apply,
        }[kind](x)
    change(x, w)
    if kind == "one":
        (view * view).backward()
        value = values(view)[0]
        assert values(w.grad) == (2 * value * 2 if value == 10 else 2 * value)
    else:
        with engine.raises(RuntimeError, "its base or another view of its base has been modified"):
            (view * view).backward()


def test_the_parts_of_a_complex_number_are_assigned(engine):
    z, x = engine.leaf([1 + 2j, 5 - 1j], dtype=torch.complex128), engine.leaf([3.0, 4.0])
    y = z.clone()
    y.real = x
    y.imag = 2.0
    assert values(y) == [3 + 2j, 4 + 2j]
    (y.real * y.real + 10 * y.imag).sum().backward()
    assert values(x.grad) == [6, 8]
    assert values(z.grad) == [0, 0]
    row = z.clone()
    row[1:].imag = x[:1]
    row.imag.sum().backward()
    assert values(row) == [1 + 2j, 5 + 3j]
    assert values(z.grad) == [1j, 0]


def test_the_real_part_of_a_real_number_is_itself(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    z = x * 1
    z.real = y * y
    z.sum().backward()
    assert values(y.grad) == [6, 8]
    with engine.raises(RuntimeError, "leaf"):
        x.real = y
    with pytest.raises(RuntimeError, match="imag is not implemented"):
        z.imag = y


@pytest.mark.parametrize("change", ["a slice", "an element", "a diagonal"])
def test_no_gradient_of_a_changed_base_is_none_for_what_was_written(engine, change):
    class Stop(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return None

    w, base = engine.leaf([5.0, 6.0]), engine.tensor([[0.0, 0.0], [0.0, 0.0]])
    if change == "a slice":
        base[0] = w
    elif change == "an element":
        base[0, 1].add_(w[0])
    else:
        base.diagonal().add_(w)
    Stop.apply(base).sum().backward()
    assert w.grad is None


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.ravel(),
        lambda x: x.unflatten(1, (3, 1)),
        lambda x: x.hsplit(3)[1],
        lambda x: x.tensor_split(2)[1],
        lambda x: torch.atleast_3d(x),
        lambda x: torch.linalg.diagonal(x),
        lambda x: x[:, 1:].unflatten(1, (2, 1)),
    ],
)
@pytest.mark.parametrize("changed", ["the view", "the base"])
@pytest.mark.parametrize("of_a_view", [False, True])
def test_a_view_of_a_constant_follows_a_change(engine, make, changed, of_a_view):
    """There is no op for any of these functions, so torch's own code makes the view."""
    w = engine.leaf([2.0])
    x = engine.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    given = x[:, :] if of_a_view else x
    view = make(given)
    target = view if changed == "the view" else x
    target.mul_(w)
    for t in (x, given, view):
        (g,) = engine.grad((t * t).sum(), w, retain_graph=True)
        times_w = view if t is view else target  # the elements that are a number times w
        assert values(g) == [float((raw(times_w) ** 2).sum())]


def test_elements_that_share_memory_are_not_changed():
    x = pg.Variable(torch.ones(6), requires_grad=True) * 1
    with pytest.raises(errors.InplaceError, match=r"single memory location[\s\S]*fix: .*clone"):
        x.unfold(0, 3, 1).add_(1.0)
    assert x.tolist() == [1] * 6
    x.as_strided((2, 2), (2, 3)).add_(1.0)  # the places 0, 3, 2, 5: none is there twice
    assert x.tolist() == [2, 1, 2, 2, 1, 2]
