"""standard_gamma: random numbers of the gamma distribution, with a gradient."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, once_differentiable, op


@op(
    "standard_gamma",
    overrides=(torch._standard_gamma, torch.ops.aten._standard_gamma.default),
    aliases={"alpha": "x"},
    random=True,
    elementwise=True,
    equivalent={"option-ignored[generator]": "it is where the numbers are drawn from, in forward"},
    surrogate="forward draws by rejection, which has no slope; the gradient is that of the "
    "quantile at which a number was drawn",
    surrogate_reference=torch._standard_gamma,
)
class StandardGamma(Function):
    """y drawn from the density t^(x-1) e^-t / gamma(x);  gx = -gy (dP/dx) / (dP/dy), P = P(x, y).

    P is the distribution function, igamma. Figurnov, Mohamed and Mnih 2018, "Implicit
    reparameterization gradients", equation 6; torch's kernel approximates it,
    where we measured to 6e-5. There is no second derivative, as in torch.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        y = torch._standard_gamma(x, generator=generator)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        x, y = ctx.saved_tensors
        return gy * torch._standard_gamma_grad(x, y)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4, low=0.5, high=3.0))
        yield Sample(make(2, 3, low=0.1, high=20.0))
        yield Sample(make(low=1.0, high=2.0))
        yield Sample(make(0, 3))
