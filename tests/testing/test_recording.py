"""pytest --plugrad-torch: on a small project, and what it is made of in this process."""

from __future__ import annotations

import shlex
import sys
import threading
from dataclasses import dataclass

import pytest
import torch

import plugrad as pg
from plugrad.interop.torchs_apply import watch_torch_functions
from plugrad.testing import pytest_recording  # noqa: F401 (see test_pytest_plugin)
from plugrad.testing.copies import LARGE
from plugrad.testing.cut_down import cuts
from plugrad.testing.recording import Recorder
from plugrad.testing.replay import replay
from plugrad.testing.samples_file import SamplesFile
from plugrad.testing.targets import find_targets

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "plugrad.testing.pytest_plugin", "-p", "no:hypothesispytest", "-p", "no:randomly")


class Scaled(torch.autograd.Function):
    """k x, with whatever else it is given."""

    @staticmethod
    def forward(ctx, x, k=2.0, *others):
        if k == 0:
            raise ValueError("nothing is left")
        ctx.k, ctx.count = k, len(others)
        return x * k

    @staticmethod
    def backward(ctx, gy):
        return (gy * ctx.k, None, *[None] * ctx.count)


class Dense(torch.autograd.Function):
    """X w^T + b, of n features."""

    @staticmethod
    def forward(ctx, x, w, b, n):
        assert w.shape == (n, x.shape[-1])
        ctx.save_for_backward(x, w)
        return x @ w.t() + b

    @staticmethod
    def backward(ctx, gy):
        x, w = ctx.saved_tensors
        return gy @ w, gy.t() @ x, gy.sum(0), None


#: Bound before anything is recorded.
scaled = Scaled.apply


@dataclass(frozen=True)
class Options:
    """What a library passes on."""

    power: int


@pytest.fixture
def recorder():
    recorder = Recorder(__name__)
    recorder.start()
    yield recorder
    recorder.stop()


def ones(*shape, **options):
    return torch.ones(*shape, requires_grad=True, **options)


def only(recorder):
    (calls,) = recorder.calls
    return calls


# --- what is recorded ----------------------------------------------------------------


def test_an_alias_and_the_class_are_seen(recorder):
    scaled(ones(2))
    Scaled.apply(ones(3), 4.0)
    recorder.stop()
    scaled(ones(5))
    calls = only(recorder)
    assert calls.count == 2
    assert [r.text for r in calls.recordings] == ["float32[2]", "float32[3], 4.0"]
    assert calls.name.endswith(":Scaled")


def test_of_one_signature_some_are_kept_and_no_two_alike(recorder):
    for value in (1.0, 1.0, 2.0, 3.0, 4.0):
        scaled(torch.full((2,), value, requires_grad=True))
    scaled(ones(2, 1))
    kept = [r.forms[0].args[0].flatten()[0].item() for r in only(recorder).recordings]
    assert kept == [1.0, 2.0, 3.0, 1.0]


def test_a_call_that_raises_is_forgotten(recorder):
    with pytest.raises(ValueError, match="nothing is left"):
        scaled(ones(2), 0)
    scaled(ones(2), 3)
    scaled(ones(2) * 2, 3)
    with pytest.raises(TypeError):
        Scaled.apply(ones(2) * 3, "3")
    assert [r.text for r in only(recorder).recordings] == ["float32[2], 3"] * 2


def test_what_requires_grad_is_known(recorder):
    Scaled.apply(ones(2), 2.0, torch.ones(3), torch.arange(2))
    (recording,) = only(recorder).recordings
    assert recording.asked == {0}
    ((sample, _),) = replay(only(recorder), 5).samples
    assert sample.constants == {2}


def test_calls_without_a_gradient_count_only_where_there_are_no_others(recorder):
    Scaled.apply(torch.ones(2), 2.0, torch.ones(3))
    with torch.no_grad():
        Scaled.apply(ones(4), 2.0, torch.ones(3))
    watch_torch_functions(None)
    found = replay(only(recorder), 5)
    # Of what backward gives no gradient nobody can say whether it should.
    assert [sample.constants for sample, _ in found.samples] == [{2}, {2}]
    recorder.start()
    scaled(ones(2), 5.0)
    assert [r.text for r in only(recorder).recordings] == ["float32[2], 5.0"]


