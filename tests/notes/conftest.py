"""The fixture ``engine``: each statement runs on torch and on plugrad."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from plugrad.tests.notes.engines import PLUGRAD, TORCH, TORCH_NAMES

HERE = Path(__file__).parent

#: What torch warns of once a process, wherever that happens to be.
QUIET = (
    "ignore:Using backward\\(\\) with create_graph=True",
    "ignore:Anomaly Detection has been enabled",
)


def pytest_generate_tests(metafunc):
    """Both engines; a module with ``TORCH_NAMES = True`` also puts Variables to torch's names."""
    if "engine" in metafunc.fixturenames:
        names = getattr(metafunc.module, "TORCH_NAMES", False)
        engines = [TORCH, PLUGRAD, TORCH_NAMES] if names else [TORCH, PLUGRAD]
        metafunc.parametrize("engine", engines, ids=lambda engine: engine.name)


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            for line in QUIET:
                item.add_marker(pytest.mark.filterwarnings(line))


@pytest.fixture
def not_yet(request, engine):
    """Says why plugrad does not keep a statement so far; it is told when it does."""

    def expect(reason):
        if engine.ours:
            request.applymarker(pytest.mark.xfail(strict=True, reason=reason))

    return expect


@pytest.fixture(autouse=True)
def _modes_stay_as_they_were():
    """No statement leaves a mode behind."""
    torch.manual_seed(0)
    yield
    modes = torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.is_anomaly_enabled()
    torch.set_grad_enabled(True)
    torch.set_anomaly_enabled(False)
    assert modes == (True, False, False)
