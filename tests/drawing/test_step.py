"""What a step says of its record: formula, shapes, what it saved, options, hooks, lines."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.drawing.step import byte_count, flow_of
from plugrad.tests.drawing.graphs import a_layer, by_title, leaf


def saved(step):
    return [
        (s.name, s.value and str(s.value), s.value and s.value.bytes, s.note) for s in step.saved
    ]


def test_formula_category_and_shape():
    y, params = a_layer()
    drawing = pg.draw(y, params=params)
    tanh = by_title(drawing, "tanh")
    assert tanh.formula == "y = tanh(x);  gx = gy conj(1 - y^2)."
    assert tanh.category == "elementwise"
    assert [str(v) for v in tanh.outputs] == ["(4, 2) float32"]
    assert [str(v) for v in by_title(drawing, "w").outputs] == ["(3, 2) float32"]
    assert by_title(drawing, "w").is_leaf


def test_saved_tensors_with_their_names_and_bytes():
    y, params = a_layer()
    drawing = pg.draw(y, params=params)
    assert saved(by_title(drawing, "tanh")) == [("result", "(4, 2) float32", 32, "")]
    assert saved(by_title(drawing, "matmul")) == [
        ("x", "(4, 3) float32", 48, ""),
        ("y", "(3, 2) float32", 24, ""),
    ]
    assert by_title(drawing, "sum").saved == []
    # tanh's and exp's results, each once; what the leaves hold is not the graph's.
    assert drawing._graph.saved_bytes == 64


def test_what_hooks_packed_is_not_unpacked():
    x, unpacked = leaf(3), []
    with pg.graph.saved_tensors_hooks(lambda t: [t], unpacked.append):
        y = x.sin()
    (step, _) = pg.draw(y).steps
    assert saved(step) == [("x", None, None, "packed by a saved-tensor hook")]
    assert unpacked == []


def test_what_checkpoint_computes_again_is_not_computed():
    x, calls = leaf(3), []

    def f(x):
        calls.append(1)
        return x.sin()

    drawing = pg.draw(pg.checkpoint(f, x))
    assert [s.note for step in drawing.steps for s in step.saved] == [
        "computed again by checkpoint"
    ]
    assert len(calls) == 1


def test_a_saved_tensor_that_was_changed_is_said_to_be():
    x = leaf(3)
    y = (x * 1).exp()
    y._data.mul_(2)
    (step, *_) = pg.draw(y).steps
    assert "changed in place since" in step.saved[0].note


def test_an_option_that_forward_set():
    x = leaf(2, 3)
    (step, _) = pg.draw(x.transpose(0, 1)).steps
    assert ("dims", "(0, 1)") in step.options or ("dims", "(1, 0)") in step.options


class Noisy(torch.autograd.Function):
    """z = 3 x;  gx = 3 gz."""

    @staticmethod
    def forward(ctx, x):
        ctx.scale, ctx.secret, ctx.long = 3.0, object(), "a" * 500
        ctx.save_for_backward(x)
        return x * ctx.scale

    @staticmethod
    def backward(ctx, g):
        return g * ctx.scale


def test_a_function_of_torchs():
    (step, _) = pg.draw(Noisy.apply(leaf(2))).steps
    assert step.title == "Noisy"
    assert step.category == "own"
    assert step.formula == "z = 3 x;  gx = 3 gz."
    options = dict(step.options)
    assert options["scale"] == "3.0"
    assert len(options["long"]) < 110
    assert "secret" not in options
    assert [s.name for s in step.saved] == ["input 0"]


def test_hooks_with_the_line_that_registered_them():
    x = leaf(2)
    y = x * 2

    def mine(*_):
        return None

    y.register_hook(mine)
    y.retain_grad()
    y.grad_fn.register_prehook(mine)
    y.grad_fn.register_hook(mine)
    x.register_hook(mine)
    x.register_post_accumulate_grad_hook(mine)
    (mul, below) = pg.draw(y).steps
    kinds = [hook.partition(":")[0] for hook in mul.hooks]
    assert kinds == [
        "hook of the Variable",
        "retain_grad()",
        "hook before the step",
        "hook after the step",
    ]
    assert f"mine, registered at {__file__}:" in mul.hooks[0]
    assert [hook.partition(":")[0] for hook in below.hooks] == [
        "hook of the Variable",
        "hook after accumulation",
    ]


def test_the_line_of_forward_in_anomaly_mode():
    x = leaf(2)
    with torch.autograd.set_detect_anomaly(True):
        y = x.sin()  # the line
    (step, _) = pg.draw(y.cos()).steps[1:]
    file, _, rest = step.lines[0].partition(".py:")
    assert f"{file}.py" == __file__
    assert rest.endswith("in test_the_line_of_forward_in_anomaly_mode: y = x.sin()  # the line")
    assert pg.draw(y.cos()).steps[0].lines == []


def test_the_grad_that_a_leaf_has():
    x = leaf(2)
    (x * 3).sum().backward()
    grad = by_title(pg.draw(x.sum(), params={"x": x}), "x").grad
    assert grad.shape == (2,)
    assert grad.norm == 18**0.5


def test_norms_of_all_kinds_of_gradients():
    assert flow_of(torch.tensor([3.0, 4.0])).norm == 5
    assert flow_of(torch.tensor([3.0, 4.0j])).norm == 5
    assert flow_of(torch.tensor([[0.0, 2.0]]).to_sparse()).norm == 2
    assert flow_of(torch.ones(2, device="meta")).norm is None
    assert flow_of(torch.full((4,), 60000.0, dtype=torch.float16)).norm == 120000.0
    odd = flow_of(torch.tensor([1.0, float("nan"), float("inf")]))
    assert odd.odd == 2
    assert odd.norm != odd.norm


def test_bytes_of_all_layouts():
    dense = torch.eye(3)
    assert byte_count(dense) == 36
    assert byte_count(dense.to_sparse()) == 12 + 48
    assert byte_count(dense.to_sparse_csr()) == 12
