"""matrix_exp in narrow dtypes, where torch's own kernel is wrong, beside itself in float32."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

MATRICES = {
    "identity": torch.eye(2),
    "nilpotent": torch.tensor([[0.0, 1.0], [0.0, 0.0]]),
    "batch": torch.linspace(-1, 1, 18).view(2, 3, 3),
}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("matrix", MATRICES)
def test_value_and_gradient_are_those_of_float32(matrix, dtype):
    narrow = MATRICES[matrix].to(dtype)
    wide = narrow.float().requires_grad_()
    expected = torch.linalg.matrix_exp(wide)
    expected.sum().backward()
    x = pg.Variable(narrow, requires_grad=True)
    y = torch.linalg.matrix_exp(x)
    y.sum().backward()
    assert y.dtype is x.grad.dtype is dtype
    torch.testing.assert_close(y.data, expected.detach().to(dtype))
    torch.testing.assert_close(x.grad.data.float(), wide.grad, rtol=2e-2, atol=2e-2)
