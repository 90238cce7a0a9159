"""NotApplicable: how a law says that it has nothing to judge."""

from __future__ import annotations


class NotApplicable(Exception):  # noqa: N818 (an outcome, not an error)
    """The law says nothing about this op or sample; the message is the reason."""
