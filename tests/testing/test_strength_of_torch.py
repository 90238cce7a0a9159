"""op_strength of torch.autograd.Functions: what their samples catch, and what they show as weak."""

from __future__ import annotations

import pytest
import torch

from plugrad import Sample
from plugrad.errors import ArgumentError
from plugrad.testing import FAULTS, op_strength
from plugrad.testing.faults.mutant import mutant
from plugrad.testing.faults.subject import Subject, gradients, same
from plugrad.testing.torch_target import TorchTarget
from plugrad.tests.testing import torch_functions as functions


def strong(make):
    """A matrix, and what branches could get wrong."""
    return [Sample(make(3, 4)), Sample(make.tensor([0.0, 1.0, -2.0]))]


def pairs(make):
    """Of Tolerant: either is broadcast once, and each has a zero."""
    special = Sample(make.tensor([0.0, 2.0]), make.tensor([3.0, 0.0]))
    return [Sample(make(4), make(3, 4)), Sample(make(3, 4), make(4)), special]


class Rows(torch.autograd.Function):
    """y = the cumulative sum of a x along dim, with its options in setup_context."""

    @staticmethod
    def forward(x, dim, a=1.0):
        return (a * x).cumsum(dim)

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, ctx.dim, ctx.a = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, gy):
        return ctx.a * gy.flip(ctx.dim).cumsum(ctx.dim).flip(ctx.dim), None, None


class Scaled(torch.autograd.Function):
    """y = a x and y^2, whose rule is called vjp and keeps a tensor as an attribute."""

    @staticmethod
    def forward(ctx, x, a=1.0):
        ctx.x, ctx.a = x, a
        return a * x, x * x

    @staticmethod
    def vjp(ctx, gy, gz):
        return ctx.a * gy + 2 * ctx.x * gz, None


class Square(functions.Swish):
    """y = x^2;  gx = 2 gy x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy * ctx.saved_tensors[0]


class Relu(functions.Swish):
    """y = max(x, 0);  gx = gy where x > 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gy):
        return torch.where(ctx.saved_tensors[0] > 0, gy, 0)


def verdicts(function, samples, **told):
    return {r.fault: r.verdict for r in op_strength(function, samples=samples, **told)}


def messages(function, samples, **told):
    return {r.fault: r.message for r in op_strength(function, samples=samples, **told)}


# --- faults in a copy of a Function --------------------------------------------------


def test_samples_that_show_all_faults():
    report = op_strength(functions.Swish, samples=strong)
    assert report.passed, str(report)
    assert report.counts == {"caught": 22, "not applicable": 10}
    report = op_strength(functions.Tolerant, samples=pairs)
    assert report.passed, str(report)
    assert report.counts["caught"] == 31


def test_the_function_itself_stays_as_it_is():
    before = dict(vars(functions.Once))
    target = TorchTarget(functions.Once, strong, declared={"nondeterminism": 0.5})
    copy = mutant(Subject(target), {"backward": Subject(target).rule})
    assert dict(vars(functions.Once)) == before
    assert copy.function is not functions.Once
    assert copy.function._backward_cls is not functions.Once._backward_cls
    assert copy.op.once_differentiable
    assert copy.op.name == target.name
    assert copy.op.declaration.nondeterminism == 0.5
    for one, other in zip(Subject(target).cases, copy.cases, strict=True):
        assert same(gradients(one), gradients(other))


def test_a_mark_of_once_differentiable_leaves_no_second_order_to_get_wrong():
    found = op_strength(functions.Once, samples=strong)
    assert found.passed, str(found)
    silent = {r.fault: r.message for r in found if r.verdict == "not applicable"}
    assert (
        silent["detached"] == silent["saved-detached"] == "backward is marked once_differentiable"
    )


def test_options_in_a_setup_context():
    def samples(make):
        return [Sample(make(2, 3), 0), Sample(make(2, 2), 1, 3.0)]

    found = verdicts(Rows, samples, faults=["other-dim", "option-ignored"])
    assert found == {"other-dim[dim]": "caught", "option-ignored[a]": "caught"}
    weak = messages(Rows, lambda make: [Sample(make(3), 0)], faults=["option-ignored"])
    assert weak["option-ignored[a]"] == (
        "add a sample with a non-default a that is also valid without it"
    )


