"""softmax and log_softmax: who may leave out the dim."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import plugrad as pg


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_only_torch_nn_functional_chooses_a_dim(name):
    x = torch.tensor([[1.0, 2.0], [4.0, 8.0]])
    v = pg.Variable(x, requires_grad=True)
    refused = r"(argument 'dim' .* must be int, not NoneType|got \(Tensor, NoneType)"
    for function in (getattr(torch, name), getattr(torch.special, name)):
        with pytest.raises(TypeError, match=refused):
            function(v, None)
    with pytest.raises(TypeError, match=refused + r"[\s\S]*where: a call of nn\.[\s\S]*fix: "):
        getattr(v, name)()
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        chosen = getattr(nn.functional, name)(v)
    assert torch.equal(chosen.data, getattr(x, name)(1))
