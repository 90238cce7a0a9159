"""In-place changes: what they record, what they refuse, and what a saved tensor notices."""

from __future__ import annotations

import gc
import math
import weakref

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

import plugrad as pg
from plugrad.tests.notes.engines import PLUGRAD, close, values

CHANGED = "modified by an inplace operation"
SIGMOID = 1 / (1 + math.exp(-0.5))


# --- a change is recorded ------------------------------------------------------------


def test_an_in_place_method_returns_the_object_itself(engine):
    x = engine.leaf([1.0])
    y = x.clone()
    assert y.add_(1) is y
    assert y.mul_(2).sub_(1) is y
    assert values(y) == [3]


def test_a_change_of_a_non_leaf_is_part_of_its_gradient(engine):
    x = engine.leaf([1.0, 2.0])
    y = x.clone()
    y.mul_(3)
    y.add_(x)
    y.sum().backward()
    assert values(y) == [4, 8]
    assert values(x.grad) == [4, 4]


def test_a_change_gives_the_object_a_new_grad_fn(engine):
    y = engine.leaf([1.0]).clone()
    before = y.grad_fn
    y.mul_(2)
    assert y.grad_fn is not before
    assert y.grad_fn.next_functions[0][0] is before


def test_in_place_operators_change_the_object(engine):
    x = engine.leaf([6.0])
    y = alias = x.clone()
    y += 2
    y -= 1
    y *= 4
    y /= 2
    y **= 2
    assert y is alias
    assert values(alias) == [196]
    y.backward()
    assert values(x.grad) == [2 * 14 * 2]


def test_integer_in_place_operators_change_the_object(engine):
    y = alias = engine.tensor([13])
    y &= 12
    y |= 3
    y ^= 1
    assert y is alias
    assert values(alias) == [14]


def test_a_matrix_product_in_place_rebinds(engine):
    a = alias = engine.leaf([[1.0, 2.0], [3.0, 4.0]]).clone()
    a @= engine.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert values(a) == [[2, 1], [4, 3]]
    assert a is not alias
    assert values(alias) == [[1, 2], [3, 4]]


def test_a_constant_comes_to_require_grad_by_a_change(engine):
    a, b = engine.tensor([1.0, 2.0]), engine.leaf([3.0, 4.0])
    a += b
    assert a.requires_grad
    assert not a.is_leaf
    a.sum().backward()
    assert values(b.grad) == [1, 1]


def test_a_constant_changed_by_a_constant_stays_one(engine):
    a = engine.tensor([1.0, 2.0])
    a.add_(5).mul_(engine.tensor([2.0, 3.0]))
    assert not a.requires_grad
    assert a.is_leaf
    assert values(a) == [12, 21]


def test_a_constant_changed_before_it_is_made_a_leaf_to_differentiate(engine):
    a = engine.tensor([1.0, 2.0])
    b = a[:]
    a.add_(5)
    b.add_(5)
    a.requires_grad = True
    a.sum().backward()
    assert values(a) == [11, 12]
    assert values(a.grad) == [1, 1]


@pytest.mark.parametrize(
    ("change", "value", "slope"),
    [
        (lambda y: y.add_(1), 1.5, 1),
        (lambda y: y.add_(1, alpha=3), 3.5, 1),
        (lambda y: y.sub_(1), -0.5, 1),
        (lambda y: y.mul_(3), 1.5, 3),
        (lambda y: y.div_(4), 0.125, 0.25),
        (lambda y: y.pow_(3), 0.125, 0.75),
        (lambda y: y.neg_(), -0.5, -1),
        (lambda y: y.exp_(), math.exp(0.5), math.exp(0.5)),
        (lambda y: y.log_(), math.log(0.5), 2),
        (lambda y: y.sin_(), math.sin(0.5), math.cos(0.5)),
        (lambda y: y.cos_(), math.cos(0.5), -math.sin(0.5)),
        (lambda y: y.tanh_(), math.tanh(0.5), 1 - math.tanh(0.5) ** 2),
        (lambda y: y.sqrt_(), math.sqrt(0.5), 0.5 / math.sqrt(0.5)),
        (lambda y: y.abs_(), 0.5, 1),
        (lambda y: y.relu_(), 0.5, 1),
        (lambda y: y.square_(), 0.25, 1),
        (lambda y: y.reciprocal_(), 2, -4),
        (lambda y: y.clamp_(0, 0.25), 0.25, 0),
        (lambda y: y.clamp_(min=0), 0.5, 1),
        (
            lambda y: y.sigmoid_(),
            1 / (1 + math.exp(-0.5)),
            math.exp(-0.5) / (1 + math.exp(-0.5)) ** 2,
        ),
        (lambda y: y.zero_(), 0, 0),
        (lambda y: y.fill_(7), 7, 0),
        (lambda y: y.floor_(), 0, 0),
        (lambda y: y.masked_fill_(torch.tensor([True]), 9.0), 9, 0),
        (lambda y: F.relu(y, inplace=True), 0.5, 1),
    ],
)
def test_a_twin_has_the_value_and_slope_of_its_op(engine, change, value, slope):
    x = engine.leaf([0.5])
    y = x.clone()
    result = change(y)
    assert result is y
    y.backward()
    close(y, [value])
    close(x.grad, [slope])


