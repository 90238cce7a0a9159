"""The line that shows how far a long run is."""

from __future__ import annotations

import io

import pytest
import torch

import plugrad as pg
from plugrad.profiling.progress import Progress


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.fixture
def stderr(monkeypatch):
    def put(terminal):
        stream = Stream(terminal)
        monkeypatch.setattr("sys.stderr", stream)
        return stream

    return put


def run(progress):
    with pg.profile(progress=progress):
        for _ in range(3):
            pg.Variable(torch.ones(2), requires_grad=True).sin().sum().backward()


@pytest.mark.parametrize(
    ("progress", "terminal", "shown"),
    [(False, True, False), (True, True, True), (True, False, False), ("always", False, True)],
)
def test_where_it_is_shown(stderr, progress, terminal, shown):
    stream = stderr(terminal)
    run(progress)
    assert ("12 calls of ops\n" in stream.getvalue().replace("\x1b[K", "")) is shown
    assert bool(stream.getvalue()) is shown


def test_on_a_terminal_it_is_one_line(stderr):
    stream = stderr(True)
    progress = Progress(always=False)
    for seconds in (0.1, 0.3, 0.4, 61.0):
        progress.show(int(seconds * 1e9), 1)
    progress.finish(int(90.5e9), 1234)
    assert stream.getvalue() == (
        "\rprofile: 0.3 s, 1 call of ops\x1b[K"
        "\rprofile: 1:01 min, 1 call of ops\x1b[K"
        "\rprofile: 1:30 min, 1,234 calls of ops\x1b[K\n"
    )


def test_elsewhere_it_is_a_line_now_and_then(stderr):
    stream = stderr(False)
    progress = Progress(always=True)
    for seconds in range(1, 25):
        progress.show(seconds * 10**9, seconds)
    progress.finish(25 * 10**9, 25)
    assert stream.getvalue().splitlines() == [
        "profile: 1.0 s, 1 call of ops",
        "profile: 11.0 s, 11 calls of ops",
        "profile: 21.0 s, 21 calls of ops",
        "profile: 25.0 s, 25 calls of ops",
    ]


@pytest.mark.parametrize("stream", [None, "closed"])
def test_without_a_stderr_the_run_goes_on(monkeypatch, stream):
    if stream:
        stream = Stream(False)
        progress = Progress(always=True)
        stream.close()
    monkeypatch.setattr("sys.stderr", stream)
    if stream is None:
        progress = Progress(always=True)
        run("always")
    progress.finish(10**9, 1)


def test_another_choice_is_refused():
    with pytest.raises(pg.errors.ArgumentError, match=r"(?s)'yes'.*fix: pass True, False"):
        pg.profile(progress="yes")
