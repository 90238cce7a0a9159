"""check_op and check_pack: what is reported of right and wrong ops."""

from __future__ import annotations

import time
import warnings

import pytest
import torch

import plugrad as pg
from plugrad.errors import OpDefinitionError, UnknownLawError, UnknownOpError, UnknownPackError
from plugrad.testing import LAWS, check_op, check_pack
from plugrad.tests.cli import wrong_ops
from plugrad.tests.testing.an_op import an_op, right


def statuses(report, law):
    return [result.status for result in report if result.law == law]


def message(report, law):
    (first, *_) = [result.message for result in report if result.law == law]
    return first


# --- what it takes and gives ---------------------------------------------------------


def test_an_op_by_name_by_entry_and_by_class():
    by_name = check_op("sin", laws=["oracle"])
    by_entry = check_op(pg.registry["sin"], laws=["oracle"])
    by_class = check_op(pg.registry["sin"].function, laws=["oracle"])
    ids = [result.id for result in by_name]
    assert ids[0] == "sin[0]-oracle"
    assert ids == [r.id for r in by_entry] == [r.id for r in by_class]
    assert by_name.passed
    assert by_entry.passed
    assert by_class.passed


def test_a_class_with_only_forward_backward_and_samples():
    report = check_op(an_op())
    assert report.passed, str(report)
    assert {r.op for r in report} == {"Op"}
    assert {r.sample for r in report} == {None, 0, 1}
    assert {r.law for r in report} == {law.id for law in LAWS if "plugrad" in law.engines}


def test_a_result_says_all():
    report = check_op(an_op(lambda x: 1.01 * right(x)), laws=["oracle"], seed=3)
    (first, second) = report.failures
    assert not report.passed
    assert (first.op, first.sample, first.law, first.family) == ("Op", 0, "oracle", "first order")
    assert (first.status, first.seed, first.device) == ("failed", 3, "cpu")
    assert first.duration > 0
    assert first.arguments == "Sample(float64[3])"
    assert second.arguments == "Sample(float64[2, 2])"
    assert first.mismatch.what == "gradient of x"
    assert first.mismatch.cause == "scaled by 1.01"
    assert first.mismatch.relative == pytest.approx(0.01)
    assert first.reproduce == ""  # no command finds a class that is not registered
    assert "gradient of x[" in first.message
    assert "scaled by 1.01" in first.message


def test_laws_are_chosen_by_id():
    report = check_op("sin", laws=["docstring", "oracle"])
    assert [r.law for r in report][:2] == ["docstring", "oracle"]
    assert {r.law for r in report} == {"docstring", "oracle"}


def test_the_seed_decides_the_samples():
    wrong = an_op(lambda x: 2 * right(x))
    messages = [str(check_op(wrong, laws=["oracle"], seed=seed)) for seed in (0, 0, 1)]
    assert messages[0] == messages[1] != messages[2]


def test_unknown_names_are_refused_with_a_suggestion():
    with pytest.raises(UnknownOpError, match="no op named 'sni'\n  fix: did you mean sin"):
        check_op("sni")
    with pytest.raises(UnknownLawError, match="no law 'orcale'\n  fix: did you mean oracle"):
        check_op("sin", laws=["orcale"])
    with pytest.raises(OpDefinitionError, match="neither the name of an op nor a Function\n  fix"):
        check_op(3)


def test_it_is_reached_from_the_package():
    assert pg.testing.check_op is check_op


# --- bad ops -------------------------------------------------------------------------


def test_no_samples():
    class Without(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, gy):
            return gy

    report = check_op(Without)
    assert not report.passed
    assert message(report, "samples").startswith("there are no samples: write")


def test_samples_that_yield_nothing():
    report = check_op(an_op(samples=lambda make: iter(())))
    assert not report.passed
    assert message(report, "samples").startswith("samples() yields nothing")


def test_samples_that_raise_after_some():
    def samples(make):
        yield pg.Sample(make(3))
        raise ZeroDivisionError("no more")

    report = check_op(an_op(samples=samples))
    assert "ZeroDivisionError: no more" in message(report, "samples")
    assert statuses(report, "oracle") == ["passed"]


def test_what_is_no_sample_is_told():
    def samples(make):
        yield make(3)
        yield pg.Sample(make(3))

    report = check_op(an_op(samples=samples))
    assert message(report, "samples") == "samples() yields a Tensor: yield Sample(...)"
    assert statuses(report, "oracle") == ["passed"]


def test_a_forward_that_raises_is_told_once():
    def forward(x):
        raise RuntimeError("broken")

    report = check_op(an_op(forward=forward), laws=["runs", "oracle", "numeric"])
    assert [r.law for r in report.failures] == ["runs", "runs"]
    assert "RuntimeError: broken" in message(report, "runs")
    assert "test_check.py:" in message(report, "runs")
    assert statuses(report, "oracle") == ["not applicable"] * 2
    assert message(report, "oracle") == "see the law runs, which this sample breaks"


