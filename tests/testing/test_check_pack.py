"""check_pack: the ops of a pack."""

from __future__ import annotations

import pytest

from plugrad.errors import UnknownPackError
from plugrad.testing import check_pack
from plugrad.tests.cli import wrong_ops


def test_all_ops_of_the_pack_and_no_others():
    with wrong_ops.registered(wrong_ops.ScaledSin, wrong_ops.NanSqrt, pack="wrong"):
        report = check_pack("wrong", laws=["oracle"])
    assert sorted({r.op for r in report}) == ["wrong::nan_sqrt", "wrong::scaled_sin"]
    assert not report.passed
    assert len(report.failures) == len(report)


def test_an_unknown_pack_is_refused_with_a_suggestion():
    with pytest.raises(UnknownPackError, match="named 'plugard'\n  fix: did you mean plugrad[?]"):
        check_pack("plugard")
