"""Finding: made from what plugrad says of a mistake."""

from __future__ import annotations

from plugrad.cli.describing.finding import Finding
from plugrad.errors import PackError


def test_of_an_error():
    found = Finding.of_error(PackError("it broke", where="here", fix="mend it"), "Traceback ...")
    assert found == Finding("it broke", "here", "mend it", "Traceback ...")


def test_of_a_message():
    assert Finding.of_message(str(PackError("it broke", where="here", fix="mend it"))) == Finding(
        "it broke", "here", "mend it"
    )
    assert Finding.of_message("it broke\n  fix: mend it") == Finding("it broke", "", "mend it")
    assert Finding.of_message("it broke") == Finding("it broke", "", "")
    assert Finding("a", "b", "c").as_dict() == {
        "what": "a",
        "where": "b",
        "fix": "c",
        "traceback": "",
    }
