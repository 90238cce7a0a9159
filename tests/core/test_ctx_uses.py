"""Where a forward cannot have left a tensor on its ctx: there the gates do not look."""

from __future__ import annotations

import gc
import warnings

import pytest
import torch
from torch import Tensor

import plugrad as pg
from plugrad import errors
from plugrad.core.ctx_uses import is_arithmetic, leaves_no_tensor
from plugrad.core.held import holds_tensor
from plugrad.core.node import ends

KEPT = []
#: More than Python keeps freed dicts of, whose memory is used again without being counted.
_MANY = 300


def saves(ctx, x, y):
    ctx.save_for_backward(x, y if ctx.needs_input_grad[0] else None)
    return x * y


def sets(ctx, x):
    ctx.dim = 1
    return x + 1


def sets_another(ctx, x):
    x.dim = ctx.needs_input_grad
    return x + 1


def marks(ctx, x):
    ctx.mark_non_differentiable(x)
    return x + 1


def hands_on(ctx, x):
    KEPT.append(ctx)
    return x + 1


def encloses(ctx, x):
    # Not in a comprehension: since Python 3.12 that is part of the function around it.
    return list(map(lambda number: number * ctx.dim, x))  # noqa: C417


def renames(ctx, x):
    other = ctx
    other.dim = x
    return x + 1


def wrapped(*args):
    return sets(*args)


def unpacks(x, *rest):
    return x


@pytest.mark.parametrize(
    ("forward", "users", "built_in"),
    [
        (saves, True, True),
        (sets, False, True),
        (sets_another, True, True),
        (marks, False, False),
        (hands_on, False, False),
        (encloses, False, False),
        (renames, False, False),
        (wrapped, False, False),
        (unpacks, False, False),
        (torch.exp, False, False),
    ],
)
def test_tells_what_the_bytecode_shows(forward, users, built_in):
    assert leaves_no_tensor(forward, builtin=False) is users
    assert leaves_no_tensor(forward, builtin=True) is built_in


def scales(ctx, gz):
    x, y = ctx.saved_tensors
    return gz * y if ctx.needs_input_grad[0] else None, -(gz[..., 0] ** 2) @ x


def chooses(ctx, *gradients):
    (y,) = ctx.saved_tensors
    first, second = gradients
    return first if second is None else first * (y > 0) + second / 2


def calls(ctx, gz):
    return gz.clone()


def writes(ctx, gz):
    gz *= 2
    return gz


def writes_an_element(ctx, gz):
    gz[0] = 2
    return gz


def reads_an_attribute(ctx, gz):
    return gz * ctx.scale


def reads_of_a_gradient(ctx, gz):
    return gz.mT


def reads_a_global(ctx, gz):
    return gz * KEPT


def has_a_default(ctx, gz, scale=KEPT):
    return gz * scale


def has_an_option(ctx, gz, *, scale=KEPT):
    return gz * scale


def looks_like_ctx(ctx, gz):
    ctx = gz
    return ctx * 2


def imports(ctx, gz):
    import math

    return gz * math


def encloses_a_variable():
    scale = KEPT

    def rule(ctx, gz):
        return gz * scale

    return rule


@pytest.mark.parametrize("rule", [scales, chooses])
def test_arithmetic_is_told(rule):
    assert is_arithmetic(rule)


@pytest.mark.parametrize(
    "rule",
    [
        calls,
        writes,
        writes_an_element,
        reads_an_attribute,
        reads_of_a_gradient,
        reads_a_global,
        has_a_default,
        has_an_option,
        looks_like_ctx,
        imports,
        encloses_a_variable(),
        lambda: 1,
        torch.exp,
    ],
)
def test_what_may_be_more_than_arithmetic_is_not(rule):
    assert not is_arithmetic(rule)


@pytest.mark.parametrize("forward", [hands_on, renames, wrapped])
def test_a_forward_that_cannot_be_told_is_looked_after(forward):
    def leaves(ctx, x):
        y = forward(ctx, x)
        setattr(ctx, "kept", x)  # noqa: B010 (as a helper would)
        return y

    rules = {"forward": staticmethod(leaves), "backward": staticmethod(lambda ctx, gy: gy)}
    op = type("Leaves", (pg.Function,), rules)
    with pytest.raises(errors.ContextError, match=r"set the tensor ctx\.(dim|kept)"):
        op.apply(pg.Variable(torch.ones(2), requires_grad=True))


@pytest.mark.parametrize("op", [lambda x: x * x, lambda x: x + x, lambda x: x.relu()])
def test_a_node_takes_three_of_the_collectors_allocations(op):
    x = pg.Variable(torch.ones(2), requires_grad=True)
    alive = [op(x)]
    collects = gc.isenabled()
    gc.disable()
    try:
        before = gc.get_count()[0]
        alive += [op(x) for _ in range(_MANY)]
        made = gc.get_count()[0] - before
    finally:
        if collects:
            gc.enable()
    assert made <= 3 * _MANY + 10  # a record, a Variable and a tensor for each; and the list


@pytest.mark.parametrize("name", [entry.name for entry in pg.registry])
def test_no_built_in_op_sets_a_tensor(name):
    op = pg.registry[name]
    for sample in op.function.samples(pg.SampleMaker(0)):
        if sample.error:
            continue
        args = [
            pg.Variable(a, requires_grad=a.is_floating_point() or a.is_complex())
            if isinstance(a, Tensor) and i not in sample.constants
            else a
            for i, a in enumerate(sample.args)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            output = op.function.apply(*args, **sample.kwargs)
        for y in output if isinstance(output, tuple | list) else [output]:
            if isinstance(y, pg.Variable) and y._edge is not None:
                record, _ = ends(y._edge)
                own = {k: v for k, v in record.__dict__.items() if not k.startswith("_pg_")}
                assert not holds_tensor(own), own