def test_a_backward_that_raises_fails_a_law_that_is_asked_alone():
    def slope(x):
        raise RuntimeError("broken")

    report = check_op(an_op(slope), laws=["oracle"])
    assert "RuntimeError: broken" in message(report, "oracle")
    assert not report.passed


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("text", "the gradient of x is a str: return a tensor or None"),
        (torch.ones(7, dtype=torch.float64), "the gradient of x has shape (7,), the input (3,)"),
        (
            (None, torch.ones(3), 1.0),
            "backward of Op returned an incorrect number of gradients (expected 1, got 3)",
        ),
    ],
)
def test_a_backward_that_returns_the_wrong_thing(returned, told):
    class Op(an_op()):
        @staticmethod
        def backward(ctx, gy):
            return returned

    report = check_op(Op)
    assert told in message(report, "gradient-form")
    assert "see the law gradient-form" in message(report, "oracle")


def test_a_backward_that_hangs_is_ended_and_the_rest_goes_on():
    def slope(x):
        if x.dim() == 1:
            time.sleep(60)
        return right(x)

    start = time.monotonic()
    report = check_op(an_op(slope), laws=["runs", "oracle"], time_limit=0.2)
    assert time.monotonic() - start < 10
    assert message(report, "runs") == "took longer than its time limit of 0.2 s"
    assert statuses(report, "oracle") == ["not applicable", "passed"]


def test_samples_that_hang_are_ended():
    def samples(make):
        while True:
            pass
        yield

    report = check_op(an_op(samples=samples), laws=["samples", "oracle"], time_limit=0.2)
    assert message(report, "samples") == "took longer than its time limit of 0.2 s"
    assert len(report) == 1


def test_what_an_op_leaves_changed_is_put_back():
    def slope(x):
        torch.set_default_dtype(torch.float16)
        torch.set_grad_enabled(True)
        torch.manual_seed(5)
        warnings.warn("noise", stacklevel=1)
        return right(x)

    state, threads = torch.get_rng_state(), torch.get_num_threads()
    check_op(an_op(slope), laws=["runs", "global-state"])
    assert torch.get_default_dtype() is torch.float32
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()


# --- waivers -------------------------------------------------------------------------


def waiving(slope, **waives):
    @pg.op("checked_here", waives=waives)
    class Op(an_op(slope)):
        """y = sin(x)."""

    return Op


def test_a_waived_failure_does_not_count():
    report = check_op(waiving(lambda x: 2 * right(x), oracle="on purpose"), laws=["oracle"])
    assert report.passed
    assert report.counts == {"waived": 2}
    assert report.reasons == {("waived", "oracle", "on purpose"): 2}


def test_a_waiver_that_is_not_needed_is_a_failure():
    report = check_op(waiving(right, oracle="on purpose"), laws=["waivers", "oracle"])
    told = "oracle is waived, but no sample breaks it: remove the waiver"
    assert message(report, "waivers") == told
    assert not report.passed


@pytest.mark.parametrize(
    ("law", "reason", "told"),
    [
        ("orcale", "why", "'orcale' is waived, but there is no such law"),
        ("oracle", " ", "no reason"),
    ],
)
def test_a_waiver_names_a_law_and_a_reason(law, reason, told):
    report = check_op(waiving(right, **{law: reason}), laws=["waivers"])
    assert told in message(report, "waivers")


def test_one_sample_can_waive():
    def samples(make):
        yield pg.Sample(make(3)).waive("oracle", "twice as steep")
        yield pg.Sample(make(3))

    report = check_op(an_op(lambda x: 2 * right(x), samples=samples), laws=["waivers", "oracle"])
    assert statuses(report, "oracle") == ["waived", "failed"]
    assert statuses(report, "waivers") == ["passed"]
    again = check_op(an_op(samples=samples), laws=["waivers"])
    assert message(again, "waivers") == "sample 0 waives oracle but keeps it: remove the waiver"


def test_a_sample_whose_oracle_is_wrong():
    def samples(make):
        yield pg.Sample(make(3)).without_oracle("it is off by two")

    laws = ["waivers", "oracle", "numeric"]
    wrong = pg.op("checked_here", reference=lambda x: 2 * x.sin())
    report = check_op(wrong(an_op(samples=samples)), laws=laws)
    assert report.passed, str(report)
    assert message(report, "oracle") == "torch's own gradient is wrong: it is off by two"
    right_oracle = pg.op("checked_here", reference=torch.sin)
    report = check_op(right_oracle(an_op(samples=samples)), laws=laws)
    assert "sample 0 is without_oracle, but agrees" in message(report, "waivers")