def test_values_are_those_before_the_call(recorder):
    class InPlace(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.add_(1)

        @staticmethod
        def backward(ctx, gy):
            return gy

    InPlace.apply(ones(2).clone())
    assert only(recorder).recordings[0].forms[0].args[0].tolist() == [1, 1]


def test_what_is_traced_or_transformed_is_left_alone(recorder):
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, gy):
            return gy * 2

    torch.func.grad(lambda x: Both.apply(x).sum())(torch.ones(2))
    with torch._subclasses.FakeTensorMode():
        Both.apply(torch.ones(2))
    fake = torch._subclasses.FakeTensorMode().from_tensor(torch.ones(2))
    Both.apply(fake)
    # At the bottom of torch.func is a call with numbers.
    kept = [r.forms[0].args[0] for r in only(recorder).recordings]
    assert [type(x) for x in kept] == [torch.Tensor]
    assert not torch._C._functorch.is_functorch_wrapped_tensor(kept[0])
    assert not only(recorder).refused


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (threading.Lock(), "argument 2 is a lock, which cannot be copied"),
        (torch.ones(2).to_sparse(), "argument 2 is a tensor on cpu, torch.sparse_coo"),
        ({"a": [torch.nn.Linear(200, 200)]}, "argument 2 holds a tensor of 40000 elements"),
    ],
)
def test_what_cannot_be_copied_is_told(recorder, given, reason):
    recorder.test = "tests/test_it.py::test_it"
    Scaled.apply(ones(2), 2.0, given)
    found = replay(only(recorder), 5)
    assert not found.samples
    ((told, test),) = found.skipped.items()
    assert told.startswith(reason)
    assert test == "tests/test_it.py::test_it"


def test_an_object_is_copied_with_its_tensors(recorder):
    held = {"options": [Options(3), print], "tensor": torch.zeros(2)}
    Scaled.apply(ones(2), 2.0, held)
    held["tensor"].fill_(7)
    kept = only(recorder).recordings[0].forms[0].args[2]
    assert kept["options"] == [Options(3), print]
    assert kept["tensor"].tolist() == [0, 0]


def test_other_packages_and_torchs_own_are_not_seen():
    recorder = Recorder()
    recorder.start()
    layer = torch.nn.Linear(2, 2)
    torch.utils.checkpoint.checkpoint(layer, ones(2), use_reentrant=True)
    scaled(ones(2))
    scaled(pg.Variable(torch.ones(2), requires_grad=True))
    recorder.stop()
    assert [calls.name.partition(":")[2] for calls in recorder.calls] == ["Scaled"]
    other = Recorder("tes")
    other.start()
    scaled(ones(2))
    other.stop()
    assert other.calls == []


def test_no_random_number_is_drawn_and_gradients_are_the_same_bits(recorder):
    def run():
        torch.manual_seed(0)
        x = torch.randn(70, 80, requires_grad=True)
        scaled(x, 3.0).square().sum().backward()
        return x.grad, torch.get_rng_state()

    with_it = run()
    assert only(recorder).recordings
    recorder.stop()
    assert all(torch.equal(a, b) for a, b in zip(with_it, run(), strict=True))


def test_a_name_that_many_classes_have_is_recorded_three_times(recorder):
    def make():
        class Local(Scaled):
            pass

        Local.apply(ones(2))

    for _ in range(5):
        make()
    assert len(recorder.calls) == 3


def test_what_was_not_called_is_known(recorder):
    scaled(ones(2))
    assert f"{__name__}:Dense" in recorder.unreached
    assert f"{__name__}:Scaled" not in recorder.unreached


@pytest.fixture(scope="module")
def double():
    @torch.library.custom_op(
        "plugrad_recorded::double", mutates_args=(), schema="(Tensor x) -> Tensor"
    )
    def double(x: torch.Tensor) -> torch.Tensor:
        if x.numel() > 100:
            raise ValueError("too large")
        return x * 2

    double.register_autograd(lambda _, gy: gy * 2)
    double.register_fake(torch.empty_like)
    return double


