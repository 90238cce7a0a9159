"""Labels that are no class, for which torch's kernels read and write beyond the tensors."""

from __future__ import annotations

from torch import Tensor

from plugrad.core.context import transform_depth
from plugrad.errors import ArgumentError


def check_labels(op_name: str, labels: Tensor, classes: int, counted: Tensor) -> None:
    """Raise ArgumentError unless the labels that are ``counted`` are at least 0 and below classes.

    Only on the CPU: elsewhere it would wait for the device, whose kernels assert it.
    """
    if labels.__class__ is not Tensor or not labels.is_cpu or transform_depth():
        return
    wrong = counted & ((labels < 0) | (labels >= classes))
    if wrong.any():
        raise ArgumentError(
            f"{op_name} got the label {labels[wrong.expand_as(labels)][0].item()} for {classes} "
            "classes",
            where=f"a call of {op_name}",
            fix=f"give labels from 0 to {classes - 1}",
        )
