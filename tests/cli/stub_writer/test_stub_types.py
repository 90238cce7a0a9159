"""StubTypes: how types are spelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from fractions import Fraction
from typing import Annotated, Any, Literal, Optional, TypeVar, Union

import numpy as np
import pytest
import torch
from torch import Tensor

from plugrad.cli.stub_writer.stub_types import NUMBERS, OPERAND, RESULT, StubTypes
from plugrad.core.variable import Variable

T = TypeVar("T")
Mode = IntEnum("Mode", ["A", "B"])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (int, "int"),
        (None, "None"),
        (Any, "Any"),
        (int | None, "int | None"),
        (Optional[int], "int | None"),  # noqa: UP045
        (Union[None, float, str], "float | str | None"),  # noqa: UP007
        (tuple[int, ...], "tuple[int, ...]"),
        (Sequence[int], "Sequence[int]"),
        (list[int], "list[int]"),
        (torch.dtype, "torch.dtype"),
        (torch.device | str, "torch.device | str"),
        (Literal["a", 1], "Literal['a', 1]"),
        (Annotated[int, "of something"], "int"),
        (Callable[[int, Tensor], None], "Callable[[int, Variable | Tensor], None]"),
        (Fraction, "_fractions.Fraction"),
        (T, "Any"),
        ("text", "Any"),
        (int | Any, "Any"),
        (Literal[Mode.A], "Any"),
    ],
)
def test_types(kind, text):
    assert StubTypes(()).spelled(kind, OPERAND) == text


@pytest.mark.parametrize(
    ("kind", "tensors", "text"),
    [
        (Tensor, RESULT, "Variable"),
        (Tensor | Variable, RESULT, "Variable"),
        (tuple[Tensor, ...], RESULT, "tuple[Variable, ...]"),
        (Tensor, OPERAND, "Variable | Tensor"),
        (Tensor | None, OPERAND, "Variable | Tensor | None"),
        (Tensor | complex, OPERAND, "Variable | Tensor | complex"),
        (Tensor, NUMBERS, "Variable | Tensor | complex"),
        (Sequence[Tensor], OPERAND, "Sequence[Variable | Tensor]"),
        # A list[Variable] is no list[Variable | Tensor].
        (list[Tensor], OPERAND, "Sequence[Variable | Tensor]"),
        (Sequence[Tensor | None], OPERAND, "Sequence[Variable | Tensor | None]"),
    ],
)
def test_tensors(kind, tensors, text):
    assert StubTypes(()).spelled(kind, tensors) == text


def test_a_local_class_cannot_be_spelled():
    class Local: ...

    assert StubTypes(()).spelled(Local | None, OPERAND) == "Any"


def test_a_builtin_that_a_method_hides_is_qualified():
    types = StubTypes({"int", "complex"})
    assert types.spelled(int | bool | Tensor, NUMBERS) == (
        "builtins.int | bool | Variable | Tensor | builtins.complex"
    )
    assert "import builtins" in types.imports


def test_imports_are_those_that_are_needed():
    types = StubTypes(())
    start = set(types.imports)
    types.spelled(Fraction | Sequence[Any] | torch.dtype | Literal["a"], OPERAND)
    assert types.imports - start == {
        "import fractions as _fractions",
        "from collections.abc import Sequence",
        "from typing import Any",
        "from typing import Literal",
        "import torch",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (1, "1"),
        (-1.5, "-1.5"),
        (True, "True"),
        ("mean", '"mean"'),
        ('say "a"', "..."),
        ((), "()"),
        ((-2, -1), "(-2, -1)"),
        (torch.float32, "torch.float32"),
        (torch.preserve_format, "torch.preserve_format"),
        (1j, "..."),
        ([1], "..."),
        ("x" * 40, "..."),
        (float("inf"), "..."),
        (Mode.A, "..."),
        (np.float64(1.5), "..."),
        ((Mode.A,), "..."),
    ],
)
def test_defaults(value, text):
    assert StubTypes(()).default(value) == text
