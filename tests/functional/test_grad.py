"""grad against torch.autograd.grad."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


@pytest.fixture
def pair():
    data = torch.randn(3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return pg.Variable(data, requires_grad=True), data.clone().requires_grad_()


def test_it_returns_gradients_and_touches_no_grad(pair):
    x, t = pair
    (ours,) = pg.grad((x * x.sin()).sum(), x)
    (theirs,) = torch.autograd.grad((t * t.sin()).sum(), t)
    torch.testing.assert_close(ours.data, theirs)
    assert x.grad is None
    assert not ours.requires_grad


def test_of_a_non_leaf_and_a_leaf_below_it(pair):
    x, t = pair
    y, u = x.sin(), t.sin()
    ours = pg.grad((y * y).sum(), [y, x])
    theirs = torch.autograd.grad((u * u).sum(), [u, t])
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.data, b)


def test_of_the_output_itself(pair):
    x, _ = pair
    y = x.sum()
    assert pg.grad(y, y)[0].item() == 1.0


def test_of_one_output_of_several(pair):
    x, t = pair
    parts, theirs = x.unbind(0), t.unbind(0)
    ours = pg.grad(parts[0] * parts[2], [parts[0], parts[2]])
    expected = torch.autograd.grad(theirs[0] * theirs[2], [theirs[0], theirs[2]])
    assert [g.item() for g in ours] == [g.item() for g in expected]


def test_grad_outputs_for_several_outputs(pair):
    x, t = pair
    w = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    (ours,) = pg.grad([x.sin(), x.sum()], x, [pg.Variable(w), None])
    (theirs,) = torch.autograd.grad([t.sin(), t.sum()], t, [w, None])
    torch.testing.assert_close(ours.data, theirs)


def test_it_can_differentiate_with_respect_to_grad_outputs(pair):
    x, _ = pair
    w = pg.Variable(torch.ones(3).double(), requires_grad=True)
    (first,) = pg.grad(x.sin(), x, w, create_graph=True)
    (second,) = pg.grad(first.sum(), w)
    torch.testing.assert_close(second.data, x.data.cos())


def test_unused_inputs(pair):
    x, _ = pair
    other = pg.Variable(torch.ones(2), requires_grad=True)
    with pytest.raises(
        pg.errors.UnusedInputError, match="index 1, of shape \\(2,\\), appears[\\s\\S]*fix:"
    ):
        pg.grad(x.sum(), [x, other])
    assert pg.grad(x.sum(), [x, other], allow_unused=True)[1] is None
    zeros = pg.grad(x.sum(), [x, other], materialize_grads=True)[1]
    assert zeros.tolist() == [0, 0]
    with pytest.raises(ValueError, match="allow_unused"):
        pg.grad(x.sum(), x, allow_unused=False, materialize_grads=True)


def test_it_does_not_run_branches_that_lead_nowhere(pair):
    x, _ = pair

    class Trap(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            raise AssertionError("this branch leads to no input")

    other = pg.Variable(torch.ones(3).double(), requires_grad=True)
    (gradient,) = pg.grad((x.sin() + Trap.apply(other)).sum(), x)
    torch.testing.assert_close(gradient.data, x.data.cos())


@pytest.mark.parametrize("flag", [0, 1, True, torch.tensor(True)])
def test_a_number_may_stand_for_create_graph(pair, flag):
    x, t = pair
    (ours,) = pg.grad(x.sin().sum(), x, create_graph=flag)
    (theirs,) = torch.autograd.grad(t.sin().sum(), t, create_graph=flag)
    assert ours.requires_grad == theirs.requires_grad
    x.sin().sum().backward(create_graph=flag)
    assert x.grad.requires_grad == theirs.requires_grad


@pytest.mark.parametrize("flag", ["yes", None, 1.0])
def test_anything_else_is_refused(pair, flag):
    x, t = pair
    with pytest.raises(TypeError):
        torch.autograd.grad(t.sum(), t, create_graph=flag)
    for call in (
        lambda: pg.grad(x.sum(), x, create_graph=flag),
        lambda: x.sum().backward(create_graph=flag),
    ):
        with pytest.raises(pg.errors.GradientTypeError, match="(?s)True or False, not.*fix: pass"):
            call()


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_gradient_that_inputs_have_in_common_is_one_object_as_in_torch(create_graph):
    for grad, leaf in (
        (torch.autograd.grad, torch.Tensor.requires_grad_),
        (pg.grad, lambda t: pg.Variable(t, requires_grad=True)),
    ):
        x, u, w = [leaf(torch.ones(3)) for _ in range(3)]
        first, second = grad((x * 2).sum(), [x, x], create_graph=create_graph)
        assert first is second
        first, second = grad((u + w).sum(), [u, w], create_graph=create_graph)
        assert first is second


@pytest.mark.parametrize("retain_graph", [None, False, True])
def test_a_batch_of_gradients_frees_the_graph_as_in_torch(pair, retain_graph):
    for grad, leaf in zip((pg.grad, torch.autograd.grad), pair, strict=True):
        y, batch = leaf.exp(), torch.eye(3, dtype=torch.float64)
        (found,) = grad(y, leaf, batch, retain_graph=retain_graph, is_grads_batched=True)
        torch.testing.assert_close(found.data, pair[1].exp().diag().detach())
        if retain_graph:
            grad(y, leaf, batch[0])
        else:
            with pytest.raises(RuntimeError, match="backward through the graph a second time"):
                grad(y, leaf, batch[0])
