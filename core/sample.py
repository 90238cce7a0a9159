"""Sample: one call that an op must get right, or must refuse, given by the op's author."""

from __future__ import annotations

from typing import Any


class Sample:
    """Arguments of one call of an op; its floating and complex tensors get gradients.

    Args:
        args: the positional arguments, usually made by a SampleMaker.
        kwargs: the keyword arguments.
    """

    __slots__ = (
        "args",
        "constants",
        "error",
        "kink",
        "kwargs",
        "match",
        "oracle_is_wrong",
        "waives",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.constants: frozenset[int | str] = frozenset()
        self.kink = False
        self.waives: dict[str, str] = {}
        self.oracle_is_wrong = ""
        #: What the call must raise; None if it must not.
        self.error: type[Exception] | None = None
        self.match = ""

    def constant(self, *which: int | str) -> Sample:
        """Say that these arguments get no gradient: labels, masks, weights.

        Args:
            which: positions in forward or names of its parameters, which mean the same however
                an argument is passed. A name that forward does not have fails the law ``runs``.
        """
        self.constants |= frozenset(which)
        return self

    def at_kink(self) -> Sample:
        """Say that forward has no derivative here: a kink, a tie, a jump.

        The checks then ask of the gradient that it lies between the one-sided derivatives,
        and that it equals the reference's.
        """
        self.kink = True
        return self

    def without_oracle(self, reason: str) -> Sample:
        """Say that torch's own gradient is wrong here, and how: differences judge alone.

        The check fails if it is not wrong.
        """
        self.oracle_is_wrong = reason
        return self

    def raises(self, error: type[Exception], match: str = "") -> Sample:
        """Say that the op must refuse this call: the checks ask for nothing else of it.

        Args:
            error: the type of the exception that forward raises.
            match: a regular expression that is found in its message.
        """
        self.error, self.match = error, match
        return self

    def waive(self, law: str, reason: str) -> Sample:
        """Say that the op breaks the law of this id here on purpose, and why.

        The check fails if it does not break it.
        """
        self.waives[law] = reason
        return self

    def __repr__(self) -> str:
        parts = [_brief(a) for a in self.args]
        parts += [f"{name}={_brief(value)}" for name, value in self.kwargs.items()]
        return f"Sample({', '.join(parts)})"


def _brief(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is None:
        return repr(value)
    return f"{str(value.dtype).removeprefix('torch.')}{list(shape)}"
