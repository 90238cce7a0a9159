"""What libraries in C print of calls that laws make on purpose."""

from __future__ import annotations

import os
import warnings

import pytest
import torch

from plugrad.testing import pool
from plugrad.testing.check import check_op
from plugrad.testing.quiet import quiet

NAN = torch.full((3, 2), torch.nan, dtype=torch.float64)


def slow_in_vmap():
    torch.vmap(torch.histc)(torch.rand(2, 3))


def refused_by_mkl():
    with pytest.raises(RuntimeError):
        torch.linalg.lstsq(NAN, NAN, driver="gelsd")


def says(capfd, call):
    """Whether a call prints or warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return bool("".join(capfd.readouterr())) or bool(caught)


@pytest.mark.parametrize("call", [slow_in_vmap, refused_by_mkl])
def test_it_is_quiet_in_the_block_and_as_before_after_it(capfd, call):
    said = says(capfd, call)
    with quiet():
        with quiet():
            assert not says(capfd, call)
        assert not says(capfd, call)
    assert says(capfd, call) == said


def test_torch_still_warns_of_a_loop_afterwards(capfd):
    with quiet():
        pass
    assert says(capfd, slow_in_vmap)


def test_a_check_prints_nothing(capfd):
    """The laws stack what torch has no batching rule for, and try nan."""
    check_op("linalg.lstsq", laws=["no-nan"])
    check_op("nn.functional.mish", laws=["batched-cotangents"])
    assert capfd.readouterr() == ("", "")


def test_the_environment_is_the_callers(monkeypatch):
    """A worker prints no warning of torch's C++, unless somebody asked for them."""
    monkeypatch.delenv("TORCH_CPP_LOG_LEVEL", raising=False)
    with pool._without_warnings_of_cpp():
        assert os.environ["TORCH_CPP_LOG_LEVEL"] == "ERROR"
    assert "TORCH_CPP_LOG_LEVEL" not in os.environ
    monkeypatch.setenv("TORCH_CPP_LOG_LEVEL", "INFO")
    with pool._without_warnings_of_cpp():
        assert os.environ["TORCH_CPP_LOG_LEVEL"] == "INFO"
    assert os.environ["TORCH_CPP_LOG_LEVEL"] == "INFO"
