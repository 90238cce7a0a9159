"""What an op declares: Declaration, by @op; Signature, by the parameters of its forward."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from plugrad.core.counted import counted
from plugrad.errors import ArgumentError, OpDefinitionError, OutArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import torch

_T = TypeVar("_T")
# Names that torch and NumPy give to what our forwards call x, y, dim and keepdim.
# "input" and "self" are the first parameter whatever its name, "other" the second.
_COMMON_ALIASES = {"axis": "dim", "keepdims": "keepdim"}
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Surrogate:
    """Why a backward is deliberately not the derivative of forward.

    A straight-through estimator, gradient reversal, clipping, a spiking network's slope.

    Args:
        reason: in words; it is counted and shown like the reason of a waiver.
        linear: whether it is linear in the cotangent, as a derivative would be.
    """

    reason: str
    linear: bool = True

    def __bool__(self) -> bool:
        return bool(self.reason)


def surrogate(reason: str, *, linear: bool = True) -> Surrogate:
    """What ``@op(surrogate=...)`` takes if a reason alone is not enough: see Surrogate."""
    return Surrogate(reason, linear)


@dataclass(frozen=True)
class Declaration:
    """The name of an op, how it is reached, and what is true of its mathematics."""

    #: torch's name of the op: ``add``, ``linalg.det``, ``nn.functional.softplus``.
    name: str
    #: Names on Variable: methods and dunders. A reflected dunder swaps its operands.
    methods: tuple[str, ...] = ()
    #: Names on Variable that are read, not called: ``T``.
    properties: tuple[str, ...] = ()
    #: The torch callables this op stands for; the first is also its reference.
    overrides: tuple[Callable[..., Any], ...] = ()
    #: What forward is compared with if ``overrides`` does not say.
    reference: Callable[..., Any] | None = None
    #: Further names of parameters, as torch spells them: ``{"exponent": "y"}``.
    aliases: Mapping[str, str] = field(default_factory=dict)
    #: Operands broadcast as in torch: the engine sums each gradient to its input's shape.
    #: It implies ``promotes``.
    broadcasts: bool = False
    #: Operands promote as in torch: the engine casts each gradient to its input's dtype (for a
    #: complex gradient, its real part).
    promotes: bool = False
    #: Names of in-place twins, such as ``add_`` and ``__iadd__`` (the op's result is written over
    #: its first argument); True means those of ``methods`` that torch.Tensor has.
    inplace: bool | tuple[str, ...] = False
    #: The op is linear in its differentiable inputs.
    linear: bool = False
    #: Each element of the output depends only on the same element of each input.
    elementwise: bool = False
    #: Whether there are gradients at all; False for comparisons and the like.
    differentiable: bool = True
    #: An output may share memory with an input: a view, or the input itself.
    view: bool = False
    #: Forward draws random numbers from torch's default generator.
    random: bool = False
    #: How far two runs of the same call may differ, relative to the largest element; 0 means
    #: that they are the same bit for bit.
    nondeterminism: float = 0.0
    #: The dtypes it takes; forward raises for any other. None if ``reference`` or
    #: ``overrides[0]`` decides.
    dtypes: tuple[torch.dtype, ...] | None = None
    #: Why backward is deliberately not the derivative of forward: a reason, or a Surrogate.
    surrogate: str | Surrogate = ""
    #: A function of forward's arguments that torch differentiates; backward should give its
    #: gradient, however that is computed.
    surrogate_reference: Callable[..., Any] | None = None
    #: Forward and its gradients are a torch function's: ``plugrad.interop.from_torch`` made it.
    from_torch: bool = False
    #: Laws of ``plugrad.testing`` that the op breaks on purpose: their ids, with the reason. A
    #: waived law that the op keeps is an error.
    waives: Mapping[str, str] = field(default_factory=dict)
    #: Faults of the strength run that do not change this op's gradients: ids and reasons. A fault
    #: listed here that the samples catch is an error.
    equivalent: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        said = self.surrogate
        reason = said.reason if isinstance(said, Surrogate) else said
        if not isinstance(reason, str) or (isinstance(said, Surrogate) and not reason):
            raise OpDefinitionError(
                f"surrogate={said!r} gives no reason",
                where=f"the declaration of {self.name}",
                fix='say why backward is not the derivative: surrogate="straight-through"',
            )

    @property
    def as_surrogate(self) -> Surrogate:
        """``surrogate``, without a reason if backward is the derivative."""
        said = self.surrogate
        if not said and self.surrogate_reference is not None:
            said = "it has a surrogate_reference"
        return said if isinstance(said, Surrogate) else Surrogate(said)


def _is_number(parameter: inspect.Parameter) -> bool:
    annotation = parameter.annotation
    if not isinstance(annotation, str):  # from __future__ import annotations makes it one
        return False
    others = ("Tensor", "Variable", "Any", "object")
    return annotation != "None" and not any(kind in annotation for kind in others)


class Signature:
    """The parameters of ``forward`` after ``ctx``.

    Positional parameters may be differentiable; keyword-only ones never are.

    Args:
        forward: the function.
        op_name: what errors call the op.
        skip: how many leading parameters are not the caller's (1 for ``ctx``).
        aliases: further names for parameters, e.g. ``{"exponent": "y"}``.

    Raises:
        OpDefinitionError: forward takes ``**kwargs``, or lacks the leading parameters.
    """

    __slots__ = (
        "_defaults",
        "_index",
        "_required",
        "aliases",
        "keyword_only",
        "numbers",
        "op_name",
        "positional",
        "python",
        "variadic",
    )

    def __init__(
        self, forward: Callable[..., Any], op_name: str, skip: int, aliases: Mapping[str, str]
    ) -> None:
        parameters = list(inspect.signature(forward).parameters.values())
        if len(parameters) < skip or any(p.kind is p.VAR_KEYWORD for p in parameters):
            raise OpDefinitionError(
                f"forward of {op_name} has the signature {inspect.signature(forward)}",
                where=op_name,
                fix="write forward(ctx, x, ...) with each parameter named; **kwargs is not allowed",
            )
        parameters = parameters[skip:]
        self.op_name = op_name
        self.positional = tuple(p.name for p in parameters if p.kind in _POSITIONAL)
        self.keyword_only = frozenset(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)
        #: As Python shows it, to help(), editors and notebooks; the stub has the types.
        self.python = inspect.Signature([p.replace(annotation=p.empty) for p in parameters])
        #: The name of ``*parameter``, empty if there is none.
        self.variadic = "".join(p.name for p in parameters if p.kind is p.VAR_POSITIONAL)
        #: The positions of parameters whose annotation cannot hold a tensor.
        self.numbers = tuple(
            [i for i, p in enumerate(parameters) if p.kind in _POSITIONAL and _is_number(p)]
        )
        self._defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self._index = {name: i for i, name in enumerate(self.positional)}
        self._required = sum(name not in self._defaults for name in self.positional)
        #: Further names, and the parameter that each stands for.
        self.aliases = self._all_aliases(aliases)

    def _all_aliases(self, declared: Mapping[str, str]) -> dict[str, str]:
        known = {*self.positional, *self.keyword_only}
        aliases = {a: p for a, p in _COMMON_ALIASES.items() if p in known and a not in known}
        for names, position in ((("input", "self"), 0), (("other",), 1)):
            if position < len(self.positional):
                aliases.update((n, self.positional[position]) for n in names if n not in known)
        return {**aliases, **declared}

    def bind(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The positional arguments in forward's order, and the keyword-only ones.

        Raises:
            ArgumentError: an unknown, repeated, missing or surplus argument.
        """
        if not kwargs and len(args) == len(self.positional):
            return args, {}
        if len(args) > len(self.positional) and not self.variadic:
            self._refuse(
                f"takes at most {counted(len(self.positional), 'positional argument')}, "
                f"got {len(args)}"
            )
        options: dict[str, Any] = {}
        named: dict[int, Any] = {}
        for given, value in kwargs.items():
            name = self.aliases.get(given, given)
            if given == "out" and name not in self.keyword_only and name not in self._index:
                self._check_out(value)
                continue
            if name in self.keyword_only:
                options[name] = value
                continue
            if name not in self._index:
                self._refuse(f"got an unexpected argument {given!r}")
            index = self._index[name]
            if index < len(args) or index in named:
                self._refuse(f"got {given!r} twice")
            named[index] = value
        return self._filled(args, named), options

    def _filled(self, args: tuple[Any, ...], named: dict[int, Any]) -> tuple[Any, ...]:
        values = list(args)
        last = max(named, default=-1)
        for index in range(len(args), len(self.positional)):
            name = self.positional[index]
            if index in named:
                values.append(named[index])
            elif name not in self._defaults:
                self._refuse(f"is missing the argument {name!r}")
            elif index < last:
                values.append(self._defaults[name])
            else:
                break  # forward's own defaults do the rest
        return tuple(values)

    def known(self, name: str) -> str:
        """The parameter for torch's ``name``: ``x`` for ``self``."""
        return self.aliases.get(name, name)

    def completed(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """``args`` with the defaults of the parameters that were left out."""
        return (*args, *[self._defaults[name] for name in self.positional[len(args) :]])

    def by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """What each parameter is in a call, with the defaults of those that were left out.

        Raises:
            ArgumentError: as ``bind`` does.
        """
        bound, options = self.bind(args, kwargs)
        named = dict(zip(self.positional, bound))  # noqa: B905 (the rest is for *args)
        return {**self._defaults, **named, **options}

    def padded(self, values: Sequence[_T], filler: _T) -> tuple[_T, ...]:
        """``values``, one per argument, with ``filler`` for each parameter that was left out."""
        return (*values, *(filler,) * (len(self.positional) - len(values)))

    def fits(self, count: int) -> bool:
        """Whether a call with ``count`` positional arguments and no others is complete."""
        return self._required <= count and (bool(self.variadic) or count <= len(self.positional))

    def _check_out(self, out: object) -> None:
        """Torch's ``out=`` may only be None: results are recorded Variables."""
        if out is not None:
            raise OutArgumentError(
                f"{self.op_name}() was given out=, which no op takes: a result written into a "
                "tensor has no gradient",
                where=f"a call of {self.op_name}",
                fix="drop out= and use the result; or, where no gradient is needed, "
                "out.copy_(result.detach())",
            )

    def _refuse(self, problem: str) -> NoReturn:
        names = [*self.positional, *(f"{n}=" for n in sorted(self.keyword_only))]
        raise ArgumentError(
            f"{self.op_name}() {problem}",
            where=f"a call of {self.op_name}",
            fix=f"its arguments are ({', '.join(names)})",
        )
