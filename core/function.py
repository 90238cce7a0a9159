"""Function: the abstract protocol of an op."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from plugrad.core.call import make_gate
from plugrad.core.node import BinaryRecord, ManyRecord, Record, UnaryRecord
from plugrad.core.op_type import OpType
from plugrad.core.signature import Signature
from plugrad.errors import OpDefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plugrad.core.context import Context
    from plugrad.core.declaration import Declaration
    from plugrad.core.sample import Sample
    from plugrad.core.sample_maker import SampleMaker


class Function(metaclass=OpType):
    """An op: a forward on tensors and the backward that goes with it.

    The contract is ``torch.autograd.Function``'s, names included, so one of those ports
    by changing its base class and adding ``samples``. A subclass gives

    - ``forward(ctx, *args, **options)``: computes on raw tensors; or ``forward(*args)``
      with a ``setup_context(ctx, inputs, output)``;
    - ``backward(ctx, *gradients)``: one gradient per argument of forward, None where
      there is none; those after the last tensor may be left out. Written in tensor
      methods and torch functions, it also differentiates a second time;
    - ``samples(make)``: calls that show what the op can do, which the checks run.

    ``apply`` is made from them. A class is never instantiated.

    Raises:
        OpDefinitionError: forward's signature has no place for ``ctx``, or ``**kwargs``.
    """

    #: Calls the op; Variables in, Variables out.
    apply: ClassVar[Callable[..., Any]]
    #: What ``@op`` declared; None for a Function without it.
    declaration: ClassVar[Declaration | None] = None
    #: How arguments line up with forward's parameters.
    signature: ClassVar[Signature]
    #: The class of the records of its calls, which are also its contexts.
    record_type: ClassVar[type[Record]]

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
        """Turn the outputs' gradients into the inputs' (the vjp)."""
        raise NotImplementedError

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
        if not getattr(cls.forward, "__isabstractmethod__", False):
            cls._compile(cls.__name__, {})

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise OpDefinitionError(
            f"{cls.__name__} is an op and has no instances",
            fix=f"call {cls.__name__}.apply(...)",
        )

    @classmethod
    def _compile(cls, op_name: str, aliases: Mapping[str, str]) -> None:
        """Make what calls need from the class: signature, record types and gate."""
        skip = 0 if cls.takes_setup_context() else 1
        cls.signature = Signature(cls.forward, op_name, skip, aliases)
        parameters = 0 if cls.signature.variadic else len(cls.signature.positional)
        base = {1: UnaryRecord, 2: BinaryRecord}.get(parameters, ManyRecord)
        cls.record_type = cls._record_type(base)
        gate = make_gate(cls)
        # As a function found there, so that it pickles and help() tells of the op.
        gate.__module__, gate.__qualname__ = cls.__module__, f"{cls.__qualname__}.apply"
        gate.__doc__ = cls.__doc__
        cls.apply = staticmethod(gate)

    @classmethod
    def _record_type(cls, base: type[Record]) -> type[Record]:
        declaration = cls.declaration
        return type(
            cls.__name__,
            (base,),
            {
                "_pg_function": cls,
                "_pg_rule": staticmethod(cls.backward),
                "_pg_op_name": cls.signature.op_name,
                "_pg_broadcasts": declaration is not None and declaration.broadcasts,
                "_pg_promotes": declaration is not None
                and (declaration.promotes or declaration.broadcasts),
                "_pg_below_autograd": cls.is_builtin(),
                "__module__": cls.__module__,
                "__doc__": cls.__doc__,
            },
        )

    @classmethod
    def record_type_of_lists(cls) -> type[Record]:
        """The class of the records of calls with a list of tensors, which have more edges."""
        if issubclass(cls.record_type, ManyRecord):
            return cls.record_type
        found = vars(cls).get("_record_type_of_lists")
        if found is None:
            found = cls._record_type_of_lists = cls._record_type(ManyRecord)  # type: ignore[attr-defined]
        return found

    @classmethod
    def is_builtin(cls) -> bool:
        """Whether it is one of plugrad's own ops, whose rules do not use torch's autograd."""
        return cls.__module__.startswith("plugrad.ops.")

    @classmethod
    def takes_setup_context(cls) -> bool:
        """Whether forward is written without ``ctx``."""
        return cls.setup_context is not Function.setup_context

    @classmethod
    def operator(cls) -> Callable[..., Any]:
        """``apply`` as a method like ``__add__``: NotImplemented for foreign operands."""
        return make_gate(cls, operator=True)
