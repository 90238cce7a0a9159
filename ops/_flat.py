"""The gradient of an input on which a kernel does not depend, or only in steps: zeros."""

from __future__ import annotations

from typing import Any

import torch

from plugrad.core import Context


def flat_in(position: int, ctx: Context, gz: Any) -> Any:
    """Zeros like ``gz`` for the input at this position, which has z's shape; None if not asked.

    Not None where they are asked, since torch has zeros, too: a second derivative of relu or of
    pooling is 0, and no input that the graph does not have.
    """
    return torch.zeros_like(gz) if ctx.needs_input_grad[position] else None
