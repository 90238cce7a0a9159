"""Gradcheck: the check of a function whose inputs and outputs have names, and its parts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.engine import run
from plugrad.errors import GradcheckError
from plugrad.testing import checked_backward, checked_tangents
from plugrad.testing.differences import Slopes, coordinates, numeric_jacobian
from plugrad.testing.gradcheck_failure import WIDE, gradcheck_failure
from plugrad.testing.jacobians import units

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
        self._values: list[Tensor] | None = None
        self._numeric: dict[int, list[Slopes]] = {}

    def verdict(
        self,
        raise_exception: bool,
        *,
        undefined: bool,
        batched: bool,
        backward: bool = True,
        forward: bool = False,
        batched_forward: bool = False,
    ) -> bool:
        """Whether the derivatives are right, by the modes that are asked for.

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
            if backward:
                self._by_backward(undefined, batched)
            if forward:
                self._by_forward(undefined, batched_forward)
        except GradcheckError:
            if raise_exception:
                raise
            return False
        return True

    def _by_backward(self, undefined: bool, batched: bool) -> None:
        outputs = self.function()
        if not outputs:
            self.constant()
            return
        self._gradients(outputs)
        if batched:
            checked_backward.check_batch(self)
        checked_backward.check_zeros(self, outputs)
        if undefined:
            checked_backward.check_undefined(self)

    def _by_forward(self, undefined: bool, batched: bool) -> None:
        checked_tangents.check_tangents(self)
        if undefined:
            checked_tangents.check_no_tangent(self)
        if batched:
            checked_tangents.check_batch(self)

    # --- by backward ---
    def _gradients(self, outputs: Sequence[Variable]) -> None:
        if self.fast_mode and self._one_direction(outputs):
            return
        analytic = [self._jacobians(output, i) for i, output in enumerate(outputs)]
        for i in range(len(self.function.variables)):
            for o, part in enumerate(self.numeric(i)):
                self.compare(analytic[o][i], part, o, i)
        for o, output in enumerate(outputs):
            along = self.longer(output.data)
            found = [coordinates(gradient) for gradient in self.backward([output], [along])]
            for i, name in enumerate(self.function.input_names):
                where = f"the gradient of {name} from {self.function.output_names[o]}"
                self.linear(found[i], analytic[o][i].T, coordinates(along), where, "backward")

    def _jacobians(self, output: Variable, number: int) -> list[Tensor]:
        """The Jacobian of one output by backward, for each input."""
        rows = [self._row(output, cotangent, number) for cotangent in units(output.data)]
        return [
            torch.stack([row[i] for row in rows])
            if rows
            else torch.zeros(0, coordinates(variable.data).numel(), dtype=torch.float64)
            for i, variable in enumerate(self.function.variables)
        ]

    def _row(self, output: Variable, cotangent: Tensor, number: int) -> list[Tensor]:
        """The coordinates of the gradients of a backward, which runs twice and gives the same."""
        given = cotangent.clone()
        first = [coordinates(g).clone() for g in self.backward([output], [given])]
        if not torch.equal(given, cotangent):
            raise GradcheckError(
                "backward changes the gradient that it is given, in place",
                where=f"the backward of {self.function.output_names[number]}",
                fix="change a clone() of it instead",
            )
        again = [coordinates(g) for g in self.backward([output], [cotangent])]
        for name, a, b in zip(self.function.input_names, first, again, strict=True):
            distance = (a - b).abs()
            # nan and inf are the same as themselves, and no distance apart.
            differs = ~((distance <= self.nondet_tol) | (a == b) | (a.isnan() & b.isnan()))
            if bool(differs.any()):
                raise GradcheckError(
                    f"Backward is not reentrant: two backwards of the same call give gradients of "
                    f"{name} that differ by {float(distance[differs].max()):.3g}; nondet_tol "
                    f"allows {self.nondet_tol:g}",
                    where=f"the backward of {self.function.output_names[number]}",
                    fix="a backward must not draw random numbers, nor change what it saved "
                    "or was given; if sums in another order are meant, raise nondet_tol",
                )
        return first

    def backward(self, outputs: Sequence[Variable], cotangents: Sequence[Tensor]) -> list[Tensor]:
        """The gradient of each input: all its elements, zeros for None."""
        found = self.raw_backward(outputs, cotangents)
        return [
            torch.zeros_like(v.data)
            if g is None
            else g
            if g.layout is torch.strided
            else g.to_dense()
            for v, g in zip(self.function.variables, found, strict=True)
        ]

    def raw_backward(self, outputs: Sequence[Variable], cotangents: Sequence[Tensor]) -> list[Any]:
        """The gradient of each input as backward returns it; the graph stays."""
        return run(outputs, cotangents, True, False, self.function.variables)

    def _one_direction(self, outputs: Sequence[Variable]) -> bool:
        """Whether each input's Jacobian is right in a random direction on either side."""
        for i, output in enumerate(outputs):
            left = self.longer(output.data)
            gradients = self._row(output, left, i)
            u = coordinates(left)
            for k, gradient in enumerate(gradients):
                step = self.direction(self.function.values[k])
                v = coordinates(step)
                numeric, found = float(u @ self.along(k, step)[i]), float(gradient @ v)
                allowed = self.atol * float(u.sum() * v.sum()) + self.rtol * abs(numeric)
                if not abs(found - numeric) <= allowed:
                    return False
        return True

    def linear(self, found: Tensor, jacobian: Tensor, along: Tensor, where: str, rule: str) -> None:
        """A rule gives ``found`` in a direction: what its ``jacobian`` gives.

        Each derivative was taken along one coordinate, where also the square of it is 1.

        Raises:
            GradcheckError: it does not.
        """
        expected = jacobian @ along
        allowed = self.atol * float(along.sum()) + self.rtol * (jacobian.abs() @ along)
        distance = (found - expected).abs()
        wrong = ~((distance <= allowed) | (found == expected) | expected.isnan())
        if bool(wrong.any()):
            raise GradcheckError(
                f"{rule} is not linear: in a random direction it is not the sum of what it is "
                f"along each coordinate, but off by {float(distance[wrong].max()):.3g}",
                where=where,
                fix=f"multiply every term of {rule} once by what it is given, and by nothing else "
                "that depends on it",
            )

    # --- by differences ---
    def values(self) -> list[Tensor]:
        """The outputs' tensors."""
        if self._values is None:
            self._values = self.function.tensors(self.function.values)
        return self._values

    def numeric(self, input_: int) -> list[Slopes]:
        """The Jacobian of each output with respect to one input."""
        if input_ not in self._numeric:
            function = self.function
            slopes = numeric_jacobian(function.tensors, function.values, None, input_, self.eps)
            sizes = [coordinates(t).numel() for t in self.values()]
            sides = (slopes.left, slopes.right, slopes.central)
            split = zip(*(torch.split(side, sizes) for side in sides), strict=True)
            self._numeric[input_] = [Slopes(*parts) for parts in split]
        return self._numeric[input_]

    def along(self, input_: int, step: Tensor) -> list[Tensor]:
        """The derivatives of the outputs' coordinates in one direction of one input."""
        at = self.function.values
        ahead, behind = (
            self.function.tensors([t + e * step if j == input_ else t for j, t in enumerate(at)])
            for e in (self.eps, -self.eps)
        )
        return [
            (coordinates(a) - coordinates(b)) / (2 * self.eps)
            for a, b in zip(ahead, behind, strict=True)
        ]

    def direction(self, tensor: Tensor) -> Tensor:
        """Positive coordinates, so that nothing cancels, of length one."""
        made = torch.rand(coordinates(tensor).shape, dtype=torch.float64, generator=self.generator)
        made = made / made.norm() if made.numel() else made
        if tensor.is_complex():
            return torch.view_as_complex(made.reshape(*tensor.shape, 2)).to(tensor)
        return made.reshape(tensor.shape).to(tensor)

    def longer(self, tensor: Tensor) -> Tensor:
        """Such a direction of length two: one is also what a rule gives that divides by it."""
        return 2 * self.direction(tensor)

    def constant(self) -> None:
        """If no output requires grad, none may depend on an input.

        Raises:
            GradcheckError: one does.
        """
        function = self.function
        for i, name in enumerate(function.input_names):
            slopes = numeric_jacobian(function.all_tensors, function.values, None, i, self.eps)
            if bool(slopes.central.any()):
                worst = float(slopes.central.abs().max())
                raise GradcheckError(
                    "Numerical gradient for function expected to be zero: no output requires "
                    f"grad, but they depend on {name}, with a derivative of up to {worst:.6g}",
                    fix="compute with Variables all the way: .data, .item() and no_grad() cut "
                    "the graph",
                )

    def compare(
        self, analytic: Tensor, slopes: Slopes, output: int, input_: int, forward: bool = False
    ) -> None:
        """Both Jacobians of one output with respect to one input are the same.

        Raises:
            GradcheckError: they are not.
        """
        if forward:
            size = _size(slopes.central.T, self.values()[output].is_complex()).T
        else:
            size = _size(slopes.central, self.function.variables[input_].is_complex())
        allowed = self.atol + self.rtol * size
        distance = (analytic - slopes.central).abs()
        wrong = ~((distance <= allowed) | (analytic == slopes.central))
        if bool(wrong.any()):
            wrong &= ~self._at_kink(analytic, wrong, output, input_)
        if bool(wrong.any()):
            raise gradcheck_failure(
                self.function, analytic, slopes, wrong, allowed, output, input_, forward
            )

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


def _size(slopes: Tensor, in_pairs: bool) -> Tensor:
    """How large each derivative is; of a complex one, as in torch, both parts together."""
    if not in_pairs:
        return slopes.abs()
    pairs = slopes.reshape(slopes.shape[0], slopes.shape[1] // 2, 2)
    size: Tensor = torch.linalg.vector_norm(pairs, dim=2, keepdim=True)
    return size.expand_as(pairs).reshape(slopes.shape)
