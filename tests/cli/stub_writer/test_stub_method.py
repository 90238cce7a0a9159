"""AnnotationNames: names of a module, also those that it imports for types alone."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

import pytest

import plugrad as pg
from plugrad.cli.stub_writer.stub_method import AnnotationNames, stub_method
from plugrad.cli.stub_writer.stub_types import StubTypes

CODE = """
from __future__ import annotations
from typing import TYPE_CHECKING
import math
if TYPE_CHECKING:
    import collections.abc
    import os.path as paths
    from collections.abc import Sequence as Several
    from fractions import Fraction
    from a_module_that_is_missing import Missing
number = 3
"""


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "annotated_module.py"
    path.write_text(CODE)
    spec = importlib.util.spec_from_file_location("annotated_module", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["annotated_module"] = module
    spec.loader.exec_module(module)
    yield AnnotationNames(module)
    del sys.modules["annotated_module"]


def test_it_has_what_the_module_has(names):
    import math

    assert names["number"] == 3
    assert names["math"] is math


def test_it_imports_what_is_for_types_alone(names):
    import collections
    import os.path
    from fractions import Fraction

    assert names["Several"] is Sequence
    assert names["Fraction"] is Fraction
    assert names["paths"] is os.path
    assert names["collections"] is collections


def test_others_are_missing(names):
    with pytest.raises(KeyError):
        names["nothing"]
    with pytest.raises(ImportError):
        names["Missing"]
    assert {"number", "Several", "Missing"} <= set(names)
    assert len(names) == len(list(names))


def test_a_module_without_source_has_its_own_names_alone():
    assert AnnotationNames(sys)["version"] == sys.version
    with pytest.raises(KeyError):
        AnnotationNames(sys)["nothing"]


def test_relative_imports(tmp_path, monkeypatch):
    package = tmp_path / "annotated_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "kinds.py").write_text("class Kind: ...\n")
    code = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .kinds import Kind\n"
    (package / "user.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        module = importlib.import_module("annotated_package.user")
        assert AnnotationNames(module)["Kind"].__qualname__ == "Kind"
    finally:
        for name in [n for n in sys.modules if n.startswith("annotated_package")]:
            del sys.modules[name]


def test_an_in_place_twin_says_that_it_is_one():
    add = stub_method(pg.registry["add"], "__iadd__", StubTypes(()))
    assert "def __iadd__(self, y: Variable | Tensor | complex, /) -> Variable:" in add
    assert '"""In place: z = x + alpha y' in add
    put = stub_method(pg.registry["setitem"], "__setitem__", StubTypes(()))
    assert "def __setitem__(self, index: Any, y: Variable | Tensor | complex, /) -> None:" in put
