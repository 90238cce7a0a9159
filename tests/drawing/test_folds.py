"""Folds: modules by the calls that were noted or by parameters' names; runs of steps."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import nn

import plugrad as pg
from plugrad.drawing.folds import AT_FIRST, MOST
from plugrad.tests.drawing.graphs import by_title, leaf, transformer


def path(drawing, step):
    """The names of the folds around a step, the outermost first."""
    graph, found = drawing._graph, []
    f = graph.fold_of[drawing.steps.index(step)]
    while f >= 0:
        found.insert(0, graph.folds[f].name)
        f = graph.folds[f].parent
    return found


def children(drawing, name=None):
    folds = drawing._graph.folds
    return [f.name for f in folds if (folds[f.parent].name if f.parent >= 0 else None) == name]


def seen_at_first(drawing):
    """The names of the boxes and frames of what is shown first, read off the DOT text."""
    return [line.split('"')[1] for line in drawing.dot.splitlines() if "label=" in line]


def assert_no_cycle(drawing):
    """Whatever is open: between what is in one fold, edges lead from newer to older."""
    graph = drawing._graph
    steps = drawing.steps

    def up(i):
        chain, f = [("step", i)], graph.fold_of[i]
        while f >= 0:
            chain.append(("fold", f))
            f = graph.folds[f].parent
        return chain

    newest = {}
    for i, step in enumerate(steps):
        if not step.is_leaf:
            for key in up(i):
                low, high = newest.get(key, (step.sequence, step.sequence))
                newest[key] = min(low, step.sequence), max(high, step.sequence)
    for i, step in enumerate(steps):
        for below, *_ in step.edges:
            if steps[below].is_leaf:
                continue
            one, other = up(i), up(below)
            common = set(one) & set(other)
            a = next((k for n, k in enumerate(one) if n + 1 == len(one) or one[n + 1] in common))
            b = next(
                (k for n, k in enumerate(other) if n + 1 == len(other) or other[n + 1] in common)
            )
            if a != b and a not in common and b not in common:
                assert newest[a][0] > newest[b][1]


# --- by names ------------------------------------------------------------------------


def test_a_transformer_of_twelve_layers_is_folded_to_its_layers():
    model, x = transformer(12)
    drawing = pg.draw(model(x).sum(), params=model)
    assert children(drawing) == ["layers"]
    assert sorted(children(drawing, "layers")) == sorted(f"layers.{i}" for i in range(12))
    # Every layer has all its steps, and nothing is left between two layers.
    graph = drawing._graph
    counts = {f"layers.{i}": 0 for i in range(12)}
    for step in drawing.steps:
        found = path(drawing, step)
        if found:
            counts[found[1]] += not step.is_leaf
    assert max(counts.values()) - min(counts.values()) <= 1
    assert sum(f < 0 for f in graph.fold_of) <= 3
    assert len(seen_at_first(drawing)) < 25
    assert_no_cycle(drawing)


def test_a_dict_of_its_parameters_is_enough():
    model, x = transformer(3)
    named = pg.draw(model(x).sum(), params=dict(model.named_parameters()))
    whole = pg.draw(model(x).sum(), params=model)
    assert [f.name for f in named._graph.folds] == [f.name for f in whole._graph.folds]
    assert named._graph.fold_of == whole._graph.fold_of
    assert {f.kind for f in named._graph.folds} == {""}
    assert "TransformerEncoderLayer" in {f.kind for f in whole._graph.folds}


def test_what_uses_no_parameter_is_of_what_is_around_it():
    model = pg.interop.convert(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)))
    drawing = pg.draw(model(leaf(1, 2)).sum(), params={"net": model})
    assert path(drawing, by_title(drawing, "tanh")) == ["net"]
    assert path(drawing, by_title(drawing, "sum")) == []
    assert path(drawing, by_title(drawing, "net.2.weight")) == ["net", "net.2"]


def test_a_weight_that_is_prepared_first_is_of_its_module():
    w = leaf(3, 2)
    params = {"a.weight": leaf(2, 2), "b.lin.weight": w}
    y = (leaf(1, 2) @ params["a.weight"]) @ w.t().exp()
    drawing = pg.draw(y.sum(), params=params)
    assert path(drawing, by_title(drawing, "exp")) == ["b", "b.lin"]
    assert path(drawing, drawing.steps[1]) == ["b", "b.lin"]


def test_data_without_a_gradient_is_not_a_parameter():
    model, x = transformer(2)
    folded = pg.draw(model(x.detach()).sum(), params=model)
    assert sorted(children(folded, "layers")) == ["layers.0", "layers.1"]
    with_gradient = pg.draw(model(x).sum(), params=model)
    names = [sorted(f.name for f in d._graph.folds) for d in (folded, with_gradient)]
    assert names[0] == names[1]


def test_one_that_is_used_twice_is_two_folds():
    model = pg.interop.convert(nn.Linear(2, 2))
    drawing = pg.draw(model(model(leaf(1, 2)).tanh()).sum(), params={"lin": model})
    assert children(drawing) == ["lin"]  # between two uses of one module it is still there
    other = pg.interop.convert(nn.Linear(2, 2))
    y = model(other(model(leaf(1, 2))))
    drawing = pg.draw(y.sum(), params={"lin": model, "other": other})
    assert children(drawing) == ["lin", "other", "lin"]
    assert path(drawing, by_title(drawing, "lin.weight")) == []  # both use it
    assert_no_cycle(drawing)


# --- by calls ------------------------------------------------------------------------


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.act = nn.Tanh()

    def forward(self, x):
        return self.act(self.inner(self.act(self.inner(x)))).exp()


def test_calls_are_folds_also_where_a_module_has_no_parameter():
    model = pg.interop.convert(Twice())
    drawing = pg.draw(lambda: model(leaf(1, 2)).sum(), params={"model": model})
    assert children(drawing) == ["model"]
    assert children(drawing, "model") == ["model.inner", "model.act", "model.inner", "model.act"]
    assert path(drawing, by_title(drawing, "exp")) == ["model"]
    assert path(drawing, by_title(drawing, "sum")) == []
    assert path(drawing, by_title(drawing, "model.inner.weight")) == ["model"]
    assert [f.kind for f in drawing._graph.folds] == [
        "Twice",
        "Linear, call 1 of 2",
        "Tanh, call 1 of 2",
        "Linear, call 2 of 2",
        "Tanh, call 2 of 2",
    ]
    assert_no_cycle(drawing)


def test_a_module_that_nobody_named_is_called_by_its_class():
    model = pg.interop.convert(Twice())
    drawing = pg.draw(lambda: model(leaf(1, 2)).sum())
    assert children(drawing) == ["Twice"]
    assert children(drawing, "Twice") == ["inner", "act", "inner", "act"]


def test_no_hook_is_left_behind():
    from torch.nn.modules import module

    model = pg.interop.convert(Twice())

    def fails():
        model(leaf(1, 2))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pg.draw(fails, params=model)
    assert not module._global_forward_hooks
    assert not module._global_forward_pre_hooks
    assert not model._forward_hooks


def test_a_call_that_fails_inside_ends():
    model = pg.interop.convert(Twice())
    broken = pg.interop.convert(nn.Linear(5, 5))
    x = leaf(1, 2)

    def tries():
        with pytest.raises(RuntimeError):
            broken(x)
        return model(x).sum()

    drawing = pg.draw(tries)
    assert children(drawing) == ["Twice"]


def test_calls_in_another_thread_are_not_noted():
    model, other = pg.interop.convert(Twice()), pg.interop.convert(nn.Linear(2, 2))

    def f():
        thread = threading.Thread(target=lambda: other(leaf(1, 2)))
        thread.start()
        thread.join()
        return model(leaf(1, 2)).sum()

    assert children(pg.draw(f)) == ["Twice"]


def test_a_transformer_of_twelve_layers_by_its_calls():
    model, x = transformer(12)
    drawing = pg.draw(lambda: model(x).sum(), params={"model": model, "x": x})
    assert children(drawing, "model") == [f"model.layers.{i}" for i in range(12)]
    assert path(drawing, by_title(drawing, "x")) == []
    assert_no_cycle(drawing)


# --- runs of steps -------------------------------------------------------------------


def test_many_steps_are_folded_to_runs():
    x = leaf(1)
    y = x
    for _ in range(1000):
        y = y * 1.0
    drawing = pg.draw(y, params={"x": x})
    names = children(drawing)
    assert len(names) == 40
    assert names[0] == "steps 1 to 25"
    assert names[-1] == "steps 976 to 1000"
    assert len(seen_at_first(drawing)) <= AT_FIRST + 3
    assert_no_cycle(drawing)


def test_many_leaves_of_one_step_are_one_fold():
    leaves = [leaf(1) for _ in range(500)]
    drawing = pg.draw(torch.cat(leaves).sum())
    (name,) = children(drawing)
    assert name == "leaves 3 to 502"
    assert len(children(drawing, name)) == 25


def test_a_fold_holds_no_more_than_can_be_seen():
    x, leaves = leaf(1), [leaf(1, seed=i) for i in range(3000)]
    y = x
    for each in leaves:
        y = y * each + x
    drawing = pg.draw(y)
    held = {}
    for f in drawing._graph.fold_of:
        held[f] = held.get(f, 0) + 1
    for fold in drawing._graph.folds:
        held[fold.parent] = held.get(fold.parent, 0) + 1
    assert max(held.values()) <= 2 * MOST
    assert_no_cycle(drawing)


def test_unfolded():
    x = leaf(1)
    y = x
    for _ in range(200):
        y = y * 1.0
    assert pg.draw(y).dot.count("\n  step") < 10
    assert children(pg.draw(y, fold=False)) == []
    assert all(f"step{i} [label=" in pg.draw(y, fold=False).dot for i in range(201))