def test_what_a_rule_saves_and_does_not_use_cannot_be_shared():
    def samples(make):
        return [Sample(make(2, 3), 0)]

    reason = "the gradients do not depend on what the inputs let forward save"
    assert messages(Rows, samples, faults=["state-shared"]) == {"state-shared": reason}
    assert messages(functions.Noisy, strong, faults=["state-shared"], random=True) == {
        "state-shared": reason
    }


def test_a_rule_called_vjp_and_a_tensor_on_ctx():
    def samples(make):
        return [Sample(make(3), 2.0), Sample(make.tensor([0.0, 1.0, -2.0]))]

    report = op_strength(Scaled, samples=samples)
    assert report.passed, str(report)
    caught = {r.fault for r in report if r.verdict == "caught"}
    assert {"output-ignored[0]", "output-ignored[1]", "option-ignored[a]"} <= caught
    assert {"saved-changed", "state-shared", "saved-detached"} <= caught


def test_what_torch_mends():
    # Torch casts, and the lost digits stay lost.
    assert verdicts(functions.Swish, strong, faults=["float32-returned"]) == {
        "float32-returned": "caught"
    }
    assert messages(functions.Swish, strong, faults=["unbroadcast-dropped"]) == {
        "unbroadcast-dropped[x]": "in no sample a gradient of x is left to torch to sum"
    }
    # What a rule leaves to torch to sum can be summed wrongly.
    found = verdicts(functions.Tolerant, pairs, faults=["unbroadcast-dropped"])
    assert found == {"unbroadcast-dropped[a]": "caught", "unbroadcast-dropped[x]": "caught"}


def test_a_fault_that_only_a_warning_shows_is_caught_with_the_warning_said():
    def negative(make):
        return [Sample(make(3, low=-2.0, high=-1.0))]

    (result,) = op_strength(Relu, samples=negative, faults=["float32-returned"])
    assert (result.verdict, result.law) == ("caught", "gradient-form")
    assert result.message.startswith("a warning: the gradient of x has dtype torch.float32")
    # One that the op gives without the fault shows nothing.
    found = op_strength(functions.Swish, samples=strong)
    assert not any(r.law == "setup-context" for r in found)


# --- weak samples of kernels ---------------------------------------------------------


def test_zeros_show_no_branch():
    found = messages(functions.Swish, lambda make: [Sample(make(3, 4) * 0)])
    assert found["wrong-below-0[x]"] == "add a sample with x < 0"
    assert found["wrong-above-0[x]"] == "add a sample with x > 0"
    assert found["wrong-beyond-1[x]"] == "add a sample with |x| > 1"


def test_advice_for_zeros_is_true():
    def better(make):
        return [Sample(make(3, 4) * 0), Sample(make.tensor([-2.0, 2.0]))]

    assert op_strength(functions.Swish, samples=better).passed


def test_zero_gradients_show_little():
    found = messages(Square, lambda make: [Sample(make(3) * 0)])
    assert found["buffer-reused"] == "add a sample whose gradient is not zero"
    assert found["clipped"] == "add a sample in float32 or float64 whose gradient is not zero"
    # The second derivative is not zero, and shows a wrong factor.
    assert "derivative 2 is not torch's" in found["scaled"]
    assert op_strength(Square, samples=strong).passed


def test_a_masked_branch_that_no_sample_reaches():
    found = op_strength(Relu, samples=lambda make: [Sample(make(3, low=-2.0, high=-1.0))])
    advice = {r.fault: r.message for r in found.survivors}
    assert advice["wrong-above-0[x]"] == "add a sample with x > 0"
    assert advice["dropped[x]"] == "add a sample where x gets a gradient that is not zero"
    assert advice["float32-inside"] == "add a sample in float64 whose gradient is not zero"
    assert op_strength(Relu, samples=lambda make: [Sample(make(3, 4))]).passed


class Product(torch.autograd.Function):
    """y = x w, once differentiable."""

    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x * w

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        return gy * w, gy * x


def test_zeros_in_all_inputs_prove_nothing():
    found = op_strength(Product, samples=lambda make: [Sample(make(3) * 0, make(3) * 0)])
    assert not found.passed
    missed = {r.fault for r in found.survivors}
    assert {"dropped[x]", "none", "sign", "wrong-below-0[x]", "wrong-above-0[w]"} <= missed


