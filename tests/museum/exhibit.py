"""Exhibit: a backward bug of a public project, before and after its fix."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

import plugrad as pg
from plugrad import Sample, SampleMaker

#: Why a sample waives no-nan: the law tries an infinite input, at which forward is finite.

Samples = Callable[[SampleMaker], Iterator[Sample]]


@dataclass(frozen=True)
class Exhibit:
    """A backward bug of a public project, written afresh.

    Args:
        name: in words, unique in the museum.
        project: the repository, ``owner/name``.
        link: the report, or the change that fixed it.
        what: what went wrong, in one line.
        law: the law that says it best.
        before: a ``torch.autograd.Function``, a ``plugrad.Function`` or a custom op.
        after: the same, fixed.
        samples: the same ones before and after.
        options: for ``check_op``.
        shown: the methods that differ; a custom op has them as functions in ``rules``.
        rules: for a custom op, its rule before and after.
        unseen: why plugrad does not see it yet: which law is missing.
    """

    name: str
    project: str
    link: str
    what: str
    law: str
    before: Any
    after: Any
    samples: Samples
    options: Mapping[str, Any] = field(default_factory=dict)
    shown: tuple[str, ...] = ("backward",)
    rules: tuple[Callable[..., Any], Callable[..., Any]] | None = None
    unseen: str = ""

    @property
    def kind(self) -> str:
        """What the two are written as."""
        if isinstance(self.before, type):
            return "pg.Function" if issubclass(self.before, pg.Function) else "autograd.Function"
        return "custom op"

    @property
    def number(self) -> str:
        """The report's number with a sharp, as people write it: ``owner/name#1``."""
        return f"{self.project}#{self.link.rpartition('/')[2]}"

    def forward(self) -> str:
        """What it computes, unless that is what differs."""
        if not isinstance(self.after, type):
            return _source(self.after._init_fn) if self.rules[1].__name__ != "fake" else ""
        return "" if "forward" in self.shown else _source(self.after.forward)

    def sources(self) -> tuple[str, str]:
        """The code that differs, before and after."""
        if self.rules is not None:
            before, after = self.rules
            return _source(before), _source(after)
        return _methods(self.before, self.shown), _methods(self.after, self.shown)


def _methods(function: type, names: tuple[str, ...]) -> str:
    return "\n\n".join(_source(getattr(function, name)) for name in names)


def _source(function: Callable[..., Any]) -> str:
    lines = textwrap.dedent(inspect.getsource(function)).strip().splitlines()
    hidden = {"@staticmethod", "@once_differentiable"}
    return "\n".join(line for line in lines if line not in hidden)


@dataclass(frozen=True)
class Room:
    """The exhibits of one class of bugs.

    Args:
        name: of its page.
        title: the class.
        text: what it is about, in a paragraph.
        exhibits: in the order of the page.
    """

    name: str
    title: str
    text: str
    exhibits: tuple[Exhibit, ...]


def memory(tensor: torch.Tensor, strides: tuple[int, ...] | None = None) -> torch.Tensor:
    """What a kernel reads from the tensor's address that goes by other strides than its own.

    By default those of a contiguous tensor. Beyond the end of the tensor's memory that is nan: a
    kernel reads whatever is there.
    """
    contiguous = torch.empty(tensor.shape, device="meta").stride()
    strides = contiguous if strides is None else strides
    if tensor.stride() == strides or (tensor.is_contiguous() and strides == contiguous):
        return tensor
    held = tensor.untyped_storage().nbytes() // tensor.element_size() - tensor.storage_offset()
    found = tensor.as_strided((held,), (1,))
    found = torch.cat([found, found.new_full((1,), float("nan"))])
    place = torch.zeros((), dtype=torch.int64)
    for i, (size, stride) in enumerate(zip(tensor.shape, strides, strict=True)):
        along = torch.arange(size) * stride
        place = place + along.reshape(-1, *(1,) * (tensor.dim() - 1 - i))
    return found[place.clamp(max=held)]


def store(tensor: torch.Tensor, values: torch.Tensor) -> None:
    """Write to the tensor's memory as a kernel does: its version stays what it was."""
    tensor.data.copy_(values.detach())


def custom_op(
    name: str,
    function: Callable[..., torch.Tensor],
    rule: Callable[..., Any],
    fake: Callable[..., torch.Tensor],
) -> Any:
    """A custom op with this backward, for which all inputs are saved."""
    op = torch.library.custom_op(f"museum::{name}", function, mutates_args=())
    op.register_fake(fake)
    op.register_autograd(
        rule, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs)
    )
    return op
