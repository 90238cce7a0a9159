"""What torch's attention kernels for the CPU need to be given, and how they compute."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from plugrad.errors import ArgumentError


def refuse_no_heads(k: Tensor, enable_gqa: bool = False, **_: Any) -> None:
    """Raise ArgumentError where torch divides by the number of heads, which ends the process."""
    if enable_gqa and k.dim() > 2 and not k.shape[-3]:
        raise ArgumentError(
            "with enable_gqa there must be a head of k",
            where="a call of scaled_dot_product_attention",
            fix="give k and v a head, or leave enable_gqa out",
        )


def for_kernel(*tensors: Tensor | None) -> list[Any]:
    """``tensors`` as the CPU kernels read them: the last dimension without gaps."""
    return [t if t is None or t.stride(-1) == 1 else t.contiguous() for t in tensors]


def check_shapes(q: Tensor, k: Tensor, v: Tensor, *like_q: Tensor) -> None:
    """Raise ArgumentError unless the shapes fit, at which the CPU kernels do not look.

    Of tensors without elements they take the remainder by 0, which ends the process.
    """
    fits = q.dim() == k.dim() == 4 and k.shape == v.shape and q.shape[::3] == k.shape[::3]
    fits = fits and q.numel() > 0 and k.numel() > 0 and q.shape[1] % k.shape[1] == 0
    if fits and all(t.shape == q.shape[: t.dim()] for t in like_q):
        return
    shapes = [tuple(t.shape) for t in (q, k, v, *like_q)]
    raise ArgumentError(
        f"the attention kernel for the CPU got tensors of shapes {', '.join(map(str, shapes))}",
        where="a call of scaled_dot_product_flash_attention_for_cpu",
        fix="call torch.nn.functional.scaled_dot_product_attention, which takes all shapes; or "
        "give q, k and v of shape (batch, heads, length, size), with elements, k and v alike, and "
        "in q as many heads or a multiple of them",
    )
