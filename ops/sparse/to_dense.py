"""to_dense: all elements of a sparse tensor."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plugrad.core import Context, Function, Sample, SampleMaker, op
from plugrad.ops.sparse._layout import form, formed

_kernel = torch.ops.aten._to_dense.default


@op(
    "to_dense",
    overrides=(_kernel,),
    promotes=True,
    linear=True,
    equivalent={
        "option-ignored[dtype]": "torch takes no dtype for a sparse tensor on a CPU",
        "option-ignored[masked_grad]": "laws see the gradient where x has elements: test_sparse.py",
        "state-shared": "of what is saved only the places are used, which calls of a sample share",
    },
)
class ToDense(Function):
    """y = x, with the elements that x leaves out as 0;  gx = gy where x has elements.

    It is in the layout of x. With masked_grad=False gx is gy, of all elements, as it is.
    """

    @staticmethod
    def forward(
        ctx: Context,
        x: Tensor,
        dtype: torch.dtype | None = None,
        masked_grad: bool | None = None,
    ) -> Tensor:
        ctx.form = form(x)
        ctx.save_for_backward(None if masked_grad is False else x)
        return _kernel(x, dtype, masked_grad)

    @staticmethod
    def backward(ctx: Context, gy: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        if x is None:
            return gy
        return formed(gy.sparse_mask(_mask(x.detach())), ctx.form)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        sparse = make.tensor([[0.0, 2.0], [-1.0, 0.0]])
        yield Sample(sparse.to_sparse())
        yield Sample(make.complex(2, 3).to_sparse())
        none = "torch has no second derivative of CSR tensors"
        yield Sample(make(2, 3).to_sparse_csr()).waive("second-order", none)
        compressed = Sample(sparse.to_sparse_csr(), masked_grad=False)
        yield compressed.waive("second-order", none)
        yield Sample(sparse.to_sparse(), masked_grad=False)
        yield Sample(sparse.to_sparse(), torch.float32).raises(RuntimeError, "dtype")
        yield Sample(make(0, 2).to_sparse())


def _mask(x: Tensor) -> Tensor:
    return x.coalesce() if x.layout is torch.sparse_coo else x
