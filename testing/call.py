"""Call: one call of the op under test, and torch's autograd on the same call."""

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.testing.law import NotApplicable, Violation
from plugrad.testing.shared import refuse_constant
from plugrad.testing.sparse import seen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.core.node import Record
    from plugrad.testing.case import Case


_LISTS = (tuple, list)


def flat(output: Any) -> list[Any]:
    """The parts of an output, in lists, tuples and dicts at any depth; none sparse."""
    # A Variable that is asked for its class looks who asks: isinstance would take ten times longer.
    if issubclass(type(output), _LISTS):
        return [leaf for part in output for leaf in flat(part)]
    if issubclass(type(output), dict):  # as models return
        return [leaf for part in output.values() for leaf in flat(part)]
    return [seen(output)]


def with_gaps(tensor: Tensor) -> Tensor:
    """The same values with a gap after each element."""
    return torch.stack([tensor, tensor], dim=-1)[..., 0]


def transposed(tensor: Tensor) -> Tensor:
    """The same values with the dimensions' strides in reverse order."""
    order = list(range(tensor.dim()))[::-1]
    return tensor.permute(order).contiguous().permute(order)


class Call:
    """The outputs of a call, and the gradients of them.

    A gradient is given per input of the case; None where there is none.

    Args:
        case: what was called.
        variables: what its inputs were, values of the engine for the differentiable ones.
        output: what the op returned.
    """

    def __init__(self, case: Case, variables: Sequence[Any], output: Any) -> None:
        self.case, self.variables, self.output = case, variables, output
        self.outputs = flat(output)
        self.engine = engine = case.op.engine
        #: Which outputs require grad, and these outputs.
        self.root_numbers = [i for i, o in enumerate(self.outputs) if engine.is_tracked(o)]
        self.roots = [self.outputs[i] for i in self.root_numbers]

    @cached_property
    def tensors(self) -> list[Any]:
        """The outputs with tensors for the engine's values."""
        return [self.engine.raw(o) for o in self.outputs]

    @property
    def input_tensors(self) -> list[Tensor]:
        """The inputs with tensors for the engine's values."""
        return [self.engine.raw(v) for v in self.variables]

    @property
    def node(self) -> Any:
        """The node of this call; None if nothing was recorded, or the op has no rule."""
        return self.engine.node(self)

    @cached_property
    def has_rule(self) -> bool:
        """Whether there is such a node; kept, as the node itself must not be."""
        return self.node is not None

    @property
    def record(self) -> Record:
        """The record of ``node`` in plugrad's engine; there must be one."""
        node = self.node
        assert node is not None
        record: Record = node._record
        return record

    def cotangents(self, salt: int = 0) -> list[Tensor]:
        """Random cotangents, one per root."""
        return self.case.shared.cotangents(salt, [root.data for root in self.roots])

    def raw(self, cotangents: Sequence[Any]) -> Any:
        """What the rule itself returns: not summed, cast, or checked by the engine.

        Needs a node. There is a cotangent per root.
        """
        return self.engine.run_rule(self, cotangents)

    def rule(self, cotangents: Sequence[Any]) -> list[Any]:
        """The rule's own gradient of each input; of a composite op the engine's.

        Sums and casts that the engine makes without a declaration, as torch does, are included.
        """
        found = self.unmended(cotangents)
        if not self.engine.mends or not self.has_rule:
            return found
        inputs = self.case.inputs
        return [mended(g, given.tensor) for g, given in zip(found, inputs, strict=True)]

    def unmended(self, cotangents: Sequence[Any]) -> list[Any]:
        """The same as the rule returns it."""
        if not self.has_rule:
            return self.vjp(cotangents)
        with torch.no_grad():
            result = self.raw(cotangents)
        gradients: list[Any] = [None] * len(self.case.inputs)
        if not isinstance(result, tuple | list):
            result = (result,)
        by_edge = self.engine.per_edge(self, result)
        for index, gradient in zip(self.case.edge_inputs, by_edge, strict=False):
            if index is not None:
                pattern = self.case.inputs[index].pattern
                gradients[index] = gradient if pattern is None else pattern.of(gradient)
        return gradients

    def vjp(self, cotangents: Sequence[Any], create_graph: bool = False) -> list[Any]:
        """The gradient of each input as the engine gives it: summed, cast, checked.

        With ``create_graph`` they are values of the engine. The graph is kept.
        """
        wanted = [i for i, v in enumerate(self.variables) if self.engine.takes_gradient(v)]
        gradients: list[Any] = [None] * len(self.variables)
        roots = self.roots
        if roots:
            targets = [self.variables[i] for i in wanted]
            with self.case.random_numbers():
                if create_graph:
                    found = self.engine.grad(roots, cotangents, targets, create_graph=True)
                else:
                    found = self.engine.of_leaves(roots, cotangents, targets)
            for index, gradient in zip(wanted, found, strict=True):
                gradients[index] = gradient
        return gradients


def refuse_surrogate(case: Case) -> None:
    """Raise NotApplicable if backward is deliberately not the slope of forward."""
    surrogate = case.op.declaration.as_surrogate
    if surrogate:
        raise NotApplicable(f"backward is a surrogate: {surrogate.reason}")


def mended(gradient: Any, tensor: Tensor) -> Any:
    """A gradient with the shape and dtype of its input, if possible; else as it is."""
    if not isinstance(gradient, Tensor):
        return gradient
    if gradient.shape != tensor.shape:
        try:
            gradient = gradient.sum_to_size(tensor.shape)
        except RuntimeError:
            return gradient
    if gradient.dtype is tensor.dtype or not tensor.dtype.is_floating_point | tensor.is_complex():
        return gradient
    real = gradient.is_complex() and not tensor.is_complex()
    return (gradient.real if real else gradient).to(tensor.dtype)


