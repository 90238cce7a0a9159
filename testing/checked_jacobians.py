"""Gradcheck: the check of a function whose inputs and outputs have names, and its parts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from plugrad.core.engine import run
from plugrad.errors import GradcheckError
from plugrad.testing.gradcheck_failure import WIDE, gradcheck_failure
from plugrad.testing.jacobians import Slopes, coordinates, numeric_jacobian, units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugrad.core.variable import Variable
    from plugrad.testing.checked_function import CheckedFunction


class Gradcheck:
    """The check itself, of a function whose inputs and outputs have names.

    Args:
        function: what is checked.
        eps, atol, rtol, nondet_tol, fast_mode: as for ``gradcheck``.
    """

    def __init__(
        self,
        function: CheckedFunction,
        eps: float = 1e-6,
        atol: float = 1e-5,
        rtol: float = 1e-3,
        nondet_tol: float = 0.0,
        fast_mode: bool = False,
    ) -> None:
        self.function, self.eps, self.atol, self.rtol = function, eps, atol, rtol
        self.nondet_tol, self.fast_mode = nondet_tol, fast_mode
        # Our own generator, so that the caller's random numbers stay as they are.
        self.generator = torch.Generator().manual_seed(0)

    def verdict(self, raise_exception: bool, *, undefined: bool, batched: bool) -> bool:
        """Whether the gradients are right.

        Raises:
            GradcheckError: they are not, and ``raise_exception`` is set.
        """
        for variable, name in zip(self.function.variables, self.function.input_names, strict=True):
            if variable.dtype not in WIDE:
                warnings.warn(
                    f"{name} is {variable.dtype}: finite differences of its values have too few "
                    "digits, and the check will likely fail; use float64 or complex128",
                    stacklevel=3,
                )
        try:
            self._gradients()
            if undefined:
                self._undefined()
            if batched:
                self._batched()
        except GradcheckError:
            if raise_exception:
                raise
            return False
        return True

    # --- the parts ---
    def _gradients(self) -> None:
        function = self.function
        outputs = function()
        if not outputs:
            self._constant()
            return
        if self.fast_mode and self._one_direction(outputs):
            return
        analytic = [self._jacobians(output, i) for i, output in enumerate(outputs)]
        at = function.values
        for i in range(len(function.variables)):
            slopes = numeric_jacobian(function.tensors, at, None, i, self.eps)
            first = 0
            for o, output in enumerate(outputs):
                rows = slice(first, first + coordinates(output.data).numel())
                first = rows.stop
                part = Slopes(slopes.left[rows], slopes.right[rows], slopes.central[rows])
                self._compare(analytic[o][i], part, o, i)

    def _jacobians(self, output: Variable, number: int) -> list[Tensor]:
        """The Jacobian of one output by backward, for each input; all twice, to compare."""
        rows: list[list[Tensor]] = []
        for cotangent in units(output.data):
            first = self._row(output, cotangent)
            again = self._row(output, cotangent)
            for name, a, b in zip(self.function.input_names, first, again, strict=True):
                worst = float((a - b).abs().max()) if a.numel() else 0.0
                if worst > self.nondet_tol:
                    raise GradcheckError(
                        f"two backwards of the same call give gradients of {name} that differ "
                        f"by {worst:.3g}; nondet_tol allows {self.nondet_tol:g}",
                        where=f"the backward of {self.function.output_names[number]}",
                        fix="a backward must not draw random numbers, nor change what it saved "
                        "or was given; if sums in another order are meant, raise nondet_tol",
                    )
            rows.append(first)
        return [
            torch.stack([row[i] for row in rows])
            if rows
            else torch.zeros(0, coordinates(variable.data).numel(), dtype=torch.float64)
            for i, variable in enumerate(self.function.variables)
        ]

    def _row(self, output: Variable, cotangent: Tensor) -> list[Tensor]:
        return [coordinates(gradient) for gradient in self._backward([output], [cotangent])]

    def _backward(self, outputs: Sequence[Variable], cotangents: Sequence[Tensor]) -> list[Tensor]:
        """The gradient of each input, zeros for None."""
        variables = self.function.variables
        found = run(outputs, cotangents, True, False, variables)
        return [
            torch.zeros_like(v.data) if g is None else g
            for v, g in zip(variables, found, strict=True)
        ]

    def _compare(self, analytic: Tensor, slopes: Slopes, output: int, input_: int) -> None:
        complex_input = self.function.variables[input_].data.is_complex()
        allowed = self.atol + self.rtol * _size(slopes.central, complex_input)
        distance = (analytic - slopes.central).abs()
        wrong = ~((distance <= allowed) | (analytic == slopes.central))
        if bool(wrong.any()):
            wrong &= ~self._at_kink(analytic, wrong, output, input_)
        if bool(wrong.any()):
            raise gradcheck_failure(self.function, analytic, slopes, wrong, allowed, output, input_)

    def _at_kink(self, analytic: Tensor, wrong: Tensor, output: int, input_: int) -> Tensor:
        """Where the function has a kink or a jump and the gradient is one of those there.

        With half the step the one-sided derivatives are half as far apart if the function
        is smooth, as far at a kink, and twice as far at a jump.
        """
        right = torch.zeros_like(wrong)
        columns = wrong.any(0).nonzero().flatten().tolist()
        function = self.function
        wide, near = (
            numeric_jacobian(
                function.tensors, function.values, output, input_, step, columns=columns
            )
            for step in (self.eps, self.eps / 2)
        )
        gradient = analytic[:, columns]
        slack = self.atol + self.rtol * near.central.abs()
        ratio = near.gap / wide.gap
        kink = (ratio > 0.75) & (ratio < 1.5) & wide.between(gradient, slack)
        either = torch.zeros_like(kink)
        for side, other in ((near.left, near.right), (near.right, near.left)):
            close = (gradient - side).abs() <= self.atol + self.rtol * side.abs()
            # At the edge of a domain there is one side only.
            either |= close & ((ratio >= 1.5) | ~other.isfinite())
        right[:, columns] = kink | either
        return right

    def _constant(self) -> None:
        """If no output requires grad, none may depend on an input."""
        function = self.function
        for i, name in enumerate(function.input_names):
            slopes = numeric_jacobian(function.all_tensors, function.values, None, i, self.eps)
            if bool(slopes.central.any()):
                worst = float(slopes.central.abs().max())
                raise GradcheckError(
                    f"no output of the function requires grad, but they depend on {name}: "
                    f"the largest derivative is {worst:.6g}",
                    fix="compute with Variables all the way: .data, .item() and no_grad() cut "
                    "the graph",
                )

    def _one_direction(self, outputs: Sequence[Variable]) -> bool:
        """Whether each input's Jacobian is right in a random direction on either side."""
        function = self.function
        at = function.values
        for i, output in enumerate(outputs):
            left = self._direction(output.data)
            gradients = self._backward([output], [left])
            u = coordinates(left)
            for k, gradient in enumerate(gradients):
                step = self._direction(at[k])
                v = coordinates(step)
                ahead, behind = (
                    function.tensors([t + e * step if j == k else t for j, t in enumerate(at)])
                    for e in (self.eps, -self.eps)
                )
                moved = (coordinates(ahead[i]) - coordinates(behind[i])) / (2 * self.eps)
                numeric, found = float(u @ moved), float(coordinates(gradient) @ v)
                allowed = self.atol * float(u.sum() * v.sum()) + self.rtol * abs(numeric)
                if not abs(found - numeric) <= allowed:
                    return False
        return True

    def _direction(self, tensor: Tensor) -> Tensor:
        """Positive coordinates, so that nothing cancels, of length one."""
        made = torch.rand(coordinates(tensor).shape, dtype=torch.float64, generator=self.generator)
        made = made / made.norm() if made.numel() else made
        if tensor.is_complex():
            return torch.view_as_complex(made.reshape(*tensor.shape, 2)).to(tensor)
        return made.reshape(tensor.shape).to(tensor)

    def _undefined(self) -> None:
        """Each output in turn gets no gradient, the others zeros."""
        outputs = self.function()
        if len(outputs) < 2:
            return
        names = self.function.output_names
        for left_out in range(len(outputs)):
            others = [o for i, o in enumerate(outputs) if i != left_out]
            where = f"{names[left_out]} without a gradient, zeros for the others"
            try:
                gradients = self._backward(others, [torch.zeros_like(o.data) for o in others])
            except Exception as error:
                raise GradcheckError(
                    f"backward cannot do without a gradient of {names[left_out]}: "
                    f"{type(error).__name__}: {error}",
                    where=where,
                    fix="let backward take None for the gradient of an output that was not used, "
                    "or leave out set_materialize_grads(False)",
                ) from error
            for name, gradient in zip(self.function.input_names, gradients, strict=True):
                if bool(gradient.any()):
                    raise GradcheckError(
                        f"the gradient of {name} is not zero",
                        where=where,
                        fix="multiply every term of backward by the gradient of an output",
                    )

    def _batched(self) -> None:
        """torch.vmap over the backward equals a loop."""
        for number, output in enumerate(self.function()):
            shape = (2, *output.data.shape)
            made = torch.randn(shape, dtype=output.data.dtype, generator=self.generator)
            cotangents = made.to(output.data.device)

            def backward(cotangent: Tensor, output: Variable = output) -> list[Tensor]:
                return self._backward([output], [cotangent])

            where = f"the backward of {self.function.output_names[number]} in torch.vmap"
            try:
                batched = torch.vmap(backward)(cotangents)
            except Exception as error:
                raise GradcheckError(
                    f"backward does not work on a batch: {type(error).__name__}: {error}",
                    where=where,
                    fix="in backward use no .item(), no in-place change of what is not batched, "
                    "and no branch on values; or leave out check_batched_grad",
                ) from error
            loop = zip(*(backward(cotangent) for cotangent in cotangents), strict=True)
            for name, got, each in zip(self.function.input_names, batched, loop, strict=True):
                if not torch.allclose(got, torch.stack(each)):
                    raise GradcheckError(
                        f"the gradient of {name} for a batch of cotangents is not that of each",
                        where=where,
                        fix="keep backward free of state and of reductions over all dimensions",
                    )


def _size(slopes: Tensor, complex_input: bool) -> Tensor:
    """How large each derivative is; for a complex input, as in torch, of both parts."""
    if not complex_input:
        return slopes.abs()
    pairs = slopes.reshape(slopes.shape[0], -1, 2)
    size: Tensor = torch.linalg.vector_norm(pairs, dim=2, keepdim=True)
    return size.expand_as(pairs).reshape(slopes.shape)
