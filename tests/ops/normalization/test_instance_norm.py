"""instance_norm: running statistics of another dtype than the input's."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core.installed_torch import torch_before

F16, F32, F64 = torch.float16, torch.float32, torch.float64


@pytest.mark.skipif(torch_before("2.13"), reason="torch itself raises errors there")
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize(
    "dtypes", [(F32, F64, F32), (F32, F64, None), (F16, F32, F16), (F16, F32, F32)]
)
def test_statistics_are_cast_as_torch_casts_them(dtypes, own):
    numbers = torch.linspace(-1.0, 2.0, 24).reshape(4, 3, 2) ** 2
    seen = []
    for leaf, grad in (
        (lambda t: t.requires_grad_(), torch.autograd.grad),
        (lambda t: pg.Variable(t, requires_grad=True), pg.grad),
    ):
        x = leaf(numbers.to(dtypes[0], copy=True))
        mean, var = torch.linspace(0.1, 1.3, 3, dtype=dtypes[1]), torch.ones(3, dtype=dtypes[1]) / 3
        weight = None if dtypes[2] is None else leaf(torch.ones(3, dtype=dtypes[2]))
        y = torch.nn.functional.instance_norm(x, mean, var, weight, use_input_stats=own)
        gx = grad((y * y * y).sum(), x)[0]
        seen.append([mean, var, y.detach(), gx.detach()])
    for expected, actual in zip(*seen, strict=True):
        torch.testing.assert_close(actual.data, expected)