# --- a reference of its own ----------------------------------------------------------


class Raising(torch.autograd.Function):
    """A reference that has values, and no gradient that could be compared."""

    @staticmethod
    def forward(ctx, x):
        return x.sin()

    @staticmethod
    def backward(ctx, gy):
        raise KeyError("lost")


def with_reference(reference):
    @pg.op("sine", reference=reference, elementwise=True)
    class Sine(pg.Function):
        """y = sin(x);  gx = gy cos(x)."""

        forward = staticmethod(lambda ctx, x: (ctx.save_for_backward(x), torch.sin(x))[1])
        backward = staticmethod(lambda ctx, gy: gy * ctx.saved_tensors[0].cos())
        samples = staticmethod(lambda make: iter([pg.Sample(make(3))]))

    return Sine


def only_without_grad(x):
    if x.requires_grad:
        raise ImportError("a package that only checks need")
    return x.sin()


def test_a_reference_that_raises_is_a_failure_and_no_excuse():
    """It would judge nothing, and nobody would know."""
    assert check_op(with_reference(torch.sin), laws=["oracle"]).passed
    report = check_op(with_reference(only_without_grad), laws=["oracle"])
    assert statuses(report, "oracle") == ["failed"]
    expected = "reference= raises ImportError: a package that only checks need"
    assert message(report, "oracle") == expected
    report = check_op(with_reference(Raising.apply), laws=["oracle"])
    assert message(report, "oracle") == "the backward of reference= raises KeyError: 'lost'"


def test_of_integers_the_outputs_dtype_says_how_exact_a_reference_must_be():
    @pg.op("half", reference=lambda x: (x.double() / 3 * (1 + 1e-6)).float())
    class Half(pg.Function):
        """y = x / 3, in float32;  gx = gy / 3."""

        forward = staticmethod(lambda ctx, x: x / 3)
        backward = staticmethod(lambda ctx, gy: gy / 3)
        samples = staticmethod(lambda make: iter([pg.Sample(make.integers(3, low=1))]))

    assert check_op(Half, laws=["reference"]).passed


def test_all_ops_of_the_pack_and_no_others():
    with wrong_ops.registered(wrong_ops.ScaledSin, wrong_ops.NanSqrt, pack="wrong"):
        report = check_pack("wrong", laws=["oracle"])
    assert sorted({r.op for r in report}) == ["wrong::nan_sqrt", "wrong::scaled_sin"]
    assert not report.passed
    assert len(report.failures) == len(report)


def test_an_unknown_pack_is_refused_with_a_suggestion():
    with pytest.raises(UnknownPackError, match="named 'plugard'\n  fix: did you mean plugrad[?]"):
        check_pack("plugard")


class Halving(pg.testing.Engine):
    """torch's autograd, but that its gradients may be too small."""

    name, mends = "torch", False
    factor = 1.0

    def leaf(self, tensor, requires_grad=False):
        return tensor.detach().requires_grad_(requires_grad)

    def raw(self, value):
        return value.detach() if isinstance(value, torch.Tensor) else value

    def is_tracked(self, value):
        return isinstance(value, torch.Tensor) and value.requires_grad

    takes_gradient = is_tracked

    def knows_view(self, output, inputs):
        return False

    def grad(self, outputs, cotangents, inputs, *, retain_graph=True, create_graph=False):
        found = torch.autograd.grad(
            outputs, inputs, cotangents, retain_graph, create_graph, allow_unused=True
        )
        return [None if g is None else g * self.factor for g in found]

    def backward(self, outputs, cotangents):
        torch.autograd.backward(outputs, cotangents, retain_graph=True)

    def node(self, *_):
        return None

    hidden = parts = run_rule = per_edge = node


def swish(x):
    return x * x.sigmoid()


@pytest.mark.parametrize("factor", [1.0, 0.5])
@pytest.mark.parametrize("seed", [0, 1])
def test_an_engine_of_ones_own(factor, seed):
    engine = Halving()
    engine.factor = factor
    report = pg.testing.check_op(
        swish,
        samples=lambda make: [(make(3),)],
        reference=swish,
        engine=engine,
        laws=["numeric", "oracle"],
        seed=seed,
    )
    assert len(report.failures) == (0 if factor == 1 else 2)
    assert report.results[0].op == "swish"


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"engine": "mine", "samples": []}, "'mine' is not an Engine"),
        ({"engine": Halving()}, "samples="),
    ],
)
def test_what_an_engine_of_ones_own_needs(given, what):
    with pytest.raises(pg.errors.ArgumentError, match=f"(?s){what}.*fix: pass engine=MyEngine"):
        pg.testing.check_op(swish, **given)
