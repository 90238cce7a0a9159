"""Both gradchecks, torch's and ours, for statements about each: their errors are one class."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

import plugrad as pg
from plugrad.testing.gradcheck import gradcheck, gradgradcheck
from plugrad.tests.testing.leaves import leaves, torch_leaves


class Checker(NamedTuple):
    """What a test needs of an engine."""

    name: str
    function: Any
    gradcheck: Any
    gradgradcheck: Any
    leaves: Any
    forward_ad: Any


OURS = Checker("plugrad", pg.Function, gradcheck, gradgradcheck, leaves, pg.forward_ad)
TORCHS = Checker(
    "torch",
    torch.autograd.Function,
    torch.autograd.gradcheck,
    torch.autograd.gradgradcheck,
    torch_leaves,
    torch.autograd.forward_ad,
)


def an_op(checker, forward, backward, jvp=None, materialize=True):
    """A Function of that engine: ``backward`` and ``jvp`` get the inputs first."""

    class Op(checker.function):
        @staticmethod
        def forward(ctx, *inputs):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)
            ctx.set_materialize_grads(materialize)
            return forward(*inputs)

        @staticmethod
        def backward(ctx, *gradients):
            return backward(*ctx.saved_tensors, *gradients)

    if jvp is not None:
        Op.jvp = staticmethod(lambda ctx, *tangents: jvp(*ctx.saved_tensors, *tangents))
    return Op.apply
