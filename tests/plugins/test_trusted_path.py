"""Nothing comes from the working directory, however Python was started."""

from __future__ import annotations

import pytest

from plugrad.tests.plugins.site import PROGRAM, pack_of

TRAP = "open('trap', 'w').write('sprung')\n"
ASK = "print(hasattr(x, 'anything'), hasattr(x, 'triple'))"


def start(kind, site):
    """Arguments that start a program in the working directory."""
    if kind != "-c":
        (site.work / "program.py").write_text(PROGRAM + ASK)
    return {"-m": ["-m", "program"], "script": ["program.py"], "-c": ["-c", PROGRAM + ASK]}[kind]


@pytest.mark.parametrize("kind", ["-c", "-m", "script"])
def test_metadata_in_the_working_directory_is_not_installed(site, kind):
    (site.work / "evil.py").write_text(TRAP + pack_of("triple", 3))
    site.metadata(site.work, "evil", "[plugrad]\nevil = evil\n")
    out, _ = site.run(options=start(kind, site), PLUGRAD_PACKS="all")
    assert out == "False False\n"
    assert not (site.work / "trap").exists()


@pytest.mark.parametrize("kind", ["-c", "-m", "script"])
def test_a_module_there_does_not_stand_in_for_an_installed_one(site, kind):
    site.install("honest", pack_of("triple", 3))
    (site.work / "honest.py").write_text(TRAP)
    out, err = site.run(options=start(kind, site))
    assert out == "False False\n"
    assert not (site.work / "trap").exists()
    assert "its module would be imported from the working directory" in err
    assert str(site.work / "honest.py") in err
    assert "fix: start from another directory, or with python -P" in err


def test_what_pythonpath_names_was_chosen(site):
    """Also where it is the working directory, as in the checkout of a pack."""
    site.install("honest", pack_of("triple", 3))
    site.work = site.path
    out, _ = site.run(ASK)
    assert out == "False True\n"


def test_what_an_editable_install_names_was_chosen(site, tmp_path):
    """A .pth file of a site directory puts the checkout at the end of the path."""
    checkout = site.work
    (checkout / "mine.py").write_text(pack_of("triple", 3))
    site.metadata(site.path, "mine", "[plugrad]\nmine = mine\n")
    (site.path / "mine.pth").write_text(f"{checkout}\n")
    add = f"import site\nsite.addsitedir({str(site.path)!r})\n"
    out, _ = site.run(add, ASK, PYTHONPATH="")
    assert out == "False True\n"
    site.metadata(checkout, "mine", "[plugrad]\nmine = mine\n", version="0.dev")
    out, _ = site.run(add, ASK, "print(pg.packs['mine'].version)", PYTHONPATH="")
    assert out == "False True\n1.0\n"


def test_a_working_directory_that_is_gone(site):
    site.install("honest", pack_of("triple", 3))
    out, _ = site.run("import os\nos.rmdir(os.getcwd())", ASK)
    assert out == "False True\n"
