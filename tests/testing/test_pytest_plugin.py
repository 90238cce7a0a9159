"""pytest --plugrad: in a folder with ops in a conftest.py, and in an empty one."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from importlib.metadata import entry_points

import pytest

# What a run in this process imports is forgotten after it: so all of it is imported here.
from plugrad.testing import check, pytest_plugin, result  # noqa: F401
from plugrad.testing.laws import LAWS

pytest_plugins = ["pytester"]

# hypothesis' own plugin would be imported anew in each of the runs.
PLUGIN = ("-p", "plugrad.testing.pytest_plugin", "-p", "no:hypothesispytest")

CONFTEST = '''
import torch
import plugrad as pg


def square(name, rule, samples=None, **declared):
    @pg.op(name, **declared)
    class Square(pg.Function):
        """y = x^2;  gx = 2 gy x."""

        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, gy):
            (x,) = ctx.saved_tensors
            return rule(gy, x)

        @staticmethod
        def samples(make):
            if samples:
                samples()
            yield pg.Sample(make(2, 3))
            yield pg.Sample(make(4))

    pg.registry.add(Square, pack="mine")


def right(gy, x):
    return 2 * gy * x


def wrong(gy, x):
    print("what the rule prints")
    return gy * x


def broken():
    raise OSError("no such samples")


square("mine::right", right)
square("mine::wrong", wrong)
square("mine::waived", wrong, waives={"oracle": "told so"})
square("mine::broken", right, broken)
'''
ORACLE = ("--plugrad-law", "oracle")


def laws(*ids):
    return [argument for id_ in ids for argument in ("--plugrad-law", id_)]


@pytest.fixture
def folder(pytester):
    pytester.makeconftest(CONFTEST)
    return pytester


FAILURE = [
    "*mine::wrong?0?-oracle*",
    "not torch's gradient: gradient of x*: expected *, got *; probable cause: scaled by 0.5",
    "  op: mine::wrong, sample 0",
    "  arguments: Sample(*",
    "  law: oracle: *",
    "  reproduce: pytest --plugrad-op mine::wrong --plugrad-law oracle --plugrad-seed 3 -k 'mine*",
    "         or: plugrad check mine::wrong --law oracle --sample 0 --seed 3",
    "*Captured stdout call*",
    "what the rule prints",
]


@pytest.mark.slow
def test_a_run_beside_a_test_file(folder):
    folder.makepyfile("def test_of_a_file(): pass")
    chosen = [*laws("oracle", "samples", "subsets"), "--plugrad-seed", "3", "-k", "not broken"]
    done = folder.runpytest_subprocess(
        *PLUGIN, "--plugrad-pack", "mine", *chosen, "-ra", "-v", "--junitxml", "report.xml"
    )
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=6, failed=2, xfailed=2, deselected=1)
    done.stdout.fnmatch_lines(["plugrad: 3 laws, seed 3, device cpu"])
    done.stdout.fnmatch_lines(
        [
            "test_a_run_beside_a_test_file.py::test_of_a_file PASSED *",
            "plugrad::check?mine::right-samples? PASSED *",
            "plugrad::check?mine::right?0?-oracle? PASSED *",
            "plugrad::check?mine::right?0?-subsets? N/A *",
            "plugrad::check?mine::waived?1?-oracle? XFAIL (told so) *",
        ]
    )
    done.stdout.fnmatch_lines(FAILURE)
    done.stdout.fnmatch_lines(
        [
            "* plugrad: laws that did not apply, were waived, or warn *",
            "      6 subsets: there are no two differentiable inputs",
            "      2 waived oracle: told so",
            "FAILED plugrad::check?mine::wrong?0?-oracle? - Failed: not torch's*",
            "* 2 failed, 6 passed, 1 deselected, 2 xfailed, 6 not applicable in *",
        ]
    )
    done.stdout.no_fnmatch_line("*Traceback*")
    done.stdout.no_fnmatch_line("*SKIPPED*")
    cases = list(ET.parse(folder.path / "report.xml").iter("testcase"))
    properties = [(p.get("name"), p.get("value")) for c in cases for p in c.iter("property")]
    assert {c.get("classname") for c in cases} >= {"plugrad"}
    assert "check[mine::right[0]-oracle]" in {c.get("name") for c in cases}
    assert (
        properties.count(("not applicable", "subsets: there are no two differentiable inputs")) == 6
    )


@pytest.mark.slow
def test_workers_of_xdist_and_samples_that_raise(folder):
    chosen = ["--plugrad-pack", "mine", *laws("oracle", "samples")]
    done = folder.runpytest_subprocess(*PLUGIN, *chosen, "-n", "2", "--dist", "worksteal")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.assert_outcomes(passed=5, failed=3, xfailed=2)
    done.stdout.fnmatch_lines(["*_ mine::broken-samples _*", "*no such samples*"])
    done.stdout.fnmatch_lines(
        ["FAILED plugrad::check?mine::wrong?1?-oracle? - Failed: not torch's*"]
    )


@pytest.mark.slow
def test_a_worker_says_that_there_is_no_such_op(folder):
    done = folder.runpytest_subprocess(*PLUGIN, "--plugrad-op", "exq", "-n", "1")
    assert done.ret != pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["*there is no op named 'exq'*"])


@pytest.mark.slow
def test_an_empty_folder(pytester):
    done = pytester.runpytest_subprocess(*PLUGIN, "--plugrad", *ORACLE, "-k", "exp[0] or sin[0]")
    assert done.ret == pytest.ExitCode.OK
    assert done.parseoutcomes()["passed"] >= 2


@pytest.mark.slow
@pytest.mark.skipif(
    "plugrad" not in {e.name for e in entry_points(group="pytest11")},
    reason="this checkout was installed before it had the entry point",
)
def test_the_entry_point_loads_it_only_if_asked(pytester):
    pytester.makeconftest("""
        import sys

        def pytest_unconfigure(config):
            print("torch imported:", "torch" in sys.modules)
    """)
    pytester.makepyfile("def test_of_a_file(): pass")
    plain = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-s")
    plain.stdout.fnmatch_lines(["torch imported: False"])
    asked = pytester.runpytest_subprocess("-s", "-n", "1", "plugrad::exp-name")
    asked.assert_outcomes(passed=1)
    asked.stdout.fnmatch_lines(["torch imported: True"])
    pytester.runpytest_subprocess("--help").stdout.fnmatch_lines(["*--plugrad-pack=NAME*"])


# The rest needs no process of its own: it registers nothing.
def run(pytester, *arguments):
    return pytester.runpytest_inprocess(*PLUGIN, *arguments)


def test_ids_as_arguments(pytester):
    pytester.makepyfile("def test_of_a_file(): pass")
    done = run(pytester, "plugrad::check[exp[1]-oracle]", "plugrad::sin-docstring", "-v")
    done.assert_outcomes(passed=2)
    assert done.ret == pytest.ExitCode.OK
    file = "test_ids_as_arguments.py"
    run(pytester, "plugrad::exp[1]-oracle", file).assert_outcomes(passed=2)
    whole = run(pytester, "plugrad::exp", *laws("oracle", "name"), "--collect-only", "-q")
    whole.stdout.fnmatch_lines(["plugrad::check?exp-name?", "plugrad::check?exp?0?-oracle?"])
    whole.stdout.no_fnmatch_line("*expm1*")


def test_pytests_own_ways_to_choose(pytester):
    chosen = ["--plugrad-op", "exp", "--plugrad-op", "sin", *laws("oracle", "linearity")]
    done = run(pytester, *chosen, "-k", "exp[0]-oracle or sin[0]-linearity")
    assert done.parseoutcomes()["passed"] == 2
    done = run(pytester, *chosen, "--deselect", "plugrad::check[exp", "--collect-only", "-q")
    done.stdout.fnmatch_lines(["plugrad::check?sin?0?-oracle?"])
    done.stdout.no_fnmatch_line("plugrad::check?exp*")
    tree = run(pytester, *chosen, "--collect-only")
    tree.stdout.fnmatch_lines(
        ["*<_Ops plugrad>", "*<_Op exp>", "*<_Check exp?0?-linearity>", "*<_Op sin>"]
    )


def test_the_order_is_that_of_a_runner(pytester):
    done = run(pytester, "--plugrad-op", "exp", *laws("name", "runs", "oracle"), "-v")
    lines = [line.split()[0] for line in done.outlines if line.startswith("plugrad::")]
    assert lines[:4] == [
        f"plugrad::check[{name}]"
        for name in ("exp-name", "exp[0]-runs", "exp[0]-oracle", "exp[1]-runs")
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--plugrad-op", "exq"), "did you mean eq or exp"),
        (("--plugrad-pack", "plugrat"), "did you mean plugrad"),
        (("--plugrad", "--plugrad-law", "orakle"), "did you mean oracle"),
        (("--plugrad-law", "oracle"), "no op is checked"),
        (("plugrad::exq-oracle",), "there is no op named 'exq-oracle'"),
    ],
)
def test_what_there_is_not(pytester, arguments, message):
    done = run(pytester, *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*{message}*"])


def test_a_check_there_is_not(pytester):
    done = run(pytester, "plugrad::exp[99]-oracle")
    assert done.ret != pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["*exp has no check exp?99?-oracle", "*--collect-only -q*"])


def test_a_marked_test_is_pytests_own_affair(pytester):
    pytester.makeconftest("""
        import pytest

        @pytest.hookimpl(trylast=True)
        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "exp[0]-oracle":
                    item.add_marker(pytest.mark.skip(reason="not today"))
    """)
    done = run(pytester, "--plugrad-op", "exp", *ORACLE, "-rs")
    assert done.parseoutcomes()["skipped"] == 1
    done.stdout.fnmatch_lines(["SKIPPED *not today"])


def test_many_reasons_are_cut_short_unless_v_is_set(pytester, monkeypatch):
    monkeypatch.setattr(pytest_plugin, "_SHOWN", 1)
    chosen = ["--plugrad-op", "exp", *laws("subsets", "non-differentiable")]
    done = run(pytester, *chosen)
    done.stdout.fnmatch_lines(["* for 1 other reason, which -v shows"])
    run(pytester, *chosen, "-v").stdout.no_fnmatch_line("*other reasons*")


def test_without_the_options_nothing_happens(pytester):
    pytester.makepyfile(
        "def test_of_a_file(pytestconfig):\n"
        "    assert not pytestconfig.pluginmanager.has_plugin('plugrad-checking')"
    )
    done = run(pytester)
    done.assert_outcomes(passed=1)
    done.stdout.no_fnmatch_line("*plugrad: *")


def test_every_law_can_be_an_id():
    # An id ends in -LAW, and pytest's -k and ids must take it.
    assert all(law.id.replace("-", "").isalnum() for law in LAWS)
