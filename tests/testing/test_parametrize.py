"""parametrize_ops: its parameters, and what a check raises."""

from __future__ import annotations

import doctest

import pytest
import torch

import plugrad as pg
from plugrad.errors import UnknownLawError, UnknownOpError, UnknownPackError
from plugrad.testing.parametrize import parametrize_ops


class Square(pg.Function):
    """y = x^2;  gx = 2 gy x, but wrong."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * x

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))
        yield pg.Sample(make(2)).waive("oracle", "told so")


@parametrize_ops("exp", "sin", laws=["name", "oracle", "linearity"])
def test_my_ops(check):
    check()
    assert check.op in {"exp", "sin"}
    assert (check.sample is None) is (check.law == "name")


def parameters(*ops, **options):
    @parametrize_ops(*ops, **options)
    def test(check):
        check()

    (mark,) = test.pytestmark
    return mark.args[1]


def test_ids():
    found = [str(check) for check in parameters("exp", laws=["name", "oracle"])]
    assert found[:2] == ["exp-name", "exp[0]-oracle"]
    assert found == [check.result().id for check in parameters("exp", laws=["name", "oracle"])]


def test_a_pack_and_everything():
    of_pack = parameters(pack="plugrad", laws=["name"])
    assert {check.op for check in of_pack} >= {"exp", "sin"}
    assert {c.op for c in parameters(laws=["name"])} >= {c.op for c in of_pack}
    assert {c.op for c in parameters(Square, pack="plugrad", laws=["name"])} >= {"Square", "exp"}


def test_what_a_check_raises():
    broken, waived = parameters(Square, laws=["oracle"])
    with pytest.raises(AssertionError, match="probable cause: scaled by 0.5") as caught:
        broken()
    assert "  op: Square, sample 0" in str(caught.value)
    with pytest.raises(pytest.xfail.Exception, match="told so"):
        waived()
    with pytest.raises(pytest.skip.Exception, match="subsets: "):
        parameters(Square, laws=["subsets"])[0]()


def test_the_samples_of_one_op_at_a_time_are_kept():
    made = []

    class Counted(Square):
        @staticmethod
        def samples(make):
            made.append(make)
            yield from Square.samples(make)

    checks = parameters(Counted, "exp", laws=["runs"])
    assert len(made) == 1
    checks[0].result()
    checks[1].result()
    assert len(made) == 2
    assert len(parameters("exp", laws=["runs"])) == len(checks) - 2


def test_seed_and_device_and_limit_are_handed_on():
    check = parameters(Square, laws=["oracle"], seed=7, time_limit=0)[0]
    result = check.result()
    assert (result.seed, result.device) == (7, "cpu")
    other = parameters(Square, laws=["oracle"], seed=8)[0].result()
    assert result.message != other.message


@pytest.mark.parametrize(
    ("given", "options", "error"),
    [
        (("exq",), {}, UnknownOpError),
        ((), {"pack": "plugrat"}, UnknownPackError),
        (("exp",), {"laws": ["orakle"]}, UnknownLawError),
    ],
)
def test_what_there_is_not(given, options, error):
    with pytest.raises(error, match="did you mean"):
        parametrize_ops(*given, **options)


def test_a_failure_shows_jacobians_where_there_are_some():
    from plugrad.testing.agree import Mismatch
    from plugrad.testing.result import Result, failure_text

    mismatch = Mismatch("gradient of x", (0,), "2", "1", jacobians=([[2.0, 0.0]], [[1.0, -0.0]]))
    details = {"device": "meta", "mismatch": mismatch, "command": "plugrad check f"}
    text = failure_text(Result("f", 0, "numeric", "first order", "failed", "off", **details))
    assert text.splitlines()[3:7] == [
        "  expected Jacobian, a row for each output element, a column for each input's:",
        "    [2  0 ]",
        "  got (* where it differs):",
        "    [1* 0 ]",
    ]
    assert "--plugrad-device meta -k 'f[0]-'" in text


def test_the_example():
    example = doctest.DocTestFinder().find(parametrize_ops, "example", globs={})[0]
    assert not doctest.DocTestRunner().run(example).failed
    assert torch.is_grad_enabled()
