"""Random programs on Variables and on tensors: the same gradients, first and second order."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import plugrad as pg

UNARY = [
    lambda x: x.sin(),
    lambda x: x.tanh() * 2,
    lambda x: 1 - x,
    lambda x: x.flip(0),
    lambda x: x[[0, 0, 2]],
    lambda x: torch.stack(x.unbind(0)[::-1]),
    lambda x: torch.cat([x[1:], x[:1]]),
    lambda x: x.unsqueeze(0).expand(2, 3).sum(0),
    lambda x: torch.where(x > 0, x, x * 0.5),
    lambda x: x.detach() * x,
]
BINARY = [
    lambda x, y: x + y,
    lambda x, y: x * y,
    lambda x, y: x - y.mean(),
    lambda x, y: torch.outer(x, y) @ y,
    lambda x, y: torch.maximum(x, y),
    lambda x, y: x / (y * y + 1),
]
ONE = st.tuples(st.sampled_from(UNARY), st.integers(0, 99))
TWO = st.tuples(st.sampled_from(BINARY), st.integers(0, 99), st.integers(0, 99))
PROGRAMS = st.lists(st.one_of(ONE, TWO), min_size=1, max_size=12)


def leaves(make):
    generator = torch.Generator().manual_seed(0)
    return [make(torch.rand(3, generator=generator, dtype=torch.float64) - 0.4) for _ in range(3)]


def run(program, values):
    """Each instruction takes earlier values and adds its result; the last two are roots."""
    values = list(values)
    for function, *operands in program:
        values.append(function(*(values[i % len(values)] for i in operands)))
    return (values[-1] * values[-1]).sum() + values[-2].sum()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(program=PROGRAMS, create_graph=st.booleans(), twice=st.booleans())
def test_random_programs(program, create_graph, twice):
    ours = leaves(lambda t: pg.Variable(t, requires_grad=True))
    theirs = leaves(lambda t: t.requires_grad_())
    root, torch_root = run(program, ours), run(program, theirs)
    torch.testing.assert_close(root.data, torch_root.detach(), rtol=0, atol=0)
    for _ in range(1 + twice):
        root.backward(retain_graph=True, create_graph=create_graph)
        # Not create_graph: torch's .grad would make a cycle, and the values are the same.
        torch_root.backward(retain_graph=True)
    for x, t in zip(ours, theirs, strict=True):
        assert (x.grad is None) == (t.grad is None)
        if t.grad is not None:
            torch.testing.assert_close(x.grad.data, t.grad, rtol=1e-10, atol=1e-10)
        x.grad = None


@settings(max_examples=100, deadline=None, derandomize=True)
@given(program=PROGRAMS)
def test_second_derivatives_of_random_programs(program):
    ours = leaves(lambda t: pg.Variable(t, requires_grad=True))
    theirs = leaves(lambda t: t.requires_grad_())
    first = pg.grad(run(program, ours), ours, create_graph=True, materialize_grads=True)
    expected = torch.autograd.grad(
        run(program, theirs), theirs, create_graph=True, materialize_grads=True
    )
    total, torch_total = (sum((g * g).sum() for g in gs) for gs in (first, expected))
    if not torch_total.requires_grad:
        return
    second = pg.grad(total, ours, materialize_grads=True)
    expected = torch.autograd.grad(torch_total, theirs, materialize_grads=True)
    for ours_2, theirs_2 in zip(second, expected, strict=True):
        torch.testing.assert_close(ours_2.data, theirs_2, rtol=1e-9, atol=1e-9)
