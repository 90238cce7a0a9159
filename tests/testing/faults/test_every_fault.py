"""Each fault: what it does to a rule, and where it can't be."""

from __future__ import annotations

import pytest
import torch

from plugrad.errors import DuplicateFaultError
from plugrad.testing.faults import FAULTS
from plugrad.testing.faults.fault import Fault, FaultBook
from plugrad.testing.faults.mutant import mutant
from plugrad.testing.faults.subject import (
    Subject,
    gradients,
    moved_everywhere,
    same,
    same_where_finite,
)
from plugrad.testing.law import NotApplicable
from plugrad.testing.op_under_test import OpUnderTest


def subject(name):
    return Subject(OpUnderTest.of(name))


def faulty(name, fault, variant=""):
    return mutant(subject(name), FAULTS[fault].inject(subject(name), variant))


def both(name, fault, variant="", sample=0):
    """The gradients of the right and of the faulty op for one sample."""
    right = gradients(subject(name).cases[sample])
    wrong = gradients(faulty(name, fault, variant).cases[sample])
    return right, wrong


def refusal(name, fault, variant=""):
    with pytest.raises(NotApplicable) as caught:
        FAULTS[fault].inject(subject(name), variant)
    return str(caught.value)


# --- the book ------------------------------------------------------------------------


def test_every_fault_says_what_it_does_and_what_would_catch_it():
    assert len(FAULTS) == 32
    for fault in FAULTS:
        assert fault.what.endswith(".")
        assert fault.advice.startswith("add a sample")
        assert fault.order in {0, 1, 2}


def test_a_second_fault_with_the_id_is_refused():
    book = FaultBook()
    book.fault("scaled", "add a sample")(FAULTS["scaled"].inject)
    with pytest.raises(DuplicateFaultError) as caught:
        book.add(Fault("scaled", FAULTS["sign"].inject, "add a sample"))
    assert str(caught.value) == (
        "there is already a fault with the id 'scaled'\n  fix: choose a new id"
    )


def test_a_name_has_its_variant():
    assert FAULTS["dropped"].name("y") == "dropped[y]"
    assert FAULTS["scaled"].name("") == "scaled"
    assert FAULTS["dropped"].variants_of(subject("mul")) == ["x", "y"]
    assert FAULTS["dropped"].variants_of(subject("cat")) == ["tensors[0]", "tensors[1]"]


# --- a mutant ------------------------------------------------------------------------


def test_the_op_itself_stays_as_it_is():
    op = subject("mul")
    before = vars(op.function).copy()
    copy = faulty("mul", "scaled")
    assert vars(op.function) == before
    assert copy.function is not op.function
    assert copy.function.declaration is op.function.declaration
    assert copy.op.name == "mul"
    assert same(gradients(op.cases[0]), gradients(subject("mul").cases[0]))


def test_a_copy_without_a_fault_has_the_same_gradients():
    op = subject("pow")
    copy = mutant(op, {"backward": op.function.backward})
    for one, other in zip(op.cases, copy.cases, strict=True):
        assert same(gradients(one), gradients(other))


# --- values --------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "factor"), [("scaled", 1.001), ("sign", -1.0)])
def test_all_gradients_are_changed_by_a_factor(fault, factor):
    for right, wrong in zip(*both("mul", fault), strict=True):
        torch.testing.assert_close(wrong, right * factor, rtol=1e-14, atol=0)


@pytest.mark.parametrize(("fault", "index"), [("first-element", 0), ("last-element", -1)])
def test_one_element_is_changed(fault, index):
    (right,), (wrong,) = both("sin", fault)
    ratio = (wrong / right).flatten()
    expected = torch.ones_like(ratio)
    expected[index] = 1.01
    torch.testing.assert_close(ratio, expected)


def test_float32_inside_is_a_small_error():
    (right,), (wrong,) = both("sin", "float32-inside")
    error = ((wrong - right) / right).abs().max()
    assert 1e-10 < error < 1e-6
    assert wrong.dtype is torch.float64


def test_float32_returned_is_refused_by_the_engine():
    assert both("sin", "float32-returned")[1] is None


def test_conj_dropped():
    (right,), (wrong,) = both("sin", "conj-dropped", sample=1)
    assert right.is_complex()
    assert torch.equal(wrong, right.conj().resolve_conj())
    assert refusal("relu", "conj-dropped") == "the op has no gradient in complex tensors"


