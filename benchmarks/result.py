"""Result: one row of the table."""

from __future__ import annotations

from dataclasses import dataclass, field

#: What plugrad is compared with where there is no other name for it.
TORCH = "torch"


@dataclass(frozen=True)
class Result:
    """What plugrad and its peers took for the same work; less is better.

    Attributes:
        name: the work.
        unit: of the numbers.
        ours: plugrad's number.
        peers: everybody else's.
        aim: what ``ratio`` should be at most; None where there is no aim.
        against: the peers the aim speaks of; ``ratio`` is to the best of them.
        skipped: peers that could not take part, and why.
    """

    name: str
    unit: str
    ours: float
    peers: dict[str, float]
    aim: float | None = None
    against: tuple[str, ...] = (TORCH,)
    skipped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, unit: str, numbers: dict[str, float], **rest: object) -> Result:
        """Make one of the numbers of all contenders, ``"plugrad"`` among them."""
        peers = {peer: number for peer, number in numbers.items() if peer != "plugrad"}
        return cls(name, unit, numbers["plugrad"], peers, **rest)  # type: ignore[arg-type]

    @property
    def ratio(self) -> float:
        """Ours over the best of ``against``."""
        return self.ours / min(self.peers[peer] for peer in self.against)

    def ratio_to(self, peer: str) -> float:
        """Ours over one peer's."""
        return self.ours / self.peers[peer]

    @property
    def reached(self) -> bool | None:
        """Whether the aim is; None where there is none."""
        return None if self.aim is None else self.ratio <= self.aim
