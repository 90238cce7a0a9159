"""What torch says about its primitives, the operators that its dispatcher knows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch._ops import OpOverload

_Key = torch._C.DispatchKey
_has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key

#: Those whose output is a floating-point tensor that no gradient leads through: new tensors of
#: the shape of another, and what torch detaches on purpose.
_WITHOUT_GRADIENT = frozenset(
    f"aten::{name}"
    for name in (
        "detach", "empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like",
        "randint_like", "new_empty", "new_empty_strided", "new_zeros", "new_ones", "new_full",
        "_values",
    )
)  # fmt: skip

#: In-place primitives whose functional form has another name.
_FORMS = {
    "aten::normal_": "normal_functional",
    "aten::rrelu_with_noise_": "rrelu_with_noise_functional",
}


def has_no_gradient(primitive: OpOverload[..., Any]) -> bool:
    """Whether its output is always a constant."""
    return primitive._schema.name in _WITHOUT_GRADIENT


@cache
def is_composite(primitive: OpOverload[..., Any]) -> bool:
    """Whether it is made of other primitives, each of which has its own gradient."""
    return primitive.has_kernel_for_dispatch_key(_Key.CompositeImplicitAutograd) or (
        _is_foreach(primitive) and _has_kernel(primitive._name, _Key.CompositeExplicitAutograd)
    )


@cache
def _is_question(primitive: OpOverload[..., Any]) -> bool:
    """Whether it is a composite that returns no tensor: torch.vmap has no rules for these."""
    tensors = any("Tensor" in str(each.type) for each in primitive._schema.returns)
    return is_composite(primitive) and not (tensors or primitive._schema.is_mutable)


def without_gradient(primitive: OpOverload[..., Any], args: Any, kwargs: Any) -> Any:
    """Call a primitive on tensors none of which is tracked; inside torch.vmap, too."""
    if _is_question(primitive):
        return decomposed(primitive, args, kwargs)
    return primitive(*args, **kwargs)


def decomposed(primitive: OpOverload[..., Any], args: Any, kwargs: Any) -> Any:
    """Call the implementation of a composite.

    torch has some of them in Python, too, for its compiler, which are not always the same: in
    those of the recurrent layers there is no dropout.
    """
    each = _OF_EACH.get(primitive)
    if each is not None:
        xs, other = args
        others = other if isinstance(other, list | tuple) else [other] * len(xs)
        if len(xs) == len(others):  # or else torch says what is wrong
            return _on_each(each, primitive._schema.is_mutable, xs, others)
    for key in (_Key.CompositeImplicitAutograd, _Key.CompositeExplicitAutograd):
        if _has_kernel(primitive._name, key):
            return primitive._op_dk(key, *args, **kwargs)
    return primitive.decompose(*args, **kwargs)


#: Whose implementation calls ``clamp_min`` and ``clamp_max``, which share a gradient otherwise.
_OF_EACH = {
    getattr(packet, name): function
    for function, packets in (
        (torch.maximum, (torch.ops.aten._foreach_maximum, torch.ops.aten._foreach_maximum_)),
        (torch.minimum, (torch.ops.aten._foreach_minimum, torch.ops.aten._foreach_minimum_)),
    )
    for packet in packets
    for name in ("List", "Scalar", "ScalarList")
}


def _on_each(function: Any, in_place: bool, xs: Sequence[Tensor], others: Sequence[Any]) -> Any:
    """``function`` of each of ``xs`` and its partner in ``others``."""
    results = []
    for x, other in zip(xs, others, strict=True):
        y = other if isinstance(other, Tensor) else torch.full_like(x, other)
        results.append(x.copy_(function(x.clone(), y)) if in_place else function(x, y))
    return None if in_place else results


def _is_foreach(primitive: OpOverload[..., Any]) -> bool:
    """Whether it is one for lists: its implementation calls that for a tensor, on each."""
    return primitive._name.startswith("aten::_foreach_")


@cache
def is_inplace_view(primitive: OpOverload[..., Any]) -> bool:
    """Whether it changes the shape of its argument, as ``squeeze_`` does."""
    return torch.Tag.inplace_view in primitive.tags


@cache
def out_names(primitive: OpOverload[..., Any]) -> tuple[str, ...]:
    """The keyword-only arguments that it writes its results into."""
    return tuple(
        [
            a.name
            for a in primitive._schema.arguments
            if a.kwarg_only and a.alias_info is not None and a.alias_info.is_write
        ]
    )


@cache
def functional_form(primitive: OpOverload[..., Any]) -> OpOverload[..., Any] | None:
    """The primitive that returns what this one writes: ``add.Tensor`` for ``add_.Tensor``.

    None if there is none.
    """
    schema = primitive._schema
    namespace, _, name = schema.name.partition("::")
    if out_names(primitive):
        return _same_arguments(primitive.overloadpacket, primitive)
    if name.startswith("__i"):  # __iand__
        name = f"__{name[3:]}"
    elif name.endswith("_") and not name.endswith("__"):
        name = _FORMS.get(schema.name, name[:-1])
    else:
        return None
    packet = getattr(getattr(torch.ops, namespace), name, None)
    if packet is None:
        return None
    # Most have one name; transpose_ is called transpose.int, floor_divide_.Tensor floor_divide.
    same = getattr(packet, schema.overload_name or "default", None)
    return same or _same_arguments(packet, primitive)


def _same_arguments(packet: Any, primitive: OpOverload[..., Any]) -> OpOverload[..., Any] | None:
    """The overload in ``packet`` that takes the arguments of ``primitive``, less ``out``."""
    outs = out_names(primitive)
    wanted = [(a.name, str(a.type)) for a in primitive._schema.arguments if a.name not in outs]
    for overload in packet.overloads():
        found: OpOverload[..., Any] = getattr(packet, overload)
        arguments = [(a.name, str(a.type)) for a in found._schema.arguments]
        if arguments == wanted and not found._schema.is_mutable:
            return found
    return None
