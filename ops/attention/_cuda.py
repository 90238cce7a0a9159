"""torch's attention kernels for CUDA: where they run, and what stands in for them elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.errors import ArgumentError
from plugrad.ops.attention._math import INFINITE_KEY, NARROW, Form, attention, for_heads, scores

#: What each of the kernels' ops declares of its laws and faults.
WAIVES = {
    "hidden-intermediate": "recorded, backward computes the attention again, from q and k",
    "lines": "the last lines of backward are for CUDA's kernel",
    "no-nan": INFINITE_KEY,
    "primitive": "torch has no kernel for the CPU, where the samples are",
}
NO_DROPOUT = {"option-ignored[dropout_p]": "only CUDA's kernels have dropout"}
EQUIVALENT = NO_DROPOUT | {
    "option-ignored[return_debug_mask]": "it is for tests of the kernels",
}


def has_kernels(q: Tensor) -> bool:
    """Whether torch's kernels compute on such tensors."""
    return q.is_cuda


def by_steps(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float, form: Form
) -> tuple[Tensor, Tensor]:
    """What the kernels compute, the output and the logarithms of the sums, where there are none.

    Raises:
        ArgumentError: there is dropout, whose mask only the kernels can make again.
    """
    if dropout_p > 0:
        raise ArgumentError(
            f"this attention kernel has dropout on CUDA alone, and got tensors on {q.device}",
            where="a call of one of torch.ops.aten._scaled_dot_product_*_attention",
            fix="call torch.nn.functional.scaled_dot_product_attention, which has it everywhere",
        )
    k, v = for_heads(k, q), for_heads(v, q)
    z = attention(q, k, v, mask, 0.0, form)[0]
    with torch.no_grad():
        if q.dtype in NARROW:
            q, k = q.float(), k.float()
        return z, scores(q, k, mask, form).logsumexp(-1)


def nothing(q: Tensor) -> list[Tensor]:
    """What stands for the state of the random numbers, its offset, and what is for debugging."""
    state = [torch.zeros(2, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)]
    return [*(t.to(q.device) for t in state), q.new_zeros(0)]


def as_laid_out(g: Tensor, z: Tensor) -> Tensor:
    """``g`` in memory as ``z``, the forward's output, is: some kernels assume so unasked."""
    return g if g.stride() == z.stride() else torch.empty_like(z).copy_(g)


def plain_form(is_causal: bool, scale: float | None) -> tuple[bool, float | None]:
    """The fields of a Form, for ctx."""
    return bool(is_causal), None if scale is None else float(scale)
