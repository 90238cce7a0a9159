"""Step: one step of a backward as plain data, which keeps nothing of the graph alive."""

from __future__ import annotations

import inspect
import os
import sysconfig
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.accumulate_grad import AccumulateGrad
from plugrad.core.context import Packed, PackedByCheckpoint, total_version
from plugrad.core.saved import saved_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.core.hooks import Hooks
    from plugrad.core.node import Record

#: Options of longer text than this are cut.
LONG = 100
_PLAIN = (bool, int, float, complex, str, torch.dtype, torch.device, torch.Size, type(None))


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor that is not kept: what it was, and how many bytes it has."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int = 0

    @classmethod
    def of(cls, tensor: Tensor) -> Value:
        """What there is to say of ``tensor``."""
        return cls(tuple(tensor.shape), type_name(tensor.dtype), byte_count(tensor))

    def __str__(self) -> str:
        return f"{size_text(self.shape)} {self.dtype}"


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved value: a tensor, or a text about what is kept in its place."""

    name: str
    value: Value | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """The gradient of one output that arrived at a step."""

    shape: tuple[int, ...]
    norm: float | None
    #: How many of its elements are nan or infinite.
    odd: int = 0


@dataclass(slots=True)
class Step:
    """One step of a backward: a rule that runs, or a leaf where a gradient ends.

    ``number`` counts from 1 in the order in which the engine runs them; it is None where the
    backward that was watched did not get to.
    """

    op: str
    category: str
    formula: str
    about: str
    is_leaf: bool
    outputs: tuple[Value | None, ...]
    #: The indices of the steps that get the gradients of the inputs, with the output's number there
    #: and the name of the input.
    edges: list[tuple[int, int, str]]
    saved: list[Saved]
    freed: bool
    options: list[tuple[str, str]]
    hooks: list[str]
    #: Where forward was called, the innermost line of the user's first; only in anomaly mode.
    lines: list[str]
    sequence: int
    #: The number of inputs, those that have no gradient among them.
    inputs: int
    number: int | None = None
    #: The leaf's.
    name: str = ""
    grad: Flow | None = None
    #: What flowed in the backward that was watched, for each output.
    flow: list[Flow | None] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What it is called in a picture: the leaf's name, or the op's last part."""
        return self.name or self.op.removeprefix("nn.functional.")

    @property
    def saved_bytes(self) -> int:
        """The bytes of all saved tensors; shared ones count each time."""
        return sum(s.value.bytes for s in self.saved if s.value is not None)


def step_of(record: Record) -> Step:
    """What there is to say of a record, without its edges and number."""
    function = record._pg_function
    doc, category = _facts(function, record._pg_op_name)
    formula, _, about = doc.partition("\n\n")
    leaf = isinstance(record, AccumulateGrad)
    return Step(
        op="leaf" if leaf else record._pg_op_name,
        category="leaf" if leaf else category,
        formula="" if leaf else formula,
        about="adds what arrives to the leaf's grad" if leaf else about,
        is_leaf=leaf,
        outputs=tuple(_outputs(record)),
        edges=[],
        saved=list(_saved(record)),
        freed=record._pg_saved is None,
        options=[] if leaf else list(_options(record)),
        hooks=list(_hooks(record)),
        lines=list(_lines(record._pg_stack)),
        sequence=record._pg_sequence_number,
        inputs=len(record._pg_edges),
        grad=_grad(record) if isinstance(record, AccumulateGrad) else None,
    )


def input_names(record: Record) -> list[str]:
    """For each edge the name of the parameter that it is the gradient of."""
    count = len(record._pg_edges)
    function = record._pg_function
    names = [] if function is None else list(function.signature.positional)
    if record._pg_list_lengths is not None:
        pairs = zip(names, record._pg_list_lengths, strict=False)
        names = [
            name if length is None else f"{name}[{i}]"
            for name, length in pairs
            for i in range(1 if length is None else length)
        ]
    return (names + [f"input {i}" for i in range(len(names), count)])[:count]


@cache
def _facts(function: Any, op_name: str) -> tuple[str, str]:
    """An op's docstring, and the folder of a built-in one."""
    doc = "" if function is None else inspect.cleandoc(function.__doc__ or "")
    module = "" if function is None else function.__module__
    if module.startswith("plugrad.ops."):
        return doc, module.split(".")[2]
    return doc, op_name.partition("::")[0] if "::" in op_name else "own"


def _outputs(record: Record) -> Iterator[Value | None]:
    if record._pg_outputs is None:
        assert record._pg_shape is not None
        yield Value(tuple(record._pg_shape), type_name(record._pg_dtype))
        return
    for meta in record._pg_outputs:
        yield None if meta is None else Value(tuple(meta.shape), type_name(meta.dtype))


