"""largest_difference: how far an op is from torch, over all of its samples."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from plugrad.core.sample_maker import SampleMaker
from plugrad.testing.comparison import Comparison, difference

if TYPE_CHECKING:
    from plugrad.plugins.registered_op import RegisteredOp


def largest_difference(entry: RegisteredOp, seed: int = 0) -> float:
    """The largest difference of values, first and second derivatives from torch's.

    Each is relative to the largest element of torch's result; inf where shapes, dtypes
    or non-finite elements differ.

    Args:
        entry: a registered op with a reference, as iteration over a registry gives them.
        seed: of the samples and the cotangents.
    """
    worst = 0.0
    for sample in entry.function.samples(SampleMaker(seed)):
        with warnings.catch_warnings():
            # Some samples are calls that torch itself warns about, to us of no interest.
            warnings.simplefilter("ignore")
            comparison = Comparison(entry, sample, seed=seed)
        for results in (comparison.values(), comparison.first(), comparison.second()):
            worst = max([worst, *(difference(ours, theirs) for ours, theirs in results)])
    return worst
