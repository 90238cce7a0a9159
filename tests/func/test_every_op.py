"""Every op: forward mode fits backward, and the gradient under vmap is the one in a loop."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

import plugrad as pg
from plugrad import SampleMaker

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

#: So many samples of each op; they are the plainest ones.
COUNT = 4
EXACT = (torch.float64, torch.complex128)
NAMES = sorted(
    {
        entry.name
        for entry in pg.registry
        if entry.function.declaration.differentiable
        and not entry.function.declaration.surrogate
        and ".ops.sparse." not in entry.module  # their gradients are sparse, or made dense
    }
)


@pytest.fixture(autouse=True)
def _random_numbers_are_as_before():
    with torch.random.fork_rng(devices=[]):
        yield


def flat(output):
    return list(output) if isinstance(output, tuple | list) else [output]


def is_smooth(value):
    return isinstance(value, torch.Tensor) and value.dtype in EXACT


def inner(a, b):
    a, b = (t.reshape(-1).to(torch.complex128) for t in (a, b))
    return torch.vdot(a, b).real


def calls_of(name):
    """Functions of the tensors of each sample, with these tensors; the op's, and then torch's."""
    function = pg.registry[name].function
    overrides = function.declaration.overrides
    for sample in list(function.samples(SampleMaker()))[:COUNT]:
        if sample.error or sample.kink or sample.constants:
            continue
        leaves, spec = tree_flatten((list(sample.args), dict(sample.kwargs)))
        places = [i for i, leaf in enumerate(leaves) if is_smooth(leaf)]

        def call(*values, apply=function.apply, leaves=leaves, spec=spec, places=places):
            given = list(leaves)
            for place, value in zip(places, values, strict=True):
                given[place] = value
            args, kwargs = tree_unflatten(given, spec)
            torch.manual_seed(0)
            outputs = flat(apply(*args, **kwargs))
            if apply is not function.apply:  # inside torch.vmap none requires grad
                return tuple(o for o in outputs if is_smooth(o))
            return tuple(o for o in outputs if isinstance(o, pg.Variable) and o.requires_grad)

        values = [leaves[i].clone() for i in places]
        outputs = call(*[pg.Variable(v, requires_grad=True) for v in values]) if values else ()
        if outputs and all(o.dtype in EXACT for o in outputs):
            yield call, values, partial(call, apply=overrides[0]) if overrides else None


def random_like(tensors, seed):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in tensors]


def vjp(call, values, cotangents):
    variables = [pg.Variable(v, requires_grad=True) for v in values]
    outputs = call(*variables)
    return outputs, pg.grad(outputs, variables, cotangents, materialize_grads=True)


@pytest.mark.parametrize("name", NAMES)
def test_forward_mode_fits_backward(name):
    for call, values, _ in calls_of(name):
        tangents = random_like(values, 1)
        outputs, pushed = pg.func.jvp(call, tuple(values), tuple(tangents))
        cotangents = random_like(outputs, 2)
        _, pulled = vjp(call, values, cotangents)
        forward = sum(inner(t, c) for t, c in zip(pushed, cotangents, strict=True))
        backward = sum(inner(t, g.data) for t, g in zip(tangents, pulled, strict=True))
        if torch.as_tensor(forward + backward).isfinite():
            torch.testing.assert_close(forward, backward, rtol=1e-6, atol=1e-8)


#: Ops whose rules torch.vmap cannot map, where it maps torch's.
UNMAPPED = {
    "aminmax": "of all dimensions with keepdim, torch.vmap gives a dimension too few",
    "index_add": "torch's gradient of one number as an index is that number of times too much",
    "index_reduce": "the gradient of a product is a loop over its zeros",
    "index_select": "as for index_add",
}


def maps(call, values):
    """Whether torch.vmap maps torch's function and its gradient."""
    batches = [torch.stack([v, v]).requires_grad_() for v in values]
    try:
        outputs = torch.vmap(lambda *vs: sum(o.abs().sum() for o in call(*vs)))(*batches)
        torch.autograd.grad(outputs.sum(), batches, allow_unused=True)
    except (RuntimeError, IndexError, ZeroDivisionError, TypeError, ValueError):
        return False
    return True


FIXED = [name for name in NAMES if not pg.registry[name].function.declaration.random]


@pytest.mark.parametrize("name", FIXED)
def test_the_gradient_under_vmap_is_that_of_a_sample(name):
    for call, values, torchs in calls_of(name):
        batches = [pg.Variable(torch.stack([v, v]), requires_grad=True) for v in values]
        outputs = call(*[pg.Variable(v, requires_grad=True) for v in values])
        cotangents = random_like([o.data for o in outputs], 2)
        _, expected = vjp(call, values, cotangents)
        try:
            mapped = pg.func.vmap(call)(*batches)
            stacked = [torch.stack([c, c]) for c in cotangents]
            found = pg.grad(mapped, batches, stacked, materialize_grads=True)
        except (RuntimeError, IndexError, ZeroDivisionError):
            # torch has no batching rule for a kernel of it
            assert name in UNMAPPED or torchs is None or not maps(torchs, values)
            continue
        for one, other in zip(mapped, outputs, strict=True):
            if one.data[1].shape != other.shape or not torch.allclose(
                one.data[1], other.data, equal_nan=True
            ):
                break  # torch's batching rule of the kernel is wrong
        else:
            for one, other in zip(found, expected, strict=True):
                torch.testing.assert_close(one.data[1], other.data, equal_nan=True)
