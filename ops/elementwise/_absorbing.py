"""absorbing_mul: a product in which 0 outweighs inf, for cotangents."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.overrides import handle_torch_function, has_torch_function


def absorbing_mul(x: Tensor, y: Tensor, gradient_only: bool = False) -> Tensor:
    """The product x y, but 0 where x = 0, also if y is infinite or nan there.

    For a cotangent x and a slope y: an output that nobody asks about adds nothing. With
    ``gradient_only`` the value is the plain product, and only the gradient is made so. A
    torch function like torch's own ones in Python, so that a rule can call it on a tensor
    and on a Variable, where it becomes the op absorbing_mul.
    """
    if has_torch_function((x, y)):
        return handle_torch_function(absorbing_mul, (x, y), x, y, gradient_only)
    return x * y if gradient_only else torch.where(x == 0, 0, x * y)