# Not by the node's own properties: they unpack what hooks packed, and refuse what was changed.
def _saved(record: Record) -> Iterator[Saved]:
    saved = record._pg_saved
    if not saved:
        return
    names: list[str | None] = [*saved_names(record), *[None] * len(saved)]
    if isinstance(saved, Packed):
        for name, (unpack, value) in zip(names, saved, strict=False):
            if unpack is None and not isinstance(value, Tensor):
                continue
            again = isinstance(saved, PackedByCheckpoint)
            what = "computed again by checkpoint" if again else "packed by a saved-tensor hook"
            shown = Value.of(value) if isinstance(value, Tensor) and not again else None
            yield Saved(name or "value", shown, what)
        return
    changed = total_version(saved) != record._pg_version
    for name, origin, value in zip(names, record._pg_origins, saved, strict=False):
        if isinstance(value, Tensor):
            kind = _kind(record, origin)
            note = "this or another one was changed in place since" if changed else ""
            yield Saved(name or kind, Value.of(value), note)


def _kind(record: Record, origin: Any) -> str:
    """What a saved tensor is that has no name."""
    if isinstance(origin, int):
        return input_names(record)[origin] if origin >= 0 else "result"
    return "constant" if origin is None else "intermediate"


def _options(record: Record) -> Iterator[tuple[str, str]]:
    """What forward set on its context, if it is short and certain to have a harmless text."""
    for name, value in vars(record).items():
        parts = value if isinstance(value, tuple | list) else (value,)
        if not name.startswith("_pg_") and all(type(part) in _PLAIN for part in parts):
            text = repr(tuple(value) if isinstance(value, torch.Size) else value)
            yield name, text if len(text) <= LONG else f"{text[:LONG]}…"


def _hooks(record: Record) -> Iterator[str]:
    arrivals = dict(record._pg_arrivals or {})
    after: Hooks | None = None
    if isinstance(record, AccumulateGrad):
        extra = record.variable._extra
        if extra is not None and extra.arrival is not None:
            arrivals[0] = extra.arrival
        after = None if extra is None else extra.post_accumulate
    for arrival in arrivals.values():
        yield from _told("hook of the Variable", arrival.hooks)
        if arrival.retained_by is not None and arrival.retained_by() is not None:
            yield "retain_grad(): the Variable keeps this gradient"
    yield from _told("hook before the step", record._pg_pre_hooks)
    yield from _told("hook after the step", record._pg_post_hooks)
    yield from _told("hook after accumulation", after)


def _told(kind: str, hooks: Hooks | None) -> Iterator[str]:
    for registered in (hooks or {}).values():
        yield f"{kind}: {registered.name}, registered at {registered.place}"


def _lines(stack: str | None) -> Iterator[str]:
    """The frames of forward's stack, innermost first, those of plugrad and torch left out."""
    if stack is None:
        return
    frames = [f for f in stack.split('  File "')[1:] if not f.startswith(_libraries())]
    for frame in reversed(frames):
        head, _, code = frame.partition("\n")
        file, _, rest = head.partition('", line ')
        number, _, function = rest.partition(", in ")
        line = code.strip().partition("\n")[0]
        yield f"{file}:{number} in {function}: {line}"


@cache
def _libraries() -> tuple[str, ...]:
    root = Path(__file__).resolve().parent.parent
    own = [path for path in root.iterdir() if path.is_dir() and (path / "__init__.py").is_file()]
    python = sysconfig.get_path("stdlib")
    folders = [*map(str, own), str(Path(torch.__file__).parent), python]
    return (*(f"{folder}{os.sep}" for folder in folders), "<frozen")


def _grad(record: AccumulateGrad) -> Flow | None:
    grad = record.variable._grad
    return None if grad is None else flow_of(grad._data)


def flow_of(gradient: Tensor) -> Flow:
    """Shape and norm of a gradient; no norm where it cannot be had (a meta tensor, a subclass)."""
    shape = tuple(gradient.shape)
    try:
        dense = gradient.detach()
        dense = dense.to_dense() if dense.layout is not torch.strided else dense
        wide = torch.complex128 if dense.is_complex() else torch.float64
        norm = torch.linalg.vector_norm(dense, dtype=wide if dense.device.type != "mps" else None)
        odd = int(dense.numel() - dense.isfinite().sum())
        return Flow(shape, float(norm), odd)
    except (RuntimeError, NotImplementedError, TypeError, ValueError):
        return Flow(shape, None)


def type_name(dtype: object) -> str:
    """``float32``."""
    return str(dtype).removeprefix("torch.")


def size_text(shape: tuple[int, ...]) -> str:
    """``(2, 10, 64)``; of a number ``scalar``."""
    return str(tuple(shape)) if shape else "scalar"


def byte_count(tensor: Tensor) -> int:
    """The bytes of a tensor's elements; of a sparse one, those of its parts."""
    try:
        if tensor.layout is torch.strided:
            return tensor.numel() * tensor.element_size()
        if tensor.layout is torch.sparse_coo:
            return sum(map(byte_count, (tensor._indices(), tensor._values())))
        return byte_count(tensor.values())
    except (RuntimeError, NotImplementedError):
        return 0
