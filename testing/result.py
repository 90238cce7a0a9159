"""Result: what one law said of one sample of one op."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from plugrad.testing.mismatch import Mismatch

#: ``waived`` is a failure that the op's author declared, with a reason.
Status: TypeAlias = Literal["passed", "failed", "waived", "not applicable"]


@dataclass(frozen=True)
class Result:
    """The outcome of one law.

    Args:
        op: the op's name.
        sample: its number among the op's samples; None where the law judges the whole op.
        law: the law's id.
        family: the law's.
        status: see Status.
        message: what is wrong, or why the law was waived or does not apply.
        seed: the seed of samples and cotangents.
        duration: seconds.
        arguments: the sample, briefly.
        mismatch: the numbers of a failure, if there are any.
        device: where it ran.
    """

    op: str
    sample: int | None
    law: str
    family: str
    status: Status
    message: str = ""
    seed: int = 0
    duration: float = 0.0
    arguments: str = ""
    mismatch: Mismatch | None = None
    device: str = "cpu"

    @property
    def id(self) -> str:
        """``op[sample]-law``, as the pytest plugin calls it."""
        return f"{self.op}{'' if self.sample is None else f'[{self.sample}]'}-{self.law}"

    @property
    def reproduce(self) -> str:
        """A command that runs this law on this sample again."""
        sample = "" if self.sample is None else f" --sample {self.sample}"
        device = "" if self.device == "cpu" else f" --device {self.device}"
        return f"plugrad check {self.op} --law {self.law}{sample} --seed {self.seed}{device}"

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return {**asdict(self), "id": self.id, "reproduce": self.reproduce}
