"""What the norms share: their formula, their gradient's formula, and the gradient of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

FLOATING = (torch.float64, torch.float32, torch.bfloat16, torch.float16)

#: Why an op may mark the statistics as constants.
COMPUTED_AGAIN = "recorded, backward computes the mean and rstd again, from x"


class Layout(NamedTuple):
    """How the tensors of a norm are seen, so that statistics and weight broadcast against x."""

    x: tuple[int, ...]
    statistics: tuple[int, ...]
    weight: tuple[int, ...]
    #: The dimensions of x that one mean goes over.
    dims: tuple[int, ...]


def normalized(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, layout: Layout
) -> tuple[Tensor, Tensor, Tensor]:
    """The output, the mean and 1 / sqrt(var + eps), in simple functions: a reference."""
    seen = x.reshape(layout.x)
    var, mean = torch.var_mean(seen, layout.dims, correction=0, keepdim=True)
    rstd = (var + eps).rsqrt()
    y = affine((seen - mean) * rstd, weight, bias, layout)
    return y.reshape(x.shape), mean, rstd


def affine(xhat: Tensor, weight: Tensor | None, bias: Tensor | None, layout: Layout) -> Tensor:
    """``xhat`` times weight plus bias."""
    if weight is not None:
        xhat = xhat * weight.reshape(layout.weight)
    return xhat if bias is None else xhat + bias.reshape(layout.weight)


def statistics(x: Any, eps: float, layout: Layout, like: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and rstd of ``x``, in functions that record, as the kernel gave ``like``."""
    x = x.reshape(layout.x)
    if x.dtype in (torch.float16, torch.bfloat16):
        x = x.float()
    var, mean = torch.var_mean(x, layout.dims, correction=0, keepdim=True)
    found = mean, (var + eps).rsqrt()
    mean, rstd = [t.reshape(like.shape).to(like.dtype) for t in found]
    return mean, rstd


def gradient(
    g: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    layout: Layout,
    by_statistics: bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, weight and bias, in simple functions: a reference.

    Without ``by_statistics`` the mean and rstd do not depend on x.
    """
    shape, (g, x, mean, rstd) = x.shape, _seen(g, x, mean, rstd, layout)
    xhat = (x - mean) * rstd
    h = g if weight is None else g * weight.reshape(layout.weight)
    if by_statistics:
        h = h - h.mean(layout.dims, True) - xhat * (h * xhat).mean(layout.dims, True)
    gweight, gbias = [t.sum_to_size(layout.weight).flatten() for t in (g * xhat, g)]
    return (rstd * h).reshape(shape), gweight, gbias


def gradient_of_gradient(
    cotangents: Sequence[Tensor | None],
    g: Tensor,
    x: Tensor,
    mean: Tensor,
    rstd: Tensor,
    weight: Tensor | None,
    layout: Layout,
    by_statistics: bool = True,
) -> tuple[Tensor | None, ...]:
    """The gradients of g, x, mean, rstd and weight in ``gradient``, for these cotangents.

    With h = g weight, xhat = (x - mean) rstd and t = rstd a, for the cotangent a of
    gx = rstd (h - m(h) - xhat m(h xhat)), where m is the mean:
    gh = t - m(t) - xhat m(t xhat),  gxhat = -t m(h xhat) - h m(t xhat),
    grstd = sum(a gx) / rstd;  then through h and xhat to what they are made of.
    """
    shapes: tuple[torch.Size, ...] = g.shape, x.shape, mean.shape, rstd.shape
    shapes = (*shapes, shapes[0] if weight is None else weight.shape)
    g, x, mean, rstd = _seen(g, x, mean, rstd, layout)
    w = None if weight is None else weight.reshape(layout.weight)
    a, c, e = cotangents
    centered = x - mean
    xhat = centered * rstd
    gg, gxhat, grstd, gweight = torch.zeros_like(g), None, None, None
    if a is not None:
        h = g if w is None else g * w
        gh, gxhat, grstd = _of_gx(a.reshape(layout.x), h, xhat, rstd, layout.dims, by_statistics)
        gg, grstd = gh if w is None else gh * w, grstd.sum_to_size(layout.statistics)
        gweight = None if w is None else (gh * g).sum_to_size(layout.weight)
    if c is not None:
        c = c.reshape(layout.weight)
        gg, gxhat = gg + c * xhat, c * g if gxhat is None else gxhat + c * g
    if e is not None:
        gg = gg + e.reshape(layout.weight)
    gx = gmean = None
    if gxhat is not None:
        gx = gxhat * rstd
        gmean = -gx.sum_to_size(layout.statistics)
        by_xhat = (gxhat * centered).sum_to_size(layout.statistics)
        grstd = by_xhat if grstd is None else grstd + by_xhat
    found = (gg, gx, gmean, grstd, gweight)
    return tuple([t if t is None else t.reshape(s) for t, s in zip(found, shapes, strict=True)])


def _of_gx(
    a: Tensor, h: Tensor, xhat: Tensor, rstd: Tensor, dims: tuple[int, ...], by_statistics: bool
) -> tuple[Tensor, Tensor | None, Tensor]:
    """The gradients of h, xhat and rstd (not yet summed), for the cotangent ``a`` of gx."""
    t = rstd * a
    if not by_statistics:
        return t, None, a * h
    along_t, along_h = [(s * xhat).mean(dims, True) for s in (t, h)]
    gh = t - t.mean(dims, True) - xhat * along_t
    return gh, -t * along_h - h * along_t, a * (h - h.mean(dims, True) - xhat * along_h)


def _seen(
    g: Tensor, x: Tensor, mean: Tensor, rstd: Tensor, layout: Layout
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        g.reshape(layout.x),
        x.reshape(layout.x),
        mean.reshape(layout.statistics),
        rstd.reshape(layout.statistics),
    )


def masked(
    gradients: tuple[Tensor, ...],
    mask: Sequence[bool],
    weight: Tensor | None,
    bias: Tensor | None,
) -> tuple[Tensor | None, ...]:
    """The ``gradients`` that a kernel gives: those that were asked for."""
    shapes = [None, weight, bias]
    found = [
        g if like is None else g.reshape(like.shape)
        for g, like in zip(gradients, shapes, strict=True)
    ]
    return tuple([g if wanted else None for g, wanted in zip(found, mask, strict=True)])
