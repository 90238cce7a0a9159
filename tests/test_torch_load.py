"""torch.save and torch.load of Variables, with weights_only as torch has it by default."""

from __future__ import annotations

import io
import pickle

import pytest
import torch

import plugrad as pg


def loaded(saved, **options):
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    return torch.load(file, **options)


def make(*size, **options):
    return torch.rand(*size, generator=torch.Generator().manual_seed(0), **options)


@pytest.mark.parametrize("weights_only", [True, False])
@pytest.mark.parametrize(
    ("data", "requires_grad"),
    [
        (make(3, 2), True),
        (make(3, 2).t(), False),
        (make(()), True),
        (make(0, 2, dtype=torch.float64), True),
        (make(3, dtype=torch.complex64), True),
        (torch.tensor([1, 2]), False),
        (make(3).bfloat16(), True),
    ],
)
def test_a_leaf(data, requires_grad, weights_only):
    x = loaded(pg.Variable(data, requires_grad), weights_only=weights_only)
    assert type(x) is pg.Variable
    assert torch.equal(x.data, data)
    assert (x.data.dtype, x.data.stride()) == (data.dtype, data.stride())
    assert (x.requires_grad, x.grad, x.grad_fn) == (requires_grad, None, None)


def test_a_parameter_in_a_dict_has_left_its_gradient():
    weight = pg.Parameter(make(3))
    (weight * weight).sum().backward()
    state = loaded({"weight": weight, "tied": weight, "steps": [1, pg.Variable(make(2))]})
    assert type(state["weight"]) is pg.Parameter
    assert state["tied"] is state["weight"]
    assert state["weight"].grad is None
    (state["weight"] ** 3).sum().backward()  # it is a leaf like any other
    assert torch.allclose(state["weight"].grad.data, 3 * weight.data**2)
    assert torch.equal(state["steps"][1].data, make(2))


def test_two_views_of_one_storage_stay_so():
    data = make(4)
    x, y = loaded([pg.Variable(data), pg.Variable(data[1:])])
    x.data[1] = 7
    assert y.data[0] == 7


def test_onto_another_device():
    assert loaded(pg.Variable(make(2)), map_location="meta").data.device.type == "meta"


class Mine(pg.Variable):
    """A class that torch was not told of."""


def test_a_class_of_somebody_elses_is_still_theirs_to_allow():
    with pytest.raises(pickle.UnpicklingError, match="Mine"):
        loaded(Mine(make(2)))
    with torch.serialization.safe_globals([Mine]):
        assert type(loaded(Mine(make(2)))) is Mine
