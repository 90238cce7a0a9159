"""masked_softmax computes what torch's own kernel does, which its reference is not."""

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize(("shape", "kind"), [((3, 3), 0), ((2, 3), 1), ((2, 2, 3, 3), 2)])
def test_it_has_torchs_values(shape, kind):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 2, 3, 3, generator=generator)
    mask = torch.rand(shape, generator=generator) < 0.4
    mask[..., 0] = False
    actual = torch._masked_softmax(pg.Variable(x), mask, 3, kind)
    torch.testing.assert_close(actual.data, torch._masked_softmax(x, mask, 3, kind))


def test_a_mask_may_be_of_any_strides():
    """torch's kernel reads it as if it were contiguous: reported nowhere that we know of."""
    mask = torch.tensor([[False, True], [False, False]]).t()
    y = torch._masked_softmax(pg.Variable(torch.zeros(2, 2)), mask)
    assert y.data.tolist() == [[0.5, 0.5], [0.0, 1.0]]
