"""A miss names the pack that brings it, and the index of packs is true."""

import importlib
import sys

import pytest
import torch

import plugrad as pg
from plugrad.plugins.default import make_manager, make_registry
from plugrad.plugins.known_packs import KNOWN_PACKS
from plugrad.plugins.messages import did_you_mean
from plugrad.plugins.packs import PackRegistry
from plugrad.tests import checkout

X = torch.tensor([0.5, 2.0])


def test_the_index_is_what_the_pack_brings(monkeypatch):
    source = checkout.ROOT / "packs" / "plugrad-special" / "src"
    monkeypatch.setattr(sys, "path", [str(source), *sys.path])
    registry, collected = make_registry(make_manager()), PackRegistry("special")
    importlib.import_module("plugrad_special.plugin").plugrad_register_ops(collected)
    collected.commit(registry)
    public = {entry.plain_name for entry in registry if entry.pack == "special"}
    assert KNOWN_PACKS["plugrad-special"] <= public
    left = public - KNOWN_PACKS["plugrad-special"]
    assert all(name.endswith(("_derivative", "_density")) for name in left)


@pytest.mark.parametrize(
    "miss",
    [
        lambda v: v.bessel_j0(),
        lambda v: pg.ops.bessel_j0(v),
        lambda v: pg.registry["bessel_j0"],
        lambda v: torch.special.bessel_j0(v),
    ],
)
def test_a_miss_names_the_pack_to_install(miss):
    with pytest.raises(pg.errors.PlugradError) as caught:
        miss(pg.Variable(X, requires_grad=True))
    assert "`pip install plugrad-special` brings bessel_j0; or " in caught.value.fix


def test_torchs_other_names_are_known():
    with pytest.raises(pg.errors.PlugradError) as caught:
        pg.ops.gammainc(X)
    assert "`pip install plugrad-special` brings igamma; or " in caught.value.fix


@pytest.mark.parametrize(
    ("name", "first"),
    [("gelu", "nn.functional.gelu"), ("sinn", "sin"), ("norm", "linalg.norm"), ("relux", "relu")],
)
def test_what_is_meant_comes_first(name, first):
    names = ["max", "relu", "ge", "sin", "linalg.norm", "nn.functional.gelu", "nn.functional.prelu"]
    assert did_you_mean(name, names).startswith(f"did you mean {first}")