def test_a_custom_op_is_recorded_however_it_is_called(double):
    recorder = Recorder(__name__)
    recorder.start()
    try:
        double(ones(2))
        torch.ops.plugrad_recorded.double(ones(2, 1)).add(1)
        torch.ops.plugrad_recorded.double.default(x=ones(2, 2))
        with pytest.raises(ValueError, match="too large"):
            double(ones(101))
    finally:
        recorder.stop()
    double(ones(3))
    calls = only(recorder)
    assert calls.name == "torch.ops:plugrad_recorded.double"
    found = [r.text for r in calls.recordings]
    assert found == ["float32[2]", "float32[2, 1]", "x=float32[2, 2]"]


def test_operators_are_torchs_own_again_after_a_recording(double):
    kinds = (torch._ops.OpOverload, torch._ops.OpOverloadPacket)
    before = [kind.__call__ for kind in kinds]
    recorder = Recorder("nothing_of_this_name")
    recorder.start()
    try:
        assert torch.ops.aten.neg.default(ones(2)).tolist() == [-1, -1]
        assert double(ones(2)).tolist() == [2, 2]
        compiled = torch.compile(lambda x: double(x) + 1, backend="aot_eager", fullgraph=True)
        x = ones(2)
        compiled(x).sum().backward()
        assert x.grad.tolist() == [2, 2]
    finally:
        recorder.stop()
    assert [kind.__call__ for kind in kinds] == before
    assert recorder.calls == []


def test_a_watcher_sees_calls_where_variables_are_not_adopted():
    seen = []
    pg.adopt_torch_functions(False)
    try:
        watch_torch_functions(lambda cls, args, kwargs: seen.append((cls, len(args), kwargs)))
        scaled(ones(2), 3.0)
        watch_torch_functions(None)
        scaled(ones(2))
    finally:
        pg.adopt_torch_functions()
    assert seen == [(Scaled, 2, {})]


# --- large calls ---------------------------------------------------------------------


def test_sizes_keep_their_relations():
    cut = cuts([torch.Size([64, 768]), torch.Size([3072, 768]), torch.Size([64, 12, 64])])[0]
    assert cut.new(12) < 12
    assert cut.new(768) == cut.new(12) * cut.new(64)
    assert cut.new(3072) == 4 * cut.new(768)
    assert cut.new(5) == 5


def test_indices_stay_indices():
    cut = cuts([torch.Size([1000, 50]), torch.Size([20])])[0]
    kept = cut.tensor(torch.arange(0, 1000, 50))
    assert kept.tolist() == sorted(kept.tolist())
    assert len(set(kept.tolist())) == len(kept)
    assert int(kept.max()) < cut.new(1000)


def test_a_large_call_is_cut_down_with_the_numbers_that_are_its_sizes(recorder):
    x, w, b = torch.randn(100, 300), torch.randn(600, 300), torch.randn(600)
    Dense.apply(x, w.requires_grad_(), b.requires_grad_(), 600)
    (recording,) = only(recorder).recordings
    assert all(t.numel() <= LARGE for form in recording.forms for t in form.args[:3])
    ((sample, _),) = replay(only(recorder), 5).samples
    small_x, small_w, small_b, n = sample.args
    assert small_w.shape == (n, small_x.shape[1])
    assert small_b.shape == (n,)
    assert n == 2 * small_x.shape[1] < 600
    assert sample.constants == {0}
    assert set(small_x.flatten().tolist()) <= set(x.flatten().tolist())


def test_a_large_call_that_cannot_be_cut_down_is_told(recorder):
    class Exact(Scaled):
        @staticmethod
        def forward(ctx, x):
            assert x.numel() == 10_000
            return x * 1

    Exact.apply(ones(100, 100))
    found = replay(only(recorder), 5)
    assert not found.samples
    assert [*found.skipped] == [
        "no smaller call than (float32[100, 100]) can be made and differentiated"
    ]


# --- samples -------------------------------------------------------------------------


