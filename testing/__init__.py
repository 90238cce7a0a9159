"""What an op must obey, and the ways to check it.

Authors of laws and faults find their names here too: packs import nothing below this module.
"""

from plugrad.testing.agree import Mismatch, agree
from plugrad.testing.call import Call, differentiable_call
from plugrad.testing.case import Case
from plugrad.testing.check import check_op, check_pack
from plugrad.testing.engine import Engine
from plugrad.testing.faults import FAULTS
from plugrad.testing.faults.fault import Fault, FaultBook
from plugrad.testing.faults.rewrite import receiving, returning
from plugrad.testing.faults.subject import Subject
from plugrad.testing.gradcheck import gradcheck, gradgradcheck
from plugrad.testing.law import Law, LawBook, NotApplicable, Violation
from plugrad.testing.laws import LAWS
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.parametrize import pack_tests, parametrize_ops
from plugrad.testing.result import Report, Result
from plugrad.testing.strength import op_strength

__all__ = [
    "FAULTS",
    "LAWS",
    "Call",
    "Case",
    "Engine",
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
