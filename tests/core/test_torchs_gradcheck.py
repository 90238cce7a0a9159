"""torch's gradcheck on Variables: the error names ours, which works."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import errors


def leaf():
    return pg.Variable(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64), requires_grad=True)


def cubes(x):
    return x**3


@pytest.mark.parametrize("name", ["gradcheck", "gradgradcheck"])
@pytest.mark.parametrize("tupled", [False, True])
def test_gradcheck_names_the_one_to_call(name, tupled):
    x = leaf()
    with pytest.raises(errors.PlugradError) as error:
        getattr(torch.autograd, name)(cubes, (x,) if tupled else x)
    assert error.value.fix.startswith(f"call plugrad.testing.{name}(f, inputs)")
    assert getattr(pg.testing, name)(cubes, (leaf(),))


def test_elsewhere_the_fixes_are_as_they_were():
    x = leaf()
    y = x**3
    x.data[0] = 5.0
    with pytest.raises(errors.SavedTensorChangedError) as error:
        y.sum().backward()
    assert error.value.fix.startswith("change a clone() of it instead")
