"""Gradient edges: the place in a graph where a tensor's gradient arrives, as output and input."""

from __future__ import annotations

import math

import pytest
import torch

import plugrad as pg
from plugrad.errors import GradientTypeError
from plugrad.tests.notes.engines import close, newer_torch, values

TORCH_NAMES = True


def test_an_edge_is_a_node_and_an_output_number(engine):
    x = engine.leaf([1.0, 2.0])
    a, b = x.unbind()
    for part, number in ((a, 0), (b, 1)):
        edge = engine.graph.get_gradient_edge(part)
        assert edge.node is a.grad_fn
        assert edge.output_nr == number
        assert edge[0] is edge.node
        assert edge[1] == number


def test_the_edge_of_a_leaf_leads_to_its_accumulator(engine):
    x = engine.leaf([1.0])
    y = x * 2
    edge = engine.graph.get_gradient_edge(x)
    assert edge.node is y.grad_fn.next_functions[0][0]
    assert edge.output_nr == 0


def test_a_constant_has_no_edge(engine):
    with engine.raises(RuntimeError, "does not require gradients"):
        engine.graph.get_gradient_edge(engine.tensor([1.0]))


def test_an_edge_can_be_made_from_its_parts(engine):
    x, y = engine.leaf([1.0]).clone(), engine.leaf([2.0]).clone()
    edge = engine.graph.GradientEdge
    found = engine.grad(x * y, (edge(x.grad_fn, x.output_nr), edge(y.grad_fn, y.output_nr)))
    assert [values(g) for g in found] == [[2], [1]]


