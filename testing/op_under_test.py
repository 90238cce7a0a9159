"""OpUnderTest: what the laws know of an op."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.core.composite import Composite
from plugrad.core.declaration import Declaration
from plugrad.core.function import Function
from plugrad.core.sample_maker import SampleMaker
from plugrad.errors import OpDefinitionError
from plugrad.plugins.default import registry
from plugrad.plugins.registered_op import RegisteredOp

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugrad.core.sample import Sample
    from plugrad.testing.reached import Reached


class OpUnderTest:
    """An op to check: registered, declared, or no more than a Function.

    Args:
        function: the class.
        entry: its entry in a registry, if there is one.
        seed: of the samples and of all that the laws draw.
        device: where the samples' tensors live.
    """

    def __init__(
        self,
        function: type[Function],
        entry: RegisteredOp | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.function, self.entry = function, entry
        self.seed, self.device = seed, device
        #: What the samples run of the op's code, once a law has asked.
        self.reached: Reached | None = None
        # Not inherited: a subclass of an op is another op.
        declared = vars(function).get("declaration")
        self.declared = declared is not None
        self.declaration: Declaration = declared or Declaration(function.__name__)

    @classmethod
    def of(
        cls, op: str | type[Function] | RegisteredOp, seed: int = 0, device: str = "cpu"
    ) -> OpUnderTest:
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

    def samples(self, seed: int | None = None) -> list[Sample]:
        """The samples for ``seed``, by default the op's."""
        return list(self.function.samples(self.maker(seed)))

    def maker(self, seed: int | None = None) -> SampleMaker:
        """What the samples for ``seed`` are made with, by default for the op's."""
        return SampleMaker(self.seed if seed is None else seed, device=self.device)
