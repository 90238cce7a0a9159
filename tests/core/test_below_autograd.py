"""Built-in rules may run below torch's autograd; what else looks at tensors there must not."""

from __future__ import annotations

import pytest
import torch
import torch.autograd.forward_ad as forward_mode

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
