"""Registration: what an op declares, before it computes anything."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import torch

from plugrad.core.counted import counted
from plugrad.core.function import Function
from plugrad.core.sample import Sample
from plugrad.core.variable import Variable
from plugrad.plugins.default import registry
from plugrad.testing.case import Case
from plugrad.testing.engine import PLUGRAD
from plugrad.testing.law import LAWS, TORCH_LACKS_IT, NotApplicable, Violation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from plugrad.core.declaration import Surrogate
    from plugrad.testing.law import Law
    from plugrad.testing.op_under_test import OpUnderTest
    from plugrad.testing.result import Result
    from plugrad.testing.runner import Runner


@LAWS.law("name", "registration", whole_op=True, engines=("plugrad",))
def name(op: OpUnderTest) -> None:
    """The op's name is legal and not taken by another op.

    A name is made of identifiers joined by dots; for an op of a pack, the pack's name and
    ``::`` come first.
    """
    _declared(op)
    pack, separator, own = op.name.rpartition("::")
    parts = own.split(".") + ([pack] if separator else [])
    if not all(part.isidentifier() for part in parts):
        raise Violation(f"{op.name!r} is not a legal name: write identifiers joined by dots")
    if op.name in registry and registry[op.name].function is not op.function:
        raise Violation(
            f"{op.name!r} is the name of another op, of {registry[op.name].module}: choose another"
        )


@LAWS.law("signature", "registration", whole_op=True, engines=("plugrad",))
def signature(op: OpUnderTest) -> None:
    """Forward and backward are static methods whose parameters fit each other.

    Backward takes ``ctx`` and a gradient for each output; ``setup_context`` takes ``ctx``,
    ``inputs`` and ``output``.
    """
    for method in ("forward", "backward", "setup_context", "jvp", "samples"):
        if not isinstance(inspect.getattr_static(op.function, method), staticmethod):
            raise Violation(f"{method} is not a static method: write @staticmethod above it")
    if op.composite:
        return
    if op.function.backward is Function.backward:
        if op.declaration.differentiable:
            raise Violation("there is no backward: write one, or declare differentiable=False")
        return
    outputs = _gradients_of_first_call(op)
    try:
        inspect.signature(op.function.backward).bind(None, *[None] * outputs)
    except TypeError as error:
        raise Violation(
            f"backward{inspect.signature(op.function.backward)} cannot take ctx and "
            f"{counted(outputs, 'gradient')}, one for each output of forward: {error}"
        ) from error


def _gradients_of_first_call(op: OpUnderTest) -> int:
    for sample in op.samples():
        try:
            call = Case(op, sample).call()
        except Exception as error:
            raise NotApplicable("a sample raises, which the law runs tells") from error
        if call.node is not None:
            count: int = call.node.output_count
            return count
    return 1


@LAWS.law("docstring", "registration", whole_op=True, engines=("plugrad",))
def docstring(op: OpUnderTest) -> None:
    """The class states its formula, so that a reader can compare the code with it.

    The first line has an equation: ``y = sin(x);  gx = gy cos(x).``
    """
    _declared(op)
    text = (op.function.__dict__.get("__doc__") or "").strip()
    if not text:
        raise Violation('there is no docstring: write """y = ...;  gx = ...""" in the class')
    if op.declaration.differentiable and not op.composite and "=" not in text:
        raise Violation(f"the docstring has no formula: {text.splitlines()[0]!r}")


@LAWS.law("samples", "registration", whole_op=True)
def samples(op: OpUnderTest) -> None:
    """There are samples, and the same seed makes the same samples again.

    What the samples do not show is not checked, and a failure that cannot be reproduced
    cannot be fixed.
    """
    if op.engine is PLUGRAD and op.function.samples is Function.samples:
        raise Violation("there are no samples: write a static method samples(make)")
    first = op.samples()
    if not first:
        if op.engine is not PLUGRAD:
            raise Violation(NO_SAMPLES)
        what = "only calls that raise" if op.refused_samples() else "nothing"
        raise Violation(f"samples() yields {what}, so nothing is checked: yield Sample(make(3))")
    for sample in first:
        if not isinstance(sample, Sample):
            raise Violation(f"samples() yields a {type(sample).__name__}: yield Sample(...)")
    again = op.samples()
    if len(first) != len(again):
        raise Violation(f"one seed gave {counted(len(first), 'sample')}, then {len(again)}")
    for index, (a, b) in enumerate(zip(first, again, strict=True)):
        if not _same(Case(op, a), Case(op, b)):
            raise Violation(
                f"sample {index} differs between two runs with one seed: draw its numbers from "
                "make, not from torch's generator"
            )


NO_SAMPLES = (
    "there are no samples, so nothing is checked: pass samples=, write plugrad_samples.py beside "
    "the package, or record calls with pytest --plugrad-torch"
)


def _same(a: Case, b: Case) -> bool:
    # An object without a repr of its own shows its address.
    said = [re.sub(r" at 0x[0-9a-f]+", "", repr(c.sample)) for c in (a, b)]
    if said[0] != said[1]:
        return False
    pairs = zip(a.values, b.values, strict=True)
    return all(torch.equal(x.nan_to_num(), y.nan_to_num()) for x, y in pairs)


@LAWS.law("registered-rule", "registration", whole_op=True, engines=("plugrad",))
def registered_rule(op: OpUnderTest) -> None:
    """The rule under test is the one that users get.

    The nodes of the class run its backward, and the registry finds the class under its
    name.
    """
    function = op.function
    if not op.composite:
        if function.record_type._pg_rule is not function.backward:
            raise Violation(
                "backward was replaced after the class was made, and calls still run the old "
                "one: write it in the class"
            )
        if function.record_type._pg_function is not function:
            raise Violation("the records belong to another class: do not copy record_type")
    entry = op.entry
    if entry is None:
        return
    for attribute in entry.methods:
        if registry.rivals(attribute):
            continue  # not a fault of the op: it depends on what else is installed
        found = getattr(Variable, attribute, None)
        if found is None or not _leads_to(op, attribute):
            raise Violation(f"Variable.{attribute} does not lead to this op")
    for override in entry.overrides:
        if registry.rivals(override):
            continue
        if registry.torch_function(override) is not function.apply:
            raise Violation(f"{override!r} does not lead to this op")


def _leads_to(op: OpUnderTest, attribute: str) -> bool:
    return registry.owner(attribute) is op.entry


@LAWS.law("attributes", "registration", whole_op=True, engines=("plugrad",))
def attributes(op: OpUnderTest) -> None:
    """No method or property shadows one of Variable itself or of another op.

    A shadowed attribute would change the behaviour of code that does not know the op.
    """
    declaration = op.declaration
    for attribute in declaration.methods + declaration.properties:
        if not attribute.isidentifier():
            raise Violation(f"{attribute!r} cannot be an attribute: it is not an identifier")
        if attribute in registry.reserved:
            raise Violation(f"{attribute!r} belongs to Variable itself: choose another name")
        owner = registry.owner(attribute)
        if owner is not None and owner.function is not op.function:
            raise Violation(f"{attribute!r} already belongs to {owner.name} of {owner.pack}")
    twice = {a for a in declaration.methods if a in declaration.properties}
    if twice:
        raise Violation(f"{', '.join(sorted(twice))}: declared as a method and as a property")


@LAWS.law("waivers", "registration", whole_op=True, explained_by=("samples",))
def waivers(op: OpUnderTest) -> None:
    """Every waiver names a law, gives a reason, and is still needed.

    A waiver of a law that the op keeps would hide the next mistake. So would a surrogate
    that is the derivative in every sample.
    """
    from plugrad.testing.runner import Runner

    samples = op.samples()
    waived = [op.declaration.waives, *(sample.waives for sample in samples)]
    surrogate = op.declaration.as_surrogate
    if not any(waived) and not surrogate and not any(s.oracle_is_wrong for s in samples):
        raise NotApplicable("nothing is waived")
    if not op.on_cpu:  # whose kernels may keep what the CPU's do not
        raise NotApplicable("what is waived is what the CPU needs")
    if surrogate:
        _check_surrogate(surrogate, [Case(op, sample) for sample in samples])
    for laws in waived:
        _check_waived(laws)
    runner = Runner(op, limit=0)
    for law in op.declaration.waives:
        if not any(map(_needs_it, _in_turn(runner, LAWS[law]))):
            raise Violation(f"{law} is waived, but no sample breaks it: remove the waiver")
    for index, sample in enumerate(samples):
        _check_sample(runner, index, sample)


def _check_surrogate(surrogate: Surrogate, cases: list[Case]) -> None:
    from plugrad.testing.laws.cotangents import check_linearity
    from plugrad.testing.laws.numeric import check_slopes_in_float64

    check = check_slopes_in_float64 if surrogate.linear else check_linearity
    what = "it is the derivative" if surrogate.linear else "it is linear in the cotangent"
    kept = [_keeps(check, case) for case in cases]
    judged = [keeps for keeps in kept if keeps is not None]
    if not judged or not all(judged):
        return
    if surrogate.linear and any(_keeps(check_linearity, case) is False for case in cases):
        return  # which is no derivative: the law linearity says so
    raise Violation(
        f"backward is declared a surrogate ({surrogate.reason}), but {what} at all samples: add "
        "one where it is not, or leave the declaration out",
        tolerated=True,
    )


def _keeps(check: Callable[[Case], object], case: Case) -> bool | None:
    """Whether the check finds nothing; None if it cannot tell."""
    try:
        check(case)
    except NotApplicable:
        return None
    except Violation:
        return False
    return True


def _check_waived(waived: Mapping[str, str]) -> None:
    for law, reason in waived.items():
        if law not in LAWS or law == "waivers":
            raise Violation(f"{law!r} is waived, but there is no such law")
        if not reason.strip():
            raise Violation(f"the waiver of {law} gives no reason")


def _in_turn(runner: Runner, law: Law) -> Iterator[Result]:
    """What the law says of the op, or of one sample after another: often the first is enough."""
    if law.whole_op:
        yield from runner.results([law])
    else:
        for number in range(len(runner.samples)):
            yield from runner.results([law], [number])


def _needs_it(result: Result) -> bool:
    return result.status == "waived" or result.message == TORCH_LACKS_IT


def _check_sample(runner: Runner, index: int, sample: Sample) -> None:
    for law in sample.waives:
        if not _needs_it(runner.result(LAWS[law], runner.case(index))):
            raise Violation(f"sample {index} waives {law} but keeps it: remove the waiver")
    if sample.oracle_is_wrong:
        case = runner.case(index)
        case.sample.oracle_is_wrong = ""
        if runner.result(LAWS["oracle"], case).status == "passed":
            raise Violation(f"sample {index} is without_oracle, but agrees with torch: remove that")


def _declared(op: OpUnderTest) -> None:
    if not op.declared:
        raise NotApplicable("the class is not declared with @op")
