"""torch.autograd.functional's functions, and torch.autograd.grad, on Variables."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from plugrad.functional.grad import grad

if TYPE_CHECKING:
    from plugrad.functional.matrices import hessian, jacobian
    from plugrad.functional.products import hvp, jvp, vhp, vjp

#: Where a name is from that is imported only when it is used: ``import plugrad`` needs ``grad``.
_MODULES = dict.fromkeys(("hessian", "jacobian"), "matrices") | dict.fromkeys(
    ("hvp", "jvp", "vhp", "vjp"), "products"
)


def __getattr__(name: str) -> Any:
    """A function that has not been used before."""
    if name not in _MODULES:
        raise AttributeError(f"module 'plugrad.functional' has no attribute {name!r}")
    found = getattr(importlib.import_module(f"plugrad.functional.{_MODULES[name]}"), name)
    globals()[name] = found
    return found


__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
