"""installed_torch: versions are compared as numbers, by their first two."""

from __future__ import annotations

import pytest

from plugrad.core import installed_torch
from plugrad.core.installed_torch import torch_before


@pytest.mark.parametrize(
    ("installed", "older_than", "not_older_than"),
    [
        ((2, 6), "2.7 2.13 2.14 3.0", "2.6 2.5 1.13"),
        ((2, 13), "2.14 3.0", "2.13 2.9 2.6"),
        ((2, 14), "2.15 2.100", "2.14 2.13 2.2"),
    ],
)
def test_versions_are_compared_as_numbers(monkeypatch, installed, older_than, not_older_than):
    monkeypatch.setattr(installed_torch, "_INSTALLED", installed)
    assert all(torch_before(version) for version in older_than.split())
    assert not any(torch_before(version) for version in not_older_than.split())
