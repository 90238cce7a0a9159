"""The processes that check ops, from outside."""

from __future__ import annotations

from plugrad.testing.check import choose_laws
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.pool import Pool, Settings, _coded
from plugrad.testing.runner import Runner


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
