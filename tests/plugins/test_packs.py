"""Packs that are really installed, good ones and each kind of bad one, in programs of their own."""

from __future__ import annotations

import json

import pytest

from plugrad.tests.plugins.bad_packs import BAD_PACKS
from plugrad.tests.plugins.site import GOOD, IMPORTS, MISS_AS_ERROR, hook, op_class, pack_of
from plugrad.tests.python_process import fresh_python

#: What must hold beside any bad pack: a good one and plugrad itself work.
STILL_FINE = """
(x.triple() * x.sin()).sum().backward()
assert torch.allclose(x.grad.data, 3 * x.data.sin() + 3 * x.data * x.data.cos())
assert pg.packs["fine"].status == "loaded"
assert pg.ops.fine.triple(x.data).tolist() == [3.0, 6.0]
"""

#: Miss a name twice and print what is warned of.
MISS = """
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    assert not hasattr(x, "anything") and not hasattr(x, "anything_else")
for warning in caught:
    print(warning.category.__name__, warning.filename, warning.message)
"""


def test_importing_plugrad_and_using_its_ops_imports_no_pack(site):
    site.install("one")
    out, _ = site.run(
        """
        import sys
        (x.sin() * x).sum().backward()
        repr(x), dir(x), hasattr(x, "_anything"), len(pg.registry), list(pg.registry), dir(pg.ops)
        [pack.name for pack in pg.packs]
        print("one" in sys.modules, pg.packs["one"].status)
        print(torch.allclose(x.grad.data, x.data.cos() * x.data + x.data.sin()))
        """
    )
    assert out.splitlines() == ["False found", "True"]


@pytest.mark.parametrize(
    "first_miss",
    [
        "x.triple()",
        "pg.ops.triple(x)",
        "x.one.triple()",
        "pg.ops.one.triple(x)",
        "pg.registry['triple'].apply(x)",
        "pg.registry['one::triple'].apply(x)",
        "torch.special.airy_ai(x)",
    ],
)
def test_the_first_miss_loads_the_packs_and_looks_again(site, first_miss):
    overrides = "overrides=(__import__('torch').special.airy_ai,)"
    site.install("one", pack_of("triple", 3, overrides))
    out, _ = site.run(
        f"""
        y = {first_miss}
        y.sum().backward()
        print(y.data.tolist(), x.grad.data.tolist())
        print(pg.packs['one'].status, 0 < pg.packs["one"].load_time < 5)
        print("one::triple" in pg.registry, "triple" in pg.registry, pg.registry["triple"])
        """
    )
    assert out.splitlines() == [
        "[3.0, 6.0] [3.0, 3.0]",
        "loaded True",
        "True True <op one::triple of one: one.Double>",
    ]


def test_one_miss_loads_all_packs_once_in_the_order_of_their_distributions(site):
    for name in ("b-pack", "A-pack", "B_ack", "c-pack"):  # sorted as texts: A, B_, b, c
        site.install(name, f"print({name!r})\n" + pack_of("op_" + name[:3].replace("-", "")))
    out, _ = site.run("x.op_cp(), x.op_Ap(), x.op_bp(), hasattr(x, 'none')")
    assert out.splitlines() == ["A-pack", "B_ack", "b-pack", "c-pack"]


def test_a_pack_may_take_5_s_to_import_and_plugrad_does_not(site):
    site.install("slow", "import time\ntime.sleep(5)\n" + pack_of("triple", 3))
    out, _ = site.run(
        """
        import time, sys
        start = time.perf_counter()
        x.sin()
        print("slow" in sys.modules, time.perf_counter() - start < 1)
        x.triple()
        print(time.perf_counter() - start > 5, pg.packs["slow"].load_time > 5)
        """
    )
    assert out.splitlines() == ["False True", "True True"]


