"""What TAB gives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("typer")
pytest.importorskip("rich")
import plugrad as pg
from plugrad.cli import completion
from plugrad.cli.completion import (
    complete_chosen,
    complete_faults,
    complete_laws,
    complete_laws_and_faults,
    complete_ops,
    complete_packs,
    mend_bash_words,
)
from plugrad.tests.cli.site_commands import site_commands
from plugrad.tests.cli.tab import tab
from plugrad.tests.plugins.site import Site, pack_of

TRAPPED = "import trap\n"  # there is none


@pytest.fixture
def no_words_split(monkeypatch):
    monkeypatch.setattr(completion, "_split_off", "")


def test_names_are_those_of_the_real_things():
    built_in = {entry.name for entry in pg.registry if entry.rank == 0}
    assert built_in <= set(complete_ops(""))
    assert set(complete_laws("")) == {
        law.id for law in pg.testing.LAWS if law.check.__module__.startswith("plugrad.")
    }
    from plugrad.testing.faults import FAULTS

    assert set(complete_faults("")) == {
        fault.id for fault in FAULTS if fault.inject.__module__.startswith("plugrad.")
    }


def test_only_what_begins_like_it():
    assert complete_ops("logical_") == ["logical_and", "logical_not", "logical_or", "logical_xor"]
    assert complete_laws("second") == ["second-order", "second-order-numeric"]
    assert {"complex", "dropped"} <= set(complete_laws_and_faults(""))
    assert complete_chosen("plugr") == ["plugrad::"]
    assert complete_ops("plugr") == []
    assert "plugrad" in complete_packs("p")
    assert complete_faults("float32") == ["float32-inside", "float32-returned"]


@pytest.mark.parametrize(
    ("words", "cursor", "mended", "split_off"),
    [
        ("plugrad check si", 2, "plugrad check si", ""),
        ("plugrad check sea :: wa", 4, "plugrad check wa", "sea::"),
        ("plugrad check sea ::", 3, "plugrad check ", "sea::"),
        ("plugrad check sin sea :: wa", 5, "plugrad check sin wa", "sea::"),
        ("plugrad check sea :", 3, "plugrad check ", "sea:"),
        ("plugrad check ", 2, "plugrad check ", ""),
    ],
)
def test_words_that_bash_took_apart(monkeypatch, no_words_split, words, cursor, mended, split_off):
    monkeypatch.setenv("_PLUGRAD_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words.replace(" ", "\n"))
    monkeypatch.setenv("COMP_CWORD", str(cursor))
    mend_bash_words()
    assert os.environ["COMP_WORDS"] == mended.replace(" ", "\n")
    assert int(os.environ["COMP_CWORD"]) == mended.count(" ")
    assert completion._split_off == split_off


def test_other_shells_leave_words_whole(monkeypatch, no_words_split):
    monkeypatch.setenv("_PLUGRAD_COMPLETE", "complete_zsh")
    monkeypatch.setenv("COMP_WORDS", "plugrad\ncheck\nsea\n::")
    mend_bash_words()
    assert os.environ["COMP_WORDS"] == "plugrad\ncheck\nsea\n::"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    made = Site(tmp_path_factory.mktemp("completed"))
    made.install("sea", pack_of("wave"))
    made.install("untouched", TRAPPED)
    return made


def test_no_pack_and_no_torch_is_imported(site):
    assert tab(site, "plugrad", "check", "logical_n") == (["logical_not"], "\n")
    assert tab(site, "plugrad", "check", "--law", "second-order-") == (
        ["second-order-numeric"],
        "\n",
    )


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(site, shell):
    found, imported = tab(site, "plugrad", "show", "logical_n", shell=shell)
    assert "logical_not" in " ".join(found)
    assert imported == "\n"


def test_options_and_commands(site):
    assert tab(site, "plugrad", "doc")[0] == ["doctor"]
    assert "--fault" in tab(site, "plugrad", "strength", "--")[0]
    assert set(tab(site, "plugrad", "ops", "--pack", "")[0]) >= {"plugrad", "sea", "untouched"}


def test_ops_of_packs_are_those_last_seen(site):
    assert tab(site, "plugrad", "show", "sea", "::", "w")[0] == []
    site_commands(site, "packs")  # loads them
    assert tab(site, "plugrad", "show", "sea", "::", "w") == (["wave"], "\n")
    assert tab(site, "plugrad", "show", "sea", "::")[0] == ["wave"]
    assert tab(site, "plugrad", "show", "sea::w", shell="fish")[0] == ["sea::wave"]


def test_what_needs_plugrad_gets_it(site):
    code = (
        "import plugrad_command as c; c._import_when_used('plugrad'); import sys\n"
        "import plugrad.cli.completion; print('torch' in sys.modules)\n"
        "from plugrad import Variable; print('torch' in sys.modules, Variable.__name__)\n"
        "import plugrad; print(plugrad.__version__, plugrad.cli.__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=site.environment(), cwd=site.work,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"False\nTrue Variable\n{pg.__version__} plugrad.cli\n"
