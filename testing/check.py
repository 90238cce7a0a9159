"""check_op: check an op, or all ops of a pack, against all laws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.errors import ArgumentError, UnknownLawError, UnknownPackError
from plugrad.plugins.default import manager, packs, registry
from plugrad.plugins.hooks import call_each
from plugrad.plugins.messages import did_you_mean, warn_all
from plugrad.plugins.registered_op import RegisteredOp
from plugrad.testing.faults import FAULTS
from plugrad.testing.law import for_op, for_samples
from plugrad.testing.laws import LAWS
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.result import Report
from plugrad.testing.runner import TIME_LIMIT, Runner
from plugrad.testing.targets import described_target, find_target, is_target_text, target_of_engine
from plugrad.testing.torch_target import is_torch_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from plugrad.testing.case import Case
    from plugrad.testing.engine import Engine
    from plugrad.testing.law import Law
    from plugrad.testing.result import Result


#: The plugins that were asked already.
_asked: set[str] = set()


def add_pack_checks(are_known: Callable[[], bool] = lambda: True) -> None:
    """Let each pack add its laws to LAWS and its faults to FAULTS, all of them or none.

    Only loaded packs are asked: nothing is imported that nobody asked for. If ``are_known``
    then says that an id is still unknown, the other packs are loaded.
    """
    _ask_loaded()
    if not are_known():
        packs.load_once()
        _ask_loaded()


def _ask_loaded() -> None:
    messages: list[str] = []
    for name, plugin in manager.list_name_plugin():
        if plugin is None or name in _asked:
            continue
        _asked.add(name)
        forget_laws, forget_faults = LAWS.checkpoint(), FAULTS.checkpoint()
        given = {"laws": LAWS, "faults": FAULTS}
        failed = list(call_each(manager, "plugrad_register_checks", only=plugin, **given))
        if failed:
            forget_laws()
            forget_faults()
        messages += failed
    warn_all(messages)


def choose_laws(ids: Iterable[str] | None) -> tuple[Law, ...]:
    """The laws with these ids, in the order in which they are run; None for all.

    They include those of the loaded packs; an unknown id loads the other packs.

    Raises:
        UnknownLawError: there is no law with this id; similar ids are suggested.
    """
    if ids is None:
        add_pack_checks()
        return tuple(LAWS)
    wanted = {ids} if isinstance(ids, str) else set(ids)
    add_pack_checks(lambda: all(id_ in LAWS for id_ in wanted))
    for id_ in sorted(wanted):
        if id_ not in LAWS:
            known = [law.id for law in LAWS]
            raise UnknownLawError(
                f"there is no law {id_!r}",
                fix=f"{did_you_mean(id_, known)}plugrad.testing.LAWS has all: {', '.join(known)}",
            )
    return tuple(law for law in LAWS if law.id in wanted)


def check_op(
    op: str | type[Any] | RegisteredOp | Callable[..., Any],
    *,
    samples: Any = None,
    reference: Callable[..., Any] | None = None,
    engine: Engine | None = None,
    laws: Iterable[str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    time_limit: float = TIME_LIMIT,
    **declared: Any,
) -> Report:
    """Check an op on each of its samples.

    Exceptions of the op are not raised but reported. plugrad's ops run on its engine. A
    torch.autograd.Function, a custom op, or a function that torch differentiates, runs on
    torch's engine, as it is.

    Args:
        op: a name, or a class, registered or not, with forward, backward and samples; or
            a torch.autograd.Function, a custom op, or a callable on tensors; or where to find
            one: ``package.module:Name``, ``path/to/file.py:Name``.
        samples: for a torch target, which has none of its own: a function of a SampleMaker
            that returns Samples, or a list of Samples or of tuples of arguments. In such a
            tuple only the tensors that require grad get a gradient, if any do. By default
            the samples of the target's samples file.
        reference: for a torch target, a function with the values and gradients that it must have.
        engine: for a function of the values of an engine that is neither plugrad's nor torch's:
            how the laws use that engine. ``samples`` must be given.
        laws: ids of laws; by default all that are about such an engine.
        seed: the seed for samples and cotangents.
        device: the device of the samples' tensors.
        time_limit: seconds for each law on each sample; 0 for none.
        **declared: for a torch target, what ``@op`` would declare: ``random``, ``dtypes``,
            ``nondeterminism``, ``elementwise``, ``linear``, ``waives``, ``equivalent``.

    Raises:
        UnknownOpError: no op has the name.
        UnknownLawError: no law has an id.
        OpDefinitionError, TargetError: ``op`` cannot be checked.
        ArgumentError: an argument that is only for torch targets, or cannot be declared.
    """
    chosen = choose_laws(laws)
    told = {"samples": samples, "reference": reference, **declared}
    told = {name: value for name, value in told.items() if value is not None}
    if engine is not None:
        target: OpUnderTest = target_of_engine(op, told, engine, seed, device)
    else:
        target = under_test(op, told, seed, device)
    return Report(Runner(target, time_limit).results(chosen))


def under_test(
    op: str | type[Any] | RegisteredOp | Callable[..., Any] | OpUnderTest,
    told: dict[str, Any],
    seed: int = 0,
    device: str = "cpu",
) -> OpUnderTest:
    """The op, or the torch target, ready to be checked.

    Args:
        op: as for ``check_op``.
        told: further facts about a torch target.
        seed: the seed for samples and cotangents.
        device: the device of the samples' tensors.

    Raises:
        UnknownOpError, OpDefinitionError, TargetError, ArgumentError: as for ``check_op``.
    """
    if isinstance(op, OpUnderTest):
        return op
    if isinstance(op, str) and is_target_text(op):
        return find_target(op, told, seed, device)
    if not isinstance(op, str | RegisteredOp) and is_torch_target(op):
        return described_target(op, told, seed, device)
    found = OpUnderTest.of(op, seed, device)  # it raises for what is no op at all
    if told:
        raise ArgumentError(
            f"{', '.join(sorted(told))} is only for torch targets",
            where=f"the check of {op!r}",
            fix="write it in the op: samples(make), and the rest in @op",
        )
    return found


def check_pack(
    name: str,
    *,
    laws: Iterable[str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    time_limit: float = TIME_LIMIT,
) -> Report:
    """Check every op of the pack ``name``; ``plugrad`` stands for the built-in ops.

    The other arguments are those of ``check_op``.

    Raises:
        UnknownPackError: no registered op comes from the pack.
        UnknownLawError: no law has an id.
    """
    laws = None if laws is None else list(laws)
    report = Report()
    for entry in ops_of_pack(name):
        report.results += check_op(
            entry, laws=laws, seed=seed, device=device, time_limit=time_limit
        )
    return report


def ops_of_pack(name: str) -> list[RegisteredOp]:
    """The registered ops of a pack; if there are none, the installed packs are loaded.

    Raises:
        UnknownPackError: there are none.
        UnknownOpError: the pack is installed, but set aside or switched off.
    """
    found = [entry for entry in registry if entry.pack == name]
    if not found and registry.packs is not None:
        registry.packs.load_once()
        found = [entry for entry in registry if entry.pack == name]
        if not found:
            registry.packs.explain_missing(name)
    if not found:
        packs = sorted({entry.pack for entry in registry})
        raise UnknownPackError(
            f"no registered op comes from a pack named {name!r}",
            fix=f"{did_you_mean(name, packs)}the packs are {', '.join(packs)}",
        )
    return found


class OpChecks:
    """The checks of one op, for test runners that run each by itself.

    Iteration gives ``(sample, law)`` in the order in which they should run; the sample is
    None if a law judges the whole op. The op's samples are made when they are needed, kept
    from one check to the next, and forgotten by ``release``.

    Args:
        op: the op.
        laws: which laws, in their order; a law of another pack is left out.
        limit: seconds for each law on each sample; 0 for none.
    """

    def __init__(self, op: OpUnderTest, laws: Sequence[Law], limit: float = TIME_LIMIT) -> None:
        self.op, self.laws, self.limit = op, for_op(laws, op.pack, op.engine.name), limit
        self._runner: Runner | None = None
        self._case: Case | None = None

    def __iter__(self) -> Iterator[tuple[int | None, Law]]:
        for law in self.laws:
            if law.whole_op:
                yield None, law
        each = for_samples(self.laws)
        for sample in range(len(self._running().samples) if each else 0):
            for law in each:
                yield sample, law

    def result(self, sample: int | None, law: Law) -> Result:
        """What the law says about the sample with this number, or about the whole op."""
        runner = self._running()
        if sample is None:
            return runner.result(law)
        if self._case is None or self._case.index != sample:
            self._case = runner.case(sample)
        return runner.result(law, self._case)

    def release(self) -> None:
        """Forget the samples."""
        self._runner = self._case = None

    def _running(self) -> Runner:
        if self._runner is None:
            self._runner = Runner(self.op, self.limit)
        return self._runner


def check_id(op: str, sample: int | None, law: str) -> str:
    """``op[sample]-law``, or ``op-law`` of a whole op: as ``Result.id``."""
    return f"{op}-{law}" if sample is None else f"{op}[{sample}]-{law}"
