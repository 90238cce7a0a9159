"""Case: one sample of an op under test, ready to be called in many ways."""

from __future__ import annotations

from contextlib import nullcontext
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.random_state import RandomState, seed_generators
from plugrad.core.sample import Sample
from plugrad.errors import ArgumentError
from plugrad.testing.call import Call, Oracle, flat
from plugrad.testing.domains import contains
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.shared import Shared
from plugrad.testing.sparse import Pattern, is_sparse
from plugrad.testing.steady import undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from plugrad.testing.op_under_test import OpUnderTest


#: What leaves the random numbers alone.
_AS_THEY_ARE = nullcontext()


#: A union made for each of so many questions takes longer than the answer.
_LISTS = (list, tuple)


class Input:
    """One tensor among the arguments.

    ``name`` is forward's for it, with an index in a list; ``differentiable`` is whether it
    can get a gradient and the sample does not say ``constant``; ``domain`` is one of
    core.sample.DOMAINS, or empty. Of a sparse tensor, ``tensor`` has the elements that ``pattern``
    says the places of.
    """

    __slots__ = ("differentiable", "domain", "name", "pattern", "tensor")

    def __init__(self, name: str, tensor: Tensor, differentiable: bool, domain: str = "") -> None:
        self.pattern = Pattern(tensor) if is_sparse(tensor) else None
        self.tensor = tensor if self.pattern is None else self.pattern.values
        self.name, self.differentiable = name, differentiable
        self.domain = domain


class _Slot:
    """Stands for input ``index`` among the arguments."""

    __slots__ = ("index", "pattern")

    def __init__(self, index: int, pattern: Pattern | None = None) -> None:
        self.index, self.pattern = index, pattern


