"""Views that a Function returns: of its input, of another output, of what forward made."""

from __future__ import annotations

import pytest
import torch

from plugrad.tests.notes.engines import values

TORCH_NAMES = True

IS_CHANGED = "is a view and is being modified inplace"
BASE_CHANGED = "is a view and its base or another view of its base has been modified inplace"
MANY = "the output of a function that returns multiple views"
CUSTOM = "This view was created inside a custom Function"


def doubling(engine, outputs, constants=()):
    """A Function of twice its input; ``outputs`` are made of the doubled tensor."""

    class Doubling(engine.Function):
        @staticmethod
        def forward(ctx, x):
            made = outputs(x * 2)
            marked = [made[i] for i in constants]
            if marked:
                ctx.mark_non_differentiable(*marked)
            return made if len(made) > 1 else made[0]

        @staticmethod
        def backward(ctx, *gradients):
            with torch.enable_grad():
                x = torch.ones(3, dtype=torch.float64, requires_grad=True)
                made = outputs(x * 2)
                given = [i for i in range(len(made)) if i not in constants]
                grads = [getattr(gradients[i], "data", gradients[i]) for i in given]
                return torch.autograd.grad([made[i] for i in given], x, grads)[0]

    return Doubling.apply


PAIRS = {
    "whole and part": lambda t: (t, t[:1]),
    "part and whole": lambda t: (t[:1], t),
    "parts that overlap": lambda t: (t[:2], t[1:]),
    "views of views": lambda t: (t.view(1, 3)[0], t.view(3, 1)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_outputs_that_share_memory_know_their_base(engine, name):
    first, second = doubling(engine, PAIRS[name])(engine.leaf([1.0, 2.0, 3.0]))
    views = [v for v in (first, second) if v._is_view()]
    assert views
    whole = next((v for v in (first, second) if not v._is_view()), first._base)
    assert all(v._base is whole for v in views)
    assert whole._base is None
    assert not any(v.is_leaf for v in (first, second))


@pytest.mark.parametrize("change", [0, 1])
@pytest.mark.parametrize("name", PAIRS)
def test_what_shares_memory_with_another_output_is_not_changed_silently(engine, name, change):
    x = engine.leaf([1.0, 2.0, 3.0])
    outputs = doubling(engine, PAIRS[name])(x)
    changed, other = outputs[change], outputs[1 - change]
    if changed._is_view():
        with engine.raises(RuntimeError, f"Output {change} of .*{IS_CHANGED}.*{MANY}"):
            changed.mul_(3)
        assert values(x.detach() * 2)[0] == values(outputs[0].flatten())[0]
    else:
        changed.mul_(3)
        with engine.raises(RuntimeError, f"Output {1 - change} of .*{BASE_CHANGED}.*{MANY}"):
            other.sum().backward()
        changed.sum().backward()
        assert values(x.grad) == [6, 6, 6]


@pytest.mark.parametrize("name", PAIRS)
def test_outputs_that_share_memory_have_their_gradients(engine, name):
    x = engine.leaf([1.0, 2.0, 3.0])
    first, second = doubling(engine, PAIRS[name])(x)
    (first.sum() + 10 * second.sum()).backward()
    expected = torch.ones(3, dtype=torch.float64, requires_grad=True)
    a, b = PAIRS[name](expected * 2)
    (a.sum() + 10 * b.sum()).backward()
    assert values(x.grad) == expected.grad.tolist()


def test_one_of_two_parts_and_the_whole(engine):
    x = engine.leaf([1.0, 2.0, 3.0])
    first, rest, whole = doubling(engine, lambda t: (t[:1], t[1:], t))(x)
    assert first._base is rest._base is whole
    with engine.raises(RuntimeError, MANY):
        first.mul_(3)
    whole.mul_(3)
    with engine.raises(RuntimeError, BASE_CHANGED):
        rest.sum().backward()


@pytest.mark.parametrize("name", PAIRS)
def test_outputs_of_a_call_that_was_not_recorded_take_nothing_that_requires_grad(engine, name):
    w = engine.leaf(3.0)
    outputs = doubling(engine, PAIRS[name])(engine.tensor([1.0, 2.0, 3.0]))
    views = [v for v in outputs if v._is_view()]
    for view in views:
        with engine.raises(RuntimeError, CUSTOM):
            view.mul_(w)
    views[0].mul_(3)  # nothing is recorded
    assert values(outputs[0].flatten())[0] in (2, 6)
    if len(views) == 1:
        whole = next(v for v in outputs if not v._is_view())
        whole.mul_(w)
        with engine.raises(RuntimeError, "its base or another view of its base"):
            views[0].sum().backward()


def test_an_output_that_is_returned_twice_is_one_object(engine):
    for x in (engine.leaf([1.0, 2.0, 3.0]), engine.tensor([1.0, 2.0, 3.0])):
        w = engine.leaf(3.0)
        first, second = doubling(engine, lambda t: (t, t))(x)
        assert first is second
        first.mul_(w)
        second.sum().backward()
        assert values(w.grad) == 12


def test_a_view_without_a_gradient_of_an_output_is_not_changed(engine):
    x = engine.leaf([1.0, 2.0, 3.0])
    double, part = doubling(engine, lambda t: (t, t[:1]), constants=(1,))(x)
    assert part.is_leaf
    assert part.requires_grad  # as its base does
    with engine.raises(RuntimeError, CUSTOM):
        part.mul_(3)
    double.sum().backward()
    assert values(x.grad) == [2, 2, 2]


def test_an_output_without_a_gradient_that_others_view_takes_its_change_with_it(engine):
    x = engine.leaf([1.0, 2.0, 3.0])
    double, part = doubling(engine, lambda t: (t, t[:1]), constants=(0,))(x)
    assert not double.requires_grad
    double.mul_(3)
    with engine.raises(RuntimeError, BASE_CHANGED):
        part.sum().backward()


def test_a_view_without_a_gradient_of_an_input_is_not_changed(engine):
    class Both(engine.Function):
        @staticmethod
        def forward(ctx, x):
            part = x[:1]
            ctx.mark_non_differentiable(part)
            return x * 2, part

        @staticmethod
        def backward(ctx, g, _):
            return 2 * g

    root = engine.leaf([1.0, 2.0])
    x = root.clone()
    _, part = Both.apply(x)
    with engine.raises(RuntimeError, CUSTOM):
        part.mul_(3)
    x.mul_(3)
    with engine.raises(RuntimeError, "its base or another view of its base"):
        part.sum().backward()


# --- views of what forward made, which nobody else sees -----------------------------------


@pytest.mark.parametrize("part", [lambda t: (t.select(0, 0),), lambda t: (t.view(3, 1),)])
def test_a_view_of_what_forward_made_cannot_be_changed(engine, part):
    x = engine.leaf([1.0, 2.0, 3.0])
    y = doubling(engine, part)(x)
    assert y._is_view()
    with engine.raises(RuntimeError, IS_CHANGED + ".*" + CUSTOM):
        y.mul_(3)
    y.sum().backward()
    assert values(x.grad)[0] == 2
    with engine.no_grad():
        y.mul_(3)
    assert torch.tensor(values(y)).flatten()[0] == 6


def test_a_view_of_what_forward_made_of_a_constant_takes_nothing_that_requires_grad(engine):
    y = doubling(engine, lambda t: (t.view(3, 1),))(engine.tensor([1.0, 2.0, 3.0]))
    assert y._is_view()
    assert not y.requires_grad
    with engine.raises(RuntimeError, CUSTOM):
        y.mul_(engine.leaf(3.0))
    y.mul_(3)
    assert values(y) == [[6], [12], [18]]


def test_a_view_that_was_made_in_no_grad_cannot_be_changed_outside(engine):
    x = engine.leaf([1.0, 2.0, 3.0])
    with engine.no_grad():
        whole, part = doubling(engine, lambda t: (t, t[:1]))(x)
        part.mul_(3)
    assert values(whole) == [6, 4, 6]
    with engine.raises(RuntimeError, "A view was created in no_grad mode"):
        part.mul_(engine.leaf(3.0))


def test_results_in_one_buffer_are_not_changed(engine):
    buffer = torch.zeros(2, dtype=torch.float64)

    class InBuffer(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return buffer[:].copy_(x)

        @staticmethod
        def backward(ctx, g):
            return g

    first = InBuffer.apply(engine.leaf([1.0, 2.0]))
    x = engine.leaf([3.0, 4.0])
    second = InBuffer.apply(x)
    with engine.raises(RuntimeError, "Output 0 of .* is a view"):
        first.mul_(3)
    second.sum().backward()
    assert values(x.grad) == [1, 1]
    with engine.raises(RuntimeError, BASE_CHANGED):  # by the second call
        first.sum().backward()


def test_results_that_a_parameter_of_torch_made_are_not_changed_silently(engine):
    weight = torch.ones(3, dtype=torch.float64, requires_grad=True)

    class Weighted(engine.Function):
        @staticmethod
        def forward(ctx, x):
            made = x * weight
            return made, made[:1]

        @staticmethod
        def backward(ctx, g, h):
            return g + torch.cat([h, 0 * h, 0 * h])

    x = engine.leaf([1.0, 2.0, 3.0])
    whole, part = Weighted.apply(x)
    assert part._base is whole
    with engine.raises(RuntimeError, MANY):
        part.mul_(3)
    (whole.sum() + part.sum()).backward()
    assert values(x.grad) == [2, 1, 1]


def test_a_changed_input_that_others_view_takes_its_change_with_it(engine):
    class Doubled(engine.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x, x[:1]

        @staticmethod
        def backward(ctx, g, h):
            return 2 * (g + torch.cat([h, 0 * h]))

    root = engine.leaf([1.0, 2.0])
    x = root.clone()
    same, part = Doubled.apply(x)
    assert same is x
    with engine.raises(RuntimeError, MANY):
        part.mul_(3)
    x.mul_(3)
    with engine.raises(RuntimeError, BASE_CHANGED):
        part.sum().backward()
    x.sum().backward()
    assert values(root.grad) == [6, 6]


@pytest.mark.parametrize("use", [torch.cov, lambda y: y * 2, lambda y: torch.tensor_split(y, 2)[0]])
def test_a_view_of_a_changed_constant_still_requires_grad_and_cannot_be_used(engine, use):
    class Second(engine.Function):
        @staticmethod
        def forward(ctx, w, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 3, None

    w, x = engine.leaf([5.0, 6.0]), engine.tensor([1.0, 2.0])
    y = Second.apply(w, x)
    x.mul_(2)
    assert y.requires_grad
    with engine.raises(RuntimeError, BASE_CHANGED):
        use(y)


def test_a_view_that_is_not_valid_any_more_can_be_shown(engine):
    x = engine.leaf([1.0, 2.0, 3.0]).clone()
    with engine.no_grad():
        view = x[:1]
    assert "grad_fn" not in repr(view)
    x.mul_(3)
    assert "grad_fn=<Invalid>" in repr(view)
    if engine.ours:
        assert "made by &lt;Invalid&gt;" in view._repr_html_()


def test_an_input_that_is_returned_in_no_grad_is_a_constant(engine):
    class Same(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g

    x = engine.leaf([1.0, 2.0]) * 2
    with engine.no_grad():
        y = Same.apply(x)
    assert y is not x
    assert not y.requires_grad
    y.fill_(3.0)
    assert values(x) == [3, 3]  # one memory
