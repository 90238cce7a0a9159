"""pack_tests: the test of a pack, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.testing.parametrize_ops import Check, parametrize_ops

if TYPE_CHECKING:
    from collections.abc import Callable


def pack_tests(pack: str) -> Callable[[Check], None]:
    """A test function for every op of ``pack``: each law on each sample is a test.

    ``parametrize_ops`` does the same for a test with a body of its own.

    Args:
        pack: the pack's name. It is loaded now.

    Raises:
        UnknownPackError: no registered op comes from the pack.
        UnknownOpError: the pack is installed, and set aside or switched off.

    Example:
        >>> from plugrad.testing import pack_tests
        >>> test_ops = pack_tests("special")  # in a file that pytest collects
    """

    @parametrize_ops(pack=pack)
    def test_ops(check: Check) -> None:
        __tracebackhide__ = True
        check()

    return test_ops
