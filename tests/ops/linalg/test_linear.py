"""linear: it rounds as torch does, in autocast too, whatever the layout of its input."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg


def data(*shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator, dtype=dtype)


INPUTS = {
    "transposed": data(2, 32, 16).mT,
    "transposed, 4 dimensions": data(2, 3, 32, 16).mT,
    "a slice": data(2, 17, 32)[:, 1:],  # contiguous when cast
    "expanded": data(1, 16, 32).expand(2, 16, 32),
    "contiguous": data(2, 16, 32),
    "bfloat16 already": data(2, 32, 16).bfloat16().mT,
    "a slice, bfloat16 already": data(2, 17, 32).bfloat16()[:, 1:],
    "complex": data(2, 32, 16, dtype=torch.complex64).mT,
}
CASES = [
    (name, cast)
    for name, x in INPUTS.items()
    for cast in (True, False)
    if cast or x.dtype is not torch.bfloat16
]


@pytest.mark.parametrize("wanted", [(0, 1, 2), (0, 1), (1, 2), (0,), (1,), (2,)], ids=str)
@pytest.mark.parametrize(("name", "cast"), CASES)
def test_it_rounds_as_torch_does(name, cast, wanted):
    x = INPUTS[name]
    wide = torch.complex64 if x.is_complex() else torch.float32
    given = x, data(8, 32, dtype=wide), data(8, dtype=wide)
    theirs = [t.detach().requires_grad_(i in wanted) for i, t in enumerate(given)]
    ours = [pg.Variable(t, requires_grad=i in wanted) for i, t in enumerate(given)]
    with torch.autocast("cpu", torch.bfloat16, enabled=cast):
        expected, got = F.linear(*theirs), F.linear(*ours)
        without, ours_without = F.linear(*theirs[:2]), F.linear(*ours[:2])
    assert got.dtype is expected.dtype
    assert torch.equal(got.data, expected.detach())
    assert torch.equal(ours_without.data, without.detach())
    expected.abs().sum().backward()
    got.abs().sum().backward()
    for i in wanted:
        assert ours[i].grad.dtype is theirs[i].grad.dtype
        atol = 0.02 * float(theirs[i].grad.abs().max())
        torch.testing.assert_close(ours[i].grad.data, theirs[i].grad, rtol=0, atol=atol)
