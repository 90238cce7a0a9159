"""What torch's attention kernels for the CPU need to be given, and how they compute."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from plugrad.core.installed_torch import torch_before
from plugrad.errors import ArgumentError

#: Whether there may be fewer heads of k and v than of q: before, the kernels read and write
#: beyond them, which ends the process.
_FEWER_HEADS = not torch_before("2.13")


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


def mask_for_kernel(mask: Tensor | None) -> Tensor | None:
    """``mask`` as the CPU kernels read it: before 2.13 they did not look at its layout."""
    return mask if mask is None or _FEWER_HEADS else mask.contiguous()


def with_batch(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> list[Any]:
    """The four with a dimension for the batch: since 2.14 torch chooses the kernels without one."""
    if q.dim() == 4:
        return [q, k, v, mask]
    mask = mask if mask is None or mask.dim() < 3 else mask.unsqueeze(0)
    return [q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0), mask]


def fits(q: Tensor, k: Tensor) -> bool:
    """Whether q and k, with elements, have heads that the kernels take."""
    if q.dim() != k.dim() or q.dim() not in (3, 4):
        return False
    of_q, of_k = q.shape[-3], k.shape[-3]
    return of_q % of_k == 0 if _FEWER_HEADS else of_q == of_k


def check_shapes(q: Tensor, k: Tensor, v: Tensor, *like_q: Tensor) -> None:
    """Raise ArgumentError unless the shapes fit, at which the CPU kernels do not look.

    Of tensors without elements they take the remainder by 0, which ends the process.
    """
    alike = q.dim() == 4 and k.shape == v.shape and q.shape[::3] == k.shape[::3]
    if (
        alike
        and q.numel()
        and k.numel()
        and fits(q, k)
        and all(t.shape == q.shape[: t.dim()] for t in like_q)
    ):
        return
    shapes = [tuple(t.shape) for t in (q, k, v, *like_q)]
    raise ArgumentError(
        f"the attention kernel for the CPU got tensors of shapes {', '.join(map(str, shapes))}",
        where="a call of scaled_dot_product_flash_attention_for_cpu",
        fix="call torch.nn.functional.scaled_dot_product_attention, which takes all shapes; or "
        "give q, k and v of shape (batch, heads, length, size), with elements, k and v alike, and "
        f"in q as many heads{' or a multiple of them' if _FEWER_HEADS else ''}",
    )
