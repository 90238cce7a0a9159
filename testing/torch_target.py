"""TorchTarget: what torch differentiates, as an op under test, with nothing ported or patched."""

from __future__ import annotations

import inspect
import sys
from dataclasses import fields
from functools import reduce
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.declaration import Declaration, Signature
from plugrad.core.sample import Sample
from plugrad.errors import ArgumentError, OpDefinitionError, TargetError
from plugrad.interop.torchs_function import has_setup_context, once_marked, rule_of
from plugrad.testing.call import flat
from plugrad.testing.engine import TORCH
from plugrad.testing.op_under_test import OpUnderTest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plugrad.core.sample import SampleMaker
    from plugrad.testing.engine import Engine

#: Laws about how much the samples show, or about what few Functions are written for.
_ADVICE = frozenset({"batched-cotangents", "branches", "lines", "options", "setup-context"})
#: What may be declared of a target, as ``@op`` declares it of an op.
DECLARABLE = frozenset(
    {
        "dtypes",
        "elementwise",
        "equivalent",
        "linear",
        "nondeterminism",
        "random",
        "surrogate",
        "surrogate_reference",
        "waives",
    }
)


class TorchTarget(OpUnderTest):
    """A torch.autograd.Function, a custom op, or a callable on tensors that torch differentiates.

    It has the names that the laws use on a plugrad op, and runs on torch's engine.

    Args:
        target: the class or callable.
        samples: as for ``check_op``; None if there are none.
        name: what it is called; by default ``module:qualified.name``.
        command: what checks it again, if a command line can.
        reference: what it must equal, in values and gradients.
        declared: what is true of it, as for ``@op``: see DECLARABLE.
        seed: the seed for the samples and everything that the laws draw.
        device: the device of the samples' tensors.
        engine: what differentiates it, if not torch.

    Raises:
        TargetError: torch cannot differentiate it.
        ArgumentError: something is declared that cannot be.
    """

    #: What else the command line said of it: `` --samples FILE``.
    options = ""

    def __init__(
        self,
        target: Any,
        samples: Any = None,
        *,
        name: str = "",
        command: str = "",
        reference: Callable[..., Any] | None = None,
        declared: dict[str, Any] | None = None,
        seed: int = 0,
        device: str = "cpu",
        engine: Engine = TORCH,
    ) -> None:
        if not is_torch_target(target):
            raise TargetError(
                f"{target!r} is not something that torch differentiates",
                where="the target of a check",
                fix="pass a torch.autograd.Function subclass, a custom op or a function on tensors",
            )
        target = of_apply(target)
        if is_function(target) and target.forward is torch.autograd.Function.forward:
            raise TargetError(
                f"{target.__qualname__} has no forward",
                where="the target of a check",
                fix="write forward and backward, or name the Function that has them",
            )
        declared = declared or {}
        unknown = sorted(declared.keys() - DECLARABLE)
        if unknown:
            raise ArgumentError(
                f"{', '.join(unknown)} cannot be declared of a torch target",
                where=f"the check of {target!r}",
                fix=f"these can: {', '.join(sorted(DECLARABLE))}, reference= and samples=",
            )
        self._name, self._command = name or target_name(target), command
        declaration = Declaration(self._name, reference=reference, **declared)
        super().__init__(target, None, seed, device, declaration)
        self.engine, self._samples = engine, samples
        self._signature = _signature(target, self._name)

    def reseeded(self, seed: int) -> TorchTarget:
        """The same target with the samples of another seed."""
        said = self.declaration
        declared = {f.name: getattr(said, f.name) for f in fields(said) if f.name in DECLARABLE}
        return TorchTarget(
            self.function,
            self._samples,
            name=self._name,
            command=self._command,
            reference=said.reference,
            declared=declared,
            seed=seed,
            device=self.device,
            engine=self.engine,
        )

    def of_copy(self, function: Any) -> TorchTarget:
        """A copy of the target's class, with the same declarations."""
        copy = self.reseeded(self.seed)
        copy.function = function
        copy.dirties, copy.draws = self.dirties, dict(self.draws)
        copy.forward_is_seen = self.forward_is_seen
        return copy

    @property
    def command(self) -> str:
        """What checks it again, but for options; empty where no command finds it."""
        return f"{self._command}{self.options}" if self._command else ""

    def is_warning(self, law: str) -> bool:
        """Whether breaking this law is only a warning: the target claims nothing about it."""
        if law == "complex":
            return not any(map(_has_complex, self._made))
        if law == "stretched":
            return not any(map(_has_domain, self._made))
        return law in _ADVICE

    # --- what it is ---
    @property
    def name(self) -> str:
        """``module:qualified.name``, or what it was found by."""
        return self._name

    @property
    def pack(self) -> str:
        """Not one of plugrad's packs."""
        return ""

    @property
    def composite(self) -> bool:
        """Whether its rule cannot be called by itself: it is not a torch.autograd.Function."""
        return not is_function(self.function)

    @property
    def signature(self) -> Signature:
        """The parameters of forward after ``ctx``; any number where it does not say."""
        return self._signature

    @property
    def has_setup_context(self) -> bool:
        """Whether forward is without ``ctx``, as torch.func needs it."""
        return has_setup_context(self.function)

    @property
    def once_differentiable(self) -> bool:
        """Whether backward is marked with torch's once_differentiable."""
        if self.composite:
            return once_marked(getattr(definition_of(self.function), "_backward_fn", None))
        return once_marked(rule_of(self.function))

    @property
    def has_jvp(self) -> bool:
        """Whether it has a jvp of its own."""
        base = torch.autograd.function._SingleLevelFunction
        return not self.composite and self.function.jvp is not base.jvp

    # --- its calls ---
    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        if self.composite:
            return self.function(*args, **kwargs)
        return self.function.apply(*self.bound(args, kwargs))

    def bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments by position, as a torch.autograd.Function takes them."""
        return self.signature.bind(args, kwargs)[0]

    def bare_forward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Forward itself, which torch may be recording; the call if it is not a Function."""
        if self.composite:
            return self.function(*args, **kwargs)
        bound = self.bound(args, kwargs)
        if self.has_setup_context:
            return self.function.forward(*bound)
        return self.function.forward(_Context(len(bound)), *bound)

    # --- its samples ---
    def all_samples(self, seed: int | None = None) -> Iterable[Sample]:
        """The samples for ``seed``, by default the target's."""
        return made_samples(self._samples, self.maker(seed))


