"""torch.autograd.Function on Variables: a Function that was written for torch runs as it is.

``Function`` is torch's for both engines here; what a rule may do with ``ctx`` is torch's contract.
"""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import pytest
import torch
from torch.autograd import Function
from torch.autograd.function import InplaceFunction, once_differentiable

import plugrad as pg
from plugrad import errors
from plugrad.tests.notes.engines import PLUGRAD, TORCH, close, newer_torch, values


class Scale(Function):
    """Multiplication by a number."""

    @staticmethod
    def forward(ctx: Any, x: Any, factor: float) -> Any:
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.factor, None


class Square(Function):
    """A product of a saved input with itself."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 2 * g * x


class Exp(Function):
    """A saved output."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (y,) = ctx.saved_tensors
        return g * y


# --- a call --------------------------------------------------------------------------


def test_a_function_is_recorded(engine):
    x = engine.leaf([2.0])
    y = Scale.apply(x, 3.0)
    assert y.requires_grad
    assert "Scale" in y.grad_fn.name()
    y.backward()
    assert values(y) == [6]
    assert values(x.grad) == [3]


def test_a_function_on_constants_gives_a_constant(engine):
    y = Scale.apply(engine.tensor([2.0]), 3.0)
    assert type(y) is type(engine.tensor([1.0]))
    assert not y.requires_grad
    assert y.grad_fn is None


def test_a_function_in_no_grad_gives_a_constant(engine):
    with torch.no_grad():
        y = Scale.apply(engine.leaf([2.0]), 3.0)
    assert not y.requires_grad


def test_functions_and_ops_mix(engine):
    x = engine.leaf([2.0])
    (Square.apply(x.sin()) * x).sum().backward()
    close(x.grad, [2 * math.sin(2) * math.cos(2) * 2 + math.sin(2) ** 2])


apply_bound_early = Scale.apply


def test_a_function_bound_to_a_name_is_recorded(engine):
    x = engine.leaf([2.0])
    apply_bound_early(x, 3.0).backward()
    assert values(x.grad) == [3]


def test_a_subclass_of_a_function_is_recorded(engine):
    class Half(Scale):
        @staticmethod
        def forward(ctx, x):
            return Scale.forward(ctx, x, 0.5)

        @staticmethod
        def backward(ctx, g):
            return Scale.backward(ctx, g)[0]

    x = engine.leaf([2.0])
    Half.apply(x).backward()
    assert values(x.grad) == [0.5]


def test_a_function_with_keyword_or_default_arguments(engine):
    class Power(Function):
        @staticmethod
        def forward(ctx, x, y=3):
            ctx.save_for_backward(x)
            ctx.y = y
            return x**y

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * ctx.y * x ** (ctx.y - 1), None

    x = engine.leaf([2.0])
    assert values(engine.grad(Power.apply(x, 2), x)[0]) == [4]


def test_forward_sees_no_graph(engine):
    seen = []

    class Look(Function):
        @staticmethod
        def forward(ctx, x):
            y = x * 2
            seen.append((y.requires_grad, y.grad_fn))
            return y

        @staticmethod
        def backward(ctx, g):
            return g * 2

    Look.apply(engine.leaf([1.0]))
    assert seen == [(False, None)]


