"""What every error of ours has: three parts, a builtin to catch it by, a copy that is equal."""

from __future__ import annotations

import ast
import inspect
import pickle

import pytest

from plugrad import errors
from plugrad.tests.checkout import ROOT, package_files

CLASSES = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.PlugradError) and kind is not errors.PlugradError
]


@pytest.mark.parametrize("kind", CLASSES)
def test_it_is_also_a_builtin_error(kind):
    assert issubclass(
        kind,
        (
            RuntimeError,
            TypeError,
            ValueError,
            AttributeError,
            ImportError,
            NotImplementedError,
        ),
    )
    assert kind.__doc__


def test_its_three_parts_are_its_message():
    error = errors.LeafError("it broke", where="here", fix="mend it")
    assert str(error) == "it broke\n  where: here\n  fix: mend it"
    assert (error.what, error.where, error.fix) == ("it broke", "here", "mend it")
    assert str(errors.LeafError("it broke", fix="mend it")) == "it broke\n  fix: mend it"


@pytest.mark.parametrize("kind", CLASSES)
def test_it_pickles(kind):
    error = kind("it broke", where="here", fix="mend it")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_new_error_can_be_made_of_the_message(kind):
    error = kind("it broke", where="here", fix="mend it")
    again = type(error)(f"{error} and more")  # as packages do that add where it was
    assert str(again) == f"{error} and more"


def test_every_error_that_is_raised_says_what_to_do():
    names = {kind.__name__ for kind in CLASSES}
    lacking = []
    for path in package_files():
        if path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
                given = {keyword.arg for keyword in node.keywords}
                if not given & {"fix", None}:
                    lacking.append(f"{path}:{node.lineno}")
    assert not lacking
