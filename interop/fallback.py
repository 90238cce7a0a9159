"""Torch functions without an op: torch's own implementation runs, and its primitives are our ops.

Half of torch's functions are composites of others, and so need no backward of their own.
torch's implementation is run on the tensors of the Variables, under a mode that torch's
dispatcher calls before it computes a primitive. The mode knows which tensor belongs to
which Variable, and calls the op that stands for the primitive. There is no tensor subclass:
the implementation works on plain tensors.
"""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from plugrad.core.context import transform_depth
from plugrad.core.general_call import say_where_in_torch
from plugrad.core.record import like
from plugrad.core.torch_leaf import leaf_of, refuse_torch_graph
from plugrad.core.twins import overwrite
from plugrad.core.variable import Variable, plain
from plugrad.core.views import check_inplace, note_custom_view, note_strided_view
from plugrad.errors import (
    ArgumentError,
    InplaceError,
    MissingPrimitiveError,
    OutArgumentError,
    UnknownTorchFunctionError,
)
from plugrad.interop.library_ops import call_with_own_rule, has_own_rule, how_to_add_a_rule
from plugrad.interop.older_views import view_of
from plugrad.interop.primitives import (
    decomposed,
    functional_form,
    has_no_gradient,
    is_composite,
    is_inplace_view,
    out_names,
    without_gradient,
)
from plugrad.plugins.default import registry
from plugrad.plugins.instead import torch_name
from plugrad.plugins.known_packs import bring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_aten = torch.ops.aten
_ITEM = _aten._local_scalar_dense.default
_Key, _KeySet = torch._C.DispatchKey, torch._C.DispatchKeySet
_included = torch._C._dispatch_tls_local_include_set
_excluded = torch._C._dispatch_tls_local_exclude_set
_Keys, _is_grad_enabled = torch._C._ForceDispatchKeyGuard, torch.is_grad_enabled
_push, _pop = torch._C._push_on_torch_dispatch_stack, torch._C._pop_torch_dispatch_stack

#: The keys of torch's autograd around a primitive: a mode below them gets composites whole. And
#: those that conjugate and negate lazy tensors, which would be copies of them for composites.
_AUTOGRAD = (
    _KeySet(_Key.AutogradFunctionality)
    | _KeySet(_Key.AutogradOther)
    | _KeySet(_Key.AutogradNestedTensor)
    | _KeySet(_Key.ADInplaceOrView)
    | _KeySet(_Key.Conjugate)
    | _KeySet(_Key.Negative)
)
#: Those of torch.func's transforms, before all others: they would hand on what a batch is made of.
_TRANSFORMS = (
    _KeySet(_Key.FuncTorchDynamicLayerFrontMode)
    | _KeySet(_Key.FuncTorchDynamicLayerBackMode)
    | _KeySet(_Key.FuncTorchVmapMode)
    | _KeySet(_Key.FuncTorchBatched)
    | _KeySet(_Key.FuncTorchBatchedDecomposition)
)


