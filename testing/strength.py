"""op_strength: which faults in its rule the samples of an op catch."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from plugrad.errors import UnknownFaultError
from plugrad.plugins.messages import did_you_mean
from plugrad.testing.case import OpUnderTest
from plugrad.testing.check import add_pack_checks
from plugrad.testing.faults import FAULTS
from plugrad.testing.faults.mutant import mutant
from plugrad.testing.faults.rewrite import returning
from plugrad.testing.faults.subject import Subject, gradients, moved_everywhere, same
from plugrad.testing.law import NotApplicable, for_op
from plugrad.testing.laws import LAWS
from plugrad.testing.runner import Runner, TimeLimitExceeded
from plugrad.testing.runner import time_limit as limited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plugrad.core.function import Function
    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.testing.faults.fault import Fault
    from plugrad.testing.faults.subject import Probe
    from plugrad.testing.law import Law
    from plugrad.testing.result import Result


#: ``stale`` is a fault declared equivalent that the samples catch, or that there is not.
Verdict: TypeAlias = Literal["caught", "survived", "equivalent", "not applicable", "stale"]


@dataclass(frozen=True)
class FaultResult:
    """What became of one fault in one op.

    Args:
        op: the op's name.
        fault: the fault's, with its variant: ``dropped[y]``.
        verdict: see Verdict.
        message: for ``caught`` what the law said; for ``survived`` what would catch it;
            else the reason.
        law, sample: what caught it.
        seed: of the samples.
        duration: seconds.
    """

    op: str
    fault: str
    verdict: Verdict
    message: str = ""
    law: str = ""
    sample: int | None = None
    seed: int = 0
    duration: float = 0.0

    @property
    def id(self) -> str:
        """``op-fault``."""
        return f"{self.op}-{self.fault}"

    @property
    def reproduce(self) -> str:
        """A command that injects this fault into this op again."""
        return f"plugrad strength {self.op} --fault '{self.fault}' --seed {self.seed}"

    def as_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return {**asdict(self), "id": self.id, "reproduce": self.reproduce}


class StrengthReport:
    """What became of the faults; iteration gives each FaultResult.

    Args:
        results: of one op or several.
    """

    def __init__(self, results: Iterable[FaultResult] = ()) -> None:
        self.results = list(results)

    @property
    def passed(self) -> bool:
        """Whether no fault survived, and none was declared equivalent that is not."""
        return bool(self.results) and not self.survivors and not self.stale

    @property
    def survivors(self) -> list[FaultResult]:
        """The faults that no sample shows: the samples are too weak."""
        return [r for r in self.results if r.verdict == "survived"]

    @property
    def stale(self) -> list[FaultResult]:
        """The faults that the op declares equivalent for no reason."""
        return [r for r in self.results if r.verdict == "stale"]

    @property
    def counts(self) -> Counter[str]:
        """How many faults have each verdict."""
        return Counter(r.verdict for r in self.results)

    @property
    def score(self) -> float:
        """The share of the faults that count which were caught; 1 if none counts."""
        caught, survived = self.counts["caught"], self.counts["survived"]
        return caught / (caught + survived) if caught + survived else 1.0

    @property
    def ops(self) -> dict[str, StrengthReport]:
        """A report for each op."""
        by_op: dict[str, StrengthReport] = {}
        for result in self.results:
            by_op.setdefault(result.op, StrengthReport()).results.append(result)
        return by_op

    def __iter__(self) -> Iterator[FaultResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(self.counts.items()))
        return f"<StrengthReport {self.score:.0%}: {counts or 'no fault was injected'}>"

    def __str__(self) -> str:
        lines = [repr(self)]
        for r in self.survivors + self.stale:
            lines += [f"{r.op}: {r.fault} {r.verdict}: {r.message}", f"  {r.reproduce}"]
        return "\n".join(lines)


#: Seconds that a law may take on one sample of a faulty op.
TIME_LIMIT = 10.0
#: Seeds besides the run's own at which a fault must change nothing to be equivalent.
MORE_SEEDS = 2
_TOO_LONG = "the samples take longer than the time limit"
_NO_SURROGATE_REFERENCE = (
    "backward is a surrogate, and without surrogate_reference= nothing says what it should be"
)
_FAMILIES = frozenset({"first order", "beyond", "complex", "special points"})
# They judge the samples or the op's source, not the gradient; or, batched-cotangents, fail
# for the way in which a fault is put in.
_NOT_OF_GRADIENTS = frozenset({"branches", "lines", "batched-cotangents"})


def op_strength(
    op: str | type[Function] | RegisteredOp,
    *,
    seed: int = 0,
    faults: Iterable[str] | None = None,
    device: str = "cpu",
    time_limit: float = TIME_LIMIT,
) -> StrengthReport:
    """Put faults into the rule of an op, one at a time, and see which its samples catch.

    The op itself is not touched: each fault is put into a copy of its class.

    Args:
        op: a name, or a class, registered or not, with forward, backward and samples.
        seed: of the samples and the cotangents.
        faults: ids, with a variant (``dropped[y]``) or without; all unless told otherwise.
        device: where the samples' tensors live.
        time_limit: seconds for each law on each sample; 0 for none.

    Raises:
        UnknownOpError: no op has the name.
        UnknownFaultError: there is no fault of an id.
        OpDefinitionError: ``op`` is neither a name nor a Function.
    """
    wanted = choose_faults(faults)
    return StrengthReport(_Injection(OpUnderTest.of(op, seed, device), time_limit).results(wanted))


def choose_faults(ids: Iterable[str] | None) -> tuple[str, ...]:
    """The ids, if there are such faults; None for all.

    Those of the packs that are loaded are among them; an id that is missed loads the packs.

    Raises:
        UnknownFaultError: there is no fault of this id; ids like it are suggested.
    """
    if ids is None:
        add_pack_checks()
        return tuple(fault.id for fault in FAULTS)
    wanted = (ids,) if isinstance(ids, str) else tuple(ids)
    add_pack_checks(lambda: all(_base(id_) in FAULTS for id_ in wanted))
    for id_ in wanted:
        if _base(id_) not in FAULTS:
            known = [fault.id for fault in FAULTS]
            hint = did_you_mean(_base(id_), known)
            raise UnknownFaultError(
                f"there is no fault {id_!r}", fix=f"{hint}the faults are {', '.join(known)}"
            )
    return wanted


def _base(id_: str) -> str:
    return id_.partition("[")[0]


class _Injection:
    """The faults of one op, one after the other."""

    def __init__(self, op: OpUnderTest, limit: float) -> None:
        self.op, self.limit = op, limit
        self.subject = Subject(op)

    def results(self, wanted: Iterable[str]) -> Iterator[FaultResult]:
        wanted = tuple(wanted)
        known: set[str] = set()
        for fault in FAULTS:
            chosen = {id_ for id_ in wanted if _base(id_) == fault.id}
            if not chosen:
                continue
            without = self._without_a_rule
            if without is not None:
                yield FaultResult(self.op.name, fault.id, *without, seed=self.op.seed)
                continue
            for variant in fault.variants_of(self.subject):
                name = fault.name(variant)
                known.add(name)
                if fault.id in chosen or name in chosen:
                    yield self._result(fault, variant)
        if self._without_a_rule is None:
            ids = {
                *wanted,
                *(_base(name) for name in self._declared() if _base(name) not in FAULTS),
            }
            yield from self._unknown({n for n in self._declared() if _base(n) in ids} - known)

    def _declared(self) -> dict[str, str]:
        return dict(self.op.declaration.equivalent)

    def _unknown(self, names: set[str]) -> Iterator[FaultResult]:
        for name in sorted(names):
            message = "the op declares it equivalent, and has no such fault"
            yield FaultResult(self.op.name, name, "stale", message)

    @cached_property
    def _without_a_rule(self) -> tuple[Verdict, str] | None:
        """What becomes of every fault of an op that has no rule, or no sample on which it runs."""
        if self.op.composite:
            return "not applicable", "composite: it has no rule of its own"
        if not self.op.declaration.differentiable:
            return "not applicable", "it is not differentiable"
        try:
            with limited(self.limit):
                probes = self.subject.probes
                runs = any(gradients(found.case) is not None for found in probes)
        except TimeLimitExceeded:
            return "survived", _TOO_LONG
        except Exception as error:
            return "survived", f"the samples raise {type(error).__name__}: {error}"
        if not probes:
            return "survived", "add a sample that has a gradient"
        return None if runs else ("survived", "backward raises: plugrad check shows what")

    def _result(self, fault: Fault, variant: str) -> FaultResult:
        start = time.perf_counter()
        name = fault.name(variant)
        declared = self._declared().get(name)
        caught: Result | None = None
        try:
            with limited(self.limit):
                faulty = mutant(self.subject, fault.inject(self.subject, variant))
        except TimeLimitExceeded:
            outcome: tuple[Verdict, str] = "survived", _TOO_LONG
        except NotApplicable as why:
            outcome = "not applicable", str(why)
            if declared is not None:
                outcome = "stale", f"declared equivalent, but not applicable: {why}"
        else:
            caught, proven = self._judged(fault, faulty, variant, declared)
            outcome = _verdict(fault, variant, caught, proven, declared)
            said = self.op.declaration
            if outcome[0] == "survived" and said.as_surrogate and not said.surrogate_reference:
                outcome = "not applicable", _NO_SURROGATE_REFERENCE
        return FaultResult(
            self.op.name,
            name,
            *outcome,
            law=caught.law if caught else "",
            sample=caught.sample if caught else None,
            seed=self.op.seed,
            duration=time.perf_counter() - start,
        )

    def _judged(
        self, fault: Fault, faulty: Subject, variant: str, declared: str | None
    ) -> tuple[Result | None, str | None]:
        """What caught the fault, or why it is equivalent: the likely laws are asked first."""
        caught = self._caught(fault, faulty, likely=True)
        if caught is not None:
            return caught, None
        proven = None
        if declared is None and fault.order:
            proven = self._proven_in_time(fault, faulty, variant)
        if proven is None:
            caught = self._caught(fault, faulty, likely=False)
        if caught is None and declared is None and not fault.order:
            proven = self._proven_in_time(fault, faulty, variant)
        return caught, proven

    # --- caught? ---
    def _caught(self, fault: Fault, faulty: Subject, *, likely: bool) -> Result | None:
        """The first law and sample that fails; of the likely laws, or of the others."""
        runner = Runner(faulty.op, self.limit)
        with_node = {found.case.index for found in self.subject.probes}
        for law in for_op(_laws(fault, likely=likely), self.op.pack, self.op.engine.name):
            for index in range(len(runner.samples)):
                if index not in with_node:
                    continue
                result = runner.result(law, runner.case(index))
                if result.status == "failed" and self._control(law, index):
                    return result
        return None

    @lru_cache  # noqa: B019 (it lives as long as one op is looked at)
    def _control(self, law: Law, index: int) -> bool:
        """Whether a copy of the op without a fault obeys the law on this sample."""
        copy = mutant(self.subject, returning(self.op.function, lambda g, _: g))
        runner = Runner(copy.op, self.limit)
        return runner.result(law, runner.case(index)).status != "failed"

    # --- equivalent? ---
    def _proven_in_time(self, fault: Fault, faulty: Subject, variant: str) -> str | None:
        # A proof takes several runs of every sample.
        with suppress(TimeLimitExceeded), limited(10 * self.limit):
            return self._proven(fault, faulty, variant)
        return None

    def _proven(self, fault: Fault, faulty: Subject, variant: str) -> str | None:
        """Why the fault changes nothing, if no sample of several seeds shows that it does."""
        seeds = range(self.op.seed, self.op.seed + 1 + MORE_SEEDS)
        pairs = [(self.subject.reseeded(seed), faulty.reseeded(seed)) for seed in seeds]
        order = max(fault.order, 1)
        for clean, wrong in pairs:
            for one, other in zip(clean.cases, wrong.cases, strict=True):
                if not same(gradients(one, order), gradients(other, order)):
                    return None
        if all(_is_zero(found) for found in self.subject.probes):
            return "its gradient is zero everywhere"
        return fault.proof(self.subject, faulty, variant) if fault.proof else None


def _is_zero(found: Probe) -> bool:
    """Whether there is no gradient, whatever the inputs are."""
    return not any(any(map(_any, gradients(case) or ())) for case in moved_everywhere(found))


def _any(gradient: object) -> bool:
    return gradient is not None and bool(gradient.any())  # type: ignore[attr-defined]


def _verdict(
    fault: Fault, variant: str, caught: Result | None, reason: str | None, declared: str | None
) -> tuple[Verdict, str]:
    if caught is not None:
        if declared is not None:
            return "stale", f"declared equivalent ({declared}), but caught: {caught.message}"
        return "caught", caught.message
    if declared is not None:
        return "equivalent", declared
    if reason is not None:
        return "equivalent", reason
    return "survived", fault.advice.format(variant)


def _laws(fault: Fault, *, likely: bool) -> list[Law]:
    """The laws that judge gradients: the likely ones for this fault, or the others."""
    return [
        law
        for law in LAWS
        if law.family in _FAMILIES
        and not law.whole_op
        and law.id not in _NOT_OF_GRADIENTS
        and (law.id in fault.likely) is likely
    ]
