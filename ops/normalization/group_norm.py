"""nn.functional.group_norm: each group of channels with mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, Variable, op
from plugrad.ops.normalization._autocast import in_full_precision
from plugrad.ops.normalization._normalized import COMPUTED_AGAIN


def _reference(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    if weight is None and bias is not None:  # of which torch has no gradient
        weight = torch.ones_like(bias)
    return torch.group_norm(x, num_groups, weight, bias, eps, cudnn_enabled)


@op(
    "nn.functional.group_norm",
    overrides=(
        torch.nn.functional.group_norm,
        torch.group_norm,
        torch.ops.aten.group_norm.default,
    ),
    reference=_reference,
    promotes=True,
    waives={"hidden-intermediate": COMPUTED_AGAIN},
)
class GroupNorm(Function):
    """y = (x - mean) / sqrt(var + eps) weight + bias, in each group of channels of each example.

    Channels are dimension 1, and weight and bias have one element for each. The gradient is
    native_group_norm_backward's.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        num_groups: int,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
        cudnn_enabled: bool = True,
    ) -> Tensor:
        if _may_be_wrong(x, num_groups, weight, bias):
            return torch.group_norm(x, num_groups, weight, bias, eps)  # says what is wrong
        ctx.full, (a, w, b) = in_full_precision(x, weight, bias)
        n, channels = x.shape[:2]
        sizes = n, channels, x.shape[2:].numel(), int(num_groups)
        y, mean, rstd = _native_group_norm(_packed(a), _packed(w), _packed(b), *sizes, eps)
        ctx.save_for_backward(x, weight, mean, rstd)
        ctx.mark_non_differentiable(mean, rstd)
        ctx.sizes, ctx.eps = sizes, float(eps)
        return y  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, rstd = ctx.saved_tensors
        need_gx, _, need_gweight, need_gbias, *_ = ctx.needs_input_grad
        _, (x, weight, _) = in_full_precision(x, weight, None, ctx.full)
        x, sizes = _packed(x), ctx.sizes
        recorded = isinstance(x, Variable)
        again = _native_group_norm(x, None, None, *sizes, ctx.eps) if recorded else (mean, rstd)
        # Without a weight the kernel has no gradient of the bias.
        needs = [need_gx, need_gweight, need_gbias and weight is not None]
        g, weight = _packed(gy), _packed(weight)
        gx, gweight, gbias = _backward(g, x, *again[-2:], weight, *sizes, needs)
        if need_gbias and weight is None:
            gbias = gy.transpose(0, 1).flatten(1).sum(1)
        return gx, None, gweight, gbias

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(2, 4, 3), 2, make(4), make(4))
        yield Sample(make(2, 3, 2, 2), 1, eps=0.5)
        yield Sample(make(2, 4, 2), 4, weight=make(4))
        yield Sample(make(2, 4), num_groups=2, bias=make(4), cudnn_enabled=False)
        for constant in (0, 2, 3):
            yield Sample(make(2, 4, 3), 2, make(4), make(4)).constant(constant)
        x, weight = make.tensor([[0.0, 1.0, 0.0]]), make.tensor([0.0, 2.0, 0.0])
        yield Sample(x, 1, weight, eps=0.5)
        yield Sample(make(0, 4, 3), 2, make(4), make(4))
        yield Sample(make(2, 4, 3), 3).raises(RuntimeError, "divisible")
        yield Sample(make(2, 4, 3), 2, make(3)).raises(RuntimeError, "weight")
        yield Sample(make(2, 4, 3), 2, None, make(3)).raises(RuntimeError, "bias")
        yield Sample(make(4), 2).raises(RuntimeError, "at least 2 dim")


_native_group_norm = torch.native_group_norm
_backward = torch.ops.aten.native_group_norm_backward.default


def _may_be_wrong(x: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None) -> bool:
    """Whether torch's function, which checks what the kernel does not, has to look at it."""
    if x.dim() < 2 or groups <= 0 or x.shape[1] % groups:
        return True
    shape = (x.shape[1],)
    return any(t is not None and t.shape != shape for t in (weight, bias))


def _packed(x: Tensor | None) -> Tensor | None:
    # The kernels read tensors as if they were contiguous, whether they are or not.
    return None if x is None else x.contiguous()