@pytest.mark.parametrize("kind", ["leaf", "op", "function", "one of several"])
def test_grad_with_respect_to_an_edge_is_grad_with_respect_to_its_tensor(engine, kind):
    class Identity(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g

    x = engine.leaf([1.0, 2.0])
    if kind == "op":
        x = x.clone()
    elif kind == "function":
        x = Identity.apply(x)
    elif kind == "one of several":
        x = torch.var_mean(x)[1]
    out = (x * x).sum()
    edge = engine.graph.get_gradient_edge(x)
    (by_edge,) = engine.grad(out, edge, retain_graph=True)
    (by_tensor,) = engine.grad(out, x)
    assert values(by_edge) == values(by_tensor)


def test_edges_and_tensors_may_be_mixed_as_inputs(engine):
    x, y = engine.leaf([1.0]), engine.leaf([2.0])
    middle = x * 3
    out = middle * y
    found = engine.grad(out, (engine.graph.get_gradient_edge(middle), y))
    assert [values(g) for g in found] == [[2], [3]]


def test_an_edge_stays_where_it_was_when_its_tensor_is_changed(engine):
    x = engine.leaf([1.0, 2.0]).clone()
    edge = engine.graph.get_gradient_edge(x)
    x *= 2
    old, new = engine.grad(x.sum(), (edge, x))
    assert values(old) == [2, 2]
    assert values(new) == [1, 1]


def test_backward_takes_edges_as_inputs(engine):
    x, y = engine.leaf([1.0]).clone(), engine.leaf([2.0]).clone()
    x.retain_grad()
    y.retain_grad()
    edge = engine.graph.get_gradient_edge(x)
    out = x * 3
    engine.backward(out, inputs=(edge, y), retain_graph=True)
    engine.backward(out, inputs=(x, engine.graph.get_gradient_edge(y)))
    assert values(x.grad) == [6]
    assert y.grad is None


def test_backward_takes_the_edge_of_a_leaf_and_fills_its_gradient(engine):
    x, y = engine.leaf([1.0]), engine.leaf([2.0])
    engine.backward(x * y, inputs=(engine.graph.get_gradient_edge(x),))
    assert values(x.grad) == [2]
    assert y.grad is None


def test_torchs_materialized_zeros_need_a_tensor_not_an_edge(engine):
    x, y = engine.leaf([1.0]).clone(), engine.leaf([2.0]).clone()
    edges = [engine.graph.get_gradient_edge(v) for v in (x, y)]
    out = x * 1
    flags = {"allow_unused": True, "materialize_grads": True, "retain_graph": True}
    assert values(engine.grad(out, (edges[0], y), **flags)[1]) == [0]
    assert engine.grad(out, (x, edges[1]), allow_unused=True, retain_graph=True)[1] is None
    with engine.raises(RuntimeError, "materialize_grads cannot be used"):
        engine.grad(out, (x, edges[1]), **flags)


def two_steps(engine, x, reduce=True):
    middle = x.sin().cos()
    if reduce:
        middle = middle.sum()
    out = middle.exp().clone().sin().sum()
    return out, engine.graph.get_gradient_edge(middle)


def test_an_edge_may_be_the_output(engine):
    x = engine.leaf([1.0, 2.0])
    (whole,) = engine.grad(two_steps(engine, x)[0], x)
    out, edge = two_steps(engine, x)
    (middle,) = engine.grad(out, edge)
    (in_steps,) = engine.grad(edge, x, grad_outputs=(middle,))
    close(in_steps, whole)


def test_an_edge_of_one_element_needs_no_gradient(engine):
    x = engine.leaf([1.0, 2.0])
    _, edge = two_steps(engine, x)
    (g,) = engine.grad(edge, x)
    close(g, [-math.sin(math.sin(v)) * math.cos(v) for v in (1, 2)])


def test_an_edge_of_several_elements_needs_a_gradient(engine):
    x = engine.leaf([1.0, 2.0])
    _, edge = two_steps(engine, x, reduce=False)
    with engine.raises(RuntimeError, "grad can be implicitly created only for scalar output"):
        engine.grad(edge, x)


@newer_torch
def test_the_gradient_of_an_edge_must_have_its_shape_and_dtype(engine):
    x = engine.leaf([1.0, 2.0])
    _, edge = two_steps(engine, x)
    with engine.raises(RuntimeError, "Mismatch in shape"):
        engine.grad(edge, x, grad_outputs=engine.tensor([1.0, 2.0, 3.0]))
    with engine.raises(RuntimeError, "Mismatch in shape"):
        engine.backward(edge, inputs=(x,), grad_tensors=engine.tensor([1.0, 2.0, 3.0]))
    with engine.raises(RuntimeError, "required to have the same dtype"):
        engine.grad(edge, x, grad_outputs=engine.tensor(1.0, dtype=torch.complex128))


@newer_torch
def test_backward_takes_edges_as_roots_mixed_with_tensors(engine):
    x = engine.leaf([1.0, 2.0])
    _, edge = two_steps(engine, x)
    engine.backward(edge, retain_graph=True)
    (alone,) = engine.grad(edge, x, retain_graph=True)
    close(x.grad, alone)
    x.grad = None
    engine.backward((edge,))
    close(x.grad, alone)

    out2, _ = two_steps(engine, x)
    _, edge1 = two_steps(engine, x)
    (both,) = engine.grad((edge1, out2), x, retain_graph=True)
    x.grad = None
    engine.backward((edge1, out2))
    close(x.grad, both)


@newer_torch
@pytest.mark.parametrize("kind", ["op", "function"])
def test_an_edge_keeps_its_graph_alive(engine, kind):
    class Identity(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g

    x = engine.leaf([1.0])
    out = x.clone() if kind == "op" else Identity.apply(x * 1)
    edge = engine.graph.get_gradient_edge(out)
    del out
    engine.backward(edge)
    assert values(x.grad) == [1]


@pytest.mark.parametrize("made_by", ["get_gradient_edge", "grad_fn", "next_functions", "split"])
def test_the_implicit_one_is_where_the_value_is(engine, made_by):
    x = engine.leaf([2.0]).detach().to("meta").requires_grad_()
    y = (x * x).unbind()[0]
    graph = engine.graph
    if made_by == "get_gradient_edge":
        edge = graph.get_gradient_edge(y)
    elif made_by == "grad_fn":
        edge = graph.GradientEdge(y.grad_fn, 0)
    elif made_by == "split":
        edge = graph.get_gradient_edge((x * x).split(1)[0])
    else:
        edge = graph.GradientEdge(y.sin().grad_fn.next_functions[0][0], 0)
    (gradient,) = engine.grad(edge, x)
    assert gradient.device.type == "meta"
    assert gradient.dtype is x.dtype
    assert tuple(gradient.shape) == (1,)


def test_the_implicit_one_of_what_moved_is_where_it_went(engine):
    x = engine.leaf([2.0])
    y = x.to("meta")
    assert engine.graph.GradientEdge(y.grad_fn, 0).node is y.grad_fn
    edge = engine.graph.get_gradient_edge(y.float())
    seen = []
    edge.node.register_prehook(lambda g: seen.append((g[0].device.type, g[0].dtype)))
    with pytest.raises(NotImplementedError, match="meta"):  # no data to bring back
        engine.grad(edge, x)
    assert seen == [("meta", torch.float32)]


@pytest.mark.parametrize(
    "run", [torch.autograd.backward, lambda e, g: torch.autograd.grad(e, e, g)]
)
def test_torchs_own_walk_from_an_edge_alone_is_refused_and_the_fix_works(run):
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    edge = torch.autograd.graph.get_gradient_edge(x * 3)
    with pytest.raises(GradientTypeError, match=r"GradientEdge[^$]*fix: call plugrad.backward"):
        run([edge], [torch.ones(2)])
    pg.backward([edge], [torch.ones(2)])
    assert x.grad.tolist() == [3, 3]
