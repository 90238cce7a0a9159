"""AttachedMethods: there for type checkers, and nothing else is changed by it."""

from __future__ import annotations

import copy
import pickle

import torch

import plugrad as pg
from plugrad.core.attached_methods import AttachedMethods
from plugrad.plugins.registered_op import RESERVED


def test_it_is_an_empty_base_of_variable():
    assert issubclass(pg.Variable, AttachedMethods)
    own = set(vars(AttachedMethods)) - {"__doc__", "__module__", "__slots__"}
    # Of Python 3.13; and the first is made, empty, for whoever asks for it.
    assert own <= {"__annotations__", "__firstlineno__", "__static_attributes__"}
    assert not AttachedMethods.__annotations__
    assert AttachedMethods.__slots__ == ()


def test_variables_still_have_no_dict():
    x = pg.Variable(torch.ones(2))
    assert not hasattr(x, "__dict__")
    assert not hasattr(x * 2, "__dict__")


def test_it_reserves_no_name():
    attached = {name for entry in pg.registry for name in entry.attributes}
    assert not attached & RESERVED


def test_leaves_pickle_and_copy():
    for made in (pg.Variable(torch.ones(2), requires_grad=True), pg.Parameter(torch.ones(2))):
        for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
            assert type(again) is type(made)
            assert again.requires_grad
            assert torch.equal(again.data, made.data)


def test_operators_come_from_the_ops():
    x = pg.Variable(torch.tensor([1.0, 2.0]))
    assert type(x == 1.0) is pg.Variable
    assert (x == 1.0).data.tolist() == [True, False]
    assert hash(x) == object.__hash__(x)
