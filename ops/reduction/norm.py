"""norm: torch's older norm, which takes every input for a vector."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

import torch
from torch import Tensor

from plugrad.core import Composite, Sample, SampleMaker, op
from plugrad.errors import ArgumentError
from plugrad.ops._number import constant, number
from plugrad.ops.reduction._dims import Dim


@op(
    "norm",
    methods=("norm",),
    overrides=(
        torch.norm,
        torch.ops.aten.norm.ScalarOpt_dim,
        torch.ops.aten.norm.ScalarOpt_dim_dtype,
        torch.ops.aten.norm.ScalarOpt_dtype,
    ),
    waives={"lines": "a dtype in the place of out is for the method, which no sample calls"},
)
class Norm(Composite):
    """y = linalg.vector_norm(x, p), where p = "fro" is 2; p = "nuc" is linalg.matrix_norm's."""

    @staticmethod
    def forward(
        x: Tensor,
        p: float | str | None = "fro",
        dim: Dim = None,
        keepdim: bool = False,
        out: None = None,
        dtype: torch.dtype | None = None,
    ) -> Tensor:
        if isinstance(out, torch.dtype):  # the method has no out, so dtype stands in its place
            out, dtype = None, out
        if out is not None:
            raise ArgumentError(
                "norm() got an out, and an op writes into no tensor",
                where="a call of norm",
                fix="leave it out",
            )
        p, dim = constant(p, "norm", "p"), number(constant(dim, "norm", "dim"))
        few = not isinstance(dim, tuple | list) or len(dim) <= 2
        if p is None or (p == "fro" and few):
            p = 2
        if isinstance(p, str):
            dims = tuple(range(x.dim())) if dim is None else dim
            return torch.linalg.matrix_norm(x, p, dims, keepdim, dtype=dtype)
        return torch.linalg.vector_norm(x, p, dim, keepdim, dtype=dtype)

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        yield Sample(make(3, 4))
        yield Sample(make(3, 4), "fro", 1)
        yield Sample(make(3, 4), p="fro", dim=(0, 1), keepdim=True)
        yield Sample(make(3, 4), None, 0)
        yield Sample(make(2, 3, 2), 2, (0, 1, 2))
        yield Sample(make(3, 4), keepdim=True)
        yield Sample(make(3), 3, dtype=torch.float64)
        yield Sample(make.complex(3, 2), 1.5, 0, True)
        yield Sample(make(3, 4), 3, 1, True, dtype=torch.float64)
        for p in (0, 1, 2, inf, -inf):
            yield Sample(make.nonzero(3, 4), p, -1)
            yield Sample(make.tensor([0.0, 0.0]), p)
        yield Sample(make(3, 4), "fro", (0, 1))
        yield Sample(make())
        yield Sample(make(0))
        yield Sample(make(3), out=make()).constant("out").raises(ArgumentError, "no tensor")
        yield Sample(make(3, 4), "nuc", (0, 1))
