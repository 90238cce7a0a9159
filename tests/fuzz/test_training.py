"""Random trainings: plugrad does what torch does, after each line."""

from __future__ import annotations

import pytest

from plugrad.core import accumulate_grad
from plugrad.tests.fuzz.training import difference

COUNT = 100


def found(seeds):
    return next(filter(None, map(difference, seeds)), "")


def test_random_trainings():
    assert not found(range(COUNT))


@pytest.mark.slow
def test_many_random_trainings():
    assert not found(range(COUNT, 11 * COUNT))


# --- a judge that is judged: a planted fault is found ----------------------------------


def test_a_gradient_that_is_not_added_is_found(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(accumulate_grad, "_add_to", lambda old, gradient: None)
        seed = next((s for s in range(COUNT) if difference(s)), None)
    assert seed is not None
    assert not difference(seed)  # the fault was it
