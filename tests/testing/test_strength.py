"""op_strength: what survives where samples are too weak, and that the built-in ops' are not."""

from __future__ import annotations

import os

import pytest
import torch

from plugrad.core import Composite, Elementwise, Function, Sample, conj, op
from plugrad.errors import UnknownFaultError, UnknownOpError
from plugrad.plugins.default import registry
from plugrad.testing.faults import FAULTS
from plugrad.testing.many import _alone, strength_of_many
from plugrad.testing.strength import choose_faults, op_strength
from plugrad.testing.strength_report import FaultResult, StrengthReport
from plugrad.tests.cli import wrong_ops

BUILTIN = [entry.name for entry in registry if entry.pack == "plugrad"]


class Sine(Function):
    """y = sin(x);  gx = gy conj(cos(x))."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * conj(x.cos())

    @staticmethod
    def samples(make):
        yield Sample(make(3, 4))
        yield Sample(make.complex(3))


def declared(**equivalent):
    @op("sine", equivalent={name.replace("_", "-"): why for name, why in equivalent.items()})
    class Declared(Sine):
        """As Sine."""

        @staticmethod
        def samples(make):
            yield from Sine.samples(make)

    return Declared


def verdicts(report):
    return {result.fault: result.verdict for result in report}


class SineFromSlope(Elementwise):
    """y = sin(x);  gx = gy conj(cos(x))."""

    value = staticmethod(torch.sin)
    slope = staticmethod(lambda x, y: x.cos())
    samples = Sine.samples


# --- weak samples --------------------------------------------------------------------


def test_a_kink_without_a_sample_survives():
    report = op_strength(Sine)
    assert [r.fault for r in report.survivors] == ["wrong-at-0[x]"]
    (survivor,) = report.survivors
    assert survivor.message == "add a sample with x = 0 (.at_kink() if there is no derivative)"
    assert not report.passed
    assert report.score == 1 - 1 / (report.counts["caught"] + 1)
    assert "Sine: wrong-at-0[x] survived: add a sample with x = 0" in str(report)
    assert survivor.reproduce.startswith("plugrad strength ")
    assert survivor.reproduce.endswith(":Sine --fault 'wrong-at-0[x]' --seed 0")


def test_the_sample_that_is_asked_for_catches_it():
    class Stronger(Sine):
        @staticmethod
        def samples(make):
            yield from Sine.samples(make)
            yield Sample(make.tensor([0.0, 1.0]))

    report = op_strength(Stronger, faults=["wrong-at-0"])
    (result,) = report
    assert (result.verdict, result.sample) == ("caught", 2)
    assert result.law
    assert report.passed
    assert report.score == 1.0


def test_faults_in_values_are_caught_as_wrong_gradients():
    # Not by an exception from the fault itself.
    report = op_strength("mul", faults=["scaled", "sign", "dropped", "swapped", "first-element"])
    assert len(report) == 6
    for result in report:
        assert result.verdict == "caught"
        assert "not torch's gradient" in result.message


def test_a_rule_made_of_a_slope_gets_the_faults_of_one_written_by_hand():
    assert verdicts(op_strength(SineFromSlope)) == verdicts(op_strength(Sine))


@pytest.mark.parametrize("name", ["nll_loss", "expand_as", "eq"])
def test_no_catch_is_an_error_of_the_fault(name):
    name = f"nn.functional.{name}" if name == "nll_loss" else name
    for result in op_strength(name):
        assert "/testing/faults/" not in result.message
        assert "NameError" not in result.message


# --- ops that fail their check -------------------------------------------------------


class Wrong(Sine):
    """Its gradient is wrong already."""

    @staticmethod
    def backward(ctx, gy):
        return gy * 3


def test_an_op_that_fails_its_check_gets_no_faults_and_no_advice():
    report = op_strength(Wrong)
    assert not report.passed
    assert report.score == 0.0
    assert report.counts == {"check failed": len(FAULTS)}
    (broken,) = report.broken
    assert (broken.law, broken.sample) == ("numeric", 0)
    assert report.survivors == report.stale == []
    first, told, command = str(report).splitlines()
    assert first.startswith("<StrengthReport 0%: ")
    assert told.startswith(
        "Wrong fails its check, so its strength is unknown: the law numeric, "
        "sample 0: not the slope of forward: "
    )
    assert "add a sample" not in told
    assert command.endswith(":Wrong --law numeric --sample 0 --seed 0")


def test_one_of_few_faults_that_survives_because_the_op_is_wrong_is_no_advice():
    class WrongInComplex(Sine):
        """y = sin(x), right in real numbers."""

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy * x.cos()

        @staticmethod
        def samples(make):
            yield Sample(make(3, 4))

    report = op_strength(WrongInComplex, faults=["conj-dropped", "wrong-at-0"])
    assert set(verdicts(report)) == {"conj-dropped", "wrong-at-0"}
    assert [r.law for r in report.broken] == ["complex"]


def test_the_command_shows_what_the_op_breaks():
    with wrong_ops.registered(wrong_ops.ScaledSin):
        (broken,) = op_strength("scaled_sin").broken
    place = "plugrad.tests.cli.wrong_ops:ScaledSin"
    assert broken.reproduce == f"plugrad check {place} --law numeric --sample 0 --seed 0"
    assert broken.as_dict()["verdict"] == "check failed"


def test_an_op_without_samples_has_weak_ones():
    class Sampleless(Sine):
        @staticmethod
        def samples(make):
            yield from ()

    class Raising(Sine):
        @staticmethod
        def samples(make):
            raise ZeroDivisionError("no samples today")

    (result,) = op_strength(Sampleless, faults=["sign"])
    assert (result.verdict, result.message) == ("survived", "add a sample that has a gradient")
    (result,) = op_strength(Raising, faults=["sign"])
    assert result.message == "the samples raise ZeroDivisionError: no samples today"


# --- equivalent faults ---------------------------------------------------------------


def test_equivalent_faults_are_proven():
    report = op_strength("floor")
    assert report.passed
    assert {r.message for r in report if r.verdict == "equivalent"} == {
        "its gradient is zero everywhere"
    }
    report = op_strength("cos", faults=["wrong-at-0"])
    assert [(r.verdict, r.message) for r in report] == [
        ("equivalent", "where x = 0 its gradient is zero, not finite or missing")
    ]


def test_a_fault_can_be_declared_equivalent():
    function = declared()
    assert [r.fault for r in op_strength(function).survivors] == ["wrong-at-0[x]"]

    @op("sine", equivalent={"wrong-at-0[x]": "nobody asks there"})
    class Declared(Sine):
        """As Sine."""

    (result,) = op_strength(Declared, faults=["wrong-at-0"])
    assert (result.verdict, result.message) == ("equivalent", "nobody asks there")


def test_a_declaration_that_is_not_true_fails():
    report = op_strength(declared(scaled="it is close"), faults=["scaled"])
    (result,) = report
    assert result.verdict == "stale"
    assert result.message.startswith("declared equivalent (it is close), but caught: not torch's")
    assert not report.passed
    report = op_strength(declared(swapped="they are the same"), faults=["swapped"])
    assert [(r.verdict, r.message) for r in report] == [
        (
            "stale",
            "declared equivalent, but not applicable: it has fewer than two inputs with a gradient",
        )
    ]


def test_a_declaration_of_what_there_is_not_fails():
    @op("sine", equivalent={"dropped[z]": "there is no z", "scald": "a slip of the pen"})
    class Declared(Sine):
        """As Sine."""

    assert {r.fault for r in op_strength(Declared).stale} == {"dropped[z]", "scald"}


# --- what has no rule ----------------------------------------------------------------


def test_what_has_no_rule_has_no_faults():
    class Twice(Composite):
        """y = 2 x."""

        @staticmethod
        def forward(x):
            return x + x

        @staticmethod
        def samples(make):
            yield Sample(make(3))

    for function, reason in (
        (Twice, "composite: it has no rule of its own"),
        ("eq", "it is not differentiable"),
    ):
        report = op_strength(function)
        assert len(report) == len(FAULTS)
        assert {(r.verdict, r.message) for r in report} == {("not applicable", reason)}
        assert report.passed
        assert report.score == 1.0


# --- names ---------------------------------------------------------------------------


def test_faults_are_chosen_with_or_without_a_variant():
    assert verdicts(op_strength("mul", faults=["dropped[y]"])) == {"dropped[y]": "caught"}
    assert set(verdicts(op_strength("mul", faults="dropped"))) == {"dropped[x]", "dropped[y]"}


def test_an_unknown_fault_is_refused_with_a_suggestion():
    with pytest.raises(UnknownFaultError) as caught:
        choose_faults(["scald"])
    assert str(caught.value).startswith(
        "there is no fault 'scald'\n  fix: did you mean scaled? the faults are dropped, none, "
    )
    with pytest.raises(UnknownOpError):
        op_strength("sine_of_nothing")


def test_reports_are_split_by_op_and_say_what_they_hold():
    results = [
        FaultResult("a", "scaled", "caught", law="oracle", sample=0),
        FaultResult("b", "scaled", "survived", "add a sample"),
        FaultResult("b", "sign", "caught"),
    ]
    report = StrengthReport(results)
    assert repr(report) == "<StrengthReport 67%: 2 caught, 1 survived>"
    assert {name: one.score for name, one in report.ops.items()} == {"a": 1.0, "b": 0.5}
    assert repr(StrengthReport()) == "<StrengthReport 100%: no fault was injected>"
    assert not StrengthReport().passed
    assert results[0].as_dict()["id"] == "a-scaled"
    assert list(report) == results
    assert len(report) == 3


def test_many_ops_in_two_processes():
    entries = [registry[name] for name in ("sin", "mul", "neg")]
    alone = list(strength_of_many(entries, faults=["scaled", "dropped"]))
    spread = list(strength_of_many(entries, faults=["scaled", "dropped"], jobs=2))
    assert [r.results[0].op for r in alone] == ["sin", "mul", "neg"]

    def told(reports):
        return sorted((r.id, r.verdict) for report in reports for r in report)

    assert told(alone) == told(spread)
    assert len(told(alone)) == 7


def test_it_stops_when_asked():
    entries = [registry[name] for name in ("sin", "mul", "neg")]
    answers = iter([False, True])
    seen = list(strength_of_many(entries, faults=["scaled"], stop=lambda: next(answers)))
    assert [report.results[0].op for report in seen] == ["sin"]


# --- the built-in ops ----------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILTIN)
def test_the_samples_of_a_built_in_op_catch_every_fault(name):
    report = op_strength(name)
    assert report.passed, str(report)
    assert report.score == 1.0


def test_kernels_run_in_one_thread_as_in_a_check():
    # Of two, max_unpool2d of two elements at one place gives either, and its faults survived.
    seen = set()

    class Counting(Sine):
        """As Sine."""

        @staticmethod
        def forward(ctx, x):
            seen.add(torch.get_num_threads())
            return Sine.forward(ctx, x)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        op_strength(Counting, faults="scaled")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {1}


def test_a_process_that_dies_is_a_survivor_of_its_op():
    report = _alone(os._exit, 3, seed=0)
    (result,) = report
    assert (result.op, result.verdict) == (3, "survived")
    assert result.message == "the process that injected its faults died"
    assert not report.passed


def test_an_op_whose_backward_raises_is_not_said_to_be_strong():
    class Unwritten(Sine):
        """y = sin(x);  gx is still to be written."""

        @staticmethod
        def backward(ctx, gy):
            raise NotImplementedError

    report = op_strength(Unwritten)
    assert not report.passed
    assert {(r.verdict, r.law) for r in report} == {("check failed", "runs")}