def test_a_function_inside_a_function(engine):
    class Outer(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return Square.apply(x) * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * g * Square.apply(x)

    x = engine.leaf([2.0])
    (g,) = engine.grad(Outer.apply(x), x, create_graph=True)
    assert values(g) == [12]
    assert values(engine.grad(g, x)[0]) == [12]


# --- needs_input_grad ----------------------------------------------------------------


def test_there_is_one_flag_for_each_argument_that_was_passed(engine):
    seen = []

    class Look(Function):
        @staticmethod
        def forward(ctx, a, b, k, c=None, d=5):
            seen.append(ctx.needs_input_grad)
            return a * 1

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            return (g,) + (None,) * (len(ctx.needs_input_grad) - 1)

    x, y = engine.leaf([1.0]), engine.tensor([1.0])
    Look.apply(x, y, 3).backward()
    Look.apply(x, x, 3, y, None).backward()
    assert seen == [(True, False, False)] * 2 + [(True, True, False, False, False)] * 2


def test_in_backward_the_flags_tell_what_was_asked_for(engine):
    seen = []

    class Look(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a * b

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            return g, g

    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    out = Look.apply(x, y)
    engine.grad(out, x, retain_graph=True)
    out.backward()
    assert seen[1] == (True, True)
    assert seen[0][0] is True


def test_a_rule_may_leave_out_what_is_not_needed(engine):
    class Product(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            ga = g * b if ctx.needs_input_grad[0] else None
            gb = g * a if ctx.needs_input_grad[1] else None
            return ga, gb

    x, y = engine.leaf([2.0]), engine.tensor([3.0])
    Product.apply(x, y).backward()
    assert values(x.grad) == [3]
    assert y.grad is None


# --- what is saved -------------------------------------------------------------------


def test_a_saved_input_and_its_second_derivative(engine):
    x = engine.leaf([3.0])
    (g,) = engine.grad(Square.apply(x), x, create_graph=True)
    (gg,) = engine.grad(g, x)
    assert values(g) == [6]
    assert values(gg) == [2]


def test_a_saved_output_and_its_derivatives(engine):
    x = engine.leaf([0.0])
    y = Exp.apply(x)
    for _ in range(3):
        (y,) = engine.grad(y, x, create_graph=True)
        assert values(y) == [1]


def test_the_same_tensor_under_two_arguments_has_each_ones_derivative(engine):
    class Product(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g * b, g * a

    x = engine.leaf([3.0])
    (g,) = engine.grad(Product.apply(x, x), x, create_graph=True)
    assert values(g) == [6]
    assert values(engine.grad(g, x)[0]) == [2]
    (g,) = engine.grad(Product.apply(x, x.detach()), x, create_graph=True)
    assert values(g) == [3]
    assert not g.requires_grad or engine.grad(g, x, allow_unused=True) == (None,)


def test_none_may_be_saved(engine):
    class Holes(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(None, x, None)
            return x * x

        @staticmethod
        def backward(ctx, g):
            first, x, last = ctx.saved_tensors
            assert first is None
            assert last is None
            return 2 * g * x

    x = engine.leaf([3.0])
    Holes.apply(x).backward()
    assert values(x.grad) == [6]


def test_a_saved_tensor_that_was_changed_is_noticed(engine):
    x = engine.leaf([3.0]).clone()
    y = Square.apply(x)
    x.add_(1)
    with engine.raises(RuntimeError, "modified by an inplace operation"):
        y.backward()


def test_saved_tensors_are_freed_by_backward(engine):
    x = engine.leaf([3.0])
    y = Square.apply(x)
    y.backward()
    with engine.raises(RuntimeError, "retain_graph=True"):
        y.backward()


def test_ctx_may_be_kept_but_not_what_it_saved(engine):
    kept = []

    class Keep(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            kept.append(ctx)
            assert ctx.saved_tensors[0] is not None
            return g * 2

    y = Keep.apply(engine.leaf([1.0]))
    y.backward()
    with pytest.raises(RuntimeError):
        kept[0].saved_tensors  # noqa: B018


def test_an_input_kept_as_an_attribute(engine):
    class Attribute(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.x

    x = engine.leaf([3.0])
    (g,) = engine.grad(Attribute.apply(x), x)
    assert values(g) == [6]


def test_an_input_kept_as_an_attribute_has_its_second_derivative(engine):
    class Attribute(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            return 3 * g * ctx.x * ctx.x

    x = engine.leaf([2.0])
    (g,) = engine.grad(Attribute.apply(x), x, create_graph=True)
    assert values(g) == [12]
    assert values(engine.grad(g, x)[0]) == [12]


def test_numbers_and_anything_kept_as_attributes(engine):
    class Anything(Function):
        @staticmethod
        def forward(ctx, x, options):
            ctx.options, ctx.shape, ctx.function = options, x.shape, math.cos
            return x * options["factor"]

        @staticmethod
        def backward(ctx, g):
            assert tuple(ctx.shape) == (1,)
            return g * ctx.options["factor"] * ctx.function(0.0), None

    x = engine.leaf([1.0])
    Anything.apply(x, {"factor": 4.0}).backward()
    assert values(x.grad) == [4]


# --- what a rule returns -------------------------------------------------------------


def returning(results):
    class Returns(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return results(g)

    return Returns


def test_none_is_no_gradient_not_zeros(engine):
    x = engine.leaf([1.0])
    none = returning(lambda g: None)
    none.apply(x).backward()
    assert x.grad is None
    none.apply(x**2).backward()
    assert x.grad is None
    none.apply(x).sum().backward()
    assert x.grad is None
    assert engine.grad(none.apply(x), x, allow_unused=True) == (None,)


def test_more_nones_than_arguments_are_ignored(engine):
    x = engine.leaf([1.0])
    returning(lambda g: (g, None, None)).apply(x).backward()
    assert values(x.grad) == [1]


def test_too_few_gradients_are_refused(engine):
    class TwoIn(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g

    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    with engine.raises(RuntimeError, "incorrect number of gradients"):
        TwoIn.apply(x, y).backward()


def test_too_many_gradients_are_refused(engine):
    x = engine.leaf([1.0])
    with engine.raises(RuntimeError, "incorrect number of gradients"):
        returning(lambda g: (g, g)).apply(x).backward()


def test_a_gradient_of_another_shape_is_refused(engine):
    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]])
    with engine.raises(RuntimeError, "expected shape"):
        returning(lambda g: g.new_zeros(10)).apply(x).sum().backward()


def test_a_gradient_that_can_be_summed_to_the_shape_is(engine):
    x = engine.leaf([1.0, 2.0])
    returning(lambda g: g.expand(3, 2) * 1).apply(x).sum().backward()
    assert values(x.grad) == [3, 3]


def test_a_gradient_of_another_dtype_is_converted(engine):
    x = engine.leaf([1.0, 2.0])
    returning(lambda g: g.float()).apply(x).sum().backward()
    assert x.grad.dtype is torch.float64
    assert values(x.grad) == [1, 1]


def test_a_gradient_that_is_no_tensor_is_refused(engine):
    x = engine.leaf([1.0])
    with engine.raises((TypeError, RuntimeError), "expected Variable or None"):
        returning(lambda g: 3.0).apply(x).backward()


def test_one_gradient_may_be_returned_for_two_inputs(engine):
    class Plus(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return g, g

    x, y = engine.leaf([1.0, 1.0]), engine.leaf([1.0, 1.0])
    Plus.apply(x, y).sum().backward()
    x.grad.zero_()
    assert values(y.grad) == [1, 1]


# --- several outputs, and what is no tensor ------------------------------------------


def test_several_outputs_and_things_between(engine):
    class Many(Function):
        @staticmethod
        def forward(ctx, a, b, scale, c):
            ctx.scale = scale
            ctx.save_for_backward(a, b, c)
            return scale, (a + b * c) * scale, None, True, (a * b + c) * scale, "bar"

        @staticmethod
        @once_differentiable
        def backward(ctx, *gs):
            assert len(gs) == 6
            assert [gs[i] for i in (0, 2, 3, 5)] == [None] * 4
            a, b, c = ctx.saved_tensors
            return (
                (gs[1] + gs[4] * b) * ctx.scale,
                (gs[1] * c + gs[4] * a) * ctx.scale,
                None,
                (gs[1] * b + gs[4]) * ctx.scale,
            )

    a, b, c = engine.leaf([2.0]), engine.leaf([3.0]), engine.tensor([5.0])
    out = Many.apply(a, b, 10, c)
    assert [out[i] for i in (0, 2, 3, 5)] == [10, None, True, "bar"]
    assert values(out[1]) == [170]
    assert values(out[4]) == [110]
    engine.backward([out[1], out[4]])
    assert values(a.grad) == [40]
    assert values(b.grad) == [70]
    assert c.grad is None


def test_a_function_without_tensors_is_a_call(engine):
    class Plain(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b, "bar"

        @staticmethod
        def backward(ctx, *gs):
            return None, None

    assert Plain.apply(1.5, 2) == (3.5, "bar")


def test_the_gradient_of_an_unused_output_is_zeros(engine):
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x[:1] * 3

        @staticmethod
        def backward(ctx, ga, gb):
            seen.append(values(gb))
            return ga * 2

    x = engine.leaf([1.0, 2.0])
    Two.apply(x)[0].sum().backward()
    assert seen == [[0]]


def test_it_is_none_if_gradients_are_not_to_be_materialized(engine):
    seen = []

    class Two(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, ga, gb):
            seen.append(gb)
            return ga * 2

    x = engine.leaf([1.0])
    Two.apply(x)[0].backward()
    assert seen == [None]
    assert values(x.grad) == [2]


def returning_twice(first, second):
    """A Function that returns one tensor twice, with these factors of the two gradients."""

    class Twice(Function):
        @staticmethod
        def forward(ctx, x):
            y = x * 2
            return y, y

        @staticmethod
        def backward(ctx, ga, gb):
            return ga * first + gb * second

    return Twice


def test_one_tensor_returned_twice_is_one_object(engine):
    x = engine.leaf([1.0])
    a, b = returning_twice(2, 2).apply(x)
    assert a is b
    (a + b).backward()
    assert values(x.grad) == [4]


def test_an_input_returned_as_it_is_becomes_a_result(engine):
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    for data in ([1.0], 1.0):
        x = engine.leaf(data)
        y = Same.apply(x)
        assert y is not x
        assert not y.is_leaf
        y.backward()
        assert values(x.grad) == (2 if data == 1.0 else [2])
        z = x.clone()
        Same.apply(z).backward()
        assert values(x.grad) == (4 if data == 1.0 else [4])


def test_an_input_returned_among_others(engine):
    class Both(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a, a + b

        @staticmethod
        def backward(ctx, ga, gb):
            return ga + gb, gb

    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    q, p = Both.apply(x, y)
    (q + p + x).backward()
    assert values(x.grad) == [3]
    assert values(y.grad) == [1]


def test_an_integer_output_does_not_require_grad(engine):
    class Where(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x > 0, x.argmax()

        @staticmethod
        def backward(ctx, g, gb, gi):
            return g * 2

    x = engine.leaf([1.0, -1.0])
    y, mask, index = Where.apply(x)
    assert y.requires_grad
    assert not mask.requires_grad
    assert not index.requires_grad
    y.sum().backward()
    assert values(x.grad) == [2, 2]


# --- mark_non_differentiable, mark_dirty ---------------------------------------------


def test_an_output_marked_as_not_differentiable_does_not_require_grad(engine):
    seen = []

    class Mixed(Function):
        @staticmethod
        def forward(ctx, x):
            a, b = x + 1, x + 2
            ctx.mark_non_differentiable(a)
            return a, b

        @staticmethod
        def backward(ctx, ga, gb):
            seen.append((values(ga), values(gb)))
            return gb

    x = engine.leaf([1.0])
    a, b = Mixed.apply(x)
    assert not a.requires_grad
    assert b.requires_grad
    b.backward()
    assert seen == [([0], [1])]
    assert values(x.grad) == [1]


def test_a_function_whose_only_output_is_not_differentiable(engine):
    class Mask(Function):
        @staticmethod
        def forward(ctx, x):
            mask = x > 0
            ctx.mark_non_differentiable(mask)
            return mask

        @staticmethod
        def backward(ctx, g):
            raise AssertionError

    x = engine.leaf([1.0, -1.0])
    mask = Mask.apply(x)
    assert not mask.requires_grad
    x.masked_fill(mask, 0).sum().backward()
    assert values(x.grad) == [0, 1]


@pytest.mark.parametrize("own", [False, True])
def test_a_result_of_several_arguments_that_is_not_differentiable(engine, own):
    kind = engine.Function if own else Function

    class Inside(kind):
        @staticmethod
        def forward(ctx, x, low, high):
            inside = ((x > low) & (x < high)).to(x.dtype)
            ctx.mark_non_differentiable(inside)
            return inside

        @staticmethod
        def backward(ctx, g):
            raise AssertionError

    x = engine.leaf([1.0, 5.0])
    inside = Inside.apply(x, 0.0, 2.0)
    assert not inside.requires_grad
    (x * inside).sum().backward()
    assert values(x.grad) == [1, 0]


def test_an_input_marked_as_not_differentiable_is_returned_as_a_constant(engine):
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_non_differentiable(x)
            ctx.save_for_backward(x)
            return x, x * x

        @staticmethod
        def backward(ctx, ignored, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = engine.leaf([3.0])
    same, square = Both.apply(x)
    assert same is not x
    assert values(same) == [3]
    assert not same.requires_grad
    (slope,) = engine.grad(square, x, create_graph=True)
    assert values(slope) == [6]
    assert values(engine.grad(slope, x)[0]) == [2]


def test_a_view_of_an_input_may_be_marked_as_not_differentiable(engine):
    class First(Function):
        @staticmethod
        def forward(ctx, x):
            first = x[:1]
            ctx.mark_non_differentiable(first)
            return first, x * 2

        @staticmethod
        def backward(ctx, ignored, g):
            return 2 * g

    x = engine.leaf([3.0, 4.0])
    first, twice = First.apply(x)
    assert first.requires_grad  # as the base does, so that a change of it is noticed
    assert first.is_leaf
    (first * twice).sum().backward()
    assert values(x.grad) == [6, 6]


@pytest.mark.parametrize("kept", ["saved", "attribute"])
def test_a_result_that_is_a_view_of_an_input_and_is_kept_has_its_derivative(engine, kept):
    class FlatSquare(Function):
        @staticmethod
        def forward(ctx, x):
            flat = x.view(-1)
            if kept == "saved":
                ctx.save_for_backward(flat)
            else:
                ctx.flat = flat
            return flat, flat * flat

        @staticmethod
        def backward(ctx, g, h):
            flat = ctx.saved_tensors[0] if kept == "saved" else ctx.flat
            return (g + 2 * flat * h).view(1, 2)

    x = engine.leaf([[3.0, 4.0]])
    _, square = FlatSquare.apply(x)
    (slope,) = engine.grad(square.sum(), x, create_graph=True)
    assert values(slope) == [[6, 8]]
    if kept == "saved" or engine.ours:  # torch loses the graph of an attribute
        assert values(engine.grad(slope.sum(), x)[0]) == [[2, 2]]


def test_a_result_that_is_not_differentiable_feeds_another_function(engine):
    class First(Function):
        @staticmethod
        def forward(ctx, x):
            noise = torch.ones_like(x)
            ctx.mark_non_differentiable(noise)
            return x * 1, noise

        @staticmethod
        def backward(ctx, g, ignored):
            return g

    class Second(Function):
        @staticmethod
        def forward(ctx, x, ignored):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g, None

    x = engine.leaf([1.0])
    a, b = First.apply(x)
    b = b + 1
    assert not b.requires_grad
    Second.apply(a, b).backward()
    assert values(x.grad) == [1]


class AddInto(Function):
    """The first argument changed in place."""

    @staticmethod
    def forward(ctx: Any, a: Any, b: Any) -> Any:
        a.add_(b)
        ctx.mark_dirty(a)
        return a

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g, g


def test_an_input_marked_as_dirty_is_the_result_itself(engine):
    x, b = engine.leaf([1.0]), engine.leaf([2.0])
    a = x.clone()
    c = AddInto.apply(a, b)
    assert c is a
    assert values(a) == [3]
    assert "AddInto" in a.grad_fn.name()
    (c * 2).backward()
    assert values(x.grad) == [2]
    assert values(b.grad) == [2]


def test_a_constant_marked_as_dirty_comes_to_require_grad(engine):
    a, b = engine.tensor([1.0]), engine.leaf([2.0])
    c = AddInto.apply(a, b)
    assert c is a
    assert a.requires_grad
    c.backward()
    assert values(b.grad) == [1]


@pytest.mark.parametrize("count", [3, 3.0])
def test_a_changed_input_without_a_gradient_is_the_result_itself(engine, count):
    class Counted(Function):
        @staticmethod
        def forward(ctx, x, n):
            n.add_(1)
            ctx.mark_dirty(n)
            ctx.mark_non_differentiable(n)
            return x * 2, n

        @staticmethod
        def backward(ctx, gy, gn):
            return gy * 2, None

    x, n = engine.leaf([1.0]), engine.tensor(count)
    y, m = Counted.apply(x, n)
    assert m is n
    assert n == count + 1
    assert not n.requires_grad
    y.backward()
    assert values(x.grad) == [2]


def test_a_change_that_only_mark_dirty_tells_is_counted(engine):
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            x.detach().numpy()[...] *= 2  # torch does not see this
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = engine.leaf([3.0])
    y = x.clone()
    square = y * y
    Double.apply(y)
    assert y._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        square.backward()
    part = y[:1]
    with engine.no_grad():
        Double.apply(part)
    assert y._version == 2


def test_a_dirty_result_can_be_changed_further(engine):
    x, b = engine.leaf([1.0]), engine.leaf([2.0])
    c = AddInto.apply(x.clone(), b)
    c *= 5
    c.backward()
    assert values(x.grad) == [5]
    assert values(b.grad) == [5]


def test_a_dirty_view_changes_its_base(engine):
    root, b = engine.leaf([[1.0, 2.0], [3.0, 4.0]]), engine.leaf([10.0])
    x = root.clone()
    AddInto.apply(x.narrow(0, 0, 1).narrow(1, 1, 1), b)
    assert values(x) == [[1, 12], [3, 4]]
    (x * x).sum().backward()
    assert values(root.grad) == [[2, 24], [6, 8]]
    assert values(b.grad) == [24]


def test_a_dirty_view_may_be_returned_in_a_tuple(engine):
    class InTuple(AddInto):
        @staticmethod
        def forward(ctx, a, b):
            return (AddInto.forward(ctx, a, b),)

        @staticmethod
        def backward(ctx, g):
            assert g.shape == (3, 2)
            return g * 5, None

    root = engine.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    x = root.clone()
    InTuple.apply(x.t(), engine.tensor(1.0))
    (g,) = engine.grad((x * x).sum(), root, create_graph=True)
    assert values(g) == [[20, 30, 40], [50, 60, 70]]
    assert values(engine.grad(g.sum(), root)[0]) == [[50] * 3] * 2


class ByOther(Function):
    """The first argument doubled in place, with a gradient in which the second is a factor."""

    @staticmethod
    def forward(ctx: Any, a: Any, b: Any, as_attribute: bool) -> Any:
        a.mul_(2)
        ctx.mark_dirty(a)
        ctx.as_attribute = as_attribute
        if as_attribute:
            ctx.b = b
        else:
            ctx.save_for_backward(b)
        return a

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        b = ctx.b if ctx.as_attribute else ctx.saved_tensors[0]
        return g * b, None, None


@pytest.mark.parametrize("as_attribute", [False, True])
@pytest.mark.parametrize("views", [(0, 1), (1, 0), (1, 1)], ids=["base", "view", "views"])
def test_an_input_in_a_dirty_ones_memory_has_no_second_derivative(engine, views, as_attribute):
    root = engine.leaf([3.0])
    x = root * 1
    parts = x, x.view(1)
    y = ByOther.apply(
        parts[views[0]], x.view(1) if views == (1, 1) else parts[views[1]], as_attribute
    )
    assert values(engine.grad(y, root, retain_graph=True)[0]) == [6]
    if engine.ours:
        with pytest.raises(errors.SavedIntermediateError, match="it changed another input in pl"):
            engine.grad(y, root, create_graph=True)
    else:
        (g,) = engine.grad(y, root, create_graph=True)
        assert values(engine.grad(g, root)[0]) == [6]


def test_inputs_in_other_places_of_a_dirty_ones_memory_have_second_derivatives(engine):
    root = engine.leaf([3.0, 5.0])
    x = root * 1
    (g,) = engine.grad(ByOther.apply(x[1:], x[:1], False), root, create_graph=True)
    assert values(g) == [0, 3]
    assert values(engine.grad(g.sum(), root)[0]) == [1, 0]


def test_a_dirty_leaf_that_requires_grad_is_refused(engine):
    with engine.raises(RuntimeError, "leaf Variable that requires grad"):
        AddInto.apply(engine.leaf([1.0]), engine.leaf([1.0]))


@newer_torch
def test_a_dirty_view_of_a_leaf_is_refused(engine):
    x = engine.leaf([1.0])
    with engine.raises(RuntimeError, "a view of a leaf Variable that requires grad"):
        AddInto.apply(x.view_as(x), engine.leaf([1.0]))


@newer_torch
def test_one_of_several_dirty_views_is_refused(engine):
    x = engine.leaf([1.0, 2.0]).clone()
    first, _ = x.split([1, 1])
    with engine.raises(RuntimeError, "output of a function that returns multiple view"):
        AddInto.apply(first, engine.leaf([1.0]))


def test_a_dirty_view_with_another_output_is_refused(engine):
    class Two(Function):
        @staticmethod
        def forward(ctx, a, b):
            a.add_(b)
            ctx.mark_dirty(a)
            return a, a + b

        @staticmethod
        def backward(ctx, ga, gb):
            return ga + gb, ga + 2 * gb

    x, b = engine.leaf([1.0]), engine.leaf([2.0])
    c, d = Two.apply(x.clone(), b)
    (c * d).backward()
    assert values(x.grad) == [3 + 5]
    with engine.raises(RuntimeError, "modifies inplace an input that is a view"):
        Two.apply(x.clone().view_as(x), b)


def test_a_dirty_input_must_be_returned(engine):
    class Forgets(Function):
        @staticmethod
        def forward(ctx, a, b):
            a.add_(b)
            ctx.mark_dirty(a)
            return a.clone()

        @staticmethod
        def backward(ctx, g):
            return g, g

    with engine.raises(RuntimeError, "were not returned as output"):
        Forgets.apply(engine.leaf([1.0]).clone(), engine.leaf([1.0]))


def test_one_dirty_input_returned_twice_is_one_object(engine):
    class Twice(InplaceFunction):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x, x

        @staticmethod
        def backward(ctx, ga, gb):
            return ga * 2 + gb * 2

    x = engine.leaf([1.0])
    a, b = Twice.apply(x.clone())
    assert a is b
    (a + b).backward()
    assert values(x.grad) == [4]


def test_a_dirty_result_in_no_grad_is_a_constant_in_the_same_memory(engine):
    x, b = engine.leaf([1.0]), engine.leaf([2.0])
    with engine.no_grad():
        c = AddInto.apply(x, b)
    assert c is not x
    assert not c.requires_grad
    assert x.requires_grad
    c.fill_(5.0)
    assert values(x) == [5]
    assert x._version == c._version
    (x * c).backward()
    assert values(x.grad) == [5]  # not 10


def test_one_argument_passed_twice_is_one_object(engine):
    seen = []

    class Double(Function):
        @staticmethod
        def forward(ctx, x, y):
            seen.append(x is y)
            y.mul_(2)
            ctx.mark_dirty(y)
            ctx.save_for_backward(x)
            return y, x * y

        @staticmethod
        def backward(ctx, gy, gz):
            (x,) = ctx.saved_tensors  # twice the number that was passed
            return 2 * gz * x, 2 * (gy + gz * x)

    root = engine.leaf([1.0, 2.0])
    x = root * 1
    y, z = Double.apply(x, x)
    assert seen == [True]
    assert y is x
    (g,) = engine.grad(z.sum(), root, create_graph=True)
    assert values(g) == [8, 16]
    assert values(engine.grad(g.sum(), root)[0]) == [8, 8]


def test_one_argument_passed_twice_may_be_marked_as_dirty_by_either_name(engine):
    class Double(Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.mark_dirty(x)
            return y.mul_(2)

        @staticmethod
        def backward(ctx, g):
            return g, g

    root = engine.leaf([1.0, 2.0])
    x = root * 1
    assert Double.apply(x, x) is x
    x.sum().backward()
    assert values(root.grad) == [2, 2]


def test_an_output_returned_twice_is_the_last(engine):
    x = engine.leaf([1.0])
    a, b = returning_twice(3, 5).apply(x)
    assert a.output_nr == b.output_nr == 1
    (a + b).backward()
    assert values(x.grad) == [10]


def test_a_change_inside_of_a_local_is_nobodys_business(engine):
    class Local(Function):
        @staticmethod
        def forward(ctx, x):
            view = x.clone()[:2]
            view += 2
            return view

        @staticmethod
        def backward(ctx, g):
            return torch.cat([g, g.new_zeros(1)])

    x = engine.leaf([1.0, 2.0, 3.0])
    y = Local.apply(x)
    assert "Local" in y.grad_fn.name()
    y.sum().backward()
    assert values(x.grad) == [1, 1, 0]


def test_an_attribute_that_was_changed_since_has_no_second_derivative(engine):
    class SquareOfAttribute(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.x

    root = engine.leaf([3.0])
    x = root * 1
    y = SquareOfAttribute.apply(x)
    x.mul_(5)
    # No version is counted for an attribute: torch, too, computes with what it has become.
    assert values(engine.grad(y, root, retain_graph=True)[0]) == [2 * 15]
    if engine.ours:
        with pytest.raises(errors.SavedTensorChangedError, match="SquareOfAttribute saved"):
            engine.grad(y, root, create_graph=True)
    else:
        (g,) = engine.grad(y, root, create_graph=True)
        assert values(engine.grad(g, root)[0]) == [2 * 5]


# --- setup_context -------------------------------------------------------------------


class Cube(Function):
    """A forward that does not know ctx."""

    @staticmethod
    def forward(x: Any) -> Any:
        return x**3

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        (x,) = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * g * x**2


def test_setup_context_gets_inputs_and_output(engine):
    x = engine.leaf([2.0])
    (g,) = engine.grad(Cube.apply(x), x, create_graph=True)
    assert values(g) == [12]
    assert values(engine.grad(g, x)[0]) == [12]


def test_setup_context_with_several_outputs_and_numbers(engine):
    class Both(Function):
        @staticmethod
        def forward(x, shape, factor):
            return x.reshape(shape) * factor, 2 * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            x, _, factor = inputs
            assert output[1] == 2 * factor
            ctx.shape, ctx.factor = x.shape, factor

        @staticmethod
        def backward(ctx, g, _):
            return g.reshape(ctx.shape) * ctx.factor, None, None

    x = engine.leaf([1.0, 2.0, 3.0, 4.0])
    y, twice = Both.apply(x, (2, 2), 7)
    assert twice == 14
    y.sum().backward()
    assert values(x.grad) == [7, 7, 7, 7]


class Power(Function):
    """A forward with a default."""

    @staticmethod
    def forward(x: Any, y: float = 3) -> Any:
        return x**y

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        x, ctx.y = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * ctx.y * x ** (ctx.y - 1), None


class PowerOfClass(Function):
    """The same, of class methods."""

    @classmethod
    def forward(cls, x: Any, y: float = 3) -> Any:
        return x**y

    @classmethod
    def setup_context(cls, ctx: Any, inputs: Any, output: Any) -> None:
        Power.setup_context(ctx, inputs, output)

    @classmethod
    def backward(cls, ctx: Any, g: Any) -> Any:
        return Power.backward(ctx, g)


@pytest.mark.parametrize("function", [Power, PowerOfClass])
def test_setup_context_gets_the_defaults_too(engine, function):
    x = engine.leaf([2.0])
    y = function.apply(x)
    assert values(y) == [8]
    assert values(engine.grad(y, x)[0]) == [12]


# --- once_differentiable -------------------------------------------------------------


class Once(Function):
    """A rule that cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Any) -> Any:
        assert not torch.is_grad_enabled()
        (x,) = ctx.saved_tensors
        return 2 * g * x


def test_once_differentiable_works_to_first_order(engine):
    x = engine.leaf([3.0])
    Once.apply(x).backward()
    assert values(x.grad) == [6]


def test_a_rule_may_use_a_once_differentiable_part_and_then_what_was_saved(engine):
    class Square(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @engine.once_differentiable
        def size(ctx, g):
            return g.numel()

        @staticmethod
        def backward(ctx, g):
            size = Square.size(ctx, g)
            (x,) = ctx.saved_tensors
            return g * x * (2 * size)

    x = engine.leaf([3.0])
    (first,) = engine.grad(Square.apply(x).sum(), x, create_graph=True)
    (second,) = engine.grad(first.sum(), x)
    assert (values(first), values(second)) == ([6], [2])


def test_a_once_differentiable_rule_may_use_a_tensor_inside_an_object(engine):
    class Holder:
        def __init__(self, tensor):
            self.tensor = tensor

    class Square(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.holder = Holder(x * 2)
            return x * x

        @staticmethod
        @engine.once_differentiable
        def backward(ctx, g):
            return g * ctx.holder.tensor

    x = engine.leaf([3.0])
    (first,) = engine.grad(Square.apply(x).sum(), x, create_graph=True)
    assert values(first) == [6]


def test_a_rule_that_no_gradient_reached_is_given_plain_zeros(engine):
    kinds = []

    class Stop(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return None

    class Seen(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            kinds.append((type(g), values(g)))
            return g

    Stop.apply(Seen.apply(engine.leaf([3.0]))).backward()
    assert kinds == [(torch.Tensor, [0])]


def test_once_differentiable_cannot_be_differentiated_twice(engine):
    x, g = engine.leaf([3.0]), engine.leaf([1.0])
    (gx,) = engine.grad(Once.apply(x), x, g, create_graph=True)
    assert values(gx) == [6]
    with engine.raises(RuntimeError, "once_differentiable"):
        gx.backward()


def test_torch_alone_loses_its_part_of_a_second_derivative():
    x = TORCH.leaf([3.0])
    (g,) = torch.autograd.grad(Once.apply(x) + x**3, x, create_graph=True)
    assert values(torch.autograd.grad(g, x)[0]) == [18]  # 20 is right


def test_plugrad_alone_does_not_lose_its_part_of_a_second_derivative():
    x = PLUGRAD.leaf([3.0])
    (g,) = pg.grad(Once.apply(x) + x**3, x, create_graph=True)
    assert values(g) == [6 + 27]
    with PLUGRAD.raises(RuntimeError):
        pg.grad(g, x)


# --- what is wrong with a Function ---------------------------------------------------


def test_a_function_without_forward(engine):
    class NoForward(Function):
        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(NotImplementedError, match="forward"):
        NoForward.apply(engine.leaf([1.0]))


def test_a_function_without_backward(engine):
    class NoBackward(Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

    with pytest.raises((RuntimeError, NotImplementedError), match="backward"):
        NoBackward.apply(engine.leaf([1.0])).backward()


def test_vjp_is_another_name_of_backward(engine):
    class Vjp(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 2

    x = engine.leaf([1.0])
    Vjp.apply(x).backward()
    assert values(x.grad) == [2]


def test_both_names_at_once_are_refused(engine):
    class Both(Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g

        @staticmethod
        def vjp(ctx, g):
            return g

    with pytest.raises(RuntimeError, match="vjp"):
        Both.apply(engine.leaf([1.0])).backward()


def test_a_function_is_not_called(engine):
    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        instance = Scale()
    with pytest.raises(RuntimeError, match="non-static forward method is deprecated"):
        instance(engine.leaf([1.0]), 3.0)


def test_an_error_in_a_rule_comes_out_as_it_is(engine):
    class Fails(Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            raise ArithmeticError("on purpose")

    x = engine.leaf([1.0])
    with pytest.raises(ArithmeticError, match="on purpose"):
        Fails.apply(x * x).sum().backward()
    assert x.grad is None


def test_an_error_in_forward_comes_out_as_it_is(engine):
    class Fails(Function):
        @staticmethod
        def forward(ctx, x):
            raise ArithmeticError("on purpose")

        @staticmethod
        def backward(ctx, g):
            return g

    with pytest.raises(ArithmeticError, match="on purpose"):
        Fails.apply(engine.leaf([1.0]))


# --- torch's autograd inside a rule --------------------------------------------------


def test_a_rule_may_compute_its_gradient_with_torchs_autograd(engine):
    class ByTorch(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            with torch.enable_grad():
                inner = x.detach().requires_grad_()
                (gx,) = torch.autograd.grad(inner**3, inner, g)
            return gx

    x = engine.leaf([2.0])
    ByTorch.apply(x).backward()
    assert values(x.grad) == [12]


# --- torch.autograd on Variables -----------------------------------------------------


def test_torchs_grad_takes_variables(engine):
    x, y = engine.leaf([2.0]), engine.leaf([3.0])
    gx, gy, gz = torch.autograd.grad(
        [x * y], inputs=[x, y, engine.leaf([1.0])], allow_unused=True, create_graph=True
    )
    assert values(gx) == [3]
    assert values(gy) == [2]
    assert gz is None
    assert values(torch.autograd.grad(gx, y, grad_outputs=engine.tensor([5.0]))[0]) == [5]


def test_torchs_grad_takes_one_and_gives_a_tuple(engine):
    x = engine.leaf([2.0])
    found = torch.autograd.grad(x * x, x)
    assert isinstance(found, tuple)
    assert values(found[0]) == [4]


@newer_torch
def test_torchs_backward_takes_variables(engine):
    x, y = engine.leaf([2.0]), engine.leaf([3.0])
    torch.autograd.backward([x * y, x], [engine.tensor([1.0]), engine.tensor([10.0])])
    assert values(x.grad) == [13]
    torch.autograd.backward(x * y, inputs=[y], retain_graph=True)
    assert values(y.grad) == [4]
    assert values(x.grad) == [13]


@newer_torch
def test_torchs_backward_with_respect_to_a_whole_or_to_its_rows(engine):
    """Rows were taken for the whole: it got the gradient, and they silently none."""
    x = engine.leaf([2.0, 3.0])
    torch.autograd.backward((x * x).sum(), inputs=x)
    assert values(x.grad) == [4, 6]
    x.grad = None
    rows = x.unbind()
    for row in rows:
        row.retain_grad()
    torch.autograd.backward(rows[0] * rows[1] + x.sum(), inputs=rows)
    assert x.grad is None
    assert [float(row.grad) for row in rows] == [3, 2]


# --- memory --------------------------------------------------------------------------


def test_a_functions_graph_is_freed_without_the_collector(engine):
    class Sentinel:
        pass

    class Keep(Function):
        @staticmethod
        def forward(ctx, x, sentinel):
            ctx.sentinel = sentinel
            y = x.clone()
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g, None

    gc.collect()
    gc.disable()
    try:
        sentinel = Sentinel()
        reference = weakref.ref(sentinel)
        y = Keep.apply(engine.leaf([1.0]), sentinel)
        del sentinel
        assert reference() is not None
        del y
        assert reference() is None
    finally:
        gc.enable()


# --- where plugrad differs on purpose ------------------------------------------------


class Hidden(Function):
    """A saved value that is neither an input nor an output."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        slope = 2 * x
        ctx.save_for_backward(slope)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (slope,) = ctx.saved_tensors
        return g * slope


class HiddenAttribute(Function):
    """An attribute that is neither an input nor an output."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.slope = 2 * x
        return x * x

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.slope


@pytest.mark.parametrize("function", [Hidden, HiddenAttribute], ids=["saved", "attribute"])
def test_a_hidden_intermediate_is_right_to_first_order(engine, function):
    x = engine.leaf([3.0])
    function.apply(x).backward()
    assert values(x.grad) == [6]


@pytest.mark.parametrize("function", [Hidden, HiddenAttribute], ids=["saved", "attribute"])
def test_torch_alone_loses_its_second_derivative(function):
    x = TORCH.leaf([3.0])
    (g,) = torch.autograd.grad(function.apply(x) + x**3, x, create_graph=True)
    assert values(torch.autograd.grad(g, x)[0]) == [18]  # 20 is right


@pytest.mark.parametrize("function", [Hidden, HiddenAttribute], ids=["saved", "attribute"])
def test_plugrad_alone_refuses_its_second_derivative(function):
    x = PLUGRAD.leaf([3.0])
    out = function.apply(x) + x**3
    with PLUGRAD.raises(RuntimeError):
        (g,) = pg.grad(out, x, create_graph=True)
        pg.grad(g, x)


def test_plugrad_alone_a_rule_with_torchs_autograd_refuses_a_second_derivative():
    class ByTorch(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            with torch.enable_grad():
                inner = x.detach().requires_grad_()
                (gx,) = torch.autograd.grad(inner**3, inner, g.detach())
            return gx

    x = PLUGRAD.leaf([2.0])
    (g,) = pg.grad(ByTorch.apply(x), x)
    assert values(g) == [12]
    with PLUGRAD.raises(RuntimeError):
        (g,) = pg.grad(ByTorch.apply(x), x, create_graph=True)
        pg.grad(g, x)


# --- corners of ctx ------------------------------------------------------------------


def test_saved_variables_is_a_deprecated_name(engine):
    class Old(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_variables
            return 2 * g * x

    x = engine.leaf([3.0])
    y = Old.apply(x)
    with pytest.warns(DeprecationWarning, match="saved_variables"):
        y.backward()
    assert values(x.grad) == [6]


def test_save_for_forward_changes_no_backward(engine):
    class Both(Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            ctx.save_for_forward(x, y)
            return x * y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return g * y, g * x

    x, y = engine.leaf([2.0]), engine.leaf([3.0])
    Both.apply(x, y).backward()
    assert values(x.grad) == [3]


@newer_torch
def test_marking_what_is_no_input_as_dirty_is_told(engine):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.clone().view_as(x)
            ctx.mark_dirty(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g

    with engine.raises(RuntimeError, "a tensor that was not an input"):
        Wrong.apply(engine.leaf([1.0]).clone())


@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_dirty_input_is_returned_as_it_is_whether_it_requires_grad_or_not(engine, requires_grad):
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.mul_(2)
            ctx.mark_dirty(y)
            return y

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = engine.tensor(1.0).requires_grad_(requires_grad).clone()
    y = Double.apply(x)
    assert y is x
    assert values(x) == 2
    assert y.requires_grad == requires_grad


def test_a_dirty_view_whose_function_has_another_input(engine):
    class DoubleInto(Function):
        @staticmethod
        def forward(ctx, x, other):
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx, g):
            return g * 2, None

    a, b = engine.leaf([1.0]), engine.leaf(1.0)
    c = a.clone()
    out = DoubleInto.apply(c[:], b)
    out.backward()
    assert b.grad is None
    assert values(a.grad) == [2]


@newer_torch
def test_a_dirty_view_that_is_saved_is_freed_without_the_collector(engine):
    class Keep(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g

    def scope():
        x = engine.leaf(1.0).clone()
        x = x.view_as(x)
        Keep.apply(x)
        return weakref.ref(x)

    gc.collect()
    gc.disable()
    try:
        assert scope()() is None
    finally:
        gc.enable()


def test_a_rule_that_needs_its_gradient_in_memory_of_its_own(engine):
    pointers = []

    class Plus(Function):
        @staticmethod
        def forward(ctx, a, b):
            return a + b

        @staticmethod
        def backward(ctx, g):
            pointers.append(g.data_ptr())
            return g, g

    class Expanded(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.shape = x.shape
            return x.sum()

        @staticmethod
        def backward(ctx, g):
            return g.new_ones(1).expand(ctx.shape)

    a, b = engine.leaf([1.0, 2.0]), engine.leaf([1.0, 2.0])
    Expanded.apply(Plus.apply(a, b)).backward()
    assert pointers[0] not in {a.grad.data_ptr(), b.grad.data_ptr()}
    assert a.grad.data_ptr() != b.grad.data_ptr()


def test_a_second_derivative_keeps_what_the_first_needs_again(engine):
    class Other(Function):
        @staticmethod
        def forward(ctx, x):
            y = x**2
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return 2 * g * y / x

    x = engine.leaf([2.0])
    y = Other.apply(x)
    engine.grad(y, x, create_graph=True)
    (g,) = engine.grad(y, x, create_graph=True)
    assert values(g) == [4]
    assert values(engine.grad(g, x, retain_graph=True)[0]) == [2]
    assert values(engine.grad(y, x)[0]) == [4]


@pytest.mark.skipif(
    not hasattr(Function, "clear_saved_tensors_on_access"), reason="this torch has no such flag"
)
def test_saved_tensors_can_be_let_go_when_they_are_read(engine):
    alive = []

    class LetGo(Function):
        clear_saved_tensors_on_access = True

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            reference = weakref.ref(x)
            del x
            alive.append(reference() is not None)
            return g

    class ReadTwice(LetGo):
        @staticmethod
        def backward(ctx, g):
            first, second = ctx.saved_tensors, ctx.saved_tensors
            return g * len(first + second)

    LetGo.apply(engine.leaf([1.0]).clone()).backward()
    assert alive == [False]
    with engine.raises(RuntimeError, "can only be accessed once"):
        ReadTwice.apply(engine.leaf([1.0])).backward()


# --- changes in place, further -------------------------------------------------------


class Triple(Function):
    """Three times the input, in its memory."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3)

    @staticmethod
    def backward(ctx, g):
        return g * 3


def test_views_of_one_base_can_be_dirty_in_turn(engine):
    x = engine.leaf([1.0, 1.0, 1.0, 1.0])
    base = x.clone()
    front, back = base[:2], base[2:]
    for view in (front, back, front):
        assert Triple.apply(view) is view
    assert values(base) == [9, 9, 3, 3]
    base.sum().backward()
    assert values(x.grad) == [9, 9, 3, 3]


def test_a_dirty_tensors_hook_sees_the_gradient_of_what_it_was(engine):
    x, seen = engine.leaf([1.0]), []
    a = x.clone()
    a.register_hook(lambda g: seen.append(values(g)))
    a.retain_grad()
    Triple.apply(a)
    a.backward()
    assert seen == [[3]]
    assert values(a.grad) == [1]


def test_two_dirty_inputs_may_be_returned_in_another_order(engine):
    class Swapped(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.mark_dirty(a, b)
            return b.mul_(2), a.add_(1)

        @staticmethod
        def backward(ctx, gb, ga):
            return ga, gb * 2

    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    a, b = x.clone(), y.clone()
    first, second = Swapped.apply(a, b)
    assert first is b
    assert second is a
    (first * 3 + second * 5).backward()
    assert (values(x.grad), values(y.grad)) == ([5], [6])


def test_a_dirty_result_that_is_saved_has_its_second_derivative(engine):
    class Exp(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            ctx.save_for_backward(x.exp_())
            return x

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = engine.leaf([0.0, 1.0])
    y = Exp.apply(x.clone())
    (g,) = engine.grad(y.sum(), x, create_graph=True)
    assert values(g) == values(y)
    assert values(engine.grad(g.sum(), x)[0]) == values(y)


# --- what forward uses beside its arguments ------------------------------------------

#: What a forward returns, from its argument and from values that it was not passed.
_CAPTURES = {
    "a product with one that requires grad": lambda a, leaf, constant: a * leaf,
    "a product with one that does not": lambda a, leaf, constant: a * constant,
    "a view of the one that requires grad": lambda a, leaf, constant: leaf[:],
    "the one that does not": lambda a, leaf, constant: constant,
}


@pytest.mark.parametrize("returned", _CAPTURES.values(), ids=_CAPTURES)
def test_what_forward_computes_of_values_not_passed_has_its_own_rule_only(engine, returned):
    leaf, constant = engine.leaf([3.0, 3.0]), engine.tensor([2.0, 2.0])

    class Five(engine.Function):
        @staticmethod
        def forward(ctx, a):
            return returned(a, leaf, constant)

        @staticmethod
        def backward(ctx, g):
            return g * 5

    a = engine.leaf([1.0, 1.0])
    (Five.apply(a).sum() + a.sum()).backward()
    assert values(a.grad) == [6, 6]
    assert leaf.grad is None


def test_every_output_that_forward_makes_gets_a_gradient(engine):
    class Two(engine.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 2, engine.tensor([1.0, 1.0])

        @staticmethod
        def backward(ctx, g, h):
            return g * 2 + h * 5

    a = engine.leaf([1.0, 1.0])
    y, z = Two.apply(a)
    (y + z).sum().backward()
    assert values(a.grad) == [7, 7]


def test_a_parameter_of_torchs_in_forward_leaves_no_graph(engine):
    weight = torch.ones(2, requires_grad=True, dtype=torch.float64)

    class Scaled(engine.Function):
        @staticmethod
        def forward(ctx, a):
            return a * weight

        @staticmethod
        def backward(ctx, g):
            return g * 5

    a = engine.leaf([1.0, 1.0])
    y = Scaled.apply(a)
    y.sum().backward()
    assert values(a.grad) == [5, 5]
    assert weight.grad is None
    assert not getattr(y, "data", y).requires_grad


# --- vjp, the other name of backward -------------------------------------------------


def test_a_rule_may_be_called_vjp(engine):
    class Twice(engine.Function):
        @staticmethod
        def forward(ctx, a):
            return a * 2

        @staticmethod
        def vjp(ctx, g):
            return g * 2

    a = engine.leaf([1.0, 1.0])
    Twice.apply(a).sum().backward()
    assert values(a.grad) == [2, 2]


def test_backward_and_vjp_at_once_are_refused(engine):
    with engine.raises((RuntimeError, TypeError), "Implementing both 'backward' and 'vjp'"):

        class Both(engine.Function):
            @staticmethod
            def forward(ctx, a):
                return a * 2

            @staticmethod
            def backward(ctx, g):
                return g * 2

            @staticmethod
            def vjp(ctx, g):
                return g * 2

        Both.apply(engine.leaf([1.0])).backward()


@pytest.mark.parametrize("kept", ["xy", "yx", "xz", "zx", "yz", "zy"])
def test_any_two_of_operands_and_result_may_be_saved(engine, kept):
    class Product(engine.Function):
        @staticmethod
        def forward(ctx, x, y):
            z = x * y
            ctx.save_for_backward(*[{"x": x, "y": y, "z": z}[name] for name in kept])
            return z

        @staticmethod
        def backward(ctx, g):
            found = dict(zip(kept, ctx.saved_tensors, strict=True))
            x = found["x"] if "x" in found else found["z"] / found["y"]
            y = found["y"] if "y" in found else found["z"] / found["x"]
            return g * y, g * x

    x, y = engine.leaf([3.0]), engine.leaf([4.0])
    gx, gy = engine.grad((Product.apply(x, y) ** 2).sum(), (x, y), create_graph=True)
    assert (values(gx), values(gy)) == ([96], [72])
    for first, expected in ((gx, [32, 48]), (gy, [48, 18])):
        for g, value in zip(engine.grad(first, (x, y), retain_graph=True), expected, strict=True):
            close(g, [value])


def test_a_saved_output_requires_grad_as_in_torch(engine):
    """Implicit functions are differentiated at what they returned (xitorch's rootfinder)."""
    seen = []

    class Implicit(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.tanh()
            largest = y.argmax()
            ctx.mark_non_differentiable(largest)
            ctx.save_for_backward(y, largest)
            return y, largest

        @staticmethod
        def backward(ctx, g, _):
            y, largest = ctx.saved_tensors
            seen.append((y.requires_grad, largest.requires_grad))
            with torch.enable_grad():
                slope = 1 - y * y
            (second,) = torch.autograd.grad(slope, y, torch.ones_like(y))
            return g * second

    x = engine.leaf([0.5, -1.0])
    Implicit.apply(x)[0].sum().backward()
    assert seen == [(True, False)]
    close(x.grad, -2 * torch.tensor([0.5, -1.0], dtype=torch.float64).tanh())
