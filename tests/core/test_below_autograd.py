"""Built-in rules and arithmetic may run below torch's autograd; what else looks must not."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

import numpy as np
import pytest
import torch
import torch.autograd.forward_ad as forward_mode
from torch.overrides import TorchFunctionMode

import plugrad as pg

# torch's forward mode brings it up itself.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:.torch.jit.script. is dep:{kind}")
    for kind in ("DeprecationWarning", "FutureWarning")
]


def gradient(t):
    x = pg.Variable(t, requires_grad=True)
    (x.sin() * x).exp().sum().backward()
    return x.grad.data


def test_a_gradient_of_dual_numbers_is_dual():
    """The tangent was silently missing: forward mode is a part of torch's autograd."""
    t = torch.tensor([0.3, 0.7], dtype=torch.float64)
    with forward_mode.dual_level():
        g = forward_mode.unpack_dual(gradient(forward_mode.make_dual(t, torch.ones_like(t))))
    (_, expected) = torch.func.jvp(
        torch.func.grad(lambda x: (x.sin() * x).exp().sum()), (t,), (torch.ones_like(t),)
    )
    torch.testing.assert_close(g.tangent, expected)


def test_dual_cotangents_and_constants_count_too():
    t = torch.tensor([0.3, 0.7], dtype=torch.float64)
    x = pg.Variable(t, requires_grad=True)
    with forward_mode.dual_level():
        y = x.sin() * forward_mode.make_dual(t, torch.full_like(t, 2.0))
        y.backward(torch.ones_like(t))
        tangent = forward_mode.unpack_dual(x.grad.data).tangent
    torch.testing.assert_close(tangent, 2 * t.cos())


def test_transforms_of_torch_func_go_through_a_backward():
    t = torch.tensor([[0.3, 0.7], [0.1, -0.2]], dtype=torch.float64)
    expected = torch.func.grad(lambda x: (x.sin() * x).exp().sum())(t)
    torch.testing.assert_close(torch.vmap(gradient)(t), expected)
    (_, tangent) = torch.func.jvp(gradient, (t,), (torch.ones_like(t),))
    assert tangent.abs().min() > 0


def slope_by_torch():
    """What torch's autograd makes of 3 t: zero if it is asked below its own layer."""
    with torch.enable_grad():
        t = torch.ones(2)
        _, slope = torch.autograd.functional.vjp(lambda t: 3 * t, t, t)
    return slope


class Differentiating(TorchFunctionMode):
    """A mode of the user's, which asks torch's autograd whenever it sees a product."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if "mul" in getattr(function, "__name__", ""):
            self.found.append(slope_by_torch().tolist())
        return function(*args, **(kwargs or {}))


class Product(pg.Function):
    """A user's op, whose rule is arithmetic alone."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, gz):
        x, y = ctx.saved_tensors
        return gz * y, gz * x


@pytest.mark.parametrize(
    "op", [lambda x: x * x, lambda x: Product.apply(x, x)], ids=["ours", "own"]
)
def test_a_mode_sees_torchs_autograd_in_backward(op):
    """It was given zeros."""
    x = pg.Variable(torch.tensor([2.0, 3.0]), requires_grad=True)
    y = op(x)
    with Differentiating() as mode:
        y.backward(torch.ones(2))
    assert mode.found
    assert all(slope == [3.0, 3.0] for slope in mode.found)
    torch.testing.assert_close(x.grad.data, torch.tensor([4.0, 6.0]))


class Told(torch.Tensor):
    """A subclass of a user's, whose operators ask torch's autograd."""

    found: ClassVar[list] = []

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        if function is torch.Tensor.mul or function is torch.Tensor.__mul__:
            with torch._C.DisableTorchFunctionSubclass():
                cls.found.append(slope_by_torch().tolist())
        return super().__torch_function__(function, types, args, kwargs or {})


class Asking(Fraction):
    """A number of a user's, whose operators ask torch's autograd."""

    def __rmul__(self, other):
        return other * 1.5 * slope_by_torch()


class Scaled(pg.Function):
    """Arithmetic, with a number that was saved."""

    @staticmethod
    def forward(ctx, x, number):
        ctx.save_for_backward(x, number)
        return x * 4.5

    @staticmethod
    def backward(ctx, gz):
        _, number = ctx.saved_tensors
        return gz * number, None


def test_arithmetic_on_a_subclass_sees_torchs_autograd():
    Told.found.clear()
    x = pg.Variable(torch.tensor([2.0, 3.0]).as_subclass(Told), requires_grad=True)
    Product.apply(x, x).backward(torch.ones(2))
    assert Told.found
    assert all(slope == [3.0, 3.0] for slope in Told.found)


def test_arithmetic_on_a_users_number_sees_torchs_autograd():
    x = pg.Variable(torch.tensor([2.0, 3.0]), requires_grad=True)
    Scaled.apply(x, Asking(3, 2)).backward(torch.ones(2))
    torch.testing.assert_close(x.grad.data, torch.tensor([4.5, 4.5]))


def test_memory_that_arithmetic_hands_on_is_not_written_to():
    """Gradients are summed in place where nobody else sees them; here NumPy does."""
    array = np.array([2.0, 3.0], dtype=np.float32)

    class Slope(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(torch.from_numpy(array))
            return x * 1.0

        @staticmethod
        def backward(ctx, gz):
            (slope,) = ctx.saved_tensors
            return slope

    x = pg.Variable(torch.ones(2), requires_grad=True)
    y = x * 1.0
    (y.sin() + Slope.apply(y)).sum().backward()
    assert array.tolist() == [2.0, 3.0]
    torch.testing.assert_close(x.grad.data, torch.tensor([2.0, 3.0]) + torch.ones(2).cos())
