"""Packs that fail in less usual ways: halfway, in threads, while warnings are errors."""

from __future__ import annotations

import pytest

import plugrad as pg
from plugrad.tests.plugins.site import GOOD, IMPORTS, MISS_AS_ERROR, hook, op_class, pack_of

LISTENER = "@pg.hookimpl\ndef plugrad_op_registered(op):\n    "
TRIPLE = pack_of("triple", 3)


# --- all or none ---------------------------------------------------------------------


def test_two_packs_with_one_module(site):
    site.install("one", TRIPLE, points="[plugrad]\n")
    site.metadata(site.path, "other", "[plugrad]\nother = one\n[plugrad.api]\nother = v1\n")
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(x.triple().data.tolist(), sorted(pg.registry.pack_names))
        print(caught[0].message)
        """
    )
    assert out.startswith("[3.0, 6.0] ['one', 'plugrad']\n")
    assert "the pack other of other 1.0 is set aside: it has the same hooks as the pack one" in out
    assert "fix: let each pack have a module of its own" in out


def test_a_listener_that_raises_where_warnings_are_errors(site):
    site.install("ear", IMPORTS + LISTENER + "raise KeyError(op.name)\n")
    code = IMPORTS + op_class("aa") + op_class("bb", 5, name="Other") + hook("Double", "Other")
    site.install("zed", code)
    out, _ = site.run(
        MISS_AS_ERROR,
        """
        print(pg.packs["zed"].status, x.aa().data.tolist(), x.bb().data.tolist())
        """,
        IMPORTS + op_class("mine"),
        """
        try:
            pg.registry.add(Double)
        except errors.PackWarning as warning:
            print(warning)
        print(x.mine().data.tolist())
        """,
    )
    # Of the ops that were there it is told until it raises, then of each that comes.
    assert out.count("plugrad_op_registered of the pack ear raised KeyError: ") == 1 + 2 + 1
    assert "loaded [2.0, 4.0] [5.0, 10.0]\n" in out
    assert out.endswith("KeyError: 'mine'\n  fix: fix the hook, or leave the pack out with "
                        "PLUGRAD_PACKS; everything else keeps working\n[2.0, 4.0]\n")  # fmt: skip


def test_what_a_pack_registers_by_itself_goes_with_it(site):
    site.install("one", TRIPLE + 'pg.registry.add(Double, pack="one")\n1 / 0\n')
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("always")
            print(hasattr(x, "triple"), "one" in pg.registry.pack_names)
        """
    )
    assert out == "False False\n"


def test_an_op_that_was_there_before_its_pack_stays_the_same_entry(site):
    site.install("one", TRIPLE)
    out, _ = site.run(
        """
        from one import Double
        entry = pg.registry.add(Double, "one")
        hasattr(x, "anything")
        print(pg.packs["one"].status, pg.registry["one::triple"] is entry)
        print(pg.registry.owner("triple") is entry)
        """
    )
    assert out == "loaded True\nTrue\n"


def test_an_interruption_is_no_fault_of_the_packs(site):
    code = "import os\nif os.path.exists('interrupt'):\n    raise KeyboardInterrupt\n" + TRIPLE
    site.install("one", code)
    site.install("zed", pack_of("five", 5))
    out, _ = site.run(
        """
        import os
        open("interrupt", "w").close()
        try:
            x.five()
        except KeyboardInterrupt:
            print(pg.packs["one"].status, pg.packs["zed"].status)
        os.remove("interrupt")
        print(x.five().data.tolist(), x.triple().data.tolist())
        """
    )
    assert out == "found found\n[5.0, 10.0] [3.0, 6.0]\n"


def test_a_time_limit_from_outside_reaches_its_owner(site):
    site.install("slow", "import time\ntime.sleep(20)\n" + TRIPLE)
    out, _ = site.run(
        """
        from plugrad.testing.runner import TimeLimitExceeded, time_limit
        try:
            with time_limit(0.5):
                hasattr(x, "triple")
        except TimeLimitExceeded:
            print(pg.packs["slow"].status)
        """
    )
    assert out == "found\n"


