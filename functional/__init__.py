"""Gradients as functions."""

from plugrad.functional.grad import grad

__all__ = ["grad"]