def test_a_second_operand_gets_its_gradient_too(engine):
    x, w = engine.leaf([2.0]), engine.leaf([5.0])
    y = x.clone()
    y.mul_(w)
    y.backward()
    assert values(x.grad) == [5]
    assert values(w.grad) == [2]


def test_a_broadcast_operand_gets_a_gradient_of_its_own_shape(engine):
    x, w = engine.leaf([[1.0, 2.0], [3.0, 4.0]]), engine.leaf([10.0, 20.0])
    y = x.clone()
    y.mul_(w)
    y.sum().backward()
    assert values(w.grad) == [4, 6]
    assert values(x.grad) == [[10, 20], [10, 20]]


def test_the_object_itself_must_not_be_broadcast(engine):
    y = engine.leaf([1.0]).clone()
    with pytest.raises(RuntimeError):
        y.add_(engine.tensor([1.0, 2.0]))
    assert values(y) == [1]


def test_a_product_with_itself_overwrites_the_operand_it_saved(engine):
    x = engine.leaf([3.0])
    y = x.clone()
    y.mul_(y)
    assert values(y) == [9]
    if engine.ours:  # which saves a copy of it
        y.backward()
        assert values(x.grad) == [6]
    else:
        with engine.raises(RuntimeError, CHANGED):
            y.backward()


def test_a_sum_with_itself_saves_nothing(engine):
    x = engine.leaf([3.0])
    y = x.clone()
    y.add_(y)
    y.backward()
    assert values(y) == [6]
    assert values(x.grad) == [2]


def test_derivatives_of_any_order_go_through_a_change(engine):
    x = engine.leaf([2.0])
    y = x.clone()
    y.mul_(x)
    y.mul_(x)
    (g,) = engine.grad(y, x, create_graph=True)
    (gg,) = engine.grad(g, x, create_graph=True)
    (ggg,) = engine.grad(gg, x)
    assert [values(v) for v in (g, gg, ggg)] == [[12], [12], [6]]


def test_copy_takes_the_gradient_from_the_old_value_to_the_new(engine):
    x, w = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    y = x.clone()
    y.copy_(w)
    (y * 5).sum().backward()
    assert values(w.grad) == [5, 5]
    assert x.grad is None or values(x.grad) == [0, 0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.complex128])
def test_copy_converts_and_the_gradient_comes_back_in_the_sources_dtype(engine, dtype):
    x = engine.leaf([1.0, 2.0])
    y = engine.tensor([0, 0], dtype=dtype)
    y.copy_(x)
    assert y.requires_grad
    y.abs().sum().backward()
    assert x.grad.dtype is torch.float64
    assert values(x.grad) == [1, 1]


def test_copy_broadcasts_its_source(engine):
    w = engine.leaf([3.0])
    y = engine.tensor([[1.0, 2.0], [3.0, 4.0]])
    y.copy_(w)
    y.sum().backward()
    assert values(w.grad) == [4]


# --- leaves --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.add_(1),
        lambda x: x.zero_(),
        lambda x: x.copy_(x.detach() * 2),
        lambda x: x.__iadd__(1),
        lambda x: x.__setitem__(0, 5.0),
        lambda x: x.relu_(),
        lambda x: x.normal_(),
    ],
    ids=["add_", "zero_", "copy_", "+=", "[]=", "relu_", "normal_"],
)
def test_a_leaf_that_requires_grad_cannot_be_changed(engine, change):
    x = engine.leaf([1.0, 2.0])
    with engine.raises(RuntimeError, "leaf Variable that requires grad"):
        change(x)
    assert values(x) == [1, 2]
    assert x.is_leaf


@pytest.mark.parametrize("change", [lambda v: v.add_(1), lambda v: v.__setitem__(0, 5.0)])
def test_a_view_of_a_leaf_that_requires_grad_cannot_be_changed(engine, change):
    x = engine.leaf([1.0, 2.0])
    y = x.view_as(x)
    with engine.raises(RuntimeError, "a view of a leaf Variable that requires grad"):
        change(y)
    assert values(x) == [1, 2]


