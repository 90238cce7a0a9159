"""pg.draw: which graph it draws, what it calls the leaves, and what it refuses."""

from __future__ import annotations

import gc
import inspect
import weakref
from collections import namedtuple

import pytest
import torch
from torch import nn

import plugrad as pg
from plugrad.errors import DrawingError, GraphFreedError
from plugrad.tests.drawing.graphs import a_layer, by_title, leaf


def titles(drawing):
    return [step.title for step in drawing.steps]


def outputs(drawing):
    return [(name, drawing.steps[i].title) for name, i, _ in drawing._graph.outputs]


# --- what is drawn -------------------------------------------------------------------


def test_the_steps_are_in_the_order_in_which_backward_runs_them():
    y, params = a_layer()
    drawing = pg.draw(y, params=params)
    assert titles(drawing) == [
        "sum", "mul", "exp", "tanh", "add", "b", "matmul", "w", "x",
    ]  # fmt: skip
    assert [step.number for step in drawing.steps] == list(range(1, 10))
    assert repr(drawing) == "<Drawing of 9 steps, 3 leaves among them>"


def test_an_edge_names_the_input_whose_gradient_it_is():
    y, params = a_layer()
    drawing = pg.draw(y, params=params)
    goes_to = {
        step.title: {name: drawing.steps[i].title for i, _, name in step.edges}
        for step in drawing.steps
    }
    assert goes_to["mul"] == {"x": "tanh", "y": "exp"}
    assert goes_to["matmul"] == {"x": "x", "y": "w"}
    assert goes_to["x"] == {}


def test_an_edge_of_a_list_names_its_element():
    a, b = leaf(2), leaf(2)
    drawing = pg.draw(torch.cat([a, b]), params={"a": a, "b": b})
    assert {name: drawing.steps[i].title for i, _, name in drawing.steps[0].edges} == {
        "tensors[0]": "a",
        "tensors[1]": "b",
    }


def test_an_edge_to_one_of_several_outputs_has_its_number():
    a, b = leaf(2, 3).unbind()
    drawing = pg.draw(a * b)
    (mul,) = [step for step in drawing.steps if step.title == "mul"]
    assert [number for _, number, _ in mul.edges] == [0, 1]


def test_several_outputs():
    x = leaf(3)
    pair = namedtuple("Pair", "first second")
    assert outputs(pg.draw((x.sin(), x.cos()))) == [("y[0]", "sin"), ("y[1]", "cos")]
    assert outputs(pg.draw(pair(x.sin(), x.cos()))) == [("y[0]", "sin"), ("y[1]", "cos")]
    drawn = pg.draw({"loss": x.sin(), "parts": [x.cos(), None, torch.ones(2), x.detach()]})
    assert outputs(drawn) == [("loss", "sin"), ("parts[0]", "cos")]
    assert outputs(pg.draw((x.sin(), 1 * x.detach()))) == [("y[0]", "sin")]


def test_one_step_that_gives_two_outputs():
    a, b = leaf(2, 3).unbind()
    assert [(name, number) for name, _, number in pg.draw([a, b])._graph.outputs] == [
        ("y[0]", 0),
        ("y[1]", 1),
    ]


def test_a_leaf_alone():
    (step,) = pg.draw(leaf(2), params={}).steps
    assert step.is_leaf
    assert step.title == "leaf"


def test_a_graph_of_views_changed_in_place():
    x = leaf(3)
    y = x * 2
    y[0].mul_(3)
    assert "mul" in titles(pg.draw(y.sum()))


@pytest.mark.slow
def test_a_hundred_thousand_steps_do_not_recurse():
    x = leaf(1)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    drawing = pg.draw(y)
    assert len(drawing.steps) == 100_001
    assert len(drawing.dot) < 10_000
    assert "too large for a notebook" in drawing._repr_html_()
    with pytest.raises(DrawingError, match="100001 steps is too large") as raised:
        pg.draw(y, fold=False)
    assert raised.value.fix == "leave fold out: pg.draw(y)"


def test_a_function_is_called_once():
    x, calls = leaf(2), []

    def f():
        calls.append(1)
        return x.sin()

    assert titles(pg.draw(f, params={"x": x})) == ["sin", "x"]
    assert calls == [1]


