"""gradcheck and gradgradcheck: a function of Variables against numeric derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.variable import Variable
from plugrad.errors import GradcheckArgumentError, GradcheckOptionError
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
            there are several, of each in turn; and jvp without a tangent of each input.
        check_grad_dtypes: a gradient must have its input's dtype, and a tangent its output's.
            (In plugrad they always have, or an error is raised.)
        check_batched_grad: compare ``torch.vmap`` over the backward with a loop.
        check_batched_forward_grad: the same for the jvp.
        check_forward_ad: also check the derivatives of forward mode, by ``plugrad.forward_ad``.
            fn must then reach these Variables by its arguments.
        check_backward_ad: check those of backward.
        fast_mode: compare one random direction first, and all elements only if it differs.
            A small error in a few elements of many can pass.
        masked: torch's; only False or None: gradients of sparse Variables are not checked.

    Returns:
        Whether the gradients are right.

    Raises:
        GradcheckError: they are not, and ``raise_exception`` is set; the message names the
            input and the output by position, the worst element and the probable cause. It
            is also torch's GradcheckError. It is raised too if two backwards differ, if a
            gradient is not zero where the outputs' are, and, as a GradcheckOutputsError, if
            the number, a shape or a dtype of the outputs changes close to the inputs.
        GradcheckArgumentError: no input requires grad, one that does is sparse, fn returns
            nothing to check, or an option is not supported; a
            GradcheckOptionError if options contradict each other.

    Example:
        >>> import torch
        >>> import plugrad as pg
        >>> from plugrad.testing import gradcheck
        >>> x = pg.Variable(torch.rand(3, dtype=torch.float64), requires_grad=True)
        >>> gradcheck(lambda x: (x.sin() * x).sum(), x)
        True
    """
    _at_least_one(check_forward_ad=check_forward_ad, check_backward_ad=check_backward_ad)
    _only_with("check_backward_ad", check_backward_ad, check_batched_grad=check_batched_grad)
    _only_with(
        "check_forward_ad",
        check_forward_ad,
        check_batched_forward_grad=check_batched_forward_grad,
    )
    _not_masked(masked)
    function = CheckedFunction.of(fn, inputs)
    check = Gradcheck(function, eps, atol, rtol, nondet_tol, fast_mode)
    return check.verdict(
        raise_exception,
        backward=check_backward_ad,
        forward=check_forward_ad,
        undefined=check_undefined_grad,
        batched=check_batched_grad,
        batched_forward=check_batched_forward_grad,
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
        check_fwd_over_rev: also check forward mode of the gradient.
        check_rev_over_rev: check the backward of the gradient.
        masked: torch's; only False or None.

    Returns:
        Whether the second derivatives are right.

    Raises:
        GradcheckError: as for ``gradcheck``.
        GradcheckArgumentError: as for ``gradcheck``.
        BackwardError: there are no second derivatives, because an op is once differentiable
            or saved an intermediate value.
    """
    _at_least_one(check_fwd_over_rev=check_fwd_over_rev, check_rev_over_rev=check_rev_over_rev)
    _only_with(
        "check_rev_over_rev",
        check_rev_over_rev,
        check_undefined_grad=check_undefined_grad,
        check_batched_grad=check_batched_grad,
    )
    _not_masked(masked)
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

    def gradients(given: dict[Variable, Variable]) -> Any:
        for variable in given.values():
            variable.requires_grad_()  # also one without a tangent
        outputs = first.again(given)
        at, along = (
            [given.get(v, v) if isinstance(v, Variable) else v for v in values]
            for values in (first.variables, cotangents)
        )
        return grad(outputs, at, along, create_graph=True, allow_unused=True)

    names = [f"gradient of {name}" for name in first.input_names]
    function = CheckedFunction(gradients, named, names)
    check = Gradcheck(function, eps, atol, rtol, nondet_tol, fast_mode)
    return check.verdict(
        raise_exception,
        backward=check_rev_over_rev,
        forward=check_fwd_over_rev,
        undefined=check_undefined_grad,
        batched=check_batched_grad,
    )


def _at_least_one(**options: bool) -> None:
    if not any(options.values()):
        raise GradcheckOptionError(
            f"Expected at least one of {' or '.join(options)} to be True",
            fix=f"leave {list(options)[-1]}=False out",
        )


def _only_with(needed: str, is_set: bool, **options: bool) -> None:
    for name, asked in options.items():
        if asked and not is_set:
            raise GradcheckOptionError(
                f"Setting {name}=True requires {needed} to be True",
                fix=f"pass {name}=False, or {needed}=True",
            )


def _not_masked(masked: bool | None) -> None:
    if masked:
        raise GradcheckArgumentError(
            "gradcheck got masked=True: it does not check gradients of sparse Variables",
            fix="leave it out",
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
