"""ormqr: a matrix times the orthonormal one that reflections make."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.linalg._reflections import gradients

_DIGITS = "torch divides by what is nearly 0, and loses digits: see test_reflections.py"


@op(
    "ormqr",
    methods=("ormqr",),
    overrides=(torch.ormqr, torch.ops.aten.ormqr.default),
    aliases={"input2": "tau", "input3": "y"},
    waives={
        "stretched": _DIGITS,
        "magnitudes": _DIGITS,
    },
)
class Ormqr(Function):
    """z = q y, q^H y with transpose, or with left=False y q, y q^H; q = H[0] H[1] ... of x and tau.

    The gradients go through the reflections one by one: see _reflections.py. q is square.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        tau: Tensor,
        y: Tensor,
        left: bool = True,
        transpose: bool = False,
    ) -> Tensor:
        ctx.save_for_backward(x, tau, y)
        ctx.left, ctx.transpose = left, transpose
        return torch.ormqr(x, tau, y, left, transpose)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, tau, y = ctx.saved_tensors
        if ctx.left:
            return gradients(gz, x, tau, y, ctx.transpose)
        gx, g_tau, gy = gradients(gz.mH, x, tau, y.mH, not ctx.transpose)
        return gx, g_tau, gy.mH

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 2), make(2), make(3, 2))
        yield Sample(make(3, 3), make(3), make(3, 2), True, True)
        yield Sample(make(3, 2), make(2), make(2, 3), False)
        yield Sample(make(3, 2), make(2), make(2, 3), left=False, transpose=True)
        for constant in range(3):
            yield Sample(make(3, 2), make(2), make(3, 1)).constant(constant)
        yield Sample(make(2, 3, 2), make(2, 2), make(2, 3, 1))
        yield Sample(make.complex(3, 2), make.complex(2), make.complex(3, 2))
        yield Sample(make.complex(3, 2), make.complex(2), make.complex(3, 1), transpose=True)
        yield Sample(make.complex(3, 2), make.complex(2), make.complex(1, 3), False)
        yield Sample(make.complex(3, 2), make.complex(2), make.complex(1, 3), False, True)
        yield Sample(make(0, 3, 2), make(0, 2), make(0, 3, 2))
        yield Sample(make.tensor([[0.0], [1.0]]), make.tensor([2.0]), make.tensor([[0.0], [2.0]]))
        yield Sample(make(3, 3), make(3), make(3, 3), False)
        none = Sample(make(2, 1), make.tensor([0.0]), make(2, 1))
        yield none.waive("no-nan", "0 times inf is nan, although tau = 0 is not a reflection")
        yield Sample(make(3, 2), make(2), make(2, 2)).raises(RuntimeError, "must be equal")
