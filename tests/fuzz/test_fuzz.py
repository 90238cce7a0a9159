"""Random programs over all ops, on torch and on plugrad: nothing differs that no rule explains."""

from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings

import plugrad as pg
from plugrad.tests.fuzz.compare import compare
from plugrad.tests.fuzz.forms import AGAINST_TORCH, LEFT_OUT, forms
from plugrad.tests.fuzz.generate import programs
from plugrad.tests.fuzz.literals import KINDS, NoLiteralError, literal, numbers
from plugrad.tests.fuzz.program import PLUGRAD_HEADER, TORCH_HEADER, Program
from plugrad.tests.fuzz.run import main
from plugrad.tests.fuzz.shrink import shrunk

QUIET = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=300, **QUIET)
@given(program=programs())
def test_random_programs(program):
    verdict = compare(program)
    assert not verdict.unexplained, verdict.difference


def test_every_op_has_a_form_or_a_reason():
    names = {op.name for op in pg.registry}
    assert LEFT_OUT.keys() <= names
    without = {pg.registry[name] for name in names - LEFT_OUT.keys() - forms().keys()}
    # Where a law that compares with torch is waived, the op says why.
    assert {op.name for op in without if _compared_with_torch(op)} == set()


def _compared_with_torch(op):
    samples = [s for s in op.function.samples(pg.SampleMaker(0)) if s.error is None]
    waived = [{*op.declaration.waives, *s.waives} for s in samples if not s.oracle_is_wrong]
    return any(AGAINST_TORCH.isdisjoint(w) for w in waived)


# --- a judge that is judged: planted faults are found ---------------------------------


class TooSteep(pg.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gy):
        return gy * 1.5


def wrong_rule(method):
    """A method of Variable with the right value and a wrong gradient."""
    right = getattr(pg.Variable, method)
    return pg.Variable, method, lambda self, *args: TooSteep.apply(right(self, *args))


def without(method):
    """A method of Variable that does nothing but return self."""
    return pg.Variable, method, lambda self, *args, **kwargs: self


def detaching(method):
    """A method in place that changes the data and loses the gradient."""

    def change(self, *args):
        args = [a.data if isinstance(a, pg.Variable) else a for a in args]
        getattr(self.data, method)(*args)
        return self

    return pg.Variable, method, change


FAULTS = {
    "a wrong rule": lambda: wrong_rule("__mul__"),
    "retain_grad does nothing": lambda: without("retain_grad"),
    "requires_grad_ does nothing": lambda: without("requires_grad_"),
    "detach keeps the graph": lambda: without("detach"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, monkeypatch):
    monkeypatch.setattr(*FAULTS[fault]())

    @settings(max_examples=1000, phases=[Phase.generate], **QUIET)
    @given(programs())
    def every(program):
        assert not compare(program).unexplained

    with pytest.raises(AssertionError):
        every()


# --- programs as text ----------------------------------------------------------------

SMALL = Program(
    (
        "v0 = leaf(torch.tensor([1.0, 2.0], dtype=torch.float64), requires_grad=True)",
        "v1 = leaf(torch.tensor([3.0, 4.0], dtype=torch.float64))",
        "v2 = v0.square()",
        "v3, v4 = v2.unbind(0)",
        "with torch.no_grad():\n    v5 = v1 + v2",
        "backward([v3], [None])",
    )
)


@pytest.mark.parametrize("header", [TORCH_HEADER, PLUGRAD_HEADER])
def test_a_program_is_text_that_runs(header):
    names = {}
    exec(SMALL.text(header), names)
    assert names["v0"].grad.tolist() == [2, 0]
    assert header in repr(SMALL)


def test_a_dropped_line_takes_along_what_needs_it():
    assert SMALL.without({2}).lines == SMALL.lines[:2]
    assert SMALL.without({3}).lines == (*SMALL.lines[:3], SMALL.lines[4])


def test_a_difference_is_shrunk_to_the_lines_it_needs(monkeypatch):
    monkeypatch.setattr(*wrong_rule("square"))
    difference = compare(SMALL).difference
    assert (difference.index, difference.what, difference.name) == (5, "values", "v0.grad")
    smallest = shrunk(SMALL)
    assert smallest.lines == (SMALL.lines[0], SMALL.lines[2], SMALL.lines[3], SMALL.lines[5])


def test_the_command_prints_a_reproduction(monkeypatch, capsys):
    assert main(["--count", "5"]) == 0
    monkeypatch.setattr(*without("requires_grad_"))
    assert main(["--count", "5", "--show", "1"]) == 1
    assert PLUGRAD_HEADER in capsys.readouterr().out


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.complex128, torch.int64])
def test_the_literal_of_a_tensor_is_the_tensor(kind, dtype):
    for shape in [(), (3,), (2, 3), (0, 3), (1, 1, 2)]:
        tensor = numbers(kind, shape, dtype, 1)
        again = eval(literal(tensor), {"torch": torch, "inf": torch.inf, "nan": torch.nan})
        assert again.dtype is tensor.dtype
        assert again.shape == tensor.shape
        assert again.numpy().tobytes() == tensor.numpy().tobytes()


@pytest.mark.parametrize(
    "value",
    [1, -0.0, True, None, ..., 1 + 2j, "sum", slice(1, None), (1,), [2, (3,)], torch.float32],
)
def test_the_literal_of_a_value_is_the_value(value):
    assert repr(eval(literal(value), {"torch": torch})) == repr(value)


def test_what_has_no_literal_is_refused():
    with pytest.raises(NoLiteralError, match="object"):
        literal(object())
