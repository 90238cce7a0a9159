"""Checkpoints: a part of forward is forgotten and computed again when backward needs it."""

from __future__ import annotations

import gc
import math
import weakref
from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import set_checkpoint_early_stop

import plugrad as pg
from plugrad.tests.notes.engines import close, newer_torch, raw, values

TORCH_NAMES = True


def check(engine, fn, *args, **options):
    """The checkpoint of a call, not reentrant unless it is said."""
    return engine.checkpoint(fn, *args, **{"use_reentrant": False, **options})


def counted(fn):
    """``fn``, and the list that gets an entry for each of its calls."""
    calls = []

    def wrapped(*args, **kwargs):
        calls.append(1)
        return fn(*args, **kwargs)

    return wrapped, calls


def chain(x):
    return x.sin().exp().sin()


both_ways = pytest.mark.parametrize("use_reentrant", [False, True], ids=["plain", "reentrant"])
early_or_not = pytest.mark.parametrize("early_stop", [True, False], ids=["early stop", "no stop"])


# --- values, gradients, counts -------------------------------------------------------


@both_ways
def test_a_checkpoint_has_the_value_and_the_gradient_of_its_function(engine, use_reentrant):
    a, b = engine.leaf([0.1, 0.2]), engine.leaf([0.1, 0.2])
    out = check(engine, chain, a, use_reentrant=use_reentrant)
    expected = chain(b)
    assert values(out) == values(expected)
    out.sum().backward()
    expected.sum().backward()
    assert values(a.grad) == values(b.grad)


def test_grad_works_as_backward_does(engine):
    a = engine.leaf([0.1, 0.2])
    (g,) = engine.grad(check(engine, torch.exp, a).sum(), a)
    close(g, [math.exp(0.1), math.exp(0.2)])


@both_ways
def test_the_function_runs_twice(engine, use_reentrant):
    fn, calls = counted(chain)
    a = engine.leaf([0.5])
    out = check(engine, fn, a, use_reentrant=use_reentrant)
    assert len(calls) == 1
    out.sum().backward()
    assert len(calls) == 2


@both_ways
def test_the_function_runs_twice_with_eight_saved_tensors_and_closed_over_ones(
    engine, use_reentrant
):
    w = engine.leaf([0.7, 0.8])

    @counted
    def pair(x):
        for _ in range(4):
            x = (x * w).sin()
        return x

    fn, calls = pair
    a = engine.leaf([0.5, 0.6])
    check(engine, fn, a, use_reentrant=use_reentrant).sum().backward()
    assert len(calls) == 2
    b, v = engine.leaf([0.5, 0.6]), engine.leaf([0.7, 0.8])
    x = b
    for _ in range(4):
        x = (x * v).sin()
    x.sum().backward()
    close(a.grad, b.grad)
    close(w.grad, v.grad)


def test_the_function_runs_once_for_each_backward(engine):
    fn, calls = counted(chain)
    a = engine.leaf([0.5])
    out = check(engine, fn, a)
    for runs in (2, 3, 4):
        out.backward(retain_graph=True)
        assert len(calls) == runs


def test_the_function_does_not_run_again_without_a_backward(engine):
    fn, calls = counted(chain)
    check(engine, fn, engine.leaf([0.5]))
    check(engine, fn, engine.tensor([0.5]))
    assert len(calls) == 2


def test_where_nothing_is_saved_nothing_runs_again(engine):
    fn, calls = counted(lambda x: x.clone())
    a = engine.leaf([0.5])
    check(engine, fn, a).backward()
    assert len(calls) == 1
    assert values(a.grad) == [1]


@both_ways
def test_without_a_gradient_it_is_a_call(engine, use_reentrant):
    fn, calls = counted(chain)
    with engine.no_grad():
        out = check(engine, fn, engine.leaf([0.5]), use_reentrant=use_reentrant)
    assert not out.requires_grad
    assert len(calls) == 1


def test_a_checkpoint_of_constants_with_a_closed_over_leaf_gives_it_a_gradient(engine):
    w = engine.leaf([3.0])
    check(engine, lambda x: x * w, engine.tensor([2.0])).backward()
    assert values(w.grad) == [2]


def test_a_second_backward_needs_retain_graph(engine):
    out = check(engine, chain, engine.leaf([0.5]))
    out.backward()
    with engine.raises(RuntimeError, "retain_graph|already been freed|second time"):
        out.backward()


# --- arguments and results -----------------------------------------------------------


def test_arguments_may_be_anything_and_so_may_results(engine):
    def fn(k, a, b, f):
        return f(k * a * b.exp()), 1, "abcd"

    a, b = engine.leaf(2.0), engine.leaf(0.3)
    out, one, word = check(engine, fn, 3, a, b, lambda x: x.sin())
    assert (one, word) == (1, "abcd")
    expected = engine.grad((3 * a * b.exp()).sin(), (a, b))
    found = engine.grad(out, (a, b))
    assert [values(g) for g in found] == [values(g) for g in expected]


def test_keyword_arguments_are_passed(engine):
    def fn(a, factor=None):
        out = a.sin()
        return out if factor is None else out * factor

    a, b = engine.leaf(2.0), engine.leaf(3.0)
    ga, gb = engine.grad(check(engine, fn, a, factor=b), (a, b))
    close(ga, 3 * math.cos(2))
    close(gb, math.sin(2))


