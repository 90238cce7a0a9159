"""from_torch: an op made from a torch function, with torch's gradient."""

from __future__ import annotations

import inspect
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from plugrad.core.context import total_version, transform_depth, whole
from plugrad.core.function import Composite, Function, op
from plugrad.core.held import tensors_behind
from plugrad.core.random_state import RandomState
from plugrad.core.torch_leaf import refuse_torch_graph
from plugrad.core.variable import Variable
from plugrad.core.written import nodes_of
from plugrad.errors import InplaceError, OpDefinitionError, TorchGraphError
from plugrad.plugins.instead import torch_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from plugrad.core.sample import Sample, SampleMaker


def from_torch(
    function: Callable[..., Any] | type[torch.autograd.Function],
    name: str | None = None,
    *,
    samples: Callable[[SampleMaker], Iterable[Sample]] | None = None,
    **declared: Any,
) -> type[Function]:
    """An op that computes a torch function, and leaves its gradients to torch's autograd.

    It is for functions without an op, or with a rule that only their package has. For a
    ``torch.autograd.Function`` the rule itself is used. Derivatives of any order are right
    as far as torch's are. Backward calls the function again, and what else that does, such as
    to move running statistics, is done again. In a registry the op is marked,
    ``declaration.from_torch``, so that nobody mistakes its rule for plugrad's; ``registry.add``
    registers it like any other.

    Args:
        function: a callable on tensors that torch differentiates, or a torch.autograd.Function.
        name: the op's; by default the last part of the function's, as ``bessel_j0``.
        samples: the op's, as a Function's ``samples``.
        declared: what is true of it, the further fields of Declaration: ``overrides=(function,)``
            lets torch's own call reach it.

    Raises:
        OpDefinitionError: it is not callable, or the name cannot be an op's.
    """
    if not callable(function):
        raise OpDefinitionError(
            f"{function!r} cannot be called",
            where="a call of from_torch",
            fix="pass a torch function or a torch.autograd.Function",
        )
    own = isinstance(function, type) and issubclass(function, torch.autograd.Function)
    called: Any = function.apply if own else function  # type: ignore[union-attr]
    name = name or torch_name(function).rpartition(".")[2]

    attributes: dict[str, Any] = {
        "forward": staticmethod(_any),
        "__doc__": inspect.getdoc(function) or f"{name}, with torch's gradient.",
        # The caller's module, so that the op pickles if it is assigned there, as a
        # namedtuple does.
        "__module__": sys._getframe(1).f_globals.get("__name__", __name__),
    }
    if samples is not None:
        attributes["samples"] = staticmethod(samples)
    made: type[Function] = type(name, (Composite,), attributes)
    declared.setdefault("reference", called)
    op(name, from_torch=True, **declared)(made)
    # Not what the class made of it, which takes no keyword arguments, for torch's own functions
    # have no signatures. Nothing has seen the class yet, so its forward may be exchanged.
    made.apply = staticmethod(called if own else _recorded(called, name))
    type.__setattr__(made, "forward", staticmethod(made.apply))
    return made


def _any(*args: Any) -> Any:
    raise NotImplementedError  # it is replaced; of its signature the class is made


