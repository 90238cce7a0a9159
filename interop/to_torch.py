"""to_torch: an op as a function on torch's tensors, with torch's autograd around it."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from plugrad.core.random_state import RandomState
from plugrad.core.variable import Variable
from plugrad.functional import grad
from plugrad.plugins.default import registry
from plugrad.plugins.registered_op import RegisteredOp

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugrad.core.function import Function


def to_torch(op: str | RegisteredOp | type[Function]) -> Callable[..., Any]:
    """A function on torch's tensors that computes an op and that torch's autograd differentiates.

    It takes the op's arguments, with tensors for Variables, and returns tensors. Its
    gradients, of any order, are those of the op's rule: torch's autograd only calls it.
    If there is a Variable among the arguments, it is the op.
    ``torch.func``'s grad, vjp, jvp and vmap work where the rule does on the tensors that
    they pass.

    Args:
        op: its name (``"special::bessel_j0"``), its entry in a registry, or its class.

    Raises:
        UnknownOpError: no op has the name.
    """
    apply, named, random = _called(op)

    @wraps(apply, assigned=("__doc__",), updated=())
    def function(*args: Any, **kwargs: Any) -> Any:
        call = Call(apply, args, kwargs, random)
        if call.has_variables:  # which are differentiated without torch
            return apply(*args, **kwargs)
        outputs = lifted(call, *call.tensors)
        return pytree.tree_unflatten(list(outputs), call.output_spec)

    function.__name__ = function.__qualname__ = named
    return function


def _called(op: str | RegisteredOp | type[Function]) -> tuple[Callable[..., Any], str, bool]:
    """What calls an op, its name as an identifier, and whether it draws random numbers."""
    function = class_of(op)
    declaration = function.declaration
    name = function.__name__ if declaration is None else declaration.name
    return function.apply, identifier(name), declaration is not None and declaration.random


def class_of(op: str | RegisteredOp | type[Function]) -> type[Function]:
    """The class of an op that is named in one of the three ways."""
    if isinstance(op, type):
        return op
    return (op if isinstance(op, RegisteredOp) else registry[op]).function


def identifier(name: str) -> str:
    """The name of an op with underscores where an identifier has no dots."""
    return name.replace("::", "_").replace(".", "_")


class Call:
    """A call of an op without its tensors: a function of those, with flat outputs."""

    def __init__(
        self, apply: Callable[..., Any], args: Any, kwargs: dict[str, Any], random: bool
    ) -> None:
        flat, self._spec = pytree.tree_flatten((args, kwargs))
        self._apply = apply
        self._places = [i for i, v in enumerate(flat) if isinstance(v, Tensor)]
        self.tensors = [flat[i] for i in self._places]
        self._rest = [None if isinstance(v, Tensor) else v for v in flat]
        self.has_variables = any(isinstance(v, Variable) for v in self._rest)
        # Computing it again must draw the same numbers.
        self._drawn_from = RandomState(self.tensors) if random else None
        self._drawn = False
        self.output_spec: Any = None
        #: Inputs and outputs of the first computation, whose graph a first derivative uses.
        self.graph: tuple[list[Variable], list[Any]] | None = None

    def __call__(self, *tensors: Any) -> list[Any]:
        args, kwargs = self._whole(tensors)
        outputs, self.output_spec = pytree.tree_flatten(self._output(args, kwargs))
        return outputs

    def arguments(self, tensors: Sequence[Any]) -> tuple[Any, ...]:
        """The positional arguments, with these tensors in their places."""
        args: tuple[Any, ...] = self._whole(tensors)[0]
        return args

    def _whole(self, tensors: Sequence[Any]) -> Any:
        flat = list(self._rest)
        for place, tensor in zip(self._places, tensors, strict=True):
            flat[place] = tensor
        return pytree.tree_unflatten(flat, self._spec)

    def _output(self, args: Any, kwargs: Any) -> Any:
        if self._drawn_from is None:
            return self._apply(*args, **kwargs)
        if not self._drawn:
            self._drawn = True
            return self._apply(*args, **kwargs)
        with self._drawn_from.again():
            return self._apply(*args, **kwargs)


class Vjp:
    """The vjp of a function of tensors: of its inputs and the cotangents of some outputs."""

    def __init__(self, function: Callable[..., Any], wanted: list[bool], given: list[int]) -> None:
        self.function, self.wanted, self.given = function, wanted, given

    def __call__(self, *values: Any) -> list[Any]:
        count = len(self.wanted)
        inputs = _tracked(values[:count], self.wanted)
        with torch.enable_grad():
            outputs = self.function(*inputs)
            return _gradients(
                [outputs[i] for i in self.given],
                [x for x, wanted in zip(inputs, self.wanted, strict=True) if wanted],
                [_variable(g) for g in values[count:]],
            )


class _Jvp:
    """The jvp of a function of tensors: of its inputs and the tangents of some of them.

    The vjp is linear in the cotangent, and its own vjp is the jvp.
    """

    def __init__(self, function: Callable[..., Any], wanted: list[bool]) -> None:
        self.function, self.wanted = function, wanted

    def __call__(self, *values: Any) -> list[Any]:
        count = len(self.wanted)
        inputs = _tracked(values[:count], self.wanted)
        with torch.enable_grad():
            outputs = [y for y in self.function(*inputs) if _is_differentiable(y)]
            cotangents = [_leaf(torch.zeros_like(y.data)) for y in outputs]
            wanted = [x for x, wanted in zip(inputs, self.wanted, strict=True) if wanted]
            vjp = _gradients(outputs, wanted, cotangents)
            return _gradients(vjp, cotangents, [_variable(t) for t in values[count:]])


class _Lifted(torch.autograd.Function):
    """A function of tensors whose derivatives plugrad computes."""

    generate_vmap_rule = True

    @staticmethod
    def forward(function: Any, *tensors: Any) -> Any:
        """Compute the outputs, and keep the graph where torch may ask for a gradient."""
        transformed = torch._C._are_functorch_transforms_active()
        wanted = [t.requires_grad for t in tensors]
        if isinstance(function, Call) and any(wanted) and not transformed:
            inputs = _tracked([_free(t) for t in tensors], wanted)
            with torch.enable_grad():
                outputs = function(*inputs)
            function.graph = inputs, outputs
        else:
            outputs = function(*[_free(t) for t in tensors])
        return tuple([_own(y, tensors) for y in outputs])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Any, ...]) -> None:
        """Save the inputs, from which each derivative is computed."""
        ctx.function, *tensors = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)
        ctx.set_materialize_grads(False)
        ctx.differentiable = [_is_differentiable(y) for y in output]
        graph = ctx.function.graph if isinstance(ctx.function, Call) else None
        if graph is not None:  # which knows of outputs that have no gradient
            ctx.differentiable = [_is_differentiable(y) and y.requires_grad for y in graph[1]]
        constants = [y for y, d in zip(output, ctx.differentiable, strict=True) if not d]
        ctx.mark_non_differentiable(*[y for y in constants if isinstance(y, Tensor)])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Compute the vjp: a function of tensors like this one, so that it has derivatives too."""
        wanted = list(ctx.needs_input_grad[1:])
        given = [i for i, g in enumerate(gradients) if g is not None]
        arrived = [gradients[i] for i in given]
        graph = ctx.function.graph if isinstance(ctx.function, Call) else None
        if not given:
            found: Any = [None] * sum(wanted)
        elif graph is not None and not torch.is_grad_enabled():
            inputs, outputs = graph
            found = _gradients(
                [outputs[i] for i in given],
                [x for x, w in zip(inputs, wanted, strict=True) if w],
                [_variable(g) for g in arrived],
                retain_graph=torch._C._autograd._get_current_graph_task_keep_graph(),
                create_graph=False,
            )
            found = [g.data for g in found]
        else:
            vjp = Vjp(ctx.function, wanted, given)
            found = lifted(vjp, *ctx.saved_tensors, *arrived)
        found = iter(found)
        return None, *[next(found) if w else None for w in wanted]

    @staticmethod
    def jvp(ctx: Any, _: Any, *tangents: Any) -> Any:
        """Compute the jvp."""
        wanted = [t is not None for t in tangents]
        given = [t for t in tangents if t is not None]
        found = iter(lifted(_Jvp(ctx.function, wanted), *ctx.saved_tensors, *given))
        return tuple([next(found) if d else None for d in ctx.differentiable])


