"""User-written Functions in random programs: plugrad and torch agree, or a reason says why not."""

from __future__ import annotations

import pytest

from plugrad.core import node
from plugrad.interop import adoption
from plugrad.tests.fuzz.functions import difference

COUNT = 150


def test_random_functions():
    found = [text for text in map(difference, range(COUNT)) if text]
    assert not found, found[0]


# --- a judge that is judged: planted faults are found ---------------------------------


def two_objects(args, edges):
    """What is wrong for an argument that is passed twice: a change of one is not of the other."""
    return tuple(map(adoption._raw, args, edges))


FAULTS = {
    "a saved input whose memory was changed passes": (node, "may_overlap", lambda t, others: False),
    "an argument that is passed twice is two objects": (adoption, "_each_raw", two_objects),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(*FAULTS[fault])
        seed = next((s for s in range(4 * COUNT) if difference(s)), None)
    assert seed is not None
    assert not difference(seed)  # the fault was it
