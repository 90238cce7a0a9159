"""What unique and its kin share: the gradient where every value comes from one element alone."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from plugrad.core import Context
from plugrad.errors import NotDifferentiableError

#: The laws that try elements that are equal; and slices.
WAIVES = dict.fromkeys(("layouts", "no-nan"), "of equal elements: an error says so")
WAIVES_OF_SORTED = {**WAIVES, "dimensions": "of equal elements: an error says so"}


def keep(
    ctx: Context, found: Any, x: Tensor, dim: int | None, return_inverse: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Values, where each element went, and counts, after what the backward needs was saved."""
    # Positions and numbers, of which before torch 2.13 tensors without data had x's dtype.
    y, inverse, counts = found[0], found[1].long(), found[2].long()
    ctx.save_for_backward(inverse)
    ctx.geometry = tuple(x.shape), dim
    ctx.all_differ = y.numel() == x.numel() if dim is None else y.shape[dim] == x.shape[dim]
    always = return_inverse or dim is not None  # torch's kernels for slices give it unasked
    given = inverse if always else inverse.new_empty(0)
    ctx.mark_non_differentiable(given, counts)
    ctx.set_materialize_grads(False)
    return y, given, counts


def gradient(ctx: Context, gy: Tensor | None, name: str, equal: str = "") -> Tensor | None:
    """``gy`` of the value that each element became.

    Raises:
        NotDifferentiableError: two elements became one; or what ``equal`` says.
    """
    (inverse,), (shape, dim) = ctx.saved_tensors, ctx.geometry
    if not ctx.all_differ:
        equal = equal or f"{'elements' if dim is None else 'slices'} are equal"
        raise NotDifferentiableError(
            f"{name} has no derivative where two {equal}: a small change of one changes how many "
            "values there are, or their order (torch has no derivative of it anywhere)",
            where=f"backward of {name}, x of shape {shape}{'' if dim is None else f', dim={dim}'}",
            fix="call it on x.detach(), if no gradient is needed; or use values that are distinct",
        )
    if gy is None:
        return None
    flat: Tensor = gy.index_select(dim or 0, inverse.flatten())
    return flat.reshape(shape)