#: Calls a function of tensors, the first argument, so that torch differentiates it by plugrad.
lifted: Callable[..., Any] = _Lifted.apply


def _tracked(values: Sequence[Any], wanted: list[bool]) -> list[Any]:
    """Variables of the values, with those that are wanted requiring a gradient."""
    return [
        v if isinstance(v, Variable) and (v.requires_grad or not w) else _leaf(_data(v)) if w else v
        for v, w in zip(values, wanted, strict=True)
    ]


def _leaf(tensor: Tensor) -> Variable:
    return Variable(_free(tensor), requires_grad=True)


def _free(tensor: Tensor) -> Tensor:
    """The tensor without torch's graph; itself if it has none, for not all kinds can detach."""
    return tensor.detach() if tensor.requires_grad else tensor


def _variable(value: Any) -> Variable:
    return value if isinstance(value, Variable) else Variable(_free(value))


def _data(value: Any) -> Tensor:
    data: Tensor = value.data if isinstance(value, Variable) else value
    return data


def _own(output: Any, inputs: Sequence[Tensor]) -> Any:
    """The tensor of an output; one of its own where an input itself was returned.

    That is a view of the input, so that torch refuses to change it in place: the graph of the
    input would not know of it.
    """
    tensor = output.data if isinstance(output, Variable) else output
    given = next((t for t in inputs if tensor is t or _is_alias(tensor, t)), None)
    if given is None:
        return tensor
    return given.view_as(given) if given.layout is torch.strided else given.clone()


def _is_alias(one: Any, other: Tensor) -> bool:
    """Whether both are the same elements in memory, which torch does not know of ``one``."""
    if not (type(one) is Tensor and one.dtype is other.dtype and not one._is_view()):
        return False
    strided = one.layout is other.layout is torch.strided and other.requires_grad
    return strided and not torch._C._are_functorch_transforms_active() and one.is_set_to(other)


def _is_differentiable(value: Any) -> bool:
    is_tensor = isinstance(value, Tensor | Variable)
    return is_tensor and (value.is_floating_point() or value.is_complex())


def _gradients(
    outputs: Sequence[Any],
    inputs: Sequence[Variable],
    cotangents: Sequence[Variable],
    retain_graph: bool = True,
    create_graph: bool = True,
) -> list[Any]:
    """The gradients of the inputs; zeros for those that nothing leads to."""
    reached = [i for i, y in enumerate(outputs) if isinstance(y, Variable) and y.requires_grad]
    if not reached or not inputs:
        return [Variable(torch.zeros_like(x.data)) for x in inputs]
    return list(
        grad(
            [outputs[i] for i in reached],
            list(inputs),
            [cotangents[i] for i in reached],
            retain_graph=retain_graph,
            create_graph=create_graph,
            allow_unused=True,
            materialize_grads=True,
        )
    )
