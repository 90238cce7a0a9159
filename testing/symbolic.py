"""symbolic: a call of a custom operator as torch.compile traces it, with symbols for sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from plugrad.testing.call import flat

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def call_with_symbols(operator: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """Call and differentiate it on tensors without values, whose sizes are symbols.

    It raises what torch.compile would raise. Returned are the outputs, flat; ``sizes`` are theirs.
    """
    # They import sympy, which takes half a second.
    from torch._dispatch.python import enable_python_dispatcher
    from torch._subclasses import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv, compute_unbacked_bindings

    symbols = ShapeEnv()
    mode = FakeTensorMode(shape_env=symbols)
    args, kwargs = pytree.tree_map_only(Tensor, mode.from_tensor, (tuple(args), dict(kwargs)))
    with mode, enable_python_dispatcher():
        outputs = flat(operator(*args, **kwargs))
        roots = [y for y in outputs if y.requires_grad]
        found = slopes(roots, pytree.tree_leaves((args, kwargs)))
    # It refuses a symbol that stands for a value and is in no result.
    compute_unbacked_bindings(symbols, [*outputs, *found])
    return outputs


def sizes(output: Tensor) -> list[int | None]:
    """Those that the symbols stand for; None for one that depends on values."""
    return [n if isinstance(n, int) else n.node.hint for n in output.shape]


def slopes(roots: Sequence[Tensor], values: Sequence[Any]) -> list[Tensor | None]:
    """The gradients of the sum of ``roots``, for those values that require grad.

    The cotangents have stride 0, as those of a sum have.
    """
    leaves = [x for x in values if isinstance(x, Tensor) and x.requires_grad]
    cotangents = [y.new_ones(()).expand(y.shape) for y in roots]
    return list(torch.autograd.grad(roots, leaves, cotangents, allow_unused=True)) if roots else []