def fall_back(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a torch function that no op stands for, with Variables among its arguments.

    Its results are Variables; the Variables that it changes in place are changed. If
    nothing is recorded, torch's function simply runs on the tensors.

    Raises:
        MissingPrimitiveError: a gradient is needed of a primitive in it that no op stands for.
        ArgumentError: one that requires grad is taken for a number.
        OutArgumentError: recorded results would be written into ``out=``.
        InplaceError: they would be written into a plain tensor, or change an argument's shape.
    """
    if isinstance(function, _SCRIPTED) and _is_grad_enabled():
        _refuse_script()
    call = _Call(function)
    raw_args, raw_kwargs = call.lowered(args), call.lowered(kwargs)
    if not (call.tracked and _is_grad_enabled()):
        with _saying_where(call.name, args, kwargs):
            return call.raised(function(*raw_args, **raw_kwargs))
    if kwargs.get("out") is not None:
        raise OutArgumentError(
            f"{call.name} was given out=: a result written into a tensor has no gradient",
            where=f"a call of {call.name}",
            fix="drop out= and use the result; or, where no gradient is needed, "
            "out.copy_(result.detach())",
        )
    with call.below(), call, _saying_where(call.name, args, kwargs):
        output = function(*raw_args, **raw_kwargs)
    if call.read_a_number and not _is_constant(output):
        call.refuse_number()
    return call.raised(output)


#: What torch raises for arguments that it does not take.
_OF_ARGUMENTS = RuntimeError, TypeError, ValueError, LookupError, AssertionError
_SCRIPTED = torch._C.ScriptMethod


@contextmanager
def _saying_where(name: str, args: Any, kwargs: Any) -> Iterator[None]:
    try:
        yield
    except _OF_ARGUMENTS as error:
        say_where_in_torch(error, name, args, kwargs)
        raise


def _refuse_script() -> NoReturn:
    raise UnknownTorchFunctionError(
        "TorchScript cannot take a Variable: its code and its parameters are torch's own",
        where="a call of a ScriptModule",
        fix="call the module that it was made from, with plugrad.interop.convert(module); or, "
        "where no gradient is needed, pass x.data",
    )


class _Call(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """One call of a torch function: which tensor is which Variable while it runs."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # asking in each call would import torch._dynamo

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.function = function
        #: The keys as the caller has them: our ops run in the caller's modes.
        self.keys = _excluded()
        #: Inside torch.vmap, the keys of it: the mode sees whole batches, and our ops are mapped.
        self.transforms = _included() & _TRANSFORMS if transform_depth() else None
        #: By the id of its tensor, which it keeps alive.
        self.variables: dict[int, Variable] = {}
        #: The caller's plain tensors, which cannot remember a gradient; and its Variables' ids.
        self.constants: dict[int, Tensor] = {}
        self.given: set[int] = set()
        self.tracked = False
        #: Whether the number in a Variable that requires grad was read: it has no gradient then.
        self.read_a_number = False

    def __enter__(self) -> _Call:
        _push(self)  # without the notes that torch's makes for all threads
        return self

    def __exit__(self, *_: object) -> None:
        _pop(None)

    def below(self) -> Any:
        """Below torch's autograd, and below torch.vmap."""
        if self.transforms is None:
            return _Keys(_included(), self.keys | _AUTOGRAD)
        return _Keys(_included() - _TRANSFORMS, self.keys | _AUTOGRAD | _TRANSFORMS)

    def outside(self) -> Any:
        """Where the caller is."""
        included = _included()
        return _Keys(included if self.transforms is None else included | self.transforms, self.keys)

    @property
    def name(self) -> str:
        """The function's, for errors."""
        return torch_name(self.function)

    # --- in and out ---
    def lowered(self, value: Any) -> Any:
        """``value`` with tensors for Variables, each of which is noted."""
        if isinstance(value, Variable):
            return self._lowered(value)
        if isinstance(value, Tensor):
            if value.requires_grad and _is_grad_enabled():
                return self._lowered(leaf_of(value, self.name))
            if id(value) in self.variables:
                value = value.detach()  # x.data beside x is no Variable
            self.constants[id(value)] = value
        elif isinstance(value, list | tuple):
            return like(value, [self.lowered(v) for v in value])
        elif value.__class__ is dict:
            return {key: self.lowered(v) for key, v in value.items()}
        return value

    def _lowered(self, variable: Variable) -> Tensor:
        tensor = variable._data
        known = self.constants.get(id(tensor), self.variables.get(id(tensor), variable))
        if known is not variable:
            tensor = tensor.detach()  # two Variables of one tensor are distinct from here on
        self.variables[id(tensor)] = variable
        self.given.add(id(tensor))
        self.tracked = self.tracked or variable.requires_grad
        return tensor

    def raised(self, value: Any) -> Any:
        """``value`` with Variables for tensors."""
        if isinstance(value, Tensor):
            return self._raised(value)
        if isinstance(value, list | tuple):
            return like(value, [self.raised(v) for v in value])
        if value.__class__ is dict:
            return {key: self.raised(v) for key, v in value.items()}
        return value

    def _raised(self, tensor: Tensor) -> Variable | Tensor:
        if id(tensor) in self.constants:
            return tensor
        if tensor.requires_grad and _is_grad_enabled():  # of parameters that were no arguments
            refuse_torch_graph(tensor, self.name)
        found = self.variables.get(id(tensor))
        if found is None:
            found = self.variables[id(tensor)] = plain(tensor)
            if tensor._is_view():
                self._note_view(found)
        return found

    def _note_view(self, view: Variable) -> None:
        """Note that an output which no op of ours made is a view of a Variable."""
        given = [v for number, v in self.variables.items() if number in self.given]
        as_strided = self._entry(_aten.as_strided.default).function
        if not note_strided_view(as_strided, given, view):
            named: Any = SimpleNamespace(__name__=self.name, signature=self)
            note_custom_view(named, list(self.variables.values()), view)

    # --- while it runs ---
    def __torch_dispatch__(
        self, primitive: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        # torch excludes all keys above a mode's: Conjugate too, without which lazily conjugated
        # tensors are read wrongly, and those that count versions and note views.
        with self.outside():
            return self._compute(primitive, args, kwargs or {})

    def _compute(self, primitive: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        ours = [self._known(a) for a in args]
        options = {key: self._known(a) for key, a in kwargs.items()} if kwargs else kwargs
        if not (_is_grad_enabled() and _any_tracked((*ours, *options.values()))):
            return without_gradient(primitive, args, kwargs)
        entry = registry.primitive(primitive)
        if entry is not None:
            return self._kept(entry.apply(*ours, **options))
        if is_composite(primitive):
            with self.below(), self:
                return decomposed(primitive, args, kwargs)
        if primitive._schema.is_mutable:
            return self._change(primitive, args, kwargs, ours, options)
        if has_own_rule(primitive):
            return self._kept(call_with_own_rule(primitive, tuple(ours), options))
        output = primitive(*args, **kwargs)
        if has_no_gradient(primitive):
            self.variables[id(output)] = plain(output)
        elif primitive is _ITEM:
            self.read_a_number |= id(args[0]) in self.given
        elif not _is_constant(output):
            self._refuse(primitive)
        return output

    def _known(self, value: Any) -> Any:
        """``value`` with Variables for the tensors that belong to Variables."""
        if isinstance(value, Tensor):
            found = self._variable(value)
            return value if found is None else found
        if value.__class__ is list or value.__class__ is tuple:
            return [self._known(v) for v in value]
        return value

    def _variable(self, tensor: Tensor) -> Variable | None:
        found = self.variables.get(id(tensor))
        if found is None and tensor._base is not None:
            base = self.variables.get(id(tensor._base))
            if base is not None and base.requires_grad:  # the view is older than the base's edge
                return self._older_view(tensor, base)
        return found

    def _older_view(self, tensor: Tensor, base: Variable) -> Variable:
        view = self.variables[id(tensor)] = view_of(tensor, base, self._entry)
        return view

    def _kept(self, value: Any) -> Any:
        """The tensors of the Variables that an op returned."""
        if isinstance(value, Variable):
            self.variables[id(value._data)] = value
            return value._data
        if isinstance(value, list | tuple):
            return [self._kept(v) for v in value]
        return value

    # --- changes in place ---
    def _change(
        self,
        primitive: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        ours: list[Any],
        options: dict[str, Any],
    ) -> Any:
        form = functional_form(primitive)
        if form is None:
            self._refuse(primitive)
        entry, name, outs = (
            self._entry(form),
            primitive.overloadpacket.__name__,
            out_names(primitive),
        )
        if outs:
            options = {key: value for key, value in options.items() if key not in outs}
            results = entry.apply(*ours, **options)
            for out, result in zip(outs, results if len(outs) > 1 else [results], strict=True):
                self._write_result(kwargs[out], result, name)
            return kwargs[outs[0]] if len(outs) == 1 else tuple([kwargs[out] for out in outs])
        if is_inplace_view(primitive):
            return self._reshape(primitive, entry, args, kwargs, ours, options)
        x = self._writable(args[0], name)
        check_inplace(x, name)
        if entry.function.overwrite is not None:
            entry.function.overwrite(x, *ours[1:], **options)
        else:
            overwrite(x, entry.function, name, tuple(ours[1:]), options)
        return args[0]

    def _write_result(self, tensor: Tensor, result: Any, name: str) -> None:
        x = self._writable(tensor, name)
        if tensor.shape != result.shape:
            tensor.resize_(result.shape)
        x.copy_(result)

    def _writable(self, tensor: Tensor, name: str) -> Variable:
        """The Variable of a tensor; a new one if torch's code made the tensor."""
        found = self._variable(tensor)
        if found is not None:
            return found
        base = tensor if tensor._base is None else tensor._base
        if id(base) in self.constants or id(tensor) in self.constants:
            raise InplaceError(
                f"{name} would write a Variable that requires grad into a plain tensor, which "
                "cannot remember where its values come from",
                where=f"a call of {self.name}, an argument of shape {tuple(tensor.shape)}",
                fix="make the tensor a Variable: plugrad.Variable(tensor); or, if no gradient is "
                "needed, pass .detach() or call it in plugrad.no_grad()",
            )
        variable = self.variables.setdefault(id(base), plain(base))
        return variable if base is tensor else self._older_view(tensor, variable)

    def _reshape(
        self,
        primitive: Any,
        entry: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        ours: list[Any],
        options: dict[str, Any],
    ) -> Any:
        """Change the shape of a tensor that torch's code made, as ``squeeze_`` does."""
        tensor = args[0]
        if id(tensor) in self.given:  # a record may have saved it in its present shape
            raise InplaceError(
                f"{self.name} changes the shape of the Variable that it was given, in place",
                where=f"a call of {self.name}, an argument of shape {tuple(tensor.shape)}",
                fix="leave out inplace=True; or pass a batch of one: x.unsqueeze(0)",
            )
        # What it is a view of keeps its shape, for whoever changes the view in place later.
        ours[0]._data = tensor.detach()
        view = entry.apply(*ours, **options)
        primitive(*args, **kwargs)
        view._data = tensor
        self.variables[id(tensor)] = view
        return tensor

    # --- refusals ---
    @property
    def op_name(self) -> str:
        """The name in errors for the call that made a view."""
        return self.name

    def _entry(self, primitive: Any) -> Any:
        return registry.primitive(primitive) or self._refuse(primitive)

    def refuse_number(self) -> NoReturn:
        """Raise as torch does for a tensor that requires grad in the place of a number."""
        raise ArgumentError(
            f"{self.name} takes a number where it was given a Variable that requires grad, and "
            "there is no gradient for it",
            where=f"a call of {self.name}",
            fix="pass a number, or .detach() of the Variable",
        )

    def _refuse(self, primitive: Any) -> NoReturn:
        raise MissingPrimitiveError(
            f"no op stands for {self.name}, and torch's own implementation of it calls the "
            f"primitive {primitive}, for which there is none either, so its gradient is not known",
            where=f"a call of {self.name}",
            fix=f"{bring(self.name)}{how_to_add_a_rule(primitive)}; or pass .detach() where no "
            "gradient is needed",
        )


def _any_tracked(values: Iterable[Any]) -> bool:
    for value in values:
        if isinstance(value, Variable):
            if value.requires_grad:
                return True
        elif value.__class__ is list and _any_tracked(value):
            return True
    return False


def _is_constant(output: Any) -> bool:
    """Whether an output has no gradient: integers, booleans, or not a tensor."""
    if isinstance(output, Tensor):
        return not (output.is_floating_point() or output.is_complex())
    return not isinstance(output, list | tuple) or all(map(_is_constant, output))