# --- inputs --------------------------------------------------------------------------


def test_one_gradient_is_dropped():
    right, wrong = both("mul", "dropped", "y")
    assert torch.equal(right[0], wrong[0])
    assert right[1].any()
    assert not wrong[1].any()


def test_all_gradients_are_none():
    assert both("mul", "none")[1] == [None, None]


def test_two_gradients_are_swapped():
    right, wrong = both("mul", "swapped")
    assert torch.equal(right[0], wrong[1])
    assert torch.equal(right[1], wrong[0])
    assert refusal("sin", "swapped") == "it has fewer than two inputs with a gradient"


def test_a_broadcast_gradient_is_not_summed():
    right, wrong = both("add", "unbroadcast-dropped", "x", sample=1)
    assert right[0].shape == wrong[0].shape
    assert not same(right[:1], wrong[:1])
    assert torch.equal(right[1], wrong[1])
    assert refusal("sin", "unbroadcast-dropped") == "the op does not declare broadcasts"
    reason = refusal("cat", "unbroadcast-dropped", "tensors[0]")
    assert reason == "forward does not broadcast tensors[0]"


# --- cotangents ----------------------------------------------------------------------


def test_the_cotangent_is_changed_in_place():
    call = faulty("sin", "cotangent-changed").cases[0].call()
    (cotangent,) = call.cotangents()
    before = cotangent.clone()
    call.rule([cotangent])
    assert torch.equal(cotangent, before * 2)


def test_cotangents_that_are_not_linear():
    call = subject("sin").cases[0].call()
    (cotangent,) = call.cotangents()
    (right,) = call.rule([cotangent * cotangent.abs()])
    (wrong,) = faulty("sin", "nonlinear").cases[0].call().rule([cotangent])
    assert torch.equal(right, wrong)


def test_cotangents_are_clipped_to_100():
    call = faulty("sin", "clipped").cases[0].call()
    (cotangent,) = call.cotangents()
    (small,), (large,) = call.rule([cotangent]), call.rule([cotangent * 1e6])
    (right,) = subject("sin").cases[0].call().rule([cotangent.sgn() * 100])
    torch.testing.assert_close(large, right)
    assert torch.equal(small, subject("sin").cases[0].call().rule([cotangent])[0])


def test_nan_where_the_cotangent_is_0():
    call = faulty("sin", "nan-at-zero").cases[0].call()
    (cotangent,) = call.cotangents()
    (gradient,) = call.rule([torch.zeros_like(cotangent)])
    assert gradient.isnan().all()


def test_an_output_is_ignored():
    assert FAULTS["output-ignored"].variants_of(subject("var_mean")) == ["0", "1"]
    (right,), (wrong,) = both("var_mean", "output-ignored", "1")
    assert not torch.equal(right, wrong)
    assert refusal("sin", "output-ignored") == "it has one output"


# --- state ---------------------------------------------------------------------------


def test_a_saved_tensor_is_changed():
    call = faulty("sin", "saved-changed").cases[0].call()
    first, second = (call.rule(call.cotangents())[0] for _ in range(2))
    assert not torch.equal(first, second)
    assert refusal("sum", "saved-changed") == "the rule saves no floating-point tensor"


def test_state_is_shared():
    op = faulty("sin", "state-shared")
    first = op.cases[0].call()
    (alone,) = first.rule(first.cotangents())
    op.cases[0].call([v + 1 for v in op.cases[0].values])
    (after,) = first.rule(first.cotangents())
    assert not torch.equal(alone, after)
    assert refusal("sum", "state-shared") == "the rule saves no floating-point tensor"


def test_a_buffer_is_reused():
    call = faulty("sin", "buffer-reused").cases[0].call()
    (first,) = call.rule(call.cotangents())
    kept = first.clone()
    call.rule([2 * c for c in call.cotangents()])
    assert torch.equal(first, 2 * kept)


# --- branches ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "inside"),
    [
        ("wrong-below-0", lambda x: x < 0),
        ("wrong-above-0", lambda x: x > 0),
        ("wrong-beyond-1", lambda x: x.abs() > 1),
        ("wrong-within-1", lambda x: x.abs() < 1),
    ],
)
def test_a_part_of_the_range_is_wrong(fault, inside):
    (right,), (wrong,) = both("sin", fault, "x")
    x = subject("sin").cases[0].values[0]
    assert inside(x).any()
    torch.testing.assert_close(wrong, torch.where(inside(x), 1.5, 1.0) * right)


