"""failure_text: a failed law, told in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugrad.testing.laws import LAWS

if TYPE_CHECKING:
    from plugrad.testing.mismatch import Matrix
    from plugrad.testing.result import Result


def failure_text(result: Result) -> str:
    """What is wrong, where, why there is such a law, and how to see it again.

    The first line says all that fits into a line.
    """
    place = "" if result.sample is None else f", sample {result.sample}"
    lines = [result.message, f"  op: {result.op}{place}"]
    if result.arguments:
        lines.append(f"  arguments: {result.arguments}")
    lines.append(f"  law: {result.law}{_why(result.law)}")
    mismatch = result.mismatch
    if mismatch is not None and mismatch.jacobians is not None:
        expected, got = mismatch.jacobians
        lines += ["  expected Jacobian:", *matrix_lines(expected)]
        lines += ["  got:", *matrix_lines(got)]
    lines += [f"  reproduce: {_pytest_command(result)}", f"         or: {result.reproduce}"]
    return "\n".join(lines)


def matrix_lines(matrix: Matrix) -> list[str]:
    """A row a line, in columns."""
    cells = [[f"{value + 0.0:.6g}" for value in row] for row in matrix]  # no -0
    width = max((len(cell) for row in cells for cell in row), default=0)
    return ["    [" + "  ".join(cell.rjust(width) for cell in row) + "]" for row in cells]


def _why(law: str) -> str:
    return f": {LAWS[law].why}" if law in LAWS else ""


def _pytest_command(result: Result) -> str:
    # The law is chosen by its id: as a keyword, second-order is second-order-numeric too.
    keyword = result.op if result.sample is None else f"{result.op}[{result.sample}]-"
    device = "" if result.device == "cpu" else f" --plugrad-device {result.device}"
    return (
        f"pytest --plugrad-op {result.op} --plugrad-law {result.law} "
        f"--plugrad-seed {result.seed}{device} -k '{keyword}'"
    )
