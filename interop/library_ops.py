"""Ops of torch.library on Variables: the rule that their author registered is what runs.

A custom op's gradient is a kernel that torch's dispatcher calls, and the rule is kept in that
kernel alone. So the kernel is called, with proxies of the Variables. The Function that it
applies is given the Variables and is adopted, as any torch.autograd.Function is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.context import transform_depth
from plugrad.core.held import tensors_in
from plugrad.core.variable import Variable
from plugrad.errors import MissingPrimitiveError
from plugrad.interop.proxies import as_proxies, behind

if TYPE_CHECKING:
    from torch._ops import OpOverload

_TORCHS = frozenset({"aten", "prims", "prim"})
_KEYS = ("Autograd", "AutogradCPU", "AutogradCUDA", "AutogradMPS", "AutogradXPU")


def is_of_a_library(primitive: OpOverload[..., Any]) -> bool:
    """Whether it is not one of torch's own."""
    return primitive.namespace not in _TORCHS


def has_own_rule(primitive: OpOverload[..., Any]) -> bool:
    """Whether a library registered how torch's autograd differentiates it."""
    has, name = torch._C._dispatch_has_kernel_for_dispatch_key, _name(primitive)
    return is_of_a_library(primitive) and any(has(name, key) for key in _KEYS)


def _name(primitive: Any) -> str:
    return str(primitive.name())


def call_with_own_rule(
    primitive: OpOverload[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Call a primitive with Variables; its outputs are Variables, or constants as tensors.

    Raises:
        MissingPrimitiveError: the rule cannot be used here.
    """
    name = _name(primitive)
    if any(v.requires_grad for v in tensors_in(kwargs) if isinstance(v, Variable)):
        _refuse(
            primitive,
            f"{name} takes a keyword-only argument that requires grad, of which torch.library "
            "keeps no gradient",
            "define it without the * before that argument",
        )
    if transform_depth():
        _refuse(
            primitive,
            f"{name} was called inside vmap, where the rule that was registered for it is not used",
            f"call it outside of vmap, or write a Function for it with {_overriding(primitive)}",
        )
    # Not primitive(...), which would ask the proxies what to do.
    handle = primitive._handle
    output = torch._C._dispatch_call_boxed(handle, *as_proxies(args), **as_proxies(kwargs))
    output = behind(output)
    if any(t.requires_grad for t in tensors_in(output) if isinstance(t, Tensor)):
        _refuse(
            primitive,
            f"{name} has a rule of its own that torch.autograd.Function.apply does not run, so "
            "torch's autograd recorded it",
            "call plugrad.adopt_torch_functions(), if that is off; or write a Function for it with "
            f"{_overriding(primitive)}",
        )
    return output


def how_to_add_a_rule(primitive: OpOverload[..., Any]) -> str:
    """What to do for a primitive that has none."""
    function = f"write a Function for it with {_overriding(primitive)}"
    if not is_of_a_library(primitive):
        return function
    if primitive._schema.is_mutable:
        return "call an op that returns its results and does not change its arguments"
    return (
        f'register its rule: torch.library.register_autograd("{_name(primitive)}", backward, '
        f"setup_context=setup_context); or {function}"
    )


def _overriding(primitive: OpOverload[..., Any]) -> str:
    return f"@plugrad.op(..., overrides=(torch.ops.{primitive},)) and registry.add it"


def _refuse(primitive: OpOverload[..., Any], what: str, fix: str) -> None:
    raise MissingPrimitiveError(
        what,
        where=f"a call of torch.ops.{primitive}",
        fix=f"{fix}; or pass .detach() where no gradient is needed",
    )
