"""prelu's two gradients, which its ops share."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.ops._mapped import in_a_map

_kernel = torch.ops.aten._prelu_kernel_backward.default


def gradients(gz: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """For x gz where x > 0, else gz weight; for the weight 0 where x > 0, else gz x."""
    if in_a_map(gz, x, weight):  # torch.vmap's rule of the kernel mixes up dimensions
        gz, x, weight = torch.broadcast_tensors(gz, x, weight)  # type: ignore[no-untyped-call]
        return torch.where(x > 0, gz, gz * weight), torch.where(x > 0, 0, gz * x)
    gx, gweight = _kernel(gz, x, weight)
    return gx, gweight
