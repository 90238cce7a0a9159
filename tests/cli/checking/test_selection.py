"""chosen_ops: names, packs and mistakes."""

from __future__ import annotations

import pytest

import plugrad as pg
from plugrad.cli.checking.selection import chosen_ops
from plugrad.errors import AmbiguousOpError, UnknownOpError, UnknownPackError
from plugrad.plugins.default import registry
from plugrad.tests.cli import wrong_ops


def names(*asked):
    return [entry.name for entry in chosen_ops(asked)]


def test_nothing_is_all():
    assert names() == [entry.name for entry in registry]


def test_each_op_once_by_name():
    assert names("sin", "cos", "sin", "plugrad::cos") == ["cos", "sin"]


def test_a_pack():
    with wrong_ops.registered(wrong_ops.ScaledSin, wrong_ops.NanSqrt, pack="wrong"):
        assert names("wrong::") == ["wrong::nan_sqrt", "wrong::scaled_sin"]
        assert "wrong::nan_sqrt" not in names("plugrad::")
        assert names("wrong::nan_sqrt", "sin") == ["sin", "wrong::nan_sqrt"]
        assert names("nan_sqrt") == ["wrong::nan_sqrt"]


def test_an_unknown_op():
    with pytest.raises(UnknownOpError, match="no op named 'sni'\n  fix: did you mean sin") as told:
        names("cos", "sni")
    assert "plugrad ops lists them" in str(told.value)


def test_a_package_is_not_imported_and_says_how_it_is_meant():
    with pytest.raises(UnknownOpError, match="say numpy: for the torch.autograd.Functions of"):
        names("numpy")


def test_a_method_of_another_name_leads_to_its_op():
    with pytest.raises(UnknownOpError, match="no op named 'clip'\n  fix: did you mean clamp[?]"):
        names("clip")


def test_an_unknown_pack():
    told = "no pack named 'plugard' is installed\n  fix: did you mean plugrad[?] plugrad packs "
    for name in ("plugard::", "plugard::sin"):
        with pytest.raises(UnknownPackError, match=told):
            names(name)


def test_an_op_of_another_pack():
    with (
        wrong_ops.registered(wrong_ops.ScaledSin, pack="wrong"),
        pytest.raises(UnknownOpError, match="wrong::sin"),
    ):
        names("wrong::sin")


def test_the_name_of_a_pack_is_no_ops():
    with (
        wrong_ops.registered(wrong_ops.ScaledSin, pack="wrong"),
        pytest.raises(UnknownOpError, match="fix: say wrong:: for all ops of the pack"),
    ):
        names("wrong")


def test_an_op_of_two_packs_is_told_with_both_names():
    with (
        wrong_ops.registered(wrong_ops.ScaledSin, pack="wrong"),
        wrong_ops.registered(wrong_ops.AlsoScaledSin, pack="worse"),
        pytest.raises(AmbiguousOpError, match="say which: worse::scaled_sin or wrong::scaled_sin"),
    ):
        names("scaled_sin")


def test_an_op_whose_name_has_the_packs():
    @pg.op("wrong::sin_of_pack")
    class SinOfPack(wrong_ops.ScaledSin):
        """y = sin(x)."""

    with wrong_ops.registered(SinOfPack, pack="wrong"):
        assert names("wrong::sin_of_pack") == names("wrong::") == ["wrong::sin_of_pack"]
