"""``pytest --plugrad-torch``: check the torch Functions that a project's own tests call.

While the tests run, the calls of each torch.autograd.Function and custom op of the project are
recorded. After the last test they are checked with what was recorded, and a section at the end
says what is broken and which test made the call. The workers of xdist record, their controller
checks.
"""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any

import pytest

from plugrad.core.counted import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.testing.law import Law
    from plugrad.testing.recording import Calls
    from plugrad.testing.replay import Replay
    from plugrad.testing.result import Result

_FLAG = "--plugrad-torch"
_CAME_TO_AN_END = (
    pytest.ExitCode.OK,
    pytest.ExitCode.TESTS_FAILED,
    pytest.ExitCode.NO_TESTS_COLLECTED,
)
#: As many tests are named for each broken law.
_SHOWN = 3


def add_options(group: Any) -> None:
    """Add the options."""
    add = group.addoption
    add(
        _FLAG,
        nargs="?",
        const="",
        default=None,
        metavar="PKG",
        help="record the calls of torch.autograd.Functions and custom ops while the tests run, and "
        "check these against the laws afterwards; with =PKG only those of that package",
    )
    add(
        "--plugrad-torch-save",
        default=None,
        metavar="FILE",
        help="also save what was recorded as a samples file, which `plugrad check` reads",
    )
    add(
        "--plugrad-torch-samples",
        type=int,
        default=3,
        metavar="N",
        help="how many calls to record for each signature, that is shapes, dtypes and other "
        "arguments (3)",
    )


def configure(config: pytest.Config) -> bool:
    """Begin to work if we are asked to; returns whether we are.

    Raises:
        pytest.UsageError: an option cannot be obeyed.
    """
    option = config.option
    if option.plugrad_torch is None:
        if not option.plugrad_torch_save:
            return False
        option.plugrad_torch = ""
    if not hasattr(config, "workerinput"):
        _give_back_a_path(config)
        _check_options(config)
    if not option.collectonly:
        config.pluginmanager.register(_Recording(config), "plugrad-recording")
    return True


def _give_back_a_path(config: pytest.Config) -> None:
    """``pytest --plugrad-torch tests``: a package is given with =, so that is a path."""
    option, given = config.option, config.invocation_params.args
    taken = option.plugrad_torch
    if not taken or f"{_FLAG}={taken}" in (*given, *config.getini("addopts")):
        return
    option.plugrad_torch = ""
    if config.args_source is pytest.Config.ArgsSource.ARGS:
        order = {str(argument): i for i, argument in enumerate(given)}
        paths = [*config.args, taken]
        config.args[:] = sorted(paths, key=lambda path: order.get(path, len(order)))
    else:
        config.args[:] = [taken]
        config.args_source = pytest.Config.ArgsSource.ARGS


def _check_options(config: pytest.Config) -> None:
    from plugrad.testing.samples_file import SamplesFile

    option = config.option
    package = option.plugrad_torch
    if package and not all(part.isidentifier() for part in package.split(".")):
        raise pytest.UsageError(
            f"{_FLAG}={package}: that is not the name of a package\n"
            f"  fix: {_FLAG}=package as it is imported, or {_FLAG} for all"
        )
    if option.plugrad_torch_samples < 1:
        raise pytest.UsageError(
            f"--plugrad-torch-samples {option.plugrad_torch_samples}: nothing would be recorded\n"
            "  fix: give 1 or more"
        )
    path = option.plugrad_torch_save
    if path is None:
        return
    if not path.endswith(".py"):
        raise pytest.UsageError(
            f"--plugrad-torch-save {path}: a samples file is in Python\n"
            "  fix: give it a name that ends in .py, such as plugrad_samples.py"
        )
    if SamplesFile(config.invocation_params.dir / path).is_taken:
        raise pytest.UsageError(
            f"--plugrad-torch-save {path}: this file exists, and was not recorded\n"
            "  fix: give another name; what is recorded can be copied into it"
        )


