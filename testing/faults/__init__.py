"""The ways in which a rule can be wrong, one function each; ``FAULTS`` has them all."""

from plugrad.testing.faults import (  # noqa: F401 (importing them enters the faults)
    branches,
    cotangents,
    derivatives,
    inputs,
    options,
    state,
    values,
)
from plugrad.testing.faults.fault import FAULTS

__all__ = ["FAULTS"]
