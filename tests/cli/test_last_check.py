"""The last check of an op: what is noted, and what counts as one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
import torch

pytest.importorskip("typer")
pytest.importorskip("rich")
from typer.testing import CliRunner

import plugrad as pg
from plugrad.cli import last_check
from plugrad.cli.app import app
from plugrad.cli.last_check import LastCheck
from plugrad.testing import LAWS
from plugrad.tests.cli import wrong_ops


def check(*arguments):
    return CliRunner().invoke(app, ["check", *arguments])


def test_a_whole_check_is_noted():
    assert LastCheck.of(pg.registry["sin"]) is None
    assert check("sin", "cos", "--seed", "3").exit_code == 0
    noted = LastCheck.of(pg.registry["sin"])
    assert (noted.seed, noted.device, noted.failed) == (3, "cpu", [])
    assert {"oracle", "second-order"} <= set(noted.passed) <= {law.id for law in LAWS}
    assert (noted.plugrad, noted.torch) == (pg.__version__, str(torch.__version__))
    age = datetime.now(timezone.utc) - datetime.fromisoformat(noted.time)
    assert 0 <= age.total_seconds() < 600
    assert noted.changes(pg.registry["sin"]) == []
    assert LastCheck.of(pg.registry["cos"]) is not None
    assert LastCheck.of(pg.registry["tan"]) is None


@pytest.mark.parametrize("option", [("--law", "oracle"), ("--sample", "0")])
def test_a_part_of_a_check_is_not(option):
    assert check("sin", *option).exit_code == 0
    assert LastCheck.of(pg.registry["sin"]) is None


def test_failed_laws_are_noted():
    with wrong_ops.registered(wrong_ops.ScaledSin):
        assert check("scaled_sin").exit_code == 1
        noted = LastCheck.of(pg.registry["scaled_sin"])
    assert "oracle" in noted.failed
    assert not set(noted.failed) & set(noted.passed)


def test_what_changed_since_is_told(monkeypatch):
    check("sin")
    entry = pg.registry["sin"]
    noted = replace(LastCheck.of(entry), torch="1.0", plugrad="0.0.1")
    assert noted.changes(entry) == ["plugrad (was 0.0.1)", "torch (was 1.0)"]
    monkeypatch.setattr(last_check, "_hash", lambda entry: "another")
    assert LastCheck.of(entry).changes(entry) == ["its source"]


def test_a_check_does_not_fail_for_it(monkeypatch, cache_of_its_own):
    def refuse(entry):
        raise RuntimeError("nothing is hashed today")

    monkeypatch.setattr(last_check, "_hash", refuse)
    assert check("sin").exit_code == 0
    monkeypatch.undo()
    assert not cache_of_its_own.exists()


def test_entries_of_another_shape_are_none():
    last_check._FILE.update({"plugrad::sin": {"source": "abc"}, "plugrad::cos": 3})
    assert LastCheck.of(pg.registry["sin"]) is None
    assert LastCheck.of(pg.registry["cos"]) is None
