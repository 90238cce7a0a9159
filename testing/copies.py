"""Recording: a call copied small, with all that is needed to make it again."""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import torch
from torch import Tensor

from plugrad.testing.cut_down import Cut, cuts
from plugrad.testing.trial import tensors_in

#: Elements of a tensor up to which it is copied as it is.
LARGE = 4096
#: Bytes of an object that is not a tensor.
_LARGE_OBJECT = 1 << 16
_PLAIN = frozenset(
    {int, float, bool, str, bytes, complex, type(None), type(...), torch.dtype, torch.device}
    | {torch.memory_format, torch.layout, torch.Size}
)
_TENSORS = frozenset({Tensor, torch.nn.Parameter})
_BY_REFERENCE = (type, FunctionType, BuiltinFunctionType, ModuleType)


class CannotCopyError(Exception):
    """An argument of a call cannot be kept."""


class TracedError(Exception):
    """An argument has no values: torch traces the call."""


@dataclass(eq=False)
class Form:
    """Arguments to make a call with; ``cut`` says how it was cut down, None if it was not."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    cut: Cut | None = None


@dataclass(eq=False)
class Recording:
    """A call that was made.

    Args:
        forms: the call itself, or smaller ones to choose from.
        asked: the arguments that required grad; None if no gradient could be asked for.
        test: the node id of the test.
        text: the arguments in words.
        device: where the tensors were, ``cuda`` if some were.
    """

    forms: list[Form]
    asked: frozenset[int | str] | None
    test: str
    text: str
    device: str = "cpu"


def recorded(args: tuple[Any, ...], kwargs: dict[str, Any], test: str) -> Recording:
    """A copy of a call, or of smaller ones of its kind.

    Raises:
        CannotCopyError: an argument cannot be kept.
    """
    tensors = tensors_in([args, kwargs])
    ways: list[Cut | None] = [None]
    if any(tensor.numel() > LARGE for tensor in tensors):
        shapes = [tensor.shape for tensor in tensors]
        ways = [cut for cut in cuts(shapes) if all(cut.elements(s) <= LARGE for s in shapes)]
        if not ways:
            raise CannotCopyError(f"({in_words(args, kwargs)}) cannot be cut down")
    forms = []
    for cut in ways:
        copier = _Copier(cut)
        forms.append(
            Form(
                tuple([copier.copied(arg, f"argument {i}") for i, arg in enumerate(args)]),
                {name: copier.copied(value, name) for name, value in kwargs.items()},
                cut,
            )
        )
    places: list[tuple[int | str, Any]] = [*enumerate(args), *kwargs.items()]
    asked = None
    if torch.is_grad_enabled():
        asked = frozenset(place for place, value in places if _requires_grad(value)) or None
    devices = sorted({tensor.device.type for tensor in tensors} - {"cpu"})
    text = in_words(args, kwargs)
    return Recording(forms, asked, test, text, devices[0] if devices else "cpu")


def _requires_grad(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_requires_grad, value))
    return isinstance(value, Tensor) and value.requires_grad


class _Copier:
    """Copies the arguments of one call; a tensor that is in several of them stays one."""

    def __init__(self, cut: Cut | None) -> None:
        self._cut = cut
        self._copies: dict[int, Tensor] = {}

    def copied(self, value: Any, where: str) -> Any:
        kind = type(value)
        if isinstance(value, Tensor):
            return self._tensor(value, where)
        if kind in _PLAIN or isinstance(value, _BY_REFERENCE):
            return value
        if kind in (list, tuple):
            return kind(self.copied(v, where) for v in value)
        if isinstance(value, tuple) and hasattr(value, "_make"):
            return value._make(self.copied(v, where) for v in value)
        if kind is dict:
            return {k: self.copied(v, where) for k, v in value.items()}
        return self._object(value, where)

    def _tensor(self, tensor: Tensor, where: str) -> Tensor:
        if self._cut is not None:
            return _copied_tensor(tensor, self._cut, where)
        return self.held(tensor, where)

    def held(self, tensor: Tensor, where: str) -> Tensor:
        """The copy of a tensor that is not cut down."""
        found = self._copies.get(id(tensor))
        if found is None:
            found = self._copies[id(tensor)] = _copied_tensor(tensor, None, where)
        return found

    def _object(self, value: Any, where: str) -> Any:
        file = io.BytesIO()
        pickler = _Pickler(file, self, where)
        try:
            pickler.dump(value)
            if file.tell() > _LARGE_OBJECT:
                raise CannotCopyError(f"{where} is a {type(value).__name__} that is large")
            file.seek(0)
            return _Unpickler(file, pickler.kept).load()
        except (CannotCopyError, TracedError):
            raise
        except Exception as error:
            raise CannotCopyError(
                f"{where} is a {type(value).__name__}, which cannot be copied: {error}"
            ) from error


def _copied_tensor(tensor: Tensor, cut: Cut | None, where: str) -> Tensor:
    if type(tensor).__module__.startswith("torch._subclasses"):
        raise TracedError
    if type(tensor) not in _TENSORS or tensor.layout is not torch.strided or tensor.is_meta:
        kind = type(tensor).__name__ if type(tensor) not in _TENSORS else "tensor"
        how = f" on {tensor.device}, {tensor.layout}" if kind == "tensor" else ""
        raise CannotCopyError(f"{where} is a {kind}{how}")
    if tensor.is_quantized:
        raise CannotCopyError(f"{where} is a quantized tensor")
    kept = tensor.detach()
    if cut is not None:
        kept = cut.tensor(kept)
    return kept.to("cpu", copy=True)


class _Pickler(pickle.Pickler):
    """Copies an object: its tensors by our own means, and code by reference."""

    def __init__(self, file: io.BytesIO, copier: _Copier, where: str) -> None:
        super().__init__(file)
        self.kept: list[Any] = []
        self._copier, self._where = copier, where

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            if value.numel() > LARGE:
                raise CannotCopyError(f"{self._where} holds a tensor of {value.numel()} elements")
            copy = self._copier.held(value, self._where)
            # The rule may differentiate what it holds: a module, for instance.
            if type(value) is torch.nn.Parameter:
                copy.__class__ = torch.nn.Parameter
            self.kept.append(copy.requires_grad_(value.requires_grad))
        elif isinstance(value, _BY_REFERENCE):
            self.kept.append(value)
        elif getattr(value, "nbytes", 0) > _LARGE_OBJECT:
            raise CannotCopyError(f"{self._where} holds a {type(value).__name__} that is large")
        else:
            return None
        return len(self.kept) - 1


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, kept: list[Any]) -> None:
        super().__init__(file)
        self._kept = kept

    def persistent_load(self, number: Any) -> Any:
        return self._kept[number]


def same_numbers(forms: list[Form], others: list[Form]) -> bool:
    """Whether two recordings of one signature have the same numbers."""
    found = [tensors_in([form.args, form.kwargs]) for form in (forms[0], others[0])]
    return len(found[0]) == len(found[1]) and all(map(torch.equal, *found))


# --- signatures ----------------------------------------------------------------------


def signature(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Shapes, dtypes, what requires grad, and the other arguments."""
    parts = [_part(arg) for arg in args]
    if kwargs:
        parts += [(name, _part(value)) for name, value in kwargs.items()]
    return (torch.is_grad_enabled(), *parts)


def _part(value: Any) -> Any:
    kind = type(value)
    if kind in _TENSORS:
        return value.shape, value.dtype, value.requires_grad
    if kind in _PLAIN:
        return kind, value
    if isinstance(value, list | tuple) and len(value) <= 32:
        return kind, *[_part(v) for v in value]
    if isinstance(value, dict) and len(value) <= 32:
        return kind, *[(str(k), _part(v)) for k, v in value.items()]
    return kind


def in_words(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The arguments of a call, briefly."""
    return ", ".join([*map(_word, args), *(f"{n}={_word(v)}" for n, v in kwargs.items())])


def _word(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return f"{'[' if isinstance(value, list) else '('}{', '.join(map(_word, value))}" + (
            "]" if isinstance(value, list) else ")"
        )
    text = repr(value) if type(value) in _PLAIN else type(value).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."
