"""OpUnderTest: what the laws ask of an op."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.tests.testing.an_op import an_op


def test_a_registered_op():
    op = OpUnderTest.of("add", seed=3)
    assert op.entry is pg.registry["add"]
    assert (op.name, op.declared, op.composite) == ("add", True, False)
    assert op.reference is torch.add
    assert OpUnderTest.of(op.function).entry is op.entry


def test_a_composite():
    assert OpUnderTest.of("where_method").composite


def test_a_bare_function():
    op = OpUnderTest.of(an_op())
    assert (op.name, op.declared, op.entry, op.reference) == ("Op", False, None, None)


def test_a_subclass_of_an_op_is_another_op():
    class Other(pg.registry["sin"].function):
        pass

    op = OpUnderTest.of(Other)
    assert (op.name, op.declared, op.entry) == ("Other", False, None)


def test_a_class_that_has_the_name_of_a_registered_op_is_not_it():
    impostor = pg.op("sin")(an_op())
    assert OpUnderTest.of(impostor).entry is None


def test_samples_are_the_seeds():
    op = OpUnderTest.of("sin", seed=5)
    ours, again, other = op.samples(), op.samples(), op.samples(6)
    assert torch.equal(ours[0].args[0], again[0].args[0])
    assert not torch.equal(ours[0].args[0], other[0].args[0])


def test_all_samples_are_on_the_device():
    """What they make without the maker, too; meta stands for a GPU."""
    made = OpUnderTest.of("linalg.lu_solve", device="meta").all_samples()  # with torch.eye(3)
    assert len(made) == len(list(OpUnderTest.of("linalg.lu_solve").all_samples()))
    assert {a.device.type for s in made for a in s.args if isinstance(a, torch.Tensor)} == {"meta"}
