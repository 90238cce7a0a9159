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
    assert "if it is meant, name the directory in PYTHONPATH" in err


@pytest.mark.parametrize("way", ["append", "insert"])
def test_the_working_directory_by_any_of_its_names(site, way):
    (site.work / "evil.py").write_text(TRAP + pack_of("triple", 3))
    site.metadata(site.work, "evil", "[plugrad]\nevil = evil\n")
    site.metadata(site.path, "other", "[plugrad]\nother = evil\n")
    (site.path.parent / "link").symlink_to(site.work)
    program = f"""
        import os, sys
        link = {str(site.path.parent / "link")!r}
        for name in (os.getcwd(), "./", ".", "", link, os.path.join(link, "..", "work")):
            sys.path.{way}(*[0][:{way == "insert"}], name)
    """
    out, err = site.run(
        program, ASK, "print([pack.name for pack in pg.packs])", PLUGRAD_PACKS="all"
    )
    assert "False False\n" in out
    assert "'evil'" not in out
    assert "its module would be imported from the working directory" in err
    assert not (site.work / "trap").exists()


def test_also_where_the_program_went_elsewhere_since(site):
    (site.work / "evil.py").write_text(TRAP + pack_of("triple", 3))
    site.metadata(site.work, "evil", "[plugrad]\nevil = evil\n")
    program = "import os, sys\nsys.path.append(os.getcwd())\nos.chdir('/')"
    out, _ = site.run(program, ASK, PLUGRAD_PACKS="all")
    assert out == "False False\n"


def test_another_directory_that_the_program_adds_was_chosen(site, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.py").write_text(pack_of("triple", 3))
    site.metadata(other, "mine", "[plugrad]\nmine = mine\n")
    out, _ = site.run(f"import sys\nsys.path.append({str(other)!r})", ASK, PLUGRAD_PACKS="mine")
    assert out == "False True\n"


def test_a_working_directory_that_packages_are_installed_in(site):
    (site.work / "mine.py").write_text(pack_of("triple", 3))
    site.metadata(site.work, "mine", "[plugrad]\nmine = mine\n")
    program = """
        import os, site, sys
        sys.path.append(os.getcwd())
        site.getsitepackages = lambda: [os.getcwd()]
    """
    out, _ = site.run(program, ASK, PLUGRAD_PACKS="mine")
    assert out == "False True\n"


def test_a_pth_file_in_the_working_directory_chooses_nothing(site):
    (site.work / "evil.py").write_text(TRAP + pack_of("triple", 3))
    site.metadata(site.work, "evil", "[plugrad]\nevil = evil\n")
    (site.work / "evil.pth").write_text(f"{site.work}\n")
    out, _ = site.run("import os, sys\nsys.path.append(os.getcwd())", ASK, PLUGRAD_PACKS="all")
    assert out == "False False\n"


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


@pytest.mark.parametrize("kind", ["-c", "-m", "script"])
def test_leaving_the_directory_does_not_make_it_one_of_the_others(site, kind):
    site.install("honest", pack_of("five", 5))
    (site.work / "evil.py").write_text(TRAP + pack_of("triple", 3))
    (site.work / "honest.py").write_text(TRAP)
    site.metadata(site.work, "evil", "[plugrad]\nevil = evil\n")
    program = PROGRAM + "import os\nos.chdir('/')\n" + ASK + "\nprint(pg.packs['honest'].status)"
    (site.work / "program.py").write_text(program)
    options = {"-c": ["-c", program], "-m": ["-m", "program"], "script": ["program.py"]}[kind]
    out, err = site.run(options=options, PLUGRAD_PACKS="all")
    # With -c the path says '', which is where the program is by now.
    assert out == ("False False\nloaded\n" if kind == "-c" else "False False\nset aside\n")
    assert ("would be imported from the working directory" in err) is (kind != "-c")
    assert not (site.work / "trap").exists()


def test_beside_a_script_that_is_started_from_elsewhere(site, tmp_path):
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "program.py").write_text(PROGRAM + ASK)
    (scripts / "evil.py").write_text(TRAP + pack_of("triple", 3))
    site.metadata(scripts, "evil", "[plugrad]\nevil = evil\n")
    out, _ = site.run(options=[str(scripts / "program.py")], PLUGRAD_PACKS="all")
    assert out == "False False\n"
    assert not (site.work / "trap").exists()


def namespace_pack(folder):
    """``acme.plugin``, where ``acme`` is a package that several folders share."""
    (folder / "acme").mkdir()
    (folder / "acme" / "plugin.py").write_text(pack_of("triple", 3))


def test_a_namespace_that_the_working_directory_has_a_part_of(site):
    namespace_pack(site.path)
    site.metadata(site.path, "acme", "[plugrad]\nacme = acme.plugin\n")
    (site.work / "acme").mkdir()
    (site.work / "acme" / "notes.txt").touch()
    assert site.run(ASK)[0] == "False True\n"
    (site.work / "acme" / "plugin.py").write_text(TRAP)
    out, err = site.run(ASK)
    assert out == "False False\n"
    assert str(site.work / "acme" / "plugin.py") in err
    assert not (site.work / "trap").exists()


def test_the_path_hook_of_an_editable_namespace_stays(site):
    """As setuptools makes it: a finder on sys.path_hooks, and its name on sys.path."""
    namespace_pack(site.work)
    site.metadata(site.path, "acme", "[plugrad]\nacme = acme.plugin\n")
    program = f"""
import importlib.machinery as m, sys
HOOK = "__editable__.acme.finder.__path_hook__"
class Finder:
    @classmethod
    def hook(cls, path):
        if path != HOOK: raise ImportError
        return cls()
    def find_spec(self, name, target=None):
        if name == "acme":
            spec = m.ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = [{str(site.work / "acme")!r}]
            return spec
sys.path_hooks.append(Finder.hook)
sys.path.append(HOOK)
sys.path_importer_cache.clear()
"""
    out, _ = site.run(program, "import os\nos.chdir('/')", ASK)
    assert out == "False True\n"


def test_a_finder_of_the_old_kind_is_passed_over(site):
    site.install("honest", pack_of("triple", 3))
    old = "type('Old', (), {'find_module': lambda *_: None})()"
    out, _ = site.run(f"import sys\nsys.meta_path.insert(0, {old})", ASK)
    assert out == "False True\n"


def test_a_link_to_the_checkout_is_the_checkout(site, tmp_path):
    (site.work / "mine.py").write_text(pack_of("triple", 3))
    site.metadata(site.path, "mine", "[plugrad]\nmine = mine\n")
    (tmp_path / "link").symlink_to(site.work)
    (site.path / "mine.pth").write_text(f"{tmp_path / 'link'}\n")
    add = f"import site\nsite.addsitedir({str(site.path)!r})\n"
    out, _ = site.run(add, ASK, PYTHONPATH="")
    assert out == "False True\n"


def test_pythonpath_that_python_ignores_chooses_nothing(site):
    (site.work / "evil.py").write_text(TRAP + pack_of("triple", 3))
    site.metadata(site.work, "evil", "[plugrad]\nevil = evil\n")
    (site.work / "program.py").write_text(PROGRAM + ASK)
    options = ["-E", "-m", "program"]
    out, _ = site.run(options=options, PLUGRAD_PACKS="all", PYTHONPATH=str(site.work))
    assert out == "False False\n"
