import pytest
import torch

import plugrad as pg


@pytest.mark.parametrize(
    ("shape", "args"),
    [
        ((2, 3, 2), (1,)),
        ((), (1,)),
        ((2, 3, 2), (None, (0, 1, 2))),
        ((2, 3), ("fro", 1)),
        ((2, 3), (3,)),
        ((3,), ("fro",)),
    ],
)
def test_refuses_what_torch_refuses(shape, args):
    x = torch.ones(shape)
    with pytest.raises(RuntimeError):
        torch.linalg.norm(x, *args)
    with pytest.raises(RuntimeError, match=r"linalg\.(matrix_)?norm"):
        pg.ops.linalg.norm(pg.Variable(x), *args)
