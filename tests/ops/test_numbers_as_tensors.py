"""A number given as a tensor without dimensions, or as a Variable: as torch, or a clear error.

Each number in each op's samples is tried once: a dim, a norm's order, a probability.
"""

from __future__ import annotations

import warnings
from itertools import chain

import pytest
import torch

import plugrad as pg
from plugrad.core import SampleMaker
from plugrad.tests.installed import asks_what_a_number_is as asked

DTYPES = {int: torch.int64, float: torch.float64, complex: torch.complex128}


def numbers(value, path):
    """The paths to the numbers in an argument."""
    if value.__class__ in DTYPES:
        yield path
    elif value.__class__ in (list, tuple):
        for i, v in enumerate(value):
            yield from numbers(v, (*path, i))


def replaced(value, path, new):
    if not path:
        return new
    items = dict(value) if isinstance(value, dict) else list(value)
    items[path[0]] = replaced(items[path[0]], path[1:], new)
    return tuple(items) if isinstance(value, tuple) else items


def filled(value, make):
    if isinstance(value, torch.Tensor):
        return make(value.clone())
    if value.__class__ in (list, tuple):
        return value.__class__(filled(v, make) for v in value)
    return value


def found(value, path):
    for key in path:
        value = value[key]
    return value


def cases():
    for entry in pg.registry:
        function = entry.function
        reference = function.declaration.reference or next(iter(entry.overrides), None)
        if reference is None or str(getattr(reference, "__module__", "")).startswith("plugrad"):
            continue  # only our own rules call it
        seen = set()
        for index, sample in enumerate(function.samples(SampleMaker(0))):
            paths = chain(
                *(numbers(v, (0, i)) for i, v in enumerate(sample.args)),
                *(numbers(v, (1, name)) for name, v in sample.kwargs.items()),
            )
            for path in paths:
                kind = (path, type(found((sample.args, sample.kwargs), path)))
                if kind not in seen and not str(path[1]).startswith("_"):
                    seen.add(kind)
                    yield pytest.param(entry.name, index, path, id=f"{entry.name}-{index}-{path}")


CASES = [c for c in cases() if not c.values[0].endswith(("_backward", "_backward_data"))]
# What is a dim to them as a number is another tensor to compare with, as in torch.
OTHERWISE = [(name, (0, 1)) for name in ("max", "min")]
each = pytest.mark.parametrize(("name", "index", "path"), CASES)


class Call:
    """The op called on Variables, with something else for the number at ``path``."""

    def __init__(self, name, index, path, new, function=None):
        entry = pg.registry[name]
        sample = list(entry.function.samples(SampleMaker(0)))[index]
        self.leaves = []
        make = self.leaf if function is None else lambda t: t
        args = [v if i in sample.constants else filled(v, make) for i, v in enumerate(sample.args)]
        kwargs = {
            k: v if k in sample.constants else filled(v, make) for k, v in sample.kwargs.items()
        }
        args, kwargs = replaced((args, kwargs), path, new)
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            output = (function or entry.function.apply)(*args, **kwargs)
        self.outputs = list(output) if isinstance(output, tuple | list) else [output]

    def leaf(self, tensor):
        if not (tensor.is_floating_point() or tensor.is_complex()):
            return tensor
        self.leaves.append(pg.Variable(tensor, requires_grad=True))
        return self.leaves[-1]

    def gradients(self, extra=()):
        roots = [o for o in self.outputs if isinstance(o, pg.Variable) and o.requires_grad]
        inputs = [*self.leaves, *extra]
        if not roots or not inputs:
            return [None] * len(inputs)
        ones = [torch.ones(r.shape, dtype=r.dtype) for r in roots]
        pairs = zip(ones, roots, strict=True)
        ones = [o if r.layout is torch.strided else o.sparse_mask(r.data) for o, r in pairs]
        return pg.grad(roots, inputs, ones, allow_unused=True)

    @property
    def values(self):
        return [o.data if isinstance(o, pg.Variable) else o for o in self.outputs]


def given(name, index, path):
    sample = list(pg.registry[name].function.samples(SampleMaker(0)))[index]
    return found((list(sample.args), sample.kwargs), path)


def torch_takes(name, index, path, new):
    declaration = pg.registry[name].function.declaration
    reference = declaration.reference or declaration.overrides[0]
    try:
        Call(name, index, path, new, reference)
    except Exception:
        return False
    return True


