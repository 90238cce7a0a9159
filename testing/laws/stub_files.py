"""Stub files: what type checkers read about a pack's ops is what forward takes."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugrad.plugins.registered_op import BUILTIN, LOCAL
from plugrad.testing.law import LAWS, NotApplicable, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from plugrad.testing.op_under_test import OpUnderTest

_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


@LAWS.law("stub", "registration", whole_op=True, engines=("plugrad",))
def stub(op: OpUnderTest) -> None:
    """The op's parameters in a pack's ``.pyi`` are those that forward takes.

    Editors and type checkers read the stub and not the code: with a wrong stub they would
    refuse a right call and accept a wrong one. Names, their order, which have a default,
    and simple defaults are compared, in the stub of the package and in that of the op's own
    module.
    """
    if op.pack in ("", BUILTIN, LOCAL):
        raise NotApplicable("the op is not a pack's")
    files = [*_stubs(op.function.__module__)]
    if not files:
        raise NotApplicable("the pack has no stub file")
    found = [d for file in files for d in _declared(file, op)]
    for declared in found:
        _compare(declared, _parameters(op), [d for d in found if d.where == declared.where])
    if not found:
        own = op.name.rpartition("::")[2]
        about_ops = [file for file in files if "_Ops" in _classes(file)]
        if about_ops and own.isidentifier():
            shown = ", ".join(filter(None, ("self", _shown(_parameters(op)[1:]))))
            raise Violation(
                f"{about_ops[0]} does not declare {own}, so type checkers refuse it: add it "
                f"to the class _Ops, def {own}({shown}) -> Variable: ..."
            )
        raise NotApplicable("no stub file declares the op")


@dataclass(frozen=True)
class _Declared:
    """A function or method in a stub."""

    file: Path
    #: Its name, with that of its class.
    where: str
    node: ast.FunctionDef | ast.AsyncFunctionDef
    overloaded: bool
    #: Whether it is forward itself, with the parameters of the op's code.
    is_forward: bool = False


def _stubs(module: str) -> Iterator[Path]:
    """The stub files of a module, of the packages that it is in, and of a package of stubs."""
    parts = module.split(".")
    for count in range(len(parts), 0, -1):
        file = getattr(sys.modules.get(".".join(parts[:count])), "__file__", None)
        if file is None:
            continue
        path = Path(file).with_suffix(".pyi")
        if path.is_file():
            yield path
        if count == 1 and path.stem == "__init__":
            apart = path.parent.with_name(f"{parts[0]}-stubs") / path.name
            if apart.is_file():
                yield apart


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise Violation(f"{file} is not a stub that can be read: {error}") from error


def _classes(file: Path) -> dict[str, ast.ClassDef]:
    return {node.name: node for node in _tree(file).body if isinstance(node, ast.ClassDef)}


def _declared(file: Path, op: OpUnderTest) -> Iterator[_Declared]:
    """A stub's declarations of the op: a function, and methods of Variables and namespaces."""
    pack, _, own = op.name.rpartition("::")
    tree = _tree(file)
    for node in tree.body:
        if isinstance(node, _FUNCTIONS) and node.name == own:
            yield _Declared(file, own, node, _is_overload(node))
    names = {own, *op.declaration.methods}
    for name, kind in _classes(file).items():
        for node in kind.body:
            if not isinstance(node, _FUNCTIONS):
                continue
            if name == op.function.__name__ and node.name == "forward":
                yield _Declared(file, f"{name}.forward", node, _is_overload(node), is_forward=True)
            called = node.name == "__call__" and own == pack  # x.softclip, of the pack softclip
            if (name.startswith("_Ops") or name == "Variable") and (node.name in names or called):
                yield _Declared(file, f"{name}.{node.name}", node, _is_overload(node))


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)


# --- parameters ----------------------------------------------------------------------

_Parameter = inspect.Parameter


def _parameters(op: OpUnderTest) -> list[_Parameter]:
    """Those of forward, without its ctx."""
    found = list(inspect.signature(op.function.forward).parameters.values())
    has_ctx = not (op.composite or op.function.takes_setup_context())
    return found[1:] if has_ctx else found


