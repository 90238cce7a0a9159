"""The law special-tails: a wrong op that only it catches, and a right one."""

import pytest
import torch
from plugrad_special import tails_law

import plugrad as pg
from plugrad.testing import LAWS, LawBook, check_op


def k1_minus(lost):
    """K_1 as an op, from whose slope ``lost`` is taken away and given back."""

    @pg.op("special::k1", reference=pg.registry["special::modified_bessel_k1"].reference)
    class K1(pg.Function):
        """y = K_1(x);  gx = -gy (K_0(x) + K_1(x) / x)."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return torch.special.modified_bessel_k1(x)

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            slope = torch.special.modified_bessel_k0(x) + torch.special.modified_bessel_k1(x) / x
            return -gy * ((slope - lost) + lost)

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3, 4, low=0.2))
            yield pg.Sample(make(5, low=60, high=600))

    return K1


def test_only_this_law_sees_the_last_digits_of_a_tail():
    (failure,) = check_op(k1_minus(1.0)).failures
    assert (failure.law, failure.sample) == ("special-tails", 1)
    assert "the gradient of x is off by 1.0e+00 of its largest element" in failure.message
    assert check_op(k1_minus(0.0)).passed


def test_it_comes_through_the_packs_hook_and_judges_its_own_ops_alone():
    report = check_op("special::modified_bessel_k1", laws=["special-tails"])
    assert report.passed
    assert {result.status for result in report.results} == {"passed", "not applicable"}
    assert "special-tails" in {result.law for result in check_op("special::zeta").results}
    assert "special-tails" not in {result.law for result in check_op("exp").results}
    (asked,) = check_op("exp", laws=["special-tails"]).results
    assert (asked.status, asked.message) == (
        "not applicable",
        "the law is about the ops of the pack special",
    )
    assert LAWS["special-tails"].why.startswith("A gradient of this pack's that is tiny")


@pytest.mark.parametrize("name", ["special::airy_ai", "special::igamma", "special::zeta"])
def test_the_samples_have_tails(name):
    """Without one that is tiny everywhere the law would say what others say."""
    function = pg.registry[name].function
    sizes = []
    for sample in function.samples(pg.SampleMaker(0)):
        tensors = [v for v in sample.args if isinstance(v, torch.Tensor)]
        if all(t.dtype is torch.float64 and t.numel() for t in tensors):
            given = [pg.Variable(t, requires_grad=True) for t in tensors]
            arguments = [given.pop(0) if isinstance(v, torch.Tensor) else v for v in sample.args]
            wanted = [v for v in arguments if isinstance(v, pg.Variable)]
            gradients = pg.grad(function.apply(*arguments).sum(), wanted)
            sizes += [g.data.abs().nan_to_num(0, 0).max().item() for g in gradients]
    assert min(size for size in sizes if size) < 1e-10


def test_a_book_gets_it_once():
    book = LawBook()
    tails_law.add_tails(book)
    assert [law.id for law in book] == ["special-tails"]
