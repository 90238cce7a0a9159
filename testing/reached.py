"""Reached: which lines and branches of an op's code its samples run."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from plugrad.core.elementwise import Elementwise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from plugrad.core.function import Function

_METHODS = ("forward", "backward", "setup_context", "jvp", "value", "slope")
_COMPARISONS = frozenset(
    {getattr(Tensor, f"__{n}__") for n in ("gt", "ge", "lt", "le", "eq", "ne")}
    | {getattr(owner, n) for owner in (torch, Tensor) for n in ("gt", "ge", "lt", "le", "eq", "ne")}
)
#: The functions that take a condition, and which argument it is.
_SELECTIONS = {
    torch.where: 0,
    Tensor.where: 1,
    Tensor.masked_fill: 1,
    Tensor.masked_fill_: 1,
    torch.masked_fill: 1,
}


class Reached:
    """In the block, watches the op's own code: its methods and what they call in their module.

    Args:
        function: the op's class.
    """

    def __init__(self, function: type[Function]) -> None:
        self._codes = _own_codes(function)
        # To hash code itself would take longer than all the rest.
        self._ids = {id(code) for code in self._codes}
        self._lines: set[tuple[str, int]] = set()
        # For each place with a condition, whether it was seen true and seen false.
        self._conditions: dict[tuple[str, int], list[bool]] = {}
        self._mode = _Conditions(self)

    def __enter__(self) -> Self:
        self._previous = sys.gettrace()
        sys.settrace(self._trace)
        self._mode.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        self._mode.__exit__(*error)  # type: ignore[no-untyped-call]
        sys.settrace(self._previous)

    # --- what was seen ---
    @property
    def has_conditions(self) -> bool:
        """Whether any condition on elements was met."""
        return bool(self._conditions)

    def one_sided_conditions(self) -> list[str]:
        """The conditions that were always true, or always false."""
        return [
            f"{Path(file).name}:{line} is never {'false' if seen[0] else 'true'}"
            f" ({_text(file, line)})"
            for (file, line), seen in sorted(self._conditions.items())
            if not all(seen) and any(seen)
        ]

    def missed_lines(self) -> list[str]:
        """The statements that never ran."""
        missed = []
        for code in self._codes:
            # Reading the source takes longer than all the rest: only done if a line is missing.
            lines = {line for _, _, line in code.co_lines() if line} - {code.co_firstlineno}
            if all((code.co_filename, line) in self._lines for line in lines):
                continue
            for first, last in _statements(code):
                if not any((code.co_filename, n) in self._lines for n in range(first, last + 1)):
                    name, text = Path(code.co_filename).name, _text(code.co_filename, first)
                    missed.append(f"{name}:{first} ({text})")
        return missed

    # --- watching ---
    def _trace(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        return self._line if id(frame.f_code) in self._ids else None

    def _line(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line

    def condition(self, value: Any, frame: types.FrameType | None) -> None:
        """Note a condition that the code of ``frame`` computed."""
        if frame is None or id(frame.f_code) not in self._ids or value.dtype is not torch.bool:
            return
        seen = self._conditions.setdefault((frame.f_code.co_filename, frame.f_lineno), [False] * 2)
        if value.numel():
            seen[0] |= bool(value.any())
            seen[1] |= not bool(value.all())


class _Conditions(TorchFunctionMode):
    """Tells ``reached`` every condition on elements."""

    def __init__(self, reached: Reached) -> None:
        self._reached = reached

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        condition: Any = None
        if func in _COMPARISONS:
            condition = result
        elif func in _SELECTIONS and len(args) > _SELECTIONS[func]:
            condition = args[_SELECTIONS[func]]
        if isinstance(condition, Tensor):
            self._reached.condition(condition, sys._getframe(1))
        return result


def _own_codes(function: type[Function]) -> dict[types.CodeType, None]:
    """The code of the op's methods, and of the functions of its module that they name."""
    module = sys.modules.get(function.__module__)
    names = vars(module) if module is not None else {}
    found: dict[types.CodeType, None] = {}
    own = [vars(function)[m] for m in _METHODS if m in vars(function)]
    waiting = [m for m in (getattr(method, "__func__", method) for method in own) if not _made(m)]
    while waiting:
        python = inspect.unwrap(waiting.pop())
        code = getattr(python, "__code__", None)
        if code is None or code in found:
            continue
        found[code] = None
        for inner in _nested(code):
            found[inner] = None
            waiting += _called(inner, names, function.__module__)
    return found


def _called(code: types.CodeType, names: dict[str, Any], module: str) -> list[Any]:
    """The functions of the module that the code names."""
    own = {
        name: meant
        for name in code.co_names
        if isinstance(meant := names.get(name), types.FunctionType) and meant.__module__ == module
    }
    if not own:  # mostly so, and to disassemble takes longer than all the rest
        return []
    read = _globals(code)
    return [meant for name, meant in own.items() if name in read]


def _made(method: Any) -> bool:
    """Whether it was made from an Elementwise's value and slope, whose code is the op's own."""
    return getattr(method, "__globals__", None) is Elementwise.__init_subclass__.__globals__


def _globals(code: types.CodeType) -> set[str]:
    """The global names that the code reads; attributes of the same name are not among them."""
    return {i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL"}


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code and that of the functions and comprehensions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)


def _statements(code: types.CodeType) -> list[tuple[int, int]]:
    """First and last line of each statement of a function; none without its source."""
    tree = _source_tree(code)
    return [] if tree is None else list(_own_lines(tree.body))


def _source_tree(code: types.CodeType) -> ast.FunctionDef | None:
    try:
        lines, first = inspect.getsourcelines(code)
        parsed = ast.parse(inspect.cleandoc("\n" + "".join(lines)) if first else "")
    except (OSError, SyntaxError, IndentationError):
        return None
    body = parsed.body[0] if parsed.body else None
    if not isinstance(body, ast.FunctionDef):
        return None
    ast.increment_lineno(body, first - 1)
    return body


def _own_lines(body: list[ast.stmt]) -> Iterator[tuple[int, int]]:
    for statement in body:
        inner = [b for b in _bodies(statement) if b]
        if isinstance(statement, ast.FunctionDef):
            continue  # a function in a function has code of its own
        silent = isinstance(statement, ast.Raise | ast.Pass | ast.Global | ast.Nonlocal)
        constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        last = inner[0][0].lineno - 1 if inner else (statement.end_lineno or statement.lineno)
        if not silent and not constant and not isinstance(statement, ast.Try):
            yield statement.lineno, max(statement.lineno, last)
        for block in inner:
            yield from _own_lines(block)


def _bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body


def _text(file: str, line: int) -> str:
    return linecache.getline(file, line).strip()