def test_only_what_a_gradient_depends_on_has_branches():
    assert refusal("add", "wrong-below-0", "x") == "no gradient depends on the values of x"
    assert FAULTS["wrong-below-0"].inject(subject("mul"), "x")


def test_ties():
    right, wrong = both("max", "wrong-at-ties", "x", sample=1)  # 1, 3, 3, 1, 2
    torch.testing.assert_close(wrong[0], right[0] * 1.5)
    reason = "the gradient does not jump where elements of x tie"
    assert refusal("sin", "wrong-at-ties", "x") == reason


def test_what_is_proven_of_a_region():
    fault = FAULTS["wrong-at-0"]
    proofs = {
        name: fault.proof(subject(name), faulty(name, "wrong-at-0", "x"), "x")
        for name in ("cos", "log", "sin")
    }
    assert proofs == {
        "cos": "where x = 0 its gradient is zero, not finite or missing",
        "log": "where x = 0 its gradient is zero, not finite or missing",
        "sin": None,
    }


# --- options -------------------------------------------------------------------------


def test_another_dim():
    assert FAULTS["other-dim"].variants_of(subject("transpose")) == ["dim0", "dim1"]
    right, wrong = both("cumsum", "other-dim", "dim")
    assert right[0].shape == wrong[0].shape
    assert not same(right, wrong)
    assert refusal("sin", "other-dim") == "it has no parameter dim"


def test_keepdim_is_flipped():
    right, wrong = both("sum", "keepdim-flipped", "keepdim", sample=1)
    assert same(right, wrong)  # sum never asks for it again
    proof = FAULTS["keepdim-flipped"].proof
    assert proof(subject("sum"), subject("sum"), "keepdim") == (
        "forward leaves the same for backward whatever keepdim is"
    )
    assert refusal("sin", "keepdim-flipped") == "it has no parameter keepdim"


def test_an_option_is_ignored():
    right, wrong = both("add", "option-ignored", "alpha", sample=0)
    assert same(right, wrong)
    numbers = [c.index for c in subject("add").cases if "alpha" in c.sample.kwargs]
    assert any(
        not same(*both("add", "option-ignored", "alpha", sample=number)) for number in numbers
    )
    assert refusal("sin", "option-ignored") == "it has no option"


def test_a_mask_is_taken_for_the_same_everywhere():
    assert FAULTS["mask-all-true"].variants_of(subject("masked_fill")) == ["mask"]
    right, wrong = both("masked_fill", "mask-all-true", "mask")
    assert right[0].any()
    assert not wrong[0].any()
    right, wrong = both("masked_fill", "mask-all-false", "mask")
    assert torch.equal(wrong[0] * (right[0] != 0), right[0])
    assert wrong[0].all()
    for fault in ("mask-all-true", "mask-all-false"):
        assert refusal("sin", fault) == "no argument is a boolean tensor"


# --- the second order ----------------------------------------------------------------


@pytest.mark.parametrize("fault", ["detached", "saved-detached"])
def test_only_the_second_derivative_is_wrong(fault):
    right, wrong = subject("sin").cases[0], faulty("sin", fault).cases[0]
    assert same(gradients(right), gradients(wrong))
    assert not same(gradients(right, 2), gradients(wrong, 2))


def test_a_rule_that_saves_nothing_cannot_detach_it():
    assert refusal("sum", "saved-detached") == "the rule saves no tensor"


# --- what samples tell ---------------------------------------------------------------


def test_gradients_that_are_none_count_as_zeros():
    assert same([None, torch.zeros(2)], [torch.zeros(3), None])
    assert not same([None], [torch.ones(2)])
    assert not same([torch.ones(2)], [torch.ones(2, dtype=torch.float64)])
    nan = torch.tensor([float("nan"), 1.0])
    assert same([nan], [nan.clone()])
    infinite = torch.tensor([float("inf"), 1.0])
    assert not same([nan], [infinite])
    assert same_where_finite([nan], [infinite])
    assert not same_where_finite([nan], [2 * nan])
    assert same(None, None)
    assert not same(None, [None])


def test_a_sample_is_moved_in_all_inputs():
    probe = subject("mul").probes[0]
    values = [case.values for case in moved_everywhere(probe)]
    assert len(values) == 4
    assert torch.equal(values[0][0], probe.case.values[0])
    assert not torch.equal(values[1][1], probe.case.values[1])
