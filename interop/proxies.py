"""Proxies: tensors in the place of Variables, where torch's dispatcher takes only tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.context import transform_depth
from plugrad.core.record import like
from plugrad.core.variable import Variable
from plugrad.plugins.default import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

_AUTOGRAD = torch._C.DispatchKey.AutogradCPU  # excluded: so are those of the other devices
_excluded = torch._C._dispatch_tls_local_exclude_set


class Proxy(Tensor):
    """The data of a Variable, as a tensor that requires grad if the Variable does."""

    variable: Variable

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call a torch function with the Variables, where torch's autograd would record it."""
        kwargs = kwargs or {}
        name = func.__name__
        if name == "__get__" and func.__self__.__name__ not in _ABOUT:
            return as_proxies(getattr(args[0].variable, func.__self__.__name__))
        if name in _ABOUT or not torch.is_grad_enabled() or _excluded().has(_AUTOGRAD):
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        return as_proxies(registry.torch_function(func)(*behind(args), **behind(kwargs)))


#: Attributes and methods that tell something about a tensor, and record nothing.
_ABOUT = frozenset({"__hash__", "__repr__", "_is_view"})


def as_proxies(value: Any) -> Any:
    """``value`` with a proxy for each Variable in it."""
    if isinstance(value, Variable):
        return _proxy(value)
    if isinstance(value, list | tuple):
        return like(value, [as_proxies(v) for v in value])
    if value.__class__ is dict:
        return {key: as_proxies(v) for key, v in value.items()}
    return value


def _proxy(variable: Variable) -> Proxy:
    with torch._C.DisableTorchFunctionSubclass():
        made: Any = variable._data.detach().as_subclass(Proxy)
        made.variable = variable
        if variable.requires_grad and not transform_depth():  # torch.vmap allows none that do
            made.requires_grad_()
        return made  # type: ignore[no-any-return]


def behind(value: Any) -> Any:
    """``value`` with its Variable for each proxy in it."""
    if isinstance(value, Proxy):
        return value.variable
    if isinstance(value, list | tuple):
        return like(value, [behind(v) for v in value])
    if value.__class__ is dict:
        return {key: behind(v) for key, v in value.items()}
    return value


def has_proxy(value: Any) -> bool:
    """Whether it is a proxy, or a list, tuple or dict with one at any depth."""
    if isinstance(value, list | tuple | dict):
        return any(isinstance(v, Proxy) for v in values_in(value))
    return isinstance(value, Proxy)


def values_in(value: Any) -> Iterator[Any]:
    """What is in lists, tuples and dicts at any depth; anything else is itself the only one.

    Each container is looked into once: it may be in itself, or in many places.
    """
    seen, waiting = set(), [value]
    while waiting:
        value = waiting.pop()
        if not isinstance(value, list | tuple | dict):
            yield value
        elif id(value) not in seen:
            seen.add(id(value))
            waiting += value.values() if isinstance(value, dict) else value
