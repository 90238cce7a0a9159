"""What a notebook shows, seen through a real Jupyter kernel: TAB, Shift+Tab, results, errors."""

from __future__ import annotations

import os
import re
import sys

import pytest

pytest.importorskip("ipykernel")
pytest.importorskip("jupyter_client")

from jupyter_client.manager import KernelManager

import plugrad as pg

START = """
import torch, plugrad as pg
x = pg.Variable(torch.tensor([[0.5, 1.0, 1.5]]), requires_grad=True)

class Halved(pg.Function):
    "y = x^2;  gx = 2 x gy."
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x
    @staticmethod
    def backward(ctx, gy):
        return ctx.saved_tensors[0] * gy
    @staticmethod
    def samples(make):
        yield pg.Sample(make(2))

from plugrad.testing import check_op
"""


class Kernel:
    """A kernel that has run START, and what a frontend asks of it."""

    def __init__(self, client):
        self._client = client

    def _reply(self, message_id):
        while True:
            reply = self._client.get_shell_msg(timeout=100)
            if reply["parent_header"].get("msg_id") == message_id:
                return reply["content"]

    def run(self, code):
        """The contents of what a cell shows, by the type of message."""
        shown = {}

        def keep(message):
            shown[message["msg_type"]] = message["content"]

        self._client.execute_interactive(code, timeout=100, output_hook=keep)
        return shown

    def result(self, code):
        """What the last line of a cell is, by MIME type."""
        return self.run(code)["execute_result"]["data"]

    def error(self, code):
        """The traceback that a cell ends in, without colours."""
        return _plain("\n".join(self.run(code)["error"]["traceback"]))

    def tab(self, code):
        """What TAB at its end offers, without IPython's own commands."""
        return [
            match
            for match in self._reply(self._client.complete(code))["matches"]
            if not match.startswith("%")
        ]

    def shift_tab(self, code):
        """What Shift+Tab at its end shows."""
        return _plain(self._reply(self._client.inspect(code, len(code)))["data"]["text/plain"])


def _plain(text):
    return re.sub(r"\x1b\[[\d;]*m", "", text)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("jupyter"))
    # Nothing of the user's: no profile, no configuration, no kernel of another environment.
    own = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")
    environment = {**os.environ, **dict.fromkeys(own, folder), "OMP_NUM_THREADS": "1"}
    kernel_manager = KernelManager(kernel_name="python3", transport="ipc", ip=f"{folder}/k")
    kernel_manager.kernel_spec.argv[0] = sys.executable
    kernel_manager.start_kernel(env=environment, cwd=folder)
    client = kernel_manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=100)
        started = Kernel(client)
        assert "error" not in started.run(START)
        yield started
    finally:
        client.stop_channels()
        kernel_manager.shutdown_kernel(now=True)
        kernel_manager.cleanup_resources()


# --- TAB -----------------------------------------------------------------------------


def test_tab_after_the_package_offers_its_public_names(kernel):
    assert sorted(kernel.tab("pg.")) == sorted(pg.__all__)


def test_tab_in_the_registry_offers_the_names_that_begin_so(kernel):
    expected = [entry.name for entry in pg.registry if entry.name.startswith("si")]
    assert len(expected) > 3
    assert kernel.tab('pg.registry["si') == expected


def test_tab_in_a_namespace_of_ops(kernel):
    expected = {e.name.split(".")[1] for e in pg.registry if e.name.startswith("linalg.")}
    assert set(kernel.tab("pg.ops.linalg.")) == expected
    assert {"sin", "linalg", "nn"} <= set(kernel.tab("pg.ops."))
    assert not [name for name in kernel.tab("pg.ops.") if name.startswith("_")]


def test_tab_on_a_variable_and_in_a_call(kernel):
    assert {"sum", "sub_"} <= set(kernel.tab("x.su"))
    assert "dim=" in kernel.tab("x.sum(di")


# --- Shift+Tab -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "signature", "formula"),
    [
        ("x.sum", "x.sum(dim=None, keepdim=False, *, dtype=None)", "y = sum of x over dim; gx = "),
        ("pg.Variable.sum", "pg.Variable.sum(x, dim=None, keepdim=False, *, dtype=None)", "y = "),
        ("pg.ops.softmax", "pg.ops.softmax(x, dim=None", "y = exp(x) / sum(exp(x)) along dim;"),
        ("x.sin(", "x.sin()", "y = sin(x)"),
        ("x.add_", "x.add_(y, *, alpha=1)", "In place: z = x + alpha y"),
        ("pg.ops.linalg.norm", "pg.ops.linalg.norm(x, ord=None,", "y = linalg.vector_norm"),
        ("pg.profile", "pg.profile(", "Measure what the ops cost"),
    ],
)  # fmt: skip
def test_shift_tab_shows_signature_and_formula(kernel, code, signature, formula):
    text = kernel.shift_tab(code)
    assert " ".join(text.split()).startswith(f"Signature: {signature}")
    assert f"Docstring: {formula}" in " ".join(text.split())


# --- results -------------------------------------------------------------------------


def test_a_variable_shows_its_numbers_and_where_they_are_from(kernel):
    shown = kernel.result("y = x * 2\ny")
    assert shown["text/plain"].startswith("Variable([[1., 2., 3.]], grad_fn=<")
    assert "[1, 3], torch.float32, cpu, made by &lt;Mul" in shown["text/html"]
    assert "a leaf that requires grad" in kernel.result("x")["text/html"]


def test_a_report_shows_what_failed(kernel):
    shown = kernel.result("report = check_op(Halved)\nreport")
    assert shown["text/plain"].startswith("<Report: ")
    html = shown["text/html"]
    assert html.count("<details>") == int(kernel.result("len(report.failures)")["text/plain"]) > 0
    assert "Halved[0]-numeric" in html
    assert "plugrad explain numeric" in html


def test_the_registry_and_the_packs_show_themselves(kernel):
    assert f"<b>{len(pg.registry)} ops</b>" in kernel.result("pg.registry")["text/html"]
    assert kernel.result("pg.packs")["text/html"]


def test_a_profile_shows_a_table(kernel):
    html = kernel.result("with pg.profile() as run:\n    x.sin()\nrun")["text/html"]
    assert html.startswith("<table>")
    assert ">sin</td>" in html


# --- errors --------------------------------------------------------------------------


def test_an_error_of_ours_says_where_and_what_to_do(kernel):
    text = kernel.error("(x * 2).backward()")
    assert "NonScalarRootError" in text
    assert re.search(r"\n  where: .*\n  fix: ", text)


def test_so_does_one_of_torch_s_in_an_op(kernel):
    text = kernel.error("x @ torch.ones(7)")
    assert "where: a call of matmul with x = float32[1, 3], y = float32[7]" in text
    assert "fix: " in text


def test_so_does_a_name_that_is_not_there(kernel):
    assert "fix: did you mean sin or sinh" in kernel.error("pg.registry['sinn']")
    assert "fix: call torch.softmax, which takes Variables" in kernel.error("pg.softmax")
