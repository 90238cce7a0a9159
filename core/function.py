"""Function, the abstract protocol of an op; Composite; @op; once_differentiable."""

from __future__ import annotations

import copyreg
import importlib
import keyword
import sys
from abc import abstractmethod
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from plugrad.core.call import make_gate
from plugrad.core.ctx_uses import is_arithmetic
from plugrad.core.declaration import Declaration, Signature
from plugrad.core.general_call import say_where
from plugrad.core.held import holds_tensor
from plugrad.core.node import BinaryRecord, ManyRecord, Record, RecordTypes, UnaryRecord
from plugrad.core.op_type import OpType
from plugrad.core.seams import note_gate, note_record_type
from plugrad.core.when_used import making
from plugrad.errors import (
    MissingMethodError,
    MissingOpError,
    OpDefinitionError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plugrad.core.context import Context
    from plugrad.core.sample import Sample, SampleMaker


def _reduced(function: OpType) -> str | tuple[Any, ...]:
    module = sys.modules.get(function.__module__)
    found = attrgetter(function.__qualname__)
    try:
        own_way = function.declaration is None or found(module) is not function
    except AttributeError:
        own_way = True
    if own_way:  # pickle's, which also says what is wrong
        return function.__qualname__
    return _found, (function.declaration.name, function.__module__, function.__qualname__)


def _found(op: str, module: str, qualified_name: str) -> Any:
    try:
        return attrgetter(qualified_name)(importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise MissingOpError(
            f"the op {op} cannot be unpickled: {error}",
            where=f"the class {module}.{qualified_name}",
            fix=f"install the package that has {module.partition('.')[0]}, in the version that "
            "the pickle was made with",
        ) from error


copyreg.pickle(OpType, _reduced)


class _WhenUsed:
    """An attribute that ``_compile`` makes: asking for it for the first time compiles the class."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, _: None, owner: type[Function]) -> Any:
        with making.lock:  # if two threads ask, the second finds it made
            of: Any = next((c for c in owner.__mro__ if vars(c).get(self._name) is self), None)
            if of is not None:
                of._compile(*of._name_and_aliases())
        return getattr(owner, self._name)


_WHEN_USED = {
    name: _WhenUsed(name) for name in ("signature", "record_type", "record_types", "apply")
}


class Function(metaclass=OpType):
    """An op: a forward on tensors and the backward that goes with it.

    The contract is ``torch.autograd.Function``'s, names included, so a torch Function is
    ported by changing its base class and adding ``samples``. A subclass gives

    - ``forward(ctx, *args, **options)``: computes on raw tensors; or ``forward(*args)``
      with a ``setup_context(ctx, inputs, output)``;
    - ``backward(ctx, *gradients)``, or under its other name ``vjp``: one gradient per argument
      of forward, None where there is none; those after the last tensor may be left out.
      Written in tensor methods and torch functions, it also differentiates a second time;
    - ``samples(make)``: calls that show what the op can do, which the checks run.

    ``apply`` is made from them. A class is never instantiated.

    Raises:
        OpDefinitionError: forward does not take ``ctx``, or takes ``**kwargs``; both ``backward``
            and ``vjp`` are there; a part of the rule is assigned after the class was made.
    """

    #: Calls the op; Variables in, Variables out.
    if TYPE_CHECKING:
        apply: ClassVar[Callable[..., Any]]
    else:

        @classmethod
        def apply(cls, *_: Any, **__: Any) -> Any:
            """Call the op; every class with a forward gets its own ``apply``."""
            raise MissingMethodError(
                "You must implement the forward function for custom Function: "
                f"{cls.__name__} has no forward",
                where=f"a call of {cls.__name__}",
                fix="add @staticmethod def forward(ctx, x, ...): ... to the class",
            )

    #: What ``@op`` declared; None for a Function without it.
    declaration: ClassVar[Declaration | None] = None
    #: How arguments line up with forward's parameters.
    signature: ClassVar[Signature]
    #: The class of the records of its calls, which are also its contexts; and all such classes.
    record_type: ClassVar[type[Record]]
    record_types: ClassVar[RecordTypes]

    #: What ``_compile`` makes.
    _compiled: ClassVar[tuple[str, ...]] = tuple(_WHEN_USED)

    #: What backward finds on ctx if forward set nothing: setting costs time, even for the usual
    #: value.
    ctx_defaults: ClassVar[Mapping[str, Any]] = {}

    #: Whether outputs may be changed in place that are views: what they view is nobody else's.
    owns_its_outputs: ClassVar[bool] = False

    #: torch: whether torch.vmap maps it by itself; here it does so with all that have no vmap.
    generate_vmap_rule: ClassVar[bool] = False

    #: How an op changes its first argument in place, if not by writing its result over it.
    overwrite: ClassVar[Callable[..., None] | None] = None

    @staticmethod
    @abstractmethod
    def forward(*args: Any, **options: Any) -> Any:  # ctx first, if no setup_context
        """Compute the outputs from raw tensors."""

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Fill ``ctx`` after a forward that does not take it; for Functions from torch."""
        raise NotImplementedError

    @staticmethod
    def backward(ctx: Context, *gradients: Any) -> Any:
        """Turn the outputs' gradients (cotangents) into the inputs' gradients: the vjp."""
        name = getattr(ctx, "_pg_op_name", "?")
        raise MissingMethodError(
            "You must implement either the backward or vjp method for your custom Function: "
            f"{name} has no backward",
            where=f"backward of {name}",
            fix="add @staticmethod def backward(ctx, *gradients): ... to the class",
        )

    @staticmethod
    def jvp(ctx: Context, *tangents: Any) -> Any:
        """Turn the inputs' tangents into the outputs'; optional."""
        raise NotImplementedError

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """Compute on a batch of inputs at once; optional."""
        raise NotImplementedError

    @staticmethod
    def samples(make: SampleMaker) -> Iterator[Sample]:
        """Yield the calls that the checks run, those that must raise among them."""
        raise NotImplementedError

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "vjp" in vars(cls):  # torch's other name for backward
            if "backward" in vars(cls):
                raise OpDefinitionError(
                    "Implementing both 'backward' and 'vjp' for a custom Function is not allowed: "
                    f"{cls.__name__} has both",
                    fix="keep one of them",
                )
            cls.backward = staticmethod(cls.vjp)  # type: ignore[attr-defined, method-assign]
        if not getattr(cls.forward, "__isabstractmethod__", False):
            cls._prepare()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise OpDefinitionError(
            f"{cls.__name__} is an op and has no instances",
            fix=f"call {cls.__name__}.apply(...)",
        )

    @classmethod
    def _prepare(cls) -> None:
        """Compile the class; a built-in op only when it is used, so that import is fast."""
        if cls.is_builtin():
            for name in cls._compiled:
                setattr(cls, name, _WHEN_USED[name])
        else:
            cls._compile(*cls._name_and_aliases())

    @classmethod
    def _name_and_aliases(cls) -> tuple[str, Mapping[str, str]]:
        declaration = vars(cls).get("declaration")
        return (declaration.name, declaration.aliases) if declaration else (cls.__name__, {})

    @classmethod
    def _compile(cls, op_name: str, aliases: Mapping[str, str]) -> None:
        """Make what calls need from the class: signature, record types and gate."""
        skip = 0 if cls.takes_setup_context() else 1
        cls.signature = Signature(cls.forward, op_name, skip, aliases)
        parameters = 0 if cls.signature.variadic else len(cls.signature.positional)
        base = {1: UnaryRecord, 2: BinaryRecord}.get(parameters, ManyRecord)
        cls.record_type = cls._record_type(base)
        cls.record_types = RecordTypes(cls.record_type, not cls.is_builtin())
        cls.apply = staticmethod(cls._described(make_gate(cls)))

    @classmethod
    def _described(cls, gate: Callable[..., Any]) -> Callable[..., Any]:
        """``gate``, so that it pickles, and help(), editors and notebooks describe the op."""
        gate.__module__, gate.__qualname__ = cls.__module__, f"{cls.__qualname__}.apply"
        gate.__name__ = cls.signature.op_name.rpartition(".")[2]
        gate.__doc__ = cls.__doc__
        gate.__signature__ = cls.signature.python  # type: ignore[attr-defined]
        note_gate(gate)
        return gate

    @classmethod
    def _record_type(cls, base: type[Record]) -> type[Record]:
        declaration = cls.declaration
        made = type(
            cls.__name__,
            (base,),
            {
                **cls._checked_defaults(),
                "_pg_function": cls,
                "_pg_rule": staticmethod(cls.backward),
                "_pg_op_name": cls.signature.op_name,
                "_pg_broadcasts": declaration is not None and declaration.broadcasts,
                "_pg_promotes": declaration is not None
                and (declaration.promotes or declaration.broadcasts),
                "_pg_is_builtin": cls.is_builtin(),
                "_pg_below_autograd": cls.is_builtin() or is_arithmetic(cls.backward),
                "__module__": cls.__module__,
                "__doc__": cls.__doc__,
            },
        )
        note_record_type(made)
        return made

    @classmethod
    def _checked_defaults(cls) -> Mapping[str, Any]:
        for name, value in cls.ctx_defaults.items():
            if hasattr(Record, name) or holds_tensor(value):
                raise OpDefinitionError(
                    f"{cls.__name__}.ctx_defaults has {name!r}, "
                    + ("a tensor" if holds_tensor(value) else "which ctx has by itself"),
                    fix="save tensors with ctx.save_for_backward, in forward"
                    if holds_tensor(value)
                    else "choose another name, and set it in forward",
                )
        return cls.ctx_defaults

    @classmethod
    def record_type_of_lists(cls) -> type[Record]:
        """The class of the records of calls with a list of tensors, which have more edges."""
        if issubclass(cls.record_type, ManyRecord):
            return cls.record_type
        found = vars(cls).get("_record_type_of_lists")
        if found is None:
            found = cls._record_type_of_lists = cls._record_type(ManyRecord)
        return found

    @classmethod
    def is_builtin(cls) -> bool:
        """Whether it is a built-in op, whose rule does not use torch's autograd."""
        return cls.__module__.startswith("plugrad.ops.")

    @classmethod
    def has_own_jvp(cls) -> bool:
        """Whether forward mode does not have to derive it from backward."""
        return cls.jvp is not Function.jvp

    @classmethod
    def has_own_vmap(cls) -> bool:
        """Whether it says how it is computed on a batch."""
        return cls.vmap is not Function.vmap

    @classmethod
    def takes_setup_context(cls) -> bool:
        """Whether forward is written without ``ctx``."""
        return cls.setup_context is not Function.setup_context

    @classmethod
    def is_value_and_slope(cls) -> bool:
        """Whether forward only computes an Elementwise's value, and saves what slope needs."""
        return False

    @classmethod
    def operator(cls) -> Callable[..., Any]:
        """``apply`` as a method like ``__add__``: NotImplemented for foreign operands."""
        return cls._described(make_gate(cls, operator=True))


class Composite(Function):
    """An op with only ``forward(x, ...)``, without ``ctx``, written in methods and torch functions.

    Forward gets its arguments as they are, Variables or tensors, and the ops it calls
    record themselves.
    """

    _compiled: ClassVar[tuple[str, ...]] = ("signature", "apply")

    @classmethod
    def _compile(cls, op_name: str, aliases: Mapping[str, str]) -> None:
        signature = cls.signature = Signature(cls.forward, op_name, 0, aliases)
        forward = cls.forward

        def apply(*args: Any, **kwargs: Any) -> Any:
            args, options = signature.bind(args, kwargs)
            try:
                return forward(*args, **options)
            except Exception as error:
                say_where(error, cls, args)
                raise

        cls.apply = staticmethod(cls._described(apply))


_F = TypeVar("_F", bound=type[Function])


def op(name: str, **declared: Any) -> Callable[[_F], _F]:
    """Declare the decorated class to be the op ``name``.

    It changes nothing but the class: a registry makes the op reachable.

    Args:
        name: torch's dotted name, or ``pack::name`` in a pack.
        declared: the further fields of Declaration.

    Raises:
        OpDefinitionError: the name is not made of identifiers, the class is not a Function,
            or a keyword is unknown.
    """
    pack, colons, plain = name.rpartition("::")
    parts = [*([pack] if colons else []), *plain.split(".")]
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise OpDefinitionError(
            f"{name!r} is not a legal op name",
            fix="use identifiers joined by dots, as in 'linalg.det', or 'pack::name'",
        )
    try:
        declaration = Declaration(name, **declared)
    except TypeError as error:
        raise OpDefinitionError(
            f"@op({name!r}) got an unknown keyword: {error}",
            fix=f"use these: {', '.join(list(Declaration.__dataclass_fields__)[1:])}",
        ) from error

    def declare(function: _F) -> _F:
        if not (isinstance(function, type) and issubclass(function, Function)):
            raise OpDefinitionError(
                f"@op({name!r}) decorates {function!r}, which is not a Function",
                fix="write class Name(plugrad.Function): ...",
            )
        function.declaration = declaration
        function._prepare()
        return function

    return declare
