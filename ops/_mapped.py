"""Inside torch.vmap, whose batching rules of some kernels are wrong."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.overrides import has_torch_function

_is_wrapped = torch._C._functorch.is_functorch_wrapped_tensor


def in_a_map(*tensors: Tensor | None) -> bool:
    """Whether one of them is torch.vmap's, and none a Variable: the op has what that holds."""
    return not has_torch_function(tensors) and any(
        t is not None and _is_wrapped(t) for t in tensors
    )


def mapped_as(x: Tensor, *tensors: Tensor | None) -> Tensor:
    """``x``, mapped in every map in which one of the tensors is."""
    for tensor in tensors:
        if tensor is not None:
            x = x + tensor.new_zeros((), dtype=x.dtype)
    return x
