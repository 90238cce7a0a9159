"""The ten faults that ``torch.autograd.gradcheck`` passes with its defaults, and two more.

Each is a Function whose forward and backward also run in torch unchanged (``torch_twin``),
with samples on which torch finds nothing. ``law`` is the law that names the fault.
"""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad import Sample


class StateOnTheClass(pg.Function):
    """y = x²;  gx = 2 gy x. State is kept on the class, so two calls corrupt each other."""

    law = "interleaved"
    x = None

    @staticmethod
    def forward(ctx, x):
        StateOnTheClass.x = x
        return x * x

    @staticmethod
    def backward(ctx, gy):
        return 2 * gy * StateOnTheClass.x

    @staticmethod
    def samples(make):
        yield Sample(make(3))


class NeedsContiguousCotangent(pg.Function):
    """y = x²;  gx = 2 gy x. Backward needs a contiguous cotangent: it calls gy.view(-1)."""

    law = "cotangent-layouts"

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return (2 * gy.view(-1) * x.reshape(-1)).reshape(x.shape)

    @staticmethod
    def samples(make):
        yield Sample(make(3, 2))


class ChangesItsCotangent(pg.Function):
    """y = x²;  gx = 2 gy x. Backward multiplies its cotangent in place."""

    law = "purity"

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy.mul_(2 * x)

    @staticmethod
    def samples(make):
        yield Sample(make(3))


class NotLinearInTheCotangent(pg.Function):
    """y = x²;  gx = 2 gy x. The vjp is not linear: backward clips its cotangent to [-1, 1]."""

    law = "linearity"

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy.clamp(-1, 1) * x

    @staticmethod
    def samples(make):
        yield Sample(make(3))


class Float32Inside(pg.Function):
    """y = x²;  gx = 2 gy x. Backward of float64 computes in float32."""

    law = "oracle"

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return (2 * gy.float() * x.float()).to(x.dtype)

    @staticmethod
    def samples(make):
        yield Sample(make(3))


class MissingSum(pg.Function):
    """y = x + b;  gx = gy, gb = gy. The sum over b's broadcast dimensions is missing."""

    law = "gradient-form"

    @staticmethod
    def forward(ctx, x, b):
        return x + b

    @staticmethod
    def backward(ctx, gy):
        return gy.clone(), gy.clone()

    @staticmethod
    def samples(make):
        yield Sample(make(3, 2), make(2))


class WrongGradientDtype(pg.Function):
    """y = 2x;  gx = 2 gy. The gradient of a float64 input is float32."""

    law = "gradient-form"

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, gy):
        return (2 * gy).float()

    @staticmethod
    def samples(make):
        yield Sample(make(3))


class WrongBranch(pg.Function):
    """y = x² where |x| < 1 and 2|x| - 1 beyond;  gx = 2 gy x, which is wrong beyond 1.

    No sample is larger than 1.
    """

    law = "stretched"

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x.abs() < 1, x * x, 2 * x.abs() - 1)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x

    @staticmethod
    def samples(make):
        yield Sample(make(4, low=-0.9, high=0.9))


class MissingConj(pg.Function):
    """z = x y;  gx = gz y, gy = gz x. The conj of y and x is missing; all samples are real."""

    law = "complex"

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz * y, gz * x

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))


class NanAtAnEdge(pg.Function):
    """y = |x|;  gx = gy x / |x|, which is nan at 0."""

    law = "no-nan"

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x / x.abs()

    @staticmethod
    def samples(make):
        yield Sample(make.nonzero(4))


class OnePercentInOneElement(pg.Function):
    """y = x²;  gx = 2 gy x, but 1 % too large at the first element."""

    law = "oracle"

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        wrong = torch.ones_like(x)
        wrong[0] = 1.01
        return 2 * gy * x * wrong

    @staticmethod
    def samples(make):
        yield Sample(make(100, low=1.0, high=2.0))


@pg.op("control::relu", reference=torch.relu)
class CorrectRelu(pg.Function):
    """y = max(x, 0);  gx = gy where x > 0, else 0: also at the kink. Nothing is wrong with it."""

    law = None

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.relu(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * (x > 0)

    @staticmethod
    def samples(make):
        yield Sample(make.tensor([-1.0, 0.0, 2.0])).at_kink()


#: Passed by torch with its defaults.
TEN_FAULTS = (
    StateOnTheClass,
    NeedsContiguousCotangent,
    ChangesItsCotangent,
    NotLinearInTheCotangent,
    Float32Inside,
    MissingSum,
    WrongGradientDtype,
    WrongBranch,
    MissingConj,
    NanAtAnEdge,
)


def torch_twin(function):
    """The same forward and backward as a ``torch.autograd.Function``."""
    rules = {n: vars(function)[n] for n in ("forward", "backward")}
    return type(function.__name__, (torch.autograd.Function,), rules)