def differentiable_call(case: Case) -> Call:
    """A new call whose outputs have gradients.

    Raises:
        NotApplicable: there are none.
    """
    refuse_constant(case)
    call = case.call()
    if not call.roots:
        raise NotApplicable("no output is differentiable")
    return call


_NO_ORACLE = "torch cannot differentiate {}: the numeric laws judge the gradient"


class Oracle:
    """torch's autograd through the op's reference or, without one, its own forward.

    Args:
        case: the call.
    """

    def __init__(self, case: Case, over: Callable[[Any], Any] | None = None) -> None:
        self.case, self._over = case, over
        self._of_sample: OracleCall | None = None
        self._refusal: str | None = None

    def call(
        self,
        values: Sequence[Tensor] | None = None,
        over: Callable[[Any], Any] | None = None,
    ) -> OracleCall:
        """Run the call in torch with a graph; for the sample's own values once for all laws.

        ``over`` makes of a function of the values one of the ``values`` of several calls.

        Raises:
            NotApplicable: torch gives no gradient for it.
            Violation: the op declares a reference= that raises.
        """
        if values is not None:
            return self._call(values) if over is None else Oracle(self.case, over)._call(values)
        if self._refusal is not None:
            raise NotApplicable(self._refusal)
        if self._of_sample is None:
            try:
                self._of_sample = self._call(None)
            except NotApplicable as reason:
                self._refusal = str(reason)
                raise
        return self._of_sample

    def _call(self, values: Sequence[Tensor] | None) -> OracleCall:
        case = self.case
        if case.op.declaration.as_surrogate:
            return self._surrogate(values)
        if case.sample.oracle_is_wrong:
            raise NotApplicable(f"torch's own gradient is wrong: {case.sample.oracle_is_wrong}")
        reference = case.op.reference
        if reference is not None:
            through = partial(_called, case, reference)
            # It may refuse values other than the sample's, as the op may.
            own = case.op.declaration.reference is not None and values is None
            attempt = self._through(through, values, must_run=own)
            if attempt is not None:
                attempt.of_sample = values is None
                return attempt
        attempt = self._through_forward(values)
        if attempt is None:
            what = "forward" if reference is None else "the reference nor forward"
            raise NotApplicable(_NO_ORACLE.format(what))
        attempt.own_forward = True
        return attempt

    def _surrogate(self, values: Sequence[Tensor] | None) -> OracleCall:
        """Through the function whose gradient the op claims to have; its values do not matter."""
        declared = self.case.op.declaration
        if declared.surrogate_reference is None:
            raise NotApplicable(f"backward is a surrogate: {declared.as_surrogate.reason}")
        through = partial(_called, self.case, declared.surrogate_reference)
        attempt = self._through(
            through, values, must_run=values is None, name="surrogate_reference"
        )
        if attempt is None:
            raise NotApplicable("torch cannot differentiate surrogate_reference here")
        attempt.own_forward = True
        return attempt

    def _through_forward(self, values: Sequence[Tensor] | None) -> OracleCall | None:
        """Through the op's own forward; without a rule, that would be the gradient itself."""
        op = self.case.op
        if op.engine.name == "torch":
            options = self.case.options_in_words  # which may choose what forward does
            if options not in op.forward_is_seen:
                op.forward_is_seen[options] = not op.composite and self._sees_forward()
            if not op.forward_is_seen[options]:
                return None
        return self._through(self.case.bare_forward, values)

    def _sees_forward(self) -> bool:
        """Whether torch differentiates all of forward, which may detach a part."""
        from plugrad.testing.laws.oracle import is_seen

        attempt = self._through(self.case.bare_forward, None)
        return attempt is None or is_seen(self.case, attempt)

    def _through(
        self,
        function: Callable[[list[Tensor]], Any],
        values: Sequence[Tensor] | None,
        must_run: bool = False,
        name: str = "reference",
    ) -> OracleCall | None:
        case, over = self.case, self._over
        leaves = list(case.values if values is None else values)
        for i in case.wanted:
            leaves[i] = leaves[i].detach().requires_grad_()
        try:
            with torch.enable_grad(), case.random_numbers():
                outputs = flat(
                    function(leaves) if over is None else over(_flattened(function))(leaves)
                )
        except Exception as error:
            if must_run:  # otherwise it would judge nothing, and nobody would notice
                raise Violation(f"{name}= raises {type(error).__name__}: {error}") from error
            return None
        call = OracleCall(case, leaves, outputs)
        return call if call.root_numbers else None


class OracleCall:
    """Outputs of torch, and the gradients of them, per input of the case."""

    def __init__(self, case: Case, leaves: list[Tensor], outputs: list[Any]) -> None:
        self.case, self.leaves, self.outputs = case, leaves, outputs
        #: Whether forward itself was differentiated: parts of it may be detached.
        self.own_forward = False
        #: Whether it is of the sample's own values, which a reference must take.
        self.of_sample = True

    @property
    def _is_own_reference(self) -> bool:
        """Whether it is what the op declares with reference=, not a torch function."""
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
            if self._is_own_reference and self.of_sample and not batched:
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


def _flattened(function: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda values: flat(function(values))


def _called(case: Case, function: Callable[..., Any], values: Sequence[Tensor]) -> Any:
    args, kwargs = case.arguments(values)
    return function(*args, **kwargs)
