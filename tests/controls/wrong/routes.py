"""routes: its property on Variable leads somewhere else."""

from __future__ import annotations

import plugrad as pg
from plugrad import Sample
from plugrad.plugins.registered_op import RegisteredOp


@pg.op("control::routes", properties=("control_routes",))
class Routes(pg.Function):
    """y = 2x;  gx = 2 gy."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy

    @staticmethod
    def samples(make):
        yield Sample(make(3))


Wrong = RegisteredOp.of(Routes, "control")


def prepare(monkeypatch):
    """Attach the property as if by hand: a registry would do it right."""
    wrong = property(lambda x: x * 3)
    monkeypatch.setattr(pg.Variable, "control_routes", wrong, raising=False)


MESSAGE = r"x\.control_routes gives another result than apply"