def test_a_view_taken_before_its_base_became_a_leaf_to_differentiate_cannot_be_changed(engine):
    a = engine.tensor([1.0, 2.0])
    b = a[:]
    a.requires_grad = True
    with engine.raises(RuntimeError, "leaf Variable that requires grad"):
        a.add_(5)
    with engine.raises(RuntimeError, "leaf Variable that requires grad"):
        b.add_(5)
    assert values(a) == [1, 2]


def test_a_leaf_can_be_changed_in_no_grad_and_stays_the_same_leaf(engine):
    w = alias = engine.leaf([1.0, 2.0])
    (w * 3).sum().backward()
    with engine.no_grad():
        w -= 0.5 * w.grad
    assert w is alias
    assert values(w) == [-0.5, 0.5]
    assert w.is_leaf
    assert w.requires_grad
    assert w.grad_fn is None
    assert values(w.grad) == [3, 3]


def test_a_loop_over_parameters_trains_them(engine):
    parameters = [engine.leaf([1.0, 1.0]), engine.leaf([2.0])]
    for _ in range(2):
        loss = (parameters[0] * 3).sum() + (parameters[1] * 5).sum()
        for p in parameters:
            p.grad = None
        loss.backward()
        with engine.no_grad():
            for p in parameters:
                p -= 0.5 * p.grad
    assert values(parameters[0]) == [-2, -2]
    assert values(parameters[1]) == [-3]


def test_an_item_of_a_leaf_can_be_assigned_in_no_grad(engine):
    x = engine.leaf([1.0, 2.0])
    with engine.no_grad():
        x[0] = engine.tensor(7.0)
    assert values(x) == [7, 2]
    assert x.requires_grad
    assert x.grad_fn is None


def test_the_gradient_of_a_leaf_can_be_zeroed_in_place(engine):
    x = engine.leaf([1.0])
    (x * 2).backward()
    x.grad.zero_()
    (x * 5).backward()
    assert values(x.grad) == [5]


def test_a_function_that_writes_into_its_argument_does(engine):
    def accumulate(into, x):
        into += x

    buffer = engine.tensor([0.0, 0.0])
    accumulate(buffer, engine.leaf([1.0, 2.0]))
    assert values(buffer) == [1, 2]
    assert buffer.requires_grad


# --- what a saved tensor notices -----------------------------------------------------


