"""Trial: whether a call can be made and differentiated, and with how many digits."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.random_state import RandomState
from plugrad.testing.call import flat
from plugrad.testing.runner import TimeLimitExceeded, time_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_WIDE = (torch.float64, torch.complex128)
#: Near 1, and not a number of float32.
_FINE = 1 + 2.0**-30


class Trial:
    """One call and its gradient.

    Args:
        target: a torch.autograd.Function, or what can be called.
        args: the arguments.
        kwargs: the keyword arguments.
        constants: which of them get no gradient.
        limit: seconds that it may take.

    Attributes:
        works: whether nothing raised.
        without_gradient: the arguments for which backward gave None.
    """

    def __init__(
        self,
        target: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        constants: set[int | str],
        limit: float,
    ) -> None:
        self._apply = getattr(target, "apply", target)
        self._args, self._kwargs, self._constants = args, kwargs, constants
        self._limit = limit
        self.works, self.without_gradient = False, set[int | str]()
        self._outputs: list[Tensor] = []
        with _guarded(limit):
            self._outputs, gradients = self._run()
            self.without_gradient = {place for place, g in gradients if g is None}
            self.works = True

    @property
    def is_wide(self) -> bool:
        """Whether the call takes float64 and computes in it.

        If something inside is computed in float32, the results are numbers of float32,
        although no input was one.
        """
        if not self.works or any(o.dtype not in _WIDE for o in self._outputs if is_real(o)):
            return False
        found: list[list[Tensor]] = []
        with _guarded(self._limit):
            outputs, gradients = self._run(_fine)
            found = [outputs, [g for _, g in gradients if g is not None]]
        return not any(map(_is_single, found))

    def _run(
        self, change: Callable[[Tensor], Tensor] = torch.clone
    ) -> tuple[list[Tensor], list[tuple[int | str, Tensor | None]]]:
        """The outputs, and the gradient of each input with its place."""
        leaves: list[tuple[int | str, Tensor]] = []

        def leaf(value: Any, place: int | str) -> Any:
            def one(tensor: Tensor) -> Tensor:
                if place in self._constants or not is_real(tensor):
                    return tensor.clone()
                made = change(tensor).requires_grad_()
                leaves.append((place, made))
                return made.clone()  # which may be written to

            return mapped(value, one)

        given = [leaf(value, i) for i, value in enumerate(self._args)]
        named = {name: leaf(value, name) for name, value in self._kwargs.items()}
        outputs = [o for o in flat(self._apply(*given, **named)) if isinstance(o, Tensor)]
        roots = [o for o in outputs if o.requires_grad]
        plain = [o.detach() for o in outputs]
        if not roots or not leaves:
            return plain, []
        cotangents = [change(torch.ones_like(root)) for root in roots]
        inputs = [tensor for _, tensor in leaves]
        gradients = torch.autograd.grad(roots, inputs, cotangents, allow_unused=True)
        return plain, [(place, g) for (place, _), g in zip(leaves, gradients, strict=True)]


@contextmanager
def _guarded(limit: float) -> Iterator[None]:
    """In the block nothing raises, prints or warns, and the random state is kept."""
    output = io.StringIO()
    with (
        RandomState().again(),
        redirect_stdout(output),
        redirect_stderr(output),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            with torch.enable_grad(), time_limit(limit):
                yield
        except (Exception, TimeLimitExceeded):
            pass  # what is known by then says enough


def _fine(tensor: Tensor) -> Tensor:
    """Numbers nearby that float32 does not have."""
    return torch.where(tensor == 0, 1e-3, tensor) * _FINE


def _is_single(tensors: list[Tensor]) -> bool:
    """Whether all are numbers of float32, and not just integers such as a sign or a count."""
    parts = [torch.view_as_real(t) if t.is_complex() else t for t in tensors if is_real(t)]
    numbers = torch.cat([part.detach().flatten().double() for part in parts] or [torch.zeros(0)])
    numbers = numbers[numbers.isfinite()]
    if bool((numbers == numbers.round()).all()):
        return False
    return bool((numbers.float().double() == numbers).all())


def is_real(tensor: Tensor) -> bool:
    """Whether it has numbers that can get a gradient."""
    return tensor.is_floating_point() or tensor.is_complex()


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in lists, tuples and dicts."""
    found: list[Tensor] = []

    def note(tensor: Tensor) -> Tensor:
        found.append(tensor)
        return tensor

    mapped(value, note)
    return found


def mapped(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The same with each of its tensors changed, in lists, tuples and dicts, too."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: mapped(part, change) for key, part in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return getattr(type(value), "_make", type(value))([mapped(v, change) for v in value])
    return value
