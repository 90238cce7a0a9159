"""op_strength: whether the samples of an op would show that its rule is wrong."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from plugrad.errors import UnknownFaultError
from plugrad.plugins.messages import did_you_mean
from plugrad.testing.faults import FAULTS
from plugrad.testing.faults.mutant import mutant
from plugrad.testing.faults.rewrite import returning
from plugrad.testing.faults.subject import Subject, gradients, moved_everywhere, same
from plugrad.testing.law import for_pack
from plugrad.testing.laws import LAWS
from plugrad.testing.not_applicable import NotApplicable
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.pack_checks import add_pack_checks
from plugrad.testing.runner import Runner
from plugrad.testing.strength_report import FaultResult, StrengthReport
from plugrad.testing.time_limit import TimeLimitExceeded
from plugrad.testing.time_limit import time_limit as limited

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plugrad.core.function import Function
    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.testing.faults.fault import Fault
    from plugrad.testing.faults.subject import Probe
    from plugrad.testing.law import Law
    from plugrad.testing.result import Result
    from plugrad.testing.strength_report import Verdict

#: Seconds that a law may take on one sample of a faulty op.
TIME_LIMIT = 10.0
#: Seeds besides the run's own at which a fault must change nothing to be equivalent.
MORE_SEEDS = 2
_TOO_LONG = "the samples take longer than the time limit"
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
        for law in for_pack(_laws(fault, likely=likely), self.op.pack):
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
