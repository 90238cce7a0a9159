"""The dtype of what forward gives, where the control does not reach."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.testing import check_op

FLOAT32 = "a float64 input gives a float32 output"


def square(forward, slope=lambda x: 2 * x, samples=None, **declared):
    """y = forward(x);  gx = gy slope(x), cast."""

    class Square(pg.Function):
        """y = x^2;  gx = 2 gy conj(x)."""

        @staticmethod
        def forward(ctx, x, *rest):
            ctx.save_for_backward(x)
            return forward(x, *rest)

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return (gy * slope(x).conj()).to(x.dtype)

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3)) if samples is None else samples(make)

    return pg.op("test::square", **declared)(Square) if declared else Square


def failures(op, **told):
    return {r.law: r.message for r in check_op(op, **told).failures}


@pytest.mark.parametrize("declared", [{}, {"reference": torch.square}])
def test_it_is_one_failure(declared):
    def forward(x):
        return x.to(torch.complex64 if x.is_complex() else torch.float32) ** 2

    found = failures(square(forward, **declared))
    assert found.keys() == {"output-dtype"}
    assert found["output-dtype"].startswith(FLOAT32)


def test_it_hides_no_wrong_gradient():
    found = failures(square(lambda x: x.float() ** 2, slope=lambda x: 3 * x), laws=None)
    assert {"output-dtype", "oracle"} <= found.keys()


def test_it_hides_no_wrong_value():
    op = square(lambda x: x.float() ** 2 + 1, reference=torch.square)
    assert "expected" in failures(op, laws=["output-dtype", "reference"])["reference"]


def test_complex_numbers():
    op = square(
        lambda x: x.to(torch.complex64) ** 2, samples=lambda make: pg.Sample(make.complex(3))
    )
    told = failures(op, laws=["output-dtype"])["output-dtype"]
    assert told.startswith("a complex128 input gives a complex64 output: compute in")


@pytest.mark.parametrize(
    ("forward", "samples", "declared"),
    [
        (lambda x: x.abs() ** 2, lambda make: pg.Sample(make.complex(3)), {}),
        (lambda x: x.float() ** 2, lambda make: pg.Sample(make(3).float()), {}),
        (lambda x, dtype: (x**2).to(dtype), lambda m: pg.Sample(m(3), torch.float32), {}),
        (lambda x, y: (x**2).type_as(y), lambda m: pg.Sample(m(3), m(1).float()), {}),
        (lambda x: x.float(), None, {"reference": torch.Tensor.float}),
        (lambda x: x > 0, None, {"differentiable": False}),
    ],
    ids=["modulus", "narrow input", "named", "like another", "reference", "not floating"],
)
def test_what_is_meant_to_be_so(forward, samples, declared):
    assert not failures(square(forward, samples=samples, **declared), laws=["output-dtype"])


def test_waived_the_other_laws_still_judge():
    op = square(lambda x: x.float() ** 2, slope=lambda x: 3 * x, waives={"output-dtype": "why"})
    statuses = {r.law: r.status for r in check_op(op)}
    assert statuses["output-dtype"] == "waived"
    assert statuses["oracle"] == "failed"


def test_of_torchs_it_is_a_warning():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.float() ** 2

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return 2 * gy * x

    report = check_op(Square, samples=lambda make: [pg.Sample(make(3))])
    assert FLOAT32 in {r.law: r.message for r in report.warnings}["output-dtype"]
    assert report.passed, report
