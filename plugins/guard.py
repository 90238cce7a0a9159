"""Guard: runs a pack's code so that it cannot end the program or leave it changed.

Global state (torch's modes and defaults, random numbers, warnings) is compared before and
after, and restored.
"""

from __future__ import annotations

import dis
import gc
import os
import random
import signal
import sys
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, TracebackType

_RAISE = dis.opmap["RAISE_VARARGS"]
_guarded = threading.local()


class Guard:
    """``with Guard() as guard``: restores what a pack changes in the block.

    A guard inside another one on the same thread leaves that to the outer one.
    """

    def __init__(self) -> None:
        #: What was changed, and restored: ``the default dtype (torch.float64)``.
        self.changed: list[str] = []
        self._before: dict[str, Any] = {}
        self._modules: frozenset[str] = frozenset()
        self._is_outer = False

    def __enter__(self) -> Guard:
        self._modules = frozenset(sys.modules)
        self._is_outer = not getattr(_guarded, "active", False)
        if self._is_outer:
            for name, (read, _) in _STATE.items():
                with suppress(Exception):
                    self._before[name] = read()
            _guarded.active = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_outer:
            _guarded.active = False
            self.changed = list(_set_back(self._before))

    def messages(self, who: str, where: str) -> list[str]:
        """A warning about what ``who`` changed."""
        if not self.changed:
            return []
        what = ", ".join(self.changed)
        message = (
            f"{who} changed global state: {what}; it was restored\n"
            f"  where: {where}\n"
            "  fix: its author should change such things in a with block, or not at all"
        )
        return [message]

    def is_packs_own(self, error: BaseException) -> bool:
        """Whether an exception from the block is the pack's fault.

        Otherwise it comes from outside and is passed on: Ctrl-C, what a signal handler
        raised, or what another thread set, as time limits do.
        """
        if isinstance(error, KeyboardInterrupt) or _is_of_a_signal(error.__traceback__):
            return False
        if isinstance(error, (Exception, SystemExit)):
            return True
        parts = getattr(error, "exceptions", None)
        if isinstance(parts, tuple) and parts:  # a group
            return all(self.is_packs_own(part) for part in parts)
        module = type(error).__module__
        is_known_elsewhere = module in self._modules and module not in _RAISED_BY_NOBODY_ELSE
        return not is_known_elsewhere or _is_of_a_statement(error.__traceback__)


# --- whose exception -----------------------------------------------------------------

#: GeneratorExit and asyncio's CancelledError come up at a yield or an await alone, and an
#: import is neither.
_RAISED_BY_NOBODY_ELSE = ("builtins", "asyncio.exceptions")


def _is_of_a_signal(traceback: TracebackType | None) -> bool:
    """Whether a handler of a signal is among the frames."""
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    codes = {code for handler in handlers if (code := _code(handler)) is not None}
    while traceback is not None:
        if traceback.tb_frame.f_code in codes:
            return True
        traceback = traceback.tb_next
    return False


def _code(handler: Any) -> CodeType | None:
    function = getattr(handler, "func", handler)  # a partial's
    found: CodeType | None = getattr(function, "__code__", None)
    if found is None and callable(function):  # an object with __call__
        found = getattr(type(function).__call__, "__code__", None)
    return found


