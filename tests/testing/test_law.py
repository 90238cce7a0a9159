"""Law and LawBook: ids, families, order."""

from __future__ import annotations

import pytest

from plugrad.errors import DuplicateLawError
from plugrad.testing import LAWS
from plugrad.testing.law import FAMILIES, LawBook, for_samples


def a_book():
    book = LawBook()

    @book.law("second", "forward")
    def second(case):
        """Why there is a second.

        And more.
        """

    @book.law("first", "registration", whole_op=True)
    def first(op):
        """Why there is a first."""

    @book.law("third", "lifetime", gate=True)
    def third(case):
        """Why there is a third."""

    return book


def test_laws_come_by_family_and_gates_first_to_a_sample():
    book = a_book()
    assert [law.id for law in book] == ["first", "second", "third"]
    assert [law.id for law in for_samples(book)] == ["third", "second"]
    assert len(book) == 3
    assert "first" in book
    assert "fourth" not in book


def test_why_is_the_first_line():
    assert a_book()["second"].why == "Why there is a second."


@pytest.mark.parametrize(("id_", "family"), [("first", "forward"), ("fourth", "backward")])
def test_an_id_twice_or_no_family_is_refused(id_, family):
    with pytest.raises(DuplicateLawError, match=f"id '{id_}' in the family '{family}'\n  fix:"):
        a_book().law(id_, family)(lambda case: None)


def test_each_law_says_why_and_has_a_family():
    for law in LAWS:
        assert law.family in FAMILIES
        assert law.why.endswith(".")
        assert len(law.why) < 100
