"""nn.functional.lp_pool1d, 2d and 3d on Variables: for norm_type 1 sums, which are linear."""

from __future__ import annotations

import inspect
import math
from typing import TYPE_CHECKING, Any

from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

from plugrad.interop.fallback import fall_back

if TYPE_CHECKING:
    from collections.abc import Callable


def _lp_pool(torchs: Any, pool: Any, dims: int) -> Callable[..., Any]:
    signature = inspect.signature(torchs)

    def lp_pool(*args: Any, **kwargs: Any) -> Any:
        # What torch's function does, but for sign(u) relu(|u|), which is u: where u is 0, as in a
        # window of zeros, its gradient is 0 and that of u is 1.
        norm_type, given = None, None
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError:  # torch says what is wrong
            pass
        else:
            given.apply_defaults()
            norm_type = given.arguments["norm_type"]
        if given is None or not (isinstance(norm_type, int | float) and norm_type == 1):
            return fall_back(torchs, *args, **kwargs)
        x, _, kernel_size, stride, ceil_mode = given.arguments.values()
        count = kernel_size
        if dims > 1 and not isinstance(kernel_size, int):
            count = math.prod(kernel_size)
        elif dims > 1:
            count = kernel_size**dims
        out = pool(x.pow(norm_type), kernel_size, stride, padding=0, ceil_mode=ceil_mode)
        # A zero gets a sign of plus, as from torch's product.
        return (out + 0).mul(count).pow(1.0 / norm_type)

    return lp_pool


lp_pools: dict[Callable[..., Any], Callable[..., Any]] = {
    F.lp_pool1d: _lp_pool(F.lp_pool1d, F.avg_pool1d, 1),
    F.lp_pool2d: _lp_pool(F.lp_pool2d, F.avg_pool2d, 2),
    F.lp_pool3d: _lp_pool(F.lp_pool3d, F.avg_pool3d, 3),
}
