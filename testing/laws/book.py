"""LAWS: every law there is."""

from plugrad.testing.law import LawBook

#: Laws by id; iteration gives them in the order in which they are run.
LAWS = LawBook()