def test_numbers_are_widened_where_the_function_takes_float64(recorder):
    class Narrow(Scaled):
        @staticmethod
        def forward(ctx, x):
            return x.float() * 1

    class NarrowInside(Scaled):
        @staticmethod
        def forward(ctx, x):
            return x.float().exp().to(x.dtype)

    class Rounded(Scaled):
        @staticmethod
        def forward(ctx, x):
            ctx.k, ctx.count = 1, -1
            return x.round()

    for function in (Scaled, Narrow, NarrowInside, Rounded):
        function.apply(torch.zeros(2, requires_grad=True))
    recorder.stop()
    found = {calls.target: replay(calls, 5).samples[0][0].args[0].dtype for calls in recorder.calls}
    assert found == {
        Scaled: torch.float64,
        Narrow: torch.float32,
        NarrowInside: torch.float32,
        Rounded: torch.float64,
    }


def test_a_recording_made_under_inference_mode_can_be_differentiated(recorder):
    with torch.inference_mode():
        scaled(torch.ones(2))
    ((sample, _),) = replay(only(recorder), 5).samples
    assert sample.args[0].clone().requires_grad_().requires_grad


def test_a_samples_file_gives_the_same_samples(recorder, tmp_path):
    inf = float("inf")
    tensors = [
        torch.tensor([[0.1, -inf, float("nan")], [1e-30, 2.0, 3.0]]).t(),
        torch.arange(6).reshape(2, 3).t(),
        torch.tensor([1 + 2j, complex(inf, 0)]),
        torch.zeros(0, 3, dtype=torch.bfloat16),
        torch.randn(20, 30, dtype=torch.float64),
        torch.tensor([True, False]),
    ]
    others = [Options(3), torch.float16, torch.Size([2]), {"a": (1, [None])}, torch.square, ...]
    Scaled.apply(ones(2), 1e300, *tensors, *others)
    Scaled.apply(ones(2), 1.0, lambda: None)
    found = replay(only(recorder), 5)
    file = SamplesFile(tmp_path / "their_samples.py")
    assert file.write([found]) == 1
    assert file.left_out == [
        "sample 0 of " + found.name + ": no name leads to test_a_samples_file_gives_the_same_"
        "samples.<locals>.<lambda>"
    ]
    assert not file.complete
    assert not file.is_taken
    (target,) = find_targets(f"{__name__}:Scaled", {"samples_file": str(file.path)})
    (again,) = target.samples()
    sample = next(s for s, _ in found.samples if len(s.args) == 14)
    assert again.constants == sample.constants
    for a, b in zip(again.args, sample.args, strict=True):
        if isinstance(b, torch.Tensor):
            assert (a.dtype, a.stride()) == (b.dtype, b.stride())
            torch.testing.assert_close(a, b, rtol=0, atol=0, equal_nan=True)
        else:
            assert a == b


def test_a_file_of_somebody_is_not_written_over(tmp_path):
    path = tmp_path / "plugrad_samples.py"
    path.write_text("SAMPLES = {}")
    assert SamplesFile(path).is_taken


# --- pytest --------------------------------------------------------------------------

PROJECT = """
import torch


class Right(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy * x


class Strided(Right):
    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 2 * gy.view(-1).view(x.shape) * x


class Unused(Right):
    pass


right, strided = Right.apply, Strided.apply
"""
TESTS = """
import threading
import torch
from their import kernels


def test_right():
    x = torch.ones(2, 3, requires_grad=True)
    kernels.right(x).sum().backward()
    assert x.grad.eq(2).all()


def test_strided():
    kernels.strided(torch.ones(2, 3, requires_grad=True)).sum().backward()


class Odd(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, lock):
        return x * 1

    @staticmethod
    def backward(ctx, gy):
        return gy, None


def test_odd():
    Odd.apply(torch.ones(2, requires_grad=True), threading.Lock())
"""
LAWS = ("--plugrad-law", "cotangent-layouts", "--plugrad-law", "numeric")


@pytest.fixture
def project(pytester, monkeypatch):
    package = pytester.mkpydir("their")
    (package / "kernels.py").write_text(PROJECT)
    (pytester.mkdir("suite") / "test_kernels.py").write_text(TESTS)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    return pytester


