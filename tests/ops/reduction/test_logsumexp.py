"""logsumexp and its like where the result has no digits left for what exp needs."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex128])
def test_the_gradient_of_logsumexp_is_the_softmax_of_large_numbers_too(dtype):
    numbers = torch.tensor([[3e17, 3e17, 1.0, 3e17], [0.0, 0.0, 1e9, 1e9]])
    x = pg.Variable(numbers.to(dtype), requires_grad=True)
    (gx,) = pg.grad(x.logsumexp(1).real.sum(), x, create_graph=True)
    softmax = torch.tensor([[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.5, 1.5]], dtype=torch.float64) / 3
    torch.testing.assert_close(gx.data, softmax.to(dtype))
    (second,) = pg.grad(gx[0, 0].real, x)
    rows = torch.tensor([[2.0, -1.0, 0.0, -1.0], [0.0] * 4], dtype=torch.float64) / 9
    torch.testing.assert_close(second.data, rows.to(dtype))


def test_logaddexp_of_large_complex_numbers_shares_the_gradient():
    numbers = torch.tensor([1e17 + 1j, 1e17, -1e17], dtype=torch.complex128)
    x, y = (pg.Variable(numbers.clone(), requires_grad=True) for _ in range(2))
    cotangent = torch.tensor([1.0, 1j, 2.0], dtype=torch.complex128)
    for gradient in pg.grad(x.logaddexp(y), (x, y), cotangent):
        torch.testing.assert_close(gradient.data, cotangent / 2)
