"""NumPy's functions and operators with a Variable: torch's results, or an error for a gradient."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import plugrad as pg
from plugrad import errors

DATA = torch.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=torch.float64)
ARRAY = np.array([3.0, -2.0])

LIKE_TORCH = {
    "exp": np.exp,
    "exp of a number": lambda x: np.exp(x[0, 0]),
    "maximum": lambda x: np.maximum(x, 0),
    "add": lambda x: np.add(x, ARRAY),
    "two results": np.modf,
    "reduce": lambda x: np.add.reduce(x, axis=0),
    "accumulate": np.add.accumulate,
    "array last": lambda x: x - ARRAY,
    "times an array": lambda x: x * ARRAY.astype(np.float32),
    "matmul": lambda x: x @ ARRAY,
    "equal": lambda x: x == np.array([0.5, 0.25]),
    "equal first": lambda x: np.array([0.5, 0.25]) == x,
    "another array": lambda x: x + np.array(2.0),
    "transpose": np.transpose,
    "reshape": lambda x: np.reshape(x, (4, 1)),
    "cumsum": np.cumsum,
}


@pytest.mark.filterwarnings("ignore:__array_wrap__ must:DeprecationWarning")
@pytest.mark.parametrize("name", LIKE_TORCH)
def test_without_a_gradient_arrays_work_as_with_a_tensor(name):
    function = LIKE_TORCH[name]
    got, expected = function(pg.Variable(DATA)), function(DATA)
    if not isinstance(expected, tuple):
        got, expected = (got,), (expected,)
    for ours, theirs in zip(got, expected, strict=True):
        assert type(ours) is pg.Variable
        assert not ours.requires_grad
        torch.testing.assert_close(ours.data, theirs, rtol=0, atol=0)


def test_a_question_is_answered_with_booleans():
    asked = np.isnan(pg.Variable(torch.tensor([1.0, torch.nan])))
    assert asked.dtype is torch.bool  # torch's uint8 is from when it had no booleans
    assert asked.tolist() == [False, True]


def test_an_array_that_is_given_for_the_result_is_returned():
    out = np.zeros((2, 2))
    assert np.exp(pg.Variable(DATA), out=out) is out
    np.testing.assert_array_equal(out, DATA.exp().numpy())


def test_a_variable_is_not_written_into():
    x = pg.Variable(DATA.clone())
    with pytest.raises(errors.ArgumentError, match="fix: make the array a tensor"):
        np.exp(ARRAY, out=x)
    assert x.data.equal(DATA)


@pytest.mark.parametrize("name", sorted(set(LIKE_TORCH) - {"transpose", "reshape", "cumsum"}))
def test_a_gradient_is_not_lost_in_arrays(name):
    x = pg.Variable(DATA, requires_grad=True)
    with pytest.raises(errors.ArgumentError, match=r"(?s)NumPy.*fix: make the array a tensor"):
        LIKE_TORCH[name](x)
    with pg.no_grad():
        LIKE_TORCH[name](x)
    LIKE_TORCH[name](x.detach())
