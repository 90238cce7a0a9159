"""Fault: one way in which a rule can be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plugrad.errors import DuplicateFaultError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from plugrad.testing.faults.subject import Subject


@dataclass(frozen=True)
class Fault:
    """A fault that can be injected into the rule of an op, at run time.

    ``inject`` takes the op and a variant, and returns the attributes in which the faulty
    class differs: ``backward``, ``forward``. It raises NotApplicable, with the reason, if
    the op cannot have the fault.

    Args:
        id: what it is called: ``scaled``.
        inject: see above.
        advice: which sample would catch it, with ``{}`` for the variant.
        variants: the names of the inputs, options or outputs that it can be in; without
            it there is one variant, the empty name.
        order: 1 if it changes the gradient, 2 if only its derivative; 0 if it does
            something besides, so that no gradient can prove it harmless.
        likely: ids of the laws that usually catch it; they run first.
        proof: why a fault of order 1 that no sample showed shows on no other sample
            either; takes the op, the faulty op and the variant, returns the reason or None.
    """

    id: str
    inject: Callable[[Subject, str], Mapping[str, Any]]
    advice: str
    variants: Callable[[Subject], Iterable[str]] | None = None
    order: int = 1
    likely: tuple[str, ...] = ("oracle",)
    proof: Callable[[Subject, Subject, str], str | None] | None = None

    @property
    def what(self) -> str:
        """What it does to the rule, in a line."""
        return (self.inject.__doc__ or "").strip().splitlines()[0]

    def variants_of(self, subject: Subject) -> list[str]:
        """The variants that ``subject`` can have."""
        return [""] if self.variants is None else list(self.variants(subject))

    def name(self, variant: str) -> str:
        """The id with its variant: ``dropped[y]``."""
        return f"{self.id}[{variant}]" if variant else self.id


class FaultBook:
    """Faults by id, in the order in which they are injected."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def fault(self, id: str, advice: str, **details: Any) -> Callable[[Any], Any]:  # noqa: A002
        """Decorate an ``inject`` to make it a fault of this book.

        Args:
            id: the Fault's.
            advice: the Fault's.
            details: its ``variants``, ``order``, ``likely`` and ``proof``.

        Raises:
            DuplicateFaultError: the id is taken.
        """

        def enter(inject: Callable[..., Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
            self.add(Fault(id, inject, advice, **details))
            return inject

        return enter

    def add(self, fault: Fault) -> None:
        """Enter a fault."""
        if fault.id in self._faults:
            raise DuplicateFaultError(
                f"there is already a fault with the id {fault.id!r}", fix="choose a new id"
            )
        self._faults[fault.id] = fault

    def checkpoint(self) -> Callable[[], None]:
        """A function that takes the book back to the faults that it has now."""
        before = dict(self._faults)

        def restore() -> None:
            self._faults = before

        return restore

    def __getitem__(self, id: str) -> Fault:  # noqa: A002
        return self._faults[id]

    def __contains__(self, id: object) -> bool:  # noqa: A002
        return id in self._faults

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults.values())

    def __len__(self) -> int:
        return len(self._faults)


#: Faults by id.
FAULTS = FaultBook()
