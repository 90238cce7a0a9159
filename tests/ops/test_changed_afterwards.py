"""A result or an operand of each of torch's functions is changed in place, then backward runs.

Where torch's gradient is a number, ours is that number: an op saves what torch's formula saves, or
what nobody can change.
"""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from torch.utils._pytree import tree_leaves, tree_map

import plugrad as pg
from plugrad.core.installed_torch import torch_before
from plugrad.errors import InplaceError, SavedTensorChangedError
from plugrad.tests.ops.op_db_entries import CANNOT, RIGHT, entries, name

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

#: Those whose rule saves the operand or the result, and torch's something else: ours refuses.
STRICTER = {
    "linalg.eigvals": "the operand; torch keeps the eigenvectors, which not every caller needs",
    "linalg.matrix_sqrth": "the result; torch keeps the eigenvectors",
    "kron": "the operands; torch's kron of two matrices keeps copies",
    "nn.functional.batch_norm": "the operand, also an empty one",
    "polar": "the operands; from the result an angle at radius 0 cannot be had",
    "nn.functional.linear_cross_entropy.chunked": "the operands; torch computes gradients early",
}
if torch_before("2.8"):
    before = "the solution; before 2.8, torch's residuals had no gradient, which needs it"
    STRICTER |= {"linalg.lstsq": before, "linalg.lstsq.grad_oriented": before}
if torch_before("2.13"):
    STRICTER["ldexp"] = "the result; before 2.13, torch's was a product, which keeps the power"
#: Views of which some elements share memory, which ours does not change in place.
OVERLAPPING = {"unfold"}
SAMPLES = 2


@pytest.mark.parametrize("info", entries(torch.float64), ids=name)
def test_the_gradient_is_torchs_or_refused_where_torchs_is(info):
    if name(info) in {*CANNOT, *RIGHT}:
        pytest.skip("another test says why")
    torch.manual_seed(0)
    for sample in islice(info.sample_inputs("cpu", torch.float64, requires_grad=True), SAMPLES):
        given = (sample.input, *sample.args), sample.kwargs
        free = [t for t in tree_leaves(given) if isinstance(t, torch.Tensor) and t.requires_grad]
        for position in range(-1, min(len(free), 3)):
            wanted = gradients(info, sample, position, torch.Tensor)
            if wanted is None:
                continue
            try:
                got = gradients(info, sample, position, pg.Variable)
            except SavedTensorChangedError:
                assert name(info) in STRICTER
                continue
            except InplaceError:
                assert name(info) in OVERLAPPING
                continue
            for g, w in zip(got, wanted, strict=True):
                torch.testing.assert_close(g, w, rtol=1e-7, atol=1e-7, equal_nan=True)


def gradients(info, sample, position, kind):
    """With the operand at this position doubled after the call, the result at -1.

    None where torch refuses.
    """
    torch.manual_seed(0)
    leaves, operands = [], []

    def own(t):
        if not isinstance(t, torch.Tensor) or not t.requires_grad:
            return t
        t = t.detach().clone()
        t = t.requires_grad_() if kind is torch.Tensor else pg.Variable(t, requires_grad=True)
        leaves.append(t)
        operands.append(t * 1)
        return operands[-1]

    args, kwargs = tree_map(own, ((sample.input, *sample.args), sample.kwargs))
    try:
        output = info(*args, **kwargs)
        if sample.output_process_fn_grad is not None:
            output = sample.output_process_fn_grad(output)
        results = [t for t in tree_leaves(output) if isinstance(t, kind) and t.requires_grad]
        [*operands, results[0]][position].mul_(2)
        ones = [torch.ones(r.shape, dtype=r.dtype) for r in results]
        grad = torch.autograd.grad if kind is torch.Tensor else pg.grad
        found = grad(results, leaves, ones, materialize_grads=True)
    except Exception:
        if kind is torch.Tensor:
            return None
        raise
    return [g.detach() if kind is torch.Tensor else g.data for g in found]