BROKEN = [
    "*= plugrad: the laws on what the tests called =*",
    "their.kernels:Strided: breaks 1 law (1 sample of 1 call)",
    "  cotangent-layouts: RuntimeError: view size is not compatible*",
    "    called by suite/test_kernels.py::test_strided",
    "    with Sample(float64*2, 3*)",
]


@pytest.mark.slow
def test_a_run_says_what_is_broken_and_fails(project):
    done = project.runpytest_subprocess(*PLUGIN, *LAWS, "--plugrad-torch", "suite")
    done.assert_outcomes(passed=3)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(["plugrad: recording the calls of torch.autograd.Functions and *"])
    done.stdout.fnmatch_lines(
        [
            BROKEN[0],
            "test_kernels:Odd: not checked (1 call)",
            "  not recorded: argument 1 is a lock, *(suite/test_kernels.py::test_odd)",
            "their.kernels:Right: keeps 2 laws (1 sample of 1 call)",
            *BROKEN[1:],
            "1 of 2 targets breaks a law",
            "*3 passed*",
        ]
    )


@pytest.mark.slow
def test_workers_of_xdist_record_and_their_controller_checks_and_saves(project):
    options = ["--plugrad-torch=their", "--plugrad-torch-save", "recorded.py", "-n", "2"]
    done = project.runpytest_subprocess(*PLUGIN, *LAWS, *options)
    done.assert_outcomes(passed=3)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(BROKEN)
    done.stdout.fnmatch_lines(["    reproduce: plugrad check their.kernels:Strided --samples*"])
    done.stdout.fnmatch_lines(["their.kernels:Unused: no test called it", "2 samples are in *"])
    done.stdout.no_fnmatch_line("*test_kernels:Odd*")
    text = (project.path / "recorded.py").read_text()
    assert "# suite/test_kernels.py::test_strided" in text
    assert "Sample(torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]).double())" in text
    again = project.run(
        sys.executable, "-m", "plugrad", "check", "their:", "--samples", "recorded.py", *_laws()
    )
    assert again.ret == 1
    again.stdout.fnmatch_lines(["FAILED their.kernels:Strided?0?-cotangent-layouts"])