def test_a_saved_tensor_that_was_changed_is_an_error_in_backward(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([4.0, 4.0])
    z = x * y
    q, w = z + y, z * y
    z.add_(2)
    ones = engine.tensor([1.0, 1.0])
    q.backward(ones, retain_graph=True)  # a sum saves nothing
    with engine.raises(RuntimeError, CHANGED):
        w.backward(ones)
    assert values(x.grad) == [4, 4]


def test_the_changed_value_itself_can_be_differentiated(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([4.0, 4.0])
    z = x * y
    q, r = z * y, z + y
    w = z.add_(y)
    ones = engine.tensor([1.0, 1.0])
    w.backward(ones, retain_graph=True)
    r.backward(ones, retain_graph=True)
    with engine.raises(RuntimeError, CHANGED):
        q.backward(ones)


def test_a_saved_result_that_was_changed_is_an_error(engine):
    x = engine.leaf([1.0])
    y = x.exp()
    y += 1
    with engine.raises(RuntimeError, CHANGED):
        y.backward()


def test_a_result_that_was_not_saved_may_be_changed(engine):
    x = engine.leaf([1.0])
    y = x.sin()
    y += 1
    y.backward()
    close(x.grad, [math.cos(1)])


def test_an_operand_that_was_not_saved_may_be_changed(engine):
    x = engine.leaf([1.0])
    y = x.clone()
    z = y * 2  # saves neither y nor a constant number
    y += 1
    z.backward()
    assert values(x.grad) == [2]


def test_only_what_its_gradient_needs_is_saved(engine):
    mu = engine.leaf([1.0])
    x = engine.tensor([0.0])
    loss = engine.tensor(0.0)
    for i in range(3):
        x.detach_()
        x.copy_(mu + i)
        loss = loss + (x * engine.tensor([float(i)])).sum()  # saves the constant, not x
    loss.backward()
    assert values(mu.grad) == [3]


def test_an_exponential_in_place_saves_its_new_value(engine):
    x = engine.leaf([2.0])
    z = x / 2
    before = z._version
    w = z.exp_()
    assert z._version > before
    w.backward()
    close(x.grad, [math.e / 2])


def test_a_change_in_no_grad_is_noticed(engine):
    x, y = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    z = (x * y).sum()
    with engine.no_grad():
        x *= 2
    with engine.raises(RuntimeError, CHANGED):
        z.backward()


def test_a_change_through_a_detached_alias_is_noticed(engine):
    x = engine.leaf([2.0])
    y = x**2
    x.detach().zero_()
    with engine.raises(RuntimeError, CHANGED):
        y.backward()


def test_a_change_through_a_view_is_noticed(engine):
    x = engine.leaf([2.0, 3.0]).clone()
    y = x * x
    x[0] = 5.0
    with engine.raises(RuntimeError, CHANGED):
        y.sum().backward()


def test_a_change_of_the_base_of_a_saved_view_is_noticed(engine):
    x = engine.leaf([2.0, 3.0]).clone()
    y = x[0:1].sin().sum() + (x[0:1] ** 2).sum()
    x.mul_(2)
    with engine.raises(RuntimeError, CHANGED):
        y.backward()


def test_a_failed_backward_leaves_the_gradients_as_they_were(engine):
    x = engine.leaf([2.0])
    (x * 3).backward()
    y = x.clone()
    z = y * y
    y += 1
    with engine.raises(RuntimeError, CHANGED):
        z.backward()
    assert values(x.grad) == [3]


def test_a_tensor_that_is_changed_without_being_saved_again_can_go_on(engine):
    leaf = engine.leaf([1.0])
    x = leaf.clone()
    x.add_(10)
    assert values(x) == [11]
    y = x + 2
    y.backward()
    assert values(leaf.grad) == [1]
    z = x * y
    x.add_(2)
    with engine.raises(RuntimeError, CHANGED):
        z.backward()


def test_assigning_through_a_mask_does_not_save_what_it_reads(engine):
    b = engine.leaf([0.0, 0.0, 0.0])
    mask = engine.tensor([1.0, 0.0, 0.0]) != 0
    y = b + 0
    y[mask] = y[mask]
    y.backward(engine.tensor([1.0, 2.0, 3.0]))
    assert values(b.grad) == [1, 2, 3]


# --- versions ------------------------------------------------------------------------


def test_each_change_counts_in_the_version(engine):
    x = engine.tensor([1.0, 2.0])
    assert x._version == 0
    x.add_(1).add_(1)
    assert x._version == 2
    x[0] = 1
    assert x._version == 3


def test_a_view_shares_its_bases_version(engine):
    x = engine.tensor([1.0, 2.0])
    view = x[:]
    x.add_(1)
    assert view._version == x._version == 1
    view.add_(1)
    assert view._version == x._version == 2


def test_a_detached_alias_shares_the_version(engine):
    x = engine.leaf([1.0]).clone()
    alias = x.detach()
    alias.add_(1)
    assert x._version == alias._version == 1


def test_a_copy_has_a_version_of_its_own(engine):
    x = engine.tensor([1.0])
    x.add_(1)
    assert x.clone()._version == 0


def test_the_version_after_data_was_assigned(engine):
    x = engine.tensor([1.0, 2.0])
    x.add_(1)
    before = x._version
    x.data = torch.zeros(3, dtype=torch.float64).add_(1).add_(1)
    assert x._version == before
    x.add_(1)
    assert x._version == before + 1
    x.data = torch.zeros(3, dtype=torch.float64)
    assert x._version == before + 1
    x.set_(engine.tensor([1.0, 2.0]))
    assert x._version == before + 2
    x.add_(1)
    assert x._version == before + 3


def test_other_memory_is_a_change_of_what_was_saved(engine):
    x, constant = engine.leaf([1.0, 2.0]), engine.tensor([3.0, 4.0])
    square, product = (x * x).sum(), (engine.leaf([1.0, 2.0]) * constant).sum()
    with engine.no_grad():
        x.set_(engine.tensor([5.0, 6.0]))
    constant.set_(engine.tensor([5.0, 6.0]))
    for result in (square, product):
        with engine.raises(RuntimeError, CHANGED):
            result.backward()


def test_a_leaf_can_be_given_a_part_of_its_memory_in_each_step(engine):
    x, found = engine.leaf([1.0, 2.0, 3.0]), []
    for _ in range(3):
        (x * x).sum().backward()
        found.append(values(x.grad))
        with engine.no_grad():
            x.set_(x[1:])
        x.grad = None
    assert found == [[2, 4, 6], [4, 6], [6]]


def test_increment_version_declares_a_change_that_nobody_saw(engine):
    x = engine.leaf([2.0])
    y = x * x
    before = x._version
    engine.graph.increment_version(x)
    assert x._version == before + 1
    with engine.raises(RuntimeError, CHANGED):
        y.backward()


def test_increment_version_takes_integers_and_several(engine):
    a, b = engine.tensor([1, 2]), engine.leaf([1.0])
    engine.graph.increment_version([a, b])
    assert (a._version, b._version) == (1, 1)


# --- detach_ -------------------------------------------------------------------------


def test_detach_in_place_makes_a_leaf_of_a_non_leaf(engine):
    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    a = x * 2
    (y + a).backward(retain_graph=True)
    assert a.detach_() is a
    assert not a.requires_grad
    assert a.is_leaf
    assert a.grad_fn is None
    (y + a).backward()
    assert values(x.grad) == [2]
    assert values(y.grad) == [2]


def test_a_view_cannot_be_detached_in_place(engine):
    x = engine.leaf([1.0, 2.0])
    view = x.narrow(0, 1, 1)
    with engine.raises(RuntimeError, "view"):
        view.detach_()
    assert view.requires_grad


def test_a_view_of_a_base_that_was_changed_and_detached_is_a_constant(engine):
    x = engine.leaf([1.0, 2.0]).clone()
    view = x[:1]
    x.add_(1)
    x.detach_()
    if engine.ours:  # torch says that it requires grad, and gives it none
        assert not view.requires_grad
        assert view.is_leaf
        assert view.grad_fn is None
    assert values(view) == [2]


def test_detaching_a_base_in_place_does_not_detach_its_views(engine):
    x = engine.leaf([1.0, 2.0])
    view = x.narrow(0, 1, 1)
    x.detach_()
    assert not x.requires_grad
    assert view.requires_grad
    assert view.grad_fn is not None
    assert view._base is x


def test_a_saved_input_that_is_detached_in_place(engine):
    x = engine.leaf(1.0)
    a = x.clone()
    b = a.sin()
    a.detach_()
    if engine.ours:  # a saved value knows where its gradient goes
        b.backward()
        close(x.grad, math.cos(1))
    else:
        with engine.raises(RuntimeError, "saved tensor that has been detached in-place"):
            b.backward()


def test_second_derivatives_with_a_saved_input_that_is_detached_in_place():
    x = PLUGRAD.leaf(1.0)
    a = x.clone()
    b = a.sin()
    a.detach_()
    (g,) = pg.grad(b, x, create_graph=True)
    (gg,) = pg.grad(g, x)
    close(gg, -math.sin(1))


def test_a_saved_output_that_is_detached_in_place_is_fine(engine):
    x = engine.leaf(1.0)
    a = x.exp()
    b = a * 1
    a.detach_()
    b.backward()
    close(x.grad, math.e)


# --- items ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((4, 5), 1),
        ((4, 5), -1),
        ((5,), 1),
        ((1,), 0),
        ((4, 5), (1, 2)),
        ((4, 5), (slice(None), 2)),
        ((4, 5), (slice(1, 3), slice(None, None, 2))),
        ((4, 5), (..., 0)),
        ((6,), ([0, 4, 2],)),
        ((5, 5), ([0, 4], [2, 2])),
        ((3, 4, 5), (slice(None), slice(None), [1, 3])),
        ((3, 4, 5), (slice(None), [1, 3], slice(None))),
        ((3, 4, 5), ([1, 2], slice(None), slice(None))),
        ((3, 5, 5), (slice(None), [2, 4], [1, 3])),
        ((4, 5, 3), ([1, 3], [2, 4], slice(None))),
        ((4, 5), torch.arange(20).reshape(4, 5) % 3 == 0),
        ((4, 5), torch.tensor([True, False, True, False])),
        ((1,), torch.tensor([True])),
    ],
    ids=str,
)
def test_an_assigned_item_takes_the_gradient_from_what_it_replaces(engine, shape, index):
    plain = torch.arange(float(torch.Size(shape).numel()), dtype=torch.float64).reshape(shape)
    x = engine.leaf(plain.tolist())
    y = x + 2
    before = y._version
    y[index] = 2
    assert y._version > before
    y.backward(engine.tensor(torch.ones(shape).tolist()))
    expected = torch.ones(shape, dtype=torch.float64)
    expected[index] = 0
    assert values(x.grad) == expected.tolist()

    z = x + 2
    value = engine.leaf(torch.full_like(plain[index], 7).tolist())
    z[index] = value
    (z * 3).backward(engine.tensor(torch.ones(shape).tolist()))
    assert values(value.grad) == torch.full_like(plain[index], 3).tolist()


