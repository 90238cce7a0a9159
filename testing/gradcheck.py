"""gradcheck and gradgradcheck: a function of Variables against numeric derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.counted import counted
from plugrad.core.grad_mode import enable_grad
from plugrad.core.variable import Variable
from plugrad.errors import GradcheckArgumentError, GradcheckError
from plugrad.functional import grad
from plugrad.testing.call import flat
from plugrad.testing.checked_jacobians import Gradcheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
    complex ones. Two things differ from torch. Where the one-sided derivatives differ, as
    relu's do at 0, a gradient between them passes (at a jump, one that equals either). And
    inputs may overlap in memory, as after ``expand``: each element is moved by itself.

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
        check_undefined_grad: if there are several outputs, also leave each in turn without
            a gradient.
        check_grad_dtypes: a gradient must have its input's dtype. (In plugrad it always
            has, or backward raises.)
        check_batched_grad: compare ``torch.vmap`` over the backward with a loop.
        fast_mode: compare one random direction first, and all elements only if it differs.
            A small error in a few elements of many can pass.
        check_batched_forward_grad: torch's; only False.
        check_forward_ad: torch's; only False, ``check_op`` checks an op's jvp.
        check_backward_ad: torch's; only True.
        masked: torch's; only False or None, since there are no sparse Variables.

    Returns:
        Whether the gradients are right.

    Raises:
        GradcheckError: they are not, and ``raise_exception`` is set; the message names the
            input and the output by position, the worst element and the probable cause. It
            is also raised if the number, a shape or a dtype of the outputs changes close to
            the inputs.
        GradcheckArgumentError: no input requires grad, or an option is not supported.

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
        "masked": "there are no sparse Variables",
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


class CheckedFunction:
    """A function and the Variables whose gradients are checked.

    At other points it is called with other ``data`` in these very Variables, so that it may
    reach them in any way: as arguments, in a closure, or as parameters of a module.

    Args:
        call: calls the function on its arguments.
        named: the Variables, and what messages call them.
        output_names: what messages call its outputs; by default by their positions.
    """

    def __init__(
        self,
        call: Callable[[], Any],
        named: dict[Variable, str],
        output_names: Sequence[str] | None = None,
    ) -> None:
        self._function, self._all_names = call, output_names
        self.variables, self.input_names = list(named), list(named.values())
        self._differentiable: list[int] = []
        #: Of the first call: how many outputs it gave, what kind each is, and at which values.
        self._kinds: list[Any] = []
        self._at_first: list[Tensor] = []

    @classmethod
    def of(cls, fn: Callable[..., Any], inputs: Any) -> CheckedFunction:
        """``fn`` on ``inputs``, with respect to each Variable there that requires grad.

        Raises:
            GradcheckArgumentError: none does.
        """
        arguments = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
        named: dict[Variable, str] = {}
        for position, argument in enumerate(arguments):
            for variable, name in _variables(argument, f"input {position}"):
                if variable.requires_grad:
                    named.setdefault(variable, name)
        if not named:
            raise GradcheckArgumentError(
                "no input requires grad, so there is no gradient to check",
                where=counted(len(arguments), "input"),
                fix="make an input with plugrad.Variable(tensor, requires_grad=True)",
            )
        return cls(lambda: fn(*arguments), named)

    @property
    def values(self) -> list[Tensor]:
        """The Variables' tensors."""
        return [v.data for v in self.variables]

    @property
    def output_names(self) -> list[str]:
        """What the outputs that require grad are called."""
        names = self._all_names
        return [f"output {i}" if names is None else names[i] for i in self._differentiable]

    def __call__(self) -> list[Variable]:
        """The outputs that require grad, with a graph; later calls must give the like."""
        outputs = self._call()
        self._kinds, self._at_first = [_kind(o) for o in outputs], self.values
        self._differentiable = [
            i for i, o in enumerate(outputs) if isinstance(o, Variable) and o.requires_grad
        ]
        return [outputs[i] for i in self._differentiable]

    def again(self) -> list[Variable]:
        """The same outputs of another call, in which the Variables may have other values.

        Raises:
            GradcheckError: their number, or the shape or dtype of one, is another.
        """
        outputs = self._call()
        self._compare(outputs, self._differentiable)
        return [outputs[i] for i in self._differentiable]

    def tensors(self, values: Sequence[Tensor]) -> list[Tensor]:
        """The same outputs' tensors, at other values of the Variables.

        Raises:
            GradcheckError: as ``again``.
        """
        return self._at(values, self._differentiable)

    def all_tensors(self, values: Sequence[Tensor]) -> list[Tensor]:
        """The tensors of all outputs of a floating dtype, whether they require grad or not.

        Raises:
            GradcheckError: as ``again``.
        """
        return self._at(values, [i for i, kind in enumerate(self._kinds) if _is_floating(kind)])

    def _call(self) -> list[Any]:
        with enable_grad():
            return flat(self._function())

    def _at(self, values: Sequence[Tensor], which: Sequence[int]) -> list[Tensor]:
        before = self.values
        try:
            for variable, value in zip(self.variables, values, strict=True):
                variable.data = value
            outputs = self._call()
            self._compare(outputs, which)
            # Here, since an output may be an input, whose values are put back.
            return [outputs[i].data for i in which]
        finally:
            for variable, value in zip(self.variables, before, strict=True):
                variable.data = value

    def _compare(self, outputs: Sequence[Any], which: Sequence[int]) -> None:
        if len(outputs) != len(self._kinds):
            raise self._changed(
                "the number of outputs changes", str(len(self._kinds)), str(len(outputs))
            )
        for i in which:
            kind, other = self._kinds[i], _kind(outputs[i])
            if kind != other:
                name = f"output {i}" if self._all_names is None else self._all_names[i]
                raise self._changed(f"{name} changes", _told(kind), _told(other))

    def _changed(self, what: str, before: str, now: str) -> GradcheckError:
        return GradcheckError(
            f"{what} {self._moved()}: {before} becomes {now}",
            fix="check the function at inputs near which its outputs keep their number, shapes "
            "and dtypes: elsewhere it has no derivative",
        )

    def _moved(self) -> str:
        """Which element differs from the first call's, and by how much."""
        for name, first, now in zip(self.input_names, self._at_first, self.values, strict=True):
            distance = (now.detach() - first.detach()).abs()
            moved = distance.nonzero().tolist()
            if len(moved) == 1:
                index = f"[{', '.join(map(str, moved[0]))}]" if moved[0] else ""
                return f"when {name}{index} is moved by {float(distance.max()):.1g}"
            if moved:
                return f"when {name} is moved by up to {float(distance.max()):.1g}"
        return "from one call to the next"


def _kind(output: Any) -> tuple[Any, ...]:
    if isinstance(output, Variable):
        return tuple(output.data.shape), output.data.dtype
    return type(output).__name__, None


def _is_floating(kind: tuple[Any, ...]) -> bool:
    return kind[1] is not None and (kind[1].is_floating_point or kind[1].is_complex)


def _told(kind: tuple[Any, ...]) -> str:
    shape, dtype = kind
    return f"a {shape}" if dtype is None else f"{str(dtype).removeprefix('torch.')}{list(shape)}"


def _variables(value: Any, name: str) -> Iterator[tuple[Variable, str]]:
    if isinstance(value, Variable):
        yield value, name
    elif isinstance(value, tuple | list):
        for i, item in enumerate(value):
            yield from _variables(item, f"{name}[{i}]")
