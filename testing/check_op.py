"""check_op: an op against all laws, from its samples alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.testing.choose_laws import choose_laws
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.report import Report
from plugrad.testing.runner import TIME_LIMIT, Runner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plugrad.core.function import Function
    from plugrad.plugins.registered_op import RegisteredOp


def check_op(
    op: str | type[Function] | RegisteredOp,
    *,
    laws: Iterable[str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    time_limit: float = TIME_LIMIT,
) -> Report:
    """Check an op on each of its samples.

    Nothing that the op does raises: it is reported.

    Args:
        op: a name, or a class, registered or not, with forward, backward and samples.
        laws: ids of laws; all unless told otherwise.
        seed: of the samples and the cotangents.
        device: where the samples' tensors live.
        time_limit: seconds for each law on each sample; 0 for none.

    Raises:
        UnknownOpError: no op has the name.
        UnknownLawError: no law has an id.
        OpDefinitionError: ``op`` is neither a name nor a Function.
    """
    chosen = choose_laws(laws)
    return Report(Runner(OpUnderTest.of(op, seed, device), time_limit).results(chosen))
