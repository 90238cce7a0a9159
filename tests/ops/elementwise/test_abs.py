"""abs and sgn of complex numbers too small to divide by (pytorch#96543)."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

# The smallest subnormal numbers, some in the middle, and numbers that are just normal.
SIZES = [(torch.complex128, s) for s in (5e-324, 1e-320, 1e-310, 2e-308, 1e-300, 1.0, 1e300)]
SIZES += [(torch.complex64, s) for s in (1.5e-45, 1e-42, 1e-39, 1e-37, 1.0, 1e37)]


def variable(values, dtype):
    return pg.Variable(torch.tensor(values, dtype=dtype), requires_grad=True)


@pytest.mark.parametrize(("dtype", "size"), SIZES)
@pytest.mark.parametrize("direction", [1, -1, 1j, -1j])
@pytest.mark.parametrize("count", [1, 9])  # the vectorized kernel and the other
def test_the_gradient_of_abs_has_modulus_1(dtype, size, direction, count):
    z = variable([size * direction] * count, dtype)
    (g,) = pg.grad(z.abs().sum(), z)
    right = torch.full((count,), direction, dtype=dtype)
    torch.testing.assert_close(g.data, right, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("dtype", "size"), [c for c in SIZES if c[1] not in (5e-324, 1.5e-45)])
def test_in_a_direction_between_the_axes(dtype, size):
    z = variable([size * (3 + 4j) / 5, 0], dtype)
    (g,) = pg.grad(z.abs().sum(), z)
    rounding = 1e-3 if size < 1e-37 else 1e-6  # a subnormal number has few digits
    assert abs(g.data[0].item() - (0.6 + 0.8j)) < rounding
    assert g.data[1] == 0


@pytest.mark.parametrize("size", [1e-308, 1e-300, 1.0])
def test_the_slope_of_sgn_across_is_1_over_the_size(size):
    z = variable([size * (3 + 4j) / 5], torch.complex128)
    across = torch.tensor([(-4 + 3j) / 5], dtype=torch.complex128)
    (g,) = pg.grad(z.sgn(), z, across)
    torch.testing.assert_close(g.data * size, across, rtol=1e-9, atol=1e-9)
    along = torch.tensor([(3 + 4j) / 5], dtype=torch.complex128)
    (g,) = pg.grad(z.sgn(), z, along)
    assert abs(g.data.item()) * size < 1e-9


@pytest.mark.parametrize("size", [1e-308, 1.0])
def test_the_second_derivative_of_abs(size):
    z = variable([size * (3 + 4j) / 5], torch.complex128)
    (g,) = pg.grad(z.abs().sum(), z, create_graph=True)
    across = torch.tensor([(-4 + 3j) / 5], dtype=torch.complex128)
    (h,) = pg.grad(g, z, across)
    torch.testing.assert_close(h.data * size, across, rtol=1e-9, atol=1e-9)


@pytest.mark.filterwarnings("ignore:ComplexHalf support:UserWarning")
def test_the_gradient_of_complex_half_is_complex_half():
    x = pg.Variable(torch.tensor([3 + 4j, 0j]).to(torch.complex32), requires_grad=True)
    x.abs().sum().backward()
    assert x.grad.dtype is torch.complex32
    torch.testing.assert_close(
        x.grad.data.to(torch.complex64), torch.tensor([0.6 + 0.8j, 0j]), rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("default", [torch.float32, torch.float64])
@pytest.mark.parametrize("dtype", [torch.complex64, torch.complex128])
def test_the_gradient_does_not_depend_on_the_default_dtype(default, dtype):
    z = variable([3 + 4j, -2j], dtype)
    before = torch.get_default_dtype()
    torch.set_default_dtype(default)
    try:
        (z.abs() + z.sgn().real).sum().backward()
    finally:
        torch.set_default_dtype(before)
    t = z.data.clone().requires_grad_()
    (t.abs() + t.sgn().real).sum().backward()
    torch.testing.assert_close(z.grad.data, t.grad)
