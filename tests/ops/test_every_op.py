"""Every sample of every op against torch's own op and autograd."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.testing.comparison import Comparison, difference

# Some samples are calls that torch itself warns about: legacy arguments, broadcast losses.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

CASES = [
    pytest.param(entry, index, id=f"{entry.name}[{index}]")
    for entry in pg.registry
    for index, _ in enumerate(entry.function.samples(pg.SampleMaker(0)))
]
every_sample = pytest.mark.parametrize(("entry", "index"), CASES)


def sample_of(entry, index, seed=0):
    return list(entry.function.samples(pg.SampleMaker(seed)))[index]


def agree(pairs, tolerance):
    for position, (ours, theirs) in enumerate(pairs):
        message = f"result {position}:\n{ours}\n!=\n{theirs}"
        assert difference(ours, theirs) <= tolerance, message


def test_every_op_has_samples():
    for entry in pg.registry:
        assert list(entry.function.samples(pg.SampleMaker(0))), entry.name


@every_sample
def test_values(entry, index):
    for ours, theirs in Comparison(entry, sample_of(entry, index)).values():
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours.nan_to_num(), theirs.nan_to_num())
        assert torch.equal(ours.isnan(), theirs.isnan())


@every_sample
@pytest.mark.parametrize("seed", [0, 1])
def test_first_derivative(entry, index, seed):
    agree(Comparison(entry, sample_of(entry, index, seed), seed=seed).first(), 1e-12)


@every_sample
def test_second_derivative(entry, index):
    agree(Comparison(entry, sample_of(entry, index)).second(), 1e-12)


def strided(tensor):
    """The same values with a gap after each element."""
    if tensor.dim() == 0:
        return tensor
    return torch.stack([tensor, tensor], dim=-1)[..., 0]


def transposed(tensor):
    """The same values with the dimensions' strides in reverse order."""
    order = list(range(tensor.dim()))[::-1]
    return tensor.permute(order).contiguous().permute(order)


@every_sample
@pytest.mark.parametrize("change", [strided, transposed])
def test_layouts(entry, index, change):
    if entry.name in {"view", "as_strided"}:  # what a view can do depends on the layout
        pytest.skip("the layout decides whether the call is legal")
    comparison = Comparison(entry, sample_of(entry, index), change)
    agree(comparison.values(), 0)
    agree(comparison.first(), 1e-12)


LOWER = {
    torch.float32: (torch.float32, torch.complex64, 1e-5),
    torch.bfloat16: (torch.bfloat16, None, 5e-2),
}


@every_sample
@pytest.mark.parametrize("dtype", LOWER, ids=str)
def test_lower_precision(entry, index, dtype):
    real, complex_, tolerance = LOWER[dtype]

    def cast(tensor):
        if tensor.is_complex() and complex_ is None:
            pytest.skip("no complex dtype of this precision")
        target = complex_ if tensor.is_complex() else real
        return tensor.to(target) if tensor.is_floating_point() or tensor.is_complex() else tensor

    try:
        comparison = Comparison(entry, sample_of(entry, index), cast)
        expected = list(comparison.first())
    except RuntimeError as error:
        if "not implemented for" not in str(error) and "Expected both inputs" not in str(error):
            raise
        pytest.skip(f"torch: {error}")
    agree(comparison.values(), 0)
    agree(expected, tolerance)


@every_sample
def test_calling_torchs_function_on_variables_is_calling_the_op(entry, index):
    sample = sample_of(entry, index)
    for override in entry.overrides:
        args = wrap(sample.args)
        kwargs = dict(zip(sample.kwargs, wrap(tuple(sample.kwargs.values())), strict=True))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            ours = pg.ops.__getattr__(entry.name)(*args, **kwargs)
            torch.manual_seed(0)
            through_torch = override(*args, **kwargs)
        assert type(ours) is type(through_torch)
        break  # the first is the reference, so it takes the sample's arguments


def wrap(values):
    return type(values)(
        wrap(v)
        if isinstance(v, list | tuple)
        else pg.Variable(v)
        if isinstance(v, torch.Tensor)
        else v
        for v in values
    )
