"""geqrf: a QR factorization as LAPACK leaves it, R and the reflections that Q is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, conj, op
from plugrad.ops.linalg._factored_reference import factored


@op(
    "geqrf",
    methods=("geqrf",),
    overrides=(torch.geqrf, torch.ops.aten.geqrf.default),
    reference=factored,
    waives={"no-nan": "a column with nothing below its diagonal is not a smooth reflection: nan"},
)
class Geqrf(Function):
    """x = H[0] H[1] ... r, H[i] = 1 - tau[i] v v^H;  y has r, and below its diagonal each v.

    Step i turns c, the first column of what is left, into b e1, b = -+|c|: with a = c[0],
    v = c / (a - b), tau = 1 - a / b, and the other columns W into H^H W. Backward undoes the
    steps from the last to the first: W = H W', c = b (e1 - tau v), gW = H gW',
    gv = -tau gW' (v^H W)^H - conj(tau) W (v^H gW')^H, gtau = -(v^H W) (v^H gW')^H, and gc is by
    the chain rule from those of v, tau and b. LAPACK's larfg defines them. torch has no gradient.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Any:
        found = y, tau = torch.geqrf(x)
        ctx.save_for_backward(y, tau)
        return found

    @staticmethod
    def backward(ctx: Context, gy: Tensor, g_tau: Tensor) -> Tensor:
        y, tau = ctx.saved_tensors
        count = tau.shape[-1]
        rest, g_rest = y[..., count:, count:], gy[..., count:, count:]  # without elements
        for i in reversed(range(count)):
            step = y[..., i:, i:], tau[..., i], gy[..., i:, i:], g_tau[..., i]
            rest, g_rest = _undone(*step, rest, g_rest)
        return g_rest

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        for shape in ((3, 3), (4, 2), (2, 3), (3, 1), (1, 3), (2, 3, 2), (1, 1)):
            yield Sample(make(*shape))
        for shape in ((3, 3), (4, 2), (2, 3), (1, 2)):
            yield Sample(make.complex(*shape))
        yield Sample(make(0, 3))
        yield Sample(make(3, 0))
        yield Sample(make(0, 3, 2))
        yield Sample(make.tensor([[2.0, 0.0], [1.0, 3.0]]))
        yield Sample(make(3)).raises(RuntimeError, "dimension")


def _undone(
    y: Tensor, tau: Tensor, gy: Tensor, g_tau: Tensor, rest: Tensor, g_rest: Tensor
) -> tuple[Tensor, Tensor]:
    """What a step started from, and its gradient, from what it left.

    Args:
        y: the rows and columns that the step was about: b and a row of r, and v below b.
        tau: the step's.
        gy: the gradient of y.
        g_tau: the gradient of tau.
        rest: what further steps started from, y without its first row and column.
        g_rest: the gradient of rest.
    """
    tau, g_tau = tau[..., None, None], g_tau[..., None, None]
    b, g_b, tail, g_tail = y[..., :1, :1], gy[..., :1, :1], y[..., 1:, :1], gy[..., 1:, :1]
    v = torch.cat((torch.ones_like(b), tail), -2)
    after = torch.cat((y[..., :1, 1:], rest), -2)
    g_after = torch.cat((gy[..., :1, 1:], g_rest), -2)
    others = after - tau * v @ (v.mH @ after)
    turned, row = v.mH @ g_after, v.mH @ others
    g_others = g_after - tau * v @ turned
    head = b * (1 - tau)
    column = torch.cat((head, -b * tau * tail), -2)
    if not tail.shape[-2] and not y.is_complex():  # nothing to turn: tau is 0, and b is a
        return torch.cat((column, others), -1), torch.cat((g_b, g_others), -1)
    # W' = W - conj(tau) v (v^H W)
    g_tau = g_tau - row @ turned.mH
    seen = tau * g_after @ row.mH + conj(tau) * others @ turned.mH
    g_tail = g_tail - seen[..., 1:, :]
    gap = -b * tau  # a - b
    g_low = g_tail / conj(gap)
    g_gap = -(conj(tail) * g_low).sum(-2, True)
    g_size = (g_b - g_gap + g_tau * conj(head) / (b * b)).real
    g_column = g_size * column / b
    g_head = g_gap - g_tau / b
    g_column = g_column + torch.cat((g_head, g_low), -2)
    return torch.cat((column, others), -1), torch.cat((g_column, g_others), -1)
