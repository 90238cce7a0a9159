"""The laws of registration, where the controls do not reach."""

from __future__ import annotations

import torch

from plugrad.core.variable import Variable
from plugrad.plugins.default import registry
from plugrad.testing import check_op


def said():
    """What registered-rule says of sin."""
    (result,) = check_op("sin", laws=["registered-rule"])
    return result.status, result.message


def test_a_method_that_is_gone_does_not_lead_to_the_op(monkeypatch):
    assert said() == ("passed", "")
    monkeypatch.delattr(Variable, "sin")
    assert said() == ("failed", "Variable.sin does not lead to this op")


def test_a_method_of_another_op_does_not_lead_to_the_op(monkeypatch):
    owner, cos = registry.owner, registry["cos"]
    monkeypatch.setattr(registry, "owner", lambda name: cos if name == "sin" else owner(name))
    assert said() == ("failed", "Variable.sin does not lead to this op")


def test_a_torch_function_of_another_op_does_not_lead_to_the_op(monkeypatch):
    found, cos = registry.torch_function, registry["cos"].function.apply
    monkeypatch.setattr(registry, "torch_function", lambda f: cos if f is torch.sin else found(f))
    status, message = said()
    assert status == "failed"
    assert message.endswith("does not lead to this op")
    assert "sin" in message
