"""registered-rule: backward is replaced in a mixin after the op was made; calls run the old one."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample


class Rule:
    """No op, so nothing stops an assignment to it."""

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy


@pg.op("control::registered_rule")
class Wrong(Rule, pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def samples(make):
        yield Sample(make(3))


Rule.backward = staticmethod(lambda ctx, gy: gy + gy)

MESSAGE = r"backward was replaced after the class was made"
