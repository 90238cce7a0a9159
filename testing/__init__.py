"""What an op must obey, and the ways to check it."""

from plugrad.testing.check_op import check_op
from plugrad.testing.check_pack import check_pack
from plugrad.testing.gradcheck import gradcheck
from plugrad.testing.gradgradcheck import gradgradcheck
from plugrad.testing.laws import LAWS
from plugrad.testing.pack_tests import pack_tests
from plugrad.testing.parametrize_ops import parametrize_ops
from plugrad.testing.report import Report
from plugrad.testing.result import Result
from plugrad.testing.strength import op_strength

__all__ = [
    "LAWS",
    "Report",
    "Result",
    "check_op",
    "check_pack",
    "gradcheck",
    "gradgradcheck",
    "op_strength",
    "pack_tests",
    "parametrize_ops",
]
