"""The law kernel-numerics: its four verdicts, on both engines."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import plugrad as pg
from plugrad.testing import check_op
from plugrad.testing.laws.numerics import judge

F32, BF16, F16 = torch.float32, torch.bfloat16, torch.float16
LAW = "kernel-numerics"


def numbers(*shape, dtype=F32):
    """Normal numbers, always the same."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)


def only(report):
    (result,) = report
    return result


def check(function, samples, reference, **told):
    return only(check_op(function, samples=samples, reference=reference, laws=[LAW], **told))


# --- one result ----------------------------------------------------------------------


def wide(*values):
    return torch.tensor(values, dtype=torch.float64)


def verdict(got, reference, exact, cotangent=1.0):
    return judge("gradient of x", got, reference, exact, cotangent).verdict


def test_two_roundings_pass_and_three_fail():
    exact, eps = wide(1.0, -2.0, 0.5), torch.finfo(F32).eps
    reference = exact.float()
    assert verdict(reference, reference, exact) == "pass"
    assert verdict((exact * (1 + 2 * eps)).float(), reference, exact) == "pass"
    assert verdict((exact * (1 + 3 * eps)).float(), reference, exact) == "fail"


def test_twice_the_references_own_error_passes_and_more_fails():
    exact = wide(1.0, 1.0, 1.0)
    reference = torch.tensor([1.0, 1.0001, 1.0])
    assert verdict(torch.tensor([1.00019, 1.0, 1.0]), reference, exact) == "pass"
    assert verdict(torch.tensor([1.00022, 1.0, 1.0]), reference, exact) == "fail"


@pytest.mark.parametrize("dtype", [F32, BF16, F16])
def test_one_wrong_element_of_many_fails(dtype):
    exact = torch.linspace(0.5, 2, 10_000, dtype=torch.float64)
    reference, got = exact.to(dtype), exact.to(dtype)
    got[1234] *= 1 + 8 * torch.finfo(dtype).eps
    found = judge("gradient of x", got, reference, exact, 1.0)
    assert found.verdict == "fail"
    assert found.mismatch.index == (1234,)
    # A norm does not see it.
    assert float((got.double() - exact).norm() / exact.norm()) < torch.finfo(dtype).eps


def test_what_the_reference_itself_gets_wrong_is_limited():
    exact, reference = wide(1.0, 2.0), torch.tensor([1.1, 2.0])
    assert verdict(torch.tensor([1.9, 2.0]), reference, exact) == "limited"
    assert verdict(torch.tensor([1.0, 2.0]), reference, exact) == "limited"


def test_what_no_rounding_explains_fails_however_wrong_the_reference_is():
    exact, reference = wide(1.0, 2.0), torch.tensor([1.001, 2.0])
    assert verdict(torch.tensor([500.0, 2.0]), reference, exact) == "fail"
    assert verdict(torch.tensor([torch.nan, 2.0]), reference, exact) == "fail"


def test_where_the_dtype_ends_nothing_is_asked():
    exact, ends = wide(1e5, 2.0), torch.tensor([torch.inf, 2.0], dtype=F16)
    assert verdict(ends, ends, exact) == "pass"
    assert verdict(torch.tensor([65504, 2.0], dtype=F16), ends, exact) == "pass"
    assert verdict(torch.tensor([torch.inf, 3.0], dtype=F16), ends, exact) == "fail"
    assert verdict(ends[:1], ends[:1], exact[:1]) == "limited"


def test_inf_where_the_reference_has_a_number_fails():
    exact = wide(1.0, 2.0)
    assert verdict(torch.tensor([1.0, torch.inf]), exact.float(), exact) == "fail"


def test_a_gradient_that_zeros_would_pass_for_is_inconclusive():
    zeros = torch.zeros(3)
    assert verdict(zeros, zeros, zeros.double()) == "inconclusive"
    # What is left where terms cancel, in float64 too.
    assert verdict(zeros, zeros, wide(1e-17, -2e-17, 0.0)) == "inconclusive"
    exact = wide(1e-3, -1e-3)
    assert verdict(exact.to(BF16), torch.tensor([2e-3, -1e-3], dtype=BF16), exact) == "limited"
    assert verdict(torch.tensor([1.0, 0.0, 0.0]), zeros, zeros.double()) == "fail"


