"""The laws of other parts of torch, where the controls do not reach."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from plugrad import Sample
from plugrad.core.installed_torch import torch_before
from plugrad.testing import check_op

#: Later versions run backward, so that there is nothing to find.
DROPS = pytest.mark.skipif(
    torch_before("2.13") or not torch_before("2.14"),
    reason="before 2.13 it is not tried; since 2.14 torch.compile keeps backward there",
)
WHERE = "in torch.compile of torch.func.vjp, torch drops backward"


class Sinc(torch.autograd.Function):
    """y = sin(x) / x, smooth at 0, where the quotient rule gives 0 / 0."""

    @staticmethod
    def forward(x):
        return torch.where(x == 0, 1, torch.sin(x) / x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        safe = torch.where(x == 0, 1, x)
        return gy * torch.where(x == 0, 0, (safe * safe.cos() - safe.sin()) / safe**2)


class InNumpy(torch.autograd.Function):
    """y = sin(x);  gx = gy cos(x), where torch does not see what forward does."""

    @staticmethod
    def forward(x):
        return torch.from_numpy(np.sin(x.detach().numpy()))

    setup_context = Sinc.setup_context

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x.cos()


class Sign(torch.autograd.Function):
    """y = sign(x);  gx = gy, which is not the slope."""

    @staticmethod
    def forward(x):
        return x.sign()

    @staticmethod
    def setup_context(ctx, inputs, output): ...

    @staticmethod
    def backward(ctx, gy):
        return gy


class Doubled(Sinc):
    """The same with a wrong backward, which is right once it is dropped."""

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x.cos()


class Listed(torch.autograd.Function):
    """y = x0 + x1 n: an input that is not a tensor, and one without a gradient."""

    @staticmethod
    def forward(label, x, n, y):
        return x + y * n, label + 1

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.n = inputs[2]
        ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx, gy, _):
        return None, gy, None, ctx.n * gy


@torch.compiler.disable
def apart(x):
    """The call as the message says to make it."""
    return Sinc.apply(x)


def compiled(function, *samples, **told):
    """What the law says of it: the status and the message."""
    (result,) = check_op(
        function, samples=list(samples) or at_zero(), laws=["compiled"], **told
    ).results
    return result.status, result.message


def at_zero():
    """A sample with a zero, where forward cannot be differentiated."""
    return [Sample(torch.tensor([-2.0, 0.0, 0.5, 3.0], dtype=torch.float64))]


@DROPS
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_a_backward_that_the_compiler_drops_is_found():
    # The report's own two lines show it, without a law.
    (x,) = at_zero()[0].args
    slope = torch.func.grad(lambda x: Sinc.apply(x).sum())
    assert slope(x).isfinite().all()
    assert torch.compile(slope, backend="eager")(x).isnan().tolist() == [False, True, False, False]
    status, message = compiled(Sinc)
    assert status == "failed"
    assert message.startswith(f"{WHERE} and differentiates forward: gradient of x[1]: expected ")
    assert "got nan" in message
    assert "probable cause" not in message  # it would be looked for in a rule that is right


@DROPS
def test_so_is_one_whose_forward_torch_does_not_see():
    status, message = compiled(InNumpy)
    assert (status, message.startswith(WHERE), "got 0 " in message) == ("failed", True, True)


@DROPS
def test_of_a_surrogate_it_is_a_warning():
    status, message = compiled(Sign, surrogate="straight through")
    assert (status, message.startswith(WHERE)) == ("warning", True)
    assert "make forward right" not in message


@DROPS
def test_a_function_that_calls_it_is_looked_through():
    assert compiled(lambda x: 2 * Sinc.apply(x))[0] == "failed"
    assert compiled(apart) == ("passed", "")


def test_a_gradient_that_is_wrong_by_itself_is_not_the_compilers():
    assert compiled(Doubled) == ("passed", "")
    report = check_op(Doubled, samples=at_zero(), laws=["numeric"])
    assert [result.status for result in report] == ["failed"]


def test_at_a_kink_torch_may_choose_another_number():
    class Kink(Sinc):
        @staticmethod
        def forward(x):
            return x.abs()

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return torch.where(x >= 0, gy, -gy)

    (sample,) = at_zero()
    assert compiled(Kink, sample.at_kink()) == ("passed", "")


def test_other_arguments_and_outputs_go_along():
    label = torch.arange(3)
    numbers = torch.linspace(1, 2, 3, dtype=torch.float64)
    assert compiled(Listed, Sample(label, numbers, 3, numbers.flip(0))) == ("passed", "")


def test_what_torch_func_refuses_is_not_tried():
    class Old(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.where(x == 0, 1, torch.sin(x) / x)

        backward = Sinc.backward

    assert compiled(Old) == ("passed", "")
