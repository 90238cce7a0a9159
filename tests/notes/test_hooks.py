"""Hooks: on a tensor, on a leaf after accumulation, on a node, on several tensors; their order."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from plugrad.core.installed_torch import torch_before
from plugrad.tests.notes.engines import accumulator, close, failing, newer_torch, raw, values

TORCH_NAMES = True


def keep(found):
    """A hook that appends what it is given, as numbers."""
    return lambda g: found.append(values(g))


def double(g):
    return g * 2


# --- hooks on a tensor ---------------------------------------------------------------


def test_a_tensor_hook_sees_the_gradient(engine):
    x, seen = engine.leaf([1.0, 2.0]), []
    y = x * 3
    y.register_hook(keep(seen))
    (y * y).sum().backward()
    assert seen == [[6, 12]]
    assert values(x.grad) == [18, 36]


def test_a_tensor_hook_on_a_leaf_sees_what_is_about_to_be_accumulated(engine):
    x, seen = engine.leaf([1.0]), []
    x.register_hook(keep(seen))
    for _ in range(2):
        (x * 3).backward()
    assert seen == [[3], [3]]
    assert values(x.grad) == [6]


def test_a_tensor_hook_sees_the_sum_over_all_uses_and_runs_once(engine):
    x, seen = engine.leaf([1.0]), []
    y = x * 1
    y.register_hook(keep(seen))
    (y * 2 + y * 3 + y).backward()
    assert seen == [[6]]


def test_a_leafs_hook_sees_the_sum_over_all_uses_and_runs_once(engine):
    x, seen = engine.leaf([1.0]), []
    x.register_hook(keep(seen))
    (x * 2 + x * 3 + x).backward()
    assert seen == [[6]]


def test_what_a_tensor_hook_returns_replaces_the_gradient(engine):
    x = engine.leaf([1.0])
    y = x * 3
    y.register_hook(double)
    y.backward()
    assert values(x.grad) == [6]


def test_what_a_leafs_hook_returns_is_accumulated(engine):
    x = engine.leaf([1.0])
    x.register_hook(double)
    (x * 3).backward()
    assert values(x.grad) == [6]


def test_a_hook_that_returns_none_changes_nothing(engine):
    x = engine.leaf([1.0])
    x.register_hook(lambda g: None)
    (x * 3).backward()
    assert values(x.grad) == [3]


def test_tensor_hooks_run_in_the_order_of_their_registration_each_on_the_others_result(engine):
    x, seen = engine.leaf([1.0]), []
    y = x * 1
    y.register_hook(lambda g: g + 1)
    y.register_hook(keep(seen))
    y.register_hook(lambda g: g * 10)
    y.backward()
    assert seen == [[2]]
    assert values(x.grad) == [20]


def test_one_hook_registered_twice_runs_twice(engine):
    x = engine.leaf([1.0])
    x.register_hook(double)
    x.register_hook(double)
    (x * 1).backward()
    assert values(x.grad) == [4]


def test_a_handle_removes_its_hook_and_only_it(engine):
    x = engine.leaf([1.0])
    y = x * 1
    counts = {1: 0, 2: 0}

    def counting(increment):
        def hook(g):
            counts[increment] += 1

        return hook

    first = y.register_hook(counting(1))
    y.backward(retain_graph=True)
    second = y.register_hook(counting(2))
    y.backward(retain_graph=True)
    second.remove()
    y.backward(retain_graph=True)
    first.remove()
    first.remove()  # once more is fine
    y.backward()
    assert counts == {1: 3, 2: 1}


def test_a_handle_is_a_context_manager(engine):
    x = engine.leaf([1.0])
    y = x * 1
    with y.register_hook(double):
        y.backward(retain_graph=True)
    y.backward()
    assert values(x.grad) == [3]


def test_a_hook_needs_no_name(engine):
    class Hook:
        def __call__(self, g):
            return g.clone()

    x = engine.leaf([1.0])
    y = x * 2
    y.register_hook(Hook())
    y.backward()
    assert values(x.grad) == [2]


def test_a_hook_cannot_be_put_on_what_does_not_require_grad(engine):
    with engine.raises(RuntimeError, "cannot register a hook on a tensor that doesn't require"):
        engine.tensor([1.0]).register_hook(double)


def test_a_hook_on_one_output_of_several_sees_its_gradient_only(engine):
    x, seen = engine.leaf([1.0, 2.0, 3.0]), []
    parts = x.unbind()
    parts[0].register_hook(keep(seen))
    parts[0].backward(retain_graph=True)
    assert seen == [1]
    assert values(x.grad) == [1, 0, 0]
    (parts[0] * 5 + parts[1]).backward(retain_graph=True)
    assert seen == [1, 5]
    assert values(x.grad) == [6, 1, 0]


def test_hooks_on_each_output_of_several_replace_each_its_own_gradient(engine):
    x = engine.leaf([1.0, 2.0])
    a, b = x.unbind()
    a.register_hook(lambda g: g * 10)
    b.register_hook(lambda g: g * 100)
    (a + b).backward()
    assert values(x.grad) == [10, 100]


def test_a_hook_does_not_run_where_no_gradient_arrives(engine):
    x, seen = engine.leaf([1.0]), []
    unused = x * 2
    unused.register_hook(keep(seen))
    (x * 3).backward()
    assert seen == []


def test_a_hook_does_not_run_beyond_the_inputs_that_were_asked_for(engine):
    x, seen = engine.leaf([1.0, 2.0, 3.0, 4.0]), []
    a, b = x.chunk(2)
    x.register_hook(keep(seen))
    engine.grad((a + 2 * b).sum(), [a, b])
    assert seen == []


def test_grad_runs_the_hooks_of_its_inputs_and_returns_what_they_return(engine):
    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    z = x * y
    x.register_hook(double)
    z.register_hook(lambda g: g * 10)
    out = z * 1
    found = engine.grad(out, (x, y), retain_graph=True) + engine.grad(out, z)
    assert [values(g) for g in found] == [[20], [10], [10]]
    assert x.grad is None


def test_a_hook_that_raises_ends_backward_with_its_error(engine):
    x = engine.leaf([1.0])
    y = x * 2

    def hook(g):
        raise ArithmeticError("on purpose")

    y.register_hook(hook)
    with pytest.raises(ArithmeticError, match="on purpose"):
        y.backward()
    assert x.grad is None


def test_a_hook_must_return_a_tensor_or_none(engine):
    y = engine.leaf([1.0]) * 2
    y.register_hook(lambda g: "nothing of use")
    with engine.raises((TypeError, RuntimeError), "expected"):
        y.backward()


def test_a_hook_must_return_the_gradients_shape(engine):
    y = engine.leaf([1.0, 2.0]) * 2
    y.register_hook(lambda g: g.sum())
    with engine.raises(RuntimeError, "has changed the size"):
        y.sum().backward()


def test_under_create_graph_a_hook_gets_a_gradient_with_a_graph(engine):
    x, graphs = engine.leaf([2.0]), []
    y = x * x
    y.register_hook(lambda g: graphs.append(g.requires_grad))
    (y * y).backward(create_graph=True)
    (y * 3).backward()
    assert graphs == [True, False]
    x.grad = None


def test_a_hooks_result_can_be_differentiated(engine):
    x = engine.leaf([2.0])
    y = x * 1
    y.register_hook(lambda g: g * x)
    (g,) = engine.grad(y * 3, x, create_graph=True)
    assert values(g) == [6]
    assert values(engine.grad(g, x)[0]) == [3]


def test_a_hook_registered_during_backward_runs_if_its_tensors_turn_is_yet_to_come(engine):
    x, seen = engine.leaf([1.0]), []
    y = x * 2
    z = y * 3
    z.register_hook(lambda g: y.register_hook(keep(seen)) and None)
    z.backward()
    assert seen == [[3]]


def test_a_hook_removed_during_backward_does_not_run(engine):
    x, seen = engine.leaf([1.0]), []
    y = x * 2
    z = y * 3
    handle = y.register_hook(keep(seen))
    z.register_hook(lambda g: handle.remove())
    z.backward()
    assert seen == []


def test_a_hook_may_remove_itself(engine):
    x, seen = engine.leaf([1.0]), []

    def once(g):
        handle.remove()
        seen.append(values(g))
        return g * 5

    handle = x.register_hook(once)
    (x * 1).backward()
    (x * 1).backward()
    assert seen == [[1]]
    assert values(x.grad) == [6]


def test_a_leafs_hook_may_run_backward(engine):
    x = engine.leaf([2.0, 3.0])

    def penalty(g):
        handle.remove()
        with engine.enable_grad():
            inner = g.detach().requires_grad_()
            ((inner * 2) + x.detach()).sum().backward()
        return inner.grad + g

    handle = x.register_hook(penalty)
    (x * x).sum().backward()
    assert values(x.grad) == [4 + 2, 6 + 2]


def test_a_hook_in_the_middle_may_run_backward(engine):
    x = engine.leaf([2.0, 3.0])
    y = x * x

    def more(g):
        handle.remove()
        with engine.enable_grad():
            inner = g.detach().requires_grad_()
            ((inner * 2) + 5).sum().backward()
        return inner.grad + g

    handle = y.register_hook(more)
    y.sum().backward()
    assert values(x.grad) == [6 * 2, 6 * 3]


def test_a_hook_sees_the_gradient_from_the_functions_output_not_from_its_input(engine):
    class Both(engine.Function):
        @staticmethod
        def forward(ctx, a, b):
            return a.view_as(a), a + b

        @staticmethod
        def backward(ctx, ga, gb):
            return ga + gb, gb

    x, y, seen = engine.leaf([1.0]), engine.leaf([1.0]), []
    q, p = Both.apply(x, y)
    q.register_hook(keep(seen))
    (q + p + x).backward()
    assert seen == [[1]]
    assert values(x.grad) == [3]
    assert values(y.grad) == [1]


def test_no_gradient_is_made_up_where_a_rule_gives_none(engine):
    class FirstOnly(engine.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * 1, y * 1

        @staticmethod
        def backward(ctx, gx, gy):
            return gx, None

    x, y, seen = engine.leaf([1.0]), engine.leaf([1.0]), []
    y.register_hook(keep(seen))
    a, b = FirstOnly.apply(x, y * 2)
    (a + b).backward()
    assert [g for g in seen if g is not None] == []
    assert y.grad is None
    assert values(x.grad) == [1]


def test_a_graph_with_a_hook_that_holds_it_is_collected(engine):
    class Sentinel:
        pass

    def scope():
        x, sentinel, count = engine.leaf([1.0]), Sentinel(), []
        y = x * 2
        grad_fn = y.grad_fn

        def hook(g):
            count.append((grad_fn, sentinel))

        y.register_hook(hook)
        z = y.clone()
        z.backward(retain_graph=True)
        gc.collect()
        z.backward(retain_graph=True)
        assert len(count) == 2
        return weakref.ref(sentinel)

    reference = scope()
    gc.collect()
    assert reference() is None


def test_a_leaf_holds_its_hooks_while_it_lives(engine):
    class Sentinel:
        pass

    sentinel, seen = Sentinel(), []
    x = engine.leaf([1.0])
    x.register_hook(lambda g, held=sentinel: seen.append(held))
    reference = weakref.ref(sentinel)
    del sentinel
    gc.collect()
    (x * 1).backward()
    assert reference() is not None
    seen.clear()
    del x
    gc.collect()
    assert reference() is None


# --- retain_grad ---------------------------------------------------------------------


def test_retain_grad_keeps_and_accumulates_the_gradient_of_a_non_leaf(engine):
    x = engine.leaf([1.0, 2.0])
    y = x * 3
    out = (y * y).sum()
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()  # once more is fine
    assert y.retains_grad
    out.backward(retain_graph=True)
    assert values(y.grad) == [6, 12]
    out.backward()
    assert values(y.grad) == [12, 24]


def test_retain_grad_does_nothing_for_a_leaf(engine):
    x = engine.leaf([1.0])
    x.retain_grad()
    assert not x.retains_grad
    (x * 3).backward()
    assert values(x.grad) == [3]


def test_retain_grad_of_what_does_not_require_grad_is_refused(engine):
    with engine.raises(RuntimeError, "can't retain_grad on Tensor that has requires_grad=False"):
        engine.tensor([1.0]).retain_grad()


def test_a_retained_gradient_is_what_all_tensor_hooks_made_of_it(engine):
    a = engine.leaf(1.0)
    b = a.clone()
    b.register_hook(double)
    b.retain_grad()
    b.register_hook(double)
    b.clone().backward()
    assert values(b.grad) == 4


def test_a_gradient_is_retained_after_hooks_registered_later_too(engine):
    b = engine.leaf(1.0).clone()
    b.retain_grad()
    b.register_hook(double)
    b.clone().backward()
    assert values(b.grad) == 2


def test_grad_fills_retained_gradients_on_its_way(engine):
    x = engine.leaf([1.0])
    y = x * 2
    y.retain_grad()
    engine.grad(y * 5, x)
    assert values(y.grad) == [5]


def test_a_retained_gradient_is_not_the_callers(engine):
    y = engine.leaf([1.0]) * 2
    y.retain_grad()
    g = engine.tensor([3.0])
    y.backward(g)
    raw(y.grad).zero_()
    assert values(g) == [3]


def test_each_output_of_several_can_retain_its_gradient(engine):
    x = engine.leaf([1.0, 2.0])
    a, b = x.unbind()
    a.retain_grad()
    b.retain_grad()
    (a * 3 + b * 4).backward()
    assert values(a.grad) == 3
    assert values(b.grad) == 4


def test_retain_grad_keeps_nothing_alive(engine):
    x = engine.leaf([1.0])

    def scope():
        y = x * 2
        y.retain_grad()
        return y / 2, weakref.ref(y)

    z, reference = scope()
    assert reference() is None
    z.backward()
    assert values(x.grad) == [1]


# --- hooks and in-place changes ------------------------------------------------------


def test_a_hook_stays_with_the_value_it_was_registered_on(engine):
    first, second = [], []
    a = engine.leaf([1.0])
    b = a.clone()
    b.register_hook(lambda g: (first.append(values(g)), g * 2)[1])
    b.mul_(2)
    b.register_hook(lambda g: (second.append(values(g)), g * 2)[1])
    b.sum().backward()
    assert second == [[1]]
    assert first == [[4]]
    assert values(a.grad) == [8]


def test_a_hook_stays_with_its_value_over_several_in_place_changes(engine):
    seen = []
    a = engine.leaf([1.0])
    b = a.clone()
    b.register_hook(lambda g: (seen.append(values(g)), g * 2)[1])
    b.mul_(2)
    b.mul_(2)
    b.sum().backward()
    assert seen == [[4]]
    assert values(a.grad) == [8]


def test_hooks_of_several_outputs_stay_with_their_values(engine):
    seen = {"old": [], "other": [], "new": []}
    x = engine.leaf([1.0, 2.0])
    out1, out2 = torch.var_mean(x * 1, 0)
    out1.register_hook(keep(seen["old"]))
    out2.register_hook(keep(seen["other"]))
    out1.mul_(2)
    out1.register_hook(keep(seen["new"]))
    (out1 + out2 * 3).backward()
    assert seen == {"old": [2], "other": [3], "new": [1]}


def test_a_retained_gradient_moves_on_to_the_changed_value(engine):
    a = engine.leaf([1.0]).clone()
    a.retain_grad()
    a.mul_(2)
    a.mul_(2)
    a.sum().backward()
    assert values(a.grad) == [1]


def test_a_retained_gradient_of_one_output_of_several_moves_on_too(engine):
    x = engine.leaf([1.0, 2.0])
    var, mean = torch.var_mean(x * 1, 0)
    var.retain_grad()
    mean.retain_grad()
    var.mul_(2)
    (var * 3 + mean * 5).backward()
    assert values(var.grad) == 3
    assert values(mean.grad) == 5
    close(x.grad, [2 * 3 * -1 + 2.5, 2 * 3 * 1 + 2.5])


def test_a_retained_gradient_moves_on_when_a_view_of_it_is_changed(engine):
    x = engine.leaf([1.0]).clone()
    x.retain_grad()
    view = x[:]
    view *= 2
    x *= 2
    x.sum().backward()
    assert values(x.grad) == [1]


def test_retained_gradients_of_views_follow_a_change_through_one_of_them(engine):
    base = engine.leaf([1.0]).clone()
    view, view2 = base[:], base[:]
    view.retain_grad()
    view2.retain_grad()
    view.mul_(2)
    (view + view2).sum().backward()
    assert values(view.grad) == [1]
    assert values(view2.grad) == [1]


def test_hooks_of_a_view_stay_behind_when_it_is_changed(engine):
    seen = []
    base = engine.leaf([1.0]).clone()
    view, view2 = base[:], base[:]

    def never(g):
        raise AssertionError

    view.register_hook(never)
    view2.register_hook(never)
    view.mul_(2)
    assert view2.grad_fn is not None
    view2.register_hook(keep(seen))
    (view + view2).sum().backward()
    assert seen == [[1]]


# --- hooks after accumulation --------------------------------------------------------


def test_a_post_accumulate_hook_gets_the_leaf_with_its_new_gradient(engine):
    x, seen = engine.leaf([1.0]), []
    x.register_post_accumulate_grad_hook(lambda v: seen.append((v is x, values(v.grad))))
    (x * 3).backward()
    (x * 3).backward()
    assert seen == [(True, [3]), (True, [6])]


@newer_torch
def test_hooks_of_a_leaf_that_needs_no_gradient_any_more_run_and_nothing_is_added(engine):
    x, seen = engine.leaf([1.0]), []
    y = x * 3
    x.register_hook(lambda _: seen.append("hook"))
    x.register_post_accumulate_grad_hook(lambda v: seen.append(("after", v.grad)))
    x.detach_()
    y.backward()
    assert seen == ["hook", ("after", None)]
    assert x.grad is None


def test_post_accumulate_hooks_run_in_order_without_recording(engine):
    x = engine.leaf([1.0, 2.0])

    def subtract(v):
        v.sub_(v.grad)

    def quadruple(v):
        v.mul_(4.0)

    x.register_post_accumulate_grad_hook(subtract)
    x.register_post_accumulate_grad_hook(quadruple)
    x.sum().backward()
    assert values(x) == [0, 4]
    assert x.is_leaf
    assert x.requires_grad


def test_an_optimizer_step_in_backward(engine):
    w, b = engine.leaf([1.0]), engine.leaf([2.0])

    def step(v):
        v.sub_(0.5 * v.grad)
        v.grad = None

    handles = [v.register_post_accumulate_grad_hook(step) for v in (w, b)]
    for _ in range(2):
        (w * 2 + b).backward()
    assert values(w) == [-1]
    assert values(b) == [1]
    assert w.grad is None
    for handle in handles:
        handle.remove()
    (w * 2 + b).backward()
    assert values(w) == [-1]
    assert values(w.grad) == [2]


def test_a_post_accumulate_hook_cannot_be_put_on_a_non_leaf(engine):
    y = engine.leaf([1.0]) * 2
    with engine.raises(RuntimeError, "cannot be registered on non-leaf tensors"):
        y.register_post_accumulate_grad_hook(print)


def test_a_post_accumulate_hook_cannot_be_put_on_what_does_not_require_grad(engine):
    with engine.raises(RuntimeError, "doesn't require gradient"):
        engine.tensor([1.0]).register_post_accumulate_grad_hook(print)


def test_a_post_accumulate_hook_must_return_none(engine):
    x = engine.leaf([1.0])
    x.register_post_accumulate_grad_hook(lambda v: v.grad)
    with engine.raises(RuntimeError, "hooks should return None"):
        (x * 1).backward()


def test_grad_runs_no_post_accumulate_hook(engine):
    x, seen = engine.leaf([1.0]), []
    x.register_post_accumulate_grad_hook(lambda v: seen.append(v))
    engine.grad(x * 2, x)
    assert seen == []


def test_a_leafs_post_accumulate_hooks_live_as_long_as_it(engine):
    class Sentinel:
        pass

    def scope():
        sentinel, x = Sentinel(), engine.leaf([1.0])

        def hook(v, held=sentinel):
            v.sub_(v.grad)

        x.register_post_accumulate_grad_hook(hook)
        (x * 1).backward()
        return x, weakref.ref(sentinel)

    x, reference = scope()
    gc.collect()
    assert reference() is not None
    del x
    gc.collect()
    assert reference() is None


# --- hooks on nodes ------------------------------------------------------------------


def triple(engine, custom):
    """Multiplication by 3, by an op or by a Function."""
    if not custom:
        return lambda x: x * 3

    class Triple(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 3

        @staticmethod
        def backward(ctx, g):
            return g * 3

    return Triple.apply


both_kinds = pytest.mark.parametrize("custom", [False, True], ids=["op", "function"])


@both_kinds
def test_a_node_hook_gets_the_gradients_of_its_inputs_and_outputs(engine, custom):
    x, seen = engine.leaf([1.0]), []
    y = triple(engine, custom)(x)
    y.grad_fn.register_hook(lambda gi, go: seen.append((values(gi[0]), values(go[0]))))
    (y * 5).backward()
    assert seen == [([15], [5])]


@both_kinds
def test_a_node_hook_replaces_the_gradients_of_the_inputs(engine, custom):
    x = engine.leaf([1.0])
    y = triple(engine, custom)(x)
    y.grad_fn.register_hook(lambda gi, go: (gi[0] + go[0], *gi[1:]))
    (y * 5).backward()
    assert values(x.grad) == [20]


@both_kinds
def test_a_node_prehook_gets_the_gradients_of_the_outputs_as_a_tuple(engine, custom):
    x, seen = engine.leaf([1.0]), []
    y = triple(engine, custom)(x)
    y.grad_fn.register_prehook(lambda go: seen.append((type(go), values(go[0]))))
    (y * 5).backward()
    assert seen == [(tuple, [5])]


@both_kinds
def test_a_node_prehook_replaces_the_gradients_of_the_outputs(engine, custom):
    x = engine.leaf([1.0])
    y = triple(engine, custom)(x)
    y.grad_fn.register_prehook(lambda go: (go[0] * 2,))
    y.backward()
    assert values(x.grad) == [6]


@both_kinds
def test_node_hooks_run_in_the_order_of_their_registration(engine, custom):
    x, log = engine.leaf([1.0]), []
    y = triple(engine, custom)(x)

    def pre(go):
        log.append("pre")
        return (go[0] * 2,)

    def post(gi, go):
        log.append(("post", values(gi[0]), values(go[0])))
        return gi

    y.grad_fn.register_hook(post)
    y.grad_fn.register_hook(post)
    y.grad_fn.register_prehook(pre)
    y.grad_fn.register_prehook(lambda go: None)
    y.grad_fn.register_prehook(pre)
    y.grad_fn.register_prehook(lambda go: go)
    y.backward()
    assert log == ["pre", "pre", ("post", [12], [4]), ("post", [12], [4])]
    assert values(x.grad) == [12]


@both_kinds
def test_node_hooks_can_be_removed(engine, custom):
    x, log = engine.leaf([1.0]), []
    y = triple(engine, custom)(x)
    first = y.grad_fn.register_prehook(lambda go: log.append(1))
    y.grad_fn.register_prehook(lambda go: log.append(2))
    third = y.grad_fn.register_hook(lambda gi, go: log.append(3))
    first.remove()
    third.remove()
    y.backward()
    assert log == [2]


@both_kinds
def test_node_prehooks_can_be_removed_by_one_that_runs_before(engine, custom):
    x, log = engine.leaf([1.0]), []
    y = triple(engine, custom)(x)

    def first(go):
        second.remove()
        third.remove()

    y.grad_fn.register_prehook(first)
    second = y.grad_fn.register_prehook(lambda go: log.append(2))
    third = y.grad_fn.register_prehook(lambda go: log.append(3))
    third.remove()
    y.backward()
    assert values(x.grad) == [3]
    assert log == [2]  # the hooks of a node are looked up once, before the first runs


def test_a_prehook_of_a_node_with_several_outputs_gets_a_gradient_of_each(engine):
    x = engine.leaf([1.0, 2.0, 6.0])
    var, mean = torch.var_mean(x, 0)
    (plain,) = engine.grad(var + mean, x, retain_graph=True)
    lengths = []

    def pre(go):
        lengths.append(len(go))
        return tuple(g * 2 for g in go)

    mean.grad_fn.register_prehook(pre)
    (var + mean).backward()
    assert lengths == [2]
    close(x.grad, raw(plain) * 2)


def test_a_prehook_gets_none_for_an_output_that_is_no_tensor(engine):
    class Scaled(engine.Function):
        @staticmethod
        def forward(ctx, x, k, y):
            ctx.k = k
            return k * x, k, k * y

        @staticmethod
        def backward(ctx, g1, gk, g2):
            return ctx.k * g1, None, ctx.k * g2

    seen = []

    def pre(go):
        g1, gk, g2 = go
        seen.append(gk)
        return (g1 * 2, None, g2 * 2)

    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    a, _, b = Scaled.apply(x, 3, y)
    a.grad_fn.register_prehook(pre)
    (a + b).backward()
    assert seen == [None]
    assert values(x.grad) == [6]
    assert values(y.grad) == [6]


def test_a_prehook_must_return_as_many_gradients(engine):
    y = engine.leaf([1.0]) * 2
    y.grad_fn.register_prehook(lambda go: (go[0], go[0]))
    with engine.raises(RuntimeError, "incorrect number of values"):
        y.backward()


def test_a_node_hook_must_return_as_many_gradients(engine):
    y = engine.leaf([1.0]) * engine.leaf([1.0])
    y.grad_fn.register_hook(lambda gi, go: (gi[0],))
    with engine.raises(RuntimeError, "incorrect number of values"):
        y.backward()


def test_a_node_hook_that_raises_ends_backward_with_its_error(engine):
    y = engine.leaf([1.0]) * 2

    def hook(gi, go):
        raise ArithmeticError("on purpose")

    y.grad_fn.register_hook(hook)
    with pytest.raises(ArithmeticError, match="on purpose"):
        y.backward()


def test_a_hook_of_an_accumulator_sees_no_input_gradients(engine):
    x, seen = engine.leaf([1.0]), []
    y = x * 1
    node = y.grad_fn.next_functions[0][0]
    node.register_hook(lambda gi, go: seen.append((len(gi), values(go[0]))))
    node.register_prehook(lambda go: seen.append((len(go), values(go[0]))))
    x.register_hook(double)
    y.backward()
    assert seen == [(1, [2]), (0, [2])]


def test_a_prehook_of_an_accumulator_changes_what_is_accumulated(engine):
    x = engine.leaf([1.0])
    y = x * 1
    y.grad_fn.next_functions[0][0].register_prehook(lambda go: (go[0] * 7,))
    y.backward()
    assert values(x.grad) == [7]


# --- the order of all of them --------------------------------------------------------


def test_tensor_hooks_run_before_the_prehooks_of_the_node(engine):
    log = []

    def tensor_hook(g):
        log.append("tensor")
        return g * 3

    def pre(gs):
        log.append("node")
        return tuple(g * 2 for g in gs)

    a = engine.leaf(1.0)
    b = a.clone()
    b.grad_fn.register_prehook(pre)
    b.register_hook(tensor_hook)
    b.grad_fn.register_prehook(pre)
    node = b.grad_fn.next_functions[0][0]
    a.register_hook(tensor_hook)
    node.register_prehook(pre)
    a.register_hook(tensor_hook)

    b.sum().backward(retain_graph=True)
    assert log == ["tensor", "node", "node", "tensor", "tensor", "node"]

    log.clear()  # grad runs a leaf's tensor hooks, though nothing is accumulated
    engine.grad(b.sum(), inputs=(a,), retain_graph=True)
    assert log == ["tensor", "node", "node", "tensor", "tensor"]


def test_backward_to_a_non_leaf_does_not_let_prehooks_change_its_gradient(engine):
    b = engine.leaf(1.0).clone()
    b.grad_fn.register_prehook(lambda go: (go[0] * 2,))
    b.register_hook(lambda g: g * 3)
    b.sum().backward(inputs=(b,))
    assert values(b.grad) == 3


def test_among_leaves_those_of_the_last_op_come_first(engine):
    # Of several leaves of one op torch's order is that of a heap with equal keys: not promised.
    order = []
    a, b, c = (engine.leaf([1.0]) for _ in range(3))
    for name, leaf in zip("abc", (a, b, c), strict=True):
        leaf.register_hook(lambda g, name=name: order.append(name))
        leaf.register_post_accumulate_grad_hook(lambda v, name=name: order.append(f"after {name}"))
    y = a.sin()
    z = y * b
    for name, v in (("y", y), ("z", z)):
        v.register_hook(lambda g, name=name: order.append(name))
    (z * c).backward()
    assert order == ["c", "after c", "z", "b", "after b", "y", "a", "after a"]


def test_the_order_at_a_leaf(engine):
    x = engine.leaf([1.0, 1.0, 1.0])
    node = accumulator(x)
    kept = x.view_as(x)  # so that the accumulator stays the same
    node = kept.grad_fn.next_functions[0][0]

    def post_accumulate(v):
        v.grad.add_(0.5)

    def node_post(gi, go):
        x.grad = go[0] * 10

    x.register_hook(lambda g: g - 2.0)
    node.register_prehook(lambda go: (go[0] / 5.0,))
    x.register_post_accumulate_grad_hook(post_accumulate)
    node.register_hook(node_post)
    x.sum().backward()
    # ((1 - 2) / 5 + 0.5) * 10: the last hook sees the gradient that the one before changed
    close(x.grad, [3.0, 3.0, 3.0])


def test_which_hooks_grad_runs_at_its_inputs(engine):
    counts = {"tensor": 0, "pre": 0, "post": 0}

    def count(key):
        def hook(*gradients):
            counts[key] += 1

        return hook

    a = engine.leaf(1.0)
    b = a * 2
    c = b * 2
    node = b.grad_fn.next_functions[0][0]
    for v in (a, b):
        v.register_hook(count("tensor"))
    for n in (node, b.grad_fn):
        n.register_prehook(count("pre"))
        n.register_hook(count("post"))

    def counted(run):
        counts.update(tensor=0, pre=0, post=0)
        run()
        return tuple(counts.values())

    assert counted(lambda: engine.grad(c, inputs=b, retain_graph=True)) == (1, 0, 0)
    assert counted(lambda: engine.grad(c, inputs=(a, b), retain_graph=True)) == (2, 1, 1)
    assert counted(lambda: c.backward(retain_graph=True)) == (2, 2, 2)
    assert counted(lambda: c.backward(inputs=(a, b), retain_graph=True)) == (2, 2, 2)


def test_hooks_of_leaves_that_were_not_asked_for_do_not_run(engine):
    def never(*_):
        raise AssertionError

    a, b = engine.leaf(1.0), engine.leaf(1.0)
    a.register_hook(never)
    c = a.clone()
    c.grad_fn.next_functions[0][0].register_hook(never)
    (a + b + c).sum().backward(inputs=[b])
    assert values(b.grad) == 1


# --- hooks on several tensors --------------------------------------------------------


def test_a_multi_grad_hook_runs_when_all_gradients_are_there(engine):
    a, b = engine.leaf([1.0]), engine.leaf([2.0])
    c, d = a * b, a * b
    seen = []
    engine.graph.register_multi_grad_hook(
        (a, b, c, d), lambda gs: seen.append([None if g is None else values(g) for g in gs])
    )
    c.sum().backward(retain_graph=True)
    assert seen == [[[2], [1], [1], None]]
    c.sum().backward(inputs=(a,), retain_graph=True)
    assert seen[1:] == [[[2], None, [1], None]]


def test_a_multi_grad_hook_does_not_run_if_none_of_its_gradients_is_computed(engine):
    a, b, c = (engine.leaf([1.0]) for _ in range(3))
    seen = []
    engine.graph.register_multi_grad_hook((a,), seen.append)
    (b * c).backward()
    assert seen == []


def test_a_multi_grad_hook_can_be_removed(engine):
    a, b, seen = engine.leaf([1.0]), engine.leaf([1.0]), []
    handle = engine.graph.register_multi_grad_hook((a, b), lambda gs: seen.append(len(gs)))
    (a * b).backward()
    handle.remove()
    (a * b).backward()
    assert seen == [2]


def test_a_multi_grad_hook_does_not_run_in_a_backward_that_fails(engine):
    a, b, seen = engine.leaf([1.0]), engine.leaf([1.0]), []
    a2, b2 = a * 1, b * 1
    engine.graph.register_multi_grad_hook((a2, b2), lambda gs: seen.append(len(gs)))
    with pytest.raises(ArithmeticError, match="on purpose"):
        (failing(engine).apply(a2) * b2).backward()
    assert seen == []
    (a2 * b2).backward()
    assert seen == [2]


def test_a_multi_grad_hook_on_any_runs_at_the_first_gradient_only(engine):
    x, seen = engine.leaf([1.0]), []
    y = x * 2
    outs = (torch.sin(y), torch.cos(y))
    y.register_hook(lambda g: seen.append("plain"))
    handle = engine.graph.register_multi_grad_hook(
        outs, lambda g: seen.append(values(g)), mode="any"
    )
    (outs[0] * 3 + outs[1] * 4).backward(retain_graph=True)
    assert seen == [[4], "plain"]
    handle.remove()
    seen.clear()
    (outs[0] + outs[1]).backward()
    assert seen == ["plain"]


def test_a_multi_grad_hook_knows_two_modes(engine):
    a = engine.leaf([1.0])
    with pytest.raises(ValueError, match="foo"):
        engine.graph.register_multi_grad_hook((a,), lambda gs: None, mode="foo")


def test_a_multi_grad_hook_that_is_refused_leaves_no_hook_behind(engine):
    x, constant, seen = engine.leaf([1.0]), engine.tensor([1.0]), []
    with pytest.raises((RuntimeError, AssertionError)):
        engine.graph.register_multi_grad_hook((x, constant), seen.append)
    (x * 2).backward()
    assert seen == []
    assert values(x.grad) == [2]


def test_multi_grad_hooks_of_nested_backward_passes_do_not_mix(engine):
    a, b, seen = engine.leaf([1.0]), engine.leaf([1.0]), []
    a2, b2 = a * 1, b * 1
    engine.graph.register_multi_grad_hook(
        (a2, b2), lambda gs: seen.append([None if g is None else values(g) for g in gs])
    )
    once = []

    def again(g):
        if not once:
            once.append(True)
            other.backward(retain_graph=True)

    out, other = a2 * 2 + b2 * 3, a2 * 5 + b2 * 7
    out.register_hook(again)
    out.backward(retain_graph=True)
    assert seen == [[[5], [7]], [[2], [3]]]


# --- hooks on modules ----------------------------------------------------------------


class Product(torch.nn.Module):
    """A module of one parameter, of whatever engine."""

    def __init__(self, weight):
        super().__init__()
        self.held = [weight]

    def forward(self, x):
        return x * self.held[0]


def test_a_modules_backward_hook_gets_the_gradients_of_its_inputs_and_outputs(engine):
    module, x, seen = Product(engine.leaf([3.0])), engine.leaf([2.0]), []
    module.register_full_backward_hook(
        lambda m, gi, go: seen.append((values(gi[0]), values(go[0])))
    )
    (module(x) * 5).backward()
    assert seen == [([15], [5])]
    assert values(x.grad) == [15]
    assert values(module.held[0].grad) == [10]


def test_a_modules_backward_hook_replaces_the_gradient_of_its_input(engine):
    module, x = Product(engine.leaf([3.0])), engine.leaf([2.0])
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10,))
    module(x).backward()
    assert values(x.grad) == [30]
    assert values(module.held[0].grad) == [2]


def test_a_modules_backward_prehook_replaces_the_gradient_of_its_output(engine):
    module, x = Product(engine.leaf([3.0])), engine.leaf([2.0])
    module.register_full_backward_pre_hook(lambda m, go: (go[0] * 10,))
    module(x).backward()
    assert values(x.grad) == [30]
    assert values(module.held[0].grad) == [20]


def test_a_modules_backward_hook_is_not_run_again_by_a_second_derivative(engine):

    class Cube(torch.nn.Module):
        def forward(self, x):
            return x**3

    module, x, count = Cube(), engine.leaf([2.0]), []
    module.register_full_backward_hook(lambda m, gi, go: count.append(1) and None)
    (g,) = engine.grad(module(x), x, create_graph=True)
    assert len(count) == 1
    (gg,) = engine.grad(g, x)
    assert values(gg) == [12]
    assert len(count) == 1


def test_the_order_of_hooks_in_a_graph_is_that_of_its_nodes(engine):
    x, w, order = engine.leaf([1.0]), engine.leaf([2.0]), []
    y = x.sin() * w
    y.register_hook(lambda g: order.append("y"))
    y.grad_fn.register_prehook(lambda go: order.append("pre y"))
    y.grad_fn.register_hook(lambda gi, go: order.append("post y"))
    node = y.grad_fn.next_functions[0][0]
    node.register_prehook(lambda go: order.append("pre sin"))
    node.register_hook(lambda gi, go: order.append("post sin"))
    x.register_hook(lambda g: order.append("x"))
    x.register_post_accumulate_grad_hook(lambda v: order.append("after x"))
    y.backward()
    assert order == ["y", "pre y", "post y", "pre sin", "post sin", "x", "after x"]


def test_a_change_through_a_view_runs_only_what_was_asked_for(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])

    def changed():
        bad = failing(engine).apply(y)
        out = x.clone().view(-1)
        out += bad
        return out.sum(), bad

    out, _ = changed()
    with pytest.raises(ArithmeticError, match="on purpose"):
        out.backward()
    out, _ = changed()
    with pytest.raises(ArithmeticError, match="on purpose"):
        engine.grad(out, y)
    out, _ = changed()
    assert values(engine.grad(out, x)[0]) == [1, 1]
    out, bad = changed()
    assert [values(g) for g in engine.grad(out, (x, bad))] == [[1, 1], [1, 1]]


# --- hooks that come and go during backward ------------------------------------------


def test_a_hook_removed_by_an_earlier_one_still_runs_this_time(engine):
    y, seen, handles = engine.leaf([1.0]) * 2, [], []
    y.register_hook(lambda g: (seen.append("first"), handles[0].remove())[0])
    handles.append(y.register_hook(lambda g: seen.append("second")))
    y.backward(retain_graph=True)
    assert seen == ["first", "second"]
    y.backward()
    assert seen == ["first", "second", "first"]


def test_a_hook_added_by_a_hook_of_the_same_tensor_waits_for_the_next_backward(engine):
    y, seen = engine.leaf([1.0]) * 2, []
    y.register_hook(lambda g: (seen.append(1), y.register_hook(lambda g: seen.append(2)))[0])
    y.backward(retain_graph=True)
    assert seen == [1]
    y.backward()
    assert seen == [1, 1, 2]


def test_a_prehook_of_a_node_may_add_a_hook_for_the_same_backward(engine):
    y, seen = engine.leaf([1.0]) * 2, []

    def hook(gradients):
        seen.append("before")
        y.grad_fn.register_prehook(lambda gradients: seen.append("too late"))
        y.grad_fn.register_hook(lambda inputs, outputs: seen.append("after"))

    y.grad_fn.register_prehook(hook)
    y.backward()
    assert seen == ["before", "after"]


def test_a_hook_may_ask_a_tensor_further_on_to_retain_its_gradient(engine):
    y = engine.leaf([1.0]) * 2
    z = y * 3
    z.register_hook(lambda g: y.retain_grad())
    z.backward()
    assert values(y.grad) == [3]


def test_a_hook_on_several_tensors_may_remove_itself(engine):
    x, y, seen = engine.leaf([1.0]), engine.leaf([2.0]), []
    handle = engine.graph.register_multi_grad_hook(
        (x, y), lambda gradients: (seen.append(len(gradients)), handle.remove())[0]
    )
    for _ in range(2):
        (x + y).backward()
    assert seen == [2]


def test_with_inputs_only_hooks_on_the_way_to_them_run(engine):
    x, w, seen = engine.leaf([1.0]), engine.leaf([1.0]), []
    a, b = x * 2, w * 3
    for name, tensor in (("a", a), ("b", b), ("w", w)):
        tensor.register_hook(lambda g, name=name: seen.append(name))
    (a + b).backward(inputs=[x])
    assert seen == ["a"]


@pytest.mark.parametrize("named", [False, True])
def test_a_root_that_leads_to_no_input_runs_only_if_it_is_one(engine, named):
    x, w, seen = engine.leaf([1.0]), engine.leaf([1.0]), []
    y = x.exp()
    y.register_hook(lambda g: seen.append("tensor"))
    y.grad_fn.register_prehook(lambda g: seen.append("before"))
    y.backward(inputs=[w, y] if named else [w])
    assert seen == ["tensor", "before"][: 1 + named]


# --- where no gradient arrives -------------------------------------------------------


def ones_like_rule(engine):
    """The identity, whose rule gives ones whatever it is given."""

    class Ones(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return torch.ones_like(g)

    return Ones.apply


def first_only(engine):
    """A product whose rule gives None for the second factor, or for the first."""

    class FirstOnly(engine.Function):
        @staticmethod
        def forward(ctx, x, w, first=True):
            ctx.first = first
            return x * w

        @staticmethod
        def backward(ctx, g):
            return (g, None, None) if ctx.first else (None, g, None)

    return FirstOnly.apply


def test_a_rule_below_a_none_is_given_zeros(engine):
    leaf, x = engine.leaf([1.0, 1.0]), engine.leaf([1.0, 1.0])
    first_only(engine)(x, ones_like_rule(engine)(leaf)).sum().backward()
    assert values(leaf.grad) == [1, 1]


def test_a_none_passes_through_ops_to_a_rule_below_them(engine):
    leaf, x = engine.leaf([1.0, 1.0]), engine.leaf([1.0, 1.0])
    first_only(engine)(x, ones_like_rule(engine)(leaf * 3) + 0).sum().backward()
    assert values(leaf.grad) == [3, 3]


def test_a_none_that_reaches_a_leaf_leaves_no_gradient_and_calls_its_hooks(engine):
    leaf, x, seen = engine.leaf([1.0]), engine.leaf([1.0]), []
    leaf.register_hook(lambda g: seen.append(g))
    leaf.register_post_accumulate_grad_hook(lambda v: seen.append(v.grad))
    first_only(engine)(x, leaf.sin()).sum().backward()
    assert leaf.grad is None
    only_one = torch_before("2.13") and not engine.ours
    assert seen == ([None] if only_one else [None, None])


def test_what_arrives_beside_a_none_counts(engine):
    for late in (False, True):
        leaf, x = engine.leaf([1.0]), engine.leaf([1.0])
        w = leaf * 2
        y, z = (w * 5, None) if not late else (None, w * 5)
        none = first_only(engine)(x, w)
        (none + (y if z is None else z)).sum().backward()
        assert values(leaf.grad) == [10]


def test_grad_of_what_only_none_reaches_is_none(engine):
    leaf, x = engine.leaf([1.0]), engine.leaf([1.0])
    y = first_only(engine)(x, leaf.sin()).sum()
    assert engine.grad(y, leaf, allow_unused=True) == (None,)


def test_a_hook_is_given_none_where_only_another_output_has_a_gradient(engine):
    seen = []
    parts = engine.leaf([1.0, 2.0, 3.0]).unbind()
    parts[0].register_hook(lambda g: seen.append(values(g)))
    parts[0].backward()
    parts[1].backward()
    assert seen == [1, None]


def test_a_none_cannot_be_replaced(engine):
    parts = engine.leaf([1.0, 2.0]).unbind()
    parts[0].register_hook(lambda g: engine.tensor(7.0))
    with engine.raises(RuntimeError, "can't replace a None gradient with a non-None value"):
        parts[1].backward()


def test_a_retained_gradient_is_none_where_none_arrives(engine):
    x, leaf = engine.leaf([1.0]), engine.leaf([1.0])
    w = leaf * 2
    w.retain_grad()
    first_only(engine)(x, w).sum().backward()
    assert w.grad is None


def test_a_hook_on_several_counts_what_arrives_as_none(engine):
    for first in (True, False):
        a, b, seen = engine.leaf([1.0]) * 2, engine.leaf([1.0]) * 3, []
        engine.graph.register_multi_grad_hook(
            (a, b), lambda gs, to=seen: to.append([g is not None for g in gs])
        )
        first_only(engine)(a, b, first).sum().backward()
        assert seen == [[first, not first]]


def test_a_hook_on_any_of_several_may_be_given_none(engine):
    a, b, seen = engine.leaf([1.0]) * 2, engine.leaf([1.0]) * 3, []
    engine.graph.register_multi_grad_hook((a, b), lambda g: seen.append(g), mode="any")
    first_only(engine)(a, b, False).sum().backward()
    assert len(seen) == 1


def test_a_hook_on_several_is_called_though_one_of_the_inputs_is_not_reached(engine):
    a, b, seen = engine.leaf([1.0]) * 2, engine.leaf([1.0]) * 3, []
    engine.graph.register_multi_grad_hook(
        (a, b), lambda gs: seen.append([g is not None for g in gs])
    )
    engine.backward((b * 2).sum(), inputs=(a, b))
    assert seen == [[False, True]]


# --- the order of leaves -------------------------------------------------------------


def test_a_leaf_is_done_as_soon_as_its_gradient_is_complete(engine):
    weights, said = [engine.leaf([1.0]) for _ in range(3)], []
    for i, w in enumerate(weights):
        w.register_post_accumulate_grad_hook(lambda _, i=i: said.append(f"w{i}"))
    losses = []
    for _ in range(2):  # with the first graph still there
        h = engine.tensor([1.0])
        for i, w in enumerate(weights):
            h = h * w
            h.register_hook(lambda _, i=i: said.append(f"h{i}"))
        losses.append(h.sum())
        losses[-1].backward()
    assert said == ["h2", "w2", "h1", "w1", "h0", "w0"] * 2


@pytest.mark.parametrize(
    "register",
    [
        lambda x, said: x.register_hook(lambda _: said.append("x")),
        lambda x, said: accumulator(x).register_prehook(lambda _: said.append("x")),
        lambda x, said: accumulator(x).register_hook(lambda *_: said.append("x")),
    ],
    ids=["on the leaf", "before its node", "after its node"],
)
def test_a_hook_of_a_leaf_runs_before_that_of_an_older_result(engine, register):
    x, w, said = engine.leaf([1.0]), engine.leaf([1.0]), []
    used = x * 1
    older = w * 2
    register(x, said)
    older.register_hook(lambda _: said.append("older"))
    (x * 3 + older).backward()
    assert said == ["x", "older"]
    assert used.requires_grad  # the leaf was used before w, and its node is the same


def test_an_error_in_a_hook_stays_what_it_is(engine):
    x = engine.leaf([1.0])
    y = x * 2
    y.register_hook(lambda _: {}["absent"])
    with pytest.raises(KeyError, match="absent") as raised:
        y.backward()
    if engine.ours:  # which says where it comes from
        said = "".join([*getattr(raised.value, "__notes__", ()), *map(str, raised.value.args)])
        assert f"raised by the hook registered at {__file__}" in said


def test_a_leaf_used_twice_is_done_after_both(engine):
    w, x, seen = engine.leaf([2.0]), engine.leaf([1.0]), []
    w.register_hook(keep(seen))
    older = w * 3
    ((x * 1) * w + w * w).sum().backward()
    assert seen == [[5]]
    older.backward()
    assert seen == [[5], [3]]


def test_a_leaf_of_an_older_graph_sums_what_arrives_from_all_uses(engine):
    w = engine.leaf([2.0])
    older = w * 3
    older.backward(retain_graph=True)
    for _ in range(2):
        ((w * 1) * w + w * w).sum().backward()
    assert values(w.grad) == [3 + 2 * 8]
    older.backward()
    assert values(w.grad) == [3 + 2 * 8 + 3]


def test_hooks_of_a_node_run_where_backward_ends_at_it(engine):
    said = []
    b = engine.leaf([1.0]) * 2
    b.grad_fn.register_prehook(lambda g: said.append("before"))
    b.grad_fn.register_hook(lambda i, o: said.append("after"))
    engine.backward(b.sum(), inputs=(b,))
    assert said == ["before", "after"]
    assert values(b.grad) == [1]
