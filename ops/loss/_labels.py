"""Labels that are no class, for which torch's kernels read and write beyond the tensors."""

from __future__ import annotations

from torch import Tensor

from plugrad.errors import ArgumentError
from plugrad.ops._outer import can_be_looked_at


def check_labels(op_name: str, labels: Tensor, classes: int, counted: Tensor) -> None:
    """Raise ArgumentError unless the labels that are ``counted`` are at least 0 and below classes.

    Only where they can be looked at.
    """
    if not can_be_looked_at(labels):
        return
    wrong = counted & ((labels < 0) | (labels >= classes))
    if wrong.any():
        raise ArgumentError(
            f"{op_name} got the label {labels[wrong.expand_as(labels)][0].item()} for {classes} "
            "classes",
            where=f"a call of {op_name}",
            fix=f"give labels from 0 to {classes - 1}",
        )