@pytest.mark.parametrize("name", ["__setattr__", "__class__", "__del__", "__str__"])
def test_a_special_method_that_computes_nothing_is_refused(site, name):
    site.install("bad", pack_of("triple", 3, f"methods=('{name}',)"))
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            hasattr(x, "triple")
        print(caught[0].message, (x + 1).data.tolist(), str(x)[:8])
        """
    )
    assert f"triple claims '{name}', which is not an operator\n" in out
    assert out.endswith("[2.0, 3.0] Variable\n")


def test_an_error_whose_text_cannot_be_had(site):
    bases = ("Exception", "pg.errors.PackError", "pg.errors.OpDefinitionError")
    for number, base in enumerate(bases):
        site.install(
            f"bad{number}",
            f"{IMPORTS}class E({base}):\n    def __init__(self): pass\n"
            "    def __str__(self): raise ValueError\nraise E()\n",
        )  # fmt: skip
    site.install("fine", TRIPLE)
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(x.triple().data.tolist(), len(caught))
        for warning in caught:
            print(warning.message)
        """
    )
    assert out.startswith("[3.0, 6.0] 3\n")
    assert out.count("E: (its text cannot be read: ") == 3
    assert out.count("fix: plugrad doctor shows the traceback") == 3


def test_every_message_is_told_once_also_where_warnings_are_errors(site):
    site.install("bad1", "1 / 0")
    site.install("bad2", "import nothing_at_all")
    misses = "for name in 'abc': hasattr(pg.Variable(torch.ones(1)), name)\n"
    site.install("early", IMPORTS + "import torch\n" + misses + TRIPLE)
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            import early
            x.triple()
        print(len(caught))
        """
    )
    assert out == "2\n"
    out, _ = site.run(MISS_AS_ERROR)
    assert "ZeroDivisionError" in out
    assert "nothing_at_all" in out
    out, err = site.run("x.anything", PLUGRAD_STRICT="1", status=1)
    assert "PackError: ZeroDivisionError: division by zero; also, the pack bad2 of" in err


def test_load_decides_alone_whether_to_be_strict(site):
    site.install("bad", "1 / 0")
    out, _ = site.run("pg.packs.load(strict=False); print('fine')", PLUGRAD_STRICT="1")
    assert out == "fine\n"


def test_a_hook_that_would_do_nothing_is_refused(site):
    register = "def plugrad_register_ops(registry):"
    kinds = {
        "coroutine": GOOD.replace(register, "async " + register),
        "generator": GOOD + "    yield\n",
        "wrapper": GOOD.replace("hookimpl", "hookimpl(wrapper=True)") + "    return (yield)",
        "unmarked": GOOD.replace("@pg.hookimpl", "") + LISTENER + "pass\n",
    }
    for name, code in kinds.items():
        site.install(name, code)
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            hasattr(x, "anything")
        for warning in caught:
            print(warning.message)
        """
    )
    assert out.count("plugrad_register_ops is a wrapper, a generator or a coroutine\n") == 3
    assert out.count("fix: write it as a plain function") == 3
    assert "no hook plugrad_register_ops: the function of this name is not marked as one\n" in out
    assert "fix: decorate plugrad_register_ops with @plugrad.hookimpl" in out


def test_a_registry_that_is_kept_says_that_the_hook_is_over(site):
    keeps = "@pg.hookimpl\ndef plugrad_register_ops(registry):\n    kept.append(registry)\n"
    site.install("one", IMPORTS + "kept = []\n" + op_class("triple", 3) + keeps)
    out, _ = site.run(
        """
        hasattr(x, "triple")
        import one
        try:
            one.kept[0].add(one.Double)
        except errors.PackDefinitionError as error:
            print(error)
        pg.registry.add(one.Double, "one")
        print(x.one.triple().data.tolist())
        """
    )
    assert out.startswith("plugrad_register_ops has returned")
    assert "fix: add all ops in the hook; later, plugrad.registry.add(op, 'one')" in out
    assert out.endswith("[3.0, 6.0]\n")


# --- settings that are not understood ------------------------------------------------

PROJECTS = {
    "not TOML": "[tool.plugrad",
    "no such setting": "[tool.plugrad]\npack = 'none'",
    "a wrong type": "[tool.plugrad]\npacks = 3",
    "a wrong selection": "[tool.plugrad]\npacks = 'a,-b'",
    "strict": "[tool.plugrad]\nstrict = 'yes'",
}
PROBES = """
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(hasattr(x, "foo"), hasattr(x, "one"), hasattr(pg.ops, "foo"), "foo" in pg.registry,
          getattr(x, "foo", None), torch.equal(x.sin().data, x.data.sin()))
for warning in caught:
    print(warning.category.__name__, warning.message)
for ask in ("x.sinn", "x.one", "pg.ops.one.triple(x)", "pg.registry['one::triple']",
            "pg.packs['one']", "list(pg.packs)", "pg.packs.load()"):
    try:
        print(eval(ask))
    except errors.PlugradError as error:
        print(ask, type(error).__name__, error)
print(repr(pg.packs))
"""


