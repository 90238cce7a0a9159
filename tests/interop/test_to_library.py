"""to_library: an op as a custom operator, where torch's own wrapping needs care."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.interop import to_library


def test_a_list_that_has_none_gets_no_gradient_and_the_rest_does():
    x = torch.arange(6.0, dtype=torch.float64).reshape(2, 3).requires_grad_()
    columns = torch.tensor([2, 0, 2])
    y = to_library("index")(x, [None, columns])
    assert torch.equal(y, x[:, columns])
    (gx,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    assert gx.tolist() == [[1, 0, 2], [1, 0, 2]]


def test_it_can_be_differentiated_twice_too():
    x = torch.rand(2, 3, dtype=torch.float64, requires_grad=True)
    columns = torch.tensor([2, 0])
    index = to_library("index")
    assert torch.autograd.gradgradcheck(lambda x: index(x, [None, columns]).sin(), x)


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # torch 2.14's own, in opcheck
def test_an_op_of_the_same_name_has_an_operator_of_its_own():
    def product(two):
        class Product(pg.Function):
            if two:

                @staticmethod
                def forward(ctx, a, b):
                    ctx.save_for_backward(a, b)
                    return a * b

                @staticmethod
                def backward(ctx, g):
                    a, b = ctx.saved_tensors
                    return g * b, g * a

            else:

                @staticmethod
                def forward(ctx, a):
                    ctx.save_for_backward(a)
                    return a * a

                @staticmethod
                def backward(ctx, g):
                    (a,) = ctx.saved_tensors
                    return 2 * g * a

        return Product

    first, second = to_library(product(False)), to_library(product(True))
    x = torch.tensor([2.0, 3.0], dtype=torch.float64, requires_grad=True)
    for operator, args in ((first, (x,)), (second, (x, x))):
        assert operator(*args).tolist() == [4, 9]
        assert torch.autograd.grad(operator(*args).sum(), x)[0].tolist() == [4, 6]
        assert set(torch.library.opcheck(operator, args).values()) == {"SUCCESS"}
