"""OpUnderTest: a plugrad op as the laws see it."""

from __future__ import annotations

from functools import cached_property
from shlex import quote
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from plugrad.core.context import UntrackedContext
from plugrad.core.declaration import Declaration
from plugrad.core.function import Composite, Function
from plugrad.core.sample import Sample, SampleMaker
from plugrad.errors import ArgumentError, OpDefinitionError
from plugrad.plugins.default import registry
from plugrad.plugins.registered_op import RegisteredOp
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.place import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plugrad.core.declaration import Signature
    from plugrad.testing.engine import Engine
    from plugrad.testing.reached import Reached


class OpUnderTest:
    """An op to check: registered, declared, or just a Function.

    ``TorchTarget`` is the same for what torch differentiates.

    Args:
        function: the class.
        entry: its entry in a registry, if there is one.
        seed: of the samples and of all that the laws draw.
        device: the device of the samples' tensors.
        declaration: what is declared of it; by default what ``@op`` says.
    """

    #: What differentiates it.
    engine: Engine = PLUGRAD
    #: Whether forward writes over an input that requires grad, which must then not be a
    #: leaf.
    dirties = False
    #: Whether torch can differentiate all of forward, by the arguments that are not tensors.
    forward_is_seen: dict[str, bool]
    #: Whether a call of a sample draws random numbers, by the sample's number, once a case looked.
    draws: dict[int, bool]
    #: The text that it was found by, ``path/to/file.py:Name``, if any.
    found_by = ""

    def __init__(
        self,
        function: type[Function],
        entry: RegisteredOp | None = None,
        seed: int = 0,
        device: str = "cpu",
        declaration: Declaration | None = None,
    ) -> None:
        self.function, self.entry = function, entry
        self.seed, self.device = seed, device
        self.forward_is_seen, self.draws = {}, {}
        #: What the samples run of the op's code, once a law has asked.
        self.reached: Reached | None = None
        # Not inherited: a subclass of an op is another op.
        declared = declaration or vars(function).get("declaration")
        self.declared = declared is not None
        self.declaration: Declaration = declared or Declaration(function.__name__)

    @property
    def on_cpu(self) -> bool:
        """Whether the samples are on the CPU, whose kernels raise where a device's may assert."""
        return torch.device(self.device).type == "cpu"

    def reseeded(self, seed: int) -> OpUnderTest:
        """The same op with the samples of another seed."""
        return OpUnderTest(self.function, self.entry, seed, self.device)

    @property
    def command(self) -> str:
        """What checks it again, but for options; empty where no command finds it."""
        # Its name does not find an op that a program registers itself.
        known = self.entry is not None and self.entry.rank != 1
        place = self.found_by or (self.name if known else self._place)
        return f"plugrad check {quote(place)}" if place else ""

    @cached_property
    def _place(self) -> str:
        return place_of(self.function)

    def is_warning(self, law: str) -> bool:
        """Whether breaking this law is only a warning."""
        return False

    @classmethod
    def of(cls, op: object, seed: int = 0, device: str = "cpu") -> OpUnderTest:
        """The op of this name in the default registry, or this class, registered or not.

        Raises:
            UnknownOpError: no op has the name; names like it are suggested.
            OpDefinitionError: it is neither a name nor a Function.
        """
        if isinstance(op, str):
            op = registry[op]
        if isinstance(op, RegisteredOp):
            return cls(op.function, op, seed, device)
        if not (isinstance(op, type) and issubclass(op, Function)):
            raise OpDefinitionError(
                f"{op!r} is neither the name of an op nor a Function",
                fix="pass a name as in list(plugrad.registry), or a subclass of plugrad.Function",
            )
        name = vars(op).get("declaration", None)
        known = registry[name.name] if name is not None and name.name in registry else None
        return cls(op, known if known and known.function is op else None, seed, device)

    @property
    def name(self) -> str:
        """The op's name, with its pack's where it is registered; of an undeclared class its own."""
        return self.entry.name if self.entry else self.declaration.name

    @property
    def pack(self) -> str:
        """The pack that it is from; of an undeclared class empty."""
        return self.entry.pack if self.entry else self.name.rpartition("::")[0]

    @property
    def reference(self) -> Callable[..., Any] | None:
        """What forward must equal, if the op names something."""
        overrides = self.declaration.overrides
        return self.declaration.reference or (overrides[0] if overrides else None)

    @property
    def composite(self) -> bool:
        """Whether it has no rule of its own: its backward is that of the ops it calls."""
        return issubclass(self.function, Composite)

    @property
    def signature(self) -> Signature:
        """The parameters of forward."""
        return self.function.signature

    @property
    def once_differentiable(self) -> bool:
        """Whether backward is marked as one that cannot be differentiated."""
        return getattr(self.function.backward, "once_differentiable", False)

    @property
    def has_jvp(self) -> bool:
        """Whether it has a jvp of its own."""
        return self.function.jvp is not Function.jvp

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """Call the op."""
        return self.function.apply(*args, **kwargs)

    def bare_forward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Forward itself, that torch may be recording."""
        function = self.function
        if self.composite:
            return function.forward(*args, **kwargs)
        bound, options = function.signature.bind(args, kwargs)
        if function.takes_setup_context():
            return function.forward(*bound, **options)
        flags = function.signature.padded([False] * len(bound), False)
        return function.forward(UntrackedContext(flags), *bound, **options)

    def all_samples(self, seed: int | None = None) -> Iterable[Sample]:
        """The samples for ``seed``, by default the op's."""
        maker = self.maker(seed)
        if self.on_cpu:
            return self.function.samples(maker)
        with torch.device(self.device):  # for what they make without the maker, as torch.eye(3)
            return list(self.function.samples(maker))

    def samples(self, seed: int | None = None) -> list[Sample]:
        """Those that need not raise."""
        made = self.all_samples(seed)
        return [sample for sample in made if getattr(sample, "error", None) is None]

    @cached_property
    def _made(self) -> list[Sample]:
        return self.samples()

    @cached_property
    def first_with(self) -> dict[tuple[str, str], int]:
        """The first sample in which a parameter has a value, by the parameter and the value's text.

        Tensors are left out.
        """
        found: dict[tuple[str, str], int] = {}
        for index, sample in enumerate(self._made):
            for name, value in self.options_of(sample).items():
                found.setdefault((name, repr(value)), index)
        return found

    def options_of(self, sample: Sample) -> dict[str, Any]:
        """The parameters of a sample that are not tensors; none if the op has no such call."""
        try:
            every = self.signature.by_name(sample.args, sample.kwargs)
        except ArgumentError:
            return {}
        return {name: value for name, value in every.items() if not isinstance(value, Tensor)}

    def sample_after(self, index: int) -> Sample | None:
        """The next sample, the first after the last; None if there is only one."""
        return self._made[(index + 1) % len(self._made)] if len(self._made) > 1 else None

    def refused_samples(self) -> list[Sample]:
        """The samples that must raise."""
        return [sample for sample in self.all_samples() if getattr(sample, "error", None)]

    def maker(self, seed: int | None = None) -> SampleMaker:
        """What the samples for ``seed`` are made with, by default for the op's."""
        return SampleMaker(self.seed if seed is None else seed, device=self.device)
