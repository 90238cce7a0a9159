"""Case: one sample of an op, called in many ways."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import Sample
from plugrad.testing import check_op
from plugrad.testing.case import Case, cases
from plugrad.testing.law import NotApplicable
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.tests.testing.an_op import a_case, an_op, right

X = torch.tensor([0.5, 1.0], dtype=torch.float64)


class Pair(pg.Function):
    """z, w = x y, sum(x); a list, an option and two outputs."""

    @staticmethod
    def forward(ctx, x, others, factor=1.0):
        ctx.factor = factor
        ctx.save_for_backward(x, *others)
        return factor * x * others[0], x.sum()

    @staticmethod
    def backward(ctx, gz, gw):
        x, y, *_ = ctx.saved_tensors
        return gz * y * ctx.factor + gw, [gz * x * ctx.factor, None]

    @staticmethod
    def samples(make):
        yield Sample(make(2), [make(2), make.integers(2)], factor=2.0)


def pair():
    (case,) = cases(OpUnderTest.of(Pair))
    return case


def test_inputs_are_named_and_told_apart():
    case = pair()
    assert [given.name for given in case.inputs] == ["x", "others[0]", "others[1]"]
    assert [given.differentiable for given in case.inputs] == [True, True, False]
    assert case.wanted == [0, 1]
    assert case.edge_inputs == [0, 1, 2, None]


def test_a_constant_is_not_wanted():
    case = Case(OpUnderTest.of(Pair), Sample(X, [X, X]).constant(1))
    assert case.wanted == [0]


class Product(pg.Function):
    """z = w x y;  gx = gz w y, gy = gz w x."""

    @staticmethod
    def forward(ctx, x, y, scale=1.0, *, weight=None):
        return x * y * scale


@pytest.mark.parametrize("which", [1, "y", "other"])
@pytest.mark.parametrize(
    "sample", [Sample(X, X), Sample(X, y=X), Sample(X, other=X), Sample(y=X, x=X)], ids=str
)
def test_a_constant_is_named_by_position_or_name_however_it_is_passed(sample, which):
    marked = Sample(*sample.args, **sample.kwargs).constant(which)
    case = Case(OpUnderTest.of(Product), marked)
    assert [case.inputs[i].name for i in case.wanted] == ["x"]
    assert case.unknown_constants == []


def test_a_constant_under_the_alias_that_the_call_uses():
    case = Case(OpUnderTest.of(Product), Sample(X, other=X).constant("other"))
    assert (case.wanted, case.unknown_constants) == ([0], [])


class Weighted(pg.Function):
    """y = x times each factor, at most three;  gx, and a gradient for each factor."""

    @staticmethod
    def forward(ctx, x, *factors):
        ctx.save_for_backward(x, *factors)
        for factor in factors:
            x = x * factor
        return x

    @staticmethod
    def backward(ctx, gy):
        inputs = ctx.saved_tensors
        return tuple(_without(gy, inputs, i) for i in range(len(inputs)))

    @staticmethod
    def samples(make):
        yield Sample(make(3), make(3), make(3))


def _without(gradient, inputs, i):
    for j, other in enumerate(inputs):
        gradient = gradient if j == i else gradient * pg.conj(other)
    return gradient


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        (("x",), ["factors[0]", "factors[1]"]),
        (("factors",), ["x"]),
        (("factors[0]",), ["x", "factors[1]"]),
        ((2,), ["x", "factors[0]"]),
        ((0, "factors[1]"), ["factors[0]"]),
    ],
)
def test_constants_of_a_variadic_forward(which, wanted):
    case = Case(OpUnderTest.of(Weighted), Sample(X, X, X).constant(*which))
    assert [case.inputs[i].name for i in case.wanted] == wanted
    assert case.unknown_constants == []
    assert case.replaced(case.values).wanted == case.wanted


def test_a_variadic_forward_is_checked_with_and_without_constants():
    assert check_op(Weighted).passed, str(check_op(Weighted))
    factors = [Sample(X, X).constant("factors"), Sample(X, X, X).constant("factors[1]", "x")]
    op = type("Named", (Weighted,), {"samples": staticmethod(lambda make: factors)})
    failed = {r.law: r.message for r in check_op(op).failures}
    assert failed.keys() <= {"pickle"}, failed


def test_a_part_of_a_variadic_that_the_sample_lacks_is_unknown():
    case = Case(OpUnderTest.of(Weighted), Sample(X, X).constant("factors[1]", "factor"))
    assert case.unknown_constants == ["factor", "factors[1]"]
    case = Case(OpUnderTest.of(Weighted), Sample(X).constant("factors"))
    assert case.unknown_constants == ["factors"]


def test_one_of_a_list_is_constant():
    case = Case(OpUnderTest.of(Pair), Sample(X, [X, X]).constant("others[0]"))
    assert [case.inputs[i].name for i in case.wanted] == ["x", "others[1]"]
    assert case.unknown_constants == []


def test_a_domain_of_one_of_a_variadics_arguments():
    case = Case(OpUnderTest.of(Weighted), Sample(X, X, X).domain("positive", "factors[1]"))
    assert [given.domain for given in case.inputs] == ["", "", "positive"]


def test_a_functions_names_are_known_though_it_takes_options_of_any_name():
    def scaled(x, t, **options):
        return x * t * options.get("scale", 1)

    def samples(make):
        return [Sample(make(3), make(3)).constant("t"), Sample(make(3), make(3), scale=2.0)]

    report = check_op(scaled, samples=samples)
    assert report.passed, str(report)
    report = check_op(scaled, samples=lambda m: [Sample(m(3), m(3)).constant("s")], laws=["runs"])
    assert report.failures[0].message.endswith("forward's are named x, t")


def test_what_the_sample_does_not_give_is_no_constant():
    case = Case(OpUnderTest.of(Product), Sample(X, X, weight=2).constant("weight", "scale", 2, "z"))
    assert (case.wanted, case.unknown_constants) == ([0, 1], ["scale", "z", 2])


def test_a_constant_of_another_name_is_one_failure_that_names_the_parameters():
    class Scaled(pg.Function):
        """y = x t;  gx = gy t."""

        @staticmethod
        def forward(ctx, x, t):
            ctx.save_for_backward(t)
            return x * t

        @staticmethod
        def backward(ctx, gy):
            return gy * ctx.saved_tensors[0].conj(), None

        @staticmethod
        def samples(make):
            yield Sample(make(3), make(3)).constant("target")

    (failure,) = check_op(Scaled).failures
    assert failure.law == "runs"
    assert failure.message == (
        "the sample calls 'target' constant but has no such argument: write the position or "
        "the name of an argument that it has; forward's are named x, t"
    )


def test_a_sample_that_must_raise_is_no_case():
    class Doubled(pg.Function):
        """y = 2x;  gx = 2 gy."""

        @staticmethod
        def forward(ctx, x):
            if x.dim() != 1:
                raise ValueError("one dimension is needed")
            return 2 * x

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy

        @staticmethod
        def samples(make):
            yield Sample(make(2, 2)).raises(ValueError, "one")
            yield Sample(make(3))
            yield Sample(make()).raises(ValueError)

    op = OpUnderTest.of(Doubled)
    assert [str(s) for s in op.samples()] == ["Sample(float64[3])"]
    assert [str(s) for s in op.refused_samples()] == ["Sample(float64[2, 2])", "Sample(float64[])"]
    assert [case.index for case in cases(op)] == [0]
    report = check_op(Doubled)
    assert report.passed
    assert {r.sample for r in report} == {None, 0}
    (refusals,) = (r for r in report if r.law == "refusals")
    assert refusals.status == "passed"


NONE_TIMES_2 = "unsupported operand type(s) for *: 'int' and 'NoneType'"
REFUSED = {
    "Sample(float64[2]) raises nothing instead of ValueError": Sample(X).raises(ValueError),
    f"Sample(None) raises TypeError, not ValueError: {NONE_TIMES_2}": Sample(None).raises(
        ValueError
    ),
    "Sample(None) raises TypeError as declared, but its message does not match 'a tensor': "
    f"{NONE_TIMES_2}": Sample(None).raises(TypeError, "a tensor"),
}


@pytest.mark.parametrize("said", REFUSED)
def test_what_the_law_refusals_says(said):
    class Doubled(pg.Function):
        """y = 2x;  gx = 2 gy."""

        forward = staticmethod(lambda ctx, x: 2 * x)
        backward = staticmethod(lambda ctx, gy: 2 * gy)

        @staticmethod
        def samples(make):
            yield Sample(make(3))
            yield REFUSED[said]

    (failure,) = check_op(Doubled, laws=["refusals"]).failures
    assert failure.message == said


def test_only_calls_that_raise_are_no_samples():
    class Doubled(pg.Function):
        """y = 2x;  gx = 2 gy."""

        forward = staticmethod(lambda ctx, x: 2 * x)
        backward = staticmethod(lambda ctx, gy: 2 * gy)
        samples = staticmethod(lambda make: iter([Sample(None).raises(TypeError)]))

    (failure,) = check_op(Doubled, laws=["samples"]).failures
    assert failure.message.startswith("samples() yields only calls that raise, so nothing is")


def test_values_are_copies_with_their_strides():
    case = a_case(torch.ones(2, 3).t())
    (value,) = case.values
    assert value.stride() == (1, 3)
    value.zero_()
    assert case.values[0].sum() == 6


def test_the_rule_is_raw_and_per_input():
    call = pair().call()
    gz, gw = call.cotangents()
    gx, gy, gi = call.rule([gz, gw])
    x, y, _ = call.input_tensors
    assert torch.allclose(gx, 2 * gz * y + gw)
    assert torch.allclose(gy, 2 * gz * x)
    assert gi is None
    assert all(torch.equal(a, b) for a, b in zip(call.vjp([gz, gw])[:2], (gx, gy), strict=True))


def test_what_got_no_cotangent_gets_zeros():
    call = pair().call()
    gx, gy, _ = call.rule([None, torch.ones((), dtype=torch.float64)])
    assert gx.tolist() == [1, 1]
    assert not gy.any()


def test_the_raw_gradient_is_not_summed():
    class Add(pg.Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, gz):
            return gz, gz

    call = Case(OpUnderTest.of(Add), Sample(X, torch.ones(3, 2, dtype=X.dtype))).call()
    assert call.rule(call.cotangents())[0].shape == (3, 2)
    with pytest.raises(pg.errors.GradientShapeError):
        call.vjp(call.cotangents())


def test_only_some_inputs_require_grad():
    call = pair().call(requires=[1])
    assert call.variables[0].requires_grad is False
    assert call.vjp(call.cotangents())[0] is None


def test_cotangents_are_the_same_for_a_seed():
    first, again = (pair().call().cotangents() for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    other = pair().call().cotangents(1)
    assert not torch.equal(first[0], other[0])


def test_resampled_is_the_same_sample_from_other_seeds():
    case = next(cases(OpUnderTest.of(an_op())))
    others = list(case.resampled(2))
    assert [other.inputs[0].tensor.shape for other in others] == [(3,), (3,)]
    assert not torch.equal(others[0].values[0], case.values[0])
    fixed = an_op(samples=lambda make: iter([Sample(make.tensor([1.0]))]))
    assert list(next(cases(OpUnderTest.of(fixed))).resampled(2)) == []


def test_a_random_op_draws_the_same_and_the_generator_is_put_back():
    @pg.op("noise", random=True)
    class Noise(pg.Function):
        """y = x noise."""

        @staticmethod
        def forward(ctx, x):
            return x * torch.rand_like(x)

        @staticmethod
        def samples(make):
            yield Sample(make(3))

    state = torch.get_rng_state()
    (case,) = cases(OpUnderTest.of(Noise))
    assert torch.equal(case.forward()[0], case.forward()[0])
    assert torch.equal(torch.get_rng_state(), state)


# --- the oracle ----------------------------------------------------------------------


def test_the_oracle_is_the_reference_or_forward():
    assert a_case(X).oracle.call().own_forward
    case = next(cases(OpUnderTest.of("exp")))
    theirs = case.oracle.call()
    assert not theirs.own_forward
    cotangent = torch.ones_like(theirs.outputs[0])
    assert torch.equal(theirs.vjp([cotangent])[0], case.values[0].exp())


def test_there_is_no_oracle_of_a_forward_that_torch_cannot_see():
    hidden = an_op(forward=lambda x: torch.from_numpy(x.detach().numpy()).sin())
    with pytest.raises(NotApplicable, match="torch cannot differentiate forward: the numeric laws"):
        a_case(X, function=hidden).oracle.call()


def test_a_forward_that_detaches_a_part_is_left_to_differences():
    partly = an_op(lambda x: right(x) + 1, lambda x: x.sin() + x.detach())
    report = pg.testing.check_op(partly, laws=["oracle", "numeric"])
    assert report.passed, str(report)
    assert {r.status for r in report if r.law == "oracle"} == {"not applicable"}
