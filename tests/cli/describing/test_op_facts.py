"""OpFacts: what is told of an op."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.cli.describing.op_facts import OpFacts
from plugrad.plugins.registered_op import RegisteredOp


@pg.op("made::up", overrides=(torch.sin, torch.Tensor.cos), waives={"oracle": "why"}, linear=True)
class MadeUp(pg.Function):
    """y = x;
    gx = gy.

    More of it.
    """

    @staticmethod
    def forward(x: torch.Tensor, n: int | None = None) -> torch.Tensor:
        return x

    @staticmethod
    def setup_context(ctx, inputs, output): ...


def test_an_op_ported_from_torch():
    facts = OpFacts(RegisteredOp.of(MadeUp))
    assert facts.summary == "y = x; gx = gy."
    assert facts.formula.endswith("\n\nMore of it.")
    assert facts.signature == "up(x: torch.Tensor, n: int | None = None) -> torch.Tensor"
    assert facts.overrides == ["torch.sin", "torch.Tensor.cos"]
    assert facts.category == ""
    assert facts.flags == {
        "broadcasts": False,
        "promotes": False,
        "linear": True,
        "elementwise": False,
        "differentiable": True,
        "view": False,
        "random": False,
        "composite": False,
        "nondeterminism": 0.0,
        "dtypes": None,
    }
    told = facts.as_dict()
    assert (told["name"], told["pack"], told["class"]) == ("made::up", "made", "MadeUp")
    assert told["file"] == __file__
    assert told["waives"] == {"oracle": "why"}
    assert told["methods"] == ["up"]


def test_an_op_without_a_file():
    source = "class Typed(pg.Function):\n    @staticmethod\n    def forward(ctx, x): return x\n"
    names = {"pg": pg, "__name__": "a_module_that_is_nowhere"}
    exec(source, names)
    facts = OpFacts(RegisteredOp.of(pg.op("typed")(names["Typed"])))
    assert facts.place == (None, None)
    assert facts.formula == facts.summary == ""
    assert facts.signature == "typed(x)"


def test_every_built_in_op_can_be_told():
    for entry in pg.registry:
        told = OpFacts(entry).as_dict()
        assert told["summary"], entry
        assert told["line"], entry
        assert "ctx" not in told["signature"], entry
        for name in told["overrides"]:
            assert name.startswith(("torch.", "plugrad.ops.")), entry
    told = OpFacts(pg.registry["to_copy"]).as_dict()
    assert told["overrides"] == ["torch.ops.aten._to_copy.default", "torch.ops.aten._to_copy"]
