"""The entries of torch's op_db, and which of them cannot be compared, with the reasons."""

from __future__ import annotations

from typing import Any

import torch
from torch.testing._internal.common_methods_invocations import op_db

from plugrad.tests.interop.against_torch import DEVICE

UNBOUND = "it calls an unbound method of torch.Tensor, which is written in C and takes no wrapper"

#: Entries that no wrapper can be given to.
CANNOT = dict.fromkeys(("__radd__", "__rmul__", "__getitem__", "cdouble", "cfloat"), UNBOUND)

#: Entries in which torch has another derivative, and finite differences have ours.
RIGHT = {
    "as_strided_scatter": "torch's gradient is wrong: its own gradcheck of it fails",
    "nn.functional.linear_cross_entropy.chunked": "in pieces torch has no second derivative, and "
    "gives 0; its own test of it is expected to fail",
    **dict.fromkeys(
        [f"nn.functional.max_unpool{n}d" for n in (1, 2, 3)],
        "an element that another one overwrites has no gradient; in torch it has, and torch does "
        "not test it",
    ),
}

#: The same of complex numbers alone.
RIGHT_IN_COMPLEX = {
    "linalg.det.singular": "torch's second derivative is wrong: its own test of it is expected to "
    "fail",
}


def entries(dtype: torch.dtype) -> list[Any]:
    """Those that torch differentiates in this dtype."""
    return [
        info
        for info in op_db
        if info.supports_autograd and dtype in info.supported_backward_dtypes(DEVICE)
    ]


def name(info: Any) -> str:
    """With its variant, as torch's tests have it."""
    return f"{info.name}.{info.variant_test_name}".rstrip(".")
