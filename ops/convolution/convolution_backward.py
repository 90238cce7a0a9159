"""convolution_backward: convolution's three gradients, as one kernel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops._outer import check_outer
from plugrad.ops._sizes import Sizes
from plugrad.ops.convolution import _geometry

_Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


@op(
    "convolution_backward",
    overrides=(torch.ops.aten.convolution_backward.default,),
    aliases={"grad_output": "x", "input": "y"},
)
class ConvolutionBackward(Function):
    """(u, v, w) = (weight^T * x, y * x, sum(x)), the gradients of y, weight and bias for x.

    gx = weight * gu + gv * y + gw, gy = gv^T * x, gweight = gu * x: convolutions and gradients
    of convolutions (torch's _convolution_double_backward). What output_mask leaves out is None.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        y: Tensor,
        weight: Tensor,
        bias_sizes: Sequence[int] | None,
        stride: Sizes,
        padding: Sizes,
        dilation: Sizes,
        transposed: bool,
        output_padding: Sizes,
        groups: int,
        output_mask: Sequence[bool],
    ) -> _Gradients:
        check_outer("convolution_backward", x, y, y.dim() - 1)
        ctx.save_for_backward(x, y, weight)
        ctx.set_materialize_grads(False)
        geometry = _geometry.of_convolution(
            weight, stride, padding, dilation, transposed, output_padding, groups
        )
        ctx.geometry = geometry.arguments
        outputs: _Gradients = _geometry.backward_kernel(
            x, y, weight, bias_sizes, *ctx.geometry, output_mask
        )
        return outputs

    @staticmethod
    def backward(
        ctx: Context, gu: Tensor | None, gv: Tensor | None, gw: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        x, y, weight = ctx.saved_tensors
        need_gx, need_gy, need_gweight = ctx.needs_input_grad[:3]
        geometry = ctx.geometry
        gy = gweight = None
        terms: list[Tensor] = []
        if need_gx and gu is not None:
            terms.append(torch.convolution(*_geometry.operands(gu, weight), None, *geometry))
        if need_gx and gv is not None:
            terms.append(torch.convolution(*_geometry.operands(y, gv), None, *geometry))
        if need_gx and gw is not None:
            terms.append(gw.view(-1, *[1] * (x.dim() - 2)).expand(x.shape))
        gx = reduce(add, terms) if terms else None
        if need_gy and gv is not None:
            gy = _geometry.backward_kernel(x, y, gv, None, *geometry, [True, False, False])[0]
        if need_gweight and gu is not None:
            gweight = _geometry.backward_kernel(
                x, gu, weight, None, *geometry, [False, True, False]
            )[1]
        return gx, gy, gweight

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        one, none, plain = [1], [0], ([1], [0], [1], False, [0], 1)
        masks = [[bool(code & bit) for bit in (1, 2, 4)] for code in range(1, 8)]
        for mask in masks:
            yield Sample(make(2, 3, 4), make(2, 2, 6), make(3, 2, 3), [3], *plain, mask)
        x, y, weight, mask = make(2, 4, 3), make(2, 4, 5), make(4, 2, 3), masks[-1]
        for which in ((0,), (1,), (2,), (0, 1)):
            grouped = (one, none, one, False, none, 2)
            yield Sample(x, y, weight, [4], *grouped, mask).constant(*which)
        for tail in (([2], one, [2], False, none, 1), ([2], one, [2], True, none, 1)):
            like = torch.convolution(make(2, 2, 6), make(2, 2, 3), None, *tail)
            yield Sample(make(*like.shape), make(2, 2, 6), make(2, 2, 3), [2], *tail, mask)
        two = ([2, 3], [0, 1], [1, 1], False, [0, 0], 1)
        yield Sample(make(1, 3, 1, 2), make(1, 2, 3, 4), make(3, 2, 2, 3), [3], *two, mask)
        two = ([2, 3], [0, 1], [1, 1], True, [0, 2], 1)
        sample = Sample(make(1, 3, 6, 12), make(1, 2, 3, 4), make(2, 3, 2, 3), [3], *two, mask)
        yield sample.waive("second-order", "torch's third derivative raises for output_padding")
        three = ([1, 2, 1], [0, 1, 0], [1, 1, 1], False, [0, 0, 0], 1)
        y, weight = make(1, 2, 2, 3, 3), make(2, 2, 2, 2, 1)
        yield Sample(make(1, 2, 1, 2, 3), y, weight, [2], *three, mask)
        empty = Sample(make(0, 3, 3), make(0, 2, 4), make(3, 2, 2), [3], *plain, mask)
        for law in ("sizes", "dimensions"):
            empty.waive(law, "without a batch the kernel takes channels that do not fit")
        yield empty
        zeros = make.tensor([[[0.0, 1.0, -2.0]]])
        y, weight = make.tensor([[[0.0, 1.0, 0.0, 2.0, 1.0]]]), make.tensor([[[0.0, 3.0, 3.0]]])
        yield Sample(zeros, y, weight, None, *plain, masks[2])