def test_arguments_in_containers_get_their_gradients(engine):
    a = engine.leaf([0.5])
    out = check(engine, lambda d: {"result": d["x"].sin()}, {"x": a})
    out["result"].backward()
    close(a.grad, [math.cos(0.5)])


@both_ways
def test_several_results(engine, use_reentrant):
    a = engine.leaf([0.5])
    s, c = check(engine, lambda x: (x.sin(), x.cos()), a, use_reentrant=use_reentrant)
    (s + 2 * c).backward()
    close(a.grad, [math.cos(0.5) - 2 * math.sin(0.5)])


def test_a_saved_argument_stays_the_same_object(engine):
    seen = []

    class Pair(engine.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(y)
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            seen.append(values(ctx.saved_tensors[0]))
            return g, None

    a, b = engine.leaf(1.0), engine.tensor(7.0)
    check(engine, Pair.apply, a, b).backward()
    assert seen == [7]


def test_modules_can_be_checkpointed(engine):
    torch.manual_seed(3)
    layer = nn.Linear(2, 2).double()
    weight = engine.tensor(raw(layer.weight).tolist()).requires_grad_()

    def fn(x):
        return torch.nn.functional.linear(x, weight).relu()

    x = engine.leaf([[1.0, -2.0]])
    out = check(engine, fn, x).sum()
    expected = torch.relu(torch.tensor([[1.0, -2.0]]).double() @ layer.weight.t()).sum()
    close(out, expected.detach())
    out.backward()
    (g,) = torch.autograd.grad(expected, layer.weight)
    close(weight.grad, g)


# --- what surrounds the function -----------------------------------------------------


@both_ways
def test_random_numbers_are_the_same_again(engine, use_reentrant):
    a = engine.leaf([1.0] * 32)
    masks = []

    def fn(x):
        mask = torch.rand(32, dtype=torch.float64) > 0.5
        masks.append(mask.tolist())
        return x * engine.tensor(mask.double().tolist()) * x

    check(engine, fn, a, use_reentrant=use_reentrant).sum().backward()
    assert masks[0] == masks[1]
    assert values(a.grad) == [2.0 * m for m in masks[0]]


def test_the_random_state_outside_is_not_moved_by_the_second_run(engine):
    a = engine.leaf([1.0])
    out = check(engine, lambda x: x * x * torch.rand(1, dtype=torch.float64).item(), a)
    state = torch.get_rng_state()
    out.backward()
    assert torch.equal(torch.get_rng_state(), state)


def test_random_numbers_may_be_left_alone(engine):
    a = engine.leaf([1.0])
    drawn = []

    def fn(x):
        drawn.append(torch.rand(1).item())
        return x.sin()

    check(engine, fn, a, preserve_rng_state=False).backward()
    assert drawn[0] != drawn[1]


@both_ways
def test_autocast_is_the_same_again(engine, use_reentrant):
    dtypes = []

    def fn(x, y):
        z = torch.mm(x, y)
        dtypes.append(z.dtype)
        return torch.mm(z, y)

    x = engine.leaf([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float32)
    y = engine.leaf([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = check(engine, fn, x, y, use_reentrant=use_reentrant)
    out.float().sum().backward()
    assert dtypes == [torch.bfloat16, torch.bfloat16]
    assert values(x.grad) == [[1, 1], [1, 1]]
    assert x.grad.dtype is torch.float32


def test_the_grad_mode_is_the_same_again(engine):
    modes = []

    def fn(x):
        modes.append(engine.is_grad_enabled())
        return x.sin()

    check(engine, fn, engine.leaf([1.0])).backward()
    assert modes == [True, True]


def test_a_part_in_no_grad_stays_a_constant(engine):
    def fn(x):
        with engine.no_grad():
            factor = x * 10
        return factor * x

    a = engine.leaf([2.0])
    check(engine, fn, a).backward()
    assert values(a.grad) == [20]


# --- nested, in graphs, of graphs ----------------------------------------------------


@early_or_not
def test_checkpoints_can_be_nested(engine, early_stop):
    def inner(x):
        return check(engine, chain, x) * x

    with set_checkpoint_early_stop(early_stop):
        a = engine.leaf([0.3])
        check(engine, inner, a).backward()
    b = engine.leaf([0.3])
    (chain(b) * b).backward()
    close(a.grad, b.grad)


@early_or_not
def test_checkpoints_three_deep(engine, early_stop):
    def nest(depth):
        if depth == 0:
            return chain
        return lambda x: check(engine, nest(depth - 1), x.sin())

    def plain(x, depth):
        for _ in range(depth):
            x = x.sin()
        return chain(x)

    with set_checkpoint_early_stop(early_stop):
        a = engine.leaf([0.3])
        check(engine, nest(3), a).backward()
    b = engine.leaf([0.3])
    plain(b, 3).backward()
    close(a.grad, b.grad)


@early_or_not
def test_derivatives_of_checkpoints_of_derivatives(engine, early_stop):
    def grad(fn):
        def wrapper(x):
            with engine.enable_grad():
                (g,) = engine.grad(fn(x), x, create_graph=True)
            return g

        return wrapper

    def c(fn):
        return lambda x: check(engine, fn, x)

    with set_checkpoint_early_stop(early_stop):
        x = engine.leaf(0.4)
        for expected_fn, actual_fns in (
            (grad(chain), (grad(c(chain)), grad(c(c(chain))))),
            (grad(grad(chain)), (grad(c(grad(chain))), grad(c(grad(c(chain)))))),
        ):
            expected = expected_fn(x)
            for actual_fn in actual_fns:
                close(actual_fn(x), raw(expected))


@early_or_not
def test_two_checkpoints_in_one(engine, early_stop):
    def g(x):
        return x.cos().sin().exp()

    def both(x):
        return check(engine, g, check(engine, chain, x))

    with set_checkpoint_early_stop(early_stop):
        a = engine.leaf([0.1, 0.2])
        check(engine, both, a).sum().backward()
    b = engine.leaf([0.1, 0.2])
    g(chain(b)).sum().backward()
    close(a.grad, b.grad)


def test_second_derivatives_go_through_a_checkpoint(engine):
    a = engine.leaf([0.5])
    (g,) = engine.grad(check(engine, lambda x: x**3, a), a, create_graph=True)
    (gg,) = engine.grad(g, a)
    close(g, [0.75])
    close(gg, [3.0])


def test_backward_may_run_inside_the_function(engine):
    def fn(x):
        y = x.sin()
        (g,) = engine.grad(y, x, create_graph=True)
        return y * g

    a, b = engine.leaf([0.5]), engine.leaf([0.5])
    check(engine, fn, a).backward()
    fn(b).backward()
    close(a.grad, b.grad)


def test_backward_inside_a_hook_of_a_checkpoints_graph(engine):
    a = engine.leaf(1.0)

    def fn(x):
        y = x.sin().cos()
        return y, y.sin()

    y, out = check(engine, fn, a)
    out.register_hook(lambda g: y.backward(retain_graph=True) and None)
    out.backward()
    dy = -math.sin(math.sin(1)) * math.cos(1)
    close(a.grad, dy + dy * math.cos(math.cos(math.sin(1))))


def test_the_graph_that_is_walked_is_the_first_one(engine):
    counts = []
    a = engine.leaf(1.0)
    out = check(engine, lambda x: x.sin().cos().sin(), a)
    out.grad_fn.next_functions[0][0].register_hook(lambda gi, go: counts.append(1) and None)
    out.backward()
    assert counts == [1]


def test_a_hook_of_a_leaf_used_inside_and_outside_runs_once(engine):
    w, x = engine.leaf([2.0]), engine.leaf([3.0])
    counts = []
    w.register_hook(lambda g: counts.append(values(g)))
    h = w * x
    check(engine, lambda t: w * t, h).backward()
    assert counts == [[12]]
    assert values(w.grad) == [12]


def test_two_backward_passes_through_parts_of_one_checkpoint(engine):
    fn, calls = counted(lambda x: (x.sin(), x.exp()))
    a = engine.leaf([0.5])
    s, e = check(engine, fn, a)
    s.backward(retain_graph=True)
    e.backward()
    close(a.grad, [math.cos(0.5) + math.exp(0.5)])
    assert len(calls) == 3


# --- early stop ----------------------------------------------------------------------


@newer_torch
def test_the_second_run_ends_with_the_last_saved_tensor(engine):
    tail, calls = counted(lambda x: x.clone())

    def fn(x):
        return tail(x.sin().cos())

    def run(**options):
        calls.clear()
        check(engine, fn, engine.leaf(1.0), **options).backward()
        return len(calls)

    assert run() == 1
    assert run(early_stop=True) == 1
    assert run(early_stop=False) == 2


@newer_torch
def test_early_stop_can_be_set_for_all_checkpoints_made_in_a_block(engine):
    tail, calls = counted(lambda x: x.clone())

    def fn(x):
        return tail(x.sin().cos())

    with set_checkpoint_early_stop(False):
        out = check(engine, fn, engine.leaf(1.0))
    out.backward()
    assert len(calls) == 2
    calls.clear()
    with set_checkpoint_early_stop(False), set_checkpoint_early_stop(True):
        out = check(engine, fn, engine.leaf(1.0), early_stop=False)
    out.backward()
    assert len(calls) == 1


def test_early_stop_can_be_turned_off_in_a_block(engine):
    tail, calls = counted(lambda x: x.clone())
    with set_checkpoint_early_stop(False):
        out = check(engine, lambda x: tail(x.sin().cos()), engine.leaf(1.0))
    out.backward()
    assert len(calls) == 2


# --- several backwards as one --------------------------------------------------------


@newer_torch
def test_a_group_of_backwards_runs_the_function_once(engine):
    fn, calls = counted(lambda x: (x.sin(), x.cos(), x.exp()))
    x = engine.leaf([0.5])
    a, b, c = check(engine, fn, x)
    with torch.utils.checkpoint.GraphExecGroup():
        a.sum().backward(retain_graph=True)
        b.sum().backward(retain_graph=True)
    assert len(calls) == 2
    c.sum().backward()
    assert len(calls) == 3
    close(x.grad, x.detach().cos() - x.detach().sin() + x.detach().exp())


@newer_torch
def test_two_backwards_of_a_group_that_overlap(engine):
    """torch refuses them; plugrad runs the function once more."""
    fn, calls = counted(lambda x: x.sin().cos())
    x = engine.leaf([0.5])
    out = check(engine, fn, x).sum()
    with torch.utils.checkpoint.GraphExecGroup():
        out.backward(retain_graph=True)
        if not engine.ours:
            with pytest.raises(RuntimeError, match="two backward calls that overlap"):
                out.backward()
            return
        out.backward()
    assert len(calls) == 3
    close(x.grad, -2 * x.detach().sin().sin() * x.detach().cos())


# --- what differs in the second run --------------------------------------------------


def changing(first, then):
    """A function that is another the second time."""
    runs = []

    def fn(x):
        runs.append(1)
        return (first if len(runs) == 1 else then)(x)

    return fn


def test_fewer_saved_tensors_in_the_second_run_are_an_error(engine):
    fn = changing(lambda x: x.sin().exp().sin(), lambda x: x.sin().exp())
    out = check(engine, fn, engine.leaf([0.5]))
    with engine.raises(RuntimeError, "A different number of tensors was saved"):
        out.backward()


@newer_torch
def test_more_saved_tensors_are_an_error_unless_it_stops_early(engine):
    def run(**options):
        fn = changing(lambda x: x.sin().exp(), lambda x: x.sin().exp().sin())
        a = engine.leaf([0.5])
        check(engine, fn, a, **options).backward()
        return a

    with engine.raises(RuntimeError, "trying to save more tensors during recomputation"):
        run(early_stop=False)
    close(run().grad, [math.exp(math.sin(0.5)) * math.cos(0.5)])


def test_a_saved_tensor_of_another_shape_is_an_error(engine):
    fn = changing(lambda x: x.sin().exp(), lambda x: x.sin() * engine.tensor([1.0, 2.0]))
    out = check(engine, fn, engine.leaf([0.5]))
    with engine.raises(RuntimeError, "different metadata"):
        out.backward()


def test_determinism_check_none_does_not_compare_shapes(engine):
    fn = changing(lambda x: x.sin(), lambda x: x.sin())
    a = engine.leaf([0.5])
    check(engine, fn, a, determinism_check="none").backward()
    close(a.grad, [math.cos(0.5)])


def test_an_error_of_the_second_run_comes_out(engine):
    def fails(x):
        raise ArithmeticError("on purpose")

    a = engine.leaf([0.5])
    out = check(engine, changing(chain, fails), a)
    with pytest.raises(ArithmeticError, match="on purpose"):
        out.backward()
    assert a.grad is None


def test_an_error_of_the_first_run_comes_out(engine):
    def fails(x):
        raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError, match="on purpose"):
        check(engine, fails, engine.leaf([0.5]))
    gc.collect()  # torch's hooks end with a generator that the error holds
    a, b = engine.leaf([0.5]), engine.leaf([0.5])
    chain(a).backward()
    check(engine, chain, b).backward()
    assert values(a.grad) == values(b.grad)


# --- options -------------------------------------------------------------------------


def test_two_contexts_surround_the_two_runs(engine):
    log = []

    class Context:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            log.append(f"+{self.name}")

        def __exit__(self, *_):
            log.append(f"-{self.name}")

    out = check(
        engine, chain, engine.leaf([0.5]), context_fn=lambda: (Context("first"), Context("again"))
    )
    assert log == ["+first", "-first"]
    out.backward()
    assert log == ["+first", "-first", "+again", "-again"]


def test_torchs_contexts_need_the_plain_way(engine):
    if engine.name == "plugrad":  # whose two ways are one
        contexts = {"context_fn": lambda: (nullcontext(), nullcontext())}
        check(engine, chain, engine.leaf([0.5]), use_reentrant=True, **contexts).backward()
        return
    with pytest.raises((ValueError, TypeError), match="use_reentrant=False"):
        check(
            engine,
            chain,
            engine.leaf([0.5]),
            use_reentrant=True,
            context_fn=lambda: (None, None),
        )


def test_an_unknown_keyword_is_refused_in_the_reentrant_way(engine):
    with pytest.raises((ValueError, TypeError)):
        check(engine, chain, engine.leaf([0.5]), use_reentrant=True, nonsense=1)


# --- sequences -----------------------------------------------------------------------


@both_ways
@pytest.mark.parametrize("segments", [1, 2, 3])
def test_a_sequence_is_checkpointed_in_segments(engine, segments, use_reentrant):
    functions = [torch.sin, torch.exp, torch.cos, torch.tanh]
    counts = [0] * 4

    def step(i):
        def run(x):
            counts[i] += 1
            return functions[i](x)

        return run

    a, b = engine.leaf([0.5, 0.6]), engine.leaf([0.5, 0.6])
    steps = [step(i) for i in range(4)]
    out = engine.checkpoint_sequential(steps, segments, a, use_reentrant=use_reentrant)
    expected = b
    for function in functions:
        expected = function(expected)
    assert values(out) == values(expected)
    out.sum().backward()
    expected.sum().backward()
    close(a.grad, b.grad)
    assert counts[3] == 1  # the last segment is not checkpointed
    if segments > 1:
        assert counts[0] == 2


def test_a_sequence_may_be_a_module(engine):
    model = nn.Sequential(nn.Tanh(), nn.ReLU(), nn.Sigmoid())
    a = engine.leaf([0.5, 0.6])
    out = engine.checkpoint_sequential(model, 2, a, use_reentrant=False)
    close(out, torch.sigmoid(torch.tanh(torch.tensor([0.5, 0.6], dtype=torch.float64))))
    out.sum().backward()
    assert a.grad is not None


# --- memory --------------------------------------------------------------------------


def test_what_lies_inside_is_not_kept(engine):
    references = []

    def fn(x):
        y = x.sin()
        references.append(weakref.ref(y))
        return y.exp().exp()

    out = check(engine, fn, engine.leaf([0.5]))
    gc.collect()
    assert references[0]() is None
    out.backward()
    gc.collect()
    assert references[1]() is None


def test_a_dropped_checkpoint_frees_its_function(engine):
    class Sentinel:
        pass

    def scope():
        sentinel = Sentinel()

        def fn(x, held=sentinel):
            return x.sin().exp()

        out = check(engine, fn, engine.leaf([0.5]))
        return out, weakref.ref(sentinel)

    out, reference = scope()
    assert reference() is not None
    del out
    gc.collect()
    assert reference() is None


def test_save_on_cpu_outside_and_inside_of_a_checkpoint(engine):
    a = engine.leaf([1.1, 1.2])
    with engine.graph.save_on_cpu():
        out = check(engine, lambda x: x.pow(2).pow(2), a.pow(2)).pow(2)
    (outside,) = engine.grad(out.sum(), a)

    def fn(x):
        with engine.graph.save_on_cpu():
            x = x.pow(2).pow(2).pow(2)
        return x.pow(2)

    (inside,) = engine.grad(check(engine, fn, a).sum(), a)
    for g in (outside, inside):
        torch.testing.assert_close(raw(g), 16 * raw(a) ** 15)


@newer_torch
def test_saved_tensors_hooks_outside_see_only_what_lies_outside(engine):
    packed = []
    a = engine.leaf([0.5])
    with engine.graph.saved_tensors_hooks(lambda t: (packed.append(1), t)[1], lambda t: t):
        out = check(engine, chain, a.sin())
    assert len(packed) in {1, 2}  # torch packs the argument too
    out.backward()
    b = engine.leaf([0.5])
    chain(b.sin()).backward()
    close(a.grad, b.grad)


# --- plain tensors that require grad, inside of the function --------------------------


def plain_leaf(*numbers):
    """A tensor of torch's own that requires grad: torch saves what is computed from it."""
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


def among_plain(x):
    """Values of ``x`` between those of plain tensors; all that is saved has the same shape."""
    a, b = plain_leaf(2.0, 3.0), plain_leaf(0.5, 0.25)
    x = x.sin() * a.exp().detach()
    c = (a * b).sin()
    x = x.exp() * c.detach()
    return x.cos() * (c.exp() * b).detach()


def of_other_shapes(x):
    a, b = plain_leaf(2.0), plain_leaf(1.0, 2.0, 3.0)
    x = x.sin() * a.exp().detach()
    x = x.exp() * b.exp().sin().sum().detach()
    return x.cos() * (a * b).exp()[0].detach()


def begins_with_plain(x):
    return x * plain_leaf(1.0, 2.0).exp().sin().detach().exp() * x.sin()


def ends_with_plain(x):
    return x.sin().exp() + plain_leaf(1.0, 2.0).exp().sin().detach()


with_plain = pytest.mark.parametrize(
    "fn", [among_plain, of_other_shapes, begins_with_plain, ends_with_plain]
)


@early_or_not
@both_ways
@with_plain
def test_what_torch_saves_of_plain_tensors_shifts_nothing(engine, fn, use_reentrant, early_stop):
    """Torch's own saved tensors were counted in the second run only."""
    a, b = engine.leaf([0.1, 0.2]), engine.leaf([0.1, 0.2])
    with set_checkpoint_early_stop(early_stop):
        check(engine, fn, a, use_reentrant=use_reentrant).sum().backward()
    fn(b).sum().backward()
    close(a.grad, b.grad)


@early_or_not
@with_plain
def test_plain_tensors_in_nested_checkpoints(engine, fn, early_stop):
    def nest(depth):
        def each(x):
            p = plain_leaf(0.3, 0.4)
            x = x.sin() * (p.exp() * p).detach()
            x = check(engine, nest(depth - 1), x) if depth else fn(x)
            return x.exp() * p.cos().exp().detach()

        return each

    a, b = engine.leaf([0.1, 0.2]), engine.leaf([0.1, 0.2])
    with set_checkpoint_early_stop(early_stop):
        check(engine, nest(2), a).sum().backward()
    close(a.grad, engine.grad(_not_checkpointed(engine, nest(2), b).sum(), b)[0])


def _not_checkpointed(engine, fn, x):
    """The call with each checkpoint in it replaced by a call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "check", lambda engine, fn, *args: fn(*args))
        return fn(x)


@early_or_not
@pytest.mark.parametrize("depth", [0, 1])
def test_plain_arguments_of_nested_checkpoints(engine, depth, early_stop):
    """torch packs them as it packs saved tensors; it did so with the outer checkpoint's hooks."""
    mask, p = torch.tensor([1.0, 0.5], dtype=torch.float64), plain_leaf(0.3, 0.4)

    def inner(x, mask, p):
        y = x.sin() * mask * p.exp().detach()
        return check(engine, inner_most, y, mask, p) if depth else y.exp()

    def inner_most(x, mask, p):
        return x.exp() * (mask * p).sin().detach()

    def outer(x, mask, p):
        return check(engine, inner, x.cos(), mask.exp(), p).cos() * mask

    a, b = engine.leaf([0.1, 0.2]), engine.leaf([0.1, 0.2])
    with set_checkpoint_early_stop(early_stop):
        check(engine, outer, a, mask, p).sum().backward()
    y = _not_checkpointed(engine, lambda x: outer(x, mask, p), b)
    y.sum().backward()
    close(a.grad, b.grad)


@early_or_not
@pytest.mark.parametrize("first", ["plain", "other"])
@pytest.mark.parametrize("depth", [1, 2])
def test_torch_differentiates_the_plain_part(engine, first, depth, early_stop):
    w = plain_leaf(0.7, 0.8)

    def fn(x):
        p = plain_leaf(2.0, 3.0)
        x = x.sin() * (w * p).exp().detach()
        y = (w.sin() * p).exp()
        return x.exp() * y.detach(), y.cos() * w, p

    def run(x, checkpointed):
        w.grad = None
        call = fn
        for _ in range(depth * checkpointed):
            call = lambda x, f=call: check(engine, f, x)  # noqa: E731
        out, plain, p = call(x)
        assert type(plain) is torch.Tensor
        out, plain = out.sum(), plain.sum()
        for each in (plain, out) if first == "plain" else (out, plain):
            each.backward()
        return values(x.grad), w.grad.tolist(), p.grad.tolist()

    with set_checkpoint_early_stop(early_stop):
        found = run(engine.leaf([0.1, 0.2]), True)
    assert found == run(engine.leaf([0.1, 0.2]), False)


def test_torch_differentiates_the_plain_part_again(engine):
    w, calls = plain_leaf(0.7, 0.8), []

    def fn(x):
        calls.append(1)
        y = (w.sin() * w).exp()
        return x.exp() * y.detach() * x, y.cos() * w

    x = engine.leaf([0.1, 0.2])
    out, plain = check(engine, fn, x)
    (g,) = torch.autograd.grad(plain.sum(), w, create_graph=True)
    (gg,) = torch.autograd.grad(g.sum(), w)
    plain = fn(x)[1]
    (expected,) = torch.autograd.grad(plain.sum(), w, create_graph=True)
    close(g, expected)
    close(gg, torch.autograd.grad(expected.sum(), w)[0])
    engine.backward(out.sum())
    close(x.grad, (1 + x.detach()) * x.detach().exp() * (w.sin() * w).exp().detach())


def test_a_backward_of_a_plain_part_inside_of_the_function(engine):
    def fn(x):
        p = plain_leaf(2.0, 3.0)
        x = x.sin()
        y = (p * p).exp().sin()
        y.sum().backward()
        return x.exp() * p.grad * y.detach()

    for early_stop in (True, False):
        a, b = engine.leaf([0.1, 0.2]), engine.leaf([0.1, 0.2])
        with set_checkpoint_early_stop(early_stop):
            check(engine, fn, a).sum().backward()
        fn(b).sum().backward()
        close(a.grad, b.grad)


class Biased(nn.Module):
    """As T5: a leaf that its forward makes, and what torch computes from it, meet its input."""

    def __init__(self, log):
        super().__init__()
        self.log = log

    def forward(self, x):
        self.log.append(1)
        bias = torch.full((2,), 0.5, dtype=torch.float64)
        bias.requires_grad = True
        where = torch.where(torch.tensor([True, False]), bias, bias.exp())
        y = x.sin() * where
        y = y.exp() * where.sin()
        self.bias = bias
        return y.cos() * bias.exp()


@both_ways
@early_or_not
def test_a_modules_own_leaf_in_a_checkpoint(engine, use_reentrant, early_stop):
    """Both graphs are differentiated, and the function runs once more for both."""
    log, expected = [], Biased([])
    module = Biased(log)
    a, b = engine.leaf([0.1, 0.2]), engine.leaf([0.1, 0.2])
    with set_checkpoint_early_stop(early_stop):
        out = check(engine, module, a, use_reentrant=use_reentrant)
    first = module.bias
    out.sum().backward()
    expected(b).sum().backward()
    close(a.grad, b.grad)
    if not use_reentrant:  # in torch, the first run of the reentrant way has no graph
        close(first.grad, expected.bias.grad)
    assert len(log) == 2


def test_what_to_keep_can_be_chosen_by_op_among_plain_tensors(engine):
    """Each op may run again once only: both graphs have what one run computes."""
    from functools import partial

    from torch.utils.checkpoint import create_selective_checkpoint_contexts

    kept = [torch.ops.aten.exp.default]
    contexts = {"context_fn": partial(create_selective_checkpoint_contexts, kept)}
    for fn in (among_plain, Biased([])):
        a, b = engine.leaf([0.1, 0.2]), engine.leaf([0.1, 0.2])
        check(engine, fn, a, **contexts).sum().backward()
        fn(b).sum().backward()
        close(a.grad, b.grad)


def test_contexts_surround_both_runs_of_a_function_with_plain_tensors(engine):
    log = []

    class Context:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            log.append(self.name)

        def __exit__(self, *_):
            pass

    a, b = engine.leaf([0.1, 0.2]), engine.leaf([0.1, 0.2])
    out = check(engine, among_plain, a, context_fn=lambda: (Context("first"), Context("again")))
    out.sum().backward()
    among_plain(b).sum().backward()
    close(a.grad, b.grad)
    assert log == ["first", "again"]


@early_or_not
@pytest.mark.parametrize("mode", ["default", "none"])
def test_what_differs_of_a_plain_tensor_is_noticed(engine, early_stop, mode):
    def fn(numbers):
        def with_live(x):
            y = plain_leaf(*numbers).exp()
            return x.sin() * y.sum().detach() * x, y

        return with_live

    changes = changing(fn([1.0, 2.0]), fn([1.0, 2.0, 3.0]))
    with set_checkpoint_early_stop(early_stop):
        out, _y = check(engine, changes, engine.leaf([0.5]), determinism_check=mode)
    if mode == "none":
        out.backward()
    else:
        with engine.raises(RuntimeError, "different metadata"):
            out.backward()


@newer_torch
def test_a_group_of_backwards_with_plain_tensors(engine):
    w = plain_leaf(0.5, 0.6)

    def fn(x):
        y = w.sin().exp()
        return x.sin().exp() * y.detach(), y.cos()

    x = engine.leaf([0.1, 0.2])
    out, plain = check(engine, fn, x)
    with torch.utils.checkpoint.GraphExecGroup():
        out.sum().backward(retain_graph=True)
        plain.sum().backward()
    found = values(x.grad), w.grad.tolist()
    x.grad = w.grad = None
    for each in fn(x):
        each.sum().backward()
    assert found == (values(x.grad), w.grad.tolist())


@both_ways
def test_what_torch_saved_of_plain_tensors_is_freed_without_the_collector(engine, use_reentrant):
    references = []

    def fn(x):
        y = plain_leaf(2.0, 3.0).exp()
        references.append(weakref.ref(y))
        return x.sin().exp() * y.detach().sin(), y

    gc.collect()
    gc.disable()
    try:
        x = engine.leaf([0.1, 0.2])
        out, y = check(engine, fn, x, use_reentrant=use_reentrant)
        out.sum().backward()
        del y
        assert [r() for r in references] == [None, None]
    finally:
        gc.enable()


# --- arguments that are changed between the two runs ---------------------------------


def _changed_after(engine, a, use_reentrant):
    b = a.clone()
    out = check(engine, torch.sin, b, use_reentrant=use_reentrant)
    b.mul_(2)
    return out


def _leaf_changed_after(engine, a, use_reentrant):
    out = check(engine, torch.sin, a, use_reentrant=use_reentrant)
    with engine.no_grad():
        a.mul_(2)
    return out


def _changed_through_a_view(engine, a, use_reentrant):
    b = a.clone()
    out = check(engine, torch.sin, b, use_reentrant=use_reentrant)
    b[0].mul_(2)
    return out


def _constant_changed_after(engine, a, use_reentrant):
    c = engine.tensor([1.0, 2.0])
    out = check(engine, lambda x, c: x.sin() * c, a, c, use_reentrant=use_reentrant)
    c.mul_(2)
    return out


def _integers_changed_after(engine, a, use_reentrant):
    c = engine.tensor([1, 2])
    out = check(engine, lambda x, c: x.sin() * c, a, c, use_reentrant=use_reentrant)
    c.mul_(2)
    return out


def _tensor_changed_after(engine, a, use_reentrant):
    c = torch.tensor([1.0, 2.0], dtype=torch.float64)
    out = check(engine, lambda x, c: x.sin() * c, a, c, use_reentrant=use_reentrant)
    c.mul_(2)
    return out


def _nested_changed_after(engine, a, use_reentrant):
    b = a.clone()

    def inner(x):
        return check(engine, torch.sin, x, use_reentrant=False).exp()

    out = check(engine, inner, b, use_reentrant=use_reentrant)
    b.mul_(2)
    return out


def test_an_argument_that_the_function_changes_is_refused(engine):
    a = engine.leaf([0.5, 1.0])
    out = check(engine, lambda x: x.mul_(2).sin(), a.clone())
    with engine.raises(RuntimeError, "modified by an inplace operation"):
        out.sum().backward()
    assert a.grad is None


@both_ways
@pytest.mark.parametrize(
    "change",
    [
        _changed_after,
        _leaf_changed_after,
        _changed_through_a_view,
        _constant_changed_after,
        _integers_changed_after,
        _tensor_changed_after,
        _nested_changed_after,
    ],
)
def test_a_changed_argument_is_refused(engine, change, use_reentrant):
    a = engine.leaf([0.5, 1.0])
    out = change(engine, a, use_reentrant)
    with engine.raises(RuntimeError, "modified by an inplace operation"):
        out.sum().backward()
    assert a.grad is None


@newer_torch
def test_a_changed_argument_may_be_kept_as_it_was(engine):
    def run(a):
        b = a.clone()
        out = check(engine, torch.sin, b)
        b.mul_(2)
        return out.sum()

    a = engine.leaf([0.5, 1.0])
    with engine.graph.allow_mutation_on_saved_tensors():
        run(a).backward()
    close(a.grad, [math.cos(0.5), math.cos(1.0)])
    a = engine.leaf([0.5, 1.0])
    with engine.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        run(a).backward()
    close(a.grad, [math.cos(0.5), math.cos(1.0)])


# --- where the reentrant way differs in torch, and plugrad's does not ----------------


def test_torch_alone_the_reentrant_way_refuses_grad():
    a = torch.tensor([0.5], requires_grad=True)
    out = torch.utils.checkpoint.checkpoint(torch.exp, a, use_reentrant=True)
    with pytest.raises(RuntimeError, match="incompatible"):
        torch.autograd.grad(out, a)


@pytest.mark.parametrize("checkpoint", ["ours", "torchs"])
def test_plugrad_alone_the_reentrant_way_is_the_plain_way(checkpoint):
    run = pg.checkpoint if checkpoint == "ours" else torch.utils.checkpoint.checkpoint
    a = pg.Variable(torch.tensor([0.5]), requires_grad=True)
    out = run(torch.exp, a, use_reentrant=True)
    (g,) = pg.grad(out, a)
    torch.testing.assert_close(g.data, torch.exp(torch.tensor([0.5])))


# --- what torch's module has beside --------------------------------------------------


def test_torchs_checkpoint_wants_to_be_told_which_way(engine):
    if engine.name == "plugrad":
        pytest.skip("pg.checkpoint has one way")
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        engine.checkpoint(lambda x: x * 1, engine.leaf([1.0]))
    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        engine.checkpoint_sequential([torch.sin, torch.cos], 2, engine.leaf([1.0]))


def test_plugrad_alone_needs_not_be_told_which_way():
    a = pg.Variable(torch.tensor([0.5]), requires_grad=True)
    pg.checkpoint(torch.sin, a).backward()
    torch.testing.assert_close(a.grad.data, torch.cos(torch.tensor([0.5])))


@early_or_not
def test_graphs_with_checkpoints_are_freed_without_the_collector(engine, early_stop):
    class Sentinel:
        pass

    def grad(fn):
        def wrapper(x):
            with engine.enable_grad():
                (g,) = engine.grad(fn(x), x, create_graph=True)
            return g

        return wrapper

    def c(fn):
        return lambda x: check(engine, fn, x)

    def alive(fn):
        out = fn(engine.leaf(0.4))
        references, seen, queue = [], set(), [out.grad_fn]
        while queue:
            node = queue.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            sentinel = Sentinel()
            node.metadata["mine"] = sentinel
            references.append(weakref.ref(sentinel))
            queue += [following for following, _ in node.next_functions]
        return references

    gc.collect()
    gc.disable()
    try:
        with set_checkpoint_early_stop(early_stop):
            for fn in (c(chain), c(c(chain)), grad(c(chain)), grad(c(grad(c(chain))))):
                references = alive(fn)
                assert references
                assert [r() for r in references] == [None] * len(references)
    finally:
        gc.enable()


def test_what_to_keep_can_be_chosen_by_op(engine):
    from functools import partial

    from torch.utils.checkpoint import create_selective_checkpoint_contexts

    kept = [torch.ops.aten.mm.default]
    a = engine.leaf([[0.1, 0.2], [0.3, 0.4]])
    b = engine.leaf([[0.1, 0.2], [0.3, 0.4]])

    def fn(x):
        return torch.mm(x.cos(), x).sin()

    check(
        engine, fn, a, context_fn=partial(create_selective_checkpoint_contexts, kept)
    ).sum().backward()
    fn(b).sum().backward()
    close(a.grad, b.grad)


@pytest.fixture
def unlogged(monkeypatch):
    """pytest's own logging cannot format what torch's debug mode logs."""
    monkeypatch.setattr("_pytest.logging.LogCaptureHandler.emit", lambda handler, record: None)


def differs(engine, **options):
    fn = changing(lambda x: x.sin().exp() * 2, lambda x: x.sin() * 2)
    return check(engine, fn, engine.leaf([1.0, 2.0]), **options).sum()


def test_debug_lists_the_ops_of_both_runs(engine, unlogged):
    y = differs(engine, debug=True)
    with engine.raises(RuntimeError, "because you passed `debug=True`") as caught:
        y.backward()
    said = str(caught.value)
    assert "aten.sin.default($0)   (1 of 3 in original)" in said
    assert "aten.exp.default($1)   (2 of 3 in original)" in said
    assert " in recompute)" in said
    assert "test_checkpoint.py" in said


def test_debug_may_be_on_for_all(engine, unlogged):
    with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):
        y = differs(engine)
    with engine.raises(RuntimeError, "because you passed `debug=True`"):
        y.backward()
    with torch.utils.checkpoint.set_checkpoint_debug_enabled(False):
        y = differs(engine, debug=True)
    with engine.raises(RuntimeError, "A different number of tensors") as caught:
        y.backward()
    assert "aten.sin" not in str(caught.value)


def test_debug_changes_no_gradient(engine, unlogged):
    x = engine.leaf([1.0, 2.0])
    engine.checkpoint(lambda x: x.sin().exp(), x, use_reentrant=False, debug=True).sum().backward()
    close(x.grad, x.cos() * x.sin().exp())


def test_debug_takes_no_context_fn(engine):
    x = engine.leaf([1.0, 2.0])
    with engine.raises(ValueError, "debug=True is incompatible with non-default context_fn"):
        check(engine, chain, x, debug=True, context_fn=lambda: (nullcontext(), nullcontext()))