def test_a_kernel_without_float64():
    def narrow(make):
        return [Sample(make(4, dtype=torch.bfloat16), make(4, dtype=torch.bfloat16))]

    told = {"reference": torch.mul, "faults": ["scaled", "clipped", "sign", "float32-inside"]}
    found = {r.fault: r for r in op_strength(Product, samples=narrow, **told)}
    assert found["sign"].verdict == "caught"
    assert found["float32-inside"].message == "no sample has a gradient in float64"
    advice = "add a sample in float32 or float64 whose gradient is not zero"
    assert found["scaled"].message == found["clipped"].message == advice

    def better(make):
        return [*narrow(make), Sample(make(4, dtype=torch.float32), make(4, dtype=torch.float32))]

    report = op_strength(Product, samples=better, **told)
    assert report.passed, str(report)


class Masked(torch.autograd.Function):
    """y = x where the mask is True, else 0."""

    @staticmethod
    def forward(ctx, x, mask):
        ctx.save_for_backward(mask)
        return torch.where(mask, x, 0)

    @staticmethod
    def backward(ctx, gy):
        return torch.where(ctx.saved_tensors[0], gy, 0), None


def hides_nothing(dtype):
    return lambda make: [Sample(make(4, dtype=dtype), make.tensor([True] * 4, dtype=torch.bool))]


def test_a_mask_that_hides_nothing_is_a_weak_sample():
    """In float64 the law indices tries another mask."""
    assert op_strength(Masked, samples=hides_nothing(torch.float64)).passed
    weak = hides_nothing(torch.float32)

    found = op_strength(Masked, samples=weak)
    assert {r.fault: r.message for r in found.survivors} == {
        "mask-all-true[mask]": "add a sample where mask has a False that matters"
    }

    def better(make):
        return [Sample(make(4), make.tensor([True, True, False, True], dtype=torch.bool))]

    assert op_strength(Masked, samples=better).passed


def test_one_element_shows_no_branch():
    found = messages(functions.Swish, lambda make: [Sample(make.tensor([1.5]))])
    assert found["wrong-below-0[x]"] == "add a sample with x < 0"
    assert found["wrong-within-1[x]"] == "add a sample with |x| < 1"

    def better(make):
        return [Sample(make.tensor([number])) for number in (1.5, -0.5, 0.0)]

    assert op_strength(functions.Swish, samples=better).passed


# --- what gets no faults -------------------------------------------------------------


def test_what_is_no_function_has_no_rule_to_change():
    report = op_strength(torch.nn.functional.silu, samples=strong)
    assert report.passed
    assert {(r.verdict, r.message) for r in report} == {
        (
            "not applicable",
            "it is not a torch.autograd.Function: its rule is not in a class that could be copied",
        )
    }
    assert len(report) == len(FAULTS)


@pytest.mark.parametrize(
    ("function", "law"),
    [
        (functions.Wrong, "numeric"),
        (functions.NeedsContiguous, "cotangent-layouts"),
        (functions.InNumpy, "once-differentiable"),
        (functions.Leaking, "no-cycle"),
    ],
)
def test_one_that_fails_its_check_gets_no_advice(function, law):
    report = op_strength(function, samples=strong)
    assert not report.passed
    (broken,) = report.broken
    assert broken.law == law
    assert broken.reproduce == ""
    assert report.counts == {"check failed": len(FAULTS)}


def test_without_samples_it_says_where_they_could_be():
    (result,) = op_strength(functions.NeedsContiguous, faults=["sign"])
    assert (result.verdict, result.message) == (
        "survived",
        "there are no samples: give samples=, or write them into a samples file",
    )


def test_a_target_by_its_text_with_the_samples_of_its_module():
    name = "plugrad.tests.testing.torch_functions:Swish"
    report = op_strength(name, faults=["scaled", "wrong-at-0"])
    (survivor,) = report.survivors
    assert survivor.reproduce == f"plugrad strength {name} --fault 'wrong-at-0[x]' --seed 0"


def test_what_is_declared_and_a_reference_hold_for_the_copies():
    declared = {"equivalent": {"wrong-at-0[x]": "nobody asks there"}}
    found = op_strength(functions.Swish, samples=functions.rows, **declared)
    assert found.passed, str(found)
    assert {r.message for r in found if r.verdict == "equivalent"} == {"nobody asks there"}
    found = op_strength(
        functions.Swish, samples=strong, reference=torch.nn.functional.silu, faults=["scaled"]
    )
    assert [r.verdict for r in found] == ["caught"]
    with pytest.raises(ArgumentError, match="samples is only for torch targets"):
        op_strength("sin", samples=strong)
