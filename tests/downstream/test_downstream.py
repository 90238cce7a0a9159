"""What needs no installed package: the comparison with the verdicts, the files, and the pins."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
import torch

from plugrad.tests.downstream import check, environment, functions, run, verdicts
from plugrad.tests.downstream.packages import FOLDER, PACKAGES, verdicts_file
from plugrad.tests.downstream.verdicts import Verdict


def found(**functions):
    """As check.py prints it."""
    plain = {"failed": {}, "warning": {}, "slow": {}, "samples": 2}
    return {
        "unknown": [],
        "gone": [],
        "not_reached": {},
        "imports": {},
        "functions": {name: {**plain, **said} for name, said in functions.items()},
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_has_samples_and_verdicts_with_reasons(package):
    assert (FOLDER / "samples" / f"{package}.py").is_file()
    known = verdicts.read(verdicts_file(package))
    assert known
    for name, verdict in known.items():
        assert re.fullmatch(rf"{package}\.[\w.]+:[\w.]+", name)
        assert all(len(why) > 20 for why in (verdict.bugs | verdict.false).values()), name


def test_there_is_no_file_of_another_package():
    for folder, suffix in (("samples", ".py"), ("verdicts", ".toml")):
        assert sorted(path.stem for path in (FOLDER / folder).glob(f"*{suffix}")) == list(PACKAGES)


def test_what_is_as_written_down_differs_in_nothing():
    known = {"a:B": Verdict({"numeric": "a factor"}, ["lines"], {"meta": "it is right"})}
    given = found(**{"a:B": {"failed": {"numeric": "", "meta": ""}, "warning": {"lines": ""}}})
    assert verdicts.differences(known, given) == []


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"failed": {"numeric": "off by 1"}}, "a:B: numeric fails, new: off by 1"),
        ({"warning": {"lines": "2 of 3"}}, "a:B: lines warns, new: 2 of 3"),
        ({"samples": 1}, "a:B: 1 samples; two are the least"),
    ],
)
def test_what_is_new_is_told(said, line):
    assert verdicts.differences({"a:B": Verdict()}, found(**{"a:B": said})) == [line]


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (Verdict(bugs={"numeric": "a factor"}), "a:B: numeric no longer fails"),
        (Verdict(false={"numeric": "it is right"}), "a:B: numeric no longer fails"),
        (Verdict(warnings=["lines"]), "a:B: lines no longer warns"),
    ],
)
def test_what_is_missed_is_told(verdict, line):
    assert verdicts.differences({"a:B": verdict}, found(**{"a:B": {}})) == [line]


def test_a_law_that_took_too_long_is_no_difference():
    known = {"a:B": Verdict(bugs={"numeric": "a factor"}, warnings=["lines"])}
    slow = {"numeric": "took longer", "lines": "took longer", "meta": "took longer"}
    assert verdicts.differences(known, found(**{"a:B": {"slow": slow}})) == []


def test_a_function_without_samples_or_verdict_is_told():
    given = found(**{"a:B": {}})
    given["unknown"], given["gone"] = ["a:C"], ["a:D"]
    assert verdicts.differences({}, given) == [
        "a:C: no samples, and no reason for that",
        "a:D: there is no such Function",
        "a:B: has no verdict",
    ]


def test_a_bug_that_nobody_has_explained_is_told():
    known = verdicts.renewed({}, found(**{"a:B": {"failed": {"numeric": "off by 1"}}}))
    (line,) = verdicts.differences(known, found(**{"a:B": {"failed": {"numeric": "off by 1"}}}))
    assert line == "a:B: numeric fails, and nobody has written why: off by 1"


def test_renewing_keeps_the_reasons_and_forgets_what_is_gone():
    known = {"a:B": Verdict({"numeric": "a factor", "linearity": "x"}, ["lines"], {"meta": "y"})}
    given = found(**{"a:B": {"failed": {"numeric": "", "meta": "", "sizes": ""}}})
    new = verdicts.renewed(known, given)
    assert new == {"a:B": Verdict({"numeric": "a factor", "sizes": ""}, [], {"meta": "y"})}


def test_verdicts_are_read_as_they_were_written(tmp_path):
    known = {
        'a:"B"': Verdict({"numeric": 'a \\ and a "factor" \u2264 2'}, ["lines"], {"meta": "right"}),
        "a:C": Verdict(),
    }
    verdicts.write(tmp_path / "verdicts" / "a.toml", known, "two\nlines")
    assert verdicts.read(tmp_path / "verdicts" / "a.toml") == known
    assert verdicts.read(tmp_path / "none.toml") == {}


def test_the_word_is_the_worst_of_it():
    assert Verdict({"numeric": ""}, ["lines"]).word == "bug"
    assert Verdict({}, ["lines"]).word == "warning"
    assert Verdict(false={"meta": "right"}).word == "clean"


def test_pins_and_constraints_do_not_contradict():
    names = [environment.name_of(line) for line in environment.pins()]
    assert len(set(names)) == len(names)
    beside = environment.constraints_beside_pins().splitlines()
    constrained = {environment.name_of(line) for line in beside}
    for line in environment.pins():
        name = environment.name_of(line)
        assert ("==" in line) != (name in constrained), line
    assert {"torch", "numpy"} <= constrained


def test_functions_inside_classes_are_found():
    class Outer:
        class Inner(torch.autograd.Function):
            __module__ = "downstream_example.part"
            __qualname__ = "Outer.Inner"

    known = functions.functions_of("downstream_example")
    assert known == {"downstream_example.part:Outer.Inner": Outer.Inner}


def test_modules_that_cannot_be_imported_are_listed(tmp_path, monkeypatch):
    folder = tmp_path / "downstream_broken"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "__main__.py").write_text("raise SystemExit('not to be imported')")
    (folder / "bad.py").write_text("raise SystemExit('at once\\nand more')")
    (folder / "good.py").write_text("print('hello')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(functions, "let_torchvision_be_imported", lambda: None)
    assert functions.import_all("downstream_broken") == {
        "downstream_broken.bad": "SystemExit: at once"
    }


def test_an_environment_that_cannot_be_made_is_told(monkeypatch, capsys, tmp_path):
    def fail(_):
        raise OSError("no space left")

    monkeypatch.setattr(environment, "prepare", fail)
    assert run.main(["--venv", str(tmp_path)]) == 2
    assert "cannot be made: no space left" in capsys.readouterr().err


def test_a_check_that_ends_badly_is_told(monkeypatch):
    ended = SimpleNamespace(returncode=-9, stdout="", stderr="Killed")
    monkeypatch.setattr(run.subprocess, "run", lambda *_, **__: ended)
    assert run.found_by("timm", "python") == "the check ended with status -9:\n  Killed"


def test_a_check_that_hangs_is_told(monkeypatch):
    def expire(*_, **__):
        raise run.subprocess.TimeoutExpired("python", run.LIMIT)

    monkeypatch.setattr(run.subprocess, "run", expire)
    assert run.found_by("timm", "python") == "did not come to an end in 480 s"


def test_a_check_that_computes_for_too_long_is_told(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(run, "verdicts_file", lambda package: tmp_path / f"{package}.toml")
    assert not run.as_written_down("timm", {**found(), "seconds": 121.0})
    assert "it computed for more than 120 s" in capsys.readouterr().out


def test_what_differs_is_printed_and_the_status_tells(monkeypatch, capsys, tmp_path):
    given = {**found(**{"timm.a:B": {"failed": {"numeric": "off by 1"}}}), "seconds": 1.0}
    monkeypatch.setattr(environment, "prepare", lambda _: "python")
    monkeypatch.setattr(run, "found_by", lambda *_: given)
    monkeypatch.setattr(run, "verdicts_file", lambda package: tmp_path / f"{package}.toml")
    assert run.main(["timm"]) == 1
    assert "timm.a:B: has no verdict" in capsys.readouterr().out
    assert run.main(["timm", "--write"]) == 1
    assert "numeric fails, and nobody has written why: off by 1" in capsys.readouterr().out
    text = (tmp_path / "timm.toml").read_text()
    (tmp_path / "timm.toml").write_text(text.replace('""', '"a factor of 2"'))
    assert run.main(["timm", "--jobs", "2"]) == 0
    assert capsys.readouterr().out == "timm: 1 Functions: 1 bug, 0 warning, 0 clean (1 s)\n"


def test_an_unknown_package_is_an_error(capsys):
    with pytest.raises(SystemExit):
        run.main(["entmux"])
    assert "no package entmux; there are botorch, " in capsys.readouterr().err


def test_a_function_is_checked_with_what_its_samples_say():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, gy):
            return gy * 3

    results = check.checked(Twice, lambda make: [(make(2),), (make(3),)], compiled=False)
    assert "numeric" in results["failed"]
    assert results["failed"]["numeric"].startswith("sample 0: ")
    assert results["samples"] == 2
    assert "compiled" not in {**results["failed"], **results["warning"], **results["slow"]}


def test_no_false_alarm_is_known():
    # Where one is, the law is to be fixed, or the samples are to say what is true of the Function.
    assert not [
        f"{name}: {law}"
        for package in PACKAGES
        for name, verdict in verdicts.read(verdicts_file(package)).items()
        for law in verdict.false
    ]
