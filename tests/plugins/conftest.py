"""A site directory for packs."""

from __future__ import annotations

import pytest

from plugrad.tests.plugins.site import Site


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)
