"""The laws of other modes, where the controls do not reach."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import plugrad as pg
from plugrad.testing import check_op
from plugrad.tests.testing.doubled import but, said


class InNumpy(pg.Function):
    """y = sin(x);  gx = gy cos(x)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.as_tensor(np.sin(x.numpy()))

    @staticmethod
    @pg.once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return torch.as_tensor(gy.numpy() * np.cos(x.numpy()).conj())

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


class AsArray(InNumpy):
    @staticmethod
    @pg.once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return torch.as_tensor(np.asarray(gy) * np.cos(np.asarray(x)).conj())


class InALoop(InNumpy):
    @staticmethod
    @pg.once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return torch.tensor(gy.tolist(), dtype=gy.dtype) * x.cos().conj()


class OfTorch(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.as_tensor(np.sin(x.detach().numpy()))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return torch.as_tensor(gy.numpy() * np.cos(x.numpy()))


class LooksAtValues(InNumpy):
    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x.cos().conj() if gy.sum() > 100 else gy * x.cos().conj() * 1


def waives(message):
    """What the message says to declare."""
    return eval(f"dict({re.search(r'waives=({.*?})', message)[0]})")["waives"]


@pytest.mark.parametrize("op", [InNumpy, AsArray, InALoop])
def test_a_backward_in_numpy_is_told_of_vmap_and_how_to_waive_it(op):
    failed = {r.law: r.message for r in check_op(op).failures}
    message = failed.pop("batched-cotangents")
    assert not failed
    assert message.startswith("torch.vmap cannot pass through NumPy, SciPy or a list")
    assert "test_modes.py:" in message
    assert "@op(..., waives=" in message
    declared = pg.op("test::in_numpy", waives=waives(message))(type(op.__name__, (op,), {}))
    report = check_op(declared, laws=["batched-cotangents", "waivers", "oracle", "numeric"])
    assert report.passed, str(report)
    assert report.counts["waived"] == 1


def test_one_of_torchs_is_told_the_same():
    def samples(make):
        return [pg.Sample(make(3))]

    laws = ["batched-cotangents"]
    (warning,) = check_op(OfTorch, samples=samples, laws=laws).warnings
    assert warning.message.startswith("torch.vmap cannot pass through NumPy")
    assert "check_op(..., waives=" in warning.message
    report = check_op(OfTorch, samples=samples, laws=laws, waives=waives(warning.message))
    assert report.counts == {"waived": 1}


def test_one_that_looks_at_values_is_told_where():
    (failure,) = check_op(LooksAtValues, laws=["batched-cotangents"]).failures
    assert failure.message.startswith("under torch.vmap backward raises RuntimeError: ")
    assert "data-dependent control flow" in failure.message
    assert "test_modes.py:" in failure.message
    assert waives(failure.message) == {"batched-cotangents": "why"}


class DoubledInABatch(torch.autograd.Function):
    """gx of a cube, which its own rule for torch.vmap gets wrong."""

    @staticmethod
    def forward(x, gy):
        return 3 * gy * x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def vmap(info, in_dims, x, gy):
        return 2 * 3 * gy * x * x, 0


class CubedWithAWrongBatch(InNumpy):
    """y = x^3;  gx = 3 gy x^2, and twice as much for a batch of cotangents."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    @pg.once_differentiable
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return DoubledInABatch.apply(x, gy)


def test_other_numbers_in_a_batch_are_found():
    (failure,) = check_op(CubedWithAWrongBatch, laws=["batched-cotangents"]).failures
    assert failure.message.startswith("batched, the rule differs: gradient of x")


def cubed(factor):
    """y = x³ of torch's, whose jvp is off by a factor."""

    class Cubed(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.save_for_forward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            return 3 * ctx.saved_tensors[0] ** 2 * g

        @staticmethod
        def jvp(ctx, t):
            return factor * 3 * ctx.saved_tensors[0] ** 2 * t

    return Cubed


def test_the_jvp_of_a_function_of_torchs_is_judged_and_its_lines_are_reached():
    def samples(make):
        return [pg.Sample(make(3)), pg.Sample(make(2, 2))]

    right = check_op(cubed(1), samples=samples, laws=["jvp", "lines"])
    assert right.counts == {"passed": 3}
    wrong = check_op(cubed(-1), samples=samples, laws=["jvp"])
    assert len(wrong.failures) == 2
    assert all(f.message.startswith("jvp does not fit backward: ") for f in wrong.failures)
    (of_none,) = check_op(InNumpy, laws=["jvp"])
    assert of_none.message == "the op has no jvp"


def test_a_jvp_gives_a_tangent_for_each_output():
    op = but(jvp=lambda ctx, tx: (2 * tx, 2 * tx))
    assert said(op, "jvp") == ("failed", "jvp gives 2 tangents for 1 output")