class _Recording:
    """What is done in a run that records.

    Args:
        config: pytest's.
    """

    def __init__(self, config: pytest.Config) -> None:
        from plugrad.errors import PlugradError
        from plugrad.testing.check import choose_laws
        from plugrad.testing.recording import Recorder

        self.config, self.option = config, config.option
        option = config.option
        self.recorder = Recorder(option.plugrad_torch, option.plugrad_torch_samples)
        self.replays: list[Replay] = []
        #: Notes for the end, besides the targets.
        self.notes: list[str] = []
        self.error = ""
        try:
            self.laws: tuple[Law, ...] = choose_laws(option.plugrad_law or None)
        except PlugradError as error:
            raise pytest.UsageError(str(error)) from error

    def pytest_report_header(self) -> str:
        package = self.option.plugrad_torch
        whose = f"of {package}" if package else "that are not torch's"
        return f"plugrad: recording the calls of torch.autograd.Functions and custom ops {whose}"

    def pytest_sessionstart(self) -> None:
        # The controller of xdist runs no test.
        if hasattr(self.config, "workerinput") or getattr(self.option, "dist", "no") == "no":
            self.recorder.start()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.recorder.test = item.nodeid
        return (yield)

    # Its own teardown of fixtures is over by then.
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        from plugrad.testing.recording_pieces import packed

        self.recorder.stop()
        output = getattr(self.config, "workeroutput", None)
        if output is not None:
            output["plugrad_recorded"] = packed(self.recorder)
            return
        if exitstatus not in _CAME_TO_AN_END:
            self.notes.append("nothing was checked, because the run did not finish")
            return
        try:
            self._check()
        except Exception as error:  # a bug of ours must not hide what the tests say
            self.error = f"{type(error).__name__}: {error}"
        if exitstatus == pytest.ExitCode.OK and (self.error or self._broken()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take in what a worker of xdist recorded."""
        from plugrad.testing.recording_pieces import unpack

        found = getattr(node, "workeroutput", {}).get("plugrad_recorded")
        if found is None:
            self.notes.append(f"what {node.gateway.id} recorded is lost: it did not end normally")
        else:
            self.notes += unpack(found, self.recorder)

    def _check(self) -> None:
        from plugrad.testing.replay import replay
        from plugrad.testing.runner import TIME_LIMIT

        option = self.option
        limit = TIME_LIMIT if option.plugrad_time_limit is None else option.plugrad_time_limit
        self.replays = [replay(calls, limit) for calls in self.recorder.calls]
        path = option.plugrad_torch_save
        saved = set() if path is None else self._save(path)
        for each in self.replays:
            command = f"plugrad check {quote(each.place)} --samples {quote(path)}"
            command = command if each.name in saved else ""
            each.check(self.laws, option.plugrad_seed, limit, command)

    def _save(self, path: str) -> set[str]:
        """Write the samples file; returns the names of those that it can check again."""
        from plugrad.testing.samples_file import SamplesFile

        file = SamplesFile(self.config.invocation_params.dir / path)
        count = file.write(self.replays)
        self.notes.append(f"{counted(count, 'sample')} {'is' if count == 1 else 'are'} in {path}")
        self.notes += [f"not in {path}: {line}" for line in file.left_out]
        return file.complete

    def _broken(self) -> list[Replay]:
        return [each for each in self.replays if each.report and each.report.failures]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        write = terminalreporter.write_line
        terminalreporter.section("plugrad: the laws on what the tests called")
        for each in self.replays:
            for line in _told(each, self.config.get_verbosity() > 0):
                write(line)
        for name in self.recorder.unreached:
            write(f"{name}: no test called it")
        if not self.replays and not self.notes:
            write(self._nothing())
        for note in self.notes:
            write(note)
        if self.error:
            write(f"the check itself failed, which is a bug in plugrad: {self.error}")
        checked = [each for each in self.replays if each.report is not None]
        if checked:
            broken = len(self._broken())
            verb = "breaks" if broken <= 1 else "break"
            verdict = f"{broken or 'none'} of {counted(len(checked), 'target')} {verb} a law"
            write(verdict, red=broken > 0, green=broken == 0)

    def _nothing(self) -> str:
        package = self.option.plugrad_torch
        if package and self.recorder.unreached:
            return "no test called one of them, so nothing was checked"
        if package:
            return (
                f"no test called a torch.autograd.Function or custom op that is defined in "
                f"{package}, so nothing was checked\n  fix: name the package that defines them, or "
                f"give {_FLAG} alone"
            )
        return (
            "no test called a torch.autograd.Function or custom op except torch's own, so nothing "
            "was checked"
        )


# --- in words ------------------------------------------------------------------------


def _told(each: Replay, verbose: bool) -> Iterator[str]:
    report, calls = each.report, each.calls
    made = f"{counted(len(each.samples), 'sample')} of {counted(calls.count, 'call')}"
    if report is None:
        yield f"{each.name}: not checked ({counted(calls.count, 'call')})"
        if not each.skipped:
            yield f"  {_why_nothing(calls)}"
    else:
        laws = sorted({r.law for r in report.failures})
        kept = len({r.law for r in report if r.status == "passed"} - set(laws))
        warned = len({r.law for r in report.warnings})
        warnings = f", {counted(warned, 'warning')}" if warned else ""
        if laws:
            yield f"{each.name}: breaks {counted(len(laws), 'law')}{warnings} ({made})"
        else:
            yield f"{each.name}: keeps {counted(kept, 'law')}{warnings} ({made})"
        for law in laws:
            yield from _broken_law([r for r in report.failures if r.law == law], each)
        if verbose:
            for result in report.warnings:
                yield f"  warning {result.law}: {result.message.splitlines()[0]}"
    for reason, test in each.skipped.items():
        yield f"  not recorded: {reason}{f' ({test})' if test else ''}"


def _why_nothing(calls: Calls) -> str:
    return (
        "all calls were inside torch.compile, torch.func or another mode, or they raised"
        if not calls.recordings
        else "none of the calls could be made again"
    )


def _broken_law(results: list[Result], each: Replay) -> Iterator[str]:
    first = results[0]
    lines = first.message.splitlines()
    yield f"  {first.law}: {lines[0]}"
    yield from (f"    {line}" for line in lines[1:])
    tests = _tests(results, each)
    yield from (f"    called by {test}" for test in tests[:_SHOWN])
    if len(tests) > _SHOWN:
        yield f"    and by {counted(len(tests) - _SHOWN, 'other test')}"
    if first.arguments:
        also = f", and {len(results) - 1} more" if len(results) > 1 else ""
        yield f"    with {first.arguments}{_how(first, each)}{also}"
    if first.reproduce:
        yield f"    reproduce: {first.reproduce}"


def _how(result: Result, each: Replay) -> str:
    if result.sample is None:
        return ""
    recording = each.samples[result.sample][1]
    return "" if recording.forms[0].cut is None else f", cut down from ({recording.text})"


def _tests(results: list[Result], each: Replay) -> list[str]:
    """The tests that made the calls, each once; for a law on the whole target, all tests."""
    found = [
        recording.test
        for number, (_, recording) in enumerate(each.samples)
        if any(r.sample in (None, number) for r in results)
    ]
    return [test or "an import, before the first test" for test in dict.fromkeys(found)]
