"""One fault hides no other: the laws go on with a mended copy of the op or of the sample."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.core.sample import DOMAINS
from plugrad.testing import LAWS, check_op
from plugrad.testing.case import Case
from plugrad.testing.op_under_test import OpUnderTest


class RowTimesMatrix(pg.Function):
    """y = a sqrt(x) with a row a: gradients that are not summed, and nan where x is 0."""

    @staticmethod
    def forward(ctx, a, x):
        ctx.save_for_backward(a, x)
        return a * x.abs().sqrt()

    @staticmethod
    def backward(ctx, gy):
        a, x = ctx.saved_tensors
        return gy * x.abs().sqrt(), gy * a * x.sign() / x.abs().sqrt() / 2

    @staticmethod
    def samples(make):
        yield Sample(make(4), make.nonzero(3, 4))


class OnContext(pg.Function):
    """y = x², 1 % too steep, with x as an attribute of ctx."""

    @staticmethod
    def forward(ctx, x):
        ctx.x = x
        return x * x

    @staticmethod
    def backward(ctx, gy):
        return 2.02 * gy * ctx.x

    @staticmethod
    def samples(make):
        yield Sample(make(3))


class Loss(pg.Function):
    """y = sum (x - t)²: the target t has no gradient, and no sample says so."""

    @staticmethod
    def forward(ctx, x, t):
        ctx.save_for_backward(x, t)
        return ((x - t) ** 2).sum()

    @staticmethod
    def backward(ctx, gy):
        x, t = ctx.saved_tensors
        return 2 * gy * pg.conj(x - t), None

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3))


def log_det(matrix):
    """log det of an spd matrix, by its lower triangle alone."""
    factor = torch.linalg.cholesky(matrix)
    return 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)


class LogDet(torch.autograd.Function):
    """y = log det a;  ga = gy a⁻ᵀ, as for all four halves of a symmetric matrix."""

    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return log_det(a)

    @staticmethod
    def backward(ctx, gy):
        (a,) = ctx.saved_tensors
        return gy[..., None, None] * torch.linalg.inv(a)


def failures(op, **told):
    report = check_op(op, **told)
    return {r.law: r.message for r in report.failures}


def test_a_nan_is_not_hidden_by_the_form_of_a_gradient():
    found = failures(RowTimesMatrix)
    # Of complex numbers it is wrong besides, as it does not say that it takes none.
    assert found.keys() - {"complex", "real-gradient"} == {"gradient-form", "no-nan"}
    assert "summed" not in found["no-nan"]


def test_a_wrong_gradient_is_not_hidden_by_a_tensor_on_ctx():
    found = failures(OnContext)
    assert {"runs", "oracle", "numeric"} <= found.keys()
    # These would only say the same again.
    assert not found.keys() & {"lines", "branches", "signature"}
    assert "set the tensor ctx.x" in found["runs"]
    assert "scaled by 1.01" in found["oracle"]


def test_a_label_that_is_not_declared_constant_is_one_failure():
    found = failures(Loss)
    assert found.keys() == {"undeclared"}
    assert "Sample(...).constant('t')" in found["undeclared"]


def spd(make):
    """A matrix that is symmetric positive definite, which nothing says."""
    return [Sample(make(3, 3, domain="spd").clone())]


def test_a_domain_that_is_not_declared_is_one_failure_and_declared_none():
    found = failures(LogDet, samples=spd, laws=["undeclared", "numeric", "stretched", "no-nan"])
    assert found.keys() == {"undeclared"}
    assert 'make(..., domain="spd")' in found["undeclared"]
    for declared in (
        lambda make: [Sample(make(3, 3, domain="spd"))],
        lambda make: [Sample(make(2, 3, 3, domain="spd").clone()).domain("spd")],
        lambda make: [Sample(make(3, 3, domain="spd").clone()).domain("spd", "a")],
    ):
        assert failures(LogDet, samples=declared) == {}


class Rows(torch.autograd.Function):
    """y = x / |x| along each row, and 0 where a row is 0: there the gradient is nan."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.nan_to_num(x / x.norm(dim=-1, keepdim=True))

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        norm = x.norm(dim=-1, keepdim=True)
        return (gy - x * (gy * x).sum(-1, keepdim=True) / norm**2) / norm


