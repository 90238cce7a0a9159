"""The engines that the laws ask, where no law's own tests reach."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.testing import check_op
from plugrad.testing.engine import PLUGRAD, TorchEngine
from plugrad.testing.law import NotApplicable
from plugrad.testing.torch_target import TorchTarget

SECOND = ("once-differentiable", "hidden-intermediate", "second-order", "second-order-numeric")


class Bessel(pg.Function):
    """y = j0(x);  gx = -gy j1(x), where torch's j1 has no op that is built in."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.special.bessel_j0(x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return -gy * torch.special.bessel_j1(x)

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


class ByAMethod(Bessel):
    """y = x P(a, x) - a P(a + 1, x);  gx = gy P(a, x), which is igamma: a Variable has none."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        a = torch.full_like(x, 1.5)
        return x * torch.igamma(a, x) - a * torch.igamma(a + 1, x)

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * torch.full_like(x, 1.5).igamma(x)

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3, low=0.5))


class Misspelt(Bessel):
    """The same with a name that tensors do not have either."""

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        if isinstance(gy, pg.Variable):
            return gy * x.erfcxx()
        return Bessel.backward(ctx, gy)


@pytest.mark.parametrize(
    ("op", "lacking"), [(Bessel, "torch.special.bessel_j1"), (ByAMethod, "torch.Tensor.igamma")]
)
def test_what_plugrad_lacks_is_no_fault_of_a_users_rule_in_second_order(op, lacking):
    assert not hasattr(pg.Variable, lacking.rpartition(".")[2]), "take another that has no op"
    results = {r.law: r for r in check_op(op)}
    reason = f"plugrad has no op for {lacking}, which the rule needs in a second derivative"
    for law in ("once-differentiable", "second-order-numeric"):
        assert results[law].message == reason
    assert {results[law].status for law in SECOND} == {"not applicable"}
    # Its gradient is judged as any other's.
    assert {results[law].status for law in ("numeric", "linearity")} == {"passed"}
    wrong = type("Wrong", (op,), {"backward": staticmethod(lambda c, g: 2 * op.backward(c, g))})
    assert {"numeric"} <= {r.law for r in check_op(wrong).failures}


def test_a_name_that_tensors_lack_too_is_a_fault():
    (failure,) = check_op(Misspelt, laws=["once-differentiable"]).failures
    assert "no 'erfcxx'" in failure.message


def test_a_gap_in_a_built_in_rule_is_a_fault(monkeypatch):
    monkeypatch.setattr(Bessel, "__module__", "plugrad.ops.elementwise.bessel_j0")
    (failure,) = check_op(Bessel, laws=["once-differentiable"]).failures
    assert failure.message.startswith("no op stands for torch.special.bessel_j1")


def test_only_where_the_rule_is_recorded():
    x = PLUGRAD.leaf(torch.ones(2, dtype=torch.float64), True)
    y = Bessel.apply(x)
    (gradient,) = PLUGRAD.grad([y], [torch.ones_like(y.data)], [x])
    assert gradient.shape == (2,)
    with pytest.raises(NotApplicable, match=r"plugrad has no op for torch\.special\.bessel_j1"):
        PLUGRAD.grad([y], [torch.ones_like(y.data)], [x], create_graph=True)


class Boxed:
    """A value of an engine that is neither a tensor nor a Variable."""

    def __init__(self, tensor):
        self.tensor, self.requires_grad = tensor, tensor.requires_grad


def unboxed(value):
    return value.tensor if isinstance(value, Boxed) else value


class BoxingEngine(TorchEngine):
    """torch's, whose gradients are boxed where they have a graph."""

    def raw(self, value):
        return super().raw(unboxed(value))

    def grad(self, outputs, cotangents, inputs, *, retain_graph=True, create_graph=False):
        outputs = [unboxed(o) for o in outputs]
        options = {"retain_graph": retain_graph, "create_graph": create_graph}
        found = super().grad(outputs, cotangents, inputs, **options)
        return [Boxed(g) if create_graph and g is not None else g for g in found]


class BoxingTarget(TorchTarget):
    engine = BoxingEngine()


@pytest.mark.parametrize(
    ("target", "statuses"),
    [
        (torch.sin, ["passed", "passed"]),
        (torch.erf, ["failed", "not applicable"]),  # the second explains the third
    ],
)
def test_second_derivatives_are_compared_on_any_engine(target, statuses):
    samples, declared = [(torch.linspace(0.1, 1.0, 3).double(),)], {"elementwise": True}
    op = BoxingTarget(target, samples, reference=torch.sin, declared=declared)
    report = check_op(op, laws=["second-order", "third-order"])
    assert [r.status for r in report] == statuses, report
