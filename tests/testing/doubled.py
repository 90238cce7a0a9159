"""doubled: a right op, and the same but for what a test makes wrong."""

from __future__ import annotations

import plugrad as pg
from plugrad.testing import check_op


class Doubled(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


def but(doc=Doubled.__doc__, **methods):
    """The same, but for these methods."""
    static = {name: staticmethod(method) for name, method in methods.items()}
    return type("Wrong", (Doubled,), {"__doc__": doc, **static})


def said(op, law, **told):
    """What the law says of the op: the status and the message."""
    (result,) = check_op(op, laws=[law], **told)
    return result.status, result.message
