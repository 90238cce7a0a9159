"""What each check says of an exhibit, before and after: measured, nothing is claimed."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

import plugrad as pg
from plugrad import SampleMaker
from plugrad.testing import check_op
from plugrad.tests.controls.compare_with_torch import brief
from plugrad.tests.museum.exhibit import Exhibit

NOT_RUN = "—"


def measured(exhibit: Exhibit) -> dict[str, dict[str, Any]]:
    """The four checks' results for the exhibit before and after its fix."""
    return {
        when: {
            "gradcheck": gradcheck(exhibit, target),
            "gradgradcheck": gradgradcheck(exhibit, target),
            "opcheck": opcheck(exhibit, target),
            **plugrad(exhibit, target),
        }
        for when, target in (("before", exhibit.before), ("after", exhibit.after))
    }


def gradcheck(exhibit: Exhibit, target: Any) -> str:
    """``torch.autograd.gradcheck`` with its defaults, on every sample."""
    return _each(exhibit, target, torch.autograd.gradcheck)


def gradgradcheck(exhibit: Exhibit, target: Any) -> str:
    """``torch.autograd.gradgradcheck`` with its defaults, on every sample."""
    return _each(exhibit, target, torch.autograd.gradgradcheck)


def opcheck(exhibit: Exhibit, target: Any) -> str:
    """``torch.library.opcheck`` with its defaults, which is for custom ops only."""
    if isinstance(target, type):
        return NOT_RUN
    return _each(exhibit, target, lambda _, arguments: torch.library.opcheck(target, arguments))


def plugrad(exhibit: Exhibit, target: Any) -> dict[str, Any]:
    """The laws that plugrad's check says are broken, and the first message of each."""
    said: dict[str, str] = {}
    for failure in report(exhibit, target).failures:
        said.setdefault(failure.law, brief(failure.message))
    return {"plugrad": "fails" if said else "passes", "laws": said}


def report(exhibit: Exhibit, target: Any) -> Any:
    """plugrad's report."""
    if exhibit.kind == "pg.Function":
        return check_op(target, **exhibit.options)
    return check_op(target, samples=exhibit.samples, **exhibit.options)


def _each(exhibit: Exhibit, target: Any, check: Callable[..., Any]) -> str:
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        try:
            for arguments in _arguments(exhibit):
                check(_callable(target), arguments)
        except Exception:
            return "fails"
    return "passes"


def _callable(target: Any) -> Callable[..., Any]:
    if not isinstance(target, type):
        return target
    return (_twin(target) if issubclass(target, pg.Function) else target).apply


def _twin(function: type) -> Any:
    """The same forward and backward as a ``torch.autograd.Function``."""
    rules = {n: inspect.getattr_static(function, n) for n in ("forward", "backward")}
    return type(function.__name__, (torch.autograd.Function,), rules)


def _arguments(exhibit: Exhibit) -> Iterator[tuple[Any, ...]]:
    for sample in exhibit.samples(SampleMaker(0)):
        names = _parameters(exhibit)
        constant = {names.index(c) if isinstance(c, str) else c for c in sample.constants}
        yield tuple(
            value.clone().requires_grad_()
            if isinstance(value, Tensor)
            and (value.is_floating_point() or value.is_complex())
            and i not in constant
            else value
            for i, value in enumerate(sample.args)
        )


def _parameters(exhibit: Exhibit) -> list[str]:
    target = exhibit.after
    function = target.forward if isinstance(target, type) else target._init_fn
    names = list(inspect.signature(function).parameters)
    return names[1:] if names[0] == "ctx" else names
