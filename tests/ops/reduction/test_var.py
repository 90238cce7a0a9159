"""var and its kin where n - correction is not positive."""

import pytest
import torch

import plugrad as pg
from plugrad.testing import LAWS
from plugrad.testing.case import Case
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.runner import Runner

CALLS = [
    pg.Sample(torch.tensor([3.0])),
    pg.Sample(torch.tensor(3.0)),
    pg.Sample(torch.tensor(3.0), 0),
    pg.Sample(torch.tensor([[3.0, 4.0]]), 0),
    pg.Sample(torch.tensor([3.0, 4.0]), correction=2),
    pg.Sample(torch.tensor([3.0, 4.0]), correction=3),
    pg.Sample(torch.tensor([3 + 1j, 4 - 2j]), correction=3),
    pg.Sample(torch.tensor([[3.0, 4.0], [1.0, 2.0]]), (0, 1), correction=5),
    pg.Sample(torch.tensor([[3.0, 4.0], [1.0, 2.0]]), (0, 1), correction=4),
    pg.Sample(torch.zeros(0)),
    pg.Sample(torch.zeros(0, 2), 0),
    pg.Sample(torch.zeros(0, 2), 1),
]


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean"])
@pytest.mark.parametrize("sample", CALLS, ids=str)
def test_is_nan_or_infinite_as_in_torch(name, sample):
    op = OpUnderTest.of(name)
    for law in ("reference", "oracle", "second-order"):
        result = Runner(op).result(LAWS[law], Case(op, sample))
        assert result.status in {"passed", "not applicable"}, result.message


def test_an_empty_dim_means_all_dimensions_for_the_gradient_too():
    # torch's var has a gradient of 0 / 0 here, as if n were 1.
    x = pg.Variable(torch.tensor([[3.0, 4.0], [1.0, 2.0]]), requires_grad=True)
    (named,) = pg.grad(x.var(()), x)
    (plain,) = pg.grad(x.var(), x)
    assert torch.equal(named.data, plain.data)


@pytest.mark.parametrize("name", ["var", "std"])
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((0, 1), {}), ((0,), {"unbiased": True, "correction": 1}), ((True, 0), {})],
)
def test_refuses_what_torch_refuses(name, args, kwargs):
    x = pg.Variable(torch.ones(3, 4))
    with pytest.raises(TypeError):
        getattr(x.data, name)(*args, **kwargs)
    with pytest.raises(TypeError):
        getattr(x, name)(*args, **kwargs)
