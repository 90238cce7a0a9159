"""A samples file from recordings: Python that can be read, committed and changed.

Tensors are literals; those of more than 128 elements are in a file of torch's beside it.
"""

from __future__ import annotations

import sys
from enum import Enum
from functools import reduce
from math import isfinite
from struct import pack, unpack
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.recording import defined_in

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from plugrad.core.sample import Sample
    from plugrad.testing.replay import Replay

#: How a file that we may write over begins.
MARK = '"""Samples recorded by pytest --plugrad-torch-save.'
#: Elements of a tensor up to which it is a literal.
_READABLE = 128
_HEAD = f'''{MARK}

`plugrad check PACKAGE:` reads them, as does `plugrad check --samples THIS_FILE MODULE:NAME`.
"""
# fmt: off
# ruff: noqa

'''


class SamplesFile:
    """Writes the samples of targets to a file.

    Args:
        path: of the file; a second one with large tensors has the suffix ``.pt``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: What could not be written, and why, a line each.
        self.left_out: list[str] = []
        #: The targets all of whose samples are in the file, in their order.
        self.complete: set[str] = set()
        self._imports = {"torch"}
        self._large: dict[str, Tensor] = {}
        self._special = False

    @property
    def is_taken(self) -> bool:
        """Whether there is a file that was not written by this class."""
        if not self.path.exists():
            return False
        return not self.path.read_text(encoding="utf-8", errors="replace").startswith(MARK)

    def write(self, replays: Sequence[Replay]) -> int:
        """Write all that can be; returns how many samples that were."""
        entries, count = [], 0
        for replay in replays:
            lines = self._lines(replay) if replay.samples else []
            if lines:
                entries += [f"    {replay.place!r}: [", *lines, "    ],"]
                written = sum(1 for line in lines if not line.lstrip().startswith("#"))
                count += written
                if written == len(replay.samples):
                    self.complete.add(replay.name)
        imports = [f"import {name}" for name in sorted(self._imports)]
        if self._special:
            imports.append("from math import inf, nan")
        if self._large:
            imports.insert(0, "from pathlib import Path")
        imports += ["", "from plugrad import Sample", ""]
        if self._large:
            imports.append('LARGE = torch.load(Path(__file__).with_suffix(".pt"))')
        body = ["", "SAMPLES = {", *entries, "}", ""]
        side = self.path.with_suffix(".pt")
        if self.path.exists():
            side.unlink(missing_ok=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(_HEAD + "\n".join(imports + body), encoding="utf-8")
        if self._large:
            torch.save(self._large, side)
        return count

    def _lines(self, replay: Replay) -> list[str]:
        if replay.place.startswith("torch.ops:"):  # which only an import makes known
            module = defined_in(replay.calls.target)
            if not getattr(sys.modules.get(module), "__file__", None):
                self.left_out.append(f"{replay.name}: no module in Python is known to define it")
                return []
            self._imports.add(module)
        if "<locals>" in replay.place:
            self.left_out.append(f"{replay.name} is defined in a function, so no name leads to it")
            return []
        lines, test = [], None
        for number, (sample, recording) in enumerate(replay.samples):
            try:
                text = self._sample(sample, f"{replay.name} {number}")
            except _NoTextError as error:
                self.left_out.append(f"sample {number} of {replay.name}: {error}")
                continue
            if recording.test != test:
                test = recording.test
                lines.append(f"        # {test or 'before the first test'}")
            lines.append(f"        {text},")
        return lines

    def _sample(self, sample: Sample, where: str) -> str:
        parts = [self._text(value, f"{where} {i}") for i, value in enumerate(sample.args)]
        parts += [f"{n}={self._text(v, f'{where} {n}')}" for n, v in sample.kwargs.items()]
        constants = ", ".join(map(repr, sorted(sample.constants, key=repr)))
        return f"Sample({', '.join(parts)})" + (f".constant({constants})" if constants else "")

    def _text(self, value: Any, where: str) -> str:
        if isinstance(value, Tensor):
            return self._tensor(value, where)
        if type(value) in (list, tuple):
            inner = ", ".join(self._text(v, f"{where} {i}") for i, v in enumerate(value))
            comma = "," if len(value) == 1 else ""
            return f"[{inner}]" if isinstance(value, list) else f"({inner}{comma})"
        if type(value) is dict:
            items = [f"{k!r}: {self._text(v, f'{where} {k}')}" for k, v in value.items()]
            return f"{{{', '.join(items)}}}"
        if isinstance(value, float | complex) and type(value) in (float, complex):
            return self._number(value)
        if isinstance(value, torch.device):
            return f"torch.device({str(value)!r})"
        if value is None or value is ... or type(value) in _REPR_IS_CODE:
            return "..." if value is ... else repr(value)
        return self._object(value)

    def _tensor(self, tensor: Tensor, where: str) -> str:
        tensor = tensor.detach().cpu()
        if tensor.numel() > _READABLE:
            self._large[where] = tensor
            return f"LARGE[{where!r}]"
        dense = [i for i in range(tensor.dim()) if tensor.shape[i] > 1]
        strides = tensor.stride()
        order = sorted(range(tensor.dim()), key=lambda i: -strides[i])
        permuted = tensor.permute(order)
        if tensor.is_contiguous() or not dense or not permuted.is_contiguous():
            permuted, order = tensor, []
        values = permuted.flatten().tolist()
        if tensor.dtype is torch.float64 and tensor.numel() and all(map(_is_single, values)):
            # Short digits that are exact, where a float32 was widened.
            text = f"torch.tensor({self._nested(permuted.tolist(), _short)}).double()"
        else:
            nested = self._nested(permuted.tolist(), self._number)
            text = f"torch.tensor({nested}, dtype={tensor.dtype})"
        if not tensor.numel():
            text = f"torch.zeros({tuple(tensor.shape)}, dtype={tensor.dtype})"
        back = [order.index(i) for i in range(len(order))]
        return f"{text}.permute({', '.join(map(str, back))})" if back else text

    def _nested(self, values: Any, number: Callable[[Any], str]) -> str:
        if isinstance(values, list):
            return f"[{', '.join(self._nested(v, number) for v in values)}]"
        return number(values)

    def _number(self, value: Any) -> str:
        if isinstance(value, complex):
            if isfinite(value.real) and isfinite(value.imag):
                return repr(value)
            return f"complex({self._number(value.real)}, {self._number(value.imag)})"
        if isinstance(value, float) and not isfinite(value):
            self._special = True  # their repr is inf, -inf or nan
        return repr(value)

    def _object(self, value: Any) -> str:
        """A function or class by its name; another object by its repr, if that makes it again."""
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            return self._named(value)
        if isinstance(value, Enum):
            return f"{self._named(type(value))}.{value.name}"
        kind = type(value)
        try:
            text = repr(value)
            again = eval(text, {"torch": torch, kind.__name__: kind})
            equal = bool(again == value)
        except Exception:
            equal = False
        if not equal or not text.startswith(f"{kind.__name__}("):
            raise _NoTextError(f"no Python text makes its {kind.__name__}")
        return self._named(kind) + text.removeprefix(kind.__name__)

    def _named(self, value: Any) -> str:
        own, name = value.__module__ or "torch", value.__qualname__
        # What torch wrote in C does not say where it is.
        places = [(own, name), ("torch", value.__name__), ("torch.nn.functional", value.__name__)]
        for module, path in places:
            if _leads_to(value, module, path):
                if module == "builtins":
                    return str(path)
                self._imports.add(module)
                return f"{module}.{path}"
        raise _NoTextError(f"no name leads to {name}")


def _leads_to(value: Any, module: str, path: str) -> bool:
    try:
        return reduce(getattr, path.split("."), sys.modules[module]) is value
    except (AttributeError, KeyError):
        return False


def _is_single(value: float) -> bool:
    """Whether a number is finite and one of float32's."""
    return isfinite(value) and abs(value) < _LARGEST and _single(value) == value


def _single(value: float) -> float:
    return float(unpack("f", pack("f", value))[0])


_LARGEST = torch.finfo(torch.float32).max


def _short(value: float) -> str:
    texts = (f"{value:.{digits}g}" for digits in range(6, 10))
    text = next(text for text in texts if _single(float(text)) == value)
    return repr(float(text))


class _NoTextError(Exception):
    """An argument cannot be written as Python."""


_REPR_IS_CODE = frozenset(
    {int, bool, str, bytes, torch.dtype, torch.Size, torch.memory_format, torch.layout, slice}
)
