"""check_many: results as they come, whatever an op does to its process."""

from __future__ import annotations

from collections import defaultdict

import pytest
import torch

from plugrad.core import Sample, op
from plugrad.errors import UnknownLawError
from plugrad.plugins.default import registry
from plugrad.testing import check_op
from plugrad.testing import pool as module
from plugrad.testing.many import check_many
from plugrad.tests.cli import wrong_ops

LAWS = ("runs", "oracle")


def results(*args, **kwargs):
    found, done = defaultdict(list), []
    for batch in check_many(*args, **kwargs):
        found[batch.op] += batch.results
        done += [batch.op] * batch.done
    assert len(done) == len(set(done))
    return dict(found)


def outcomes(results):
    return [(r.id, r.status, r.message) for r in results]


def test_in_this_process_it_is_check_op():
    threads = torch.get_num_threads()
    found = results([registry["sin"], registry["cos"]], laws=LAWS, seed=2)
    assert list(found) == ["sin", "cos"]
    for name, of_op in found.items():
        assert outcomes(of_op) == outcomes(check_op(name, laws=LAWS, seed=2))
        assert {r.seed for r in of_op} == {2}
    assert torch.get_num_threads() == threads


def test_an_unknown_law_is_refused():
    with pytest.raises(UnknownLawError, match="orcale"):
        next(check_many([registry["sin"]], laws=["orcale"]))


def test_a_sample_that_an_op_lacks_is_left_out():
    with wrong_ops.registered(wrong_ops.ScaledSin) as (entry,):
        found = results([registry["sin"], entry], laws=["runs"], samples=[1, 3])
    assert [r.sample for r in found["sin"]] == [1, 3]
    assert [r.sample for r in found["scaled_sin"]] == [1]


def test_it_stops_between_ops():
    asked = iter([False, True])
    found = results([registry["sin"], registry["cos"]], laws=["runs"], stop=lambda: next(asked))
    assert list(found) == ["sin"]


@pytest.mark.slow
def test_processes_that_die_or_lack_an_op():
    @op("local_sin", reference=torch.sin)
    class LocalSin(wrong_ops.ScaledSin):
        """y = sin(x), where no other process can find it."""

        @staticmethod
        def samples(make):
            yield Sample(make(2))

    names = ("sin", "cos", "exp")
    with wrong_ops.registered(LocalSin, wrong_ops.ScaledSin, wrong_ops.Dying) as entries:
        ops = [*entries, *(registry[name] for name in names)]
        found = results(ops, laws=("name", *LAWS), jobs=2)
        for name in ("local_sin", "scaled_sin", *names):
            assert outcomes(found[name]) == outcomes(check_op(name, laws=("name", *LAWS)))
    dead = found["dying"][-1]
    assert dead.id == "dying[0]-runs" or dead.id == "dying[0]-oracle"
    assert dead.status == "failed"
    assert "the process that ran it died (signal SIGABRT)" in dead.message


@pytest.mark.slow
def test_a_process_that_hangs_is_ended(monkeypatch):
    monkeypatch.setattr(module.Pool, "_is_stuck", lambda pool, worker: True)
    found = results([registry["sin"], registry["cos"]], laws=LAWS, jobs=2)
    for name in ("sin", "cos"):
        (failed,) = found[name]
        assert "held for far longer than its time limit (signal SIGKILL)" in failed.message
