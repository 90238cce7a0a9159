"""torch's own list of modules, with its inputs: each on Variables, against torch.

Where torch itself cannot run an entry, it is skipped, and says so.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import pytest
import torch

pytest.importorskip("expecttest", reason="torch's test tables need it")
from torch.testing._internal.common_modules import module_db

import plugrad as pg
from plugrad.errors import MissingPrimitiveError
from plugrad.tests.interop.against_torch import (
    DEVICE,
    PLUGRAD,
    TORCH,
    allow_flags,
    by_torch,
    difference,
    stages,
    with_leaves,
)

allow_flags()

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

DTYPE = torch.float64

#: Modules in which another answer than torch's is the right one.
DIFFERENT = {
    "nn.LinearCrossEntropyLoss": "in pieces torch loses a part of the second derivative",
}


@pytest.mark.parametrize("training", [True, False], ids=["training", "eval"])
@pytest.mark.parametrize("info", module_db, ids=lambda info: info.name)
def test_a_module(info, training):
    tried, problems = 0, []
    for number, given in enumerate(inputs(info, training)):
        torchs = partial(run, info, given, training, on_variables=False)
        try:
            expected, second = by_torch(torchs, info.supports_gradgrad)
        except Exception:
            continue
        tried += 1
        try:
            got = run(info, given, training, second, on_variables=True)
        except MissingPrimitiveError as error:
            pytest.skip(str(error).partition("\n")[0])
        said = difference(expected, got, 1e-8)
        if said:
            problems.append(f"input {number}: {said}")
    if not tried:
        pytest.skip("torch itself runs none of its inputs")
    if info.name in DIFFERENT:
        assert problems, f"it is as torch has it by now: {DIFFERENT[info.name]}"
        pytest.xfail(DIFFERENT[info.name])
    assert not problems


def inputs(info: Any, training: bool) -> list[Any]:
    """The entry's samples that call the module."""
    torch.manual_seed(0)
    made = info.module_inputs_func(
        info, device=DEVICE, dtype=DTYPE, requires_grad=True, training=training
    )
    return [given for given in made if given.forward_input is not None]


def run(info: Any, given: Any, training: bool, second: bool, *, on_variables: bool) -> Any:
    """The stages of one call, of its tensors and its parameters."""
    torch.manual_seed(0)
    made = given.constructor_input
    module = info.module_cls(*made.args, **made.kwargs).to(DEVICE, DTYPE).train(training)
    if any(map(torch.nn.parameter.is_lazy, module.parameters())):
        plain, _ = with_leaves(given.forward_input.args, TORCH)
        module(*plain)
        torch.manual_seed(0)
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter)
    engine = PLUGRAD if on_variables else TORCH
    if on_variables:
        pg.interop.convert(module)
    arguments = (given.forward_input.args, given.forward_input.kwargs)
    (args, kwargs), leaves = with_leaves(arguments, engine)
    torch.manual_seed(0)
    output = module(*args, **kwargs)
    wanted = [p for p in module.parameters() if p.requires_grad]
    return stages(output, [*wanted, *leaves], engine, second)


def test_the_list_is_torchs():
    with warnings.catch_warnings():
        assert len(module_db) > 100