def test_a_value_of_zeros_passes():
    zeros = torch.zeros(3)
    assert judge("output 0", zeros, zeros, zeros.double()).verdict == "pass"


# --- a target of torch's -------------------------------------------------------------


class Squared(torch.autograd.Function):
    """y = x^2;  gx = 2 x gy."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * x * gy


def squared(x):
    return x * x


@pytest.mark.parametrize("dtype", [F32, BF16, F16])
def test_a_right_kernel_passes(dtype):
    result = check(Squared, [(numbers(5).to(dtype),)], squared)
    assert (result.status, result.verdict) == ("passed", "pass")
    assert result.as_dict()["verdict"] == "pass"


def test_in_float64_it_does_not_apply():
    result = check(Squared, [(numbers(5, dtype=torch.float64),)], squared)
    assert (result.status, result.verdict) == ("not applicable", None)
    assert result.message == "the sample is not in float32, bfloat16 or float16"


def test_without_a_reference_it_does_not_apply():
    result = only(check_op(Squared, samples=[(numbers(5),)], laws=[LAW]))
    assert (result.status, result.message) == ("not applicable", "the op names no reference=")


class Hidden(Squared):
    """The same in NumPy, and gx is wrong."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.square(x.detach().numpy()))

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 3 * x * gy


def test_without_a_reference_a_gradient_that_nothing_judges_is_inconclusive():
    report = check_op(Hidden, samples=[(numbers(5),)], laws=[LAW, "oracle", "numeric"])
    results = {result.law: result for result in report}
    assert {r.status for law, r in results.items() if law != LAW} == {"not applicable"}
    assert (results[LAW].status, results[LAW].verdict) == ("warning", "inconclusive")
    assert results[LAW].message == (
        "inconclusive: no law compares the gradient with anything: name a reference written in "
        "plain torch"
    )
    assert check(Hidden, [(numbers(5),)], squared).verdict == "fail"
    wide = only(check_op(Hidden, samples=[(numbers(5).double(),)], laws=[LAW]))
    assert wide.status == "not applicable"


def test_without_a_reference_a_function_has_the_gradient_that_torch_gives_it():
    result = only(check_op(squared, samples=[(numbers(5),)], laws=[LAW]))
    assert (result.status, result.message) == ("not applicable", "the op names no reference=")


def test_an_input_of_zeros_is_inconclusive_which_is_a_warning():
    result = check(Squared, [(torch.zeros(3),)], squared)
    assert (result.status, result.verdict) == ("warning", "inconclusive")
    assert result.message == (
        "inconclusive: the gradient of x is zero everywhere, so a missing one would pass: "
        "give a sample where it is larger"
    )


def test_a_difference_of_large_numbers_is_limited_which_is_a_warning():
    def cancels(x):
        return (x + 1e6) - 1e6

    result = check(cancels, [(numbers(4) * 1e-2,)], cancels)
    assert (result.status, result.verdict) == ("warning", "limited")
    assert result.message.startswith("limited: the reference's own output 0 is off by 0.0")


