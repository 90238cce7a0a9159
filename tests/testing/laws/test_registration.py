"""The laws of registration, where the controls do not reach."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.core.variable import Variable
from plugrad.plugins.default import registry
from plugrad.tests.testing.doubled import Doubled, but, said


def test_a_method_that_is_gone_does_not_lead_to_the_op(monkeypatch):
    assert said("sin", "registered-rule") == ("passed", "")
    monkeypatch.delattr(Variable, "sin")
    assert said("sin", "registered-rule") == ("failed", "Variable.sin does not lead to this op")


def test_a_method_of_another_op_does_not_lead_to_the_op(monkeypatch):
    owner, cos = registry.owner, registry["cos"]
    monkeypatch.setattr(registry, "owner", lambda name: cos if name == "sin" else owner(name))
    assert said("sin", "registered-rule") == ("failed", "Variable.sin does not lead to this op")


def test_a_torch_function_of_another_op_does_not_lead_to_the_op(monkeypatch):
    found, cos = registry.torch_function, registry["cos"].function.apply
    monkeypatch.setattr(registry, "torch_function", lambda f: cos if f is torch.sin else found(f))
    status, message = said("sin", "registered-rule")
    assert status == "failed"
    assert message.endswith("does not lead to this op")
    assert "sin" in message


def test_records_of_another_class_are_found():
    copied = but()
    copied.record_type = Doubled.record_type
    message = "the records belong to another class: do not copy record_type"
    assert said(copied, "registered-rule") == ("failed", message)


def test_the_name_of_another_op_is_refused():
    message = "'sin' is the name of another op, of plugrad.ops.elementwise.sin: choose another"
    assert said(pg.op("sin")(but()), "name") == ("failed", message)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            {"methods": ("two-fold",)},
            "'two-fold' cannot be an attribute: it is not an identifier",
        ),
        (
            {"methods": ("backward",)},
            "'backward' belongs to Variable itself: choose another name",
        ),
        ({"methods": ("sin",)}, "'sin' already belongs to sin of plugrad"),
        (
            {"methods": ("both",), "properties": ("both",)},
            "both: declared as a method and as a property",
        ),
    ],
)
def test_attributes_that_an_op_cannot_have_are_refused(names, message):
    assert said(pg.op("test::names", **names)(but()), "attributes") == ("failed", message)


class WithoutBackward(pg.Function):
    """y = 2x."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3))


def test_a_backward_is_missing_unless_the_op_is_declared_not_differentiable():
    message = "there is no backward: write one, or declare differentiable=False"
    assert said(WithoutBackward, "signature") == ("failed", message)
    constant = type("Constant", (WithoutBackward,), {})
    declared = pg.op("test::constant", differentiable=False)(constant)
    assert said(declared, "signature") == ("passed", "")


def test_a_backward_takes_a_gradient_for_each_output():
    status, message = said(but(forward=lambda ctx, x: (2 * x, 3 * x)), "signature")
    assert status == "failed"
    assert message.startswith("backward(ctx, gy) cannot take ctx and 2 gradients")


def test_a_docstring_is_asked_for():
    status, message = said(pg.op("test::undocumented")(but(doc=None)), "docstring")
    assert status == "failed"
    assert message.startswith("there is no docstring")


def test_another_number_of_samples_for_the_same_seed_is_found():
    runs = []

    def samples(make):
        runs.append(None)
        yield from [pg.Sample(make(3))] * (1 + len(runs) % 2)

    assert said(but(samples=samples), "samples") == ("failed", "one seed gave 2 samples, then 1")