def _has_complex(sample: Sample) -> bool:
    values = flat([list(sample.args), list(sample.kwargs.values())])
    return any(isinstance(v, Tensor) and v.is_complex() for v in values)


def _has_domain(sample: Sample) -> bool:
    values = flat([list(sample.args), list(sample.kwargs.values())])
    said = {*sample.domains.values(), *(getattr(v, "plugrad_domain", "") for v in values)}
    return bool(said - {"", "index"})  # an index says nothing about the numbers beside it


class _Context(SimpleNamespace):
    """The ``ctx`` of a forward that is called by itself: it keeps nothing."""

    def __init__(self, count: int) -> None:
        super().__init__(needs_input_grad=(False,) * count, saved_tensors=())

    def save_for_backward(self, *tensors: Any) -> None: ...
    def save_for_forward(self, *tensors: Any) -> None: ...
    def mark_dirty(self, *tensors: Any) -> None: ...
    def mark_non_differentiable(self, *tensors: Any) -> None: ...
    def set_materialize_grads(self, value: bool) -> None: ...


def is_function(target: Any) -> bool:
    """Whether it is a torch.autograd.Function subclass."""
    return isinstance(target, type) and issubclass(target, torch.autograd.Function)


def is_custom_op(target: Any) -> bool:
    """Whether it is an operator of torch.library's."""
    kinds = (
        torch.library.CustomOpDef if hasattr(torch.library, "CustomOpDef") else (),
        torch._library.custom_ops.CustomOpDef,
        torch._ops.OpOverload,
        torch._ops.OpOverloadPacket,
    )
    return any(isinstance(target, kind) for kind in kinds)


