"""Autograd mechanics: what requires grad, what backward and grad do, what they refuse."""

from __future__ import annotations

import copy
import math
import pickle
import warnings

import pytest
import torch

from plugrad.tests.notes.engines import close, failing, newer_torch, raw, values

TORCH_NAMES = True


# --- which results require grad ------------------------------------------------------


def test_a_result_requires_grad_if_one_input_does(engine):
    x, y, z = engine.tensor([1.0]), engine.tensor([2.0]), engine.leaf([3.0])
    a = x + y
    assert not a.requires_grad
    assert (a + z).requires_grad


def test_a_leaf_that_requires_grad_is_a_leaf_without_a_grad_fn(engine):
    x = engine.leaf([1.0])
    assert x.is_leaf
    assert x.grad_fn is None
    assert x.grad is None


def test_a_result_of_constants_is_a_leaf(engine):
    y = engine.tensor([1.0]) * 2
    assert y.is_leaf
    assert y.grad_fn is None


def test_a_recorded_result_is_not_a_leaf(engine):
    y = engine.leaf([1.0]) * 2
    assert not y.is_leaf
    assert y.grad_fn is not None


def test_a_frozen_leaf_gets_no_gradient(engine):
    w, frozen = engine.leaf([2.0]), engine.leaf([3.0])
    frozen.requires_grad = False
    (w * frozen).sum().backward()
    assert values(w.grad) == [3]
    assert frozen.grad is None


def test_a_leaf_that_is_thawed_gets_a_gradient_from_then_on(engine):
    w, x = engine.tensor([2.0]), engine.leaf([3.0])
    (w * x).sum().backward()
    w.requires_grad_()
    (w * x).sum().backward()
    assert values(w.grad) == [3]
    assert values(x.grad) == [4]


def test_requires_grad_underscore_returns_the_same_object(engine):
    x, y = engine.tensor([1.0]), engine.leaf([1.0])
    assert x.requires_grad_() is x
    assert x.requires_grad
    assert y.requires_grad_() is y
    assert x.requires_grad_(False) is x
    assert not x.requires_grad


def test_requires_grad_of_a_non_leaf_may_be_set_to_what_it_is(engine):
    z = engine.leaf([1.0]) * 2
    assert z.requires_grad_() is z
    assert z.requires_grad_(True) is z
    assert z.requires_grad


def test_requires_grad_of_a_non_leaf_cannot_be_turned_off(engine):
    z = engine.leaf([1.0]) * 2
    with engine.raises(RuntimeError, "you can only change requires_grad flags of leaf"):
        z.requires_grad_(False)
    with engine.raises(RuntimeError, "you can only change requires_grad flags of leaf"):
        z.requires_grad = False
    assert z.requires_grad


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64, torch.bool])
def test_integers_cannot_require_grad(engine, dtype):
    x = engine.tensor([1, 0], dtype=dtype)
    with engine.raises(RuntimeError, "floating point"):
        x.requires_grad_()
    with engine.raises(RuntimeError, "floating point"):
        x.requires_grad = True
    with engine.raises(RuntimeError, "floating point"):
        engine.leaf([1, 0], dtype=dtype)
    x.requires_grad_(False)
    x.requires_grad = False
    assert not x.requires_grad


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.complex64])
def test_floats_and_complex_numbers_can_require_grad(engine, dtype):
    assert engine.tensor([1, 0], dtype=dtype).requires_grad_().requires_grad


def test_integer_results_do_not_require_grad(engine):
    x = engine.leaf([[3.0, 1.0], [2.0, 5.0]])
    for result in (x.argmax(), x.argmin(), x.max(1)[1], x > 2, x.long()):
        assert not result.requires_grad
        assert result.grad_fn is None


def test_integer_results_used_on_the_way_are_constants(engine):
    x = engine.leaf([[3.0, 1.0], [2.0, 5.0]])
    a = x * 2
    ((a.max(1)[1]).double().sum() + a.sum()).backward()
    assert values(x.grad) == [[2, 2], [2, 2]]


def test_the_graph_is_made_anew_in_each_pass_so_control_flow_is_pythons(engine):
    x = engine.leaf([2.0])
    for times, expected in ((1, 1), (2, 4), (3, 12)):
        x.grad = None
        y = x
        for _ in range(times - 1):
            y = y * x
        y.sum().backward()
        assert values(x.grad) == [expected]


# --- backward ------------------------------------------------------------------------


def test_backward_of_a_scalar_needs_no_gradient(engine):
    x = engine.leaf([1.0, 2.0])
    (x * x).sum().backward()
    assert values(x.grad) == [2, 4]


def test_backward_of_one_element_needs_no_gradient_whatever_its_shape(engine):
    x = engine.leaf([[3.0]])
    (x * x).backward()
    assert values(x.grad) == [[6]]


def test_backward_of_several_elements_needs_a_gradient(engine):
    x = engine.leaf([1.0, 2.0])
    with engine.raises(RuntimeError, "grad can be implicitly created only for scalar outputs"):
        (x * x).backward()
    with engine.raises(RuntimeError, "grad can be implicitly created only for scalar outputs"):
        engine.backward([x * x], [None])
    (x * x).backward(engine.tensor([1.0, 10.0]))
    assert values(x.grad) == [2, 40]


def test_backward_of_a_complex_scalar_needs_a_gradient(engine):
    a = engine.leaf([0.0])
    b = a * 0.5j
    with engine.raises(RuntimeError, "implicitly created only for real scalar outputs"):
        b.backward()
    with engine.raises(RuntimeError, "implicitly created only for real scalar outputs"):
        engine.grad(b, a)


