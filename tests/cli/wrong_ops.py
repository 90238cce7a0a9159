"""Ops for tests of the command line, most of them wrong; another process can import them."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager

import torch

from plugrad.core import Function, Sample, conj, op
from plugrad.plugins.default import registry


@op("scaled_sin", reference=torch.sin)
class ScaledSin(Function):
    """y = sin(x);  gx = 1.01 gy conj(cos(x)), which is wrong by 1 %."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * conj(x.cos()) * 1.01

    @staticmethod
    def samples(make):
        yield Sample(make(2, 3))
        yield Sample(make(4))


@op("weak_sin", reference=torch.sin)
class WeakSin(ScaledSin):
    """y = sin(x);  gx = gy conj(cos(x)), with no sample at 0."""

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * conj(x.cos())

    @staticmethod
    def samples(make):
        yield Sample(make(2, 3))


@op("scaled_sin", reference=torch.sin)
class AlsoScaledSin(ScaledSin):
    """y = sin(x);  of another pack."""


@op("nan_sqrt", reference=torch.sqrt)
class NanSqrt(ScaledSin):
    """y = √x;  its gradient is nan."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sqrt(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy / x.sqrt() * float("nan")

    @staticmethod
    def samples(make):
        yield Sample(make(2, low=1.0, high=2.0))


@op("dying", reference=torch.sin)
class Dying(ScaledSin):
    """y = sin(x);  its rule ends the process."""

    @staticmethod
    def backward(ctx, gy):
        os.abort()


@op("interrupting", reference=torch.sin)
class Interrupting(ScaledSin):
    """y = sin(x);  its forward is Ctrl-C."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.2)  # longer than the time between two looks at whether to stop
        return torch.sin(x)


@op("sampleless", reference=torch.sin)
class Sampleless(ScaledSin):
    """y = sin(x);  without samples."""

    @staticmethod
    def samples(make):
        return iter(())


@contextmanager
def registered(*functions, pack="local"):
    """In the block these are registered too; afterwards the registry is what it was."""
    known = set(registry._ops)
    try:
        yield [registry.add(function, pack) for function in functions]
    finally:
        for name in registry._ops.keys() - known:
            registry.remove(registry._ops[name])
