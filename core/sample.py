"""Sample: one call that an op must get right, given by the op's author."""

from __future__ import annotations

from typing import Any


class Sample:
    """Arguments of one call of an op; its floating and complex tensors get gradients.

    Args:
        args: the positional arguments, usually made by a SampleMaker.
        kwargs: the keyword arguments.
    """

    __slots__ = ("args", "constants", "kwargs")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.constants: frozenset[int | str] = frozenset()

    def constant(self, *which: int | str) -> Sample:
        """Say that the arguments at these positions or of these names get no gradient."""
        self.constants |= frozenset(which)
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
