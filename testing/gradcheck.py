"""gradcheck and gradgradcheck: a function of Variables against numeric derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.variable import Variable
from plugrad.errors import GradcheckArgumentError
from plugrad.functional import grad
from plugrad.testing.checked_function import CheckedFunction
from plugrad.testing.checked_jacobians import Gradcheck

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor


def gradcheck(
    fn: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,  # noqa: ARG001 (the engine does it)
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Compare the gradients of a function with finite differences of its values.

    ``torch.autograd.gradcheck`` for functions of Variables, in torch's convention, also for
    complex ones. Three things differ from torch. Where the one-sided derivatives differ, as
    relu's do at 0, a gradient between them passes (at a jump, one that equals either).
    Inputs may overlap in memory, as after ``expand``: each element is moved by itself. And a
    backward must be linear, and leave the gradient that it is given as it is.

    ``check_op`` checks everything that an op must obey; this is for functions.

    Args:
        fn: from Variables to a Variable, or a tuple or list of them. It must give the same
            values each time, so seed what is random.
        inputs: fn's arguments: one, or a tuple or list of them. Gradients are checked with
            respect to each Variable that requires grad, also in nested lists; everything
            else is passed on. While fn is tried at other points, these Variables' ``data``
            is replaced, so fn may also reach them without its arguments.
        eps: how far an element is moved.
        atol: how far a derivative may be off,
        rtol: and how far beyond that, relative to the numeric one.
        raise_exception: raise if the check fails, rather than return False.
        nondet_tol: how far two backwards of the same call may differ.
        check_undefined_grad: also let backward run without a gradient of any output, and if
            there are several, of each in turn.
        check_grad_dtypes: a gradient must have its input's dtype. (In plugrad it always
            has, or backward raises.)
        check_batched_grad: compare ``torch.vmap`` over the backward with a loop.
        fast_mode: compare one random direction first, and all elements only if it differs.
            A small error in a few elements of many can pass.
        check_batched_forward_grad: torch's; only False.
        check_forward_ad: torch's; only False, ``check_op`` checks an op's jvp.
        check_backward_ad: torch's; only True.
        masked: torch's; only False or None: gradients of sparse Variables are not checked.

    Returns:
        Whether the gradients are right.

    Raises:
        GradcheckError: they are not, and ``raise_exception`` is set; the message names the
            input and the output by position, the worst element and the probable cause. It
            is also torch's GradcheckError. It is raised too if two backwards differ, if a
            gradient is not zero where the outputs' are, and, as a GradcheckOutputsError, if
            the number, a shape or a dtype of the outputs changes close to the inputs.
        GradcheckArgumentError: no input requires grad, fn returns nothing to check, or an
            option is not supported.

    Example:
        >>> import torch
        >>> import plugrad as pg
        >>> from plugrad.testing import gradcheck
        >>> x = pg.Variable(torch.rand(3, dtype=torch.float64), requires_grad=True)
        >>> gradcheck(lambda x: (x.sin() * x).sum(), x)
        True
    """
    refuse(
        check_forward_ad=check_forward_ad,
        check_batched_forward_grad=check_batched_forward_grad,
        no_check_backward_ad=not check_backward_ad,
        masked=bool(masked),
    )
    function = CheckedFunction.of(fn, inputs)
    check = Gradcheck(function, eps, atol, rtol, nondet_tol, fast_mode)
    return check.verdict(
        raise_exception, undefined=check_undefined_grad, batched=check_batched_grad
    )


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
    """Compare second derivatives with finite differences of the first ones.

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
        BackwardError: there are no second derivatives, because an op is once differentiable
            or saved an intermediate value.
    """
    refuse(
        check_fwd_over_rev=check_fwd_over_rev,
        no_check_rev_over_rev=not check_rev_over_rev,
        masked=bool(masked),
    )
    first = CheckedFunction.of(fn, inputs)
    outputs = first()
    if not outputs:
        raise GradcheckArgumentError(
            "no output of the function requires grad, so there are no gradients to differentiate",
            fix="compute with Variables all the way: .data, .item() and no_grad() cut the graph",
        )
    if grad_outputs is None:
        cotangents: list[Any] = _random(outputs, gen_non_contig_grad_outputs)
    elif isinstance(grad_outputs, tuple | list):
        cotangents = list(grad_outputs)
    else:
        cotangents = [grad_outputs]
    named = dict(zip(first.variables, first.input_names, strict=True))
    for position, cotangent in enumerate(cotangents):
        if isinstance(cotangent, Variable) and cotangent.requires_grad:
            named.setdefault(cotangent, f"grad_output {position}")

    def gradients() -> Any:
        outputs = first.again()
        return grad(outputs, first.variables, cotangents, create_graph=True, allow_unused=True)

    names = [f"gradient of {name}" for name in first.input_names]
    check = Gradcheck(
        CheckedFunction(gradients, named, names), eps, atol, rtol, nondet_tol, fast_mode
    )
    return check.verdict(
        raise_exception, undefined=check_undefined_grad, batched=check_batched_grad
    )


def refuse(**asked: bool) -> None:
    """Refuse torch's options that mean nothing here.

    Raises:
        GradcheckArgumentError: one was set.
    """
    reasons = {
        "check_forward_ad": "forward-mode derivatives are not checked here",
        "check_batched_forward_grad": "forward-mode derivatives are not checked here",
        "check_fwd_over_rev": "forward-mode derivatives are not checked here",
        "no_check_backward_ad": "check_backward_ad=False leaves nothing to check",
        "no_check_rev_over_rev": "check_rev_over_rev=False leaves nothing to check",
        "masked": "gradients of sparse Variables are not checked",
    }
    for name, is_set in asked.items():
        if is_set:
            raise GradcheckArgumentError(
                f"gradcheck got {name.removeprefix('no_')}={not name.startswith('no_')}: "
                f"{reasons[name]}",
                fix="leave it out; check_op checks the jvp of an op that has one",
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