def test_a_reference_that_says_float_runs_in_float64_all_the_same():
    def cubed(x):
        y = x.float() ** 3
        return y.softmax(-1, dtype=F32).to(x.dtype) + torch.ones(4, dtype=F32)

    result = check(cubed, [(numbers(4),)], cubed)
    assert result.verdict == "pass"

    class Rounded(torch.autograd.Function):
        """The same with a slope that is off by 20 of float32's units."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return cubed(x)

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            with torch.enable_grad():
                again = x.detach().requires_grad_()
                (gx,) = torch.autograd.grad(cubed(again), again, gy)
            return gx * (1 + 20 * torch.finfo(F32).eps)

    assert check(Rounded, [(numbers(4),)], cubed).verdict == "fail"


def test_a_reference_that_draws_from_a_generator_of_its_own_draws_the_same():
    def dropped(x):
        generator = torch.Generator().manual_seed(0)
        return x * (torch.rand(x.shape, generator=generator, dtype=F32) > 0.5)

    assert check(dropped, [(numbers(50),)], dropped).verdict == "pass"


def test_a_reference_that_has_no_such_dtype_is_told_by_the_oracle():
    def only_wide(x):
        if x.dtype is F16:
            raise RuntimeError("not implemented for 'Half'")
        return x * x

    report = check_op(
        Squared, samples=[(numbers(3).half(),)], reference=only_wide, laws=[LAW, "oracle"]
    )
    results = {result.law: result for result in report}
    assert results[LAW].message == (
        "the reference does not run in torch.float16 here: not implemented for 'Half'"
    )
    assert results["oracle"].status == "failed"


def test_the_gradient_of_a_wide_weight_is_judged_as_wide():
    class Narrow(torch.autograd.Function):
        """y = x w;  gw is rounded as x is."""

        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return (x.float() * w).to(x.dtype)

        @staticmethod
        def backward(ctx, gy):
            x, w = ctx.saved_tensors
            gw = gy.float() * x.float()
            return (gy.float() * w).to(x.dtype), gw.to(BF16).float()

    samples = [(numbers(9, dtype=BF16), numbers(9))]
    result = check(Narrow, samples, lambda x, w: (x.float() * w).to(x.dtype))
    assert result.verdict == "fail"
    assert "gradient of w" in result.message


def test_a_gradient_of_another_shape_fails():
    # A broadcast gradient is summed, as torch does.
    class Broadcast(Squared):
        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return (2 * x * gy).expand(1, *x.shape)

    assert check(Broadcast, [(numbers(3),)], squared).verdict == "pass"
    result = check(Squared, [(numbers(3),)], lambda x: (x * x)[None])
    assert result.verdict == "fail"
    assert result.message == "output 0 is of shape [3], the reference's is [1, 3]"


def test_it_leaves_the_cotangents_of_who_writes_to_them_alone():
    class Overwrites(Squared):
        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return gy.data.mul_(2 * x)

    assert check(Overwrites, [(numbers(5),)], squared).verdict == "pass"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")
@pytest.mark.parametrize("dtype", [F32, BF16, F16])
def test_on_cuda(dtype):
    def samples(make):
        return [make(3, 5, dtype=dtype)]

    assert check(Squared, samples, squared, device="cuda").verdict == "pass"


# --- an op of plugrad's --------------------------------------------------------------


def an_op(slope, *values):
    @pg.op("numerics_scaled", reference=squared)
    class Scaled(pg.Function):
        """y = x^2;  gx = 2 x gy."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return slope * x * gy

        @staticmethod
        def samples(make):
            yield pg.Sample(make.tensor(values, dtype=F32))

    return Scaled


@pytest.mark.parametrize(
    ("slope", "values", "status", "verdict"),
    [
        (2, (1.0, 3.0), "passed", "pass"),
        (2.00001, (1.0, 3.0), "failed", "fail"),
        (2, (0.0, 0.0), "warning", "inconclusive"),
    ],
)
def test_on_plugrads_engine(slope, values, status, verdict):
    result = only(check_op(an_op(slope, *values), laws=[LAW]))
    assert (result.status, result.verdict) == (status, verdict), result.message
    torchs = {"pass": "passed", "fail": "failed", "inconclusive": "warning"}
    assert status == torchs[verdict]


def test_what_is_limited_warns_on_plugrads_engine_too():
    @pg.op("kernels::off", reference=lambda x: (x + 3e7) - 3e7)
    class Off(pg.Function):
        """y = x."""

        @staticmethod
        def forward(ctx, x):
            return (x + 3e7) - 3e7

        @staticmethod
        def backward(ctx, gy):
            return gy

        @staticmethod
        def samples(make):
            yield pg.Sample(make.tensor((0.7, 0.3), dtype=F32))

    report = check_op(Off, laws=[LAW])
    assert report.passed
    assert only(report).status == "warning"
    assert only(report).verdict == "limited"