def _of_stub(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[_Parameter]:
    """The parameters of a function in a stub, with the text of a default for the default."""
    given, found = node.args, []
    positional = [*given.posonlyargs, *given.args]
    defaults: list[Any] = [None] * (len(positional) - len(given.defaults)) + given.defaults
    for i, (argument, default) in enumerate(zip(positional, defaults, strict=True)):
        only = i < len(given.posonlyargs)
        kind = _Parameter.POSITIONAL_ONLY if only else _Parameter.POSITIONAL_OR_KEYWORD
        found.append(_parameter(argument, kind, default))
    if given.vararg:
        found.append(_parameter(given.vararg, _Parameter.VAR_POSITIONAL, None))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append(_parameter(argument, _Parameter.KEYWORD_ONLY, default))
    return found


def _parameter(argument: ast.arg, kind: Any, default: ast.expr | None) -> _Parameter:
    given = _Parameter.empty if default is None else default
    return _Parameter(argument.arg, kind, default=given)


def _compare(declared: _Declared, forward: list[_Parameter], siblings: Sequence[_Declared]) -> None:
    """Raise Violation unless the stub's parameters are forward's.

    An overload may leave out what another has.
    """
    stubbed = _of_stub(declared.node)
    method = "." in declared.where
    if declared.is_forward:
        stubbed = stubbed[len(stubbed) - len(forward) :] if len(stubbed) > len(forward) else stubbed
    elif method and forward and forward[0].kind is not _Parameter.VAR_POSITIONAL:
        # Its first parameter is the instance.
        stubbed = [forward[0].replace(default=_Parameter.empty), *stubbed[1:]]
        forward = [stubbed[0], *forward[1:]]
    elif method:
        stubbed = stubbed[1:]
    names = {p.name for other in siblings for p in _of_stub(other.node)}
    expected = list(forward)
    if declared.overloaded:
        here = {p.name for p in stubbed}
        expected = [p for p in forward if p.name in here or p.name not in names or not _optional(p)]
    wrong = _difference(stubbed, expected, declared.overloaded)
    if wrong:
        shown = _shown(forward)
        raise Violation(
            f"{declared.file}:{declared.node.lineno} declares "
            f"{declared.where}({ast.unparse(declared.node.args)}), but forward takes ({shown}): "
            f"{wrong}"
        )


def _difference(stubbed: list[_Parameter], forward: list[_Parameter], overloaded: bool) -> str:
    for theirs, ours in zip(stubbed, forward, strict=False):
        same_name = theirs.name == ours.name or theirs.kind is _Parameter.POSITIONAL_ONLY
        if not same_name:
            return f"{theirs.name} is where forward has {ours.name}"
        if _group(theirs) != _group(ours):
            return f"{theirs.name} is {_KINDS[_group(theirs)]}, forward's {_KINDS[_group(ours)]}"
        if _optional(theirs) and not _optional(ours):
            return f"{theirs.name} has a default, forward's has none"
        if _optional(ours) and not _optional(theirs) and not overloaded:
            return f"{theirs.name} has no default, forward's has"
        if _optional(theirs) and _other_default(theirs.default, ours.default):
            text = ast.unparse(theirs.default)
            return f"{theirs.name} is {text} by default, forward's {ours.default!r}"
    if len(stubbed) > len(forward):
        return f"forward has no {stubbed[len(forward)].name}"
    if len(stubbed) < len(forward):
        return f"it lacks {forward[len(stubbed)].name}"
    return ""


_KINDS = {"positional": "positional", "keyword": "keyword-only", "any": "any number of arguments"}


def _group(parameter: _Parameter) -> str:
    if parameter.kind is _Parameter.VAR_POSITIONAL:
        return "any"
    return "keyword" if parameter.kind is _Parameter.KEYWORD_ONLY else "positional"


def _optional(parameter: _Parameter) -> bool:
    return parameter.default is not _Parameter.empty


def _other_default(stubbed: ast.expr, default: Any) -> bool:
    """Whether both are simple values, and not the same."""
    try:
        value = ast.literal_eval(stubbed)
    except (ValueError, TypeError):
        return False  # a name; a stub does not give its value
    if value is ... or not isinstance(default, bool | int | float | str | tuple | type(None)):
        return False
    return bool(value != default) or isinstance(value, bool) is not isinstance(default, bool)


def _shown(parameters: Sequence[_Parameter]) -> str:
    texts: list[str] = []
    for p in parameters:
        if p.kind is _Parameter.KEYWORD_ONLY and not any(text[0] == "*" for text in texts):
            texts.append("*")
        star = "*" if p.kind is _Parameter.VAR_POSITIONAL else ""
        texts.append(f"{star}{p.name}{f'={p.default!r}' if _optional(p) else ''}")
    return ", ".join(texts)