def of_apply(target: Any) -> Any:
    """The Function whose ``apply`` a target is; any other target as it is."""
    owner = getattr(target, "__self__", None)
    return owner if getattr(target, "__name__", "") == "apply" and is_function(owner) else target


def definition_of(target: Any) -> Any:
    """The custom op as torch.library's decorator returned it; any other target as it is."""
    if not is_custom_op(target):
        return target
    name = getattr(target, "_qualified_op_name", "") or target_name(target)[len("torch.ops:") :]
    return torch._library.custom_ops.OPDEFS.get(name.replace(".", "::", 1), target)


def is_torch_target(target: Any) -> bool:
    """Whether torch may differentiate it: a Function, a custom op, or any other callable."""
    if isinstance(target, type):
        return is_function(target) and target is not torch.autograd.Function
    return callable(target)


def target_name(target: Any) -> str:
    """``module:qualified.name``; for a custom op ``torch.ops:namespace.name``."""
    if is_custom_op(target):
        name = getattr(target, "_qualname", "") or getattr(target, "_qualified_op_name", "")
        name = name or target.name()
        return f"torch.ops:{name.replace('::', '.')}"
    module = getattr(target, "__module__", None) or type(target).__module__
    name = getattr(target, "__qualname__", None) or type(target).__qualname__
    return f"{module}:{name}"


def resolves(name: str, target: Any) -> bool:
    """Whether ``module:qualified.name`` leads to the target."""
    module, _, path = name.partition(":")
    try:
        return reduce(getattr, path.split("."), sys.modules[module]) is target
    except (AttributeError, KeyError):
        return False


def _signature(target: Any, name: str) -> Signature:
    skip, forward = 0, target
    if is_function(target):
        forward = target.forward
        skip = 0 if has_setup_context(target) else 1
    elif isinstance(target, torch.nn.Module):
        forward = target.forward
    elif isinstance(getattr(definition_of(target), "_init_fn", None), type(_signature)):
        forward = definition_of(target)._init_fn  # a custom op's function in Python
    try:
        return Signature(_without_options(forward), name, skip, {})
    except (OpDefinitionError, TypeError, ValueError):  # written in C
        return Signature(lambda *_: None, name, 0, {})


def _without_options(forward: Any) -> Any:
    """What has the same parameters but for ``**kwargs``, whose names nobody knows."""
    signature = inspect.signature(forward)
    kept = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    if len(kept) == len(signature.parameters):
        return forward

    def stand_in(*_: Any) -> None: ...

    stand_in.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return stand_in


def made_samples(samples: Any, maker: SampleMaker) -> list[Sample]:
    """Samples from a function of a SampleMaker, or from a list of Samples or of arguments.

    Raises:
        TargetError: they are something else.
    """
    if samples is None:
        return []
    if callable(samples):
        samples = samples(maker)
    if isinstance(samples, Tensor | Sample | str | dict):
        raise _no_samples(samples)
    try:
        return [_sample(given) for given in samples]
    except TypeError as error:
        raise _no_samples(samples) from error


def _sample(given: Any) -> Sample:
    if isinstance(given, Sample):
        return given
    if isinstance(given, list | tuple) and not isinstance(given, torch.Size):
        return _of_arguments(tuple(given))
    if isinstance(given, Tensor):
        return _of_arguments((given,))
    raise _no_samples(given)


def _of_arguments(given: tuple[Any, ...]) -> Sample:
    """A sample in which, if any tensor requires grad, the others are constant, as in gradcheck."""
    sample = Sample(*[v.detach() if isinstance(v, Tensor) else v for v in given])
    tensors = [i for i, v in enumerate(given) if isinstance(v, Tensor)]
    if any(given[i].requires_grad for i in tensors):
        sample.constant(*[i for i in tensors if not given[i].requires_grad])
    return sample


def _no_samples(given: Any) -> TargetError:
    return TargetError(
        f"samples= is, or returns, a {type(given).__name__}",
        where="the samples of a check",
        fix="pass a function of a plugrad.SampleMaker that returns a list of plugrad.Sample, or "
        "a list of tuples of arguments",
    )
