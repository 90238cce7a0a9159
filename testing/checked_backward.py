"""What a backward must do besides being right: keep zeros zero, take None, run in a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.function import Function
from plugrad.errors import GradcheckError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.core.context import Context
    from plugrad.core.variable import Variable
    from plugrad.testing.checked_jacobians import Gradcheck


class _Undefined(Function):
    """The identity, through which no gradient flows: what is above gets None."""

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Context, gy: Any) -> Any:
        return None


def check_zeros(check: Gradcheck, outputs: Sequence[Variable]) -> None:
    """Cotangents of zeros give gradients of zeros, in the inputs' layouts.

    Raises:
        GradcheckError: they do not.
    """
    function = check.function
    found = check.raw_backward(outputs, [torch.zeros_like(o.data) for o in outputs])
    for variable, name, gradient in zip(
        function.variables, function.input_names, found, strict=True
    ):
        if gradient is None:
            continue
        if gradient.layout is not variable.layout:
            raise GradcheckError(
                f"grad is incorrect layout ({gradient.layout} is not {variable.layout}): the "
                f"gradient of {name} and {name} itself differ in it",
                where=f"the backward of the operation that uses {name}",
                fix="return a gradient in the input's layout, such as gradient.to_dense()",
            )
        if not bool((gradient.to_dense() == 0).all()):
            raise GradcheckError(
                f"backward not multiplied by grad_output: the gradient of {name} is not zero, up "
                f"to {float(gradient.to_dense().abs().max()):.3g}",
                where="a backward from zeros",
                fix="multiply every term of a backward, and of a hook's result, by the gradient "
                "that it is given",
            )


def check_undefined(check: Gradcheck) -> None:
    """No output gets a gradient; then each in turn gets none, and the others zeros.

    Raises:
        GradcheckError: backward raises, or gives a gradient other than zero.
    """
    function = check.function
    count = len(function())
    each = [{i} for i in range(count)] if count > 1 else []
    for left_out in [set(range(count)), *each]:
        outputs = function()
        told = [function.output_names[i] for i in sorted(left_out)]
        where = f"{', '.join(told)} without a gradient"
        where += ", zeros for the others" if len(told) < count else ""
        roots = [_Undefined.apply(o) if i in left_out else o for i, o in enumerate(outputs)]
        try:
            gradients = check.backward(roots, [torch.zeros_like(o.data) for o in outputs])
        except Exception as error:
            raise GradcheckError(
                "Expected backward function to handle undefined output grads: with None for a "
                f"gradient it raises {type(error).__name__}: {error}",
                where=where,
                fix="let backward and its hooks take None for the gradient of an output that was "
                "not used, or leave out set_materialize_grads(False)",
            ) from error
        for name, gradient in zip(function.input_names, gradients, strict=True):
            if not bool((gradient == 0).all()):
                raise GradcheckError(
                    "Expected all input grads to be undefined or zero when all output grads are "
                    f"undefined or zero: the gradient of {name} is not zero",
                    where=where,
                    fix="multiply every term of backward by the gradient of an output",
                )


def check_batch(check: Gradcheck) -> None:
    """torch.vmap over the backward equals a loop.

    Raises:
        GradcheckError: it does not.
    """
    function = check.function
    for number, output in enumerate(function()):

        def backward(cotangent: Tensor, output: Variable = output) -> list[Tensor]:
            return check.backward([output], [cotangent])

        agree_in_a_batch(
            backward,
            random_batch(output.data, check.generator),
            [f"the gradient of {name}" for name in function.input_names],
            f"the backward of {function.output_names[number]} in torch.vmap",
        )


def random_batch(like: Tensor, generator: torch.Generator) -> Tensor:
    """Two tensors like this one, of random numbers."""
    made = torch.randn((2, *like.shape), dtype=like.dtype, generator=generator)
    return made.to(like.device)


def agree_in_a_batch(
    derivative: Callable[[Tensor], list[Tensor]], batch: Tensor, names: Sequence[str], where: str
) -> None:
    """``derivative`` of a batch, in torch.vmap, is that of each.

    Raises:
        GradcheckError: it is not; ``names`` are those of its results.
    """
    try:
        batched = torch.vmap(derivative)(batch)
    except Exception as error:
        raise GradcheckError(
            f"While computing batched gradients, got: {type(error).__name__}: {error}",
            where=where,
            fix="use no .item(), no in-place change of what is not batched, no random numbers "
            "and no branch on values there; or leave out the check of batched gradients",
        ) from error
    loop = zip(*(derivative(one) for one in batch), strict=True)
    for name, got, each in zip(names, batched, loop, strict=True):
        if not torch.allclose(got, torch.stack(each), equal_nan=True):
            raise GradcheckError(
                f"{name} for a batch is not that of each",
                where=where,
                fix="keep it free of state and of reductions over all dimensions",
            )
