"""An error of torch's in forward keeps its type and text, and notes the call that raised it."""

import sys

import pytest
import torch

import plugrad as pg

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes")

X = torch.ones(2, 3)

CALLS = {
    "matmul": (lambda x: x @ x, "matmul with x = float32[2, 3], y = float32[2, 3]"),
    "sum": (lambda x: x.sum(7), "sum with x = float32[2, 3], dim = 7"),
    "cat": (
        lambda x: torch.cat([x, x.t()]),
        "cat with tensors = [float32[2, 3], float32[3, 2]]",
    ),
    "nn.functional.linear": (
        lambda x: torch.nn.functional.linear(x, torch.ones(2, 2)),
        "nn.functional.linear with x = float32[2, 3], weight = float32[2, 2]",
    ),
}


def error_of(call, x):
    with pytest.raises(Exception) as caught:  # noqa: PT011 (of any kind: they are compared)
        call(x)
    return caught.value


@pytest.mark.parametrize("requires_grad", [True, False])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_says_where_it_failed(name, requires_grad):
    call, where = CALLS[name]
    wanted = error_of(call, X)
    error = error_of(call, pg.Variable(X, requires_grad=requires_grad))
    assert (type(error), str(error)) == (type(wanted), str(wanted))
    assert error.__notes__ == [
        f"  where: a call of {where}",
        f"  fix: pass what it takes, which `plugrad show {name}` describes",
    ]


def test_only_the_innermost_op_says_so():
    class Inner(pg.Function):
        @staticmethod
        def forward(ctx, x):
            raise ValueError("no")

    class Outer(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return Inner.apply(x)

    error = error_of(Outer.apply, pg.Variable(X))
    assert [note for note in error.__notes__ if "where:" in note] == [
        "  where: a call of Inner with x = float32[2, 3]"
    ]


def test_an_error_of_plugrad_has_its_own():
    error = error_of(lambda x: x.sum(dims=1), pg.Variable(X))
    assert isinstance(error, pg.errors.ArgumentError)
    assert not hasattr(error, "__notes__")


def test_a_long_argument_is_cut():
    error = error_of(lambda x: torch.einsum("ij,jk->" + "ik" * 40, x, x), pg.Variable(X))
    (where, _) = error.__notes__
    assert "..." in where
    assert len(where) < 120


INDEX = torch.tensor([0, 1])
NO_TENSOR = {
    "index_add": (lambda x: x.index_add(0, INDEX, 2.0), "source"),
    "scatter_add": (lambda x: x.scatter_add(0, INDEX[None], True), "src"),
    "expand_as": (lambda x: x.expand_as(3), "y"),
    "type_as": (lambda x: x.type_as(1j), "y"),
    "masked_scatter": (lambda x: x.masked_scatter(x > 0, 1.5), "source"),
}


@pytest.mark.parametrize("name", NO_TENSOR)
def test_a_number_where_a_tensor_must_be(name):
    call, argument = NO_TENSOR[name]
    assert type(error_of(call, X)) is TypeError
    error = error_of(call, pg.Variable(X, requires_grad=True))
    assert isinstance(error, TypeError)
    assert f"{name}(): argument {argument!r} must be Tensor, not " in str(error)
    assert "fix: make it a tensor: torch.as_tensor(value)" in str(error)
