"""leaves: seeded inputs for the tests of gradcheck, as ours and as torch's."""

from __future__ import annotations

import torch

import plugrad as pg


def tensors(*shapes, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randn(s, dtype=dtype, generator=generator) for s in shapes)


def leaves(given):
    return tuple(pg.Variable(t, requires_grad=True) for t in given)


def torch_leaves(given):
    return tuple(t.clone().requires_grad_() for t in given)


REAL, COMPLEX = tensors((2, 3)), tensors((3,), dtype=torch.complex128)
