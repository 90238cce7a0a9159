"""The law of in-place twins, where the control does not reach."""

from __future__ import annotations

import plugrad as pg
from plugrad.tests.testing.doubled import but, said


def twin(declared=None, **methods):
    """What the law says of the op with these methods, which has an in-place twin."""
    op = pg.op("test::twin", inplace=("doubled_",), **(declared or {}))
    return said(op(but(**methods)), "inplace")


def test_a_twin_that_raises_where_torch_does_not_is_found():
    assert twin() == ("passed", "")
    message = "doubled_ raises AttributeError: 'Tensor' object has no attribute 'nonsense'"
    assert twin(overwrite=lambda x: x.data.nonsense()) == ("failed", message)


def test_a_twin_whose_backward_raises_is_found():
    status, message = twin(backward=lambda ctx, gy: gy.nonsense())
    assert status == "failed"
    assert message.startswith("the backward of doubled_ raises ")


def test_another_result_of_a_twin_is_found():
    status, message = twin(overwrite=lambda x: None)
    assert status == "failed"
    assert message.startswith("doubled_ does not give what torch's gives: the view[0]: ")


def test_a_twin_does_not_do_what_torch_refuses():
    def refusing(x):
        raise ValueError("not in place")

    message = "doubled_ does what torch refuses: not in place"
    assert twin({"reference": refusing}) == ("failed", message)


def test_a_twin_of_a_constant_op_that_is_recorded_all_the_same_is_compared():
    status, message = twin({"differentiable": False})
    assert status == "failed"
    assert message.startswith("not torch's gradient after doubled_: gradient of x[")
