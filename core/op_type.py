"""OpType: the type of op classes, which says how they pickle."""

from __future__ import annotations

import copyreg
import importlib
from functools import reduce
from typing import Any

from plugrad.errors import MissingOpError


class OpType(type):
    """A class of this type pickles by its name, as any does.

    Where the package it is from is missing, unpickling says which op needs it.
    """

    declaration: Any


def _reduced(function: OpType) -> str | tuple[Any, ...]:
    if function.declaration is None:
        return function.__qualname__  # pickle's own way
    return _found, (function.declaration.name, function.__module__, function.__qualname__)


def _found(op: str, module: str, qualified_name: str) -> Any:
    try:
        return reduce(getattr, qualified_name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise MissingOpError(
            f"the op {op} cannot be unpickled: {error}",
            where=f"the class {module}.{qualified_name}",
            fix=f"install the package that has {module.partition('.')[0]}, in the version that "
            "the pickle was made with",
        ) from error


copyreg.pickle(OpType, _reduced)
