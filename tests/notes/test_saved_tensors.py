"""Saved tensors: the hooks that pack and unpack them, and changing what was saved."""

from __future__ import annotations

import gc
import uuid
import weakref

import pytest
import torch

from plugrad.tests.notes.engines import close, raw, values

TORCH_NAMES = True


def same(x):
    return x


def hooks(engine, pack=same, unpack=same):
    return engine.graph.saved_tensors_hooks(pack, unpack)


# --- pack and unpack -----------------------------------------------------------------


def test_what_an_op_saves_is_packed_in_forward_and_unpacked_in_backward(engine):
    a, b, log = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0]), []

    def pack(x):
        log.append(("pack", values(x)))
        return x

    def unpack(x):
        log.append(("unpack", values(x)))
        return x

    with hooks(engine, pack, unpack):
        y = a * b
    assert sorted(log) == [("pack", [1, 2]), ("pack", [3, 4])]
    log.clear()
    y.sum().backward()
    assert sorted(log) == [("unpack", [1, 2]), ("unpack", [3, 4])]
    assert values(a.grad) == [3, 4]
    assert values(b.grad) == [1, 2]


def test_only_what_a_gradient_needs_is_packed(engine):
    counts = {"pack": 0, "unpack": 0}

    def pack(x):
        counts["pack"] += 1
        return x

    def unpack(x):
        counts["unpack"] += 1
        return x

    x, y = engine.leaf([1.0]), engine.tensor([2.0])
    with hooks(engine, pack, unpack):
        out = x * y  # x is not needed: y has no gradient
        assert counts == {"pack": 1, "unpack": 0}
        out.sum().backward()
    assert counts == {"pack": 1, "unpack": 1}


def test_a_tensor_saved_twice_is_packed_twice(engine):
    counts = []
    x = engine.leaf([3.0])
    with hooks(engine, lambda t: (counts.append(1), t)[1]):
        y = x * x
    assert len(counts) == 2
    y.backward()
    assert values(x.grad) == [6]


def test_a_number_is_not_packed(engine):
    def never(x):
        raise AssertionError

    x = engine.leaf([1.0, 2.0])
    with hooks(engine, never, never):
        out = (x * 3).sum()
    assert values(engine.grad(out, x)[0]) == [3, 3]


def test_what_saves_nothing_packs_nothing(engine):
    def never(x):
        raise AssertionError

    x = engine.leaf([1.0])
    with hooks(engine, never, never):
        out = x + x
    out.backward()
    assert values(x.grad) == [2]


def test_a_packed_value_may_be_anything(engine):
    x = engine.leaf([2.0, 3.0])
    with hooks(engine, lambda t: ("box", raw(t).tolist()), lambda box: engine.tensor(box[1])):
        y = x * x
    y.sum().backward()
    assert values(x.grad) == [4, 6]


def test_what_unpack_returns_is_what_backward_uses(engine):
    a = engine.leaf([1.0, 2.0])
    with hooks(engine, lambda x: 2 * x, lambda x: x / 2):
        y = a * a
    y.sum().backward()
    assert values(a.grad) == [2, 4]
    b = engine.leaf([1.0, 2.0])
    with hooks(engine, lambda x: 2 * x):
        y = b * b
    y.sum().backward()
    assert values(b.grad) == [4, 8]


def test_a_saved_result_is_packed_too(engine):
    packed = []
    a = engine.leaf([0.0])
    with hooks(engine, lambda t: (packed.append(values(t)), t)[1]):
        y = torch.exp(a)
    assert packed == [[1]]
    y.backward()
    assert values(a.grad) == [1]


def test_hooks_end_with_their_block(engine):
    a = engine.leaf([1.0, 2.0])
    with hooks(engine, lambda x: 2 * x):
        pass
    (a * a).sum().backward()
    assert values(a.grad) == [2, 4]


def test_hooks_end_with_their_block_after_an_error(engine):
    a = engine.leaf([1.0])
    with pytest.raises(ArithmeticError), hooks(engine, lambda x: 2 * x):
        raise ArithmeticError
    (a * a).backward()
    assert values(a.grad) == [2]


def test_the_innermost_hooks_count(engine):
    a, b = engine.leaf([1.0, 2.0]), engine.leaf([1.0, 2.0])
    with hooks(engine, lambda x: 3 * x, lambda x: 3 * x):
        with hooks(engine, lambda x: 5 * x, lambda x: 5 * x):
            y = a * a
        z = b * b
    y.sum().backward()
    z.sum().backward()
    assert values(a.grad) == [50, 100]
    assert values(b.grad) == [18, 36]


