"""gradcheck_failure: what gradcheck says of a wrong Jacobian."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from plugrad.core.counted import counted
from plugrad.errors import GradcheckError
from plugrad.testing.agree import probable_cause
from plugrad.testing.differences import Slopes, coordinates, numeric_jacobian
from plugrad.testing.result import matrix_lines

if TYPE_CHECKING:
    from torch import Tensor

    from plugrad.testing.checked_function import CheckedFunction

#: Jacobians are shown in full up to this many elements,
_SHOWN = 64
#: and computed more exactly, to name the cause, up to this many columns.
_REFINED = 256
#: The dtypes whose finite differences have enough digits.
WIDE = frozenset({torch.float64, torch.complex128})


def gradcheck_failure(
    function: CheckedFunction,
    analytic: Tensor,
    slopes: Slopes,
    wrong: Tensor,
    allowed: Tensor,
    output: int,
    input_: int,
    forward: bool = False,
) -> GradcheckError:
    """The error for the Jacobian of one output with respect to one input.

    Args:
        function: what was checked.
        analytic: the Jacobian by backward, or by forward mode.
        slopes: by differences.
        wrong: which elements differ by more than
        allowed: this much.
        output: its number among the outputs that require grad,
        input_: its among the Variables that do.
        forward: whether forward mode made it.
    """
    mode, rule = ("computed with forward mode ", "jvp") if forward else ("", "backward")
    numeric = slopes.central
    names = function.output_names[output], function.input_names[input_]
    at = function.values[input_]
    value = function.tensors(function.values)[output]
    excess = torch.nan_to_num((analytic - numeric).abs() / allowed, nan=torch.inf)
    row, column = divmod(int(torch.where(wrong, excess, -1.0).argmax()), wrong.shape[1])
    expected, got = float(numeric[row, column]), float(analytic[row, column])
    off = abs(got - expected)
    relative = f", relative {off / abs(expected):.3g}" if expected else ""
    of, to = _index(value, row), _index(at, column)
    count = f"{counted(int(wrong.sum()), 'wrong element')} of {wrong.numel()}"
    allowance = float(allowed[row, column])
    cause = _cause(function, analytic, slopes, row, column, output, input_, forward)
    lines = [
        f"Jacobian {mode}mismatch for {names[0]} with respect to {names[1]}",
        f"  worst of {count}: d {names[0]}{of} / d {names[1]}{to}",
        f"  numeric {expected:.9g}, analytic {got:.9g}",
        f"  off by {off:.3g}{relative}, allowed {allowance:.3g}",
        f"  probable cause: {cause}",
    ]
    if numeric.numel() <= _SHOWN:
        parts = " (real and imaginary parts in turns)"
        note = parts if at.is_complex() or value.is_complex() else ""
        lines += [f"  numeric Jacobian, a row for each element of the output{note}:"]
        lines += matrix_lines(numeric.tolist())
        lines += ["  analytic:", *matrix_lines(analytic.tolist())]
    itself = ", and let the function use the Variables that it is given" if forward else ""
    return GradcheckError(
        "\n".join(lines),
        where=f"{names[0]}, {_kind(value)}, and {names[1]}, {_kind(at)}",
        fix=f"correct the {rule} of the ops between them{itself}; plugrad.testing.check_op finds "
        "the wrong one",
    )


def _cause(
    function: CheckedFunction,
    analytic: Tensor,
    slopes: Slopes,
    row: int,
    column: int,
    output: int,
    input_: int,
    forward: bool,
) -> str:
    at = function.values
    values = [function.tensors(at) for _ in range(2)]
    first, again = (coordinates(each[output]) for each in values)
    if not torch.equal(torch.nan_to_num(first), torch.nan_to_num(again)):
        return "the function gives other values each time: seed what is random in it"
    left, right = (float(side[row, column]) + 0.0 for side in (slopes.left, slopes.right))
    if not bool(torch.isfinite(slopes.central[row, column])):
        return f"the function is not finite around here (derivatives {left:.6g} and {right:.6g})"
    narrow = [t.dtype for t in (at[input_], values[0][output]) if t.dtype not in WIDE]
    if narrow:
        return f"finite differences of {narrow[0]} values have too few digits: use float64"
    if abs(left - right) > 1e-2 * max(abs(left), abs(right)):
        return (
            f"a kink or jump: the derivative is {left:.6g} on the left, {right:.6g} on the "
            "right, and the gradient is not between them"
        )
    numeric = _refined(function, slopes.central, output, input_)
    given, made = values[0][output].is_complex(), at[input_].is_complex()
    if forward:
        # A row for each tangent that is given, as backward's are for cotangents.
        numeric, analytic, given, made = numeric.T, analytic.T, made, given
    if made:
        numeric, analytic = _paired(numeric), _paired(analytic)
        if given:
            # A factor that is not conjugated is not so only for a real cotangent.
            numeric, analytic = numeric[::2], analytic[::2]
    return probable_cause(numeric, analytic) or "the formula"


def _refined(function: CheckedFunction, numeric: Tensor, output: int, input_: int) -> Tensor:
    """The numeric Jacobian with more digits, so that exact factors show."""
    if numeric.shape[1] > _REFINED:
        return numeric
    values = function.values
    try:
        refined = numeric_jacobian(function.tensors, values, output, input_, 1e-3, richardson=True)
    except GradcheckError:  # that far away the outputs have another shape
        return numeric
    close = torch.allclose(refined.central, numeric, rtol=1e-4, atol=1e-6)
    return refined.central if close else numeric


def _paired(jacobian: Tensor) -> Tensor:
    """Rows as complex gradients."""
    rows, columns = jacobian.shape
    return torch.view_as_complex(jacobian.reshape(rows, columns // 2, 2).contiguous())


def _index(tensor: Tensor, coordinate: int) -> str:
    """The element a real coordinate belongs to, and which part of it."""
    part = ""
    if tensor.is_complex():
        coordinate, imaginary = divmod(coordinate, 2)
        part = ".imag" if imaginary else ".real"
    if not tensor.dim():
        return part
    index = torch.unravel_index(torch.tensor(coordinate), tensor.shape)
    return f"[{', '.join(str(int(i)) for i in index)}]{part}"


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"