def _recorded(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    def apply(*args: Any, **kwargs: Any) -> Any:
        flat, spec = pytree.tree_flatten((args, kwargs))
        places = [i for i, v in enumerate(flat) if isinstance(v, Tensor | Variable)]
        if not any(isinstance(flat[i], Variable) for i in places):
            return function(*args, **kwargs)
        recording = torch.is_grad_enabled()
        for i in places:
            if not isinstance(flat[i], Variable) and flat[i].requires_grad and recording:
                refuse_torch_graph(flat[i], name)
        call = _TorchCall(function, name, flat, spec, places)
        outputs = _Torchs.apply(call, *[flat[i] for i in places])
        return pytree.tree_unflatten(list(outputs), call.output_spec)

    apply.__doc__ = function.__doc__
    return apply


class _TorchCall:
    """A call of a torch function without its tensors: a function of those, with flat outputs."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        flat: list[Any],
        spec: Any,
        places: list[int],
    ) -> None:
        self.name = name
        self._function, self._spec, self._places = function, spec, places
        self._rest = [None if i in set(places) else v for i, v in enumerate(flat)]
        # Backward computes it again, with the same random numbers.
        self._drawn_from: RandomState | None = RandomState(flat)
        self._first = True
        self.output_spec: Any = None

    def __call__(self, *tensors: Tensor) -> tuple[Any, ...]:
        flat = list(self._rest)
        for place, tensor in zip(self._places, tensors, strict=True):
            flat[place] = tensor
        args, kwargs = pytree.tree_unflatten(flat, self._spec)
        if self._first:
            self._first = False
            output = self._function(*args, **kwargs)
            if RandomState(flat) == self._drawn_from:
                self._drawn_from = None
        elif self._drawn_from is None:
            output = self._function(*args, **kwargs)
        else:
            with self._drawn_from.again():
                output = self._function(*args, **kwargs)
        outputs, self.output_spec = pytree.tree_flatten(output)
        return tuple(outputs)


class _TorchVjp:
    """The vjp of a function of tensors, by torch's autograd; itself one that torch can derive."""

    def __init__(self, function: Callable[..., Any], wanted: list[bool], given: list[int]) -> None:
        self.function, self.wanted, self.given = function, wanted, given

    def __call__(self, *tensors: Tensor) -> tuple[Any, ...]:
        count = len(self.wanted)
        if transform_depth():
            return self._transformed(tensors[:count], tensors[count:])
        with torch.enable_grad():
            inputs = [
                t if t.requires_grad or not w else t.detach().requires_grad_()
                for t, w in zip(tensors, self.wanted, strict=False)
            ]
            outputs = self.function(*inputs)
            reached = [
                (outputs[i], g)
                for i, g in zip(self.given, tensors[count:], strict=True)
                if outputs[i].requires_grad
            ]
            wanted = [x for x, w in zip(inputs, self.wanted, strict=True) if w]
            found: Sequence[Any] = [None] * len(wanted)
            if reached:
                ys, gs = zip(*reached, strict=True)
                found = torch.autograd.grad(
                    ys, wanted, gs, create_graph=True, retain_graph=True, allow_unused=True
                )
        return tuple(
            [torch.zeros_like(x) if g is None else g for x, g in zip(wanted, found, strict=True)]
        )

    def _transformed(
        self, inputs: Sequence[Tensor], cotangents: Sequence[Tensor]
    ) -> tuple[Any, ...]:
        """The same inside a transform of torch.func, where no tensor can require grad."""
        wanted = [i for i, w in enumerate(self.wanted) if w]

        def outputs(*tensors: Tensor) -> list[Tensor]:
            every = list(inputs)
            for i, tensor in zip(wanted, tensors, strict=True):
                every[i] = tensor
            found = self.function(*every)
            return [found[i] for i in self.given]

        with torch.enable_grad():
            vjp: Any = torch.func.vjp(outputs, *[inputs[i] for i in wanted])[1]
            return tuple(vjp(list(cotangents)))


class _Torchs(Function):
    """A function of tensors whose derivatives torch computes."""

    @staticmethod
    def forward(ctx: Any, function: Any, *tensors: Tensor) -> Any:
        ctx.function = function
        ctx.save_for_backward(*tensors)
        if not isinstance(function, _TorchCall):
            with torch.no_grad():
                return _own(function(*tensors), tensors)
        versions = total_version(tensors) if any(ctx.needs_input_grad) else None
        outputs = function(*tensors)  # of which torch's autograd records what parameters lead to
        _refuse_captured(outputs, function.name)
        if versions is None:
            return tuple([o.detach() if _is_recorded(o) else o for o in outputs])
        _refuse_hidden(outputs, tensors, function.name)
        if total_version(tensors) != versions:
            _refuse_change(function.name)
        return _own(outputs, tensors, views=True)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        tensors = ctx.saved_tensors
        wanted = [
            n and (t.is_floating_point() or t.is_complex())
            for n, t in zip(ctx.needs_input_grad[1:], tensors, strict=True)
        ]
        given = [i for i, g in enumerate(gradients) if g is not None]
        vjp = _TorchVjp(ctx.function, wanted, given)
        found = iter(_Torchs.apply(vjp, *tensors, *[gradients[i] for i in given]))
        return None, *[next(found) if w else None for w in wanted]


def _refuse_captured(outputs: Sequence[Any], name: str) -> None:
    """Raise TorchGraphError if an output depends on what the function was not passed."""
    for output in outputs:
        if isinstance(output, Variable) and output.requires_grad:
            _refuse(name, "a Variable")
        if isinstance(output, Tensor) and output.requires_grad:
            for node in nodes_of(output):
                if _is_captured(node):
                    leaf = node.variable
                    _refuse(name, f"a {type(leaf).__name__} of shape {tuple(leaf.shape)}")


def _refuse(name: str, captured: str) -> NoReturn:
    raise TorchGraphError(
        f"the torch function of {name} computes with {captured} that it was not passed, by itself "
        "or in a list, tuple or dict: it would get no gradient",
        where=f"a call of {name}",
        fix="let the function take it as an argument, and pass a Variable; or call "
        "requires_grad_(False) of it",
    )


def _is_captured(node: Any) -> bool:
    """Whether a node is that of a leaf which the function did not make: others refer to that."""
    holders = _holders(node)
    return holders > _of_nobody() or (holders > 0 and isinstance(node.variable, nn.Parameter))


def _holders(node: Any) -> int:
    """How many refer to a node's leaf; 0 if it has none."""
    leaf = getattr(node, "variable", None)
    return 0 if leaf is None else sys.getrefcount(leaf)


@cache
def _of_nobody() -> int:
    """The same of a leaf that only torch's graph has, which saved it too."""
    with torch.enable_grad():
        node: Any = torch.zeros(1).requires_grad_().sin().grad_fn
        return _holders(node.next_functions[0][0])


def _refuse_hidden(outputs: Sequence[Any], inputs: Sequence[Tensor], name: str) -> None:
    """Raise OpDefinitionError if there is a tensor inside an object that the function returned."""
    for output in outputs:
        if isinstance(output, Tensor | Variable):
            continue
        for tensor in tensors_behind(output):
            real = tensor.is_floating_point() or tensor.is_complex()
            if real and not any(tensor is given for given in inputs):
                kind = type(output).__name__
                raise OpDefinitionError(
                    f"the torch function of {name} returned a tensor inside a {kind}, which would "
                    "get no gradient",
                    where=f"a call of {name}",
                    fix="return tensors, alone or in lists, tuples and dicts",
                )


def _is_recorded(output: Any) -> bool:
    return isinstance(output, Tensor) and output.requires_grad


def _refuse_change(name: str) -> NoReturn:
    raise InplaceError(
        f"the torch function of {name} changes an argument in place: what is computed of that "
        "argument later would have no gradient, and backward, which calls the function again, "
        "would give it the changed values",
        where=f"a call of {name}",
        fix="let the function change a clone() of it, and return that",
    )


def _own(outputs: Sequence[Any], inputs: Sequence[Tensor], views: bool = False) -> tuple[Any, ...]:
    """The outputs without torch's graph, apart from the inputs and from each other.

    A change of one in place would also change another, and leave its gradient as it was. But
    ``views`` of inputs, and inputs, may be left as they are: a change of these is noticed.
    """
    taken = {_memory(t) for t in inputs if t.layout is torch.strided}
    bases = {id(base) for t in inputs for base in (t, whole(t), whole(t)._base)}
    apart: list[Any] = []
    known: dict[int, Any] = {}
    for output in outputs:
        own = known.get(id(output), output) if views else output  # returned twice, it is one
        is_new = own is output and isinstance(output, Tensor)
        if is_new and not (views and _is_of(output, bases)):
            own = output.detach()
            if own.layout is torch.strided:
                memory = _memory(own)
                own = own.clone() if memory in taken else own
                taken.add(memory)
            known[id(output)] = own
        apart.append(own)
    return tuple(apart)


def _is_of(output: Tensor, bases: set[int]) -> bool:
    """Whether it is one of some tensors, or a view of one, that torch's autograd has not seen."""
    known = id(output) in bases or (whole(output)._is_view() and id(whole(output)._base) in bases)
    return known and not output.requires_grad


def _memory(tensor: Tensor) -> int:
    memory: int = whole(tensor).untyped_storage()._cdata
    return memory
