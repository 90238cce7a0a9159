"""Namespace: ops by dotted names."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.plugins.namespace import Namespace
from plugrad.plugins.registry import Registry


def test_the_namespace_finds_ops_by_dotted_name():
    x = pg.Variable(torch.ones(3), requires_grad=True)
    assert pg.ops.sin(x).grad_fn.name() == "Sin"
    assert pg.ops.linalg.norm(x).item() == pytest.approx(3**0.5)
    assert "sin" in dir(pg.ops)
    assert "vector_norm" in dir(pg.ops.linalg)
    with pytest.raises(AttributeError, match="did you mean"):
        pg.ops.sinn  # noqa: B018
    with pytest.raises(AttributeError, match="linalg.normm"):
        pg.ops.linalg.normm  # noqa: B018
    assert repr(Namespace(Registry())) == "<ops * of <Registry of 0 ops>>"
    assert not hasattr(pg.ops, "__wrapped__")
