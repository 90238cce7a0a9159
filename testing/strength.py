"""op_strength: which faults in its rule the samples of an op catch."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from plugrad.errors import UnknownFaultError
from plugrad.plugins.messages import did_you_mean
from plugrad.testing.check import add_pack_checks, under_test
from plugrad.testing.faults import FAULTS
from plugrad.testing.faults.mutant import mutant
from plugrad.testing.faults.rewrite import returning
from plugrad.testing.faults.subject import Subject, gradients, moved_everywhere, same
from plugrad.testing.law import NotApplicable, for_op
from plugrad.testing.laws import LAWS
from plugrad.testing.runner import Runner, TimeLimitExceeded, one_thread
from plugrad.testing.runner import time_limit as limited
from plugrad.testing.strength_report import FaultResult, StrengthReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.testing.faults.fault import Fault
    from plugrad.testing.faults.subject import Probe
    from plugrad.testing.law import Law
    from plugrad.testing.op_under_test import OpUnderTest
    from plugrad.testing.result import Result
    from plugrad.testing.strength_report import Verdict


#: Seconds that a law may take on one sample of a faulty op.
TIME_LIMIT = 10.0
#: Seeds besides the run's own at which a fault must change nothing to be equivalent.
MORE_SEEDS = 2
_TOO_LONG = "the samples take longer than the time limit"
_NO_SURROGATE_REFERENCE = (
    "backward is a surrogate, and without surrogate_reference= it is unknown what it should be"
)
_NO_RULE = {
    "plugrad": "composite: it has no rule of its own",
    "torch": "it is not a torch.autograd.Function: its rule is not in a class that could be copied",
}
_NO_SAMPLES = {
    "plugrad": "add a sample that has a gradient",
    "torch": "there are no samples: give samples=, or write them into a samples file",
}
_FAMILIES = frozenset({"first order", "beyond", "complex", "special points"})
# They judge the samples or the op's source, not the gradient; or, like batched-cotangents,
# fail because of the way a fault is injected.
_NOT_OF_GRADIENTS = frozenset({"branches", "lines", "batched-cotangents"})
# They take long, or repeat what others say.
_NOT_QUICK = frozenset({"inplace", "low-precision", "numeric"})
# As warnings they say that no sample goes there, which strength itself should find out.
_OF_WHAT_SAMPLES_LACK = frozenset({"options", "stretched"})
# They judge the samples, as strength does.
_OF_SAMPLES = frozenset({"branches", "lines"})


def op_strength(
    op: str | type[Any] | RegisteredOp | Callable[..., Any] | OpUnderTest,
    *,
    samples: Any = None,
    reference: Callable[..., Any] | None = None,
    seed: int = 0,
    faults: Iterable[str] | None = None,
    device: str = "cpu",
    time_limit: float = TIME_LIMIT,
    **declared: Any,
) -> StrengthReport:
    """Inject faults into the rule of an op, one at a time, and see which its samples catch.

    The op itself is not changed: each fault is injected into a copy of its class. An op
    that breaks a law even without a fault is reported as such, and gets no faults.

    Args:
        op: a name, or a class, registered or not, with forward, backward and samples; or
            a torch.autograd.Function; or where to find one: ``package.module:Name``,
            ``path/to/file.py:Name``. A custom op or a function has no rule to change.
        samples: for a torch target, as in ``check_op``.
        reference: for a torch target, a function that it must equal.
        seed: the seed for samples and cotangents.
        faults: ids, with a variant (``dropped[y]``) or without; by default all. For some
            faults the op itself is checked quickly first, and fully if one survives.
        device: the device of the samples' tensors.
        time_limit: seconds for each law on each sample; 0 for none.
        **declared: for a torch target, what ``@op`` would declare, as in ``check_op``.

    Raises:
        UnknownOpError: no op has the name.
        UnknownFaultError: there is no fault of an id.
        OpDefinitionError, TargetError: faults cannot be injected into ``op``.
        ArgumentError: an argument that is only for torch targets, or cannot be declared.
    """
    wanted = choose_faults(faults)
    told = {"samples": samples, "reference": reference, **declared}
    told = {name: value for name, value in told.items() if value is not None}
    under = under_test(op, told, seed, device)
    with one_thread():  # as in a check; of several, kernels may add up in another order each time
        return _Injection(under, time_limit, thorough=faults is None).report(wanted)


def choose_faults(ids: Iterable[str] | None) -> tuple[str, ...]:
    """The ids, if there are such faults; None for all.

    They include those of the loaded packs; an unknown id loads the other packs.

    Raises:
        UnknownFaultError: there is no fault with this id; similar ids are suggested.
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

    def __init__(self, op: OpUnderTest, limit: float, *, thorough: bool) -> None:
        self.op, self.limit, self.thorough = op, limit, thorough
        self.subject = Subject(op)

    def report(self, wanted: Iterable[str]) -> StrengthReport:
        wanted = tuple(wanted)
        report = StrengthReport(self.results(wanted))
        if not self.thorough and (report.survivors or report.stale):
            # Advice would not help if the fault in the op itself is why it survives.
            broken = self._broken(LAWS)
            if broken is not None:
                ids = dict.fromkeys(map(_base, wanted))
                return StrengthReport(replace(broken, fault=id_) for id_ in ids)
        return report

    def results(self, wanted: Iterable[str]) -> Iterator[FaultResult]:
        wanted = tuple(wanted)
        known: set[str] = set()
        for fault in FAULTS:
            chosen = {id_ for id_ in wanted if _base(id_) == fault.id}
            if not chosen:
                continue
            without = self._without_faults
            if without is not None:
                yield replace(without, fault=fault.id)
                continue
            for variant in fault.variants_of(self.subject):
                name = fault.name(variant)
                known.add(name)
                if fault.id in chosen or name in chosen:
                    yield self._result(fault, variant)
        if self._without_faults is None:
            ids = {
                *wanted,
                *(_base(name) for name in self._declared() if _base(name) not in FAULTS),
            }
            yield from self._unknown({n for n in self._declared() if _base(n) in ids} - known)

    def _declared(self) -> dict[str, str]:
        return dict(self.op.declaration.equivalent)

    def _unknown(self, names: set[str]) -> Iterator[FaultResult]:
        for name in sorted(names):
            message = "the op declares it equivalent, but has no such fault"
            yield self._told(name, "stale", message)

    def _told(self, fault: str, verdict: Verdict, message: str, **more: Any) -> FaultResult:
        command, seed = self.op.command, self.op.seed
        return FaultResult(
            self.op.name, fault, verdict, message, seed=seed, command=command, **more
        )

    @cached_property
    def _without_faults(self) -> FaultResult | None:
        """The results for an op that breaks a law, or that cannot have faults."""
        broken = self._broken(LAWS if self.thorough else filter(_is_quick, LAWS))
        if broken is not None:
            return broken
        why = self._without_a_rule()
        return None if why is None else self._told("", *why)

    def _broken(self, laws: Iterable[Law]) -> FaultResult | None:
        """The results for an op that breaks one of these laws."""
        laws = [law for law in laws if not (law.whole_op or law.slow or law.id in _OF_SAMPLES)]
        # After the gates, what says most plainly that the gradient is wrong.
        laws.sort(key=lambda law: 0 if law.gate else 1 + (law.family != "first order"))
        found = Runner(self.op, self.limit).results(laws)
        failed = next((result for result in found if result.status == "failed"), None)
        if failed is None:
            return None
        place = {"law": failed.law, "sample": failed.sample}
        return self._told("", "check failed", failed.message, **place)

    def _without_a_rule(self) -> tuple[Verdict, str] | None:
        """Why no fault can be injected into the op, or what is missing for one to show."""
        if self.op.composite:
            return "not applicable", _NO_RULE[self.op.engine.name]
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
        if not self.subject.cases:
            return "survived", _NO_SAMPLES[self.op.engine.name]
        if not probes:
            return "survived", "add a sample that has a gradient"
        return None if runs else ("survived", "backward raises on every sample")

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
        return self._told(
            name,
            *outcome,
            law=caught.law if caught else "",
            sample=caught.sample if caught else None,
            duration=time.perf_counter() - start,
        )

    def _judged(
        self, fault: Fault, faulty: Subject, variant: str, declared: str | None
    ) -> tuple[Result | None, str | None]:
        """What caught the fault, or why it is equivalent; the likely laws run first."""
        warned: list[Result] = []
        caught = self._caught(fault, faulty, warned, likely=True)
        if caught is not None:
            return caught, None
        proven = None
        if declared is None and fault.order:
            proven = self._proven_in_time(fault, faulty, variant)
        if proven is None:
            caught = self._caught(fault, faulty, warned, likely=False)
        if caught is None and declared is None and not fault.order:
            proven = self._proven_in_time(fault, faulty, variant)
        if caught is None and proven is None and warned:
            caught = warned[0]._replace(message=f"a warning: {warned[0].message}")
        return caught, proven

    # --- caught? ---
    def _caught(
        self, fault: Fault, faulty: Subject, warned: list[Result], *, likely: bool
    ) -> Result | None:
        """The first law and sample that fails; of the likely laws, or of the others.

        Warnings that the op without the fault does not give are added to ``warned``.
        """
        runner = Runner(faulty.op, self.limit)
        with_node = {found.case.index for found in self.subject.probes}
        for law in for_op(_laws(fault, likely=likely), self.op.pack, self.op.engine.name):
            for index in range(len(runner.samples)):
                if index not in with_node:
                    continue
                result = runner.result(law, runner.case(index))
                if result.status not in ("failed", "warning"):
                    continue
                clean = self._control(law, index)
                if result.status == "failed" and clean != "failed":
                    return result
                if result.status == "warning" and clean not in ("failed", "warning"):
                    warned += [] if law.id in _OF_WHAT_SAMPLES_LACK else [result]
        return None

    @lru_cache  # noqa: B019 (it lives as long as one op is looked at)
    def _control(self, law: Law, index: int) -> str:
        """What the law says on this sample of a copy of the op without a fault."""
        copy = mutant(self.subject, returning(self.op.function, lambda g, _: g))
        runner = Runner(copy.op, self.limit)
        return runner.result(law, runner.case(index)).status

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


def _is_quick(law: Law) -> bool:
    return law.gate or (law.family == "first order" and law.id not in _NOT_QUICK)


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
