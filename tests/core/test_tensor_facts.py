"""What becomes of a Variable that is given to what makes tensors: the same values, or an error."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch

import plugrad as pg
from plugrad import errors
from plugrad.core.installed_torch import torch_before

MAKERS = {
    "torch.tensor": torch.tensor,
    "torch.as_tensor": torch.as_tensor,
    "torch.asarray": torch.asarray,
    "new_tensor": torch.ones(1).new_tensor,
    "torch.from_dlpack": torch.from_dlpack,
    "to float64": lambda x: torch.as_tensor(x, dtype=torch.float64),
}
DATA = {
    "a vector": torch.tensor([1.0, 2.0]),
    "a number": torch.tensor(3.0),
    "a transposed matrix": torch.arange(6.0).view(2, 3).mT,
    "half precision": torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
    "nothing": torch.ones(0, 2),
    "integers": torch.arange(3),
    "booleans": torch.tensor([True, False]),
    "complex": torch.tensor([1 + 2j]),
    "conjugated": torch.tensor([1 + 2j]).conj(),
}


@pytest.mark.filterwarnings("ignore:To copy construct:UserWarning")
@pytest.mark.filterwarnings("ignore:Casting complex values:UserWarning")
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("data", DATA)
def test_without_a_gradient_it_is_as_with_the_tensor(maker, data):
    tensor = DATA[data].clone() if data != "conjugated" else DATA[data]
    made = MAKERS[maker](pg.Variable(tensor))
    expected = MAKERS[maker](tensor.resolve_conj())
    assert type(made) is torch.Tensor
    assert (made.dtype, made.shape) == (expected.dtype, expected.shape)
    assert made.equal(expected)


def test_tensor_copies_and_as_tensor_shares():
    x = pg.Variable(torch.tensor([1.0, 2.0]))
    copied, shared = torch.tensor(x), torch.as_tensor(x)
    x.data[0] = 5.0
    assert (copied[0], shared[0]) == (1.0, 5.0)
    assert np.from_dlpack(x)[0] == 5.0


@pytest.mark.parametrize("maker", MAKERS)
def test_a_gradient_is_not_lost_silently(maker):
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    for given in (x, x * 2, (x * 2).sum()):
        with pytest.raises(errors.ConversionError, match="Can't export tensors that req") as error:
            MAKERS[maker](given)
        assert "(x.detach())" in error.value.fix
    assert MAKERS[maker](x.detach()).tolist() == [1.0, 2.0]  # the fix
    with torch.no_grad():
        assert MAKERS[maker](x).tolist() == [1.0, 2.0]
    with pytest.raises(BufferError):  # as torch's __dlpack__ raises
        torch.from_dlpack(x)


def test_a_list_of_variables_is_for_stack():
    x, y = (pg.Variable(torch.tensor(v), requires_grad=True) for v in (1.0, 2.0))
    with pytest.raises(TypeError, match="len\\(\\) of a 0-d tensor") as error:
        torch.tensor([x, y])
    assert "torch.stack([x, y])" in error.value.fix
    made = torch.stack([x, y])
    assert made.data.tolist() == [x.item(), y.item()]
    assert made.requires_grad


@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_a_copy_as_an_array_shares_nothing(dtype):
    x = pg.Variable(torch.tensor([1.0, 2.0]))
    made = np.array(x, dtype=dtype)
    assert made.dtype == (dtype or np.float32)
    made[0] = 5.0
    np.array(x, copy=True)[0] = 5.0
    assert x.tolist() == [1.0, 2.0]
    np.asarray(x)[0] = 7.0
    assert x.tolist() == [7.0, 2.0]


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="it makes a copy then")
def test_an_array_that_must_share_memory_and_cannot_is_refused():
    x = pg.Variable(torch.tensor([1.0, 2.0]))
    np.array(x, copy=False)[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    with pytest.raises(ValueError, match="Unable to avoid copy"):
        np.array(x, dtype=np.float64, copy=False)


def test_a_tensors_own_method_that_is_given_a_variable():
    v = pg.Variable(torch.ones(3))
    one = pg.Variable(torch.tensor(1))
    t = torch.zeros(3)
    assert t.map_(v, lambda a, b: a + b + 1) is t
    assert t.tolist() == [2, 2, 2]
    t.map2_(v, v, lambda a, b, c: a - b - c)
    assert t.tolist() == [0, 0, 0]
    assert torch.zeros(2).resize_as_(v).shape == (3,)
    assert pg.Variable(torch.ones(2, 3)).size(one) == 3
    assert pg.Variable(torch.ones(2, 3)).stride(one) == 1
    if not torch_before("2.7"):  # whose parser takes a number only
        assert torch.ones(2, 3).size(one) == 3
        assert torch.ones(2, 3).stride(one) == 1
    with pytest.raises(errors.InplaceError, match="with a Variable that requires grad"):
        t.map_(v.requires_grad_(), lambda a, b: a + b)


def test_a_number_made_of_a_variable_is_warned_of_once(monkeypatch):
    from plugrad.core import tensor_facts

    monkeypatch.setattr(tensor_facts, "_said", [])
    monkeypatch.setattr(torch, "is_warn_always_enabled", lambda: False)
    x = pg.Variable(torch.tensor(0.5), requires_grad=True)
    with pytest.warns(UserWarning, match="a Variable that requires grad was converted to a float"):
        assert float(x) == 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert float(x) == 0.5
        assert complex(x) == 0.5
        assert math.sin(x) == math.sin(0.5)
    monkeypatch.setattr(torch, "is_warn_always_enabled", lambda: True)
    with pytest.warns(UserWarning, match="converted to a complex"):
        complex(x)
