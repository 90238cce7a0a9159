"""What an op must obey."""

from plugrad.testing.largest_difference import largest_difference

__all__ = ["largest_difference"]
