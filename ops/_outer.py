"""What torch's kernels do not look at before they read and write memory."""

from __future__ import annotations

from math import prod

from torch import Tensor

from plugrad.core.context import transform_depth
from plugrad.errors import ArgumentError


def can_be_looked_at(tensor: Tensor) -> bool:
    """Whether a check may read its values: on a device it would have to wait for them."""
    return tensor.__class__ is Tensor and tensor.is_cpu and not transform_depth()


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
    """``check_outer``, and raise unless each element of the gradient has a place in its image."""
    check_outer(op_name, gradient, x, inner)
    if gradient.shape != indices.shape:
        raise ArgumentError(
            f"{op_name} got indices of shape {tuple(indices.shape)} for a gradient of shape "
            f"{tuple(gradient.shape)}",
            where=f"a call of {op_name}",
            fix="pass the indices that the pooling returned beside its output",
        )
    places = prod(x.shape[-inner:])
    if (
        can_be_looked_at(indices)
        and indices.numel()
        and not 0 <= indices.min() <= indices.max() < places
    ):
        raise ArgumentError(
            f"{op_name} got an index that is not one of the {places} places of an image of shape "
            f"{tuple(x.shape[-inner:])}",
            where=f"a call of {op_name}",
            fix="pass the indices that the pooling returned beside its output",
        )
