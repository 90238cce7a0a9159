"""The law of stub files: what of a stub is compared, and where one is found."""

from __future__ import annotations

import sys
import textwrap

import pytest

from plugrad.plugins.registry import Registry
from plugrad.testing import check_op
from plugrad.testing.check import choose_laws
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.runner import Runner

OP = """
    import plugrad as pg

    @pg.op("{pack}::{name}")
    class Scaled(pg.Function):
        @staticmethod
        def forward(ctx, x, scale=2.0, *, round=False):
            ctx.scale = scale
            return x * scale

        @staticmethod
        def backward(ctx, gy):
            return gy * ctx.scale

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3))
"""
RIGHT = """
    from plugrad import Variable
    class _Ops:
        def scaled(self, scale: float = 2.0, *, round: bool = False) -> Variable: ...
    class Variable(Variable):
        def scaled(self, scale: float = ..., *, round: bool = ...) -> Variable: ...
    def scaled(x: Variable, scale: float = 2.0, *, round: bool = False) -> Variable: ...
"""


@pytest.fixture
def pack(tmp_path, monkeypatch):
    """Make a package with an op ``scaled``; returns what the law says, given its stub."""
    known = set(sys.modules)

    def judged(stub, *, place="__init__.pyi", op=OP, name="scaled", register=False):
        folder = tmp_path / "stubbed"
        (folder / "ops").mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").write_text("")
        (folder / "ops" / "__init__.py").write_text("")
        text = textwrap.dedent(op).format(pack="stubbed", name=name)
        (folder / "ops" / "scaled.py").write_text(text)
        if stub is not None:
            (folder / place).parent.mkdir(exist_ok=True)
            (folder / place).write_text(textwrap.dedent(stub))
        monkeypatch.syspath_prepend(tmp_path)
        from stubbed.ops.scaled import Scaled

        entry = Registry().add(Scaled, pack="stubbed") if register else None
        under_test = OpUnderTest(Scaled, entry)
        (result,) = Runner(under_test).results(choose_laws(["stub"]))
        return result.status, result.message

    yield judged
    for module in set(sys.modules) - known:
        if module.partition(".")[0] == "stubbed":
            del sys.modules[module]


def test_the_right_stub_is_right(pack):
    assert pack(RIGHT) == ("passed", "")


def test_of_a_registered_op(pack):
    assert pack(RIGHT, register=True) == ("passed", "")


def test_where_it_may_be(pack):
    stub = "class _Ops:\n    def scaled(self, factor=2.0, *, round=False): ..."
    for place in ("ops/scaled.pyi", "ops/__init__.pyi", "../stubbed-stubs/__init__.pyi"):
        status, message = pack(stub, place=place)
        assert status == "failed", place
        assert place.removeprefix("../") in message
        assert message.endswith(
            "declares _Ops.scaled(self, factor=2.0, *, round=False), but forward takes "
            "(x, scale=2.0, *, round=False): factor is where forward has scale"
        )
        pack("class Other: ...", place=place)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("self, scale: float = 2.0", "it lacks round"),
        ("self, scale: float = 2.0, *, round=False, more=1", "forward has no more"),
        ("self, scale: float, *, round=False", "scale has no default, forward's has"),
        ("self, scale: float = 3.0, *, round=False", "scale is 3.0 by default, forward's 2.0"),
        ("self, scale: float = 2.0, *, round=0", "round is 0 by default, forward's False"),
        ("self, scale=2.0, round=False", "round is positional, forward's keyword-only"),
        ("self, *, scale=2.0, round=False", "scale is keyword-only, forward's positional"),
        ("self, *scale, round=False", "scale is any number of arguments, forward's positional"),
    ],
)
def test_what_is_compared(pack, declared, told):
    status, message = pack(f"class _Ops:\n    def scaled({declared}): ...")
    assert status == "failed"
    assert message.endswith(f": {told}")
    assert "__init__.pyi:2 declares _Ops.scaled(" in message


def test_a_function_has_all_parameters(pack):
    assert pack("def scaled(x, scale=2.0, *, round=False): ...") == ("passed", "")
    _, message = pack("def scaled(y, scale=2.0, *, round=False): ...")
    assert message.endswith("y is where forward has x")
    # No one can name what is positional only.
    assert pack("def scaled(y, /, scale=2.0, *, round=False): ...") == ("passed", "")


def test_a_default_that_a_stub_does_not_say(pack):
    assert pack("def scaled(x, scale=SCALE, *, round=...): ...") == ("passed", "")


def test_overloads(pack):
    stub = """
        from typing import overload
        @overload
        def scaled(x: int, {}) -> int: ...
        @overload
        def scaled(x: str, scale: float, *, round: bool = False) -> str: ...
    """
    assert pack(stub.format("*, round: bool = False")) == ("passed", "")
    assert pack(stub.format("scale: float = 2.0")) == ("passed", "")
    assert "forward has no factor" in pack(stub.format("factor: float = 2.0"))[1] or (
        "factor is where" in pack(stub.format("factor: float = 2.0"))[1]
    )
    # Together they must have all.
    stub = stub.replace(", *, round: bool = False) -> str", ") -> str")
    assert pack(stub.format("scale: float = 2.0"))[1].endswith("it lacks round")


def test_the_ops_own_class(pack):
    stub = "class Scaled:\n    def forward(ctx, x, scale{}, *, round=False): ..."
    assert pack(stub.format("=2.0"), place="ops/scaled.pyi") == ("passed", "")
    _, message = pack(stub.format("=1.0"), place="ops/scaled.pyi")
    assert message.endswith("scale is 1.0 by default, forward's 2.0")


def test_a_variadic_forward(pack):
    op = OP.replace("x, scale=2.0, *, round=False", "*xs").replace("ctx.scale = scale", "")
    assert pack("class _Ops:\n    def scaled(self, *xs): ...", op=op) == ("passed", "")
    assert pack("def scaled(*others): ...", op=op)[1].endswith("others is where forward has xs")


def test_the_op_of_the_packs_name_is_called(pack):
    stub = "class _Ops:\n    def stubbed(self, scale=2.0, *, round=False): ..."
    called = "\n    def __call__(self, {}): ..."
    right = called.format("scale=2.0, *, round=False")
    assert pack(stub + right, name="stubbed") == ("passed", "")


def test_an_op_that_the_stub_lacks(pack):
    status, message = pack("class _Ops:\n    def other(self): ...")
    assert status == "failed"
    assert "does not declare scaled, so type checkers refuse it: add it to the class" in message
    assert message.endswith("def scaled(self, scale=2.0, *, round=False) -> Variable: ...")
    assert pack("def helper(): ...") == ("not applicable", "no stub file declares the op")


def test_a_stub_that_is_no_python(pack):
    status, message = pack("class _Ops")
    assert status == "failed"
    assert "is not a stub that can be read: " in message


def test_no_stub(pack):
    assert pack(None) == ("not applicable", "the pack has no stub file")


def test_ops_that_are_no_packs():
    (result,) = check_op("sin", laws=["stub"])
    assert (result.status, result.message) == ("not applicable", "the op is not a pack's")
