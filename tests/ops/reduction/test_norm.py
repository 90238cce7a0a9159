import pytest
import torch

import plugrad as pg
from plugrad.errors import ArgumentError


def test_as_a_method_takes_dtype_in_the_place_of_out():
    x = torch.tensor([3.0, 4.0])
    norm = pg.Variable(x).norm(2, None, False, torch.float64)
    assert torch.equal(norm.data, x.norm(2, None, False, torch.float64))
    assert norm.dtype is torch.float64


def test_refuses_out():
    x = pg.Variable(torch.ones(3), requires_grad=True)
    with pytest.raises(ArgumentError, match="writes into no tensor"):
        torch.norm(x, out=torch.empty(()))


@pytest.mark.parametrize("p", ["foo", "inf"])
def test_refuses_other_names_in_torchs_words(p):
    x = torch.ones(2, 3)
    with pytest.raises(RuntimeError) as theirs:
        x.norm(p)
    with pytest.raises(RuntimeError) as ours:
        pg.Variable(x).norm(p)
    assert str(ours.value) == str(theirs.value)
