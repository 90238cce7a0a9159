"""PackSelection: choices of distributions."""

from __future__ import annotations

import pytest

from plugrad.errors import PackSelectionError
from plugrad.plugins.pack_selection import PackSelection


@pytest.mark.parametrize(
    ("choice", "allowed", "refused"),
    [
        ("all", ["a", "b"], []),
        ("none", [], ["a", "b"]),
        ("a", ["a", "A"], ["b"]),
        (" a , b_c ", ["a", "B-C", "b.c"], ["d"]),
        ("-a", ["b"], ["a"]),
        ("-a,-b", ["c"], ["a", "b"]),
        (["a", "b"], ["a", "b"], ["c"]),
        (["none"], [], ["a"]),
    ],
)
def test_what_a_choice_allows(choice, allowed, refused):
    selection = PackSelection.parse(choice, "a test")
    assert [name for name in allowed + refused if selection.allows(name)] == allowed


def test_without_a_choice_all_may_load():
    assert PackSelection().allows("anything")


@pytest.mark.parametrize("choice", ["", "a,", "-", "a,-b", "all,a", "none,-a", "-none", [], [3]])
def test_what_is_no_choice(choice):
    with pytest.raises(PackSelectionError, match="no choice of packs\n  where: a test\n  fix: say"):
        PackSelection.parse(choice, "a test")