def _is_of_a_statement(traceback: TracebackType | None) -> bool:
    """Whether a ``raise`` raised it, and not another thread."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and (
        traceback.tb_frame.f_code.co_code[traceback.tb_lasti] == _RAISE
    )


# --- what belongs to the program -----------------------------------------------------


def _set_back(before: dict[str, Any]) -> Iterator[str]:
    """Restore what has changed; returns the list of it."""
    for name, was in before.items():
        with suppress(Exception):
            read, write = _STATE[name]
            now = read()
            if now != was:
                write(was)
                shown = repr(now)
                yield f"{name} ({shown})" if len(shown) < 40 else name


def _default_device() -> torch.device | None:
    context = getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
    return None if context is None else context.device


def _set_default_device(device: torch.device | None) -> None:
    torch.set_default_device(device)
    if device is None:  # torch 2.6's get_default_device fails where a None is left
        del torch._GLOBAL_DEVICE_CONTEXT.device_context


def _function_modes() -> list[Any]:
    from torch.overrides import _get_current_function_mode_stack

    return list(_get_current_function_mode_stack())  # type: ignore[no-untyped-call]


def _dispatch_modes() -> list[Any]:
    from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

    return list(_get_current_dispatch_mode_stack())


def _leave(read: Callable[[], list[Any]]) -> Callable[[list[Any]], None]:
    def leave(before: list[Any]) -> None:
        for mode in reversed(read()):
            if not any(mode is other for other in before):
                mode.__exit__(None, None, None)

    return leave


_inference: list[Any] = []  # a guard that nobody holds ends


def _set_inference(mode: bool) -> None:
    guard = torch._C._InferenceMode(mode)
    guard.__enter__()  # type: ignore[no-untyped-call]
    _inference.append(guard)


def _anomaly() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def _autocast() -> list[Any]:
    kinds = ("cpu", "cuda")
    modes = [
        (kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in kinds
    ]
    return [torch.is_autocast_cache_enabled(), *modes]


def _set_autocast(state: list[Any]) -> None:
    cache, *modes = state
    torch.set_autocast_cache_enabled(cache)
    for kind, enabled, dtype in modes:
        torch.set_autocast_enabled(kind, enabled)
        torch.set_autocast_dtype(kind, dtype)


def _cudnn() -> tuple[bool, bool, bool]:
    flags = torch.backends.cudnn
    return flags.enabled, flags.benchmark, flags.deterministic


def _set_cudnn(state: tuple[bool, bool, bool]) -> None:
    flags = torch.backends.cudnn
    flags.enabled, flags.benchmark, flags.deterministic = state


_SMALLEST = 5e-324


def _flushes_denormals() -> bool:
    return _SMALLEST * 1.0 == 0.0  # Python's floats too; a mode of torch's must not see this


class _Random:
    """A generator's state, which is a tensor, to compare with ``==``."""

    def __init__(self, state: torch.Tensor) -> None:
        self.state = state

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Random) and self.state.tolist() == other.state.tolist()

    __hash__ = None  # type: ignore[assignment]


def _cuda_random() -> list[Any]:
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        raise LookupError
    return [_Random(state) for state in torch.cuda.get_rng_state_all()]


def _numpy(name: str) -> Any:
    return sys.modules[name]  # if nobody imported it, there is nothing to keep


def _numpy_random() -> tuple[Any, ...]:
    name, keys, *rest = _numpy("numpy.random").get_state()
    return (name, keys.tolist(), *rest)


@dataclass(frozen=True)
class _Filters:
    """Filters of warnings; a library's filters for its own messages or modules do not count."""

    broad: list[Any]
    every: list[Any] = field(compare=False)

    @classmethod
    def read(cls) -> _Filters:
        every = list(warnings.filters)
        return cls([entry for entry in every if _is_broad(entry)], every)

    def write(self) -> None:
        narrow = [f for f in warnings.filters if not _is_broad(f) and f not in self.every]
        warnings.resetwarnings()  # this also makes Python forget which warnings it has shown
        warnings.filters[:] = [*narrow, *self.every]  # type: ignore[index]


def _is_broad(entry: Any) -> bool:
    _, message, category, module, _ = entry
    return message is None and module is None and category.__module__ == "builtins"


_State = tuple["Callable[[], Any]", "Callable[[Any], object]"]
#: How each is read and set; first those that others depend on.
_STATE: dict[str, _State] = {
    "the default device": (_default_device, _set_default_device),
    "torch function modes": (_function_modes, _leave(_function_modes)),
    "torch dispatch modes": (_dispatch_modes, _leave(_dispatch_modes)),
    "inference mode": (torch.is_inference_mode_enabled, _set_inference),
    "grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "anomaly mode": (_anomaly, lambda state: torch.set_anomaly_enabled(*state)),
    "autocast": (_autocast, _set_autocast),
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "deterministic algorithms": (
        torch.get_deterministic_debug_mode,
        torch.set_deterministic_debug_mode,
    ),
    "matmul precision": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "cuDNN's flags": (_cudnn, _set_cudnn),
    "flushing of denormal numbers": (_flushes_denormals, torch.set_flush_denormal),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
    "torch's random state": (
        lambda: _Random(torch.get_rng_state()),
        lambda saved: torch.set_rng_state(saved.state),
    ),
    "CUDA's random state": (
        _cuda_random,
        lambda saved: torch.cuda.set_rng_state_all([one.state for one in saved]),
    ),
    "NumPy's random state": (
        _numpy_random,
        lambda state: _numpy("numpy.random").set_state(state),
    ),
    "Python's random state": (random.getstate, random.setstate),
    "NumPy's handling of errors": (
        lambda: _numpy("numpy").geterr(),
        lambda state: _numpy("numpy").seterr(**state),
    ),
    "the filters of warnings": (_Filters.read, _Filters.write),
    "how tensors are printed": (
        lambda: dict(vars(torch._tensor_str.PRINT_OPTS)),
        lambda options: vars(torch._tensor_str.PRINT_OPTS).update(options),
    ),
    "the working directory": (os.getcwd, os.chdir),
    "garbage collection": (gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
}
