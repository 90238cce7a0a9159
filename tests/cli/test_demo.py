"""``plugrad demo``, run as a user runs it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time

import pytest

from plugrad.tests.python_process import python

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

DEMO = ["-m", "plugrad", "demo"]
EPOCH_LINE = re.compile(
    r"^ *(?P<number>\d+)/\d+ +(?P<loss>[\d.]+) +(?P<train>[\d.]+) +(?P<validation>[\d.]+)"
    r" +(?P<absolute>\S+) +(?P<relative>\S+) +(?P<relative64>\S+)$",
    re.MULTILINE,
)


def run(folder, *options, **kwargs):
    return python(*DEMO, *options, cwd=folder, **kwargs)


def size_of_png(path):
    """Decode the whole image: a broken one raises."""
    from matplotlib.image import imread

    pixels = imread(path, format="png")
    assert pixels.std() > 0.01, "the image is blank"
    return pixels.shape[1], pixels.shape[0]


@pytest.fixture(scope="module")
def two_epochs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    done = run(folder, "--epochs", "2", "--seed", "3")
    assert done.returncode == 0, done.stderr
    return folder, done


def test_the_gradients_are_torchs(two_epochs):
    _, done = two_epochs
    epochs = list(EPOCH_LINE.finditer(done.stdout))
    assert [int(e["number"]) for e in epochs] == [1, 2]
    for epoch in epochs:
        assert 0 <= float(epoch["relative"]) < 1e-5
        assert 0 <= float(epoch["relative64"]) < 1e-12


def test_it_learns(two_epochs):
    _, done = two_epochs
    first, second = EPOCH_LINE.finditer(done.stdout)
    assert float(second["loss"]) < float(first["loss"])
    accuracy = float(re.search(r"^test accuracy +([\d.]+)%", done.stdout, re.MULTILINE)[1])
    assert 85 < accuracy <= 100


def test_the_time_is_compared_with_torchs(two_epochs):
    _, done = two_epochs
    found = re.search(r"plugrad ([\d.]+) s, torch ([\d.]+) s .*: ([\d.]+)x", done.stdout)
    ours, theirs, ratio = map(float, found.groups())
    assert ours > 0
    assert theirs > 0
    assert 0.2 < ratio < 20


def test_the_plot_is_an_image_in_the_default_folder(two_epochs):
    folder, done = two_epochs
    width, height = size_of_png(folder / "out" / "loss.png")
    assert width > 400
    assert height > 300
    assert done.stdout.rstrip().endswith("out/loss.png")


def test_a_pipe_gets_plain_text(two_epochs):
    _, done = two_epochs
    assert done.stdout.isascii()
    assert "\x1b" not in done.stdout
    assert "\r" not in done.stdout
    assert done.stderr == ""


@pytest.mark.slow
def test_the_default_run_is_over_95_percent(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    accuracy = float(re.search(r"^test accuracy +([\d.]+)%", done.stdout, re.MULTILINE)[1])
    assert accuracy > 95


@pytest.mark.slow
def test_the_seed_decides_the_run(two_epochs, tmp_path):
    def epochs(done):
        return [m.group() for m in EPOCH_LINE.finditer(done.stdout)]

    _, first = two_epochs
    again = run(tmp_path, "--epochs", "2", "--seed", "3")
    assert epochs(again) == epochs(first)
    other = run(tmp_path, "--epochs", "2", "--seed", "4")
    assert epochs(other) != epochs(first)


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_ends_it_cleanly(tmp_path):
    process = subprocess.Popen(
        [sys.executable, *DEMO, "--epochs", "100000", "--out", "plots"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        head = ""
        while not EPOCH_LINE.search(head):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            head += line
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130
    assert time.monotonic() - started < 15
    assert "Traceback" not in output + errors
    assert errors == ""
    assert "interrupted after" in output
    assert "test accuracy" in output
    size_of_png(tmp_path / "plots" / "loss.png")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--epochs", "0"], "0 epochs"),
        (["--epochs", "-3"], "-3 epochs"),
        (["--seed", "-1"], "-1 is not a seed"),
        (["--device", "abacus"], "'abacus' is not a device"),
        (["--device", "meta"], "'meta' is not a device"),
        (["--out", "a_file"], "a_file is not a folder"),
        (["--out", "a_file/below"], "a_file/below is not a folder"),
    ],
)
def test_bad_options_are_refused(tmp_path, options, message):
    (tmp_path / "a_file").write_text("in the way")
    done = run(tmp_path, *options)
    assert done.returncode == 2
    assert f"{options[0]}: {message}" in done.stderr
    assert "\n  fix: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_wrong_gradients_fail(tmp_path):
    """The demo is a check: an op that lies must not get past it."""
    lie = (
        "import plugrad as pg; from plugrad.cli import main\n"
        "right = pg.registry['relu'].function.record_type._pg_rule\n"
        "wrong = staticmethod(lambda ctx, gy: right(ctx, gy) * 1.001)\n"
        "pg.registry['relu'].function.record_type._pg_rule = wrong\n"
        "main()\n"
    )
    done = python("-c", lie, "demo", "--epochs", "1", cwd=tmp_path)
    assert done.returncode == 1
    assert "the gradients differ from torch's" in done.stdout
    assert "\n  fix: " in done.stdout


def test_help_has_examples_a_line_each(tmp_path):
    told = run(tmp_path, "--help").stdout
    assert "\n  plugrad demo --device cuda --out plots\n" in told
    assert "\n  plugrad demo --epochs 5 --seed 1\n" in told
