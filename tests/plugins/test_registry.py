"""The registry: adding, finding, and refusing what does not fit."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import errors
from plugrad.plugins.default import make_manager, make_registry
from plugrad.plugins.registry import Registry


def make(name, **declared):
    @pg.op(name, **declared)
    class Made(pg.Function):
        """y = x."""

        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            return gy

    return Made


def test_an_entry_tells_all():
    entry = pg.registry["sin"]
    assert entry.name == "sin"
    assert entry.pack == "plugrad"
    assert entry.module == "plugrad.ops.elementwise.sin"
    assert "sin" in entry.methods
    assert entry.overrides[0] is torch.sin
    assert entry.reference is torch.sin
    assert repr(entry) == "<op sin of plugrad: plugrad.ops.elementwise.sin.Sin>"
    assert "sin" in pg.registry
    assert "nothing" not in pg.registry


def test_iteration_is_by_name():
    names = [entry.name for entry in pg.registry]
    assert names == sorted(names)
    assert len(names) == len(pg.registry) >= 60


def test_file_follows_name():
    for entry in pg.registry:
        assert entry.module.rsplit(".", 1)[1] == entry.name.rsplit(".", 1)[-1], entry.name


def test_registries_are_independent():
    mine = Registry()
    mine.add(make("mine", methods=("mine",)))
    assert "mine" in mine
    assert "mine" not in pg.registry
    assert not hasattr(pg.Variable, "mine")


def test_the_built_in_ops_come_through_pluggy():
    manager = make_manager()
    assert manager.get_plugin("plugrad") is not None
    assert len(make_registry(manager)) == len(pg.registry)
    manager.unregister(name="plugrad")
    assert len(make_registry(manager)) == 0


def test_a_registry_can_be_attached_to_another_variable_type():
    class Mine:
        pass

    registry = Registry()
    registry.add(make("before", methods=("before",)))
    registry.attach(Mine)
    registry.add(make("after", methods=("after",)))
    assert hasattr(Mine, "before")
    assert hasattr(Mine, "after")


def test_adding_the_same_class_again_is_silent():
    registry = Registry()
    function = make("again")
    assert registry.add(function) is registry.add(function)


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"name": "first"}, "the name 'first'"),
        ({"name": "second", "methods": ("m",)}, "the method 'm'"),
        ({"name": "second", "overrides": (torch.sin,)}, "torch.sin is"),
    ],
)
def test_conflicts_are_refused_and_change_nothing(declared, message):
    registry = Registry()
    registry.add(make("first", methods=("m",), overrides=(torch.sin,)))
    with pytest.raises(errors.DuplicateOpError, match=message + "[\\s\\S]*fix:"):
        registry.add(make(**declared))
    assert [entry.name for entry in registry] == ["first"]


def test_variables_own_attributes_cannot_be_taken():
    with pytest.raises(
        errors.OpDefinitionError, match="'backward', which belongs to Variable itself"
    ):
        Registry().add(make("bad", methods=("backward",)))


def test_what_is_no_op_is_refused():
    class Bare(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x

    class Sub(make("parent")):
        pass

    for wrong in (Bare, Sub, 3):
        with pytest.raises(errors.OpDefinitionError, match="not declared with @op"):
            Registry().add(wrong)


@pytest.mark.parametrize(("name", "pack"), [("sin", "plugrad"), ("plugrad::sin", None)])
def test_nobody_else_takes_a_built_ins_place(name, pack):
    registry = make_registry(make_manager())
    sin = registry["sin"].function
    registry.remove("sin")
    mine = make(name, methods=("sin",), overrides=(torch.sin,))
    with pytest.raises(
        errors.PackDefinitionError, match="'plugrad' is the pack of plugrad's own ops[\\s\\S]*fix:"
    ):
        registry.add(mine, pack)
    assert "sin" not in registry
    own = registry.add(make("sin", methods=("sin",), overrides=(torch.sin,)))  # as it was told
    assert (own.pack, registry["sin"]) == ("local", own)
    registry.remove("sin")
    assert registry.add(sin, "plugrad").rank == 0  # the built-in one may come back


FULL_WIDTH = "\uff53\uff49\uff4e"


@pytest.mark.parametrize("name", [FULL_WIDTH, "plain"])
def test_a_look_alike_of_a_name_is_refused(name):
    said = f"'{FULL_WIDTH}', which Python reads as 'sin'[\\s\\S]*fix: write 'sin'"
    with pytest.raises(errors.OpDefinitionError, match=said):
        Registry().add(make(name, methods=(FULL_WIDTH,)))


def test_a_name_in_another_script_is_as_good_as_any():
    registry = Registry()
    assert registry.add(make("größe"), "länge").qualified_name == "länge::größe"


def test_an_unknown_name_suggests():
    with pytest.raises(errors.UnknownOpError, match="no op named 'sinn'[\\s\\S]*did you mean sin"):
        pg.registry["sinn"]


def test_an_added_op_becomes_a_method_and_an_override():
    registry = Registry()

    class Mine:
        pass

    registry.attach(Mine)
    entry = registry.add(make("shown", methods=("shown", "__rsub__"), properties=("s",)))
    assert Mine.shown is entry.apply
    assert isinstance(Mine.s, property)
    assert Mine.__rsub__ is not entry.apply


def test_a_primitive_is_found_by_the_overload_alone():
    aten = torch.ops.aten
    assert pg.registry.primitive(aten.add.Tensor) is pg.registry["add"]
    assert pg.registry.primitive(aten.add.Scalar) is pg.registry["add_scalar"]
    assert pg.registry.primitive(aten.sum.dim_IntList) is pg.registry["sum"]
    # Of the same name as an op, whose third parameter is another.
    assert "nn.functional.mse_loss" in pg.registry
    assert aten.mse_loss.default._schema.arguments[2].name == "reduction"
    found = pg.registry.primitive(aten.mse_loss.default)
    assert found is None or found is not pg.registry["nn.functional.mse_loss"]
    assert pg.registry.primitive(aten.frexp.Tensor_out) is None


def test_a_primitive_that_two_packs_claim_is_neithers():
    registry = Registry()
    overload = torch.ops.aten.special_airy_ai.default
    assert registry.primitive(overload) is None
    registry.add(make("five::scale", overrides=(overload,)))
    assert registry.primitive(overload).name == "five::scale"
    registry.add(make("six::scale", overrides=(overload,)))
    with pytest.raises(
        errors.AmbiguousOpError,
        match=r"torch\.ops\.aten\.special_airy_ai\.default is claimed by five::scale and by six",
    ):
        registry.primitive(overload)


def test_operators_leave_foreign_operands_to_python():
    class Other:
        def __radd__(self, x):
            return "mine"

        def __rmatmul__(self, x):
            return "mine too"

    x = pg.Variable(torch.ones(2, 2), requires_grad=True)
    assert x + Other() == "mine"
    assert x @ Other() == "mine too"
    assert (x == None) is False  # noqa: E711
    assert (x != "text") is True
    with pytest.raises(TypeError, match="unsupported operand"):
        x * object()
    with pytest.raises(TypeError, match="unsupported operand"):
        object() * x


def test_who_owns_an_attribute_and_which_are_reserved():
    assert pg.registry.owner("sin") is pg.registry["sin"]
    assert pg.registry.owner("T").name == "numpy_T"
    assert pg.registry.owner("nothing") is None
    assert {"data", "grad", "backward", "__torch_function__"} <= pg.registry.reserved
    assert "sin" not in pg.registry.reserved
