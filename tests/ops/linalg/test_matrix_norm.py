from math import inf

import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize("ord", ["nuc", 2, -2])
@pytest.mark.parametrize("dim", [(-2, -1), (1, 0)])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 2)])
def test_singular_values_of_plain_tensors(ord, dim, keepdim, shape):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    ours = pg.ops.linalg.matrix_norm(x, ord, dim, keepdim)
    torch.testing.assert_close(ours, torch.linalg.matrix_norm(x, ord, dim, keepdim))
    assert torch.equal(pg.ops.linalg.norm(x, ord, dim, keepdim), ours)


@pytest.mark.parametrize("ord", [1, -1, inf, -inf, 2, "nuc"])
@pytest.mark.parametrize("shape", [(3, 0), (0, 3), (0, 0)])
def test_of_nothing_is_zero_or_an_error(ord, shape):
    x = torch.empty(shape)
    try:
        expected = torch.linalg.matrix_norm(x, ord)
    except IndexError as error:
        if str(error).startswith("amax"):  # an older torch, where the largest is one, too
            assert pg.ops.linalg.matrix_norm(x, ord) == 0
            return
        with pytest.raises(IndexError):
            pg.ops.linalg.matrix_norm(x, ord)
    else:
        assert torch.equal(pg.ops.linalg.matrix_norm(x, ord), expected)


@pytest.mark.parametrize(
    ("shape", "args"),
    [
        ((2, 3), (3,)),
        ((2, 3), ("foo",)),
        ((2, 3), (1, (0,))),
        ((3,), ("fro",)),
    ],
)
def test_refuses_in_torchs_words(shape, args):
    x = torch.ones(shape)
    with pytest.raises(RuntimeError) as theirs:
        torch.linalg.matrix_norm(x, *args)
    with pytest.raises(RuntimeError) as ours:
        pg.ops.linalg.matrix_norm(pg.Variable(x), *args)
    assert str(ours.value).split(".")[:2] == str(theirs.value).split(".")[:2]