def test_backward_of_a_leaf_accumulates_the_gradient_into_it(engine):
    v = engine.leaf([1.0, 2.0])
    v.backward(engine.tensor([3.0, 4.0]))
    assert values(v.grad) == [3, 4]


def test_backward_of_what_does_not_require_grad_is_refused(engine):
    with engine.raises(RuntimeError, "does not require grad"):
        engine.tensor([1.0]).backward()


def test_backward_of_several_roots_of_which_one_does_not_require_grad_is_refused(engine):
    x, y = engine.leaf([1.0]), engine.tensor([1.0])
    z, q = x + y, y * 2
    ones = engine.tensor([1.0])
    with engine.raises(RuntimeError, "does not require grad"):
        engine.backward([z, q], [ones, ones])


def test_backward_of_several_roots_adds_their_gradients(engine):
    x, y, q, a, b = (engine.leaf([float(n)]) for n in (1, 2, 3, 4, 5))
    q2 = q * 2
    z, c = x + y + q2, a * b + q2
    engine.backward([z, c], [engine.tensor([10.0]), engine.tensor([100.0])])
    assert [values(v.grad) for v in (x, y, q, a, b)] == [[10], [10], [220], [500], [400]]


def test_a_root_may_lie_on_the_way_to_another(engine):
    x = engine.leaf([2.0])
    y = x**2
    z = y**3
    engine.backward([y, z], [engine.tensor([1.0]), engine.tensor([1.0])])
    assert values(x.grad) == [2 * 2 + 6 * 2**5]


def test_of_several_roots_one_that_leads_to_no_target_is_left_alone(engine):
    # What comes to it from the other roots is not computed: a part would look like the whole.
    x, other, seen = engine.leaf([3.0]), engine.leaf([1.0]), []
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: seen.append(values(g)))
    z = y * 5
    found = engine.grad([z, y], [z, other], [engine.tensor([1.0])] * 2, allow_unused=True)
    assert [None if g is None else values(g) for g in found] == [[1], None]
    assert (y.grad, seen) == (None, [])
    # A root alone is complete.
    engine.grad([y], [other], [engine.tensor([1.0])], allow_unused=True)
    assert (values(y.grad), seen) == ([1], [[1]])


def test_a_root_given_twice_counts_twice(engine):
    a, b = engine.leaf([2.0]), engine.leaf([3.0])
    x = a * b
    g = engine.tensor([10.0])
    engine.backward([x, x], [g, g])
    assert values(a.grad) == [60]
    assert values(b.grad) == [40]


def test_gradients_accumulate_over_backward_passes(engine):
    x = engine.leaf([1.0, 2.0])
    for _ in range(3):
        (x * x).sum().backward()
    assert values(x.grad) == [6, 12]


def test_a_gradient_is_accumulated_in_place(engine):
    x = engine.leaf([1.0, 2.0])
    y = x + 2
    g = engine.tensor([1.0, 1.0])
    y.backward(g, retain_graph=True)
    first = x.grad
    y.backward(g)
    assert x.grad is first
    assert values(first) == [2, 2]


def test_under_create_graph_a_gradient_is_accumulated_into_a_new_one(engine):
    x = engine.leaf([1.0, 2.0])
    y = x + 2
    g = engine.tensor([1.0, 1.0])
    y.backward(g, retain_graph=True)
    first = x.grad
    y.backward(g, create_graph=True)
    assert x.grad is not first
    assert values(first) == [1, 1]
    assert values(x.grad) == [2, 2]


@pytest.mark.parametrize("create_graph", [False, True])
def test_an_assigned_gradient_stays_the_same_object_unless_a_graph_is_made(engine, create_graph):
    x = engine.leaf([1.5, 1.5])
    mine = engine.tensor([1.0, 2.0])
    x.grad = mine
    x.backward(engine.tensor([1.5, 1.5]), create_graph=create_graph)
    assert (x.grad is mine) == (not create_graph)
    assert values(x.grad) == [2.5, 3.5]
    assert values(mine) == ([1, 2] if create_graph else [2.5, 3.5])


def test_the_callers_gradient_is_not_changed_by_backward(engine):
    x = engine.leaf([1.0, 2.0])
    a, b = x.clone(), x[0:1]
    g = engine.tensor([3.0, 4.0])
    engine.backward((a, b), (g, engine.tensor([5.0])))
    assert values(g) == [3, 4]
    assert values(x.grad) == [8, 4]


def test_the_leafs_gradient_is_not_the_callers(engine):
    x = engine.leaf([1.0, 2.0])
    g = engine.tensor([3.0, 4.0])
    x.clone().backward(g)
    raw(x.grad).zero_()
    assert values(g) == [3, 4]


def test_two_leaves_of_one_sum_do_not_share_their_gradients(engine):
    x, y = engine.leaf([1.0]), engine.leaf([2.0])
    (x + y).backward(engine.tensor([3.0]))
    raw(x.grad).zero_()
    assert values(y.grad) == [3]


def test_empty_tensors_have_empty_gradients(engine):
    a, b = engine.leaf([[], [], [], []]), engine.leaf([[1.0], [1.0], [1.0], [1.0]])
    c = a + b
    assert c.shape == (4, 0)
    c.sum().backward()
    assert values(b.grad) == [[0]] * 4
    assert tuple(a.grad.shape) == (4, 0)


