"""gradgradcheck beside torch's."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError as TorchGradcheckError

import plugrad as pg
from plugrad.errors import GradcheckArgumentError, GradcheckError, OnceDifferentiableError
from plugrad.testing.gradgradcheck import gradgradcheck
from plugrad.tests.testing.leaves import COMPLEX, REAL, leaves, tensors, torch_leaves

RIGHT = {
    "sin": (lambda x: x.sin(), REAL),
    "of two inputs": (lambda x, y: (x * y).sum(0), tensors((2, 3), (3,))),
    "of two outputs": (lambda x: (x.exp(), x * x), REAL),
    "linear": (lambda x: 2 * x, REAL),
    "C to C": (lambda z: z * z * z, COMPLEX),
    "C to R": (lambda z: z.abs(), COMPLEX),
}


@pytest.mark.parametrize(
    "options", [{}, {"fast_mode": True}, {"gen_non_contig_grad_outputs": True}]
)
@pytest.mark.parametrize("name", RIGHT)
def test_right_ones_pass_in_both(name, options):
    fn, given = RIGHT[name]
    assert gradgradcheck(fn, leaves(given), **options)
    assert torch.autograd.gradgradcheck(fn, torch_leaves(given), **options)


def cube(base, detach):
    """x^3 whose double backward is wrong: one factor of it is cut off."""

    class Cube(base):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * g * x * detach(x)

    return Cube.apply


def test_a_detached_factor_fails_in_both():
    ours, theirs = (
        cube(pg.Function, lambda x: x.detach()),
        cube(torch.autograd.Function, torch.Tensor.detach),
    )
    with pytest.raises(TorchGradcheckError):
        torch.autograd.gradgradcheck(theirs, torch_leaves(REAL))
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(ours, leaves(REAL))
    message = str(caught.value)
    assert "the gradient of gradient of input 0 with respect to input 0 is wrong" in message
    assert "probable cause: scaled by 0.5" in message
    assert not gradgradcheck(ours, leaves(REAL), raise_exception=False)


def test_given_cotangents():
    (x,) = leaves(REAL)
    assert gradgradcheck(lambda x: x.sin(), x, torch.ones(2, 3, dtype=torch.float64))
    assert gradgradcheck(lambda x: x.sin(), x, leaves(tensors((2, 3), seed=1)))
    assert gradgradcheck(lambda x: x.sin().sum(), x, [None])


def test_a_once_differentiable_op_says_so():
    class Once(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        @pg.once_differentiable
        def backward(ctx, g):
            return 2 * g

    with pytest.raises(OnceDifferentiableError):
        gradgradcheck(Once.apply, leaves(REAL))


@pytest.mark.parametrize("option", [{"check_fwd_over_rev": True}, {"check_rev_over_rev": False}])
def test_an_option_that_is_not_supported(option):
    with pytest.raises(GradcheckArgumentError, match=next(iter(option))):
        gradgradcheck(lambda x: x, leaves(REAL), **option)
