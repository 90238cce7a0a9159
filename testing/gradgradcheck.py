"""gradgradcheck: the gradients of a function's gradients against numeric derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.variable import Variable
from plugrad.functional import grad
from plugrad.testing.checked_function import CheckedFunction
from plugrad.testing.gradcheck import Gradcheck, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def gradgradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    grad_outputs: Variable | Tensor | Sequence[Variable | Tensor | None] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,  # noqa: ARG001 (the engine does it)
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare second derivatives with differences of the first ones.

    ``torch.autograd.gradgradcheck`` for functions of Variables. The gradient of ``fn`` is
    taken as a function of the inputs and of ``grad_outputs``, and goes through
    ``gradcheck``. The first derivatives themselves are not checked.

    Args:
        fn: as for ``gradcheck``.
        inputs: as for ``gradcheck``.
        grad_outputs: the cotangent of each output that requires grad; those that require
            grad are differentiated too. By default random ones, which do.
        eps: as for ``gradcheck``.
        atol: as for ``gradcheck``.
        rtol: as for ``gradcheck``.
        gen_non_contig_grad_outputs: make the random ones non-contiguous.
        raise_exception: as for ``gradcheck``.
        nondet_tol: as for ``gradcheck``.
        check_undefined_grad: as for ``gradcheck``.
        check_grad_dtypes: as for ``gradcheck``.
        check_batched_grad: as for ``gradcheck``.
        fast_mode: as for ``gradcheck``.
        check_fwd_over_rev: torch's; only False.
        check_rev_over_rev: torch's; only True.
        masked: torch's; only False or None.

    Returns:
        Whether the second derivatives are right.

    Raises:
        GradcheckError: they are not, and ``raise_exception`` is set.
        GradcheckArgumentError: no input requires grad, or an option is not supported.
        BackwardError: there are none, because an op is once differentiable or saved an
            intermediate value.
    """
    refuse(
        check_fwd_over_rev=check_fwd_over_rev,
        no_check_rev_over_rev=not check_rev_over_rev,
        masked=bool(masked),
    )
    first = CheckedFunction.of(fn, inputs)
    if grad_outputs is None:
        cotangents: list[Any] = _random(first(), gen_non_contig_grad_outputs)
    elif isinstance(grad_outputs, tuple | list):
        cotangents = list(grad_outputs)
    else:
        cotangents = [grad_outputs]
    named = dict(zip(first.variables, first.input_names, strict=True))
    for position, cotangent in enumerate(cotangents):
        if isinstance(cotangent, Variable) and cotangent.requires_grad:
            named.setdefault(cotangent, f"grad_output {position}")

    def gradients() -> tuple[Variable | None, ...]:
        return grad(first(), first.variables, cotangents, create_graph=True, allow_unused=True)

    names = [f"gradient of {name}" for name in first.input_names]
    check = Gradcheck(
        CheckedFunction(gradients, named, names), eps, atol, rtol, nondet_tol, fast_mode
    )
    return check.verdict(
        raise_exception, undefined=check_undefined_grad, batched=check_batched_grad
    )


def _random(outputs: Sequence[Variable], strided: bool) -> list[Any]:
    """A cotangent for each output, of uniform numbers in (-1, 1)."""
    generator = torch.Generator().manual_seed(0)
    cotangents = []
    for output in outputs:
        shape = (*output.data.shape, 2) if strided else output.data.shape
        real = torch.view_as_real(output.data) if output.data.is_complex() else output.data
        drawn = shape if real is output.data else (*shape, 2)
        made = torch.rand(drawn, dtype=torch.float64, generator=generator) * 2 - 1
        if real is not output.data:
            made = torch.view_as_complex(made)
        made = made.to(output.data)
        cotangents.append(Variable(made[..., 0] if strided else made, requires_grad=True))
    return cotangents
