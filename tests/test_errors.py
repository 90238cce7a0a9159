"""What every error of ours has: three parts, a builtin to catch it by, a copy that is equal."""

from __future__ import annotations

import inspect
import pickle

import pytest

from plugrad import errors

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
