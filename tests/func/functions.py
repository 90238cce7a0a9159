"""Functions to transform, and how what comes out is compared with torch.func's."""

from __future__ import annotations

import torch
from torch.utils._pytree import tree_flatten


def tensor(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


X, A = tensor(4), tensor(3, 4, seed=1)


def scalar(x):
    return (torch.tanh(A @ x) * (A @ x).sin()).sum()


def vector(x):
    return torch.tanh(A @ x) * x.sum().exp()


def agree(mine, expected, kind=torch.Tensor):
    """The same structure, of ``kind``, with the same values."""
    found, spec = tree_flatten(mine)
    wanted, wanted_spec = tree_flatten(expected)
    assert spec == wanted_spec
    for a, b in zip(found, wanted, strict=True):
        assert type(a) is kind
        torch.testing.assert_close(a if kind is torch.Tensor else a.data, b)
