"""The scheduler: every shape of graph, against torch.autograd on the same numbers."""

from __future__ import annotations

import gc
import threading
import warnings
import weakref

import pytest
import torch

import plugrad as pg


def leaf(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    data = torch.randn(shape, generator=generator, dtype=dtype)
    return pg.Variable(data, requires_grad=True), data.clone().requires_grad_()


def check(variable, tensor):
    assert (variable.grad is None) == (tensor.grad is None)
    if tensor.grad is not None:
        torch.testing.assert_close(variable.grad.data, tensor.grad, rtol=1e-12, atol=1e-12)


def diamond(x):
    a, b = x.sin(), x.exp()
    return (a * b + a).sum()


def same_operand_twice(x):
    return (x * x).sum()


def newer_operand_first(x):
    a = x.sin()
    return (a.exp() * a).sum()


def newer_operand_second(x):
    a = x.sin()
    return (a * a.exp()).sum()


def newer_operand_of_several_outputs(x):
    a = x.sin()
    _, second = torch.stack([a.exp(), a]).unbind(0)
    return (a * second).sum()


def leaf_at_different_depths(x):
    return (((x.sin() * x).cos() + x) * x).sum()


def some_outputs_of_several(x):
    return x.unbind(0)[1].sin().sum()


def all_outputs_of_several(x):
    a, b, c = x.unbind(0)
    return (a * b * c + a).sum()


def one_output_used_twice(x):
    a, _, c = x.unbind(0)
    return (a * a + a * c).sum()


def values_and_indices(x):
    values, indices = x.max(dim=1)
    return (values * indices.double()).sum()


GRAPHS = [
    diamond,
    same_operand_twice,
    leaf_at_different_depths,
    newer_operand_first,
    newer_operand_second,
    newer_operand_of_several_outputs,
    some_outputs_of_several,
    all_outputs_of_several,
    one_output_used_twice,
    values_and_indices,
]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.__name__)
def test_graph_shapes(graph):
    x, t = leaf(3, 4)
    graph(x).backward()
    graph(t).backward()
    check(x, t)


def test_several_roots_add_up():
    x, t = leaf(3)
    pg.backward([x.sin(), (x * x).sum()], [torch.ones(3).double(), None])
    torch.autograd.backward([t.sin(), (t * t).sum()], [torch.ones(3).double(), None])
    check(x, t)


def test_one_root_given_twice_counts_twice():
    x, t = leaf(3)
    y, u = x.sin().sum(), t.sin().sum()
    pg.backward([y, y])
    torch.autograd.backward([u, u])
    check(x, t)


def test_a_root_that_another_root_depends_on():
    x, t = leaf(3)
    y, u = x.sin(), t.sin()
    pg.backward([y.sum(), (y * y).sum()])
    torch.autograd.backward([u.sum(), (u * u).sum()])
    check(x, t)


def test_a_leaf_as_root():
    x, t = leaf(3)
    x.backward(torch.arange(3.0).double())
    t.backward(torch.arange(3.0).double())
    check(x, t)


def test_gradients_accumulate_in_place_into_grad():
    x, t = leaf(3)
    diamond(x).backward()
    first = x.grad
    diamond(x).backward()
    for _ in range(2):
        diamond(t).backward()
    check(x, t)
    assert x.grad is first


def test_retain_graph_allows_a_second_backward():
    x, t = leaf(3)
    y, u = diamond(x), diamond(t)
    for root in (y, u):
        root.backward(retain_graph=True)
        root.backward()
    check(x, t)


def test_a_second_backward_through_a_freed_graph_is_an_error():
    x, _ = leaf(3)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(pg.errors.GraphFreedError, match="backward of mul[\\s\\S]*retain_graph"):
        y.backward()


def test_inputs_restricts_what_is_accumulated():
    (x, t), (y, u) = leaf(3, seed=1), leaf(3, seed=2)
    (x * y).sum().backward(inputs=[x])
    (t * u).sum().backward(inputs=[t])
    check(x, t)
    check(y, u)
    assert y.grad is None


def test_inputs_may_be_intermediate():
    x, _ = leaf(3)
    y = x.sin()
    (y * y).sum().backward(inputs=y)
    torch.testing.assert_close(y.grad.data, 2 * y.data)
    assert x.grad is None


def test_an_input_given_twice_counts_once():
    x, t = leaf(3)
    (x * x).sum().backward(inputs=[x, x])
    (t * t).sum().backward(inputs=[t, t])
    check(x, t)


def test_a_graph_is_freed_only_as_far_as_it_was_run():
    x, _ = leaf(3)
    y = x.exp()
    (y * y).sum().backward(inputs=[y])
    y.sum().backward()  # exp itself has not run yet; torch is stricter and refuses
    torch.testing.assert_close(x.grad.data, y.data)


def test_empty_inputs_is_an_error():
    x, _ = leaf(3)
    with pytest.raises(pg.errors.BackwardError, match="argument to `backward.*cannot be empty"):
        x.sum().backward(inputs=[])