class Case:
    """One sample of an op under test.

    Values of inputs are lists with a tensor for each of ``inputs``, in that order. They are
    made anew for every call, so an op that changes them does not affect other calls.

    Args:
        op: the op.
        sample: its arguments.
        index: the sample's number, for messages and seeds.
    """

    def __init__(self, op: OpUnderTest, sample: Sample, index: int = 0) -> None:
        self.op, self.sample, self.index = op, sample, index
        self.inputs: list[Input] = []
        labels = _labels(op, sample)
        constants = {labels.get(c, c) for c in sample.constants}
        #: The parameters of modules among the arguments, which a rule knows by identity.
        self._held = _parameters_of_modules((*sample.args, *sample.kwargs.values()))
        # What arguments and their parts are called: x, xs, xs[1].
        self._names: set[str] = set()
        domains = {labels.get(d, d): kind for d, kind in sample.domains.items() if d is not None}
        self._args, self._kwargs = self._slotted(constants, domains)
        #: Each argument's input, None for another value, if nothing is in a list or has a name.
        self._direct = [v.index if isinstance(v, _Slot) else None for v in self._args]
        self._is_direct = not self._kwargs and all(map(_is_direct, self._args))
        #: What the sample calls constant and does not have.
        unknown = sample.constants - labels.keys() - self._names
        self.unknown_constants = sorted(unknown, key=repr)

    def _slotted(
        self, constants: set[int | str], domains: dict[int | str, str]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        every = self.sample.domains.get(None, "")

        def slot(value: Any, name: str, place: int | str) -> Any:
            said = (place, name, name.partition("[")[0])
            self._names.update(said[1:])
            if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
                items = [slot(v, f"{name}[{i}]", place) for i, v in enumerate(value)]
                return getattr(type(value), "_make", type(value))(items)
            if not isinstance(value, Tensor) or id(value) in self._held:
                return value
            floating = value.is_floating_point() or value.is_complex()
            own: str = getattr(value, "plugrad_domain", "") or (every if floating else "")
            domain = next((domains[s] for s in said if s in domains), own)
            constant = domain == "index" or not constants.isdisjoint(said)
            if constant and value.layout is not torch.strided:
                return value  # of a sparse constant there are no other layouts or sizes to try
            self.inputs.append(Input(name, value, floating and not constant, domain))
            return _Slot(len(self.inputs) - 1, self.inputs[-1].pattern)

        args = tuple(slot(v, self._name(i), i) for i, v in enumerate(self.sample.args))
        kwargs = {n: slot(v, n, n) for n, v in self.sample.kwargs.items()}
        return args, kwargs

    def _name(self, i: int) -> str:
        """What forward calls its positional argument ``i``."""
        names, variadic = self.op.signature.positional, self.op.signature.variadic
        if i < len(names):
            return names[i]
        return f"{variadic}[{i - len(names)}]" if variadic.strip("_") else f"argument {i}"

    # --- values ---
    @property
    def values(self) -> list[Tensor]:
        """The inputs' tensors, each in memory of its own, with the strides it had."""
        return [i.tensor.clone() for i in self.inputs]

    @property
    def outside(self) -> list[Input]:
        """The inputs whose own numbers are not in their domains."""
        return [given for given in self.inputs if not contains(given.domain, given.tensor)]

    def waiver(self, law: str) -> str | None:
        """Why the sample, or else the op, breaks the law of this id on purpose, if it says so."""
        waived = self.sample.waives
        return waived[law] if law in waived else self.op.declaration.waives.get(law)

    @property
    def is_in_float64(self) -> bool:
        """Whether all the inputs are that are to get a gradient."""
        return all(self.inputs[i].tensor.dtype is torch.float64 for i in self.wanted)

    def allows(self, values: Sequence[Tensor]) -> bool:
        """Whether all of these values are in their inputs' domains."""
        pairs = zip(self.inputs, values, strict=True)
        return all(contains(given.domain, value) for given, value in pairs)

    @cached_property
    def wanted(self) -> list[int]:
        """Which inputs are differentiable."""
        return [i for i, given in enumerate(self.inputs) if given.differentiable]

    def arguments(self, values: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The sample's arguments with ``values`` for its tensors."""
        if self._is_direct:  # most are, and each law asks many times
            pairs = zip(self._args, self._direct, strict=True)
            return tuple([v if i is None else values[i] for v, i in pairs]), {}
        return _filled(self._args, values), {n: _filled(v, values) for n, v in self._kwargs.items()}

    @cached_property
    def options_in_words(self) -> str:
        """The other arguments in words: calls that differ only in their inputs have the same."""
        return repr(self.arguments(range(len(self.inputs))))

    @cached_property
    def edge_inputs(self) -> list[int | None]:
        """For each edge of a node of this call the input it belongs to; None if it is no tensor."""
        slots = [_Slot(i) for i in range(len(self.inputs))]
        args, kwargs = self.arguments(slots)
        bound, _ = self.op.signature.bind(args, kwargs)
        edges: list[Any] = []
        for argument in bound:
            # Of a list torch has one edge, and no gradient of what is in it.
            in_list = isinstance(argument, list | tuple) and self.op.engine is PLUGRAD
            in_list = in_list and any(isinstance(v, _Slot) for v in argument)
            edges += argument if in_list else [argument]
        return [e.index if isinstance(e, _Slot) else None for e in edges]

    # --- calls ---
    def random_numbers(self) -> AbstractContextManager[None]:
        """In the block torch's default generators give the same numbers every time.

        This is only for an op that draws some; the generator's state is restored.
        """
        return seeded(self.op.seed) if self.draws else _AS_THEY_ARE

    @property
    def draws(self) -> bool:
        """Whether a call draws random numbers, declared or not."""
        known = self.op.draws
        if self.index not in known:
            known[self.index] = self.op.declaration.random or self._draws()
        return known[self.index]

    def _draws(self) -> bool:
        before = RandomState()
        self.op.draws[self.index] = False  # what the calls themselves go by
        try:
            with torch.enable_grad():  # whoever asks
                call = self.call()
            if call.roots:
                call.vjp(call.cotangents())
        except Exception:  # which the laws will tell
            return False
        finally:
            changed = RandomState() != before
            before.restore()
        return changed

    def call(
        self,
        values: Sequence[Tensor] | None = None,
        requires: Sequence[int] | None = None,
        apply: Callable[..., Any] | None = None,
    ) -> Call:
        """Call the op on the engine's values.

        Args:
            values: the inputs' values; by default the sample's.
            requires: which inputs require grad; by default all that can.
            apply: another way to call the op.
        """
        values = self.values if values is None else values
        return self.call_on(self.leaves(values, requires), apply)

    def leaves(self, values: Sequence[Tensor], requires: Sequence[int] | None = None) -> list[Any]:
        """``values`` as leaves of the engine, those that ``requires`` names requiring grad."""
        requires = self.wanted if requires is None else requires
        leaf = self.op.engine.leaf
        return [
            leaf(t, i in requires) if self.inputs[i].differentiable else t
            for i, t in enumerate(values)
        ]

    def call_on(self, variables: Sequence[Any], apply: Callable[..., Any] | None = None) -> Call:
        """Call the op on what its inputs shall be, values of the engine or tensors."""
        if not self.draws:  # nearly always, and each law calls many times
            return self.drawing_call(variables, apply)
        with self.random_numbers():
            return self.drawing_call(variables, apply)

    def drawing_call(
        self, variables: Sequence[Any], apply: Callable[..., Any] | None = None
    ) -> Call:
        """The same with other random numbers each time."""
        given = variables
        if self.op.dirties:
            given = [v.clone() if self.op.engine.is_tracked(v) else v for v in variables]
        args, kwargs = self.arguments(given)
        try:
            output = (apply or self.op.apply)(*args, **kwargs)
        except RuntimeError as error:
            if self.op.dirties or self.op.engine is PLUGRAD or _OF_A_LEAF not in str(error):
                raise
            self.op.dirties = True
            return self.drawing_call(variables, apply)
        return Call(self, variables, output)

    def forward(self, values: Sequence[Tensor] | None = None) -> list[Any]:
        """The outputs for ``values`` as tensors, without a graph, flat."""
        args, kwargs = self.arguments(self.values if values is None else values)
        with torch.no_grad(), self.random_numbers():
            outputs = flat(self.op.apply(*args, **kwargs))
        return [self.op.engine.raw(o) for o in outputs]

    def bare_forward(self, values: Sequence[Tensor]) -> Any:
        """Forward itself on ``values``, that torch may be recording."""
        args, kwargs = self.arguments(values)
        return self.op.bare_forward(args, kwargs)

    @cached_property
    def oracle(self) -> Oracle:
        """Torch's autograd on the same call."""
        return Oracle(self)

    @cached_property
    def shared(self) -> Shared:
        """What laws that only read need of the sample's own numbers, computed once."""
        return Shared(self)

    @cached_property
    def steady(self) -> Call | None:
        """A call that can be differentiated again and again, if there is one: see steady_call."""
        return undisturbed(self)

    def after(self) -> Case | None:
        """The call of the next sample, the first after the last; None if there is only one."""
        sample = self.op.sample_after(self.index)
        return None if sample is None else Case(self.op, sample, self.index)

    def generator(self, salt: int = 0) -> torch.Generator:
        """Random numbers for a law: different for each seed, sample and ``salt``."""
        seed = hash((self.op.seed, self.index, salt)) % (1 << 62)
        return torch.Generator().manual_seed(seed)

    def resampled(self, count: int) -> Iterator[Case]:
        """The same sample made from other seeds, ``count`` times; none if it is always the same."""
        for number in range(1, count + 1):
            samples = self.op.samples(self.op.seed + 7919 * number)
            if self.index >= len(samples):
                return
            other = Case(self.op, samples[self.index], self.index)
            pairs = zip(self.values, other.values, strict=True)
            if all(a.shape == b.shape and torch.equal(a, b) for a, b in pairs):
                return
            yield other

    def replaced(self, values: Sequence[Tensor]) -> Case:
        """The same call with other tensors; no longer reproducible from a seed alone."""
        args, kwargs = self.arguments(values)
        return self.with_sample(Sample(*args, **kwargs))

    def with_sample(self, sample: Sample) -> Case:
        """Another call with tensors in the same places, of which the same is said."""
        said = self.sample
        sample.constants, sample.domains = said.constants, said.domains
        sample.kink, sample.waives = said.kink, said.waives
        sample.oracle_is_wrong = said.oracle_is_wrong
        return self._kin(Case(self.op, sample, self.index))

    def of(self, op: OpUnderTest) -> Case:
        """The same call of another op."""
        return self._kin(Case(op, self.sample, self.index))

    def told(self, constants: Sequence[int] = (), domain: str = "") -> Case:
        """The same call where these inputs are constant, or all others in a domain."""
        other = self._kin(Case(self.op, self.sample, self.index))
        for i, given in enumerate(other.inputs):
            given.differentiable &= i not in constants
            given.domain = given.domain or (domain if given.differentiable else "")
        return other

    def _kin(self, other: Case) -> Case:
        """``other`` with what is known of our inputs beside their numbers."""
        for new, old in zip(other.inputs, self.inputs, strict=True):
            new.domain, new.differentiable = old.domain, old.differentiable
        return other


def _parameters_of_modules(values: Iterable[Any]) -> set[int]:
    modules = [v for v in values if isinstance(v, torch.nn.Module)]
    return {id(p) for module in modules for p in module.parameters()}


#: What torch says when a leaf is written to.
_OF_A_LEAF = "a leaf Variable that requires grad"


def _labels(op: OpUnderTest, sample: Sample) -> dict[int | str, int | str]:
    """What an argument of the sample may be called, and where it is in ``args`` or ``kwargs``.

    It is called by its position in forward, by the parameter's name, or as the call has it.
    """
    signature = op.signature
    names = signature.positional
    labels: dict[int | str, int | str] = {}
    for i in range(len(sample.args)):
        labels[i] = i
        if i < len(names):
            labels[names[i]] = i
    marks = {name: object() for name in sample.kwargs}
    try:
        bound, options = signature.bind(sample.args, marks)
    except ArgumentError:  # a call that is refused
        bound, options = (), {}
    for name, mark in marks.items():
        labels[name] = name
        labels.update({o: name for o, value in options.items() if value is mark})
        for i, value in enumerate(bound):
            if value is mark:
                labels[i] = labels[names[i]] = name
    for alias, name in signature.aliases.items():
        if name in labels:
            labels.setdefault(alias, labels[name])
    return labels


def _is_direct(value: Any) -> bool:
    """Whether it is filled by what takes its place as it is."""
    if isinstance(value, _Slot):
        return value.pattern is None
    return not isinstance(value, list | tuple) or isinstance(value, torch.Size)


def _filled(value: Any, values: Sequence[Any]) -> Any:
    if isinstance(value, _Slot):
        given = values[value.index]
        plain = value.pattern is None or isinstance(given, _Slot)
        return given if plain else value.pattern.filled(given)  # type: ignore[union-attr]
    if isinstance(value, _LISTS) and not isinstance(value, torch.Size):
        return getattr(type(value), "_make", type(value))([_filled(v, values) for v in value])
    return value


class seeded:  # noqa: N801 (a context manager, called like a function)
    """torch's default generators, seeded in the block and put back after it."""

    def __init__(self, seed: int) -> None:
        self._seed = seed % (1 << 62)

    def __enter__(self) -> None:
        self._state = RandomState()
        seed_generators(self._seed)

    def __exit__(self, *_: object) -> None:
        self._state.restore()


def cases(op: OpUnderTest) -> Iterator[Case]:
    """A Case for each of the op's samples."""
    for index, sample in enumerate(op.samples()):
        yield Case(op, sample, index)