def check_probes(out, said):
    assert out.startswith("False False False False None True\n")
    assert out.count("PackWarning no pack is loaded: ") == 1
    assert out.count(said) >= 8
    assert "x.sinn UnknownOpError a Variable has no 'sinn': no op provides it\n" in out
    assert "fix: did you mean sin" in out
    for ask in ("x.one", "pg.ops.one.triple(x)", "pg.registry['one::triple']"):
        assert f"{ask} UnknownOpError no pack is loaded, so one is not either: {said}" in out
    for ask in ("pg.packs['one']", "list(pg.packs)", "pg.packs.load()"):
        assert f"{ask} PackSelectionError {said}" in out
    assert f"<Packs: {said}" in out.splitlines()[-1]
    assert "imported" not in out


@pytest.mark.parametrize("choice", ["", "a,-b"])
def test_a_choice_that_is_not_understood_loads_nothing_and_says_so(site, choice):
    site.install("one", "print('imported')\n" + TRIPLE)
    out, _ = site.run(PROBES, PLUGRAD_PACKS=choice)
    check_probes(out, f"{choice!r} is not a valid pack selection")
    assert "where: the environment variable PLUGRAD_PACKS\n  fix: say all, none, the distri" in out


def test_a_wrong_strict_in_the_environment_loads_nothing_and_says_so(site):
    site.install("one", "print('imported')\n" + TRIPLE)
    out, _ = site.run(PROBES, PLUGRAD_STRICT="yes")
    check_probes(out, "PLUGRAD_STRICT is 'yes'")
    assert "fix: set it to 1 or 0" in out


@pytest.mark.parametrize("kind", PROJECTS)
def test_a_broken_pyproject_loads_nothing_and_says_so(site, kind):
    site.install("one", "print('imported')\n" + TRIPLE)
    (site.work / "pyproject.toml").write_text(PROJECTS[kind])
    out, _ = site.run("import os\ndel os.environ['PLUGRAD_PACKS']", PROBES)
    check_probes(out, out.partition("PackWarning no pack is loaded: ")[2].partition("\n")[0])
    assert str(site.work / "pyproject.toml") in out


def test_a_setting_that_is_corrected_counts(site):
    site.install("one", TRIPLE)
    out, _ = site.run(
        """
        import os
        warnings.simplefilter("ignore")
        print(hasattr(x, "triple"))
        os.environ["PLUGRAD_PACKS"] = "one"
        print(x.triple().data.tolist())
        """,
        PLUGRAD_PACKS="",
    )
    assert out == "False\n[3.0, 6.0]\n"


def test_in_strict_mode_a_setting_that_is_not_understood_is_an_error(site):
    _, err = site.run("hasattr(x, 'foo')", PLUGRAD_PACKS="", PLUGRAD_STRICT="1", status=1)
    assert "PackSelectionError: '' is not a valid pack selection" in err


# --- threads, processes, imports -----------------------------------------------------


def test_a_thread_that_a_packs_import_waits_for_does_not_wait_for_ever(site):
    site.install("one", IMPORTS + "import threading, torch\n"
        "miss = lambda: found.append(hasattr(pg.Variable(torch.ones(1)), 'nope'))\n"
        "found = []\nthread = threading.Thread(target=miss)\nthread.start()\nthread.join()\n"
        + op_class("triple", 3) + hook("Double"))  # fmt: skip
    out, _ = site.run(
        """
        import plugrad.plugins.packs
        plugrad.plugins.packs.PATIENCE = 0.2
        print(x.triple().data.tolist())
        import one
        print(one.found)
        """
    )
    assert out == "[3.0, 6.0]\n[False]\n"


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
def test_a_fork_while_a_thread_loads(site):
    site.install("slow", "import time\ntime.sleep(1.5)\n" + TRIPLE)
    out, _ = site.run(
        """
        import os, sys, threading, time
        warnings.simplefilter("ignore")
        thread = threading.Thread(target=lambda: x.triple())
        thread.start()
        time.sleep(0.5)
        if os.fork() == 0:
            hasattr(x, "anything")
            print("child", flush=True)
            os._exit(0)
        os.wait()
        thread.join()
        print("parent", x.triple().data.tolist())
        """
    )
    assert out == "child\nparent [3.0, 6.0]\n"