@pytest.mark.parametrize("kind", BAD_PACKS)
def test_a_bad_pack_is_set_aside_whole_and_all_else_works(site, kind):
    code, messages = BAD_PACKS[kind]
    site.install("bad", code)
    site.install("fine", pack_of("triple", 3))
    out, _ = site.run(
        MISS,
        STILL_FINE,
        """
        assert pg.packs["bad"].status == "set aside"
        assert not [entry for entry in pg.registry if entry.pack == "bad"]
        for ask in ("x.bad", "pg.ops.bad", "pg.registry['bad::double']"):
            try:
                eval(ask)
            except errors.UnknownOpError as error:
                print(error)
                assert error.__cause__ is pg.packs["bad"].error, error
        try:
            pg.packs.load(strict=True)
        except errors.PackError as error:
            print("STRICT", error)
        """,
    )
    warned, asked = out.split("the pack bad is set aside", 1)
    assert warned.count("PackWarning <string> the pack bad of bad 1.0 is set aside") == 1
    assert out.count("\nthe pack bad is set aside\n") == 3
    for message in messages:
        assert message in warned
        assert message in asked.split("STRICT")[1]


def test_the_traceback_of_a_broken_pack_shows_when_its_op_is_asked_for(site):
    site.install("bad", "def f():\n    return 1 / 0\n\nf()\n")
    _, err = site.run("x.bad.double()", status=1)
    assert "return 1 / 0" in err
    assert "ZeroDivisionError: division by zero" in err
    assert "plugrad.errors.UnknownOpError: the pack bad is set aside" in err
    _, err = site.run("x.double2()", status=1)
    assert "set aside: bad (see: plugrad doctor)" in err


def test_all_bad_packs_at_once(site):
    for number, (code, _) in enumerate(BAD_PACKS.values()):
        site.install(f"bad{number}", code)
    site.install("fine", pack_of("triple", 3))
    out, _ = site.run(MISS, STILL_FINE)
    # Their code names the pack bad, and one of them says so wrongly now.
    assert out.count("PackWarning") == len(BAD_PACKS)


def test_strict_makes_a_pack_that_is_set_aside_an_error(site):
    site.install("bad", "1 / 0")
    _, err = site.run("x.anything", status=1, PLUGRAD_STRICT="1")
    assert "plugrad.errors.PackError: ZeroDivisionError: division by zero" in err
    assert "where: the pack bad of bad 1.0 (module bad)" in err
    out, _ = site.run("x.sin(); print('fine')", PLUGRAD_STRICT="1")
    assert out == "fine\n"


def test_warnings_as_errors_lose_nothing(site):
    site.install("bad", "1 / 0")
    site.install("fine", pack_of("triple", 3))
    out, _ = site.run(
        MISS_AS_ERROR,
        STILL_FINE,
    )
    assert "the pack bad of bad 1.0 is set aside" in out


def test_a_built_ins_names_stay_its_own(site):
    declared = "methods=('sin', 'triple'), overrides=(__import__('torch').sin,)"
    site.install("taker", pack_of("sin", 3, declared))
    out, _ = site.run(
        MISS,
        """
        assert torch.equal(x.sin().data, x.data.sin())
        assert torch.equal(torch.sin(x).data, x.data.sin())
        assert torch.equal(pg.ops.sin(x).data, x.data.sin())
        qualified = pg.registry["taker::sin"].apply(x)
        for y in (x.triple(), x.taker.sin(), pg.ops.taker.sin(x), qualified):
            assert y.data.tolist() == [3.0, 6.0]
        """,
    )
    assert "the name 'sin' stays the built-in sin's; taker::sin of taker 1.0 claims it too" in out
    assert "the method 'sin' stays" in out
    assert "fix: call it as x.taker.sin()" in out


def test_a_name_of_two_packs_is_neithers(site):
    airy = "overrides=(__import__('torch').special.airy_ai,)"
    site.install("five", pack_of("scale", 5, airy))
    site.install("six", pack_of("scale", 6, airy))
    out, _ = site.run(
        """
        warnings.simplefilter("error")
        for ask in ("x.scale()", "pg.ops.scale(x)", "pg.registry['scale']",
                    "torch.special.airy_ai(x)"):
            try:
                eval(ask)
            except errors.AmbiguousOpError as error:
                print(error)
        print(x.five.scale().data.tolist(), pg.ops.six.scale(x).data.tolist())
        print(pg.registry["five::scale"], pg.registry["six::scale"])
        print(sorted({what for what, entries in pg.registry.contested() if len(entries) == 2}))
        """
    )
    assert out.count("is claimed by five::scale and by six::scale") == 4
    assert out.count("where: the packs five, six") == 4
    assert "fix: say which: plugrad.ops.five.scale(...) or x.five.scale()" in out
    assert "[5.0, 10.0] [6.0, 12.0]\n" in out
    assert "\n<op five::scale of five: five.Double> <op six::scale of six: six.Double>\n" in out
    assert "the method 'scale'" in out.splitlines()[-1]


