"""law: what a law is, and how it reports what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugrad.errors import DuplicateLawError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from plugrad.testing.agree import Mismatch
    from plugrad.testing.case import Case


#: What is said where torch cannot be asked. It is no reason to take back a waiver, which may have
#: been written for another version of torch.
TORCH_LACKS_IT = "the installed torch has no such derivative"


class Violation(Exception):  # noqa: N818 (it is the outcome of a check, not an error of ours)
    """The op under test breaks a law.

    Args:
        message: what is wrong, for the op's author.
        mismatch: the numbers, where there are some.
        tolerated: whether torch, if it is the engine, repairs it or raises: then it is a warning.
        unsure: whether the law could not find out if something is wrong: then it is a
            warning on any engine.
        mended: the case without the fault, if it can be had, for the other laws to judge.
        stops: for a gate: that no other law can say anything, even if it is only a warning.
    """

    def __init__(
        self,
        message: str,
        mismatch: Mismatch | None = None,
        *,
        tolerated: bool = False,
        unsure: bool = False,
        mended: Case | None = None,
        stops: bool = False,
    ) -> None:
        super().__init__(message)
        self.message, self.mismatch = message, mismatch
        self.tolerated, self.unsure = tolerated, unsure
        self.mended, self.stops = mended, stops


#: How ``runs`` begins where the op cannot be called here, though nothing is known to be wrong.
NOT_CHECKED = "not checked: "
#: What torch says of an inner graph, built by forward, that a backward has freed.
USED_UP = "backward through the graph a second time"


class NotApplicable(Exception):  # noqa: N818 (an outcome, not an error)
    """The law does not apply to this op or sample; the message is the reason."""


#: The families, in the order in which they are run and shown.
FAMILIES = (
    "registration",
    "forward",
    "first order",
    "beyond",
    "complex",
    "special points",
    "lifetime",
    "torch",
)
#: The engines, and so the kinds of op, that a law may be about.
ENGINES = ("plugrad", "torch")


@dataclass(frozen=True)
class Law:
    """A check with a name.

    ``check`` returns if the law holds, raises Violation if it is broken, and NotApplicable,
    with the reason, if it does not apply.

    Args:
        id: what it is called: ``second-order``.
        family: one of FAMILIES.
        check: takes a Case, or an OpUnderTest if ``whole_op``.
        whole_op: it judges the op once, and not each of its samples.
        gate: a sample that breaks it is not given to any other law, which would only say
            the same again, unless the fault can be repaired or the law is waived. Gates
            come first.
        pack: the pack whose ops it judges; empty for all ops.
        engines: whose ops it judges; by default all of ENGINES.
        explained_by: ids of laws. If one of them is broken too, this one would only say the
            same in other words, and is not applicable.
        slow: whether it takes seconds, as compilers do, and so has a longer time limit.
    """

    id: str
    family: str
    check: Callable[[Any], None]
    whole_op: bool = False
    gate: bool = False
    pack: str = ""
    engines: tuple[str, ...] = ENGINES
    explained_by: tuple[str, ...] = ()
    slow: bool = False

    @property
    def why(self) -> str:
        """Why this law exists, in one line."""
        return (self.check.__doc__ or "").strip().splitlines()[0]


def for_op(laws: Iterable[Law], pack: str, engine: str = "plugrad") -> list[Law]:
    """Those of ``laws`` that judge the ops of this pack and engine."""
    return [law for law in laws if law.pack in ("", pack) and engine in law.engines]


def for_samples(laws: Iterable[Law]) -> list[Law]:
    """Those of ``laws`` that judge samples, in the order in which each sample meets them."""
    return sorted((law for law in laws if not law.whole_op), key=lambda law: not law.gate)


class LawBook:
    """Laws by id, in the order in which they are run."""

    def __init__(self) -> None:
        self._laws: dict[str, Law] = {}

    def law(
        self,
        id: str,  # noqa: A002
        family: str,
        *,
        whole_op: bool = False,
        gate: bool = False,
        pack: str = "",
        engines: tuple[str, ...] = ENGINES,
        explained_by: tuple[str, ...] = (),
        slow: bool = False,
    ) -> Callable[[Any], Any]:
        """Decorate a check to make it a law of this book.

        Raises:
            DuplicateLawError: the id is taken, or the family is unknown.
        """

        def enter(check: Callable[[Any], None]) -> Callable[[Any], None]:
            self.add(Law(id, family, check, whole_op, gate, pack, engines, explained_by, slow))
            return check

        return enter

    def add(self, law: Law) -> None:
        """Enter a law."""
        if law.id in self._laws or law.family not in FAMILIES:
            raise DuplicateLawError(
                f"a law with the id {law.id!r} in the family {law.family!r}",
                fix=f"choose a new id, and one of the families {', '.join(FAMILIES)}",
            )
        self._laws[law.id] = law

    def checkpoint(self) -> Callable[[], None]:
        """A function that takes the book back to the laws that it has now."""
        before = dict(self._laws)

        def restore() -> None:
            self._laws = before

        return restore

    def __getitem__(self, id: str) -> Law:  # noqa: A002
        return self._laws[id]

    def __contains__(self, id: object) -> bool:  # noqa: A002
        return id in self._laws

    def __iter__(self) -> Iterator[Law]:
        order = FAMILIES.index
        return iter(sorted(self._laws.values(), key=lambda law: order(law.family)))

    def __len__(self) -> int:
        return len(self._laws)


#: Laws by id; iteration gives them in the order in which they are run.
LAWS = LawBook()
