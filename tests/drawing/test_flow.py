"""The gradient that flowed: torch's values, the engine's order, and nothing that stays behind."""

from __future__ import annotations

import random

import pytest
import torch

import plugrad as pg
from plugrad.errors import BackwardError, DrawingError
from plugrad.tests.drawing.graphs import a_layer, by_title, leaf, transformer


def norms(step):
    return [None if f is None else f.norm for f in step.flow]


def test_norms_are_those_of_torchs_gradients():
    y, params = a_layer()
    drawing = pg.draw(y, params=params, gradients=True)
    x, w, b = (v._data.clone().requires_grad_() for v in params.values())
    h = (x @ w + b).tanh()
    h.retain_grad()
    (h * h.exp()).sum().backward()
    for name, expected in {"x": x.grad, "w": w.grad, "b": b.grad, "tanh": h.grad}.items():
        (flow,) = by_title(drawing, name).flow
        assert flow.norm == pytest.approx(expected.norm().item(), rel=1e-6)
        assert flow.shape == tuple(expected.shape)


def test_nothing_stays_behind():
    y, params = a_layer()
    kept = params["x"] * 1
    kept.retain_grad()
    (kept.sum() + y).backward(retain_graph=True)
    before = {name: v.grad.clone() for name, v in params.items()}
    held = kept.grad
    y.grad_fn.register_prehook(lambda g: None)
    pg.draw((kept.sum() + y), gradients=True)
    assert kept.grad is held
    assert held.tolist() == torch.ones(4, 3).tolist()
    for name, v in params.items():
        assert torch.equal(v.grad._data, before[name]._data)
    assert len(y.grad_fn._record._pg_pre_hooks) == 1
    y.backward()  # nothing was freed


OPS = (
    lambda a, b: a * b,
    lambda a, b: a + b,
    lambda a, b: a.sin(),
    lambda a, b: a.unbind()[0] * b,
)


@pytest.mark.parametrize("seed", range(20))
def test_the_numbers_are_the_order_in_which_the_engine_runs(seed):
    rng = random.Random(seed)
    pool = [leaf(2, seed=i) for i in range(3)]
    for _ in range(30):
        pool.append(rng.choice(OPS)(*rng.choices(pool, k=2)))
    y = sum(pool[-4:]).sum()
    ran, leaves, seen, waiting = [], set(), set(), [y.grad_fn]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            number = node._sequence_nr()
            seen.add(node)
            if node.next_functions:
                node.register_prehook(lambda *_, number=number: ran.append(number))
            else:  # with a hook it would run as soon as its gradient is complete
                leaves.add(number)
            waiting += [n for n, _ in node.next_functions if n is not None]
    y.backward(retain_graph=True)
    drawn = [step.sequence for step in pg.draw(y).steps]
    assert [number for number in drawn if number not in leaves] == ran


def test_a_step_that_no_gradient_gets_to_has_no_number():
    class Half(pg.Function):
        """z = x + y, of which only x has a gradient."""

        forward = staticmethod(lambda ctx, x, y: x + y)
        backward = staticmethod(lambda ctx, g: (g, None))

    a, b = leaf(2), leaf(2, seed=1)
    drawing = pg.draw(Half.apply(a, b * 2).sum(), params={"a": a, "b": b}, gradients=True)
    numbers = {step.title: step.number for step in drawing.steps}
    assert numbers == {"sum": 1, "Half": 2, "mul": None, "b": None, "a": 3}
    assert by_title(drawing, "mul").flow == []


def test_a_gradient_to_start_from():
    x = leaf(2)
    y = x * 2
    start = torch.tensor([3.0, 4.0])
    assert norms(pg.draw(y, gradients=start).steps[0]) == [5.0]
    assert norms(pg.draw(y, gradients=pg.Variable(start)).steps[1]) == [10.0]
    assert norms(pg.draw((y, x * 3), gradients=[start, start]).steps[0]) == [5.0]
    with pytest.raises(DrawingError, match="no gradient to start from.*2 elements") as raised:
        pg.draw(y, gradients=True)
    assert "gradients=torch.ones_like(y)" in raised.value.fix
    assert norms(pg.draw(y, gradients=torch.ones_like(y)).steps[0]) == [2**0.5]
    with pytest.raises(BackwardError, match="1 output was given 2 gradients"):
        pg.draw(y, gradients=[start, start])
    with pytest.raises(DrawingError, match="gradients= is a str"):
        pg.draw(y, gradients="yes")


def test_one_of_several_outputs_that_gets_none():
    a, _ = leaf(2, 3).unbind()
    drawing = pg.draw(a.sum(), gradients=True)
    assert norms(by_title(drawing, "unbind")) == [3**0.5, None]


def test_nan_is_shown_and_not_raised_in_anomaly_mode():
    x = pg.Variable(torch.tensor([0.0, 1.0]), requires_grad=True)
    with torch.autograd.set_detect_anomaly(True):
        y = (x * 0).sqrt().sum()
        drawing = pg.draw(y, params={"x": x}, gradients=True)
        assert torch.is_anomaly_check_nan_enabled()
    (flow,) = by_title(drawing, "x").flow
    assert flow.odd == 2
    assert "NaN" not in drawing.html.partition('id="data">')[2].partition("</script>")[0]


def test_hooks_change_what_flows():
    x = leaf(2)
    h = x * 1
    h.register_hook(lambda g: g * 5)
    drawing = pg.draw(h.sum(), params={"x": x}, gradients=True)
    assert norms(by_title(drawing, "x")) == [pytest.approx(50**0.5)]


def test_a_rule_that_fails_leaves_no_hook():
    class Broken(pg.Function):
        """z = x;  gx fails."""

        forward = staticmethod(lambda ctx, x: x.clone())

        @staticmethod
        def backward(ctx, g):
            raise ZeroDivisionError

    y = Broken.apply(leaf(2)).sum()
    with pytest.raises(ZeroDivisionError):
        pg.draw(y, gradients=True)
    assert not y.grad_fn._record._pg_pre_hooks


def test_a_whole_model():
    model, x = transformer(2)
    loss = model(x).pow(2).sum()
    drawing = pg.draw(loss, params=model, gradients=True)
    assert all(p.grad is None for p in model.parameters())
    loss.backward()
    for name, p in model.named_parameters():
        (flow,) = by_title(drawing, name).flow
        assert flow.norm == pytest.approx(p.grad._data.double().norm().item(), rel=1e-5)
