"""Of two gradients of a product that both could be had, only the wanted one is computed."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

import plugrad as pg


class Products(TorchDispatchMode):
    """Counts the kernels that multiply."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        self.count += name in {"mm", "addmm", "bmm", "baddbmm", "mv", "addmv", "dot", "vdot", "mul"}
        return func(*args, **kwargs or {})


def products(call, tensors, wanted, variables):
    given = [
        pg.Variable(t, requires_grad=True) if variables else t.clone().requires_grad_()
        for t in tensors
    ]
    y = call(*given).sum()
    grad = pg.grad if variables else torch.autograd.grad
    with Products() as counted:
        (found,) = grad(y, given[wanted])
    return counted.count, found.detach()


CALLS = {
    "mul": (torch.mul, [(3, 4), (3, 4)]),
    "matmul": (torch.matmul, [(3, 4), (4, 2)]),
    "matmul of batches": (torch.matmul, [(2, 3, 4), (2, 4, 2)]),
    "linear": (functional.linear, [(3, 4), (2, 4), (2,)]),
    "mm": (torch.mm, [(3, 4), (4, 2)]),
    "bmm": (torch.bmm, [(2, 3, 4), (2, 4, 2)]),
    "mv": (torch.mv, [(3, 4), (4,)]),
    "dot": (torch.dot, [(4,), (4,)]),
    "outer": (torch.outer, [(4,), (3,)]),
    "addmm": (torch.addmm, [(3, 2), (3, 4), (4, 2)]),
    "baddbmm": (torch.baddbmm, [(2, 3, 2), (2, 3, 4), (2, 4, 2)]),
    "addmv": (torch.addmv, [(3,), (3, 4), (4,)]),
}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [(name, i) for name, (_, shapes) in CALLS.items() for i in range(len(shapes))],
)
def test_no_more_products_than_torch_makes(name, wanted):
    call, shapes = CALLS[name]
    random = torch.Generator().manual_seed(0)
    tensors = [torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes]
    ours, found = products(call, tensors, wanted, variables=True)
    torchs, right = products(call, tensors, wanted, variables=False)
    assert ours <= torchs
    torch.testing.assert_close(found.data, right)