def test_an_assigned_value_is_broadcast(engine):
    x = engine.leaf([1.0, 2.0])
    y = engine.tensor([[[0.0, 0.0]] * 3] * 2)
    y[1] = x
    y.sum().backward()
    assert values(x.grad) == [3, 3]


def test_items_of_a_constant_can_be_leaves_and_results(engine):
    x = engine.tensor([[0.0, 0.0], [0.0, 0.0]])
    y, z = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    x[0] = y
    x[1] = 2 * z
    assert x.requires_grad
    assert x.grad_fn is not None
    x.sum().backward()
    assert values(y.grad) == [1, 1]
    assert values(z.grad) == [2, 2]


def test_an_index_may_be_a_tensor_of_the_engine(engine):
    x = engine.leaf([1.0, 2.0, 3.0])
    y = x + 0
    y[engine.tensor([2, 0])] = engine.tensor([8.0, 9.0])
    y.sum().backward()
    assert values(y) == [9, 2, 8]
    assert values(x.grad) == [0, 1, 0]


def test_an_item_assigned_twice_in_one_call_of_saved_values_backs_twice(engine):
    b = engine.leaf([1.0, 2.0, 3.0])
    c = engine.tensor([0.0, 0.0, 0.0])
    c[[1, 2]] = b[[1, 1]]
    ones = engine.tensor([1.0, 1.0, 1.0])
    c.backward(ones, retain_graph=True)
    c.backward(ones)
    assert values(b.grad) == [0, 4, 0]


