"""``torch.autograd.Function.apply``, the one place in torch that is changed.

apply first looks for Variables (docs/decisions/0008). Up to torch 2.13 it is a Python
function, whose code is replaced. Since 2.14 it is written in C, and a Python function is
put before it.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from contextlib import suppress
from functools import cache
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch.utils.checkpoint import CheckpointFunction

from plugrad.core.variable import Variable
from plugrad.interop.proxies import Proxy, values_in

if TYPE_CHECKING:
    from collections.abc import Callable

_FOUND: Any = vars(torch.autograd.Function)["apply"]
#: torch's apply as a Python function; None if it is written in C.
_APPLY: Any = getattr(_FOUND, "__func__", None)
CONTAINERS = (list, tuple, dict)
#: What to look into for Variables.
MAY_HOLD_VARIABLES = (Variable, Proxy, *CONTAINERS)
#: It may be given tensors only, and a function of a module on Variables.
CHECKPOINT = CheckpointFunction
#: Types of arguments without Variables: looked up first, since torch's callers pay for it.
TORCHS_OWN = frozenset({Tensor, torch.nn.Parameter, torch.Size, int, float, bool, str, type(None)})


def has_variable(value: Any) -> bool:
    """Whether it is a Variable or its proxy, or a list, tuple or dict with one at any depth."""
    if isinstance(value, CONTAINERS):
        return any(isinstance(v, Variable | Proxy) for v in values_in(value))
    return isinstance(value, Variable | Proxy)


def look_for_variables(on: bool, adopted: Callable[..., Any]) -> None:
    """Let apply hand its arguments to ``adopted`` if there may be a Variable among them.

    Args:
        on: whether it does; if not, torch is as it was.
        adopted: called with the Function, the arguments and the keyword arguments.
    """
    _seam.adopted = adopted if on else None
    if _APPLY is None:
        _look_before_c(on, adopted)
    else:
        _change()


def watch_torch_functions(watcher: Watcher | None) -> None:
    """Show ``watcher`` each call of a torch.autograd.Function before it is made; None ends that.

    It changes nothing about the call. Where torch's apply is written in C, a call through an alias
    that was bound before plugrad was imported is not shown.

    Args:
        watcher: called with the Function, the arguments and the keyword arguments. What it
            returns is called, if it is not None, when the call raises.
    """
    _seam.watcher = watcher
    if _APPLY is None:
        _change_before_c()
    else:
        _change()


#: What is shown a call; what it returns is called if the call raises.
Watcher: TypeAlias = "Callable[[Any, tuple[Any, ...], dict[str, Any]], Callable[[], None] | None]"


class _Seam:
    """What is done beyond what torch does; None for nothing."""

    adopted: Callable[..., Any] | None = None
    watcher: Watcher | None = None


_seam = _Seam()


def _torchs_in_c(cls: Any, *args: Any, **kwargs: Any) -> Any:
    return _FOUND.__get__(None, cls)(*args, **kwargs)


# --- apply in Python -----------------------------------------------------------------

_TORCHS_CODE: CodeType | None = None if _APPLY is None else _APPLY.__code__
#: torch's own apply, as it was.
torchs_apply: Callable[..., Any] = (
    _torchs_in_c
    if _APPLY is None
    else FunctionType(
        _APPLY.__code__, _APPLY.__globals__, "apply", _APPLY.__defaults__, _APPLY.__closure__
    )
)


def _change() -> None:
    """Give apply the code that does what ``_seam`` says; torch's own if that is nothing."""
    adopted, watcher = _seam.adopted, _seam.watcher
    on = adopted is not None or watcher is not None
    types = () if adopted is None else MAY_HOLD_VARIABLES
    shared = (TORCHS_OWN, types, CHECKPOINT, adopted or _as_torch, torchs_apply, watcher)
    _APPLY.__kwdefaults__ = {"_plugrad": shared} if on else None
    watched = watcher is not None
    _APPLY.__code__ = _code_that_looks_for_variables(watched) if on else _TORCHS_CODE