def test_inputs_spares_rules_what_nobody_wants():
    seen = []

    class Product(pg.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, gz):
            seen.append(ctx.needs_input_grad)
            x, y = ctx.saved_tensors
            return gz * y, gz * x

    (x, _), (y, _) = leaf(3, seed=1), leaf(3, seed=2)
    z = Product.apply(x, y).sum()
    z.backward(retain_graph=True)
    z.backward(inputs=[y])
    assert seen == [(True, True), (False, True)]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_derivatives_of_any_order(order):
    x, t = leaf(4)
    y, u = (x.sin() * x.exp()).sum(), (t.sin() * t.exp()).sum()
    for _ in range(order):
        (y,) = pg.grad(y, x, create_graph=True)
        (u,) = torch.autograd.grad(u, t, create_graph=True)
        y, u = y.sum(), u.sum()
    torch.testing.assert_close(y.data, u.detach(), rtol=1e-11, atol=1e-11)


def test_create_graph_leaves_differentiable_gradients_in_grad():
    x, t = leaf(3)
    (x * x * x).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    second = pg.grad(x.grad.sum(), x)[0]
    torch.testing.assert_close(second.data, 6 * t.detach())


def test_retain_grad_keeps_the_gradient_of_a_non_leaf():
    x, t = leaf(3)
    y, u = x.sin(), t.sin()
    y.retain_grad()
    u.retain_grad()
    assert y.retains_grad
    (y * y).sum().backward()
    (u * u).sum().backward()
    check(y, u)
    check(x, t)