# --- out= and fills ------------------------------------------------------------------


def test_out_is_refused_for_what_requires_grad(engine):
    a, b = engine.leaf([1.0]), engine.leaf([2.0])
    target = engine.tensor([0.0])
    with engine.raises((RuntimeError, TypeError), "out="):
        torch.mul(a, b, out=target)
    assert values(target) == [0]


@pytest.mark.parametrize("name", ["normal_", "uniform_", "exponential_", "bernoulli_", "random_"])
def test_a_random_fill_replaces_value_and_gradient(engine, name):
    x = engine.leaf([1.0, 2.0, 3.0])
    y = x.clone()
    torch.manual_seed(1)
    assert getattr(y, name)() is y
    torch.manual_seed(1)
    expected = getattr(torch.zeros(3, dtype=torch.float64), name)()
    assert values(y) == expected.tolist()
    (y * x).sum().backward()
    close(x.grad, expected)


def test_a_fill_with_a_zero_dimensional_leaf_gives_it_the_whole_gradient(engine):
    x, w = engine.leaf([1.0, 2.0, 3.0]), engine.leaf(5.0)
    y = x.clone()
    y.fill_(w)
    (y * 2).sum().backward()
    assert values(w.grad) == 6


# --- memory --------------------------------------------------------------------------


def test_a_change_that_saves_its_own_result_makes_no_cycle(engine):
    class Sentinel:
        def __call__(self, *_):
            return None

    def scope():
        sentinel = Sentinel()
        copy = engine.leaf([1.0, 2.0, 3.0, 4.0]).clone()
        copy.grad_fn.register_hook(sentinel)
        F.relu(copy.view(2, 2), inplace=True)
        return weakref.ref(sentinel)

    gc.collect()
    gc.disable()
    try:
        assert scope()() is None
    finally:
        gc.enable()


def test_many_changes_of_one_view(engine):
    x, w = engine.leaf([1.0, 2.0]), engine.leaf([1.0])
    y = x.clone()
    view = y[:1]
    for _ in range(300):
        view *= w
    (y.sum() + view.sum()).backward()
    assert values(x.grad) == [2, 1]
    assert values(w.grad) == [600]


def test_a_view_whose_base_is_gone_can_be_changed_and_differentiated(engine):
    a = engine.leaf([float(n) for n in range(4)])
    b = a.narrow(0, 0, 2).clone().view(-1)
    b.relu_()
    c = b.clone()
    del b
    gc.collect()
    c.sum().backward()
    assert values(a.grad) == [0, 1, 0, 0]


# --- where plugrad differs on purpose ------------------------------------------------


def test_torch_alone_a_change_through_data_is_not_noticed():
    x = torch.tensor([2.0], requires_grad=True)
    y = x * x
    x.data.mul_(10)
    assert x._version == 0
    y.backward()
    assert x.grad.tolist() == [40]  # the derivative at neither the old point's graph nor ours


