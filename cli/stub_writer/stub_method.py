"""stub_method: an op's method or property as a stub file declares it."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
import textwrap
from collections.abc import Mapping
from numbers import Number
from typing import TYPE_CHECKING, Any

from plugrad.cli.stub_writer.stub_types import NUMBERS, OPERAND, RESULT
from plugrad.core.function import Composite
from plugrad.core.sample import SampleMaker
from plugrad.plugins.registered_op import BINARY, REFLECTED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from plugrad.cli.stub_writer.stub_types import StubTypes
    from plugrad.plugins.registered_op import RegisteredOp

WIDTH = 100

_INDENT = "    "
_TYPE_CHANGED = frozenset({"__eq__", "__ne__"})  # object's give a bool


def stub_method(entry: RegisteredOp, name: str, types: StubTypes, as_property: bool = False) -> str:
    """The method ``name`` of a class, of which the op's first argument is the instance.

    Args:
        entry: the op.
        name: one of its methods or properties, or what a namespace calls it.
        types: spells the types.
        as_property: it is read, not called.
    """
    signature = _Signature(entry, types)
    arguments = ["self"] if as_property else ["self", *signature.arguments(name)]
    ignored = "  # type: ignore[override]" if name in _TYPE_CHANGED else ""
    in_place = name in entry.inplace_names
    result = "None" if name == "__setitem__" else signature.result()
    head = _head(name, arguments, result, ignored)
    docstring = _docstring(entry.function.__doc__, "In place: " if in_place else "")
    lines = [*(["@property"] if as_property else []), *head, *docstring]
    return textwrap.indent("\n".join(lines), _INDENT)


class _Signature:
    def __init__(self, entry: RegisteredOp, types: StubTypes) -> None:
        function = entry.function
        self._types = types
        self._signature = inspect.signature(function.forward)
        context = not (issubclass(function, Composite) or function.takes_setup_context())
        self._parameters = list(self._signature.parameters.values())[1 if context else 0 :]
        module = sys.modules.get(entry.module)
        self._names = AnnotationNames(module) if module is not None else {}
        self._take_numbers = set(_numbers(entry, self._parameters))

    def arguments(self, name: str) -> list[str]:
        """What stands after ``self``."""
        first, *rest = self._parameters
        if name in REFLECTED:
            number = bool(self._take_numbers.intersection(p.name for p in rest))
            return [self._argument(first.replace(default=first.empty), number), "/"]
        if name in BINARY:
            return [self._argument(rest[0].replace(default=rest[0].empty)), "/"]
        if name.startswith("__") and name != "__call__":
            rest = [p for p in rest if p.default is p.empty]
            return [*(self._argument(p) for p in rest), *(["/"] if rest else [])]
        texts = [self._argument(p) for p in rest]
        if first.kind is first.VAR_POSITIONAL:  # self is one of them
            return [self._argument(first), *texts]
        kinds = [p.kind for p in rest]
        if (
            inspect.Parameter.KEYWORD_ONLY in kinds
            and inspect.Parameter.VAR_POSITIONAL not in kinds
        ):
            texts.insert(kinds.index(inspect.Parameter.KEYWORD_ONLY), "*")
        return texts

    def result(self) -> str:
        return self._types.spelled(self._meant(self._signature.return_annotation), RESULT)

    def _argument(self, parameter: inspect.Parameter, number: bool = False) -> str:
        takes_numbers = number or parameter.name in self._take_numbers
        tensors = NUMBERS if takes_numbers else OPERAND
        kind = self._types.spelled(self._meant(parameter.annotation), tensors)
        star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        text = f"{star}{parameter.name}: {kind}"
        if parameter.default is parameter.empty:
            return text
        return f"{text} = {self._types.default(parameter.default)}"

    def _meant(self, annotation: Any) -> Any:
        """What an annotation stands for; Any if that cannot be found out."""
        if annotation is inspect.Parameter.empty:
            return Any
        if not isinstance(annotation, str):
            return annotation
        try:
            return eval(annotation, {}, self._names)  # the pack's code, loaded
        except Exception:
            return Any


def _numbers(entry: RegisteredOp, parameters: list[inspect.Parameter]) -> Iterator[str]:
    """The arguments that some sample gives a number: there a number may stand for a tensor."""
    positional = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.KEYWORD_ONLY):
            break
        positional.append(parameter.name)
    try:
        for sample in entry.function.samples(SampleMaker(0)):
            if sample.error is not None:
                continue
            given = [*zip(positional, sample.args, strict=False), *sample.kwargs.items()]
            yield from (name for name, value in given if isinstance(value, Number))
    except Exception:  # the checks tell what is wrong with the samples
        return


# --- the text ------------------------------------------------------------------------


def _head(name: str, arguments: list[str], result: str, ignored: str) -> list[str]:
    """The line with ``def``, or as many as are needed, as ruff would set them."""
    room = WIDTH - len(_INDENT)
    line = f"def {name}({', '.join(arguments)}) -> {result}:"
    if len(line) <= room:
        return [line + ignored]
    first, last = f"def {name}({ignored}", f") -> {result}:"
    line = _INDENT + ", ".join(arguments)
    if len(line) <= room:
        return [first, line, last]
    separate = [f"{_INDENT}{argument}," for argument in arguments]
    broken = [
        line if len(line) <= room else line.replace(" | ", f"\n{_INDENT}| ") for line in separate
    ]
    return [first, *broken, last]


def _docstring(text: str | None, before: str) -> list[str]:
    """The first paragraph, and a body of dots where there is none."""
    paragraph = inspect.cleandoc(text or "").partition("\n\n")[0]
    words = " ".join(paragraph.split()).replace("\\", "\\\\").replace('"""', "'''")
    if not words:
        return [f"{_INDENT}..."]
    words = before + words
    words += " " if words.endswith('"') else ""
    if len(words) + len(_INDENT) * 2 + 6 <= WIDTH:
        return [f'{_INDENT}"""{words}"""']
    lines = textwrap.wrap(words, WIDTH - 6 - 2 * len(_INDENT))
    lines[0] = '"""' + lines[0]
    return [_INDENT + line for line in [*lines, '"""']]


class AnnotationNames(Mapping[str, Any]):
    """A module's names, with those that it imports under ``if TYPE_CHECKING:`` alone.

    These are imported when one of them is looked up.
    """

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._imports: dict[str, tuple[str, str]] | None = None

    def __getitem__(self, name: str) -> Any:
        if name in vars(self._module):
            return vars(self._module)[name]
        module, attribute = self._for_types_only()[name]
        found = importlib.import_module(module)
        return getattr(found, attribute) if attribute else found

    def __iter__(self) -> Iterator[str]:
        return iter({**vars(self._module), **self._for_types_only()})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _for_types_only(self) -> dict[str, tuple[str, str]]:
        if self._imports is None:
            try:
                tree = ast.parse(inspect.getsource(self._module))
            except (OSError, TypeError, SyntaxError):  # no source: a notebook, a compiled module
                tree = ast.Module([], [])
            self._imports = dict(_imported(tree, self._module.__package__ or ""))
        return self._imports


def _imported(tree: ast.Module, package: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each name with the module it is from and its name there, empty for a module itself."""
    for block in tree.body:
        if not (isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)):
            continue
        for line in block.body:
            if isinstance(line, ast.ImportFrom):
                module = line.module or ""
                if line.level:
                    module = importlib.util.resolve_name("." * line.level + module, package)
                for alias in line.names:
                    yield alias.asname or alias.name, (module, alias.name)
            elif isinstance(line, ast.Import):
                for alias in line.names:
                    whole = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield alias.asname or whole, (whole, "")