def test_two_distributions_with_one_entry_point_name_are_both_set_aside(site):
    site.install("first", pack_of("five", 5), pack="shared")
    site.install("second", pack_of("six", 6), pack="shared")
    site.install("fine", pack_of("triple", 3))
    out, _ = site.run(
        MISS, STILL_FINE, "import sys\nprint('first' in sys.modules, 'second' in sys.modules)"
    )
    assert (
        "the pack shared of first 1.0 is set aside: second 1.0 has a pack named 'shared' too" in out
    )
    assert "the pack shared of second 1.0 is set aside: first 1.0 has a pack named" in out
    assert "fix: uninstall one of them, or leave it out with PLUGRAD_PACKS=-first" in out
    assert out.endswith("False False\n")
    out, _ = site.run("print(x.shared.six().data.tolist())", PLUGRAD_PACKS="second")
    assert out == "[6.0, 12.0]\n"


def test_the_program_s_own_op_goes_before_a_packs(site):
    site.install("five", pack_of("scale", 5))
    out, _ = site.run(
        IMPORTS,
        op_class("scale", 7),
        """
        pg.registry.add(Double)
        before = x.scale().data.tolist()
        assert not hasattr(x, "nothing")
        print(before, x.scale().data.tolist(), x.five.scale().data.tolist())
        print(x.local.scale().data.tolist(), pg.registry["local::scale"], pg.registry["scale"])
        """,
    )
    assert out.splitlines() == [
        "[7.0, 14.0] [7.0, 14.0] [5.0, 10.0]",
        "[7.0, 14.0] <op scale of local: __main__.Double> <op scale of local: __main__.Double>",
    ]


def test_a_pack_and_its_op_may_have_one_name(site):
    site.install("scale", pack_of("scale", 5))
    out, _ = site.run(
        """
        print(x.scale().data.tolist(), x.scale.scale().data.tolist())
        print(pg.ops.scale(x).data.tolist(), pg.ops.scale.scale(x).data.tolist())
        """
    )
    assert out.splitlines() == ["[5.0, 10.0] [5.0, 10.0]"] * 2


def test_names_that_no_pack_may_have(site):
    said = {
        "sin": "it is the built-in sin's",
        "linalg": "it is the built-in linalg.",
        "T": "it is the built-in numpy_T's",
        "data": "it is Variable's own",
        "with-dash": "x.with-dash would not be valid Python",
        "class": "x.class would not be valid Python",
        "_hidden": "x._hidden would not be valid Python",
    }
    for number, name in enumerate([*said, "plugrad", "local"]):
        site.install(f"bad{number}", "raise RuntimeError('imported')", pack=name)
    site.install("fine", pack_of("triple", 3))
    out, _ = site.run(MISS, STILL_FINE)
    for name, reason in said.items():
        assert f"{name!r} is not a valid name for a pack: {reason}" in out
    for name in ("plugrad", "local"):
        assert f"{name!r} is the name of plugrad's built-in ops" in out
    assert out.count("fix: give the ") + out.count("fix: name it (its entry point) with") == 9
    assert "imported" not in out


def test_a_pack_for_another_api_is_not_even_imported(site):
    for api in ("v3", "v0", "one"):
        site.install(f"for_{api}", "print('imported')", api=api)
    site.install("fine", pack_of("triple", 3))
    out, _ = site.run(MISS, STILL_FINE)
    assert "it was written for the pack API v3; this plugrad has v1 or v2" in out
    assert "fix: upgrade plugrad, or install a release of for_v3 for v1 or v2" in out
    assert "it was written for the pack API v0; this plugrad has v1 or v2" in out
    assert "fix: upgrade for_v0 to a release for v1 or v2" in out
    assert "the entry point 'for_one' of the group plugrad.api is 'one'" in out
    assert 'fix: state the version of the pack API as for_one = "v2"' in out
    assert "imported" not in out


