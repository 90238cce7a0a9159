"""pg.profile counts what one would count by hand."""

from __future__ import annotations

import threading
import time

import pytest
import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint as torchs_checkpoint

import plugrad as pg
from plugrad.profiling import spans


def variable(*shape, grad=True):
    count = torch.Size(shape).numel()
    return pg.Variable(torch.linspace(0.5, 1.5, count).view(shape), grad)


def calls(run):
    """(forward, backward) calls by op."""
    return {row.op: (row.forward.calls, row.backward.calls) for row in run.rows}


def in_ops(run):
    return sum(row.seconds for row in run.rows) + run.engine.seconds


class Cube(pg.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return 3 * x * x * gy


class Both(pg.Composite):
    @staticmethod
    def forward(x):
        return x.sin() * x.cos()


class TorchsDouble(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gy):
        return gy * 2


WAYS = {
    "method": (lambda x: x.sin(), "sin"),
    "operator": (lambda x: x * x, "mul"),
    "reflected operator": (lambda x: 2 - x, "sub"),
    "pg.ops": (lambda x: pg.ops.sin(x), "sin"),
    "torch's function": (lambda x: torch.sin(x), "sin"),
    "its other name": (lambda x: torch.special.expit(x), "sigmoid"),
    "torch's out=": (lambda x: torch.sin(x, out=None), "sin"),
    "nn.functional": (lambda x: functional.gelu(x), "nn.functional.gelu"),
    "view": (lambda x: x.view(2, 1), "view"),
    "options": (lambda x: x.sum(dim=0, keepdim=True), "sum"),
    "several outputs": (lambda x: x.unbind()[0], "unbind"),
    "list of tensors": (lambda x: torch.cat([x, x]), "cat"),
    "index": (lambda x: x[0], "getitem"),
    "a Function without @op": (Cube.apply, "Cube"),
    "a torch.autograd.Function": (TorchsDouble.apply, "TorchsDouble"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_is_counted_once_however_it_is_made(way):
    function, name = WAYS[way]
    x = variable(2)
    with pg.profile() as run:
        for _ in range(3):
            y = function(x)
        y.backward(torch.ones_like(y.data))
    assert calls(run)[name] == (3, 1)
    assert run.engine.calls == 1
    assert in_ops(run) <= run.seconds


def test_what_was_looked_up_before_is_counted():
    sin, bound, x = pg.ops.sin, variable(2).cos, variable(2)
    with pg.profile() as run:
        sin(x)
        bound()
    assert calls(run) == {"sin": (1, 0), "cos": (1, 0)}


def test_without_a_gradient_and_without_a_variable():
    x = variable(2)
    with pg.profile() as run:
        with pg.no_grad():
            x.sin()
        pg.ops.sin(torch.ones(2))
        x.detach().sin()
    assert calls(run) == {"sin": (3, 0)}


def test_in_place_twins_are_calls_of_their_op():
    x = variable(2)
    with pg.profile() as run:
        y = x * 1
        y.add_(1)
        y += 1
        with pg.no_grad():
            y.add_(1)
        y.sum().backward()
    assert calls(run) == {"mul": (1, 1), "add": (3, 2), "sum": (1, 1)}
    assert {row.op: row.forward.bytes for row in run.rows}["mul"] == 8


def test_to_write_into_an_element_is_to_copy_into_a_view():
    x = variable(3)
    with pg.profile() as run:
        y = x.clone()
        y[0] = 2.0
    assert calls(run) == {"clone": (1, 0), "getitem": (1, 0), "copy": (1, 0)}
    with pg.profile() as run:
        y.sum().backward()
    found = calls(run)
    assert found["copy_slices"] == (0, 1)
    assert found["copy"][1] == found["clone"][1] == found["sum"][1] == 1
    assert in_ops(run) <= run.seconds


def test_what_is_defined_in_the_block_is_counted():
    x = variable(2)
    with pg.profile() as run:

        @pg.op("local_square", methods=("local_square",))
        class LocalSquare(pg.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, gy):
                return 2 * gy * ctx.saved_tensors[0]

        pg.registry.add(LocalSquare)
        try:
            x.local_square().sum().backward()
        finally:
            pg.registry.remove("local_square")
    assert calls(run)["local_square"] == (1, 1)
    assert torch.equal(x.grad.data, 2 * x.data)


def test_composites_and_the_ops_in_them():
    x = variable(200)
    with pg.profile() as run:
        Both.apply(x).sum().backward()
    found = calls(run)
    assert found == {
        "Both": (1, 0), "sin": (1, 1), "cos": (1, 1), "mul": (1, 1), "sum": (1, 1),
    }  # fmt: skip
    rows = {row.op: row for row in run.rows}
    both = rows["Both"].forward
    assert both.bytes == 0  # what the ops in it have made is theirs
    inner = sum(rows[name].forward.total_seconds for name in ("sin", "cos", "mul"))
    assert both.seconds < both.total_seconds
    assert both.total_seconds >= inner
    assert in_ops(run) <= run.seconds


def test_torch_functions_without_an_op_and_the_ops_in_them():
    x = variable(3, 4)
    with pg.profile() as run:
        torch.cov(x).sum().backward()
        with pg.no_grad():
            torch.cov(x)
    found = calls(run)
    assert found["torch.cov"] == (2, 0)
    assert len(found) > 2  # and what torch's implementation is made of
    made = {row.op: row.forward.bytes for row in run.rows}
    assert made["torch.cov"] == 9 * 4  # that without a graph: the other was made by an op
    with pg.profile() as again:
        pass
    assert calls(again) == {}
    assert pg.registry.torch_function(torch.cov).func is pg.registry.fall_back


def test_torch_s_lists_of_tensors_and_its_attributes():
    x = variable(2, grad=False)
    with pg.profile() as run:
        torch._foreach_mul_([x, x], 2.0)
        assert not x.is_nested  # computes nothing
    assert list(calls(run)) == ["torch._foreach_mul_"]


def test_ops_of_from_torch_have_their_function_s_name():
    twice = pg.interop.from_torch(torch.special.bessel_j0)
    x = variable(3)
    with pg.profile() as run:
        twice.apply(x).sum()
    assert calls(run)["torch.special.bessel_j0"] == (1, 0)


def test_a_second_derivative_counts_the_ops_that_rules_call():
    x = variable(3)
    with pg.profile() as run:
        (g,) = pg.grad(x.sin().sum(), x, create_graph=True)
        g.sum().backward()
    found = calls(run)
    assert found["sin"][1] == 1
    assert found["cos"] == (1, 1)  # the rule of sin called it
    assert run.engine.calls == 2
    assert in_ops(run) <= run.seconds


def test_checkpointed_ops_are_called_again():
    x = variable(3)
    with pg.profile() as run:
        pg.checkpoint(lambda x: x.sin().cos(), x).sum().backward()
        torchs_checkpoint(lambda x: x.sin().cos(), x, use_reentrant=False).sum().backward()
    assert calls(run)["sin"] == (4, 2)
    assert in_ops(run) <= run.seconds


def test_backwards_inside_one_another_on_another_stack():
    class Nested(pg.Function):
        @staticmethod
        def forward(ctx, x, depth):
            ctx.depth = depth
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            if ctx.depth:
                with pg.enable_grad():
                    x = variable(2)
                    y = Nested.apply(x, ctx.depth - 1).sum()
                y.backward()
            time.sleep(0.001)
            return gy, None

    x = variable(2)
    with pg.profile() as run:
        Nested.apply(x, 20).sum().backward()
    assert calls(run)["Nested"] == (21, 21)
    assert run.engine.calls == 21
    assert 0.021 <= in_ops(run) <= run.seconds
    assert run.elsewhere == pytest.approx(run.seconds - in_ops(run))


def test_calls_in_other_threads_are_counted():
    def work():
        for _ in range(5):
            variable(3).sin().sum().backward()

    threads = [threading.Thread(target=work) for _ in range(3)]
    with pg.profile() as run:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
    assert calls(run) == {"sin": (15, 15), "sum": (15, 15)}
    assert "4 threads" in str(run)


def test_profiles_in_one_another():
    x = variable(2)
    with pg.profile() as outer:
        x.sin()
        with pg.profile() as inner:
            x.sin()
            x.cos()
        x.cos()
    x.sin()
    assert calls(inner) == {"sin": (1, 0), "cos": (1, 0)}
    assert calls(outer) == {"sin": (2, 0), "cos": (2, 0)}


def test_a_profile_that_begins_inside_an_op():
    found = []

    class Measured(pg.Composite):
        @staticmethod
        def forward(x):
            with pg.profile() as run:
                y = x.sin()
            found.append(run)
            return y

    with pg.profile() as outer:
        Measured.apply(variable(2))
    assert calls(found[0]) == {"sin": (1, 0)}
    assert calls(outer) == {"Measured": (1, 0), "sin": (1, 0)}
    assert found[0].elsewhere < found[0].seconds


def test_a_profile_in_a_generator_that_is_left_halfway():
    def steps():
        with pg.profile() as run:
            while True:
                yield run

    x = variable(2)
    generator = steps()
    run = next(generator)
    x.sin()
    with pg.profile() as other:  # ends after the other has begun, and before that one ends
        generator.close()
        x.sin()
    assert calls(run) == {"sin": (1, 0)}
    assert calls(other) == {"sin": (1, 0)}


def test_calls_that_raise_are_counted():
    class Fails(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            raise ZeroDivisionError

    x = variable(2)
    with pg.profile() as run:
        with pytest.raises(RuntimeError):
            x @ variable(3)
        with pytest.raises(ZeroDivisionError):
            Fails.apply(x).sum().backward()
        x.sin()
    assert calls(run) == {"matmul": (1, 0), "Fails": (1, 1), "sum": (1, 1), "sin": (1, 0)}


def test_an_error_says_what_it_says_without_a_profile():
    def message():
        with pytest.raises(RuntimeError) as caught:
            variable(2) @ variable(3)
        return str(caught.value), getattr(caught.value, "__notes__", [])

    plain = message()
    with pg.profile():
        assert message() == plain


def test_bytes_are_those_of_new_memory():
    x = variable(10, 10)
    with pg.profile() as run:
        x.t()  # a view
        x.exp()
        x.expand(5, 10, 10)
        x.double()
        x.unbind()
    made = {row.op: row.forward.bytes for row in run.rows}
    assert made["exp"] == 400
    assert made["to_copy"] == 800  # which double called
    assert sum(made.values()) == 400 + 800
    with pg.profile() as run:
        (x + 1).exp().backward(torch.ones(10, 10))
    assert {r.op: r.backward.bytes for r in run.rows} == {"exp": 400, "add": 0}


def test_bytes_of_sparse_results():
    x = pg.Variable(torch.eye(3))
    with pg.profile() as run:
        for layout in (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc):
            x.to_sparse(layout=layout)
    (row,) = [row for row in run.rows if "sparse" in row.op]
    assert row.calls == 3
    assert row.bytes == 3 * 4 + 3 * 2 * 8 + 2 * (3 * 4 + (4 + 3) * 8)


def test_under_vmap_and_func():
    x = variable(3, 4)
    with pg.profile() as run:
        pg.func.vmap(pg.func.grad(lambda row: row.sin().sum()))(x)
        pg.func.jvp(lambda x: x.sin(), (x,), (x,))
    assert calls(run)["sin"][0] >= 2
    assert in_ops(run) <= run.seconds


def test_modules_and_an_optimizer():
    torch.manual_seed(0)
    model = pg.interop.convert(torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU()))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x = variable(2, 4, grad=False)
    with pg.profile() as run:
        for _ in range(3):
            optimizer.zero_grad()
            model(x).sum().backward()
            optimizer.step()
    found = calls(run)
    assert found["nn.functional.linear"] == (3, 3)
    assert found["sum"] == (3, 3)


def test_the_sum_of_all_times_is_the_wall_time():
    x = variable(100, 100)
    begun = time.perf_counter()
    with pg.profile() as run:
        for _ in range(20):
            ((x @ x).tanh() * x).sum().backward()
        time.sleep(0.02)
    wall = time.perf_counter() - begun
    assert in_ops(run) + 0.02 <= run.seconds <= wall
    assert in_ops(run) + run.elsewhere == pytest.approx(run.seconds)
    for row in run.rows:
        for cost in (row.forward, row.backward):
            assert 0 <= cost.seconds <= cost.total_seconds


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_top_ops_are_those_that_torch_s_profiler_finds(one_thread):
    torch.manual_seed(0)
    layers = torch.nn.Conv2d(3, 16, 5), torch.nn.MaxPool2d(2), torch.nn.Flatten()
    model = torch.nn.Sequential(*layers, torch.nn.Linear(16 * 196, 64), torch.nn.Tanh())
    x = torch.randn(8, 3, 32, 32)

    def work(model):
        for _ in range(3):
            model(x).sum().backward()

    names = {
        "aten::max_pool2d": "nn.functional.max_pool2d",
        "aten::linear": "nn.functional.linear",
        "aten::tanh": "tanh",
    }
    # The least of several, since the machine may do something else meanwhile.
    theirs, ours = dict.fromkeys(names.values(), 1e9), dict.fromkeys(names.values(), 1e9)
    counted = set()
    for _ in range(4):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as found:
            work(model)
        for event in found.key_averages():
            if event.key in names:
                op = names[event.key]
                theirs[op] = min(theirs[op], event.cpu_time_total)
                counted.add((op, event.count))
    pg.interop.convert(model)
    work(model)
    for _ in range(4):
        with pg.profile() as run:
            work(model)
        for row in run.rows:
            if row.op in ours:
                ours[row.op] = min(ours[row.op], row.forward.seconds)
    assert sorted(ours, key=ours.__getitem__) == sorted(theirs, key=theirs.__getitem__)
    assert counted == {(row.op, row.forward.calls) for row in run.rows if row.op in ours}


@pytest.mark.parametrize("synchronize", [True, False])
def test_a_gpu_is_waited_for_before_and_after_each_op(monkeypatch, synchronize):
    class OnGpu:
        is_cpu, device = False, torch.device("cuda", 1)

    waited = []
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "synchronize", waited.append)
    monkeypatch.setattr(spans, "_HOLDERS", ())
    x = variable(2)
    with pg.profile(synchronize=synchronize) as run:
        x.sin()
        assert waited == []  # it is on the CPU
        monkeypatch.setattr(spans, "_tensors", lambda _: iter([OnGpu]))
        x.sin()
        monkeypatch.undo()
    assert waited == [OnGpu.device] * (2 if synchronize else 0)
    assert calls(run) == {"sin": (2, 0)}


def test_two_blocks_of_one_profile_add_up():
    x = variable(2)
    run = pg.profile()
    for _ in range(2):
        with run:
            x.sin()
            assert calls(run)["sin"][0] >= 1  # as far as it is
        x.sin()
    assert calls(run) == {"sin": (2, 0)}
    assert 0 < in_ops(run) < run.seconds


def test_a_profile_inside_itself_is_refused():
    run = pg.profile()
    with run, pytest.raises(pg.errors.ArgumentError, match=r"(?s)measuring already.*fix: make"):
        run.__enter__()
    with run:
        pass
