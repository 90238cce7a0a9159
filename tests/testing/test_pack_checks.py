"""Laws and faults of packs that are really installed, in programs of their own."""

from __future__ import annotations

import pytest

from plugrad.tests.plugins.site import Site, pack_of
from plugrad.tests.testing.pack_checks import CHECKS

#: Prints whether the checks are there, then what they say of two ops.
USE = """
from plugrad.testing import FAULTS, LAWS, check_op, op_strength
before = "sea-small" in LAWS, "sea-huge" in FAULTS
report = check_op("sin", laws=["sea-small", "oracle"])
print(before, "sea-small" in LAWS, "sea-huge" in FAULTS, report.passed)
print({result.law for result in report}, LAWS["sea-small"].why)
(result,) = op_strength("exp", faults=["sea-huge"]).results
print(result.verdict, FAULTS["sea-huge"].what)
"""


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_a_law_and_a_fault_of_a_pack(site):
    site.install("sea", pack_of("wave") + CHECKS)
    out, _ = site.run(USE)
    assert out.splitlines() == [
        "(False, False) True True True",
        out.splitlines()[1],
        "caught Every gradient is a million times as large.",
    ]
    assert "'sea-small'" in out.splitlines()[1]
    assert out.splitlines()[1].endswith("} A gradient is below a hundred.")


def test_checking_its_own_ops_applies_them_too(site):
    site.install("sea", pack_of("wave", 200) + CHECKS)
    out, _ = site.run(
        """
        report = pg.testing.check_pack("sea")
        print({failure.law for failure in report.failures})
        """
    )
    assert out == "{'sea-small'}\n"


def test_a_law_of_the_packs_own_ops_is_not_there_for_others(site):
    own = CHECKS.replace('"first order")', '"first order", pack="sea")')
    site.install("sea", pack_of("wave", 200) + own)
    site.install("land", pack_of("dune", 200))
    out, _ = site.run(
        """
        from plugrad.cli.app import app
        from typer.testing import CliRunner
        for pack in ("sea", "land"):
            report = pg.testing.check_pack(pack)
            print([failure.law for failure in report.failures], len(report.results))
        for jobs in ("1", "2"):
            for command in (
                "check sea:: land:: --law sea-small --law routes", "check land:: --law sea-small"
            ):
                done = CliRunner().invoke(app, [*command.split(), "--jobs", jobs])
                print(done.exit_code, done.stdout.count("FAILED sea::wave[0]-sea-small"),
                      "land::dune[0]-sea-small" in done.stdout,
                      "the law is about the ops of the pack sea" in done.stdout)
        (result,) = op_strength("land::dune", faults=["sea-huge"]).results
        print(result.verdict)
        """.replace("from typer", "from plugrad.testing import op_strength\n        from typer")
    )
    (sea, land, *commands, strength) = out.splitlines()
    assert sea.startswith("['sea-small'] ")
    assert land.startswith("[] ")
    assert int(sea.split()[-1]) == int(land.split()[-1]) + 1  # one sample
    assert commands == ["1 1 False False", "0 0 False True"] * 2
    assert strength == "caught"  # by plugrad's own laws


def test_checking_the_built_in_ops_imports_no_pack(site):
    site.install("trap", "open('sprung', 'w')\n" + pack_of("wave") + CHECKS)
    site.run("assert pg.testing.check_op('sin', laws=['oracle']).passed")
    site.run("assert pg.testing.check_op('neg').passed")
    assert not (site.work / "sprung").exists()


@pytest.mark.parametrize("action", ["always", "error"])
def test_a_hook_that_raises_adds_nothing_and_keeps_nobody_from_theirs(site, action):
    broken = CHECKS.replace("sea-", "bad-") + "    1 / 0\n"
    site.install("bad", pack_of("wind") + broken)
    site.install("sea", pack_of("wave") + CHECKS)
    out, _ = site.run(
        f"""
        from plugrad.testing import FAULTS, LAWS, check_op
        pg.packs.load()
        with warnings.catch_warnings(record={action == "always"}) as caught:
            warnings.simplefilter({action!r})
            try:
                check_op("sin", laws=["oracle"])
            except errors.PackWarning as warning:
                print(warning)
        print(*(warning.message for warning in caught or ()))
        print([id_ for id_ in ("bad-small", "sea-small") if id_ in LAWS])
        print([id_ for id_ in ("bad-huge", "sea-huge") if id_ in FAULTS])
        print(check_op("sin", laws=["oracle"]).passed)
        """
    )
    assert "plugrad_register_checks of the pack bad raised ZeroDivisionError" in out
    assert "fix: fix the hook" in out
    assert out.endswith("['sea-small']\n['sea-huge']\nTrue\n")


def test_an_op_whose_names_another_pack_claims_too_is_not_to_blame(site):
    airy = "overrides=(__import__('torch').special.airy_ai,), reference=twice, methods=('wave',)"
    twice = "import plugrad as pg\ntwice = lambda x: x * 2\n"
    for name in ("one", "two"):
        site.install(name, twice + pack_of("wave", declared=airy))
    out, _ = site.run(
        """
        warnings.simplefilter("ignore")
        for pack in ("one", "two"):
            report = pg.testing.check_pack(pack, laws=["registered-rule", "routes"])
            print(report.passed, {result.law for result in report if result.status == "passed"})
        """
    )
    assert out.count("True {") == 2
    assert out.count("'routes'") == 2  # x.<pack>.wave() is left
