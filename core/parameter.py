"""Parameter: a leaf that requires grad, what a model learns."""

from __future__ import annotations

from plugrad.core.variable import Variable


class Parameter(Variable):
    """A Variable with ``requires_grad=True`` unless told otherwise."""

    __slots__ = ()

    def __init__(self, data: object, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"
