"""Comparison: one sample of an op, run by plugrad and by torch's autograd.

torch is the oracle here: the same arguments go through the op and through the torch
callable it stands for, and every value and derivative must agree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.engine import run
from plugrad.core.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plugrad.core.sample import Sample
    from plugrad.plugins.registered_op import RegisteredOp


class Comparison:
    """Both sides of one call.

    Args:
        entry: the op; it must have a reference.
        sample: the arguments.
        change: applied to every tensor of the sample first: a cast, another layout.
        seed: of the random numbers that op and reference draw, and of the cotangents.
    """

    def __init__(
        self,
        entry: RegisteredOp,
        sample: Sample,
        change: Callable[[Tensor], Tensor] = lambda t: t,
        seed: int = 0,
    ) -> None:
        assert entry.reference is not None
        self.seed = seed
        self.inputs: list[Variable] = []
        self.torch_inputs: list[Tensor] = []
        ours = self._arguments(sample, self._our_leaf, change)
        theirs = self._arguments(sample, self._torch_leaf, change)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.torch_outputs = flat(entry.reference(*theirs[0], **theirs[1]))
            torch.manual_seed(seed)
            self.outputs = flat(entry.apply(*ours[0], **ours[1]))

    def _arguments(
        self, sample: Sample, leaf: Callable[[Tensor], Any], change: Callable[[Tensor], Tensor]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        def argument(name: int | str, value: Any) -> Any:
            if isinstance(value, list | tuple):
                return type(value)([argument(name, v) for v in value])
            if not isinstance(value, Tensor):
                return value
            value = change(value)
            constant = name in sample.constants or not _differentiable(value)
            return value if constant else leaf(value)

        args = tuple(argument(i, a) for i, a in enumerate(sample.args))
        return args, {name: argument(name, a) for name, a in sample.kwargs.items()}

    def _our_leaf(self, tensor: Tensor) -> Variable:
        self.inputs.append(Variable(tensor.detach(), requires_grad=True))
        return self.inputs[-1]

    def _torch_leaf(self, tensor: Tensor) -> Tensor:
        self.torch_inputs.append(tensor.detach().requires_grad_())
        return self.torch_inputs[-1]

    def values(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Every output, ours and torch's."""
        assert len(self.outputs) == len(self.torch_outputs)
        for ours, theirs in zip(self.outputs, self.torch_outputs, strict=True):
            yield (ours.data if isinstance(ours, Variable) else ours), theirs.detach()

    def first(self) -> Iterator[tuple[Tensor | None, Tensor | None]]:
        """The gradient of every input for random cotangents, ours and torch's."""
        ours, theirs, cotangents = self._roots()
        if not theirs:
            assert not ours
            return
        yield from zip(
            map(raw, run(ours, cotangents, True, False, self.inputs)),
            torch.autograd.grad(
                theirs, self.torch_inputs, cotangents, retain_graph=True, allow_unused=True
            ),
            strict=True,
        )

    def second(self) -> Iterator[tuple[Tensor | None, Tensor | None]]:
        """Second derivatives: of <first, random> with respect to inputs and cotangents."""
        ours, theirs, cotangents = self._roots()
        if not theirs:
            return
        our_c = [Variable(c, requires_grad=True) for c in cotangents]
        torch_c = [c.clone().requires_grad_() for c in cotangents]
        our_first = run(ours, our_c, True, True, self.inputs)
        torch_first = torch.autograd.grad(
            theirs, self.torch_inputs, torch_c, create_graph=True, allow_unused=True
        )
        pairs = [
            (o, t)
            for o, t in zip(our_first, torch_first, strict=True)
            if t is not None and t.requires_grad
        ]
        # Where ours cannot be differentiated further and torch's can, ours counts as missing.
        yield from ((None, t.detach()) for o, t in pairs if o is None or not o.requires_grad)
        pairs = [(o, t) for o, t in pairs if o is not None and o.requires_grad]
        if not pairs:
            return
        directions = [_like(t, self.seed + 7 + i) for i, (_, t) in enumerate(pairs)]
        gradients = [o for o, _ in pairs if o is not None]
        yield from zip(
            map(raw, run(gradients, directions, True, False, [*self.inputs, *our_c])),
            torch.autograd.grad(
                [t for _, t in pairs],
                [*self.torch_inputs, *torch_c],
                directions,
                retain_graph=True,
                allow_unused=True,
            ),
            strict=True,
        )

    def _roots(self) -> tuple[list[Variable], list[Tensor], list[Tensor]]:
        ours = [o for o in self.outputs if isinstance(o, Variable) and o.requires_grad]
        theirs = [t for t in self.torch_outputs if t.requires_grad]
        assert len(ours) == len(theirs), "the outputs that require grad are not the same"
        return ours, theirs, [_like(t, self.seed + i) for i, t in enumerate(theirs)]


def flat(output: Any) -> list[Any]:
    """The tensors of an output, one or several, nested or not."""
    if isinstance(output, tuple | list):
        return [leaf for part in output for leaf in flat(part)]
    return [output]


def raw(gradient: Any) -> Tensor | None:
    """The tensor of a gradient, if there is one."""
    return gradient.data if isinstance(gradient, Variable) else gradient


def difference(ours: Tensor | None, theirs: Tensor | None) -> float:
    """The largest difference of two results, relative to the largest element of torch's.

    inf where shape, dtype or the places of non-finite elements differ. None counts as
    zeros: torch's formulas and ours may differ in which of the two they say.
    """
    if ours is None or theirs is None:
        present = theirs if ours is None else ours
        zero = present is None or not bool(present.detach().abs().any())
        return 0.0 if zero else math.inf
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return math.inf
    if theirs.dtype is torch.bool:
        return 0.0 if torch.equal(ours, theirs) else math.inf
    finite = torch.isfinite(theirs)
    if not torch.equal(torch.isfinite(ours), finite):
        return math.inf
    if not torch.equal(ours[~finite].nan_to_num(), theirs[~finite].nan_to_num()):
        return math.inf
    if not finite.any():
        return 0.0
    distance = float((ours[finite] - theirs[finite]).abs().max())
    return distance / max(float(theirs[finite].abs().max()), 1e-30) if distance else 0.0


def _differentiable(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _like(tensor: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(tensor.shape, dtype=tensor.dtype, generator=generator)
    return made.to(tensor.device)