def test_hooks_see_the_tensor_without_recording_what_they_do_to_it(engine):
    recorded = []
    x = engine.leaf([2.0])

    def pack(t):
        recorded.append((2 * t).requires_grad)
        return t

    with hooks(engine, pack):
        y = x.sin()
    y.backward()
    assert recorded == [False]


def test_unpacking_happens_once_for_each_backward(engine):
    counts = []
    x = engine.leaf([2.0])
    with hooks(engine, unpack=lambda t: (counts.append(1), t)[1]):
        y = x.sin()
    for _ in range(3):
        y.backward(retain_graph=True)
    assert len(counts) == 3


def test_packed_values_are_freed_by_backward(engine):
    class Box:
        def __init__(self, tensor):
            self.tensor = tensor

    boxes = []

    def pack(t):
        box = Box(t.detach())
        boxes.append(weakref.ref(box))
        return box

    x = engine.leaf([2.0])
    with hooks(engine, pack, lambda box: box.tensor):
        y = x.sin()
    assert boxes[0]() is not None
    y.backward()
    gc.collect()
    assert boxes[0]() is None


def test_hooks_that_keep_tensors_on_disk(engine, tmp_path):
    def pack(t):
        name = tmp_path / str(uuid.uuid4())
        torch.save(raw(t), name)
        return name

    def unpack(name):
        return engine.tensor(torch.load(name).tolist())

    a = engine.leaf([1.0, 2.0])
    with hooks(engine, pack, unpack):
        y = a * a
    assert len(list(tmp_path.iterdir())) == 2
    y.sum().backward()
    assert values(a.grad) == [2, 4]