class Squares(torch.autograd.Function):
    """y = x |x|;  gx = 2 gy |x|, but nan where x is 0."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.abs()

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x * x / x.abs()


def basis(x):
    """An orthonormal basis of the columns; where they depend on each other it has no derivative."""
    return torch.linalg.qr(x).Q


def test_a_rank_that_is_not_declared_is_one_failure_and_declared_none():
    x = torch.zeros(4, 3, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(basis(x).sum(), x)
    assert basis(x).isfinite().all()
    assert slope.isnan().any()
    fast = [law.id for law in LAWS if not law.slow]
    found = failures(basis, samples=lambda make: [Sample(make(4, 3))], laws=fast)
    assert found.keys() == {"no-nan"}
    declaration = 'say so with make(..., domain="full-rank") or Sample(...).domain("full-rank")'
    assert found["no-nan"].endswith(declaration)
    for declared in (
        lambda make: [Sample(make(4, 3, domain="full-rank"))],
        lambda make: [Sample(make(2, 3, 4).mT).domain("full-rank", "x")],
    ):
        assert failures(basis, samples=declared, laws=fast) == {}


@pytest.mark.parametrize("function", [Rows, Squares])
def test_a_nan_that_is_not_about_rank_does_not_ask_for_it(function):
    found = failures(function, samples=lambda make: [Sample(make(3, 3))], laws=["no-nan"])
    assert "full-rank" not in found["no-nan"]


def test_within_full_rank_a_single_zero_is_still_tried():
    def samples(make):
        return [Sample(make(3, 3, domain="full-rank"))]

    assert failures(Squares, samples=samples, laws=["no-nan"]).keys() == {"no-nan"}


def test_which_matrices_have_full_rank():
    from plugrad.testing.domains import contains

    one = torch.eye(3)
    assert contains("full-rank", one[:2])
    assert contains("full-rank", (1 + 1j) * one[:, :2])
    for other in (one * one[0], one + torch.inf, one[0], torch.stack([one, one * 0])):
        assert not contains("full-rank", other)


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_a_maker_makes_lies_in_its_domain(domain):
    from plugrad.testing.domains import contains

    make = pg.SampleMaker(3)
    for shape in ((3, 3), (2, 4, 4)):
        assert contains(domain, make(*shape, domain=domain))
    assert not contains(domain, torch.tensor([-1.0, -2.0, -3.0]).expand(3, 3))


class Picked(torch.autograd.Function):
    """The rows of x that ``places`` names, numbers in floating point; backward adds them up."""

    @staticmethod
    def forward(x, places):
        if places.numel() and not 0 <= int(places.min()) <= int(places.max()) < len(x):
            raise RuntimeError("a place is outside")
        assert bool((places % 1 == 0).all()), "places are whole numbers"
        return x[places.long()]

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, places = inputs
        ctx.save_for_backward(places)
        ctx.shape = x.shape

    @staticmethod
    def backward(ctx, gy):
        (places,) = ctx.saved_tensors
        return gy.new_zeros(ctx.shape).index_put((places.long(),), gy, accumulate=True), None


def picked(make, **wrong):
    index = make(3, domain="index", high=4, dtype=torch.float64)
    return [Sample(make(4, 2), index), Sample(make(4), index.clone()).domain("index", "places")]


def test_an_index_in_floating_point_gets_no_gradient_and_is_never_moved():
    report = pg.testing.check_op(Picked, samples=picked)
    assert [r for r in report.failures if r.law != "lines"] == []
    judged = {r.law for r in report if r.status == "passed"}
    assert {"oracle", "numeric", "sizes", "stretched", "magnitudes"} <= judged


def test_a_maker_makes_indices():
    made = pg.SampleMaker(1)(50, domain="index", high=5)
    assert made.dtype is torch.int64
    assert set(made.tolist()) == {0, 1, 2, 3, 4}
    assert pg.SampleMaker()(2, domain="index", dtype=torch.float32).dtype is torch.float32


def test_a_sample_outside_its_domain_says_so():
    outside = [Sample(torch.tensor([1.0, -1.0], dtype=torch.float64)).domain("positive", "x")]
    found = failures(lambda x: x.log(), samples=outside)
    assert found.keys() == {"runs"}
    assert "the numbers of x are not in the domain" in found["runs"]
    assert 'make(..., domain="positive")' in found["runs"]


def test_a_domain_of_all_leaves_out_labels_and_what_has_its_own():
    sample = Sample(torch.ones(2), torch.tensor([0, -1]), pg.SampleMaker()(2, domain="simplex"))
    case = Case(OpUnderTest.of(Loss), sample.domain("positive"))
    assert [given.domain for given in case.inputs] == ["positive", "", "simplex"]


def test_an_unknown_domain_is_refused():
    with pytest.raises(
        pg.errors.ArgumentError, match="no domain 'odd'\n.*\n  fix: the domains are"
    ):
        Sample(torch.ones(2)).domain("odd")
    with pytest.raises(pg.errors.ArgumentError, match="no domain 'odd'"):
        pg.SampleMaker()(3, domain="odd")


# --- a gate that is waived -------------------------------------------------------------


def with_gradient(made, factor=1.0, **waives):
    """An op y = 3x whose gradient ``made`` makes of the right one, which ``factor`` spoils."""

    @pg.op("mended_here", waives=waives)
    class Triple(pg.Function):
        """y = 3x;  gx = 3 gy."""

        @staticmethod
        def forward(ctx, x):
            return 3 * x

        @staticmethod
        def backward(ctx, gy):
            return made(3 * factor * gy)

        @staticmethod
        def samples(make):
            yield Sample(make(3, 2))

    return Triple


def sparse(gradient):
    return gradient.to_sparse() if isinstance(gradient, torch.Tensor) else gradient


FORM = {"gradient-form": "on purpose"}


def test_a_sparse_gradient_is_made_dense_for_the_others():
    # (to_sparse has no batched form.)
    report = check_op(with_gradient(sparse))
    assert {r.law for r in report.failures} == {"gradient-form", "batched-cotangents"}
    waived = check_op(with_gradient(sparse, **FORM))
    assert {r.law for r in waived.failures} == {"batched-cotangents"}
    assert [r.law for r in waived if r.status == "waived"] == ["gradient-form"]


@pytest.mark.parametrize(
    "made",
    [
        sparse,
        lambda g: g.float() if isinstance(g, torch.Tensor) else g,
        lambda g: g[None],  # can be summed
        lambda g: g[:1],  # cannot be mended
        lambda g: 1.0,
    ],
)
def test_a_waived_gate_does_not_hide_a_wrong_gradient(made):
    laws = ["waivers", "gradient-form", "oracle", "numeric"]
    report = check_op(with_gradient(made, 2.0, **FORM), laws=laws)
    statuses = {r.law: r.status for r in report}
    assert statuses["gradient-form"] == "waived"
    assert statuses["numeric"] == "failed"


def test_what_does_not_run_cannot_be_waived():
    def raising(gradient):
        raise ValueError("not today")

    report = check_op(with_gradient(raising, runs="on purpose"), laws=["runs", "gradient-form"])
    assert [(r.law, r.status) for r in report] == [("runs", "waived"), ("gradient-form", "failed")]


def test_of_torch_too():
    class Triple(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 3 * x

        @staticmethod
        def backward(ctx, gy):
            return (6 * gy).to_sparse()

    report = check_op(
        Triple,
        samples=lambda make: iter([Sample(make(3, 2))]),
        waives=FORM,
        laws=["gradient-form", "numeric"],
    )
    found = [(r.law, r.status) for r in report]
    assert found == [("gradient-form", "waived"), ("numeric", "failed")]
