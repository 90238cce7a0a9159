"""What convolutions share: how the weight moves over x, and the gradients that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plugrad.core import Context
from plugrad.ops._sizes import Sizes, sizes
from plugrad.ops._strides import with_canonical_strides


@dataclass(frozen=True)
class Geometry:
    """The arguments of torch.convolution after the bias, but for ``extended``.

    Args:
        extended: by how many zeros each dimension of space is longer than x's.
    """

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    extended: tuple[int, ...] = ()

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In the order of torch.convolution and of its backward."""
        return (
            self.stride,
            self.padding,
            self.dilation,
            self.transposed,
            self.output_padding,
            self.groups,
        )


def of_convolution(
    weight: Tensor,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    transposed: bool,
    output_padding: Sizes,
    groups: int,
    extended: tuple[int, ...] = (),
) -> Geometry:
    """That of torch.convolution."""
    dims = weight.dim() - 2
    return Geometry(
        sizes(stride, dims),
        sizes(padding, dims),
        sizes(dilation, dims),
        bool(transposed),
        sizes(output_padding, dims),
        int(groups),
        extended,
    )


def of_conv(
    weight: Tensor, stride: Sizes, padding: Sizes | str, dilation: Sizes, groups: int
) -> Geometry:
    """That of conv1d, conv2d or conv3d."""
    extended: tuple[int, ...] = ()
    if padding == "same":  # torch puts the odd one at the end
        kernel = weight.shape[2:]
        dilations = sizes(dilation, len(kernel))
        total = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
        padding, odd = [t // 2 for t in total], tuple([t % 2 for t in total])
        extended = odd if any(odd) else ()
    elif isinstance(padding, str):  # "valid"
        padding = 0
    return of_convolution(weight, stride, padding, dilation, False, 0, groups, extended)


def save(ctx: Context, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> None:
    """Keep what ``backward`` needs."""
    ctx.save_for_backward(x, weight)
    ctx.bias_dtype = None if bias is None else bias.dtype
    # Each by itself: a context that plainly holds no tensor is recorded faster.
    ctx.stride, ctx.padding, ctx.dilation, ctx.transposed, *rest = geometry.arguments
    ctx.output_padding, ctx.groups = rest
    ctx.extended = geometry.extended


def _saved(ctx: Context) -> Geometry:
    conv = ctx.stride, ctx.padding, ctx.dilation
    return Geometry(*conv, ctx.transposed, ctx.output_padding, ctx.groups, ctx.extended)


def operands(x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """The two as torch's kernels read them right.

    In float32 they compute wrong numbers where the stride of a dimension of size 1 is not its
    memory format's, and some where one of the two is of one channel and in channels_last.
    """
    return with_canonical_strides(x), with_canonical_strides(weight)


def backward(ctx: Context, gz: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of x, weight and bias: those that are wanted."""
    x, weight = ctx.saved_tensors
    geometry = _saved(ctx)
    need = [bool(flag) for flag in ctx.needs_input_grad[:3]]
    if x.dtype is not gz.dtype or weight.dtype is not gz.dtype:  # autocast
        x, weight = x.to(gz.dtype), weight.to(gz.dtype)
    no_batch = x.dim() < weight.dim()
    if no_batch:
        x, gz = x.unsqueeze(0), gz.unsqueeze(0)
    length = x.shape[2:]
    x = _extended(x, geometry.extended)
    gradients = _of_complex if gz.dtype.is_complex else _of_real
    gx, gweight, gbias = gradients(gz, x, weight, geometry, need)
    if gx is not None:
        for dim, extra in enumerate(geometry.extended, 2):
            if extra:
                gx = gx.narrow(dim, 0, length[dim - 2])
        gx = gx.squeeze(0) if no_batch else gx
    if gbias is not None and gbias.dtype is not ctx.bias_dtype:  # torch's kernel takes any
        gbias = gbias.to(ctx.bias_dtype)
    return gx, gweight, gbias


def _extended(x: Tensor, extended: Sequence[int]) -> Tensor:
    """``x`` with zeros at the end of each dimension of space."""
    for dim, extra in enumerate(extended, 2):
        if extra:
            zeros = x.new_zeros([extra if i == dim else n for i, n in enumerate(x.shape)])
            x = torch.cat((x, zeros), dim)
    return x


def _of_real(
    gz: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, need: list[bool]
) -> Sequence[Tensor | None]:
    bias = (gz.shape[1],) if need[2] else None
    found = backward_kernel(gz, x, weight, bias, *geometry.arguments, need)
    # Asked for bias alone, oneDNN's gives weight too, in one dimension in the shape of two.
    return [gradient if wanted else None for gradient, wanted in zip(found, need, strict=True)]


def backward_kernel(
    gz: Tensor, x: Tensor, weight: Tensor, *rest: Any
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """convolution_backward, whose kernels misread the three as those of ``operands`` do."""
    gradients: tuple[Tensor | None, Tensor | None, Tensor | None]
    gradients = _convolution_backward(with_canonical_strides(gz), *operands(x, weight), *rest)
    return gradients


def _of_complex(
    gz: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, need: list[bool]
) -> list[Tensor | None]:
    """The kernel is for real numbers: g conj(w) by its four products."""
    products = [
        _of_real(g, *parts, geometry, need)
        for g in (gz.real, gz.imag)
        for parts in ((x.real, weight.real), (x.imag, weight.imag))
    ]
    gradients: list[Tensor | None] = [None, None, None]
    for i, (rr, ri, ir, ii) in enumerate(zip(*products, strict=True)):
        if need[i] and i < 2:
            gradients[i] = torch.complex(rr + ii, ir - ri)
        elif need[i]:
            gradients[i] = torch.complex(rr, ir)
    return gradients


_convolution_backward = torch.ops.aten.convolution_backward.default
