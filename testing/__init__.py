"""What an op must obey, and the ways to check it.

The authors of laws and faults find their names here too: packs import no module below this one.
"""

from plugrad.testing.agree import agree
from plugrad.testing.call import Call
from plugrad.testing.case import Case
from plugrad.testing.check_op import check_op
from plugrad.testing.check_pack import check_pack
from plugrad.testing.faults import FAULTS
from plugrad.testing.faults.fault import Fault, FaultBook
from plugrad.testing.faults.rewrite import receiving, returning
from plugrad.testing.faults.subject import Subject
from plugrad.testing.gradcheck import gradcheck
from plugrad.testing.gradgradcheck import gradgradcheck
from plugrad.testing.law import Law, LawBook
from plugrad.testing.laws import LAWS
from plugrad.testing.laws.differentiable_call import differentiable_call
from plugrad.testing.mismatch import Mismatch
from plugrad.testing.not_applicable import NotApplicable
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.pack_tests import pack_tests
from plugrad.testing.parametrize_ops import parametrize_ops
from plugrad.testing.report import Report
from plugrad.testing.result import Result
from plugrad.testing.strength import op_strength
from plugrad.testing.violation import Violation

__all__ = [
    "FAULTS",
    "LAWS",
    "Call",
    "Case",
    "Fault",
    "FaultBook",
    "Law",
    "LawBook",
    "Mismatch",
    "NotApplicable",
    "OpUnderTest",
    "Report",
    "Result",
    "Subject",
    "Violation",
    "agree",
    "check_op",
    "check_pack",
    "differentiable_call",
    "gradcheck",
    "gradgradcheck",
    "op_strength",
    "pack_tests",
    "parametrize_ops",
    "receiving",
    "returning",
]
