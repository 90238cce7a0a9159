"""scatter: elements put along a dimension, each at its own index."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.core.unpack import gradient_refused
from plugrad.errors import NotDifferentiableError
from plugrad.ops.indexing._gathered import gathered


@op(
    "scatter",
    methods=("scatter",),
    overrides=(
        torch.scatter,
        torch.ops.aten.scatter.value,
        torch.ops.aten.scatter.src,
        torch.ops.aten.scatter.value_reduce,
    ),
    aliases={"value": "src"},
    equivalent={"option-ignored[reduce]": "with reduce there is no gradient"},
    inplace=True,
)
class Scatter(Function):
    """z = x with src[i, j], or the number src, put at [index[i, j], j] (here dim = 0).

    gx = gz with 0 at the places put;  gsrc = gz gathered at index, and 0 where src is
    larger than index (there torch raises). If several elements are put at one place it is
    left open which one stays; as in torch each gets the gradient. With reduce, "add" or
    "multiply", there is no gradient in torch, and none here.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dim: int,
        index: Tensor,
        src: Tensor | complex,
        *,
        reduce: str | None = None,
    ) -> Tensor:
        if isinstance(src, Tensor) and src.dim() == 0 and index.dim() > 1 and index.numel():
            # Not a src, which would need as many dimensions: it was given as value=tensor.
            if any(ctx.needs_input_grad[3:4]):
                raise gradient_refused("scatter", "value")
            src = src.item()
        if reduce is not None:
            if any(ctx.needs_input_grad):
                raise NotDifferentiableError(
                    f"scatter with reduce={reduce!r} has no gradient, neither in torch",
                    where="a call of scatter",
                    fix="use scatter_add, or call it in plugrad.no_grad()",
                )
            return torch.scatter(x, dim, index, src, reduce=reduce)
        ctx.dim, ctx.src_shape = int(dim), src.shape if isinstance(src, Tensor) else None
        ctx.save_for_backward(index)
        return torch.scatter(x, dim, index, src)

    @staticmethod
    def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, None, None, Tensor | None]:
        (index,) = ctx.saved_tensors
        need_gx, _, _, need_gsrc = ctx.needs_input_grad
        gx = gz.scatter(ctx.dim, index, 0) if need_gx else None
        gsrc = gathered(gz, ctx.dim, index, ctx.src_shape) if need_gsrc else None
        return gx, None, None, gsrc

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        index = make.tensor([[2, 0, 1, 0]], dtype=torch.int64)
        yield Sample(make(3, 4), 0, index, make(1, 4))
        # Along this dimension none may come twice: one would be lost, and its gradient not.
        apart = make.tensor([[2, 0, 1, 3]], dtype=torch.int64)
        yield Sample(make(2, 4), -1, apart, make(1, 4))
        yield Sample(make(3, 4), dim=0, index=index, src=make(1, 4))
        yield Sample(make(3, 4), 0, index, 1.5)
        yield Sample(make(3, 4), 0, index, value=-2)
        yield Sample(make(3, 4), 0, index, value=make()).constant("value")
        yield Sample(make.complex(3, 4), 0, index, make.complex(1, 4))
        yield Sample(make.complex(3, 4), 0, index, 1j)
        yield Sample(make(3, 4), 0, index, make(1, 4)).constant(0)
        yield Sample(make(3, 4), 0, index, make(2, 4)).constant(3)
        yield Sample(make(3, 4), 0, index, make(2, 5))
        fewer = Sample(make(3, 4), 1, apart[:, :2], make(3, 4))  # torch has no gradient of these
        yield fewer.waive("indices", "of two that are written to one place both get its gradient")
        yield Sample(make(3, 4), 0, make.integers(0), make(2, 4))
        yield Sample(make.integers(3, 4), 0, index, 2, reduce="add")
        yield Sample(make.integers(3, 4), 0, index, 2, reduce="multiply")
        yield Sample(make(3, 2), 0, make.integers(0, 2), make(0, 2))
        yield Sample(make(), 0, make.tensor(0, dtype=torch.int64), make())