@pytest.mark.parametrize("retain", [False, True])
def test_saved_tensors_are_freed_as_backward_proceeds(retain):
    alive_at_the_end = []

    class Spy(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            alive_at_the_end.append(reference() is not None)
            return gy

    x, _ = leaf(3)
    y = Spy.apply(x).exp()
    reference = weakref.ref(y.data)
    z = (y * 2).sum()
    del y
    z.backward(retain_graph=retain)
    assert alive_at_the_end == [retain]


def test_nothing_stays_alive_after_the_outputs():
    gc.collect()
    gc.disable()
    try:
        x, _ = leaf(3)
        y = x.sin()
        z = (y * y.exp()).unbind(0)[0] + x.sum()
        watched = [weakref.ref(o) for o in (y, z, y.data, z.data, y.grad_fn, z.grad_fn)]
        del y, z
        assert [w() for w in watched] == [None] * len(watched)
    finally:
        gc.enable()


def test_the_graph_is_freed_without_gc_also_after_backward():
    gc.collect()
    gc.disable()
    try:
        x, _ = leaf(3)
        y = x.exp()
        z = (y * y).sum()
        watched = [weakref.ref(y), weakref.ref(z.grad_fn), weakref.ref(y.data)]
        z.backward()
        del y, z
        assert [w() for w in watched] == [None] * len(watched)
        x_reference = weakref.ref(x)
        del x
        assert x_reference() is None
    finally:
        gc.enable()


def test_the_graph_keeps_its_leaf_alive():
    x, _ = leaf(3)
    data = x.data
    y = (x * x).sum()
    reference = weakref.ref(x)
    del x
    y.backward()
    torch.testing.assert_close(reference().grad.data, 2 * data)


@pytest.mark.parametrize("length", [10, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_long_chain_runs_and_is_freed_without_recursion(length):
    x = pg.Variable(torch.ones(()), requires_grad=True)
    y = x
    for _ in range(length):
        y = y.neg()
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_a_changed_saved_tensor_is_an_error_that_names_the_op():
    x, _ = leaf(3)
    y = x * 1.0
    z = (y * y).sum()
    y.data.add_(1)
    with pytest.raises(pg.errors.SavedTensorChangedError, match="mul saved[\\s\\S]*fix:"):
        z.backward()


def test_a_changed_saved_output_is_noticed_too():
    x, _ = leaf(3)
    y = x.exp()
    y.data.zero_()
    with pytest.raises(pg.errors.SavedTensorChangedError, match="exp saved"):
        y.sum().backward()


def test_a_change_that_no_gradient_needs_is_allowed():
    x, _ = leaf(3)
    y = x + 1
    y.data.zero_()
    y.sum().backward()
    torch.testing.assert_close(x.grad.data, torch.ones(3).double())


def test_gradients_of_one_backward_share_no_memory():
    (x, _), (y, _) = leaf(3, seed=1), leaf(3, seed=2)
    z = x + y
    z.retain_grad()
    cotangent = torch.ones(3).double()
    z.backward(cotangent)
    gradients = [x.grad.data, y.grad.data]
    gradients[0].mul_(5)
    assert gradients[1].tolist() == [1, 1, 1]
    assert cotangent.tolist() == [1, 1, 1]


def test_gradients_of_create_graph_share_none_either():
    (x, _), (y, _) = leaf(3, seed=1), leaf(3, seed=2)
    (x + y).backward(torch.ones(3).double(), create_graph=True)
    x.grad.data.zero_()
    assert y.grad.tolist() == [1, 1, 1]


def test_a_transposed_gradient_is_not_copied():
    w, _ = leaf(4, 3)
    seen = []

    class Transposed(pg.Function):
        @staticmethod
        def forward(ctx, w):
            return w.t()

        @staticmethod
        def backward(ctx, g):
            fresh = g.t().contiguous() * 2
            seen.append(fresh.data_ptr())
            return fresh.view(4, 3)

    Transposed.apply(w).sum().backward()
    assert w.grad.data.data_ptr() == seen[0]
    assert w.grad.tolist() == [[2.0] * 3] * 4


def test_a_view_of_a_gradient_is_not_shared_either():
    (x, _), (y, _) = leaf(2, 3, seed=1), leaf(6, seed=2)
    (x.view(6) + y).backward(torch.ones(6).double())
    x.grad.data.zero_()
    assert y.grad.tolist() == [1] * 6


def test_an_expanded_gradient_gets_memory_of_its_own():
    x, _ = leaf(3)
    x.sum().backward()
    x.grad.data[0] = 7
    assert x.grad.tolist() == [7, 1, 1]


def test_a_fresh_gradient_is_not_copied():
    seen = []

    class Keep(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            gradient = gy * 2
            seen.append(gradient.data_ptr())
            return gradient

    x, _ = leaf(3)
    Keep.apply(x).sum().backward()
    assert x.grad.data.data_ptr() == seen[0]


def test_grad_has_the_strides_of_its_leaf():
    data = torch.randn(4, 3).t()
    x = pg.Variable(data, requires_grad=True)
    (x * torch.randn(3, 4)).sum().backward()
    assert x.grad.stride() == data.stride()


def test_backward_in_several_threads_at_once():
    x, t = leaf(50)

    def work():
        for _ in range(20):
            diamond(x).backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (80 * diamond(t)).backward()
    torch.testing.assert_close(x.grad.data, t.grad, rtol=1e-10, atol=1e-10)


def test_one_graph_in_several_threads_at_once():
    x, t = leaf(50)
    y = diamond(x)
    threads = [threading.Thread(target=lambda: y.backward(retain_graph=True)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (8 * diamond(t)).backward()
    torch.testing.assert_close(x.grad.data, t.grad, rtol=1e-10, atol=1e-10)


def test_an_error_in_a_rule_leaves_the_grad_mode_as_it_was():
    class Broken(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            raise ZeroDivisionError

    x, _ = leaf(3)
    y = Broken.apply(x).sum()
    with pytest.raises(ZeroDivisionError):
        y.backward()
    assert pg.is_grad_enabled()
    z = x.sin().sum()
    z.backward()
    assert x.grad is not None


def test_a_partly_used_op_gets_zeros_or_none_as_it_wishes():
    got = []

    def make(materialize):
        class Two(pg.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.set_materialize_grads(materialize)
                return x * 1, x * 2

            @staticmethod
            def backward(ctx, ga, gb):
                got.append(gb)
                return ga

        return Two

    for materialize in (True, False):
        x, _ = leaf(2)
        make(materialize).apply(x)[0].sum().backward()
    assert got[0].tolist() == [0, 0]
    assert got[1] is None


def test_once_differentiable_gives_first_but_refuses_second_derivatives():
    class Cube(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @pg.once_differentiable
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            assert isinstance(x, torch.Tensor)
            return gy * 3 * x**2

    x, _ = leaf(3)
    (first,) = pg.grad(Cube.apply(x).sum(), x, create_graph=True)
    torch.testing.assert_close(first.data, 3 * x.data**2)
    with pytest.raises(pg.errors.OnceDifferentiableError, match="Cube"):
        first.sum().backward()


def test_once_differentiable_refuses_the_second_derivative_of_every_input():
    class Product(pg.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y

        @staticmethod
        @pg.once_differentiable
        def backward(ctx, gz):
            x, y = ctx.saved_tensors
            return gz * y, gz * x

    (x, _), (y, _) = leaf(3, seed=1), leaf(3, seed=2)
    (first,) = pg.grad(Product.apply(x, y).sum(), x, create_graph=True)
    for wanted in (x, y):
        with pytest.raises(pg.errors.OnceDifferentiableError):
            pg.grad(first.sum(), wanted, retain_graph=True, allow_unused=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda y: y.backward(create_graph=True),
        lambda y: pg.backward(y, create_graph=True),
    ],
)
def test_a_cycle_of_leaf_and_gradient_is_warned_of_once(call, monkeypatch):
    from plugrad.core import engine

    monkeypatch.setattr(engine, "_said", [])
    monkeypatch.setattr(torch, "is_warn_always_enabled", lambda: False)
    x = pg.Variable(torch.ones(2), requires_grad=True)
    words = r"Using backward\(\) with create_graph=True will create a reference cycle"
    with pytest.warns(UserWarning, match=words) as caught:
        call((x * x).sum())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call((x * x).sum())
        pg.grad((x * x).sum(), x, create_graph=True)
    assert [warning.filename for warning in caught] == [__file__]
