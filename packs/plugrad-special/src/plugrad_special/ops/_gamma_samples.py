"""Samples that the functions of the gamma family share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from plugrad import Sample, SampleMaker

if TYPE_CHECKING:
    from collections.abc import Iterator


def samples(make: SampleMaker) -> Iterator[Sample]:
    """Arguments a and x in each of the regions that are computed in another way."""
    yield Sample(make(3, 4, low=0.1, high=5.0), make(3, 4, low=0.1, high=5.0))
    yield Sample(make(3, 1, low=0.3, high=4.0), make(2, 1, 4, low=0.3, high=4.0))
    yield Sample(make(4, low=16.0, high=30.0), make(4, low=8.0, high=40.0))
    yield Sample(make.tensor([0.01, 0.5, 2.0, 30.0]), make.tensor([0.5, 1e-3, 7.0, 12.0]))
    yield Sample(make.tensor([0.7, 1.0, 3.0, 40.0]), make.tensor([25.0, 1.0, 0.2, 90.0]))
    yield Sample(make(4, low=60.0, high=90.0), make(4, low=0.5, high=5.0))
    yield Sample(make(4, low=0.5, high=5.0), make(4, low=60.0, high=90.0))
    yield Sample(make.tensor([-1.0, -0.5, 2.0]), make.tensor([1.0, 2.0, -1.0]))
    yield Sample(make.tensor([4.5, 6.0, 7.2]), make.tensor([0.0, 2.5, -0.0]))
    yield Sample(make.tensor([0.0, 1.0, 0.0, 2.0]), make.tensor([0.5, 0.0, 3.0, 0.0]))
    yield Sample(make.tensor([math.inf, 1.5, 3.0]), make.tensor([1.0, 2.0, math.inf]))
    yield Sample(make.integers(3, low=1), make(3, low=0.3))
    yield Sample(make(3, low=0.3), make.integers(3, low=1))
    yield Sample(make(3, low=0.3), make(3, low=0.3)).constant(0)
    yield Sample(make(3, low=0.3), make(3, low=0.3)).constant(1)
    yield Sample(make(0, 3), make(3))
    yield Sample(make(low=0.3), make(2, low=0.3))


def samples_of_order(make: SampleMaker, n: int, **others: int) -> Iterator[Sample]:
    """The same for the n-th derivative, and what else it takes."""
    yield Sample(make(3, 4, low=0.1, high=5.0), make(3, 4, low=0.1, high=5.0), n, **others)
    a, x = make.tensor([0.5, 2.0, 20.0, 30.0]), make.tensor([0.4, 7.0, 12.0, 40.0])
    yield Sample(a, x, n=n, **others)
    yield Sample(make(4, low=60.0, high=90.0), make(4, low=0.5, high=5.0), n, **others)
