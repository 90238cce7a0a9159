"""What torch's kernels do not look at before they read and write memory."""

from __future__ import annotations

from math import prod

from torch import Tensor

from plugrad.core.context import transform_depth
from plugrad.errors import ArgumentError


def check_outer(op_name: str, gradient: Tensor, x: Tensor, inner: int) -> None:
    """Raise ArgumentError unless both have one shape, but for the last ``inner`` dimensions."""
    if gradient.shape[:-inner] != x.shape[:-inner]:
        raise ArgumentError(
            f"{op_name} got a gradient of shape {tuple(gradient.shape)} for an input of shape "
            f"{tuple(x.shape)}",
            where=f"a call of {op_name}",
            fix=f"give both the same sizes in all dimensions but the last {inner}",
        )


def check_places(op_name: str, gradient: Tensor, x: Tensor, indices: Tensor, inner: int) -> None:
    """Raise ArgumentError unless each element of the gradient has a place in its image of ``x``.

    Whether it is there is asked only on the CPU: elsewhere it would wait for the device.
    """
    if gradient.shape != indices.shape:
        raise ArgumentError(
            f"{op_name} got indices of shape {tuple(indices.shape)} for a gradient of shape "
            f"{tuple(gradient.shape)}",
            where=f"a call of {op_name}",
            fix="pass the indices that the pooling returned beside its output",
        )
    if indices.__class__ is not Tensor or not indices.is_cpu or transform_depth():
        return
    places = prod(x.shape[-inner:])
    if indices.numel() and not 0 <= indices.min() <= indices.max() < places:
        raise ArgumentError(
            f"{op_name} got an index that is not one of the {places} places of an image of shape "
            f"{tuple(x.shape[-inner:])}",
            where=f"a call of {op_name}",
            fix="pass the indices that the pooling returned beside its output",
        )
