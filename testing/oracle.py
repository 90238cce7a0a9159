"""Oracle: torch's autograd on the call that an op is checked with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.flat import flat
from plugrad.testing.not_applicable import NotApplicable
from plugrad.testing.violation import Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.testing.case import Case

_NO_ORACLE = "torch cannot differentiate {}: the numeric laws judge the gradient"


class Oracle:
    """torch's autograd through the op's reference or, without one, its own forward.

    Args:
        case: the call.
    """

    def __init__(self, case: Case) -> None:
        self.case = case

    def call(self, values: Sequence[Tensor] | None = None) -> OracleCall:
        """Run the call in torch with a graph.

        Raises:
            NotApplicable: torch gives no gradient for it.
            Violation: the op declares a reference= that raises.
        """
        case = self.case
        if case.sample.oracle_is_wrong:
            raise NotApplicable(f"torch's own gradient is wrong: {case.sample.oracle_is_wrong}")
        reference = case.op.reference
        if reference is not None:
            through = partial(_called, case, reference)
            # Other values than the sample's it may refuse, as the op does.
            own = case.op.declaration.reference is not None and values is None
            attempt = self._through(through, values, must_run=own)
            if attempt is not None:
                return attempt
        attempt = self._through(case.bare_forward, values)
        if attempt is None:
            what = "forward" if reference is None else "the reference nor forward"
            raise NotApplicable(_NO_ORACLE.format(what))
        attempt.own_forward = True
        return attempt

    def _through(
        self,
        function: Callable[[list[Tensor]], Any],
        values: Sequence[Tensor] | None,
        must_run: bool = False,
    ) -> OracleCall | None:
        case = self.case
        leaves = list(case.values if values is None else values)
        for i in case.wanted:
            leaves[i] = leaves[i].detach().requires_grad_()
        try:
            with torch.enable_grad(), case.random_numbers():
                outputs = flat(function(leaves))
        except Exception as error:
            if must_run:  # else it would judge nothing, and nobody would know
                raise Violation(f"reference= raises {type(error).__name__}: {error}") from error
            return None
        call = OracleCall(case, leaves, outputs)
        return call if call.root_numbers else None


class OracleCall:
    """Outputs of torch, and the gradients of them, per input of the case."""

    def __init__(self, case: Case, leaves: list[Tensor], outputs: list[Any]) -> None:
        self.case, self.leaves, self.outputs = case, leaves, outputs
        #: Whether forward itself was differentiated: parts of it may be detached.
        self.own_forward = False

    @property
    def _is_own_reference(self) -> bool:
        """Whether it is what the op declares with reference=, and no function of torch's."""
        return not self.own_forward and self.case.op.declaration.reference is not None

    @property
    def values(self) -> list[Any]:
        """The outputs, tensors without a graph."""
        return [o.detach() if isinstance(o, Tensor) else o for o in self.outputs]

    @property
    def root_numbers(self) -> list[int]:
        """Which outputs require grad."""
        return [i for i, o in enumerate(self.outputs) if isinstance(o, Tensor) and o.requires_grad]

    def vjp(
        self,
        cotangents: Sequence[Tensor | None],
        create_graph: bool = False,
        batched: bool = False,
    ) -> list[Tensor | None]:
        """The gradient of each input; cotangents are given per root, None for zero.

        If ``batched`` they have a further first dimension, and so have the gradients.
        """
        given = zip((self.outputs[i] for i in self.root_numbers), cotangents, strict=True)
        pairs = [(root, c) for root, c in given if c is not None]
        gradients: list[Tensor | None] = [None] * len(self.leaves)
        wanted = [i for i in self.case.wanted if self.leaves[i].requires_grad]
        if not pairs or not wanted:
            return gradients
        try:
            found = torch.autograd.grad(
                [root for root, _ in pairs],
                [self.leaves[i] for i in wanted],
                [c for _, c in pairs],
                retain_graph=True,
                create_graph=create_graph,
                allow_unused=True,
                is_grads_batched=batched,
            )
        except Exception as error:
            if self._is_own_reference and not batched:
                raise Violation(
                    f"the backward of reference= raises {type(error).__name__}: {error}"
                ) from error
            if not isinstance(error, RuntimeError):
                raise
            # Some of torch's formulas fail where dtypes are mixed, or in a batch.
            raise NotApplicable(f"torch's own backward raises: {error}") from error
        for index, gradient in zip(wanted, found, strict=True):
            gradients[index] = gradient
        return gradients


def _called(case: Case, function: Callable[..., Any], values: Sequence[Tensor]) -> Any:
    args, kwargs = case.arguments(values)
    return function(*args, **kwargs)
