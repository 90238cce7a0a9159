"""parametrize_ops: the laws as the parameters of a test in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from plugrad.plugins.default import packs, registry
from plugrad.testing.check import OpChecks, check_id, choose_laws, ops_of_pack, under_test
from plugrad.testing.result import failure_text
from plugrad.testing.runner import TIME_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plugrad.core.function import Function
    from plugrad.plugins.registered_op import RegisteredOp
    from plugrad.testing.law import Law
    from plugrad.testing.result import Result


_Test = TypeVar("_Test", bound="Callable[..., Any]")


def parametrize_ops(
    *ops: str | type[Function] | RegisteredOp,
    pack: str | None = None,
    laws: Iterable[str] | None = None,
    seed: int = 0,
    device: str = "cpu",
    time_limit: float = TIME_LIMIT,
) -> Callable[[_Test], _Test]:
    """Decorate a test so that it runs once for each law on each sample of each op.

    The test takes ``check`` and calls it. It may do more: skip by ``check.op``,
    ``check.sample`` or ``check.law``, or look at ``check.result()`` itself. Ids are as in
    ``softplus[1]-second-order``. ``pytest --plugrad`` needs no file for the same.

    Args:
        *ops: names, or classes, registered or not.
        pack: also the ops of this pack. Without ops and without a pack: all ops that are
            registered when the file is imported.
        laws: ids of laws; by default all.
        seed: the seed for samples and cotangents.
        device: the device of the samples' tensors.
        time_limit: seconds for each law on each sample; 0 for none.

    Raises:
        UnknownOpError: no op has the name.
        UnknownPackError: no registered op comes from the pack.
        UnknownLawError: no law has an id.
        OpDefinitionError: one of ``ops`` is neither a name nor a Function.

    Example:
        >>> from plugrad.testing import parametrize_ops
        >>> @parametrize_ops("exp", "sin", laws=["oracle", "linearity"])
        ... def test_my_ops(check):
        ...     check()
    """
    import pytest  # code that decorates a test has it

    chosen: list[Any] = [*ops, *(ops_of_pack(pack) if pack is not None else ())]
    if not chosen:
        packs.load()
        chosen = list(registry)
    given = choose_laws(laws)
    parameters = []
    for op in chosen:
        checks = OpChecks(under_test(op, {}, seed, device), given, time_limit)
        parameters += [Check(checks, sample, law) for sample, law in checks]
        checks.release()
    return pytest.mark.parametrize("check", parameters, ids=str)


class Check:
    """One law on one sample, or on the whole op: passed to a test of ``parametrize_ops``.

    Args:
        checks: those of the op.
        sample: the sample's number; None where the law judges the whole op.
        law: the law.
    """

    __slots__ = ("_checks", "_law", "sample")

    _current: OpChecks | None = None

    def __init__(self, checks: OpChecks, sample: int | None, law: Law) -> None:
        self._checks, self.sample, self._law = checks, sample, law

    @property
    def op(self) -> str:
        """The op's name."""
        return self._checks.op.name

    @property
    def law(self) -> str:
        """The law's id."""
        return self._law.id

    def result(self) -> Result:
        """What the law says."""
        # Samples are kept for one op at a time, that of the last check.
        if Check._current is not self._checks:
            if Check._current is not None:
                Check._current.release()
            Check._current = self._checks
        return self._checks.result(self.sample, self._law)

    def __call__(self) -> None:
        """Fail if the law is broken, skip if it does not apply or warns, xfail if it is waived.

        Raises:
            AssertionError: the law is broken; the message has the details.
        """
        __tracebackhide__ = True
        import pytest

        result = self.result()
        if result.status == "failed":
            raise AssertionError(failure_text(result))
        if result.status in ("not applicable", "warning"):
            pytest.skip(f"{result.law}: {result.message}")
        if result.status == "waived":
            pytest.xfail(result.message)

    def __str__(self) -> str:
        return check_id(self.op, self.sample, self.law)

    __repr__ = __str__


def pack_tests(pack: str) -> Callable[[Check], None]:
    """A test function for every op of ``pack``: each law on each sample is a test.

    ``parametrize_ops`` does the same for a test with a body of its own.

    Args:
        pack: the pack's name. It is loaded now.

    Raises:
        UnknownPackError: no registered op comes from the pack.
        UnknownOpError: the pack is installed, and set aside or switched off.

    Example:
        >>> from plugrad.testing import pack_tests
        >>> test_ops = pack_tests("special")  # in a file that pytest collects
    """

    @parametrize_ops(pack=pack)
    def test_ops(check: Check) -> None:
        __tracebackhide__ = True
        check()

    return test_ops
