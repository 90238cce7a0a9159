"""to: what it returns itself, and the calls that are wrong."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def test_nothing_to_do_returns_the_variable_itself():
    x = pg.Variable(torch.ones(2), requires_grad=True)
    assert x.to(torch.float32) is x
    assert x.to("cpu") is x
    assert x.float() is x
    assert x.to(torch.float32, copy=True) is not x


def test_too_many_arguments_are_refused():
    x = pg.Variable(torch.ones(2))
    with pytest.raises(pg.errors.ArgumentError, match="at most 3 positional[\\s\\S]*fix:"):
        x.to(torch.float64, False, False, torch.preserve_format)
