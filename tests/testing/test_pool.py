"""The processes that check ops, from outside."""

from __future__ import annotations

from plugrad.testing import check_op
from plugrad.testing.pool import Pool, Settings


def test_what_was_running_follows_from_the_number_of_results():
    laws = ("name", "samples", "runs", "oracle")
    settings = Settings(laws, None, 0, "cpu", 1.0, None)
    pool = Pool(settings, 2, lambda: False)
    found = [pool._step(number, "plugrad") for number in range(6)]
    expected = [(r.law, r.sample) for r in check_op("sin", laws=laws)][:6]
    assert [(law.id, sample) for law, sample in found] == expected