def test_it_keeps_nothing_of_the_graph():
    y, params = a_layer()
    drawing = pg.draw(y, params=params, gradients=True)
    gone = weakref.ref(params["x"]._data)
    del y, params
    gc.collect()
    assert gone() is None
    assert drawing.steps


def test_the_graph_can_run_backward_as_before():
    y, params = a_layer()
    pg.draw(y, params=params)
    y.backward()
    assert params["x"].grad is not None


def test_its_signature_says_what_it_takes():
    parameters = inspect.signature(pg.draw).parameters
    assert list(parameters) == ["y", "params", "show_shapes", "show_saved", "gradients", "fold"]
    assert "draw" in dir(pg)


# --- names ---------------------------------------------------------------------------


def test_a_module_names_its_parameters():
    model = pg.interop.convert(nn.Linear(2, 3))
    drawing = pg.draw(model(torch.ones(1, 2)), params=model)
    assert sorted(s.title for s in drawing.steps if s.is_leaf) == ["bias", "weight"]


def test_a_module_in_a_dict_names_them_with_its_own_name():
    model, x = pg.interop.convert(nn.Linear(2, 3)), leaf(1, 2)
    drawing = pg.draw(model(x), params={"x": x, "head": model})
    assert sorted(s.title for s in drawing.steps if s.is_leaf) == ["head.bias", "head.weight", "x"]


def test_pairs_name_them_too():
    model = pg.interop.convert(nn.Linear(2, 3))
    drawing = pg.draw(model(torch.ones(1, 2)), params=model.named_parameters())
    assert {"bias", "weight"} <= set(titles(drawing))


def test_torchs_parameters_name_the_variables_that_were_in_their_place():
    model = nn.Linear(2, 3)
    with pg.interop.on_variables(model):
        y = model(torch.ones(1, 2))
    assert {"bias", "weight"} <= set(titles(pg.draw(y, params=model)))


def test_a_function_names_the_parameters_of_the_modules_that_it_calls():
    model = pg.interop.convert(nn.Linear(2, 3))
    assert {"bias", "weight"} <= set(titles(pg.draw(lambda: model(torch.ones(1, 2)))))


def test_equal_values_are_not_confused():
    a, b = pg.Variable(torch.ones(2), requires_grad=True), leaf(2)
    b._data.fill_(1)
    drawing = pg.draw(a + b, params={"b": b})
    assert titles(drawing) == ["add", "b", "leaf"]
    assert by_title(drawing, "leaf").name == ""


# --- refusals ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "what", "fix"),
    [
        (
            torch.ones(2),
            "given a Tensor, not a Variable",
            "plugrad.Variable(x, requires_grad=True)",
        ),
        (
            torch.ones(2, requires_grad=True) * 2,
            "not a Variable: its graph is torch's",
            "plugrad.interop.convert(model)",
        ),
        (pg.Variable(torch.ones(2)), "of shape (2,) has no graph", "requires_grad=True"),
        (lambda: None, "no Variable in what pg.draw was given, a NoneType", "must return it"),
        ((), "no Variable in what pg.draw was given, a tuple", "pass the Variable"),
        (3.0, "a float, which has no graph", "pass the Variable"),
        ({"a": [object()]}, "an object (a[0]), which has no graph", "pass the Variable"),
        (nn.Linear(1, 1), "a module, a Linear", "pg.draw(lambda: model(x), params=model)"),
    ],
)
def test_what_has_no_graph_is_refused(y, what, fix):
    with pytest.raises(DrawingError) as raised:
        pg.draw(y)
    assert what.replace("an object", "a object") in raised.value.what
    assert fix in raised.value.fix


@pytest.mark.parametrize("params", [3, "w", [1], [torch.ones(1)], torch.ones(2), {"w": 3}])
def test_params_that_name_nothing_are_refused(params):
    with pytest.raises(DrawingError, match="params=") as raised:
        pg.draw(leaf(2), params=params)
    assert 'params={"w": w, "encoder": encoder}' in raised.value.fix


def test_a_freed_graph_is_drawn_without_what_was_saved():
    y, params = a_layer()
    y.backward()
    drawing = pg.draw(y, params=params)
    assert by_title(drawing, "tanh").freed
    assert "saved tensors freed" in drawing.dot
    with pytest.raises(GraphFreedError, match="a second time"):
        pg.draw(y, gradients=True)