def test_plugrad_alone_a_change_through_data_is_noticed():
    x = pg.Variable(torch.tensor([2.0]), requires_grad=True)
    y = x * x
    x.data.mul_(10)
    assert x._version == 1
    with pytest.raises(RuntimeError, match="fix:"):
        y.backward()


def test_plugrad_alone_a_change_of_the_raw_tensor_is_noticed():
    tensor = torch.tensor([2.0])
    x = pg.Variable(tensor, requires_grad=True)
    y = x * x
    tensor.add_(1)
    with pytest.raises(RuntimeError, match="fix:"):
        y.backward()


@pytest.mark.parametrize(
    "write",
    [lambda t, v: t.copy_(v), lambda t, v: t.__setitem__(slice(None), v), lambda t, v: t.add_(v)],
    ids=["copy_", "[]=", "add_"],
)
def test_plugrad_alone_a_plain_tensor_takes_no_variable_that_requires_grad(write):
    plain, x = torch.zeros(2), pg.Variable(torch.ones(2), requires_grad=True)
    with pytest.raises((RuntimeError, TypeError), match="fix:"):
        write(plain, x)
    assert plain.tolist() == [0, 0]


@pytest.mark.parametrize(
    "write",
    [lambda t, v: t.copy_(v), lambda t, v: t.__setitem__(slice(None), v)],
    ids=["copy_", "[]="],
)
def test_plugrad_alone_a_plain_tensor_takes_a_variable_without_a_gradient(write):
    plain = torch.zeros(2)
    write(plain, pg.Variable(torch.ones(2)))
    assert plain.tolist() == [1, 1]
    with torch.no_grad():
        write(plain, pg.Variable(torch.full((2,), 3.0), requires_grad=True))
    assert plain.tolist() == [3, 3]


# --- numbers -------------------------------------------------------------------------


def test_numbers_can_be_assigned_and_read_back(engine):
    f, n = engine.tensor([[0.0]]), engine.tensor([[0]])
    for value in (-12345.1, math.inf, -math.inf, 0.0):
        f[0] = value
        assert float(f) == value
        assert bool(f) == bool(value)
    f[0] = math.nan
    assert math.isnan(float(f))
    for value in (-12345, 1234567890123456789, 0):
        n[0] = value
        assert int(n) == value
        assert bool(n) == bool(value)


def test_nan_and_infinity_are_no_integers(engine):
    with pytest.raises(ValueError, match="NaN|nan"):
        int(engine.tensor(math.nan))
    with pytest.raises(OverflowError):
        int(engine.tensor(math.inf))


def test_a_deep_chain_of_changes_is_walked_and_freed_without_recursion(engine):
    x = engine.leaf([1.0])
    y = x.clone()
    for _ in range(5_000):
        y += 0
    y.backward()
    assert values(x.grad) == [1]
    del y


@pytest.mark.parametrize("number", [2, 2.5, True])
def test_a_change_by_a_number_keeps_the_dtype(engine, number):
    y = engine.leaf([1.0], dtype=torch.float32).clone()
    y *= number
    assert y.dtype is torch.float32


def test_a_change_to_another_dtype_is_refused(engine):
    y = engine.tensor([1, 2])
    with pytest.raises(RuntimeError):
        y += 0.5
    with pytest.raises(RuntimeError):
        y.add_(engine.tensor([0.5, 0.5]))
    assert values(y) == [1, 2]


def test_a_change_by_another_dtype_that_fits_converts_it(engine):
    x, w = engine.leaf([1.0]), engine.leaf([3.0], dtype=torch.float32)
    y = x.clone()
    y.mul_(w)
    y.backward()
    assert y.dtype is torch.float64
    assert w.grad.dtype is torch.float32
    assert values(w.grad) == [1]
    assert values(x.grad) == [3]


def test_a_copy_into_complex_numbers_gives_a_real_gradient(engine):
    x = engine.leaf([1.0, -2.0])
    y = engine.tensor([0j, 0j], dtype=torch.complex128)
    y.copy_(x)
    y.sum().abs().backward()
    assert values(x.grad) == [-1, -1]


# --- changes of items ----------------------------------------------------------------


def test_an_item_can_be_changed_by_an_operator(engine):
    x, w = engine.leaf([1.0, 2.0, 3.0]), engine.leaf(10.0)
    y = x.clone()
    y[0] += w
    y[1] *= w
    y[2] -= y[1].clone()
    assert values(y) == [11, 20, -17]
    y.sum().backward()
    assert values(x.grad) == [1, 0, 1]  # the second item's parts cancel
    assert values(w.grad) == 1


