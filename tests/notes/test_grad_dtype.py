"""grad_dtype: the dtype that a leaf's gradient is cast to."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import errors
from plugrad.tests.notes.engines import PLUGRAD, raw, values

TORCH_NAMES = True

pytestmark = pytest.mark.skipif(
    not hasattr(torch.Tensor, "grad_dtype"), reason="torch has it since 2.10 or so"
)


def of_dtype(engine, dtype):
    x = engine.leaf([1.0, 2.0])
    x.grad_dtype = dtype
    return x


def test_it_is_the_leafs_own_by_default(engine):
    assert engine.leaf([1.0]).grad_dtype is torch.float64
    assert engine.tensor([1]).grad_dtype is torch.int64
    assert of_dtype(engine, torch.float32).detach().grad_dtype is torch.float64


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_are_cast_to_it(engine, dtype):
    x = of_dtype(engine, dtype)
    assert x.grad_dtype is dtype
    (x * 2).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.dtype is dtype
    assert values(x.grad) == [5, 5]
    (g,) = engine.grad((x * 2).sum(), x)
    assert g.dtype is dtype


def test_it_may_be_set_after_the_graph_was_made(engine):
    x = engine.leaf([1.0, 2.0])
    y = (x * 2).sum()
    x.grad_dtype = torch.float32
    y.backward()
    assert x.grad.dtype is torch.float32


def test_it_stays_when_the_data_is_replaced(engine):
    x = of_dtype(engine, torch.float16)
    x.data = torch.ones(2)
    (x * 2).sum().backward()
    assert x.grad_dtype is x.grad.dtype is torch.float16


def test_the_gradient_keeps_the_leafs_strides(engine):
    x = engine.leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).detach().t().requires_grad_()
    x.grad_dtype = torch.float32
    (x**2).sum().backward()
    assert x.grad.stride() == x.stride()
    assert x.grad.dtype is torch.float32


def test_second_derivatives_go_through_the_cast(engine):
    x = of_dtype(engine, torch.float32)
    (g,) = engine.grad((x**3).sum(), x, create_graph=True)
    (second,) = engine.grad(g.sum(), x)
    assert g.dtype is second.dtype is torch.float32
    assert values(second) == [6, 12]


def test_none_takes_any_dtype(engine):
    x = of_dtype(engine, None)
    assert x.grad_dtype is None
    x.grad = x.detach().to(torch.float16)
    assert x.grad.dtype is torch.float16


def test_a_gradient_of_another_dtype_is_not_assigned(engine):
    x = of_dtype(engine, torch.float16)
    with engine.raises(RuntimeError, "attempting to assign a gradient with dtype .* grad_dtype"):
        x.grad = x.detach()
    assert x.grad is None


def test_it_is_not_changed_while_there_is_a_gradient_of_another_dtype(engine):
    x = engine.leaf([1.0, 2.0])
    (x * 2).sum().backward()
    with engine.raises(RuntimeError, "Cannot set grad_dtype"):
        x.grad_dtype = torch.float16
    assert x.grad_dtype is torch.float64
    x.grad_dtype = None


def test_what_an_op_computed_has_none(engine):
    y = engine.leaf([1.0]) * 2
    with engine.raises(RuntimeError, "grad_dtype can only be accessed on leaf tensors"):
        y.grad_dtype  # noqa: B018
    with engine.raises(RuntimeError, "grad_dtype can only be set on leaf tensors"):
        y.grad_dtype = torch.float16


def test_converted_parameters_keep_it():
    model = torch.nn.Linear(2, 2, dtype=torch.bfloat16)
    for p in model.parameters():
        p.grad_dtype = torch.float32
    with pg.interop.on_variables(model):
        model(torch.ones(1, 2, dtype=torch.bfloat16)).sum().backward()
        assert model.weight.grad_dtype is torch.float32
    assert model.weight.grad_dtype is model.weight.grad.dtype is torch.float32
    assert raw(model.weight.grad).tolist() == [[1, 1], [1, 1]]


def test_plugrad_alone_refuses_a_leaf_that_got_another_shape():
    x = of_dtype(PLUGRAD, torch.float32)
    y = (x * 2).sum()
    x.data = torch.ones(3, dtype=torch.float64)
    with pytest.raises(errors.GradientShapeError, match=r"shape \(2,\) arrived at a leaf"):
        y.backward()
    assert x.grad is None
