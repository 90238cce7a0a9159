"""OpType: the type of op classes, which says how they pickle."""

from __future__ import annotations

import copyreg
import importlib
import sys
from operator import attrgetter
from typing import Any

from plugrad.errors import MissingOpError


class OpType(type):
    """A class of this type pickles by its name, as any does.

    Where the package it is from is missing, unpickling says which op needs it.
    """

    declaration: Any


def _reduced(function: OpType) -> str | tuple[Any, ...]:
    module = sys.modules.get(function.__module__)
    found = attrgetter(function.__qualname__)
    try:
        own_way = function.declaration is None or found(module) is not function
    except AttributeError:
        own_way = True
    if own_way:  # pickle's, which also says what is wrong
        return function.__qualname__
    return _found, (function.declaration.name, function.__module__, function.__qualname__)


def _found(op: str, module: str, qualified_name: str) -> Any:
    try:
        return attrgetter(qualified_name)(importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise MissingOpError(
            f"the op {op} cannot be unpickled: {error}",
            where=f"the class {module}.{qualified_name}",
            fix=f"install the package that has {module.partition('.')[0]}, in the version that "
            "the pickle was made with",
        ) from error


copyreg.pickle(OpType, _reduced)
