"""StubFile: the file that `plugrad stubs` writes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import torch
from torch import Tensor

import plugrad as pg
from plugrad.cli.stub_writer.stub_file import StubFile, import_block
from plugrad.plugins.hooks import hook_manager, register_plugin
from plugrad.plugins.registered_op import RegisteredOp
from plugrad.plugins.registry import Registry
from plugrad.tests.installed import needs_pinned_torch


class Fake:
    """Stands for a module's own type."""


@pg.op("one", methods=("one", "__add__", "__radd__", "__eq__"))
class One(pg.Function):
    r"""z = x \ y; "quoted"

    More of it.
    """

    @staticmethod
    def forward(
        ctx: pg.Context, x: Tensor, y: Tensor, *, scale: complex = 1, fake: Fake | None = None
    ) -> Tensor:
        return x

    @staticmethod
    def samples(make):
        yield pg.Sample(make(3), 2.0)
        yield pg.Sample(make(3), make(3))


@pg.op("parts", methods=("parts", "first"), properties=("P",))
class Parts(pg.Function):
    @staticmethod
    def forward(ctx: pg.Context, x: Tensor, others: list[Tensor], *dims: int) -> tuple[Tensor, ...]:
        return (x,)

    @staticmethod
    def samples(make):
        raise RuntimeError("no samples today")


@pg.op("plain", methods=("plain",))
class Plain(pg.Function):
    @staticmethod
    def forward(ctx, x, y=3):
        return x


@pg.op("strange", methods=("strange",))
class Strange(pg.Function):
    """y = x."""

    @staticmethod
    def forward(ctx: pg.Context, x: Tensor, y: no_such_name.Type = None) -> Tensor:  # noqa: F821
        return x


@pg.op("with_int", methods=("int",))
class WithInt(pg.Function):
    """y = x, for integers."""

    @staticmethod
    def forward(ctx: pg.Context, x: Tensor, y: int = 0) -> Tensor:
        return x


def op_of_pack(name, **declared):
    @pg.op(name, **declared)
    class InPack(pg.Function):
        """y = x, of a pack."""

        @staticmethod
        def forward(ctx: pg.Context, x: Tensor) -> Tensor:
            return x

    InPack.__qualname__ = InPack.__name__  # as if at the top of its module
    return InPack


def text_of(*ops, packs=True, others=False):
    """Write the stub of ops, each a class or a class and its pack's name."""
    registry = Registry()
    for op in ops:
        # Not add: a class of a test must not say that it is built in.
        registry.enter(RegisteredOp.of(*(op if isinstance(op, tuple) else (op, "plugrad"))))
    stub = StubFile(packs=packs, others=others, note="A note.")
    register_plugin(hook_manager(), registry, stub, "stub")
    text = stub.text()
    ast.parse(text)
    return text


def block_of(text, start):
    """Give the lines from ``start`` to the next blank one, without indentation."""
    lines = [line.strip() for line in text.splitlines()]
    first = next(i for i, line in enumerate(lines) if line.startswith(start))
    return lines[first : lines.index("", first) if "" in lines[first:] else None]


def test_a_method_has_the_signature_of_forward():
    text = text_of(One)
    assert block_of(text, "def one") == [
        "def one(",
        "self,",
        "y: Variable | Tensor | complex,",
        "*,",
        "scale: complex = 1,",
        f"fake: _{__name__.replace('.', '_')}.Fake | None = None,",
        ") -> Variable:",
        '"""z = x \\\\ y; "quoted" """',
    ]
    assert f"import {__name__} as _{__name__.replace('.', '_')}\n" in text
    assert text.startswith("# A note.\n")


def test_operators_take_one_operand():
    text = text_of(One)
    operand = "Variable | Tensor | complex"
    assert f"    def __add__(self, y: {operand}, /) -> Variable:\n" in text
    assert f"    def __radd__(self, x: {operand}, /) -> Variable:\n" in text
    assert f"def __eq__(self, y: {operand}, /) -> Variable:  # type: ignore[override]\n" in text


def test_properties_tuples_and_variadic_arguments():
    text = text_of(Parts)
    assert block_of(text, "@property")[:2] == ["@property", "def P(self) -> tuple[Variable, ...]:"]
    head = (
        "def parts(self, others: Sequence[Variable | Tensor], *dims: int) -> tuple[Variable, ...]:"
    )
    assert block_of(text, "def parts") == [head, "..."]
    assert block_of(text, "def first")[0] == head.replace("parts", "first")


def test_what_is_not_annotated_or_not_found_is_any():
    assert "    def plain(self, y: Any = 3) -> Any:\n" in text_of(Plain)
    assert "    def strange(self, y: Any = None) -> Variable:\n" in text_of(Strange)


