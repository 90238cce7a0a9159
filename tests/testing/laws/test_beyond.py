"""The laws of the second order, where the controls do not reach."""

from __future__ import annotations

import pytest
import torch

from plugrad import Sample
from plugrad.testing import check_op
from plugrad.tests.testing.an_op import an_op
from plugrad.tests.testing.doubled import said

COO = torch.eye(3, dtype=torch.float64).to_sparse()
LAYOUTS = pytest.mark.parametrize(
    "matrix", [COO, COO.to_sparse_csr(), COO.to_sparse_csc()], ids=lambda m: str(m.layout)
)


class Product(torch.autograd.Function):
    """y = m x;  gx = m^T gy, for a sparse matrix m that is kept twice."""

    @staticmethod
    def forward(ctx, m, x):
        ctx.m = m
        ctx.save_for_backward(m)
        return m @ x

    @staticmethod
    def backward(ctx, gy):
        (m,) = ctx.saved_tensors
        return None, m.to_dense().mT @ (ctx.m.to_dense().mT @ gy)


class Kept(torch.autograd.Function):
    """y = x^3;  gx = 3 gy x^2, where x^2 is kept in a sparse layout."""

    @staticmethod
    def forward(ctx, m, x):
        square = (m.to_dense() * x * x).to_sparse()
        ctx.square = square if m.layout is torch.sparse_coo else square.to_sparse(layout=m.layout)
        return m.to_dense() * x**3

    @staticmethod
    def backward(ctx, gy):
        return None, 3 * gy * ctx.square.to_dense()


class Both(torch.autograd.Function):
    """y = m x;  gm = gy x^T, gx = m^T gy, for a sparse matrix that has a gradient."""

    @staticmethod
    def forward(ctx, m, x):
        ctx.save_for_backward(m, x)
        return m @ x

    @staticmethod
    def backward(ctx, gy):
        m, x = ctx.saved_tensors
        return gy @ x.mT, m.to_dense().mT @ gy


def hidden(function, matrix, *constants):
    """What hidden-intermediate says of it: the status and the message."""
    samples = [Sample(matrix, torch.linspace(1, 2, 9, dtype=torch.float64).reshape(3, 3))]
    samples[0].constant(*constants)
    (result,) = check_op(function, samples=samples, laws=["hidden-intermediate"])
    return result.status, result.message


@LAYOUTS
def test_a_sparse_argument_that_is_kept_does_not_depend_on_the_inputs(matrix):
    assert hidden(Product, matrix, 0) == ("passed", "")


@LAYOUTS
def test_a_sparse_result_that_is_kept_is_hidden(matrix):
    # 6 x is the second derivative; torch.autograd gives nothing.
    status, message = hidden(Kept, matrix, 0)
    assert status == "failed"
    assert message.startswith("ctx.square depends on the inputs")


@LAYOUTS
def test_a_sparse_input_that_is_saved_is_an_input(matrix):
    status, message = hidden(Both, matrix)
    assert (status, message.partition(" ")[0]) == ("not applicable", "forward")


def test_where_the_gradient_is_infinite_differences_say_nothing_of_the_second():
    def samples(make):
        yield Sample(make.tensor([0.0, 1.0]))

    op = an_op(lambda x: 0.5 * x**-0.5, torch.sqrt, samples)
    message = "the gradient is not finite around the sample"
    assert said(op, "second-order-numeric") == ("not applicable", message)
