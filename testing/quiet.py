"""quiet: without what libraries in C print about calls that laws make on purpose."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How many blocks we are in: torch does not tell what its switch was, so only the first sets it.
_depth = [0]


@contextmanager
def quiet() -> Iterator[None]:
    """In the block torch.vmap does not say which functions it is slow for, nor MKL what is nan.

    Neither is a Python warning. A law tries numbers that a matrix routine refuses, and what it
    raises then is the law's to judge.
    """
    warn_of_loops = getattr(torch._C._functorch, "_set_vmap_fallback_warning_enabled")  # noqa: B009
    set_handler = _mkl_set_handler()
    before = set_handler(_SAY_NOTHING)
    _depth[0] += 1
    if _depth[0] == 1:
        warn_of_loops(False)
    try:
        yield
    finally:
        _depth[0] -= 1
        if _depth[0] == 0:
            warn_of_loops(True)
        set_handler(before)


#: What MKL shall call for an argument that it refuses; it returns the argument's number as well.
_say_nothing = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int)(
    lambda *_: None
)
_SAY_NOTHING = ctypes.cast(_say_nothing, ctypes.c_void_p)


@cache
def _mkl_set_handler() -> Any:
    """MKL's function that takes what to call for such an argument, and returns what it was."""
    for library in (Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*"):
        function = getattr(ctypes.CDLL(str(library)), "mkl_serv_set_xerbla", None)
        if function is not None:
            function.restype, function.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
            return function
    return lambda _: None  # a torch without MKL