def test_a_gradient_used_in_three_places_is_summed_right_in_each(engine):
    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    a, b, c = x + 2, y + 2, x + 2
    add1 = a + b
    add2 = add1 + c
    for _ in range(4):
        a, b, c = a * 2, b * 2, c * 2
    (add2 + (a + b + c)).backward()
    assert values(x.grad) == [34]
    assert values(y.grad) == [17]


def test_an_output_that_nothing_uses_counts_as_zero(engine):
    x = engine.leaf([float(n) for n in range(6)])
    parts = x.chunk(3)
    (parts[1] * 4 + 2).sum().backward()
    assert values(x.grad) == [0, 0, 4, 4, 0, 0]


def test_a_deep_graph_is_walked_and_freed_without_recursion(engine):
    x = engine.leaf([1.0])
    y = x.clone()
    for _ in range(20_000):
        y = y + 0
    y.sum().backward()
    assert values(x.grad) == [1]
    del y


def test_a_deep_graph_of_python_functions_is_walked_and_freed_without_recursion(engine):
    class Add(engine.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, g

    x, zero = engine.leaf([1.0]), engine.tensor([0.0])
    y = x.clone()
    for _ in range(5_000):
        y = Add.apply(y, zero)
    y.backward()
    assert values(x.grad) == [1]
    del y


# --- what is kept for a second backward ----------------------------------------------


def test_a_second_backward_needs_retain_graph_where_values_were_saved(engine):
    x = engine.leaf([2.0])
    y = (x * x).sum()
    y.backward()
    with engine.raises(RuntimeError, "Specify retain_graph=True"):
        y.backward()
    assert values(x.grad) == [4]


def test_a_second_backward_needs_no_retain_graph_where_nothing_was_saved(engine):
    x = engine.leaf([2.0, 3.0])
    y = x + 1
    for _ in range(2):
        y.backward(engine.tensor([1.0, 1.0]))
    assert values(x.grad) == [2, 2]


def test_retain_graph_keeps_the_saved_values(engine):
    x = engine.leaf([2.0])
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert values(x.grad) == [8]


def test_create_graph_keeps_the_saved_values(engine):
    x = engine.leaf([2.0])
    y = (x * x).sum()
    engine.grad(y, x, create_graph=True)
    engine.grad(y, x)


def test_only_the_part_that_ran_is_freed(engine):
    x = engine.leaf([2.0])
    shared = x * x
    first, second = shared.sin().sum(), shared.exp().sum()
    first.backward()
    with engine.raises(RuntimeError, "Specify retain_graph=True"):
        second.backward()
    (g,) = engine.grad(shared.cos().sum(), shared)
    close(g, [-math.sin(4)])


# --- backward(inputs=) ---------------------------------------------------------------


def square_sum(x, y):
    return x**2 + y * x + y**2


def test_backward_with_inputs_gives_only_these_a_gradient(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    ones = engine.tensor([1.0, 1.0])
    engine.backward(square_sum(x, y), ones, inputs=[x])
    assert values(x.grad) == [5, 8]
    assert y.grad is None
    engine.backward(square_sum(x, y), ones, inputs=[x, y])
    assert values(x.grad) == [10, 16]
    assert values(y.grad) == [7, 10]


def test_backward_with_inputs_takes_one_by_itself(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    engine.backward(square_sum(x, y), engine.tensor([1.0, 1.0]), inputs=y)
    assert values(y.grad) == [7, 10]
    assert x.grad is None


@newer_torch
def test_backward_with_a_scalar_input(engine):
    x = engine.leaf(3.0)
    (x**2).backward(inputs=x)
    assert values(x.grad) == 6


def test_backward_with_empty_inputs_is_refused(engine):
    x = engine.leaf([1.0])
    with engine.raises(RuntimeError, "cannot be empty"):
        engine.backward(x * 2, inputs=[])
    with engine.raises(RuntimeError, "cannot be empty"):
        (x * 2).backward(inputs=[])


def test_backward_with_inputs_that_are_no_leaves_gives_them_a_gradient(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    middle = x * 1
    out = square_sum(middle, y)
    out.backward(engine.tensor([1.0, 1.0]), create_graph=True, inputs=[x, y, middle])
    assert values(x.grad) == [5, 8]
    assert values(y.grad) == [7, 10]
    assert values(middle.grad) == [5, 8]
    x.grad = y.grad = middle.grad = None  # they hold the graph that holds them


def test_backward_with_an_input_that_is_not_in_the_graph_leaves_it_alone(engine):
    x, z = engine.leaf([1.0]), engine.leaf([1.0])
    (x * 2).backward(inputs=[z])
    assert z.grad is None
    assert x.grad is None


def test_an_input_given_twice_to_backward_counts_once(engine):
    x = engine.leaf([1.0])
    (x * 2).backward(inputs=[x, x])
    assert values(x.grad) == [2]


# --- grad ----------------------------------------------------------------------------


def test_grad_returns_a_tuple_and_touches_no_grad(engine):
    x, y = engine.leaf([1.0]), engine.leaf([2.0])
    found = engine.grad(x * y, [x, y])
    assert isinstance(found, tuple)
    assert [values(g) for g in found] == [[2], [1]]
    assert x.grad is None
    assert y.grad is None


def test_grad_with_respect_to_something_in_the_middle(engine):
    x = engine.leaf([1.0])
    y = x * 2
    assert values(engine.grad(y * y, y)[0]) == [4]


def test_grad_with_respect_to_the_output_itself(engine):
    x = engine.leaf([1.0])
    y = x * 2
    assert values(engine.grad(y, y)[0]) == [1]
    assert values(engine.grad(y, [y, x])[1]) == [2]


def test_grad_with_respect_to_two_outputs_of_one_op(engine):
    x = engine.leaf([1.0, 2.0, 3.0, 4.0])
    a, b = x.chunk(2)
    go = engine.tensor([10.0, 20.0])
    ga, gb = engine.grad(a + 2 * b, [a, b], grad_outputs=go, create_graph=True)
    assert values(ga) == [10, 20]
    assert values(gb) == [20, 40]
    assert x.grad is None


def test_grad_in_pieces_is_grad_at_once(engine):
    leaves = [engine.leaf([float(i), i + 1.0]) for i in range(6)]
    middles = [leaf * i + leaf * leaf for i, leaf in enumerate(leaves)]
    loss = sum((v * i for i, v in enumerate(middles)), start=engine.tensor(0.0)).sum()
    found = []
    for start in range(0, 6, 2):
        found += engine.grad(loss, middles[start : start + 2], retain_graph=True, allow_unused=True)
    engine.backward(middles, found)
    for i, leaf in enumerate(leaves):
        assert values(leaf.grad) == [i * (i + 2 * v) for v in values(leaf)]


def test_grad_descends_through_its_own_results(engine):
    start, y = engine.leaf([0.5]), engine.leaf([1.0])
    x = start
    for _ in range(5):
        (g,) = engine.grad(square_sum(x, y), x, create_graph=True)
        close(g, 2 * raw(x) + raw(y))
        assert start.grad is None
        assert y.grad is None
        x = x + 0.05 * g
    assert values(square_sum(x, y)) > values(square_sum(start, y))
    x.backward()
    close(start.grad, [1.1**5])


def test_grad_of_what_does_not_require_grad_is_refused(engine):
    x = engine.tensor([1.0])
    y = x**2
    with engine.raises(RuntimeError, "does not require grad"):
        engine.grad(y, x)
    z = engine.leaf([1.0])
    with engine.raises(RuntimeError, "does not require grad"):
        engine.grad(y, z)


def test_grad_with_respect_to_what_does_not_require_grad_is_refused(engine):
    x, y = engine.leaf([1.0]), engine.tensor([1.0])
    with engine.raises(RuntimeError, "does not require grad"):
        engine.grad(x * y, y)


def test_grad_with_no_inputs_is_refused(engine):
    x = engine.leaf([1.0])
    with engine.raises((ValueError, RuntimeError), "empty"):  # torch 2.13 changed the kind
        engine.grad(2 * x, [], grad_outputs=engine.tensor([1.0]))


def test_a_gradient_of_another_shape_is_refused(engine):
    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    with engine.raises(RuntimeError, "Mismatch in shape"):
        engine.grad(x * 2, x, engine.tensor([1.0, 1.0]))
    with engine.raises(RuntimeError, "Mismatch in shape"):
        (x * 2).backward(engine.tensor([1.0, 1.0]))


def test_an_input_that_the_output_does_not_use_is_refused(engine):
    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    with engine.raises(RuntimeError, "allow_unused=True"):
        engine.grad(x * 2, [x, y])
    with engine.raises(RuntimeError, "allow_unused=True"):
        engine.grad(x * 2, [x, y], allow_unused=False)


def test_allow_unused_gives_none_for_it(engine):
    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    y * 2
    gx, gy = engine.grad(x * 2, [x, y], allow_unused=True)
    assert values(gx) == [2]
    assert gy is None
    assert engine.grad(x * 2, [engine.leaf([1.0])], allow_unused=True) == (None,)


@newer_torch
def test_materialize_grads_gives_zeros_for_it_and_implies_allow_unused(engine):
    x, y = engine.leaf([1.0]), engine.leaf([[1.0, 2.0]])
    gx, gy = engine.grad(x * 2, [x, y], materialize_grads=True)
    assert values(gx) == [2]
    assert values(gy) == [[0, 0]]
    assert not gx.requires_grad
    assert not gy.requires_grad


def test_materialized_zeros_can_be_differentiated_again(engine):
    x, a = engine.leaf(0.5), engine.leaf(1.0)
    first = engine.grad(x * a, x, create_graph=True)
    assert engine.grad(first, x, create_graph=True, allow_unused=True) == (None,)
    second = engine.grad(first, x, create_graph=True, allow_unused=True, materialize_grads=True)
    third = engine.grad(second, x, materialize_grads=True)
    assert values(second[0]) == 0
    assert values(third[0]) == 0


def test_materialize_grads_contradicts_allow_unused_false(engine):
    x = engine.leaf(0.5)
    with pytest.raises(ValueError, match="allow_unused"):
        engine.grad(x * 2, x, allow_unused=False, materialize_grads=True)


def test_nodes_that_lead_to_no_input_are_not_run(engine):
    class Never(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            raise AssertionError

    x = Never.apply(engine.leaf([1.0]) * 2)
    y, z = engine.leaf([1.0]), engine.leaf([1.0])
    assert engine.grad(x, y, allow_unused=True) == (None,)
    gy, gz = engine.grad(x + z, (y, z), allow_unused=True)
    assert gy is None
    assert values(gz) == [1]
    engine.backward(x, inputs=(y,))
    assert y.grad is None


def test_grad_outputs_may_be_a_batch(engine):
    x = engine.leaf([1.0, 2.0])
    batch = engine.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]])
    (g,) = engine.grad(x * x, x, batch, is_grads_batched=True)
    assert values(g) == [[2, 0], [0, 4], [4, 12]]


def test_a_batch_of_another_shape_is_refused(engine):
    x = engine.leaf([1.0, 2.0])
    with engine.raises(RuntimeError, "is_grads_batched=True"):
        engine.grad(x * x, x, engine.tensor([1.0, 1.0]), is_grads_batched=True)


# --- derivatives of derivatives ------------------------------------------------------


def test_hessian_vector_product_by_two_backward_passes(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    ones = engine.tensor([1.0, 1.0])
    square_sum(x, y).backward(ones, create_graph=True)
    assert values(x.grad) == [5, 8]
    assert values(y.grad) == [7, 10]
    (2 * x.grad + y.grad).backward(ones)
    assert values(x.grad) == [5 + 5, 8 + 5]
    assert values(y.grad) == [7 + 4, 10 + 4]
    x.grad = y.grad = None


def test_hessian_vector_product_by_grad(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    ones = engine.tensor([1.0, 1.0])
    gx, gy = engine.grad(square_sum(x, y), (x, y), ones, create_graph=True)
    (hv,) = engine.grad([2 * gx + gy], [x], [ones], create_graph=True)
    assert values(hv) == [5, 5]


def test_without_create_graph_a_gradient_has_no_graph(engine):
    x = engine.leaf([2.0])
    (g,) = engine.grad(x**3, x)
    assert not g.requires_grad
    with engine.raises(RuntimeError, "does not require grad"):
        engine.grad(g, x)


def test_derivatives_of_any_order(engine):
    x = engine.leaf([2.0])
    g = x**4
    for order, expected in ((1, 32), (2, 48), (3, 48), (4, 24)):
        (g,) = engine.grad(g, x, create_graph=order < 4)
        assert values(g) == [expected]


def test_a_gradient_penalty_trains_through_the_gradient(engine):
    w, x = engine.leaf([3.0]), engine.leaf([2.0])
    loss = (w * x**2).sum()
    (gx,) = engine.grad(loss, x, create_graph=True)
    (loss + (gx**2).sum()).backward()
    assert values(w.grad) == [4 + 2 * 12 * 4]
    assert values(x.grad) == [12 + 2 * 12 * 6]


def test_the_same_second_derivative_twice(engine):
    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x.prod(dim=-1)
    found = []
    for _ in range(2):
        (g,) = engine.grad(y[0], x, create_graph=True)
        (gg,) = engine.grad(g[0, 0], x, retain_graph=True)
        found.append(values(gg))
    assert found == [[[0, 1], [0, 0]]] * 2


# --- where there is no derivative, a convention --------------------------------------


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        (torch.relu, 0.0, 0.0),
        (torch.abs, 0.0, 0.0),
        (torch.sqrt, 0.0, math.inf),
        (torch.sign, 2.0, 0.0),
        (torch.round, 0.5, 0.0),
        (lambda x: x.clamp(0, 1), 2.0, 0.0),
        (lambda x: x.norm(), 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
    ],
    ids=["relu", "abs", "sqrt", "sign", "round", "clamp", "norm", "pow"],
)
def test_the_gradient_at_a_kink_is_the_least_subgradient(engine, function, at, expected):
    x = engine.leaf([at])
    function(x).sum().backward()
    assert values(x.grad) == [expected]


@pytest.mark.parametrize("function", [torch.max, torch.min, torch.amax, torch.amin])
def test_extrema_share_the_gradient_among_all_ties(engine, function):
    x = engine.leaf([1.0, 0.0, 1.0, 0.0, 1.0, 0.0])
    function(x).backward()
    assert sorted(values(x.grad)) == pytest.approx([0] * 3 + [1 / 3] * 3)


def test_the_gradient_of_a_power_at_base_zero(engine):
    a, b = engine.tensor([0.0, 0.0, 0.0]), engine.leaf([-1.0, 0.0, 1.0])
    (a**b).sum().backward()
    assert values(b.grad) == [-math.inf, 0, 0]


# --- complex numbers -----------------------------------------------------------------


def test_the_gradient_of_a_real_loss_points_where_it_grows_fastest(engine):
    z = engine.leaf([3 + 4j], dtype=torch.complex128)
    (z * z.conj()).real.sum().backward()
    assert values(z.grad) == [6 + 8j]


def test_a_holomorphic_function_multiplies_by_the_conjugate_derivative(engine):
    z = engine.leaf([1 + 2j], dtype=torch.complex128)
    (z**2).backward(engine.tensor([1 + 0j], dtype=torch.complex128))
    assert values(z.grad) == [2 - 4j]


def test_a_real_input_of_a_complex_function_gets_a_real_gradient(engine):
    x = engine.leaf([2.0])
    (x * (1 + 3j)).real.sum().backward()
    assert values(x.grad) == [1]
    assert x.grad.dtype is torch.float64


def test_a_real_part_gives_a_real_gradient_and_its_input_a_complex_one(engine):
    z = engine.leaf([1 + 2j], dtype=torch.complex128)
    z.real.backward()
    assert values(z.grad) == [1 + 0j]


# --- dtypes, layouts -----------------------------------------------------------------


def test_a_gradient_has_its_leafs_dtype_after_a_conversion(engine):
    x = engine.leaf([1.0, 2.0], dtype=torch.float32)
    x.double().sum().backward()
    assert x.grad.dtype is torch.float32
    assert values(x.grad) == [1, 1]
    y = engine.leaf([1.0, 2.0])
    y.float().sum().backward()
    assert y.grad.dtype is torch.float64


def test_a_gradient_of_a_dense_leaf_has_its_leafs_strides(engine):
    x = engine.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).t().requires_grad_()
    x.sum().backward()
    assert x.grad.stride() == x.stride()
    x.grad = None
    (x * engine.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).sum().backward()
    assert x.grad.stride() == x.stride()


def test_a_gradient_of_an_expanded_cotangent_is_memory_of_its_own(engine):
    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    (g,) = engine.grad(x[0], x, engine.tensor([5.0]).expand(2))
    assert values(g) == [[5, 5], [0, 0]]
    x.sum().backward()
    raw(x.grad)[0, 0] = 7
    assert values(x.grad) == [[7, 1], [1, 1]]


# --- grad, data and requires_grad as attributes --------------------------------------


def test_grad_can_be_deleted(engine):
    x = engine.leaf([1.0])
    (x * 2).backward()
    del x.grad
    assert x.grad is None


def test_inputs_may_come_from_an_iterator_or_a_dict(engine):
    x, w = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    named = {"x": x, "w": w}
    for inputs in (iter([x, w]), named.values(), (named[n] for n in named)):
        assert [values(g) for g in engine.grad((x * w).sum(), inputs)] == [[3, 4], [1, 2]]
    with pytest.raises((TypeError, RuntimeError)):
        engine.grad((x * w).sum(), 3.0)


def test_asking_a_non_leaf_for_its_gradient_warns_unless_it_retains_one(engine):
    x = engine.leaf([1.0])
    y = x * 2
    with pytest.warns(UserWarning, match="not a leaf"):
        assert y.grad is None
    y.retain_grad()
    assert y.grad is None
    assert x.grad is None


def test_data_and_requires_grad_cannot_be_deleted(engine):
    x = engine.leaf([1.0])
    with pytest.raises((RuntimeError, AttributeError)):
        del x.data
    with pytest.raises((RuntimeError, AttributeError)):
        del x.requires_grad
    assert x.requires_grad


def test_data_cannot_be_none(engine):
    x = engine.leaf([1.0])
    with engine.raises(TypeError, "data"):
        x.data = None
    assert values(x) == [1]


@pytest.mark.parametrize("requires_grad", [True, False])
def test_data_is_of_the_same_kind_of_tensor(engine, requires_grad):
    x = engine.tensor([1.0, 2.0]).requires_grad_(requires_grad)
    for other in (torch.ones(2).double().to_sparse(), torch.ones(2, device="meta").double()):
        with engine.raises(RuntimeError, "incompatible tensor type"):
            x.data = other
    assert values(x) == [1, 2]


def test_grad_must_be_a_tensor_or_none(engine):
    x = engine.tensor([1.0])
    with engine.raises(TypeError, "expected to be a Tensor or None"):
        x.grad = 0


def test_grad_must_have_the_shape(engine):
    x = engine.tensor([1.0, 2.0])
    with engine.raises(RuntimeError, "size"):
        x.grad = engine.tensor([1.0])


def test_grad_must_have_the_dtype(engine):
    x = engine.tensor([1.0, 2.0])
    with engine.raises(RuntimeError, "dtype|type"):
        x.grad = engine.tensor([1, 2])


def test_grad_must_not_be_the_tensor_itself(engine):
    x = engine.tensor([1.0, 2.0])
    with engine.raises(RuntimeError, "can't assign Variable as its own grad"):
        x.grad = x
    assert x.grad is None


def test_data_of_a_leaf_that_requires_grad_cannot_become_integers(engine):
    x = engine.leaf(1.0)
    x.data = torch.tensor(2.0, dtype=torch.float64)
    assert values(x) == 2
    with engine.raises(RuntimeError, "must be floating point or complex dtype"):
        x.data = torch.tensor(3)
    assert values(x) == 2


# --- backward inside backward --------------------------------------------------------


def test_a_rule_may_run_another_backward(engine):
    inner = engine.leaf([2.0])

    class Reenter(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            with engine.enable_grad():
                (inner * inner).sum().backward()
            return g * 3

    x = engine.leaf([1.0])
    Reenter.apply(x).sum().backward()
    assert values(x.grad) == [3]
    assert values(inner.grad) == [4]


def test_the_grad_mode_is_restored_after_a_backward_inside(engine):
    modes = []

    class Reenter(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            before = engine.is_grad_enabled()
            with engine.enable_grad():
                inner = engine.leaf([2.0])
                engine.grad(inner**3, inner)
                modes.append(engine.is_grad_enabled())
            modes.append(engine.is_grad_enabled() == before)
            return g * 2

    x = engine.leaf([1.0])
    Reenter.apply(x).sum().backward()
    assert modes == [True, True]
    if engine.ours:  # an inner backward that is not recorded would be lost to the second derivative
        with engine.raises(RuntimeError):
            Reenter.apply(x).sum().backward(create_graph=True)
    else:
        Reenter.apply(x).sum().backward(create_graph=True)
    assert engine.is_grad_enabled()
    x.grad = None


def test_an_error_inside_an_inner_backward_comes_out(engine):
    inner = failing(engine).apply(engine.leaf([1.0]) * 2).sum()

    class Reenter(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            inner.backward()
            return g

    x = engine.leaf([1.0])
    with pytest.raises(ArithmeticError, match="on purpose"):
        Reenter.apply(x).sum().backward()
    assert x.grad is None


def test_backward_inside_backward_goes_two_thousand_deep(engine):
    class Deep(engine.Function):
        @staticmethod
        def forward(ctx, x, left):
            ctx.left = left
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            if ctx.left:
                with engine.enable_grad():
                    x = engine.leaf([1.0])
                    Deep.apply(x, ctx.left - 1).sum().backward()
            return g, None

    x = engine.leaf([1.0])
    Deep.apply(x, 2_000).sum().backward()
    assert values(x.grad) == [1]


# --- errors in rules -----------------------------------------------------------------


def test_an_error_in_a_rule_keeps_its_type_and_its_traceback(engine):
    error = ValueError("something")
    with pytest.raises(ValueError, match="something") as caught:
        failing(engine, error).apply(engine.leaf([1.0]) * 2).sum().backward()
    assert "raise error" in str(caught.traceback[-1].statement)


def test_after_an_error_in_a_rule_nothing_was_accumulated_behind_it(engine):
    x = engine.leaf([1.0])
    with pytest.raises(ValueError, match="something"):
        failing(engine, ValueError("something")).apply(x * 2).sum().backward()
    assert x.grad is None
    (x * 3).backward()
    assert values(x.grad) == [3]


# --- detach, numpy, pickle -----------------------------------------------------------


def test_detach_cuts_the_graph(engine):
    x = engine.leaf([1.0, 2.0])
    y = (x * 2).detach()
    assert not y.requires_grad
    assert y.grad_fn is None
    assert not (y * 4).requires_grad
    (x + y).sum().backward()
    assert values(x.grad) == [1, 1]


def test_numpy_needs_detach(engine):
    x = engine.leaf([1.0])
    with engine.raises(RuntimeError, "Use tensor.detach\\(\\).numpy\\(\\) instead"):
        x.numpy()
    assert x.detach().numpy().tolist() == [1]
    with engine.no_grad():
        assert x.numpy().tolist() == [1]


def test_leaves_can_be_pickled(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.tensor([3.0])
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        a, b = pickle.loads(pickle.dumps([x, y], protocol))
        assert values(a) == [1, 2]
        assert a.requires_grad
        assert values(b) == [3]
        assert not b.requires_grad


def test_a_view_of_a_constant_becomes_a_number_without_a_warning(engine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(engine.tensor([1.0, 2.0])[1]) == 2


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_view_of_a_constant_is_copied_as_a_constant(engine, again):
    base = engine.tensor([0.0, 1.0, 2.0])
    view = again(base[:2])
    assert values(view) == [0, 1]
    assert not view.requires_grad
    assert view.zero_() is view


def test_gradients_of_indexing_add_up_where_an_index_repeats(engine):
    x = engine.leaf([1.0, 2.0, 3.0, 4.0])
    x[torch.tensor([1, 1, 3, 2, 1, 2])].sum().backward()
    assert values(x.grad) == [0, 3, 2, 1]


@pytest.mark.parametrize("function", [torch.ones_like, torch.zeros_like])
@pytest.mark.parametrize("requires_grad", [True, False])
def test_something_made_like_another_requires_grad_if_it_is_told_to(
    engine, function, requires_grad
):
    made = function(engine.leaf([1.0]), requires_grad=requires_grad)
    assert made.requires_grad == requires_grad
    assert made.is_leaf


def test_an_inner_backward_is_finished_before_the_outer_goes_on(engine):
    order = []

    class Same(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            order.append("same")
            return g

    class Reenter(engine.Function):
        @staticmethod
        def forward(ctx, x, left):
            ctx.left = left
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            order.append("reenter")
            if ctx.left:
                with engine.enable_grad():
                    Reenter.apply(engine.leaf([1.0]), ctx.left - 1).backward()
            return g, None

    a, b = Same.apply(engine.leaf([6.0])), Reenter.apply(engine.leaf([9.0]), 5)
    (a * b).backward()
    assert order == ["reenter"] * 6 + ["same"]


@pytest.mark.skipif(
    "dict" not in (torch.autograd.grad.__doc__ or ""), reason="this torch takes no dictionary"
)
def test_grad_takes_a_dictionary_of_inputs_and_gives_one_back(engine):
    x, y = engine.leaf([1.0]), engine.leaf([2.0])
    found = engine.grad(x * y, {"x": x, "y": y})
    assert {name: values(g) for name, g in found.items()} == {"x": [2], "y": [1]}


# --- a gradient that is sparse -------------------------------------------------------


def _sparse(engine):
    class Sparse(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g.to_sparse()

    return Sparse.apply


@pytest.mark.parametrize(
    ("steps", "layout"),
    [
        (("sparse",), torch.sparse_coo),
        (("sparse", "sparse"), torch.sparse_coo),
        (("sparse", "dense"), torch.strided),
        (("dense", "sparse"), torch.strided),
    ],
)
@pytest.mark.parametrize("at_once", [False, True])
def test_a_sparse_gradient_stays_sparse_until_a_dense_one_is_added(engine, steps, layout, at_once):
    x, ops = engine.leaf([1.0, 2.0]), {"sparse": _sparse(engine), "dense": lambda x: x * 1}
    if at_once:
        sum(ops[step](x).sum() for step in steps).backward()
    else:
        for step in steps:
            ops[step](x).sum().backward()
    grad = raw(x.grad)
    assert grad.layout is layout
    assert grad.to_dense().tolist() == [len(steps)] * 2


def test_a_dense_gradient_on_a_sparse_one_makes_a_new_grad(engine):
    x = engine.leaf([1.0, 2.0])
    _sparse(engine)(x).sum().backward()
    before = x.grad
    (x * 2).sum().backward()
    assert raw(before).to_dense().tolist() == [1, 1]
    assert values(x.grad) == [3, 3]


# --- cotangents of another dtype, copies of results ----------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int64, torch.bool])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_cotangent_of_another_dtype_is_cast(engine, dtype, create_graph):
    x = engine.leaf([1.0, 2.0])
    cotangent = engine.tensor([1, 1], dtype)
    (x * 3).backward(cotangent, create_graph=create_graph)
    assert raw(x.grad).dtype is torch.float64
    assert values(x.grad) == [3, 3]
    assert values(engine.grad(x * 3, x, cotangent, create_graph=create_graph)[0]) == [3, 3]
    x.grad = None
    x.backward(cotangent)
    assert raw(x.grad).dtype is torch.float64


def test_a_complex_cotangent_of_a_real_result_is_refused_and_the_other_way_round(engine):
    x, z = engine.leaf([1.0]), engine.leaf([1.0], torch.complex128)
    with engine.raises(RuntimeError, "required to have the same dtype"):
        (x * 3).backward(engine.tensor([1j]))
    with engine.raises(RuntimeError, "required to have the same dtype"):
        (z * 3).backward(engine.tensor([1.0]))


def test_a_result_can_be_pickled_and_copied_as_a_leaf(engine):
    x = engine.leaf([1.0, 2.0])
    y = x * 2
    for made in (pickle.loads(pickle.dumps(y)), copy.copy(y)):
        assert made.is_leaf
        assert made.requires_grad
        assert values(made) == [2, 4]
        (made * 5).sum().backward()
        assert values(made.grad) == [5, 5]
    assert x.grad is None
    with engine.raises(RuntimeError, "created explicitly by the user"):
        copy.deepcopy(y)


# --- what forward may ask ------------------------------------------------------------


def test_forward_is_told_which_inputs_require_grad_and_that_nothing_is_recorded(engine):
    asked = []

    class Square(engine.Function):
        @staticmethod
        def forward(ctx, x, y):
            asked.append((torch.is_grad_enabled(), x.requires_grad, y.requires_grad))
            if x.requires_grad:
                ctx.save_for_backward(x, y)
            return x * x * y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * 2 * x * y, g * x * x

    x, y, constant = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0]), engine.tensor([3.0, 4.0])
    (first,) = engine.grad(Square.apply(x, y).sum(), x, create_graph=True)
    assert values(first) == [6, 16]
    assert [values(g) for g in engine.grad(first.sum(), (x, y))] == [[6, 8], [2, 4]]
    assert values(engine.grad(Square.apply(x, constant).sum(), x)[0]) == [6, 16]
    assert asked == [(False, True, True), (False, True, False)]


def test_what_forward_was_told_of_may_be_returned_viewed_and_changed(engine):
    class Parts(engine.Function):
        @staticmethod
        def forward(x):
            return (x, x[:1]) if x.requires_grad else (x + 1, x)

        @staticmethod
        def setup_context(ctx, inputs, output):
            assert inputs[0].requires_grad

        @staticmethod
        def backward(ctx, g, h):
            return g + h.sum()

    class Doubled(engine.Function):
        @staticmethod
        def forward(ctx, x):
            if x.requires_grad:
                x.mul_(2)
                ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    x = engine.leaf([1.0, 2.0])
    same, part = Parts.apply(x)
    assert same is not x
    assert values(engine.grad(same.sum() + part.sum(), x)[0]) == [2, 2]
    w = x * 1
    doubled = Doubled.apply(w)
    assert doubled is w
    assert values(doubled) == [2, 4]
    assert values(engine.grad(doubled.sum(), x)[0]) == [2, 2]


def saves_if_required(ctx, x):
    if x.requires_grad:
        ctx.save_for_backward(x)


def saves_through_another(ctx, x):
    saves_if_required(ctx, x)


def saves_inside_another(ctx, x):
    ctx.save_for_backward(*filter(lambda t: t.requires_grad, (x,)))


@pytest.mark.parametrize("helper", [saves_if_required, saves_through_another, saves_inside_another])
def test_only_a_helper_of_forward_may_ask(engine, helper):
    class Square(engine.Function):
        @staticmethod
        def forward(ctx, x):
            helper(ctx, x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x

    x = engine.leaf([1.0, 2.0])
    assert values(engine.grad(Square.apply(x).sum(), x)[0]) == [2, 4]


def test_a_helper_of_forward_may_ask_too(engine):
    def through_another(ctx, x):
        saves_if_required(ctx, x)

    def with_helper(helper):
        class Square(engine.Function):
            @staticmethod
            def forward(ctx, x):
                if helper is None:
                    Square.own(ctx, x)
                else:
                    helper(ctx, x)
                return x * x

            @staticmethod
            def own(ctx, x):
                if x.requires_grad:
                    ctx.save_for_backward(x)

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g * 2 * x

        return Square

    x = engine.leaf([1.0, 2.0])
    for helper in (None, saves_if_required, through_another):
        y = with_helper(helper).apply(x)
        assert values(engine.grad(y.sum(), x)[0]) == [2, 4]
