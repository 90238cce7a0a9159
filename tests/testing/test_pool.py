"""The processes that check ops, from outside."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from plugrad.plugins.default import registry
from plugrad.testing import pool as module
from plugrad.testing.check import choose_laws
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.pool import Pool, Settings, _coded
from plugrad.testing.runner import Runner
from plugrad.tests.cli import wrong_ops


def test_a_worker_says_which_law_it_is_at():
    """One number names the law and the sample, whatever the order."""
    laws = ("name", "samples", "runs", "oracle")
    pool = Pool(Settings(laws, None, 0, "cpu", 1.0, None), 1, lambda: False)
    ids, seen = [law.id for law in choose_laws(laws)], []

    def watch(law, sample):
        number = _coded(ids.index(law.id), sample)
        seen.append((law.id, sample))
        assert pool._step(number) == (law, sample)

    runner = Runner(OpUnderTest.of("sin"), watch=watch)
    told = [(r.law, r.sample) for r in runner.results(choose_laws(laws), range(2))]
    assert sorted(told, key=str) == sorted(seen, key=str)
    assert told[-2:] == [("runs", 1), ("oracle", 1)]


def test_a_worker_that_has_not_begun_is_at_the_first_law():
    pool = Pool(Settings(("runs",), None, 0, "cpu", 1.0, None), 1, lambda: False)
    law, sample = pool._step(0)
    assert (law.id, sample) == ("runs", None)


def settings(device):
    return Settings(("runs", "oracle", "second-order"), None, 0, device, 5.0, None)


def test_a_lost_device_ends_the_check_of_an_op(monkeypatch):
    """After a failed kernel every law would fail, and blame the op for it."""
    entry = wrong_ops.ScaledSin
    monkeypatch.setattr(module, "under_test", lambda *_: OpUnderTest.of(entry))
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    whole = list(module.results_of(SimpleNamespace(name="scaled_sin"), settings("cpu")))
    failed = next(k for k, r in enumerate(whole) if r.status == "failed")

    def synchronize():
        raise RuntimeError("CUDA error: device-side assert triggered")

    named = SimpleNamespace(name="scaled_sin")
    assert len(list(module.results_of(named, settings("cuda")))) == len(whole)
    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    *before, last = module.results_of(named, settings("cuda"))
    assert len(before) == failed + 1 < len(whole)  # a passed law is asked nothing
    assert (last.law, last.sample, last.status) == (before[-1].law, before[-1].sample, "failed")
    assert "which this process can use no more" in last.message


class Sink:
    def __init__(self):
        self.sent = []

    send = property(lambda self: self.sent.append)


@pytest.mark.parametrize("lost", [True, False])
def test_a_worker_that_lost_its_device_says_so(monkeypatch, lost):
    monkeypatch.setattr(module, "_has_lost_device", lambda _: lost)
    sink, steps = Sink(), type("Steps", (), {"value": 0})()
    assert module._send_results(sink, steps, registry["sin"], settings("cpu")) is not lost
    assert (sink.sent[-1].done, sink.sent[-1].worn_out) == (True, lost)


class Worn:
    """A worker, as the pool sees it."""

    ended = 0

    def __init__(self, batch):
        self.entry, self.batch = registry["sin"], batch
        self.connection = self

    def recv(self):
        return self.batch

    def end(self, patience):
        self.ended += 1


def test_the_pool_takes_another_process_in_its_place():
    pool = Pool(settings("cuda"), 1, lambda: False)
    worker = Worn(module.Batch("sin", [], True, worn_out=True))
    pool._workers = [worker]
    assert list(pool._received(worker)) == [worker.batch]
    assert pool._workers == []
    assert worker.ended == 1


def test_what_is_waived_is_not_tried_on_a_device(monkeypatch):
    """A number that a kernel refuses would end the use of the device."""
    op = OpUnderTest.of("max_unpool2d")
    law = next(law for law in choose_laws(("dimensions",)))
    waived = next(k for k, s in enumerate(Runner(op).samples) if "dimensions" in s.waives)
    monkeypatch.setattr(law.__class__, "check", property(lambda _: pytest.fail), raising=False)
    runner = Runner(op)
    monkeypatch.setattr(OpUnderTest, "on_cpu", False)
    result = runner.result(law, runner.case(waived))
    assert result.status == "waived"
    assert result.message == runner.samples[waived].waives["dimensions"]
