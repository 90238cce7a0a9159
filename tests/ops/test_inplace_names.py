"""Each method of torch.Tensor that ends in an underscore: on a Variable as torch, or refused."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import InplaceError, UnknownOpError
from plugrad.tests.installed import since

#: What Variable has no use for, and the error names.
REFUSED = {
    "rename_": "named tensors",
    **dict.fromkeys(
        ("resize_as_sparse_", "sparse_resize_", "sparse_resize_and_clear_"),
        "about the tensor itself",
    ),
}
#: Where torch keeps the gradient of what was there before, though nothing of it is left.
WRONG_IN_TORCH = {"logical_and_", "logical_not_", "logical_or_", "logical_xor_"}
#: Ops of the pack plugrad-special, which these tests do not load.
OF_A_PACK = {"igamma_", "igammac_"}
#: Those of which an older torch has no gradient.
NEWER = {"nextafter_"}
#: About the tensor's graph or memory, each with tests of its own in tests/core.
OF_THE_TENSOR = {
    "apply_", "detach_", "map2_", "map_", "requires_grad_", "resize_", "resize_as_", "set_",
    "share_memory_",
}  # fmt: skip
NAMES = [n for n in dir(torch.Tensor) if n.endswith("_") and not n.startswith("_")]

INDEX = torch.tensor([[0, 1, 2], [2, 0, 1]])  # along dimension 1
OTHER = torch.rand(2, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.5
MATRICES = torch.rand(4, 2, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
WHERE = torch.tensor([[True, False, True], [False, True, True]])
ROW = torch.tensor([1, 0])
#: Arguments that are tried in this order; torch says which are a method's.
ARGUMENTS = (
    (), (OTHER,), (0.5,), (2,), (0,), (0, 1), (OTHER, 0.5), (OTHER, OTHER),
    (MATRICES[0, :, 0], MATRICES[1, 0]), (WHERE, 0.5), (WHERE, OTHER),
    (1, INDEX, OTHER), (0, ROW, OTHER), (1, INDEX, OTHER, "sum"), (0, ROW, OTHER, "prod"),
    (0, ROW, 0.5), (ROW, OTHER[0, :2]), ((ROW,), OTHER), (2, 0, 1.0), ((2, 3), (3, 1)),
)  # fmt: skip
#: Those of the methods whose Variable has another shape, and that shape.
OTHERS = {
    "addmm_": ((2, 2), (MATRICES[0], MATRICES[1].T)),
    "addmv_": ((2,), (MATRICES[0], OTHER[0])),
    "baddbmm_": ((4, 2, 2), (MATRICES, MATRICES.mT)),
    "addbmm_": ((2, 2), (MATRICES, MATRICES.mT)),
    "acosh_": ((2, 3), ()),
    "arccosh_": ((2, 3), ()),
}
INTEGERS = ((), (torch.tensor([[1, 2, 1], [3, 1, 2]]),), (3,))


@pytest.fixture(autouse=True)
def _random_numbers_are_as_before():
    with torch.random.fork_rng(devices=[]):
        yield


def changed(name, arguments, dtype, engine, out_of_place=False):
    """What the method makes of a value, and its gradient."""
    torch.manual_seed(0)
    shape = OTHERS.get(name, ((2, 3),))[0]
    data = torch.rand(shape, dtype=torch.float64) + (1 if "cosh" in name else 0)
    x = (data * 10).long() if dtype is torch.int64 else data
    x = pg.Variable(x) if engine is pg else x
    x.requires_grad_(dtype is torch.float64)
    y = x.clone()
    if out_of_place:
        y = getattr(y, name[:-1])(*arguments)
    else:
        result = getattr(y, name)(*arguments)
        assert result is y
    if not y.requires_grad:
        return y, torch.zeros(shape)
    weight = torch.arange(y.numel(), dtype=y.dtype).view(y.shape) + 1
    grad = pg.grad if engine is pg else torch.autograd.grad
    (gx,) = grad((y * weight).sum(), x, allow_unused=True)
    return y, torch.zeros(shape, dtype=torch.float64) if gx is None else gx


def one_that_torch_takes(name):
    """Arguments of the method, their dtype, and what torch gives."""
    floats = (OTHERS[name][1],) if name in OTHERS else ARGUMENTS
    for dtype, candidates in ((torch.float64, floats), (torch.int64, INTEGERS)):
        for arguments in candidates:
            try:
                return arguments, dtype, changed(name, arguments, dtype, torch)
            except (RuntimeError, TypeError, IndexError) as error:  # noqa: PERF203
                # torch has a gradient of the other alone
                if "inplace version" in str(error) or "functions with out=" in str(error):
                    return arguments, dtype, changed(name, arguments, dtype, torch, True)
    raise AssertionError(f"torch takes none of the arguments tried for {name}")


@pytest.mark.filterwarnings("ignore:.*beta")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=since("2.13", "torch had no gradient of it")) if n in NEWER else n
        for n in NAMES
        if n not in REFUSED.keys() | OF_THE_TENSOR | OF_A_PACK
    ],
)
def test_it_does_what_torchs_does(name):
    arguments, dtype, (expected, expected_grad) = one_that_torch_takes(name)
    got, grad = changed(name, arguments, dtype, pg)
    assert isinstance(got, pg.Variable)
    torch.testing.assert_close(got.data, expected.detach())
    if name in WRONG_IN_TORCH:
        assert expected_grad.any()
        expected_grad = torch.zeros_like(expected_grad)
    torch.testing.assert_close(getattr(grad, "data", grad), expected_grad)


@pytest.mark.parametrize("exponent", [2, 2.5, OTHER, pg.Variable(OTHER)], ids=type)
def test_float_power(exponent):
    x = pg.Variable(torch.full((2, 3), 2.0, dtype=torch.float64), requires_grad=True)
    y = x.clone().float_power_(exponent)
    (gx,) = pg.grad(y.sum(), x)
    power = getattr(exponent, "data", exponent)
    torch.testing.assert_close(gx.data, power * x.data ** (power - 1))


@pytest.mark.parametrize("name", sorted(OF_THE_TENSOR))
def test_what_is_about_the_tensor_is_variables_own(name):
    assert callable(getattr(pg.Variable, name))


@pytest.mark.parametrize(("name", "reason"), sorted(REFUSED.items()))
def test_what_is_refused_is_named(name, reason):
    x = pg.Variable(torch.ones(2))
    with pytest.raises(UnknownOpError, match=rf"{name}(.|\n)*{reason}(.|\n)*fix: "):
        getattr(x, name)


def test_the_changed_leaf_is_refused_as_in_torch():
    x = pg.Variable(torch.ones(2), requires_grad=True)
    with pytest.raises(InplaceError, match="leaf"):
        x.conj_physical_()
