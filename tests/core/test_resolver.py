"""The resolver before any op is there, as in a core used on its own."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad import errors
from plugrad.core import resolver


def test_the_registry_is_installed():
    assert resolver.resolver() is pg.registry


def test_without_ops_the_errors_say_so(monkeypatch):
    monkeypatch.setattr(resolver, "_installed", [resolver._NoOps()])
    x = pg.Variable(torch.ones(1))
    with pytest.raises(errors.UnknownTorchFunctionError, match="so there is none for[\\s\\S]*fix:"):
        torch.erf(x)
    with pytest.raises(errors.UnknownOpError, match="none is named 'nothing'[\\s\\S]*fix:"):
        x.nothing()