def test_a_builtin_that_a_method_hides_is_qualified():
    assert "def int(self, y: builtins.int = 0) -> Variable:" in text_of(WithInt)


def test_packs_have_namespaces():
    text = text_of(
        (op_of_pack("wave"), "sea"), (op_of_pack("deep.blue"), "sea"), (op_of_pack("sea"), "sea")
    )
    assert "    def wave(self) -> Variable:" in text.partition("class AttachedMethods")[2]
    assert block_of(text, "class _Ops_sea:") == ["class _Ops_sea:", '"""What ``x.sea`` has."""']
    assert "def __call__(self) -> Variable:" in text
    assert "def deep(self) -> _Ops_sea__deep:" in text
    assert "def blue(self) -> Variable:" in text
    # x.sea is the namespace, which can be called.
    assert "def sea(self) -> _Ops_sea:" in text.partition("class AttachedMethods")[2]


def test_a_name_of_two_packs_is_neithers():
    text = text_of((op_of_pack("wave"), "sea"), (op_of_pack("wave"), "air"))
    attached = text.partition("class AttachedMethods")[2]
    assert "def wave" not in attached
    assert text.count("def wave(self) -> Variable:") == 2


def test_a_built_in_op_keeps_its_name():
    text = text_of(One, (op_of_pack("one"), "sea"))
    assert "y: Variable" in " ".join(block_of(text.partition("class Attached")[2], "def one("))


def test_packs_only_where_they_are_wanted():
    text = text_of(One, (op_of_pack("wave"), "sea"), packs=False, others=True)
    assert "wave" not in text
    assert text.endswith("    def __getattr__(self, name: str) -> Any: ...\n")
    assert "__getattr__" not in text_of(One)


def test_the_programs_own_ops_are_left_out():
    assert "def wave" not in text_of(One, (op_of_pack("wave"), "local"))


def test_it_learns_of_ops_that_come_later():
    registry = Registry()
    stub = StubFile(packs=True, others=False, note="")
    manager = hook_manager()
    register_plugin(manager, registry, stub, "stub")
    registry.on_registered = lambda op: manager.hook.plugrad_op_registered(op=op)
    registry.add(op_of_pack("wave"), "sea")
    assert stub.text().count("def wave(self)") == 2
    registry.add(op_of_pack("wave", methods=("swell",)), "sea")  # defined again
    assert stub.text().count("def swell(self)") == 1


def test_long_docstrings_are_wrapped():
    class Long(pg.Function):
        @staticmethod
        def forward(ctx: pg.Context, x: Tensor) -> Tensor:
            return x

    for length in range(60, 130):
        Long.__doc__ = "y = " + " ".join(["x +"] * (length // 4)) + "x" * (length % 4) + "."
        text = text_of(pg.op("long", methods=("long",))(Long))
        assert max(map(len, text.splitlines())) <= 100, length


@needs_pinned_torch
def test_the_built_in_ops_stub_is_fresh():
    stub = StubFile(
        packs=False,
        others=True,
        note="Written by `plugrad stubs --builtins` from the ops; a test keeps it fresh.",
    )
    register_plugin(hook_manager(), pg.registry, stub, "stub")
    path = Path(pg.__file__).with_name("core") / "attached_methods.pyi"
    assert path.read_text(encoding="utf-8") == stub.text(), "run: plugrad stubs --builtins"


@needs_pinned_torch
@pytest.mark.parametrize("name", ["sin", "__matmul__", "T", "reshape", "where"])
def test_the_built_in_ops_stub_names_what_variable_has(name):
    path = Path(pg.__file__).with_name("core") / "attached_methods.pyi"
    (declared,) = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    ]
    names = {node.name for node in declared.body if isinstance(node, ast.FunctionDef)}
    assert name in names
    attached = {n for entry in pg.registry if entry.rank == 0 for n in entry.attributes}
    assert names - {"__getattr__"} == attached
    assert isinstance(pg.Variable(torch.ones(2, 2)).T, pg.Variable)


def test_groups_and_order():
    lines = {
        "from plugrad.core.variable import Variable",
        "from typing import Literal",
        "import torch",
        "from torch import Tensor",
        "import builtins",
        "from typing import Any",
        "import a_pack.kinds as _a_pack_kinds",
    }
    assert import_block(lines) == (
        "import builtins\n"
        "from typing import Any, Literal\n"
        "\n"
        "import a_pack.kinds as _a_pack_kinds\n"
        "import torch\n"
        "from torch import Tensor\n"
        "\n"
        "from plugrad.core.variable import Variable\n"
    )
