"""torch's own list of wrong inputs: what torch refuses is refused, with its reason."""

from __future__ import annotations

import re
from types import MethodDescriptorType
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

pytest.importorskip("expecttest", reason="torch's test tables need it")
from torch.testing._internal.common_methods_invocations import op_db

import plugrad as pg
from plugrad.core.installed_torch import torch_before
from plugrad.tests.interop.against_torch import allow_flags
from plugrad.tests.ops.op_db_entries import name

allow_flags()

pytestmark = pytest.mark.filterwarnings("ignore")

#: Entries in which the first reason found is another than torch's, and why.
OTHER_REASON = {
    "cat": "out= is refused before what is in it",
    "logspace": "it is 10 to the power of a linspace, which refuses its start and end",
    "logspace.tensor_overload": "the same",
    "masked_fill": "a number that requires grad in a plain tensor is refused before its size",
    "multinomial": "out= is refused before its dtype",
    "narrow_copy": "it is a clone() of narrow, whose words are another's",
    "nn.functional.max_pool1d": "its kernel is that of max_pool2d, which says what is wrong",
    "nn.functional.multi_margin_loss": "a weight that requires grad is refused after its size",
    "nn.functional.rrelu": "a leaf is refused before its bounds",
    "nn.functional.soft_margin_loss": "the target has a gradient, in torch it is refused",
    "t": "t_ makes the view of t, and says so",
}

#: Entries in which the error is another class.
OTHER_CLASS = {
    "narrow": "as a start True is a number and not a tensor",
    "narrow_copy": OTHER_REASON["narrow_copy"],
    "nn.functional.embedding": "its kernel looks at the number of dimensions first",
    "cat": OTHER_REASON["cat"],
}

#: Our own refusals that come before torch's look at the arguments; torch has them too. The last
#: is Python's: some entries call an unbound method of torch.Tensor, which takes no wrapper.
FIRST = ("a leaf Variable that requires grad", "was given out=", "descriptor")

ENTRIES = [info for info in op_db if info.error_inputs_func is not None]


def forms(info):
    """The function, the method and the method in place, to be called with the arguments."""
    for function in (info.op, info.method_variant, info.inplace_variant):
        if isinstance(function, MethodDescriptorType):  # it takes no wrapper for self
            yield bound(function.__name__)
        elif function is not None:
            yield function


def bound(called):
    return lambda x, *args, **kwargs: getattr(x, called)(*args, **kwargs)


def made(arguments: Any, make: Any, tracked: bool) -> Any:
    """The arguments with what ``make`` makes of their tensors and of whether they require grad."""

    def one(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        data = value.detach()
        data = data.clone() if data.layout is torch.strided else data
        return make(data, tracked and (data.is_floating_point() or data.is_complex()))

    return pytree.tree_map(one, arguments)


def refusal(function: Any, arguments: Any) -> Exception | None:
    torch.manual_seed(0)
    try:
        function(*arguments[0], **arguments[1])
    except Exception as error:
        return error
    return None


def words(error: Exception) -> str:
    """What the message says in any form: with the place of an argument and its class left out."""
    return re.sub(r"\(position \d\)", "", str(error)).replace("Variable", "Tensor")


def difference(info: Any, theirs: Exception, ours: Exception | None) -> str | None:
    if ours is None:
        return f"not refused, where torch says: {theirs}"
    said = f"{type(ours).__name__}: {ours}\ntorch: {type(theirs).__name__}: {theirs}"
    if any(reason in str(ours) for reason in FIRST):
        return None
    if not isinstance(ours, type(theirs)):
        return None if name(info) in OTHER_CLASS else said
    first_line = words(theirs).partition("\n")[0].strip()
    known = name(info) in OTHER_REASON or torch_before("2.13")  # whose words were not looked at
    return None if first_line in words(ours) or known else said


@pytest.mark.parametrize("tracked", [False, True], ids=["constants", "leaves"])
@pytest.mark.parametrize("info", ENTRIES, ids=name)
def test_what_torch_refuses_is_refused_with_its_reason(info, tracked):
    compared, problems = 0, []
    for error_input in info.error_inputs_func(info, "cpu"):  # error_inputs reads the stack for each
        sample = error_input.sample_input
        given = (sample.input, *sample.args), sample.kwargs
        for function in forms(info):
            theirs = refusal(function, made(given, torch.Tensor.requires_grad_, tracked))
            ours = refusal(
                function, made(given, lambda t, g: pg.Variable(t, requires_grad=g), tracked)
            )
            if theirs is None and ours is None:
                continue
            compared += 1
            said = f"only here: {ours!r}" if theirs is None else difference(info, theirs, ours)
            if said:
                problems.append(said)
    if not compared:
        pytest.skip("torch refuses none of them here")
    assert not problems, "\n\n".join(problems)