def _as_torch(cls: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return torchs_apply(cls, *args, **kwargs)


_LOOK = """
def look(cls, *args, _plugrad, **kwargs):
    plain, others, checkpoint, adopted, torchs, watcher = _plugrad
    for arg in args:
        if type(arg) not in plain and isinstance(arg, others):
            return adopted(cls, args, kwargs)
    if kwargs or cls is checkpoint:
        return adopted(cls, args, kwargs)
    return torchs(cls, *args)
"""

_WATCH = """
def watch(cls, args, kwargs, watcher):
    take_back = watcher(cls, args, kwargs)
    try:
        pass
    except BaseException:
        if take_back is not None:
            take_back()
        raise
"""


@cache
def _code_that_looks_for_variables(watched: bool) -> CodeType:
    """What torch's apply runs: it has torch's globals, so what else it needs is a default.

    It looks at the arguments and then has torch's own lines, since calling torch's apply
    would make a small Function 8 % slower instead of 3 %. Without torch's source it is the
    call. If calls are watched, all but the first line is in a try.
    """
    look: Any = ast.parse(_LOOK).body[0]
    file, code = __file__, _TORCHS_CODE
    if code is not None:
        with suppress(OSError):
            torchs: Any = ast.parse(textwrap.dedent(inspect.getsource(code))).body[0]
            ast.increment_lineno(torchs, code.co_firstlineno - 1)  # a traceback shows torch's
            for node in ast.walk(look):
                ast.copy_location(node, torchs)
            look.body[-1:], file = torchs.body, code.co_filename
    if watched:
        watch: Any = ast.parse(_WATCH).body[0]
        for node in ast.walk(watch):
            ast.copy_location(node, look)
        watch.body[1].body, look.body[1:] = look.body[1:], watch.body
    # In a function with __class__, the free variable of torch's, which super() asks for.
    outer: Any = ast.parse("def outer():\n    __class__ = None\n    return lambda: __class__")
    look.name = "apply"
    look.body.append(ast.copy_location(ast.parse("__class__").body[0], look.body[-1]))
    outer.body[0].body[1:] = [look, ast.Return(ast.Name("apply", ast.Load()))]
    made: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(outer), file, "exec"), made)
    return made["outer"]().__code__  # type: ignore[no-any-return]


# --- apply in C ----------------------------------------------------------------------

_adopted: Callable[..., Any] = _torchs_in_c
#: The function before it: always this one, so that an alias of it follows the switch.
_BEFORE: Any = FunctionType(_torchs_in_c.__code__, globals(), "apply")


def _look_before_c(on: bool, adopted: Callable[..., Any]) -> None:
    from plugrad.interop import aliases

    global _adopted  # noqa: PLW0603 (where a closure would cost torch's callers more)
    _adopted = adopted
    function: Any = torch.autograd.Function
    _change_before_c()
    aliases.forget()
    if on:
        function._plugrad_torchs_apply = _FOUND
        aliases.watch(adopted)
    elif hasattr(function, "_plugrad_torchs_apply"):
        del function._plugrad_torchs_apply


def _change_before_c() -> None:
    function: Any = torch.autograd.Function
    on = _seam.adopted is not None
    watched = _seam.watcher is not None
    _BEFORE.__code__ = (_watched if watched else _looks if on else _torchs_in_c).__code__
    function.apply = classmethod(_BEFORE) if on or watched else _FOUND


def _watched(cls: Any, *args: Any, **kwargs: Any) -> Any:
    watcher = _seam.watcher
    take_back = None if watcher is None else watcher(cls, args, kwargs)
    try:
        return (_torchs_in_c if _seam.adopted is None else _looks)(cls, *args, **kwargs)
    except BaseException:
        if take_back is not None:
            take_back()
        raise


def _looks(cls: Any, *args: Any, **kwargs: Any) -> Any:
    for arg in args:
        if type(arg) not in TORCHS_OWN and isinstance(arg, MAY_HOLD_VARIABLES):
            return _adopted(cls, args, kwargs)
    if kwargs or cls is CHECKPOINT:
        return _adopted(cls, args, kwargs)
    return cls._plugrad_torchs_apply(*args)  # torch's own, reached in the fastest way there is
