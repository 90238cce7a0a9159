"""AbsentOp: a built-in op that the installed torch cannot have."""

from __future__ import annotations

import ast
import importlib.util
import linecache
import re
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.installed_torch import torch_before

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

#: The newest torch whose functions there are ops for: what this one lacks was taken out of torch.
_NEWEST = "2.14"


@dataclass(frozen=True)
class AbsentOp:
    """A built-in op that names something the installed torch does not have."""

    #: The op's name, methods and torch callables, as its ``@op`` spells them.
    name: str
    methods: tuple[str, ...]
    overrides: tuple[str, ...]
    #: What torch lacks: ``torch.special.airy_ai``.
    lacks: str
    #: The line that names it.
    where: str

    @classmethod
    def of(cls, module: str, error: AttributeError | ImportError) -> Self | None:
        """The op of a module whose import raised this; None if torch does not lack anything."""
        lacks = _lacking(error)
        if lacks is None:
            return None
        line = _frames(error)[0]
        spec = importlib.util.find_spec(module)
        tree = ast.parse("".join(linecache.getlines(str(spec and spec.origin))))
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        declared = next((call for call in calls if getattr(call.func, "id", "") == "op"), None)
        named, given = ([], {}) if declared is None else (declared.args, _sequences(declared))
        return cls(
            name=next(_texts(named), module.rpartition(".")[2]),
            methods=tuple(_texts(given.get("methods", []))),
            overrides=tuple(ast.unparse(word) for word in given.get("overrides", [])),
            lacks=lacks,
            where=f"{line.filename}, line {line.lineno}",
        )

    @property
    def reason(self) -> str:
        """Why the op is absent, as half a sentence."""
        return f"torch {torch.__version__} does not have {self.lacks}"

    @property
    def fix(self) -> str:
        """What to do about it."""
        wanted = "--upgrade torch" if torch_before(_NEWEST) else f"'torch<{_NEWEST}'"
        return f"use a torch that has {self.lacks}: pip install {wanted}"

    def as_dict(self) -> dict[str, Any]:
        """What doctor reports about it, for JSON."""
        return {"op": self.name, "what": self.reason, "where": self.where, "fix": self.fix}


# --- what torch lacks ----------------------------------------------------------------


def _lacking(error: AttributeError | ImportError) -> str | None:
    """The torch name that an op's module asked for in vain; None for any other error."""
    if any(frame.name != "__getattr__" for frame in _frames(error)[1:]):
        return None  # torch was called, and there something fails
    if isinstance(error, ImportError):
        name = error.name or ""
        missed = re.match(r"cannot import name '(\w+)'", str(error))
        lacks = f"{name}.{missed[1]}" if missed else name
    else:
        lacks = f"{_dotted_name(error.obj)}.{error.name}"
    return lacks if lacks.startswith("torch.") else None


def _dotted_name(owner: object) -> str:
    """The name of a module, class or operator of torch; empty for everything else."""
    if isinstance(owner, ModuleType):
        return owner.__name__
    if isinstance(owner, type):
        return f"{owner.__module__}.{owner.__qualname__}"
    return f"torch.ops.{owner}" if type(owner).__module__ == "torch._ops" else ""


def _frames(error: Exception) -> list[traceback.FrameSummary]:
    """From the last line of an op's module that the error went through on."""
    modules = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
    through = [i for i, name in enumerate(modules) if name.startswith("plugrad.ops.")]
    return traceback.extract_tb(error.__traceback__)[max(through, default=0) :]


def _sequences(call: ast.Call) -> dict[str | None, list[ast.expr]]:
    """The elements of those keyword arguments of a call that are tuples or lists."""
    return {word.arg: getattr(word.value, "elts", []) for word in call.keywords}


def _texts(expressions: list[ast.expr]) -> Iterator[str]:
    for expression in expressions:
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            yield expression.value