def test_a_pack_that_states_no_api_is_taken_for_v1(site):
    site.install("old", pack_of("triple", 3), api=None)
    out, _ = site.run("print(x.triple().data.tolist(), pg.packs['old'].api)")
    assert out == "[3.0, 6.0] v1\n"


def test_a_pack_that_misses_a_name_while_it_is_imported(site):
    """Imported by the program, it makes the packs load, itself among them, in its middle."""
    miss = "import torch\nassert not hasattr(pg.Variable(torch.ones(1)), 'anything')\n"
    site.install("early", IMPORTS + miss + op_class("triple", 3) + hook("Double"))
    site.install("other", pack_of("five", 5))
    out, _ = site.run("import early\nprint(x.triple().data.tolist(), x.five().data.tolist())")
    assert out == "[3.0, 6.0] [5.0, 10.0]\n"
    out, _ = site.run("print(x.triple().data.tolist(), x.five().data.tolist())")
    assert out == "[3.0, 6.0] [5.0, 10.0]\n"


def test_a_pack_that_is_imported_while_plugrad_is(site):
    """Something imports it in the middle of ``import plugrad``, which it needs whole."""
    (site.path / "sitecustomize.py").write_text(
        """
import sys

class Meddler:
    def find_spec(name, path=None, target=None):
        if name == "plugrad.core.engine":
            sys.meta_path.remove(Meddler)
            try:
                import early
            except (AttributeError, ImportError) as error:
                print(error)

sys.meta_path.insert(0, Meddler)
"""
    )
    site.install("early", pack_of("triple", 3))
    site.install("fine", pack_of("five", 5))
    out, _ = site.run("print(x.triple().data.tolist(), x.five().data.tolist())", start=fresh_python)
    assert "partially initialized module 'plugrad'" in out
    assert out.endswith("\n[3.0, 6.0] [5.0, 10.0]\n")


def test_threads_that_miss_at_once_both_find(site):
    site.install("slow", "import time\ntime.sleep(0.5)\n" + pack_of("triple", 3))
    out, _ = site.run(
        """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: x.triple().data.tolist(), range(8)))
        print(found == [[3.0, 6.0]] * 8)
        """
    )
    assert out == "True\n"


def test_an_op_unpickled_where_its_pack_is_not_installed_any_more(site):
    site.install("gone", pack_of("triple", 3))
    pickled = "open('op.pickle', 'wb')"
    site.run(
        f"""
        import pickle
        entry = pg.registry["triple"]
        pickle.dump([pickle.dumps(o) for o in (entry, entry.function, entry.apply)], {pickled})
        """
    )
    read = """
    import pickle
    for data in pickle.load(open("op.pickle", "rb")):
        try:
            print(pickle.loads(data))
        except ImportError as error:
            print(type(error).__name__, error)
    """
    out, _ = site.run(read)
    assert "<op gone::triple of gone: gone.Double>" in out
    site.uninstall("gone")
    site.install("fine", pack_of("triple", 3))
    out, _ = site.run(read, STILL_FINE)
    assert (
        out.count("MissingOpError the op triple cannot be unpickled: No module named 'gone'") == 2
    )
    assert "where: the class gone.Double" in out
    assert "fix: install the package that has gone" in out


def test_an_op_of_a_notebooks_cell_may_be_defined_again_and_again(site):
    out, _ = site.run(
        IMPORTS,
        "\n".join(op_class("scale", factor) + "pg.registry.add(Double)\n"
                  "print(x.scale().data.tolist(), pg.ops.scale(x).data.tolist())\n"
                  "pg.registry.add(Double)\n" for factor in (5, 6, 5)),
        "print(len([entry for entry in pg.registry if entry.pack == 'local']))",
    )  # fmt: skip
    assert out.splitlines() == [
        "[5.0, 10.0] [5.0, 10.0]", "[6.0, 12.0] [6.0, 12.0]", "[5.0, 10.0] [5.0, 10.0]", "1",
    ]  # fmt: skip