def test_a_slice_a_column_and_a_mask_can_be_changed_by_an_operator(engine):
    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x.clone()
    y[:, 0] *= 10
    y[1:] += 1
    y[y > 20] /= 2
    assert values(y) == [[10, 2], [15.5, 5]]
    y.sum().backward()
    assert values(x.grad) == [[10, 1], [5, 1]]


def test_items_can_be_swapped(engine):
    x = engine.leaf([1.0, 2.0])
    y = x.clone()
    y[0], y[1] = y[1].clone(), y[0].clone()
    (y * engine.tensor([10.0, 100.0])).sum().backward()
    assert values(y) == [2, 1]
    assert values(x.grad) == [100, 10]


def test_an_item_of_a_transposed_view_can_be_assigned(engine):
    x, w = engine.leaf([[1.0, 2.0], [3.0, 4.0]]), engine.leaf([5.0, 6.0])
    y = x.clone()
    y.t()[0] = w
    assert values(y) == [[5, 2], [6, 4]]
    (y * y).sum().backward()
    assert values(x.grad) == [[0, 4], [0, 8]]
    assert values(w.grad) == [10, 12]


def test_a_running_result_written_item_by_item(engine):
    x = engine.leaf([1.0, 2.0, 3.0])
    out = engine.tensor([0.0, 0.0, 0.0])
    total = engine.tensor(1.0)
    for i in range(3):
        total = total * x[i]
        out[i] = total
    out.sum().backward()
    assert values(out) == [1, 2, 6]
    assert values(x.grad) == [1 + 2 + 6, 1 + 3, 2]


def test_a_recurrence_that_reads_what_it_wrote_is_refused_only_if_it_saved_it(engine):
    x = engine.leaf([2.0, 3.0])
    out = engine.tensor([1.0, 0.0, 0.0])
    for i in range(2):
        out[i + 1] = out[i] + x[i]  # a sum saves nothing
    out.sum().backward()
    assert values(x.grad) == [2, 1]
    again = engine.tensor([1.0, 0.0, 0.0])
    for i in range(2):
        again[i + 1] = again[i] * x[i]  # a product saves the view that is then overwritten
    with engine.raises(RuntimeError, CHANGED):
        again.sum().backward()


# --- changes that are not recorded ---------------------------------------------------


def test_a_change_of_a_non_leaf_in_no_grad_is_no_part_of_its_gradient(engine):
    x = engine.leaf([1.0])
    y = x * 2
    node = y.grad_fn
    with engine.no_grad():
        y.mul_(5)
    assert values(y) == [10]
    assert y.grad_fn is node
    y.backward()
    assert values(x.grad) == [2]


def test_a_change_of_a_view_in_no_grad_is_no_part_of_its_gradient(engine):
    x = engine.leaf([1.0, 2.0])
    y = x * 2
    view = y[:1]
    with engine.no_grad():
        view.mul_(5)
    assert values(y) == [10, 4]
    (y.sum() + view.sum()).backward()
    assert values(x.grad) == [4, 2]


def test_a_comparison_in_place_leaves_no_gradient(engine):
    x = engine.leaf([1.0, -1.0])
    y = x.clone()
    y.gt_(0)
    assert values(y) == [1, 0]
    (y * x).sum().backward()
    assert values(x.grad) == [1, 0]


def test_a_copy_onto_itself_changes_nothing(engine):
    x = engine.leaf([1.0, 2.0])
    y = x.clone()
    y.copy_(y)
    (y * 3).sum().backward()
    assert values(x.grad) == [3, 3]


@pytest.mark.parametrize("name", ["exp_", "sigmoid_", "tanh_"])
def test_a_changed_view_whose_rule_saves_the_result_has_second_derivatives(engine, name):
    x, base = engine.leaf([0.5, 1.0, 1.5]), torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64)
    y = x * 2
    getattr(y[:1], name)()
    (first,) = engine.grad((y * y).sum(), x, create_graph=True)
    (second,) = engine.grad(first.sum(), x)
    new = base.clone().requires_grad_()
    expected = torch.cat([getattr(torch, name[:-1])(2 * new[:1]), 2 * new[1:]]).square().sum()
    (expected_first,) = torch.autograd.grad(expected, new, create_graph=True)
    (expected_second,) = torch.autograd.grad(expected_first.sum(), new)
    close(first, expected_first.tolist())
    close(second, expected_second.tolist())


def test_what_the_change_of_a_view_saved_is_freed_by_a_backward(engine):
    y = engine.leaf([0.5, 1.0]).clone()
    y[:1].exp_()
    loss = y.sum()
    loss.backward()
    with engine.raises(RuntimeError, "backward through the graph a second time"):
        loss.backward()
