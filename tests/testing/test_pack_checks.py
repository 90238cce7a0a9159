"""Laws and faults of packs that are really installed, in programs of their own."""

from __future__ import annotations

import pytest

from plugrad.tests.plugins.site import Site, pack_of

CHECKS = """
@pg.hookimpl
def plugrad_register_checks(laws, faults):
    from plugrad.testing.faults.rewrite import returning
    from plugrad.testing.violation import Violation

    @laws.law("sea-small", "first order")
    def small(case):
        '''A gradient is below a hundred.'''
        call = case.call()
        for gradient in call.vjp(call.cotangents()):
            if gradient is not None and (gradient.abs() > 100).any():
                raise Violation("it is not")

    @faults.fault("sea-huge", "add a sample")
    def huge(subject, variant):
        '''Every gradient is a million times as large.'''
        return returning(subject.function, lambda gradient, _: gradient * 1e6)
"""
#: Prints whether the checks are there, then what they say of two ops.
USE = """
from plugrad.testing import LAWS, check_op, op_strength
from plugrad.testing.faults import FAULTS
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
        from plugrad.testing import LAWS, check_op
        from plugrad.testing.faults import FAULTS
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
    assert "fix: mend the hook" in out
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
