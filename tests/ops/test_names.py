"""Further names of a function reach its op: torch's modules, methods, pg.ops."""

from __future__ import annotations

import sys
from functools import reduce
from pathlib import Path

import pytest
import torch

import plugrad as pg
from plugrad.errors import UnknownOpError

X = torch.tensor([[2.0, 0.3], [0.3, 1.5]], dtype=torch.float64)  # symmetric, positive definite

#: torch's aliases: each with the name that it stands for, as its tables of tests have them.
ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh",
    "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "clip": "clamp", "concat": "cat",
    "concatenate": "cat", "conv1d": "nn.functional.conv1d", "conv2d": "nn.functional.conv2d",
    "conv3d": "nn.functional.conv3d", "conv_transpose1d": "nn.functional.conv_transpose1d",
    "conv_transpose2d": "nn.functional.conv_transpose2d",
    "conv_transpose3d": "nn.functional.conv_transpose3d", "divide": "div", "fix": "trunc",
    "ger": "outer", "greater": "gt", "greater_equal": "ge", "group_norm":
    "nn.functional.group_norm", "layer_norm": "nn.functional.layer_norm", "less": "lt",
    "less_equal": "le", "linalg.matmul": "matmul", "log_softmax": "nn.functional.log_softmax",
    "matrix_exp": "linalg.matrix_exp", "moveaxis": "movedim", "multiply": "mul", "negative": "neg",
    "not_equal": "ne", "orgqr": "linalg.householder_product",
    "rms_norm": "nn.functional.rms_norm", "softmax": "nn.functional.softmax",
    "special.digamma": "digamma", "special.erf": "erf", "special.erfc": "erfc",
    "special.erfinv": "erfinv", "special.exp2": "exp2", "special.expit": "sigmoid",
    "special.expm1": "expm1", "special.gammaln": "lgamma", "special.i0": "i0",
    "special.log1p": "log1p", "special.log_softmax": "nn.functional.log_softmax",
    "special.logit": "logit", "special.logsumexp": "logsumexp", "special.multigammaln": "mvlgamma",
    "special.psi": "digamma", "special.round": "round", "special.sinc": "sinc",
    "special.softmax": "nn.functional.softmax", "special.xlogy": "xlogy", "subtract": "sub",
    "swapaxes": "transpose", "swapdims": "transpose", "true_divide": "div",
}  # fmt: skip

#: torch's own compositions: what is called on X, and on what else.
LINALG = {
    "cholesky": (), "cond": (), "det": (), "diagonal": (), "eigh": (), "eigvalsh": (), "inv": (),
    "lu_factor": (), "matrix_power": (3,), "multi_dot": None, "slogdet": (), "solve": (X,),
    "solve_ex": (X,), "svd": (), "svdvals": (), "tensorinv": (1,), "tensorsolve": (X[0],),
    "vander": (), "vecdot": (X,),
}  # fmt: skip


def named(root, name):
    return reduce(getattr, name.split("."), root)


def entry(name):
    return pg.registry.stands_for(named(torch, name))


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_an_alias_reaches_the_op(alias, name):
    function = pg.registry[name].function
    assert entry(alias) is pg.registry[name]
    assert named(pg.ops, alias) == function.apply
    method = alias.rpartition(".")[2]
    if hasattr(torch.Tensor, method):
        assert pg.registry.owner(method) is pg.registry[name]


@pytest.mark.parametrize("name", torch.special.__all__)
def test_what_torch_differentiates_of_special_has_an_op(name):
    function = getattr(torch.special, name)
    if pg.registry.stands_for(function) is not None:
        assert getattr(pg.ops.special, name) == pg.registry.stands_for(function).function.apply
        return
    if name in ("gammainc", "gammaincc"):
        pytest.skip("it is of the pack plugrad-special, which these tests do not load")
    x = X.clone().requires_grad_()
    try:
        expected = function(x)
        expected.sum().backward()
    except (RuntimeError, TypeError):  # of two arguments, or without a gradient: of the pack
        return
    y = pg.Variable(X, requires_grad=True)
    got = getattr(pg.ops.special, name)(y)
    got.sum().backward()
    torch.testing.assert_close(got.data, expected.detach())
    torch.testing.assert_close(y.grad.data, x.grad)


@pytest.mark.parametrize(
    "name", [n for n in dir(torch.linalg) if n[0] != "_" and n.islower() and n != "torch"]
)
def test_linalg_is_whole(name):
    function = getattr(torch.linalg, name)
    if not callable(function):
        pytest.skip("it is no function")
    if pg.registry.stands_for(function) is not None:
        assert getattr(pg.ops.linalg, name) == pg.registry.stands_for(function).function.apply
        return
    if name in ("matrix_rank", "ldl_factor", "ldl_factor_ex", "ldl_solve"):
        pytest.skip("torch has no gradient of it")
    first = lambda x: [x, x] if LINALG[name] is None else x  # noqa: E731
    rest = LINALG[name] or ()
    expected = function(first(X), *rest)
    for call in (function, getattr(pg.ops.linalg, name)):
        got = call(first(pg.Variable(X, requires_grad=True)), *rest)
        pairs = zip(expected, got, strict=True) if isinstance(got, tuple) else [(expected, got)]
        for e, g in pairs:
            assert isinstance(g, pg.Variable)
            torch.testing.assert_close(g.data, e)


def test_names_that_are_no_functions_stay_unknown():
    for name in ("manual_seed", "pi", "float32", "nonsense", "special.nonsense", "fft.fftfreqq"):
        with pytest.raises(UnknownOpError, match=name):
            named(pg.ops, name)


def test_the_namespaces_of_torch():
    x = pg.Variable(torch.tensor([1.0, 2.0], dtype=torch.float64), requires_grad=True)
    assert pg.ops.fft.rfft(x).requires_grad
    torch.testing.assert_close(pg.ops.special.expit(x).data, x.data.sigmoid())
    assert pg.ops.absolute(x).grad_fn.name() == "Abs"


def test_a_module_with_an_op_can_be_read_at_once():
    modules = {op.function.__module__ for op in pg.registry if op.pack == "plugrad"}
    files = [Path(sys.modules[name].__file__) for name in modules]
    lengths = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert len(lengths) > 500
    assert {name: length for name, length in lengths.items() if length > 120} == {}
