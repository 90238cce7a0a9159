"""Anomaly mode: an error in backward is traced to the forward call, and a nan is an error."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from contextlib import suppress
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._contextlib import context_decorator

from plugrad.core.context import running, whole
from plugrad.core.grad_fn import node_of
from plugrad.core.grad_mode import decorated
from plugrad.core.hooks import note
from plugrad.core.variable import Variable
from plugrad.errors import AnomalyError, BackwardError

if TYPE_CHECKING:
    from plugrad.core.node import Record

_ROOT = Path(__file__).parents[1]
#: How the names of files begin that a call passes through on its way to the record.
_GATES = tuple(f"{_ROOT / folder}{os.sep}" for folder in ("core", "interop", "plugins"))
#: Modules that a call passes through on its way to backward; they are not the user's line.
_OURS = ("plugrad.core.", "plugrad.interop", "plugrad.functional", "torch.")


class detect_anomaly(torch.autograd.detect_anomaly):  # noqa: N801
    """torch's own: ``with``. Here also a decorator of a function, method, generator or coroutine.

    Args:
        check_nan: whether a nan in a gradient is an error.
    """

    def clone(self) -> detect_anomaly:
        """The same mode, which afterwards gives way to what is in force now."""
        made = copy(self)
        made.prev = torch.is_anomaly_enabled()
        made.prev_check_nan = torch.is_anomaly_check_nan_enabled()
        return made

    def __call__(self, func: Any) -> Any:
        return decorated(self, func, partial(context_decorator, self.clone))


def note_call(node: Record) -> None:
    """Note where a call is made and, if the rule of another record makes it, which one."""
    frames = traceback.extract_stack()
    while frames and frames[-1].filename.startswith(_GATES):  # one or several
        frames.pop()
    node._pg_stack = "".join(frames.format())
    rule: Any = running.recorded_rule
    if rule is not None:
        rule = rule._pg_narrowed_from or rule
        # Not the record itself, which would keep its graph alive.
        before = rule.__dict__.get("_pg_induced_by")
        node.__dict__["_pg_induced_by"] = node_of(rule).name(), rule._pg_stack, before


def tell(error: BaseException, record: Record | None) -> None:
    """Add to an error in which backward it was raised, and where forward was called if known.

    In anomaly mode, also warn as torch does.
    """
    if record is None:
        return
    note(error, f"raised in the backward of {record._pg_op_name}, {node_of(record)!r}")
    if record._pg_stack:
        note(error, f"whose forward was called here:\n{record._pg_stack}")
    elif not isinstance(error, BackwardError):
        note(error, "plugrad.detect_anomaly() around forward and backward shows who called it")
    before = record.__dict__.get("_pg_induced_by")
    while before is not None:
        name, stack, before = before
        called = f", whose forward was called here:\n{stack}" if stack else ""
        note(error, f"in a call that the backward of {name} made{called}")
    if torch.is_anomaly_enabled():
        with suppress(Warning):  # made an error by a filter: the first error tells it all
            _warn(record)


#: torch's words, which filters may name.
_WITH_STACK = "Error detected in {}. Traceback of forward call that caused the error:\n{}"
_INDUCED = (
    "\n\nPrevious calculation was induced by {}. Traceback of forward call that induced the "
    "previous calculation:\n{}"
)
_WITHOUT = (
    "Error detected in {}. No forward pass information available. Enable detect anomaly during "
    "forward pass for more information."
)


def warn_at_users_line(text: str) -> None:
    """Give a UserWarning of the line that called backward, outside of plugrad and torch."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(_OURS):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, UserWarning, stacklevel=level)


def _warn(record: Record) -> None:
    text, before = _WITH_STACK, record.__dict__.get("_pg_induced_by")
    each: Any = (node_of(record).name(), record._pg_stack, before)
    while each is not None:
        name, stack, each = each
        warn_at_users_line(text.format(name, stack) if stack else _WITHOUT.format(name))
        text = _INDUCED


def refuse_nan(record: Record, result: tuple[Any, ...]) -> None:
    """Raise AnomalyError if a gradient that a rule returned has a nan."""
    for index, gradient in enumerate(result):
        raw = gradient._data if isinstance(gradient, Variable) else gradient
        if isinstance(raw, Tensor) and bool(whole(raw).isnan().any()):
            ending = {1: "st", 2: "nd", 3: "rd"}.get(index, "th")
            raise AnomalyError(
                f"Function {node_of(record).name()!r} returned nan values in its {index}{ending} "
                "output.",
                where=f"backward of {record._pg_op_name}, in anomaly mode",
                fix=(
                    "look at the values that forward was given, in the call shown below; "
                    if record._pg_stack
                    else "run forward in plugrad.detect_anomaly() too, which shows its call; "
                )
                + "detect_anomaly(check_nan=False) allows nan",
            )
