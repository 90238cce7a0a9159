"""RandomState: what a call may draw random numbers from, so that a second run draws the same."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor


#: Whether a program has begun to use CUDA; to ask torch for its generators would begin it.
cuda_in_use: Callable[[], bool] = torch.cuda.is_initialized


def seed_generators(seed: int) -> None:
    """Seed the generators that a RandomState of no tensors has the states of."""
    torch.default_generator.manual_seed(seed)
    if cuda_in_use():
        torch.cuda.manual_seed(seed)


class RandomState:
    """The states of torch's default generators that a call on some tensors may draw from.

    These are the CPU's, those of the tensors' devices, and that of the current CUDA device once
    CUDA is in use: a function can make tensors there of nothing.

    Args:
        tensors: the call's tensors; others are ignored, so that all arguments can be given.
    """

    __slots__ = ("_cpu", "_devices")

    def __init__(self, tensors: Iterable[Any] = ()) -> None:
        devices = {_device_of(tensor) for tensor in tensors}
        if cuda_in_use():
            devices.add(("cuda", torch.cuda.current_device()))
        self._take(device for device in devices if device is not None)

    def _take(self, devices: Iterable[tuple[str, int]]) -> None:
        self._cpu: Tensor = torch.get_rng_state()
        self._devices = {device: _state_of(device) for device in devices}

    def __eq__(self, other: object) -> bool:
        """Whether nothing was drawn between the two."""
        if not isinstance(other, RandomState) or not torch.equal(self._cpu, other._cpu):
            return False
        theirs = other._devices
        return all(
            device in theirs and torch.equal(state, theirs[device])
            for device, state in self._devices.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def restore(self) -> None:
        """Set the generators to these states."""
        torch.set_rng_state(self._cpu)
        for (kind, index), state in self._devices.items():
            _set_state(kind, index, state)

    @contextmanager
    def again(self) -> Iterator[None]:
        """In the block the generators begin in these states; afterwards they are as before."""
        before = RandomState.__new__(RandomState)
        before._take(self._devices)
        self.restore()
        try:
            yield
        finally:
            before.restore()


#: Devices whose tensors have no numbers, or that draw from the CPU's generator.
_WITHOUT_GENERATOR = ("cpu", "meta")


def _device_of(tensor: Any) -> tuple[str, int] | None:
    device = getattr(tensor, "device", None)
    if not isinstance(device, torch.device) or device.type in _WITHOUT_GENERATOR:
        return None
    return device.type, device.index or 0


def _state_of(device: tuple[str, int]) -> Tensor:
    kind, index = device
    module: Any = torch.get_device_module(kind)
    state: Tensor = module.get_rng_state() if kind == "mps" else module.get_rng_state(index)
    return state


def _set_state(kind: str, index: int, state: Tensor) -> None:
    module: Any = torch.get_device_module(kind)
    if kind == "mps":
        module.set_rng_state(state)
    else:
        module.set_rng_state(state, index)
