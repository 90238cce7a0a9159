"""FAULTS: every fault there is."""

from plugrad.testing.faults.fault import FaultBook

#: Faults by id.
FAULTS = FaultBook()
