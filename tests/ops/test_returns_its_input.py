"""What torch returns as it was given, the same object, so do the ops: ``x.flatten()`` may be x."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor

import plugrad as pg

#: torch returns a real x itself; here its in-place twin would then be that of a view.
COPIES = {"conj_physical"}
OPS = [
    op
    for op in pg.registry
    if (op.declaration.reference or op.declaration.overrides) and op.name not in COPIES
]


def returned(call, sample, wrap):
    """For each output, which argument it is the very object of; None for a new one."""
    args = [
        wrap(a, i == 0 and i not in sample.constants) if isinstance(a, Tensor) else a
        for i, a in enumerate(sample.args)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output = call(*args, **sample.kwargs)
    outputs = output if isinstance(output, tuple | list) else [output]
    return [next((i for i, a in enumerate(args) if a is y), None) for y in outputs]


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_returns_the_objects_that_torch_returns(op, requires_grad):
    reference = op.declaration.reference or op.declaration.overrides[0]
    for sample in op.function.samples(pg.SampleMaker(0)):
        if sample.error or op.declaration.random:
            continue

        def leaf(tensor, free):
            free = free and (tensor.is_floating_point() or tensor.is_complex())
            return tensor.clone().requires_grad_(requires_grad and free)

        def variable(tensor, free):
            return pg.Variable(tensor.clone(), leaf(tensor, free).requires_grad)

        with torch.random.fork_rng(devices=[]):
            try:
                expected = returned(reference, sample, leaf)
            except RuntimeError as error:
                if "automatic differentiation" in str(error):  # torch has no gradient here
                    continue
                raise
            assert returned(op.function.apply, sample, variable) == expected, sample