@each
@pytest.mark.parametrize("wrap", [lambda t: t, pg.Variable], ids=["tensor", "variable"])
def test_what_torch_takes_as_a_number_is_one(name, index, path, wrap):
    number = given(name, index, path)
    tensor = torch.tensor(number, dtype=DTYPES[type(number)])
    if (name, path) in OTHERWISE or not torch_takes(name, index, path, tensor):
        pytest.skip("torch refuses it, or takes it for something else")
    expected, got = Call(name, index, path, number), Call(name, index, path, wrap(tensor))
    if name not in ("empty_like", "new_empty"):
        torch.testing.assert_close(got.values, expected.values, equal_nan=True)
    for g, e in zip(got.gradients(), expected.gradients(), strict=True):
        assert (g is None) == (e is None)
        if g is not None:
            torch.testing.assert_close(g.data, e.data, equal_nan=True)


@each
def test_a_variable_that_requires_grad_is_refused_or_has_a_gradient(name, index, path):
    number = given(name, index, path)
    dtype = torch.complex128 if isinstance(number, complex) else torch.float64
    leaf = pg.Variable(torch.tensor(number, dtype=dtype), requires_grad=True)
    try:
        call = Call(name, index, path, leaf)
    except RecursionError:
        raise
    except Exception:
        return
    if any(getattr(o, "requires_grad", False) for o in call.outputs):
        assert call.gradients([leaf])[-1] is not None


@pytest.mark.parametrize(
    ("call", "op", "parameter"),
    [
        pytest.param(lambda x, v: torch.full_like(x, v), "full_like", "fill_value", marks=asked),
        pytest.param(
            lambda x, v: torch.full_like(x.data, v), "full_like", "fill_value", marks=asked
        ),
        (lambda x, v: x.new_full((2,), v), "new_full", "fill_value"),
        (lambda x, v: x.norm(v), "norm", "p"),
        (lambda x, v: torch.norm(x, p=v), "norm", "p"),
        pytest.param(lambda x, v: torch.linalg.norm(x, v), "linalg.norm", "ord", marks=asked),
        pytest.param(
            lambda x, v: torch.linalg.vector_norm(x, v), "linalg.vector_norm", "ord", marks=asked
        ),
        pytest.param(
            lambda x, v: torch.linalg.matrix_norm(x, v), "linalg.matrix_norm", "ord", marks=asked
        ),
        (lambda x, v: torch.nn.functional.dropout(x, v), "nn.functional.dropout", "p"),
        (lambda x, v: x.split(v), "split", "split_size"),
        (lambda x, v: x.scatter(0, torch.zeros(1, 1).long(), value=v), "scatter", "value"),
    ],
)
def test_the_error_names_the_number(call, op, parameter):
    x = pg.Variable(torch.ones(2, 2), requires_grad=True)
    v = pg.Variable(torch.tensor(1.0), requires_grad=True)
    with pytest.raises(pg.errors.ArgumentError) as caught:
        call(x, v)
    message = str(caught.value)
    assert f"{parameter!r} of {op}() is a Variable that requires grad" in message
    assert "fix: pass a number, or .detach()" in message
    if op != "split":  # torch, too, takes a float there only by chance
        call(x, v.detach())
    assert v.grad is None


@pytest.mark.parametrize("parameter", ["ignore_index", "label_smoothing"])
def test_cross_entropy_refuses_numbers_that_require_grad(parameter):
    x = pg.Variable(torch.ones(2, 2), requires_grad=True)
    v = pg.Variable(torch.tensor(0.0), requires_grad=True)
    message = f"{parameter!r} of nn.functional.\\w+"
    with pytest.raises(pg.errors.ArgumentError, match=message):
        torch.nn.functional.cross_entropy(x, torch.tensor([0, 1]), **{parameter: v})


def test_a_tensor_called_dim_is_a_dim():
    x = pg.Variable(torch.tensor([[1.0, 3.0], [2.0, 0.0]]), requires_grad=True)
    one = torch.tensor(1)
    for result in (torch.max(x, dim=one), x.max(dim=one), x.max(one, True), x.max(axis=one)):
        assert result.values.data.flatten().tolist() == [3, 2]
    assert torch.max(x, one).tolist() == [[1, 3], [2, 1]]  # the larger of two, as in torch
    assert x.min(dim=one, keepdim=True).values.tolist() == [[1], [0]]


def test_a_value_given_as_a_tensor_is_scattered():
    x = pg.Variable(torch.ones(2, 3), requires_grad=True)
    index = torch.tensor([[0, 1]])
    numbers = [torch.tensor(5), torch.tensor(5.0)]
    for value in [*numbers, pg.Variable(torch.tensor(5.0))]:
        for z in (x.scatter(0, index, value=value), pg.ops.scatter(x, 0, index, value=value)):
            assert z.tolist() == [[5, 1, 1], [1, 5, 1]]
    for value in numbers:
        z = torch.scatter(x, 0, index, value=value)
        assert z.tolist() == [[5, 1, 1], [1, 5, 1]]
        assert pg.grad(z.sum(), x)[0].tolist() == [[0, 1, 1], [1, 0, 1]]