@pytest.mark.parametrize("value", ["pkg.plugin", "pkg:plugin"])
def test_a_pack_whose_package_misses_a_name_waits_for_the_next_miss(site, value):
    package = site.path / "pkg"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import torch\n" + IMPORTS + "hasattr(pg.Variable(torch.ones(1)), 'anything')\n"
        "OP = 'triple'\n" + ("import pkg.plugin\n" if ":" in value else "")
    )
    code = TRIPLE.replace('"triple"', "OP").replace(IMPORTS, IMPORTS + "from pkg import OP\n")
    (package / "plugin.py").write_text(code)
    site.metadata(site.path, "pkg", f"[plugrad]\npkg = {value}\n")
    out, _ = site.run(
        """
        warnings.simplefilter("error")
        import pkg
        print(pg.packs["pkg"].status, x.triple().data.tolist())
        """
    )
    assert out == "found [3.0, 6.0]\n"


@pytest.mark.parametrize("value", ["one:", "a b c"])
def test_an_entry_point_that_names_no_module(site, value):
    site.metadata(site.path, "one", f"[plugrad]\none = {value}\n")
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            hasattr(x, "anything")
        print(caught[0].message)
        """
    )
    assert f"{value!r} does not name a module\n" in out
    assert 'fix: write the entry point as one = "package.module"' in out


def test_metadata_that_is_damaged_keeps_nobody_else_away(site):
    site.install("fine", TRIPLE)
    info = site.path / "weird-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_bytes("Name: weird\nAuthor: Jörg\n".encode("latin-1"))
    out, _ = site.run("print(x.triple().data.tolist())")
    assert out == "[3.0, 6.0]\n"


# --- names ---------------------------------------------------------------------------


@pytest.mark.parametrize("look_alike", ["\uff4f\uff4e\uff45", "o\uff4ee", "\u1d52\u207f\u1d49"])
def test_a_look_alike_of_a_packs_name_is_set_aside(site, look_alike):
    site.install("one", TRIPLE)
    site.install("other", "print('imported')\n" + pack_of("triple", 5), pack=look_alike)
    out, _ = site.run(
        f"""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(x.triple().data.tolist(), x.{look_alike}.triple().data.tolist())
        print(caught[0].message, len(caught))
        """,
        PYTHONIOENCODING="utf-8",
    )
    assert out.startswith("[3.0, 6.0] [3.0, 6.0]\n")
    assert f"{look_alike!r} is not a valid name for a pack: Python reads it as 'one'\n" in out
    assert "fix: name it (its entry point) with letters, digits and _, as in 'my_pack' 1\n" in out


def test_a_name_with_an_underscore_is_a_probe(site):
    site.install("one", TRIPLE)
    out, _ = site.run(
        """
        hasattr(pg.ops, "_repr_html_"), hasattr(pg.ops.linalg, "_x"), "_foo" in pg.registry
        "linalg._x" in pg.registry, "one::_x" in pg.registry, hasattr(x, "_x")
        print(pg.packs["one"].status)
        """
    )
    assert out == "found\n"


def test_of_two_packs_of_one_name_the_one_that_is_loaded_counts(site):
    site.install("aaa", "raise SystemExit", pack="shared")
    site.install("bbb", TRIPLE, pack="shared")
    out, _ = site.run(
        """
        print(x.shared.triple().data.tolist(), pg.packs["shared"].distribution)
        try:
            x.shared.nope
        except errors.UnknownOpError as error:
            print(error)
        """,
        PLUGRAD_PACKS="bbb",
    )
    assert out.startswith("[3.0, 6.0] bbb\nthere is no op named 'shared::nope'\n")


def test_an_attribute_error_inside_a_property_is_told(site):
    code = pack_of("triple", 3, "properties=('tri',)")
    site.install("one", code.replace("return x * 3", "return x.nothing_of_a_tensor"))
    _, err = site.run("x.tri", status=1)
    assert "AttributeError: 'Tensor' object has no attribute 'nothing_of_a_tensor'" in err
    assert "did you mean" not in err


def test_a_method_that_is_called_as_a_pack(site):
    site.install("scale", TRIPLE)
    site.install("other", pack_of("five", 5, "methods=('scale',)"))
    out, _ = site.run("print(x.scale().data.tolist(), x.scale.triple().data.tolist())")
    assert out == "[5.0, 10.0] [3.0, 6.0]\n"


def test_two_packs_with_one_class_do_not_quarrel(site):
    site.install("one", TRIPLE)
    site.install("two", IMPORTS + "from one import Double\n" + hook("Double"))
    out, _ = site.run(
        """
        print(x.triple().data.tolist(), x.two.triple().data.tolist())
        from one import Double
        print(pg.registry.add(Double), pg.registry.add(pg.registry["sin"].function))
        """
    )
    first, second = out.splitlines()
    assert first == "[3.0, 6.0] [3.0, 6.0]"
    assert second == "<op one::triple of one: one.Double> " + repr(pg.registry["sin"])


def test_a_notebooks_cell_may_rename_its_op(site):
    cell = op_class("{}", 3, declared="methods=('sc',)") + "pg.registry.add(Double)\n"
    out, _ = site.run(
        IMPORTS,
        cell.format("one"),
        cell.format("other"),
        """
        print(x.sc().data.tolist(), "one" in pg.registry, "other" in pg.registry)
        pg.registry.remove("other")
        print("other" in pg.registry, hasattr(x, "sc"))
        """,
    )
    assert out == "[3.0, 6.0] False True\nFalse False\n"


def test_ops_made_in_a_loop_are_all_kept(site):
    loop = "for name in ('aa', 'bb'):\n" + "\n".join(
        "    " + line for line in op_class("NAME", 3).replace('"NAME"', "name").splitlines()
    )
    out, _ = site.run(IMPORTS, loop + "\n    pg.registry.add(Double)", "print(x.aa() is x.bb())")
    assert out == "False\n"


def test_a_class_of_another_name_with_the_same_method_is_told_how_to_go_on(site):
    out, _ = site.run(
        IMPORTS,
        op_class("one", declared="methods=('sc',)") + "pg.registry.add(Double)",
        op_class("two", name="Other", declared="methods=('sc',)"),
        """
        try:
            pg.registry.add(Other)
        except errors.DuplicateOpError as error:
            print(error)
        """,
    )
    assert "; registry.remove('one')\n" in out


@pytest.mark.parametrize("pack", ["a-b", "class", "_hid", "a.b"])
def test_a_name_that_no_pack_can_have_is_refused_in_add_as_well(site, pack):
    out, _ = site.run(
        IMPORTS,
        op_class("one"),
        f"""
        try:
            pg.registry.add(Double, {pack!r})
        except errors.PackDefinitionError as error:
            print(error)
        """,
    )
    why = f"x.{pack} would not be valid Python"
    assert out.startswith(f"{pack!r} is not a valid name for a pack: {why}")


# --- choosing ------------------------------------------------------------------------


def test_a_pack_that_selects_while_it_is_loaded(site):
    site.install("one", IMPORTS + "pg.packs.select('all')\n" + TRIPLE)
    site.install("two", pack_of("five", 5))
    out, _ = site.run(
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(x.five().data.tolist())
        print(caught[0].message)
        """
    )
    assert out.startswith("[5.0, 10.0]\nthe pack one of one 1.0 is set aside")
    assert "PackSelectionError: the packs are loaded already" in out


@pytest.mark.parametrize("choice", ["None", "3", "[3]", "'a,NONE'", "'-All'"])
def test_a_choice_that_is_none(site, choice):
    _, err = site.run(f"pg.packs.select({choice})", status=1)
    assert "plugrad.errors.PackSelectionError: " in err
    assert "is not a valid pack selection" in err


def test_keywords_in_capitals(site):
    site.install("one", TRIPLE)
    out, _ = site.run("print(hasattr(x, 'triple'))", PLUGRAD_PACKS="None")
    assert out == "False\n"


def test_a_path_with_what_is_no_text(site):
    site.install("one", TRIPLE)
    out, _ = site.run("import sys; sys.path.append(None); print(x.triple().data.tolist())")
    assert out == "[3.0, 6.0]\n"