def test_hooks_apply_to_what_a_function_saves(engine):
    class Square(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x

    x = engine.leaf([3.0])
    with hooks(engine, lambda t: 10 * t):
        y = Square.apply(x)
    y.backward()
    assert values(x.grad) == [60]


def test_hooks_apply_to_an_intermediate_that_a_function_saves(engine):
    class Exp(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x.exp())
            return x.exp()

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    x = engine.leaf([0.0])
    with hooks(engine):
        y = Exp.apply(x)
    y.backward()
    assert values(x.grad) == [1]


def test_none_is_saved_without_being_packed(engine):
    packed = []

    class Square(engine.Function):
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
    with hooks(engine, lambda t: (packed.append(values(t)), t)[1]):
        y = Square.apply(x)
    y.backward()
    assert packed == [[3]]
    assert values(x.grad) == [6]


# --- with second derivatives ---------------------------------------------------------


def test_second_derivatives_go_through_packed_values(engine):
    a = engine.leaf([1.0, 2.0])
    with hooks(engine):
        s = (a**3).sum()
        (g,) = engine.grad(s, a, create_graph=True)
    g.sum().backward()
    assert values(a.grad) == [6, 12]


def test_second_derivatives_go_through_packed_results(engine):
    a = engine.leaf([0.0])
    with hooks(engine):
        y = a.exp()
    (g,) = engine.grad(y, a, create_graph=True)
    (gg,) = engine.grad(g, a)
    assert values(gg) == [1]


def test_a_backward_that_is_recorded_packs_what_it_saves(engine):
    counts = []
    a = engine.leaf([1.0, 2.0])
    s = (a * a * a).sum()
    with hooks(engine, lambda t: (counts.append(1), t)[1]):
        (g,) = engine.grad(s, a, create_graph=True)
    assert counts
    g.sum().backward()
    assert values(a.grad) == [6, 12]


# --- errors in hooks -----------------------------------------------------------------


class HookError(Exception):
    pass


def test_an_error_in_pack_comes_out_of_forward(engine):
    def pack(x):
        raise HookError("pack")

    a = engine.leaf(1.0)
    with hooks(engine, pack), pytest.raises(HookError, match="pack"):
        torch.sin(a)


def test_an_error_in_unpack_comes_out_of_backward(engine):
    def unpack(x):
        raise HookError("unpack")

    a = engine.leaf(1.0)
    with hooks(engine, unpack=unpack):
        out = torch.sin(a)
    with pytest.raises(HookError, match="unpack"):
        out.backward()
    assert a.grad is None


def test_unpack_must_return_a_tensor(engine):
    a = engine.leaf([1.0])
    with hooks(engine, unpack=lambda x: 1):
        y = a * a
    with engine.raises(TypeError, "unpack_hook expected to be a Tensor"):
        y.backward()


def test_pack_must_not_change_what_it_is_given(engine):
    def increment(x):
        x += 1
        return x

    a = engine.leaf([1.0])
    with (
        hooks(engine, increment),
        engine.raises(RuntimeError, "pack hook is modifying its input in place"),
    ):
        torch.exp(a)


def test_a_change_of_the_packed_value_is_the_users_own(engine):
    class Sine(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.sin()

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            before = a._version
            x.add_(1)
            assert a._version == before
            return g

    a = engine.leaf(1.0)
    replacement = a.clone()
    with hooks(engine, lambda x: replacement):
        b = Sine.apply(a)
    b.backward()
    assert values(a.grad) == 1


# --- save_on_cpu, disabling ----------------------------------------------------------


@pytest.mark.parametrize("pin_memory", [False, True])
def test_save_on_cpu_changes_no_gradient(engine, pin_memory):
    a = engine.leaf([1.0, 2.0])
    with engine.graph.save_on_cpu(pin_memory):
        y = a * a
    y.sum().backward()
    assert values(a.grad) == [2, 4]


def test_hooks_can_be_forbidden(engine):
    with (
        engine.graph.disable_saved_tensors_hooks("not here, please"),
        pytest.raises(RuntimeError, match="not here, please"),
        hooks(engine),
    ):
        pass
    with hooks(engine):  # allowed again
        pass


def test_hooks_cannot_be_forbidden_where_there_are_some(engine):
    with hooks(engine), pytest.raises(RuntimeError, match="not here, please"):  # noqa: SIM117
        with engine.graph.disable_saved_tensors_hooks("not here, please"):
            pass
    with hooks(engine):
        pass


def test_the_innermost_prohibition_speaks(engine):
    disable = engine.graph.disable_saved_tensors_hooks
    with disable("outer"):
        with disable("inner"), pytest.raises(RuntimeError, match="inner"), hooks(engine):
            pass
        with pytest.raises(RuntimeError, match="outer"), hooks(engine):
            pass
    with hooks(engine):
        pass


# --- changing what was saved ---------------------------------------------------------


def test_allow_mutation_keeps_the_value_that_was_saved(engine):
    a = engine.leaf([1.0, 2.0])
    with engine.graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        out = (b**2).sum()
        b.sin_()
        out.backward()
    close(a.grad, [2, 4])


def test_allow_mutation_keeps_it_when_a_view_is_changed(engine):
    a = engine.leaf([1.0, 2.0])
    with engine.graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        out = (b**2).sum()
        b[:1] *= 10
        out.backward()
    close(a.grad, [2, 4])


def test_allow_mutation_keeps_a_view_when_its_base_is_changed(engine):
    a = engine.leaf([1.0, 2.0])
    with engine.graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        out = (b[:] ** 2).sum()
        b *= 2
        out.backward()
    close(a.grad, [2, 4])


def test_allow_mutation_keeps_each_version(engine):
    a = engine.leaf([1.0])
    with engine.graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        first = b * b
        b.mul_(3)
        second = b * b
        b.mul_(100)
        (first + second).backward()
    close(a.grad, [2 + 2 * 9])


def test_allow_mutation_keeps_it_for_second_derivatives(engine):
    a = engine.leaf([1.0, 2.0])
    with engine.graph.allow_mutation_on_saved_tensors():
        b = a.clone()
        out = (b**2).sum()
        b.sin_()
        (g,) = engine.grad(out, a, create_graph=True)
        (gg,) = engine.grad(g.sum(), a)
    close(gg, [2, 2])


def test_allow_mutation_holds_for_backward_inside_it_only(engine):
    with engine.graph.allow_mutation_on_saved_tensors():
        out = (engine.leaf([1.0]) ** 2).sum()
    with pytest.raises((AssertionError, RuntimeError), match="allow_mutation_on_saved_tensors"):
        out.backward()


def test_allow_mutation_is_not_nested(engine):
    with (
        engine.graph.allow_mutation_on_saved_tensors(),
        pytest.raises(RuntimeError, match="cannot be nested"),
        engine.graph.allow_mutation_on_saved_tensors(),
    ):
        pass


def test_without_it_a_change_is_an_error(engine):
    b = engine.leaf([1.0]).clone()
    out = (b**2).sum()
    b.sin_()
    with engine.raises(RuntimeError, "modified by an inplace"):
        out.backward()
