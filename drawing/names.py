"""Names: which leaves, and which modules, ``params=`` gives names to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from plugrad.core.accumulate_grad import AccumulateGrad
from plugrad.core.variable import Variable
from plugrad.errors import DrawingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.core.node import Record

_FIX = 'pass the module, or a dict of names and Variables: params={"w": w, "encoder": encoder}'


class Names:
    """The names of leaves and of modules, as a user gave them."""

    def __init__(self, params: Any) -> None:
        #: The modules, by the name that goes before the names of their parameters.
        self.modules: dict[str, nn.Module] = {}
        self._by_id: dict[int, str] = {}
        self._by_memory: dict[Any, str] = {}
        self._kept: list[Any] = []  # so that an id stays theirs
        for name, value in _entries(params):
            if isinstance(value, nn.Module):
                self.modules[name] = value
                self.add_module(name, value)
            elif isinstance(value, Variable | Tensor):
                self._add(name, value)
            else:
                raise DrawingError(
                    f"params= has {name!r}: {type(value).__name__}, which is not a Variable",
                    where="a call of pg.draw",
                    fix=_FIX,
                )

    def add_module(self, name: str, module: nn.Module) -> None:
        """Give names to the parameters of ``module``, those apart that have one."""
        for key, parameter in module.named_parameters():
            self._add(f"{name}.{key}" if name else key, parameter)

    def _add(self, name: str, value: Variable | Tensor) -> None:
        self._kept.append(value)
        self._by_id.setdefault(id(value), name)
        memory = _memory(value._data if isinstance(value, Variable) else value)
        if memory is not None:
            self._by_memory.setdefault(memory, name)

    def of(self, record: Record) -> str:
        """The name of a leaf; one that only shares a named tensor's memory is of that name, too.

        Such a leaf is a parameter of a module whose Parameters are torch's again.
        """
        if not isinstance(record, AccumulateGrad):
            return ""
        variable = record.variable
        return self._by_id.get(id(variable)) or self._by_memory.get(_memory(variable._data), "")

    def leaves(self, records: Iterable[Record]) -> dict[int, str]:
        """The names of those among ``records`` that have one, by their ids."""
        return {id(record): name for record in records if (name := self.of(record))}

    def kind_of(self, path: str) -> str:
        """The class of the module that has this name; nothing if none has."""
        for name, module in self.modules.items():
            if path == name:
                return type(module).__name__
            inside = path.removeprefix(f"{name}.") if name else path
            if inside != path or not name:
                try:
                    return type(module.get_submodule(inside)).__name__
                except AttributeError:
                    continue
        return ""


def _entries(params: Any) -> Iterator[tuple[str, Any]]:
    if params is None:
        return
    if isinstance(params, nn.Module):
        yield "", params
        return
    pairs: Any = params.items() if isinstance(params, Mapping) else params
    if isinstance(params, str | Variable | Tensor) or not isinstance(pairs, Iterable):
        raise DrawingError(
            f"params= is a {type(params).__name__}", where="a call of pg.draw", fix=_FIX
        )
    for pair in pairs:
        if not (isinstance(pair, tuple) and len(pair) == 2):
            raise DrawingError(
                f"params= has an entry without a name, a {type(pair).__name__}",
                where="a call of pg.draw",
                fix=_FIX,
            )
        yield str(pair[0]), pair[1]


def _memory(tensor: Tensor) -> Any:
    """What two tensors that are one have in common; None where that is not certain."""
    if tensor.layout is not torch.strided or not tensor.numel():
        return None
    try:
        address = tensor.data_ptr()
    except RuntimeError:
        return None
    return (
        (address, tensor.shape, tensor.stride(), tensor.dtype, tensor.device) if address else None
    )
