"""gathered: the adjoint of scattering, for a source of any size that scattering takes."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad.ops.indexing._placed import placed


def gathered(gz: Tensor, dim: int, index: Tensor, shape: torch.Size) -> Tensor:
    """``gz`` gathered at ``index``, and 0 for what of a source of ``shape`` was not used.

    index may be smaller than the source in every dimension, or empty in whatever shape.
    Without dimensions a tensor counts as one of size 1.
    """
    if index.numel() == 0 or gz.numel() == 0:
        return gz.new_zeros(shape)
    used = gz.gather(dim, index)
    if used.shape == shape:
        return used
    if not shape:
        return used.reshape(())
    sizes = used.shape or (1,)
    return placed(used.reshape(sizes), shape, tuple([slice(n) for n in sizes]))
