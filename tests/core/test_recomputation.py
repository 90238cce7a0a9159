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
