"""tried: what is found out about an op by calling it on its samples."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad import SampleMaker, Variable
from plugrad.core.function import Composite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad import Sample
    from plugrad.plugins.registered_op import RegisteredOp


def tried(entry: RegisteredOp) -> Iterator[tuple[str, str]]:
    """An op's orders of derivatives and domain, if it takes complex numbers, if torch has it."""
    samples = [s for s in entry.function.samples(SampleMaker(0)) if s.error is None]
    yield "Derivatives", _orders(entry)
    domains = sorted({domain for s in samples for domain in s.domains.values()})
    if domains:
        yield "Domain", ", ".join(domains)
    yield "Complex numbers", "yes" if any(_takes_complex(entry, s) for s in samples) else "no"
    named = (*entry.methods, *entry.inplace_names, *entry.declaration.properties)
    known = bool(entry.overrides) or any(hasattr(Tensor, name) for name in named)
    yield "In torch", "yes" if known else "no"


def _orders(entry: RegisteredOp) -> str:
    if not entry.declaration.differentiable:
        return "none"
    if issubclass(entry.function, Composite):
        return "of any order"
    once = getattr(entry.function.backward, "once_differentiable", False)
    return "the first" if once else "of any order"


def _takes_complex(entry: RegisteredOp, sample: Sample) -> bool:
    args = [_complex(a) for a in sample.args]
    kwargs = {name: _complex(value) for name, value in sample.kwargs.items()}
    if not any(map(_has_complex, (*args, *kwargs.values()))):
        return False
    with suppress(Exception), warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        entry.apply(*args, **kwargs)
        return True
    return False


def _complex(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype is torch.float64:
        return Variable(value.to(torch.complex128))
    if isinstance(value, list | tuple):
        return type(value)([_complex(v) for v in value]) if type(value) in (list, tuple) else value
    return value


def _has_complex(value: Any) -> bool:
    if isinstance(value, Variable | Tensor):
        return value.is_complex()
    return isinstance(value, list | tuple) and any(map(_has_complex, value))
