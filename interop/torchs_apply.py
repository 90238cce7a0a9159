"""``torch.autograd.Function.apply``, the one place in torch that is changed.

The code of that function first looks for Variables (docs/decisions/0008).
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from contextlib import suppress
from functools import cache
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Callable

_FOUND: Any = vars(torch.autograd.Function)["apply"]
#: The Python function that torch's apply is; None where it is written in C (torch 2.14).
_APPLY: Any = getattr(_FOUND, "__func__", None)
_TORCHS_CODE: CodeType | None = None if _APPLY is None else _APPLY.__code__
#: torch's own apply, as it was.
torchs_apply: Callable[..., Any]
if _APPLY is None:

    def torchs_apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        """What torch has."""
        return _FOUND.__get__(None, cls)(*args, **kwargs)

else:
    torchs_apply = FunctionType(
        _APPLY.__code__, _APPLY.__globals__, "apply", _APPLY.__defaults__, _APPLY.__closure__
    )
#: Types of arguments that hold no Variable: looked up first, since torch's callers pay for it.
_TORCHS_OWN = frozenset({Tensor, torch.nn.Parameter, torch.Size, int, float, bool, str, type(None)})
_OTHERS = (Variable, list, tuple, dict)


def look_for_variables(on: bool, adopted: Callable[..., Any]) -> None:
    """Let apply hand its arguments to ``adopted`` if there may be a Variable among them.

    Args:
        on: whether it does; if not, torch is as it was.
        adopted: called with the Function, the arguments and the keyword arguments.
    """
    defaults = {"_plugrad": (_TORCHS_OWN, _OTHERS, adopted, torchs_apply)}
    if _APPLY is None:  # an alias of it, bound earlier, is not reached then
        ours = FunctionType(_code_that_looks_for_variables(), globals(), "apply", None, (_CELL,))
        ours.__kwdefaults__ = defaults
        torch.autograd.Function.apply = classmethod(ours) if on else _FOUND  # type: ignore[assignment]
        return
    _APPLY.__kwdefaults__ = defaults if on else None
    _APPLY.__code__ = _code_that_looks_for_variables() if on else _TORCHS_CODE


_CELL = CellType(None)


_LOOK = """
def look(cls, *args, _plugrad, **kwargs):
    plain, others, adopted, torchs = _plugrad
    for arg in args:
        if type(arg) not in plain and isinstance(arg, others):
            return adopted(cls, args, kwargs)
    if kwargs:
        return adopted(cls, args, kwargs)
    return torchs(cls, *args)
"""


@cache
def _code_that_looks_for_variables() -> CodeType:
    """What torch's apply runs: it has torch's globals, so what else it needs is a default.

    It is a look at the arguments and then torch's own lines, since a call of torch's apply would
    make a small Function 8 % slower, not 3 %. Without torch's source it is the call.
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
    # In a function with __class__, the free variable of torch's, which super() asks for.
    outer: Any = ast.parse("def outer():\n    __class__ = None\n    return lambda: __class__")
    look.name = "apply"
    look.body.append(ast.copy_location(ast.parse("__class__").body[0], look.body[-1]))
    outer.body[0].body[1:] = [look, ast.Return(ast.Name("apply", ast.Load()))]
    made: dict[str, Any] = {}
    exec(compile(ast.fix_missing_locations(outer), file, "exec"), made)
    return made["outer"]().__code__  # type: ignore[no-any-return]