def test_a_listener_hears_of_every_op_and_one_that_raises_keeps_nobody_from_it(site):
    listener = "@pg.hookimpl\ndef plugrad_op_registered(op):\n    heard.append(op.name)\n"
    raises = "@pg.hookimpl\ndef plugrad_op_registered(op):\n    1 / (op.name != 'local_op')\n"
    site.install("ear", IMPORTS + "heard = []\n" + listener + op_class("mine") + hook("Double"))
    site.install("a-bad", IMPORTS + raises)
    site.install("z-last", pack_of("triple", 3))
    out, _ = site.run(
        MISS,
        IMPORTS,
        op_class("local_op"),
        """
        from ear import heard
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            pg.registry.add(Double)
        print(caught[0].message)
        print(sorted(heard) == sorted(entry.name for entry in pg.registry), heard[-1])
        """,
    )
    assert "plugrad_op_registered of the pack a_bad raised ZeroDivisionError" in out
    assert "fix: fix the hook" in out
    assert out.endswith("True local_op\n")


def test_selecting_in_the_program(site):
    for name in ("one", "two"):
        site.install(name, pack_of(f"op_{name}"))
    out, _ = site.run(
        """
        import sys
        pg.packs.select("-one")
        print(*(pg.packs[name].status for name in ("one", "two")))
        print(hasattr(x, "op_one"), hasattr(x, "op_two"), "one" in sys.modules)
        for choice in ("all", "one,-two", ""):
            try:
                pg.packs.select(choice)
            except errors.PackSelectionError as error:
                print(error)
        try:
            x.one
        except AttributeError as error:
            print(error)
        """
    )
    assert "switched off found\nFalse True False\n" in out
    assert "the packs are loaded already\n  where: plugrad.packs.select\n  fix: call it" in out
    assert (
        out.count("is not a valid pack selection\n  where: plugrad.packs.select\n  fix: say all,")
        == 2
    )
    assert "the pack one is switched off" in out
    assert "fix: allow its distribution" in out


def test_unknown_packs_and_names_in_the_choice(site):
    site.install("one", pack_of("op_one"))
    out, _ = site.run(
        MISS,
        """
        try:
            pg.packs["oen"]
        except errors.UnknownPackError as error:
            print(error)
        """,
        PLUGRAD_PACKS="One_,oone",
    )
    assert "no distribution named 'oone' with a pack is installed" in out
    assert "where: the environment variable PLUGRAD_PACKS" in out
    assert "fix: did you mean one" in out
    assert "no pack named 'oen' is installed\n  fix: did you mean one" in out


def test_none_imports_no_third_party_code(site):
    """Its module, its metadata's other entry points and its dependencies stay untouched."""
    trap = "open('trap', 'w').write('sprung')\nraise SystemExit('a trap')\n"
    site.install("trap", trap)
    site.install("trap-too", trap)
    out, _ = site.run(
        MISS,
        """
        import sys
        for ask in ("x.trap", "x.triple", "pg.ops.trap", "pg.registry['trap::double']",
                    "torch.special.airy_ai(x)", "pg.packs.load(strict=True)"):
            try:
                eval(ask)
            except (errors.UnknownOpError, NotImplementedError):
                pass
        print([name for name in sys.modules if name.startswith("trap")])
        print({pack.status for pack in pg.packs})
        """,
        PLUGRAD_PACKS="none",
    )
    assert out == "[]\n{'switched off'}\n"
    assert not (site.work / "trap").exists()
    site.run("hasattr(x, 'anything')", PLUGRAD_PACKS="all")
    assert (site.work / "trap").read_text() == "sprung"  # it is a trap


def test_the_allow_list_goes_by_distribution_and_not_by_the_packs_name(site):
    site.install("honest", pack_of("triple", 3))
    site.install("impostor", "open('imported', 'w')", pack="honest")
    out, _ = site.run("print(x.triple().data.tolist())", PLUGRAD_PACKS="honest")
    assert out == "[3.0, 6.0]\n"
    assert not (site.work / "imported").exists()


def test_the_packs_as_json_of_a_program(site):
    site.install("one", version="2.5")
    out, _ = site.run("import json\nprint(json.dumps(vars(pg.packs['one'])))")
    assert json.loads(out) == {
        "name": "one", "distribution": "one", "version": "2.5", "module": "one", "api": "v1",
        "status": "found", "error": None, "load_time": None, "api_stated": True,
    }  # fmt: skip


def test_good_is_good(site):
    site.install("one", GOOD)
    out, _ = site.run("print(x.one.double().data.tolist())")
    assert out == "[2.0, 4.0]\n"
