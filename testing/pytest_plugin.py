"""The pytest plugin: ``pytest --plugrad`` checks every registered op, without a test file.

Each law on each sample of each op is a test, named ``nn.functional.softplus[1]-runs``;
``softplus-docstring`` where a law judges the whole op. Its node id is
``plugrad::check[softplus-docstring]``, as if it were a parameter, since pytest reads a
``[`` in an id as the start of a parameter. The tests come after those found in files and
obey ``-k``, ``--deselect``, ``-x``, ``--collect-only``, ``--junitxml``, ``-n`` and the
like. As an argument a node id stands for its test, and ``plugrad::exp`` for all of an op;
then no file is collected unless it is named.

===============  =======================================================================
a law            its test
===============  =======================================================================
is kept          passes
is broken        fails, with the law's own words instead of a traceback
is waived        is xfailed, with the reason its author gave
does not apply   is counted as *not applicable*: neither passed nor skipped, for thousands
                 of lines of ``-rs`` would bury the rest. The summary at the end counts
                 the reasons, junit XML has them as the property ``not applicable``
===============  =======================================================================

The phases that set up and tear down fixtures are left out, and with them the hooks
``pytest_runtest_setup`` and ``_teardown``, unless a test was given a mark or ``--pdb`` is set:
they would take four times as long as a law does.

A waiver that is no longer needed is itself a failure of the law ``waivers``.

``pytest --plugrad-torch`` is something else, in ``pytest_recording``: the project's own
tests run, and the torch Functions that they call are checked against the laws afterwards.

``pytest_plugrad``, the entry point, loads this in runs that ask for it: other runs do not
even spend the time to import torch.
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from plugrad.core.counted import counted
from plugrad.testing import pytest_recording

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from plugrad.testing.check import OpChecks
    from plugrad.testing.law import Law

#: What our node ids begin with.
_ROOT = "plugrad"
_NOT_APPLICABLE = "not applicable"
#: As many reasons are shown in the summary; -v shows all.
_SHOWN = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("plugrad", "checks of registered ops (plugrad)")
    add = group.addoption
    add("--plugrad", action="store_true", help="check every registered op")
    add(
        "--plugrad-pack",
        action="append",
        default=[],
        metavar="NAME",
        help="check the ops of this pack (`plugrad`: the built-in ops); may be repeated",
    )
    add(
        "--plugrad-op",
        action="append",
        default=[],
        metavar="NAME",
        help="check this op; may be repeated",
    )
    add(
        "--plugrad-law",
        action="append",
        default=[],
        metavar="ID",
        help="only this law; may be repeated",
    )
    add("--plugrad-seed", type=int, default=0, metavar="S", help="seed of samples (0)")
    add("--plugrad-device", default="cpu", metavar="D", help="where tensors live (cpu)")
    add(
        "--plugrad-time-limit",
        type=float,
        default=None,
        metavar="T",
        help="seconds that a law may take on a sample (20); 0 for no limit",
    )
    pytest_recording.add_options(group)


def pytest_configure(config: pytest.Config) -> None:
    """Take the ids of our tests out of the arguments, and start if the run asks for us."""
    option, prefix = config.option, f"{_ROOT}::"
    records = pytest_recording.configure(config)
    if records:
        option.plugins = [*option.plugins, __name__]  # which xdist's workers load
    given = [argument for argument in config.args if argument.startswith(prefix)]
    if given:
        config.args[:] = [a for a in config.args if not a.startswith(prefix)]
        # Options travel to xdist's workers, which would take no arguments for "everything".
        option.plugrad_ids, option.plugrad_no_files = given, not config.args
    if getattr(option, "plugrad_no_files", False):
        config.args[:] = []
    ids = getattr(option, "plugrad_ids", [])
    if option.plugrad or option.plugrad_pack or option.plugrad_op or ids:
        option.plugins = [*option.plugins, __name__]
        config.pluginmanager.register(_Checking(config, ids), "plugrad-checking")
    elif option.plugrad_law and not records:
        raise pytest.UsageError(
            "--plugrad-law was given, but no op is checked\n"
            "  fix: add --plugrad, --plugrad-op NAME, --plugrad-pack NAME or --plugrad-torch"
        )


class _Checking:
    """What is done in a run that checks ops.

    Args:
        config: pytest's.
        ids: of the tests that were named as arguments; all if there are none.
    """

    def __init__(self, config: pytest.Config, ids: list[str]) -> None:
        from plugrad.errors import PlugradError
        from plugrad.testing.check import choose_laws
        from plugrad.testing.runner import TIME_LIMIT

        self.option, self.ids = config.option, ids
        limit = self.option.plugrad_time_limit
        self.limit = TIME_LIMIT if limit is None else limit
        self.silent: Counter[tuple[str, str]] = Counter()
        try:
            self.laws = choose_laws(self.option.plugrad_law or None)
        except PlugradError as error:
            raise pytest.UsageError(str(error)) from error

    def pytest_report_header(self) -> str:
        seed, device = self.option.plugrad_seed, self.option.plugrad_device
        return f"plugrad: {counted(len(self.laws), 'law')}, seed {seed}, device {device}"

    # Before -k and --deselect choose, and after every conftest.py could register its ops.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        from plugrad.errors import PlugradError

        root = _Ops.from_parent(session, name=_ROOT, nodeid=_ROOT, path=session.path)
        try:
            root.children = self.chosen(root)
        except PlugradError as error:
            if not hasattr(session.config, "workerinput"):
                raise pytest.UsageError(str(error)) from error
            # From a worker of xdist only an error of collection gets through.
            root.error = str(error)
        items += session.genitems(root)

    def chosen(self, root: _Ops) -> list[_Op]:
        """The node of each op that is to be checked, in the order of names."""
        from plugrad.plugins.default import registry
        from plugrad.testing.check import OpChecks
        from plugrad.testing.op_under_test import OpUnderTest

        option, nodes = self.option, []
        names = self.names()
        for name in sorted(names):
            op = OpUnderTest.of(registry[name], option.plugrad_seed, option.plugrad_device)
            node = _Op.from_parent(root, name=name, nodeid=f"{_ROOT}::{name}")
            node.checks, node.only = OpChecks(op, self.laws, self.limit), names[name]
            nodes.append(node)
        return nodes

    def names(self) -> dict[str, set[str]]:
        """The ops that are asked for; to each the checks that were named, none for all."""
        from plugrad.plugins.default import packs, registry
        from plugrad.testing.check import ops_of_pack

        names: dict[str, set[str]] = {}
        for given in self.ids:
            check = given.partition("::")[2]
            if check.startswith("check[") and check.endswith("]"):
                check = check[len("check[") : -1]
            op = _op_of(check, names=[entry.name for entry in registry])
            names.setdefault(op, set()).add(check)
        option = self.option
        whole = {registry[name].name for name in option.plugrad_op}
        for pack in option.plugrad_pack:
            whole.update(entry.name for entry in ops_of_pack(pack))
        if option.plugrad and not whole:
            packs.load()
            whole.update(entry.name for entry in registry)
        whole.update(op for op, checks in names.items() if op in checks)
        return {**names, **{op: set() for op in whole}}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        return item.protocol(nextitem) if isinstance(item, _Check) else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        if report.outcome == "passed" and _silent(report):
            return _NOT_APPLICABLE, "-", "N/A"
        return None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        silent = _silent(report)
        if silent:
            self.silent[silent] += 1

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, config: pytest.Config
    ) -> None:
        if not self.silent:
            return
        write = terminalreporter.write_line
        terminalreporter.section("plugrad: laws that did not apply, were waived, or warn")
        reasons = self.silent.most_common()
        shown = reasons if config.get_verbosity() > 0 else reasons[:_SHOWN]
        for (status, reason), count in shown:
            write(f"{count:>7} {'' if status == _NOT_APPLICABLE else f'{status} '}{reason}")
        rest = reasons[len(shown) :]
        if rest:
            count = sum(n for _, n in rest)
            write(f"{count:>7} for {counted(len(rest), 'other reason')}, which -v shows")


class _Ops(pytest.Collector):
    """All ops, a child each."""

    children: list[_Op]
    error: str = ""

    def collect(self) -> list[_Op]:
        if self.error:
            raise self.CollectError(self.error)
        return self.children


class _Op(pytest.Collector):
    """One op, a child for each of its checks; they share its samples."""

    checks: OpChecks
    only: set[str]

    def collect(self) -> list[_Check]:
        from plugrad.testing.check import check_id

        op, found = self.checks.op.name, []
        for sample, law in self.checks:
            name = check_id(op, sample, law.id)
            if not self.only or name in self.only:
                nodeid = f"{_ROOT}::check[{name}]"
                found.append(
                    _Check.from_parent(self, name=name, nodeid=nodeid, sample=sample, law=law)
                )
        self.checks.release()
        missing = self.only - {item.name for item in found}
        if missing:
            raise self.CollectError(
                f"{op} has no check {' and no '.join(sorted(missing))}\n"
                f"  fix: `pytest --plugrad-op {op} --collect-only -q` shows those it has"
            )
        return found

    def teardown(self) -> None:
        # After the last check before another op's.
        self.checks.release()


class _Check(pytest.Item):
    """A law on a sample."""

    def __init__(self, *, sample: int | None, law: Law, **node: Any) -> None:
        super().__init__(**node)
        self.sample, self.law = sample, law

    def runtest(self) -> None:
        assert isinstance(self.parent, _Op)
        result = self.parent.checks.result(self.sample, self.law)
        if result.status == "failed":
            from plugrad.testing.result import failure_text

            pytest.fail(failure_text(result), pytrace=False)
        if result.status != "passed":
            self.user_properties.append((result.status, f"{result.law}: {result.message}"))
        if result.status == "waived":
            pytest.xfail(result.message)

    def protocol(self, nextitem: pytest.Item | None) -> bool | None:
        """Run it without the phases that prepare and clean up fixtures, of which it has none.

        They are two thirds of what pytest's own protocol costs, several times a law's own
        time. It is left to pytest where somebody marked the item or wants to debug it.
        """
        option = self.config.option
        if self.own_markers or option.usepdb or option.setupplan or option.setuponly:
            return None
        hook, outer = self.ihook, self.parent
        hook.pytest_runtest_logstart(nodeid=self.nodeid, location=self.location)
        with self._captured():
            call = pytest.CallInfo.from_call(
                self.runtest, "call", reraise=(pytest.exit.Exception, KeyboardInterrupt)
            )
        hook.pytest_runtest_logreport(report=hook.pytest_runtest_makereport(item=self, call=call))
        # Reporters, junit XML too, treat this one as the end of a test.
        end = pytest.CallInfo.from_call(lambda: None, "teardown")
        hook.pytest_runtest_logreport(report=pytest.TestReport.from_item_and_call(self, end))
        hook.pytest_runtest_logfinish(nodeid=self.nodeid, location=self.location)
        if isinstance(outer, _Op) and (nextitem is None or nextitem.parent is not outer):
            outer.checks.release()
        return True

    def _captured(self) -> AbstractContextManager[None]:
        """What an op prints belongs in the report of its failure."""
        manager: Any = self.config.pluginmanager.getplugin("capturemanager")
        return nullcontext() if manager is None else manager.item_capture("call", self)

    def reportinfo(self) -> tuple[str, int, str]:
        return _ROOT, 0, self.name

    @property
    def location(self) -> tuple[str, int | None, str]:
        """Where it is defined: in no file."""
        return _ROOT, None, self.name


def _op_of(check: str, names: list[str]) -> str:
    """The op whose name ``check`` begins with; all of it where there is none."""
    fitting = [n for n in names if check == n or check.startswith((f"{n}[", f"{n}-"))]
    return max(fitting, key=len, default=check)


def _silent(report: Any) -> tuple[str, str] | None:
    """Why a law said nothing in this report of one of our tests: the status, law and reason."""
    if report.when == "call" and report.nodeid.startswith(f"{_ROOT}::"):
        for status, reason in report.user_properties:
            if status in {_NOT_APPLICABLE, "waived", "warning"}:
                return status, reason
    return None
