"""The second order, which is missing without a word."""

from __future__ import annotations

import torch
from torch.autograd import Function
from torch.nn import functional

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class SquareOfDouble(Function):
    @staticmethod
    def forward(x):
        return (2 * x) ** 2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 8 * x * gy


class SquareOfDoubleBefore(SquareOfDouble):
    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.intermediate = 2 * x

    @staticmethod
    def backward(ctx, gy):
        return 4 * ctx.intermediate * gy


def vector_samples(make):
    yield Sample(make(4))


class Differentiated(Function):
    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        _, pull = torch.func.vjp(lambda x: x**3, x)
        return pull(gy)[0]


class DifferentiatedBefore(Differentiated):
    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.x = x.detach().requires_grad_()
        with torch.enable_grad():
            ctx.y = ctx.x**3

    @staticmethod
    def backward(ctx, gy):
        (gx,) = torch.autograd.grad(ctx.y, ctx.x, gy, create_graph=True)
        return gx


class Product(Function):
    @staticmethod
    def forward(x):
        return x.prod(-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy[..., None] * _product_of_others(x)


class ProductBefore(Product):
    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        if (x == 0).sum() > 1:
            return torch.zeros_like(x)
        return gy[..., None] * _product_of_others(x)


def _product_of_others(x):
    itself = torch.eye(x.shape[-1], dtype=torch.bool, device=x.device)
    return torch.where(itself, 1, x[..., None, :]).prod(-1)


def product_samples(make):
    yield Sample(make(4))
    yield Sample(make.tensor([2.0, 3.0, 0.0, 0.0]))


class SparseCrossEntropy(Function):
    @staticmethod
    def forward(logits, labels):
        return functional.cross_entropy(logits, labels, reduction="none")

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        logits, labels = ctx.saved_tensors
        return gy[:, None] * (torch.softmax(logits, -1) - _one_hot(labels, logits)), None


class SparseCrossEntropyBefore(SparseCrossEntropy):
    @staticmethod
    def setup_context(ctx, inputs, output):
        logits, labels = inputs
        ctx.save_for_backward(torch.softmax(logits, -1) - _one_hot(labels, logits))

    @staticmethod
    def backward(ctx, gy):
        (backprop,) = ctx.saved_tensors
        return gy[:, None] * backprop, None


def _one_hot(labels, logits):
    return functional.one_hot(labels, logits.shape[-1]).to(logits.dtype)


def cross_entropy_samples(make):
    yield Sample(make(3, 4), make.integers(3, high=4))


class BasisFunction(Function):
    @staticmethod
    def forward(x):
        return torch.atan(x)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy / (1 + x * x)


class BasisFunctionBefore(BasisFunction):
    @staticmethod
    def backward(ctx, gy):
        x, gy = (t.detach().numpy() for t in (*ctx.saved_tensors, gy))
        return torch.from_numpy(gy / (1 + x * x))


ROOM = Room(
    "second-order",
    "The second order is missing",
    "Gradient penalties, Hessians and meta-learning differentiate the gradient. A rule that "
    "treats a part of its formula as a constant gives a gradient whose own gradient is too small, "
    "or zero. torch does not notice.",
    (
        Exhibit(
            "an intermediate result on ctx",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/58509",
            "Backward uses a tensor that forward computed from the input as if it were a constant.",
            "hidden-intermediate",
            SquareOfDoubleBefore,
            SquareOfDouble,
            vector_samples,
            shown=("setup_context", "backward"),
        ),
        Exhibit(
            "a graph built in forward",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/99523",
            "Forward records a graph on a detached copy of the input. The gradient then depends "
            "on the copy, not on the input.",
            "hidden-intermediate",
            DifferentiatedBefore,
            Differentiated,
            vector_samples,
            shown=("setup_context", "backward"),
        ),
        Exhibit(
            "a product with two zeros",
            "pytorch/pytorch",
            "https://github.com/pytorch/pytorch/issues/106789",
            "With two zeros the gradient is zero, and it was returned without a graph. Its "
            "derivative is not zero.",
            "second-order",
            ProductBefore,
            Product,
            product_samples,
        ),
        Exhibit(
            "softmax cross entropy keeps its gradient",
            "tensorflow/tensorflow",
            "https://github.com/tensorflow/tensorflow/issues/5876",
            "The kernel computes the loss and its gradient together, so the Hessian was that of a "
            "constant.",
            "hidden-intermediate",
            SparseCrossEntropyBefore,
            SparseCrossEntropy,
            cross_entropy_samples,
            shown=("setup_context", "backward"),
        ),
        Exhibit(
            "a basis function whose derivative comes from NumPy",
            "SauersML/gam",
            "https://github.com/SauersML/gam/issues/230",
            "The derivative was computed outside torch, so there was no Hessian.",
            "once-differentiable",
            BasisFunctionBefore,
            BasisFunction,
            vector_samples,
        ),
    ),
)
