"""Saved tensors that are computed again."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
import torch.utils.checkpoint

import plugrad as pg


class ReadsTwice(pg.Function):
    """A rule that looks at its saved tensors, and then takes them."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        if not ctx.saved_tensors:
            return None
        (x,) = ctx.saved_tensors
        return 2 * g * x


CHECKPOINTS = {
    "pg": pg.checkpoint,
    "torch": lambda f, *a: torch.utils.checkpoint.checkpoint(f, *a, use_reentrant=False),
    "torch, reentrant": lambda f, *a: torch.utils.checkpoint.checkpoint(f, *a, use_reentrant=True),
}


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
@pytest.mark.parametrize("how", ["backward", "grad", "twice"])
def test_a_rule_that_reads_its_saved_tensors_twice_runs_the_function_twice(checkpoint, how):
    """It ran three times; ``dropout`` is such a rule."""
    calls = []

    def function(x):
        calls.append(1)
        return ReadsTwice.apply(x.exp()).sin()

    x = pg.Variable(torch.tensor([0.1, 0.2], dtype=torch.float64), requires_grad=True)
    y = CHECKPOINTS[checkpoint](function, x).sum()
    backwards = 1
    if how == "backward":
        y.backward()
        g = x.grad
    elif how == "grad":
        (g,) = pg.grad(y, x)
    else:
        pg.grad(y, x, retain_graph=True)
        (g,) = pg.grad(y, x)
        backwards = 2
    e = x.data.exp()
    torch.testing.assert_close(g.data, (e**2).cos() * 2 * e**2)
    assert len(calls) == 1 + backwards


def test_what_was_computed_again_is_let_go_after_the_rule():
    seen = []

    class Looks(ReadsTwice):
        @staticmethod
        def backward(ctx, g):
            seen.append(weakref.ref(ctx.saved_tensors[0]))
            return ReadsTwice.backward(ctx, g)

    x = pg.Variable(torch.ones(2), requires_grad=True)
    y = pg.checkpoint(lambda v: Looks.apply(v.exp()), x).sum()
    gc.disable()
    try:
        pg.grad(y, x, retain_graph=True)
        assert [reference() for reference in seen] == [None]
    finally:
        gc.enable()


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_blocks_input_is_let_go_without_the_collector(checkpoint):
    """torch's frame and its recomputation referred to each other: each input stayed in memory."""
    gc.disable()
    try:
        h, blocks = pg.Variable(torch.ones(2), requires_grad=True), []
        for _ in range(4):
            h = CHECKPOINTS[checkpoint](lambda v: v.sin().exp(), h)
            blocks.append(weakref.ref(h))
        h.sum().backward()
        del h
        assert [block() for block in blocks] == [None] * 4
    finally:
        gc.enable()


def test_an_output_that_dies_early_does_not_shift_what_is_numbered():
    def function(x):
        (x * 3).sin()  # nobody keeps its record
        return x.exp() * x

    x = pg.Variable(torch.tensor([0.5, 2.0]), requires_grad=True)
    for checkpoint in CHECKPOINTS.values():
        (g,) = pg.grad(checkpoint(function, x).sum(), x)
        torch.testing.assert_close(g.data, x.data.exp() * (1 + x.data))


def _double(t):
    with pg.no_grad():
        t.mul_(2)


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: x.sin() * w,
        lambda x, w: x.sin() * w.view(1, 2)[0],
        lambda x, w: CHECKPOINTS["pg"](lambda x: x.exp() * w, x.sin()),
    ],
    ids=["a leaf", "a view", "in a checkpoint inside"],
)
@pytest.mark.parametrize("constant", [True, False])
def test_a_captured_tensor_that_was_changed_between_the_runs_is_refused(
    checkpoint, function, constant
):
    """The gradient was that of the new values, silently, as in torch."""
    x = pg.Variable(torch.tensor([0.1, 0.2], dtype=torch.float64), requires_grad=True)
    w = pg.Variable(torch.tensor([2.0, 3.0], dtype=torch.float64), requires_grad=not constant)
    y = CHECKPOINTS[checkpoint](lambda x: function(x, w), x).sum()
    _double(w)
    with pytest.raises(pg.errors.SavedTensorChangedError, match="modified by an inplace"):
        y.backward()


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_plain_tensor_that_was_changed_between_the_runs_is_refused(checkpoint):
    t = torch.tensor([2.0, 3.0], dtype=torch.float64)
    x = pg.Variable(torch.tensor([0.1, 0.2], dtype=torch.float64), requires_grad=True)
    y = CHECKPOINTS[checkpoint](lambda x: (x * t).exp(), x).sum()
    t.mul_(2)
    with pytest.raises(pg.errors.SavedTensorChangedError):
        y.backward()


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_memory_that_each_run_fills_anew_may_be_changed_between_them(checkpoint):
    scratch = torch.zeros(2, dtype=torch.float64)

    def function(x):
        scratch.copy_(torch.tensor([2.0, 3.0]))
        return x * x * scratch

    x = pg.Variable(torch.tensor([0.1, 0.2], dtype=torch.float64), requires_grad=True)
    y = CHECKPOINTS[checkpoint](function, x).sum()
    scratch.zero_()
    (g,) = pg.grad(y, x, retain_graph=True)
    assert torch.allclose(g.data, torch.tensor([0.4, 1.2], dtype=torch.float64))
    scratch.zero_()
    (g,) = pg.grad(y, x)
    assert torch.allclose(g.data, torch.tensor([0.4, 1.2], dtype=torch.float64))


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_captured_tensor_may_be_changed_before_the_call_and_between_backwards_of_others(
    checkpoint,
):
    x = pg.Variable(torch.tensor([0.1, 0.2], dtype=torch.float64), requires_grad=True)
    w = pg.Variable(torch.tensor([2.0, 3.0], dtype=torch.float64), requires_grad=True)
    for scale in (1, 2):
        y = CHECKPOINTS[checkpoint](lambda x: x * x * w, x).sum()
        (g,) = pg.grad(y, x, retain_graph=True)
        assert torch.equal(g.data, pg.grad(y, x)[0].data)
        expected = torch.tensor([0.4, 1.2], dtype=torch.float64) * scale
        assert torch.allclose(g.data, expected)
        _double(w)


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_function_that_changes_what_it_saved_is_refused(checkpoint):
    """As without a checkpoint; the gradient was that of the changed value, as in torch."""

    def function(x):
        a = x * 1
        y = a.sin()
        a.mul_(2)
        return y.exp()

    x = pg.Variable(torch.tensor([0.1, 0.2], dtype=torch.float64), requires_grad=True)
    y = CHECKPOINTS[checkpoint](function, x).sum()
    with pytest.raises(pg.errors.SavedTensorChangedError, match="changes after it was saved"):
        y.backward()


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_function_may_change_what_it_did_not_save(checkpoint):
    def function(x):
        a = x * 1
        a.exp_()
        b = a + 1
        b.mul_(2)
        return (b * a).sin()

    x = pg.Variable(torch.tensor([0.1, 0.2], dtype=torch.float64), requires_grad=True)
    (g,) = pg.grad(CHECKPOINTS[checkpoint](function, x).sum(), x)
    (expected,) = pg.grad(function(x).sum(), x)
    assert torch.allclose(g.data, expected.data)
