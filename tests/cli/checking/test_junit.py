"""junit_report: XML that holds whatever an op says."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

pytest.importorskip("rich")

from plugrad.cli.checking.junit import junit_report
from plugrad.tests.cli.checking.an_outcome import outcome


def test_suites_cases_and_counts():
    root = ET.fromstring(junit_report(outcome()))
    assert root.tag == "testsuites"
    assert {name: root.attrib[name] for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "2", "errors": "0", "skipped": "2",
    }  # fmt: skip
    assert [suite.attrib["name"] for suite in root] == ["good", "sni<&>"]
    cases = {case.attrib["name"]: case for case in root.iter("testcase")}
    assert cases["good[0]-oracle"].attrib["classname"] == "plugrad.good"
    assert cases["good[0]-oracle"].attrib["time"] == "0.250000"
    assert len(cases["good[0]-oracle"]) == 0
    assert cases["good-samples"].find("skipped").attrib["message"] == "waived: it has none"


def test_a_failure_is_told():
    root = ET.fromstring(junit_report(outcome()))
    failure = root.find(".//testcase[@name='sni<&>[0]-oracle']/failure")
    assert failure.attrib["type"] == "oracle"
    assert failure.attrib["message"].startswith("not torch's </script> gradient")
    assert "  got        nan\n" in failure.text
    assert failure.text.endswith("plugrad check sni<&> --law oracle --sample 0 --seed 0")


def test_characters_that_xml_cannot_hold_are_replaced():
    root = ET.fromstring(junit_report(outcome(message="bell \x07, null \x00, ok \t é 😀")))
    failure = root.find(".//testcase[@name='sni<&>[0]-oracle']/failure")
    assert failure.attrib["message"] == "bell \ufffd, null \ufffd, ok \t é 😀"
