"""segment_reduce where torch's own kernels go wrong."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize("reduce", ["max", "min"])
@pytest.mark.parametrize("cotangent", [4.0, -4.0])
def test_elements_that_tie_share_a_negative_gradient_too(reduce, cotangent):
    x = pg.Variable(torch.tensor([2.0, 2.0, 1.0, 1.0]), requires_grad=True)
    y = torch.segment_reduce(x, reduce, lengths=torch.tensor([2, 2]))
    (g,) = pg.grad(y, x, torch.tensor([cotangent, 1.0]))
    assert g.tolist() == [cotangent / 2, cotangent / 2, 0.5, 0.5]


@pytest.mark.parametrize(
    "how",
    [
        {"lengths": [2, 3], "unsafe": True},
        {"lengths": [-1, 5], "unsafe": True},
        {"offsets": [0, 5]},
        {"offsets": [-1, 3]},
        {"offsets": [3, 1]},
    ],
)
def test_a_segment_beyond_the_elements_is_refused_before_torch_reads_there(how):
    x = pg.Variable(torch.ones(4), requires_grad=True)
    how = {k: torch.tensor(v) if isinstance(v, list) else v for k, v in how.items()}
    with pytest.raises(pg.errors.ArgumentError, match="beyond the 4 elements along axis 0"):
        torch.segment_reduce(x, "sum", **how)
    mended = {"offsets": torch.tensor([0, 3])}
    assert torch.segment_reduce(x, "sum", **mended).tolist() == [3.0]


@pytest.mark.parametrize("reduce", ["sum", "mean", "max", "min", "prod"])
@pytest.mark.parametrize("how", ["lengths", "offsets"])
def test_an_axis_of_size_1_may_have_any_stride(reduce, how):
    x = torch.arange(6.0).reshape(2, 3, 1).transpose(1, 2)
    segments = {"lengths": [[1], [1]], "offsets": [[0, 1], [0, 1]]}[how]
    v = pg.Variable(x, requires_grad=True)
    y = torch.segment_reduce(v, reduce, axis=1, **{how: torch.tensor(segments)})
    assert y.tolist() == x.tolist()
    (g,) = pg.grad(y, v, x.cos())
    torch.testing.assert_close(g.data, x.cos())


def test_lengths_may_have_any_stride():
    lengths = torch.tensor([3, 3, 0, 0, 0, 0, 0, 1]).as_strided((2, 1), (1, 7))
    assert lengths.tolist() == [[3], [3]]
    x = torch.arange(1.0, 7.0).reshape(2, 3)
    y = torch.segment_reduce(pg.Variable(x), "sum", lengths=lengths, axis=1)
    assert y.tolist() == [[6.0], [15.0]]