OPERATORS = """
import torch

with_decorator = torch.library.custom_op(
    "their_ops::tripled", lambda x: x * 3, mutates_args=(), schema="(Tensor x) -> Tensor"
)


@torch.library.custom_op(
    "their_ops::scaled", mutates_args=(), schema="(Tensor x, float k) -> Tensor"
)
def scaled(x, k):
    return x * k


@torch.library.custom_op("their_ops::unused", mutates_args=(), schema="(Tensor x) -> Tensor")
def unused(x):
    return x * 1


library = torch.library.Library("their_library", "DEF")
library.define("cube(Tensor x) -> Tensor")
library.impl("cube", lambda x: x ** 3, "CompositeExplicitAutograd")
torch.library.register_fake("their_library::cube", torch.empty_like, lib=library)


def keep(ctx, inputs, output):
    ctx.save_for_backward(*inputs[:1])
    ctx.k = inputs[-1]


def slope_of_cube(ctx, gy):
    (x,) = ctx.saved_tensors
    return 3.1 * gy * x * x


scaled.register_autograd(lambda ctx, gy: (gy * (ctx.k + 1), None), setup_context=keep)
with_decorator.register_autograd(lambda ctx, gy: gy * 3.5)
torch.library.register_autograd("their_library::cube", slope_of_cube, setup_context=keep)
"""
CALLS = """
import torch
from their import operators


def test_them():
    x = torch.arange(1.0, 4.0, requires_grad=True)
    operators.scaled(x, 2.0).sum().backward()
    torch.ops.their_ops.scaled.default(x, k=3.0)
    torch.ops.their_ops.tripled(x)
    torch.ops.their_library.cube(x)
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_custom_ops_of_the_package_are_recorded_and_can_be_checked_again(project, workers):
    (project.path / "their" / "operators.py").write_text(OPERATORS)
    (project.path / "suite" / "test_operators.py").write_text(CALLS)
    options = ["--plugrad-torch=their", "--plugrad-torch-save", "recorded.py", *workers]
    law = ("--plugrad-law", "numeric")
    done = project.runpytest_subprocess(*PLUGIN, *law, *options, "suite/test_operators.py")
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(
        [
            "torch.ops:their_library.cube: breaks 1 law (1 sample of 1 call)",
            "torch.ops:their_ops.scaled: breaks 1 law (2 samples of 2 calls)",
            "  numeric: not the slope of forward: slope of output element * in x element *",
            "torch.ops:their_ops.tripled: breaks 1 law (1 sample of 1 call)",
            "torch.ops:their_ops.unused: no test called it",
            "4 samples are in recorded.py",
        ]
    )
    commands = [
        line.partition("reproduce: plugrad ")[2]
        for line in done.stdout.lines
        if "reproduce: " in line
    ]
    places = [command.split()[1] for command in commands]
    assert places == [
        "torch.ops:their_library.cube",
        "their.operators:scaled",
        "torch.ops:their_ops.tripled",
    ]
    for command, place in zip(commands, places, strict=True):
        again = project.run(sys.executable, "-m", "plugrad", *shlex.split(command))
        assert again.ret == 1
        again.stdout.fnmatch_lines([f"FAILED {place}?0?-numeric"])
    whole = (sys.executable, "-m", "plugrad", "check", "their:", "--law", "numeric")
    again = project.run(*whole, "--samples", "recorded.py")
    again.stdout.fnmatch_lines(["FAILED their.operators:scaled?0?-numeric"])


def _laws():
    return [argument.replace("--plugrad-", "--") for argument in LAWS]


@pytest.mark.slow
def test_a_suite_that_fails_keeps_its_status_and_one_that_is_right_passes(project):
    (project.path / "suite" / "test_more.py").write_text("def test_more(): assert False")
    done = project.runpytest_subprocess(*PLUGIN, *LAWS, "--plugrad-torch=their", "suite")
    done.assert_outcomes(passed=3, failed=1)
    assert done.ret == pytest.ExitCode.TESTS_FAILED
    done.stdout.fnmatch_lines(BROKEN)
    done = project.runpytest_subprocess(*PLUGIN, *LAWS, "--plugrad-torch", "suite", "-k", "right")
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["none of 1 target breaks a law"])


def run(pytester, *arguments):
    return pytester.runpytest_inprocess(*PLUGIN, *arguments)


def test_nothing_was_recorded(pytester):
    pytester.makepyfile("def test_of_a_file(): pass")
    done = run(pytester, "--plugrad-torch")
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines(["no test called a *Function or custom op except torch's own, *"])
    done = run(pytester, "--plugrad-torch=nobodys")
    assert done.ret == pytest.ExitCode.OK
    done.stdout.fnmatch_lines(
        ["no test called a * that is defined in nobodys, so nothing was *", "  fix: *"]
    )


def test_a_path_after_the_option_is_a_path(pytester):
    for name in ("one", "two", "three"):
        (pytester.mkdir(name) / f"test_{name}.py").write_text("def test_it(): pass")
    run(pytester, "--plugrad-torch", "one").assert_outcomes(passed=1)
    run(pytester, "three", "--plugrad-torch", "one").assert_outcomes(passed=2)
    run(pytester, "--plugrad-torch=one").assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--plugrad-torch=a/b",), "a/b: that is not the name of a package"),
        (("--plugrad-torch-save", "a.pt"), "a samples file is in Python"),
        (("--plugrad-torch-save", "conftest.py"), "this file exists, and was not recorded"),
        (("--plugrad-torch", "--plugrad-torch-samples", "0"), "nothing would be recorded"),
        (("--plugrad-torch", "--plugrad-law", "orakle"), "did you mean oracle"),
    ],
)
def test_options_that_cannot_be_obeyed(pytester, arguments, message):
    pytester.makeconftest("")
    done = run(pytester, *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    text = done.stderr.str()
    assert message in text
    assert "fix: " in text
