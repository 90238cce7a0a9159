"""A gradient that arrives second is added in place, where nobody else sees the first one."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.profiler import profile

import plugrad as pg


def leaf():
    return pg.Variable(torch.tensor([0.5, -2.0], dtype=torch.float64), requires_grad=True)


def sums(run):
    """How often a backward added in new memory, and in place."""
    with profile() as seen:
        run()
    names = [event.name for event in seen.function_events]
    return names.count("aten::add"), names.count("aten::add_")


def test_a_shortcut_needs_no_other_memory():
    x = leaf()
    y = x * 3
    z = ((y + y.sin()) * 2).sum()
    assert sums(z.backward) == (0, 1)
    expected = 6 * (1 + (3 * x.data).cos())
    torch.testing.assert_close(x.grad.data, expected)


def test_a_leaf_that_is_used_twice():
    x = leaf()
    z = (x.sin() + x.cos()).sum()
    assert sums(z.backward) == (0, 1)
    torch.testing.assert_close(x.grad.data, x.data.cos() - x.data.sin())


def test_a_cotangent_of_the_users_stays_as_it_is():
    x = leaf()
    y = x * 3
    cotangent = torch.ones(2, dtype=torch.float64)
    (y + y.sin()).backward(cotangent)
    assert cotangent.tolist() == [1, 1]
    torch.testing.assert_close(x.grad.data, 3 * (1 + (3 * x.data).cos()))


@pytest.mark.parametrize("keep", [lambda g: g, lambda g: g.data, lambda g: g.data.view(1, 2)])
def test_what_a_hook_kept_stays_as_it_is(keep):
    x, kept = leaf(), []
    y = x * 3
    y.sum()  # another use of it
    z = y * 2
    z.register_hook(lambda g: kept.append(keep(g)))
    (z + y + y.sin()).sum().backward()
    assert kept[0].tolist() in ([1, 1], [[1, 1]])
    torch.testing.assert_close(x.grad.data, 3 * (3 + (3 * x.data).cos()))


@pytest.mark.parametrize("first", ["kept", "expanded", "a view of what is kept", "exported"])
def test_what_a_rule_gave_and_others_see_stays_as_it_is(first):
    if first == "exported" and not hasattr(torch.Tensor, "_use_count"):
        pytest.skip("this torch does not count what holds a tensor outside Python")
    memory = {
        "kept": torch.ones(2, dtype=torch.float64),
        "expanded": torch.ones(1, dtype=torch.float64).expand(2),
        "a view of what is kept": torch.ones(2, dtype=torch.float64),
        "exported": torch.ones(2, dtype=torch.float64),
    }[first]
    exported = torch.utils.dlpack.to_dlpack(memory) if first == "exported" else None

    class Given(pg.Function):
        """Its gradient is what is in memory."""

        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gy):
            return memory.view(2) if first.startswith("a view") else memory

    x = leaf()
    y = x * 1
    older, newer = y.sin(), Given.apply(y)  # the newer one's gradient arrives first
    (older + newer).sum().backward()
    assert memory.tolist() == [1, 1]
    torch.testing.assert_close(x.grad.data, 1 + x.data.cos())
    del exported


def test_batched_cotangents_do_not_write_into_one_that_is_not():
    x = leaf()
    y = x * 3
    z = y.sum() + (y * y).sum() + y.sin().sum()
    (found,) = pg.grad(z, x, torch.tensor([1.0, 2.0], dtype=torch.float64), is_grads_batched=True)
    once = 3 * (1 + 6 * x.data + (3 * x.data).cos())
    torch.testing.assert_close(found.data, torch.stack([once, 2 * once]))


def test_inputs_that_are_asked_for_get_the_buffer_itself():
    x, w = leaf(), pg.Variable(torch.ones(2, 2, dtype=torch.float64), requires_grad=True)
    loss = (w @ x).sum()
    with profile() as seen:
        loss.backward(inputs=[x, w])
    assert "aten::clone" not in [event.name for event in seen.function_events]
    assert w.grad.tolist() == [[0.5, -2.0]] * 2


def test_a_gradient_that_shares_memory_through_dlpack_is_left_alone():
    """A rule of another library may return its cotangent's own memory, unknown to torch."""

    class Plus(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1

        @staticmethod
        @pg.once_differentiable
        def backward(ctx, gy):
            return torch.from_dlpack(gy)

    x = leaf()
    y = Plus.apply(x)
    (y * y + x).sum().backward()
    torch.testing.assert_close(x.grad.data, 2 * (x.data + 1) + 1)
    x.grad = None
    z = x * 3
    ((Plus.apply(z) + z.sin()) * 2).sum().backward()
    torch.testing.assert_close(x.grad.data, 6 * (1 + (3 * x.data).cos()))


def shares_memory(gradient):
    """The same gradient to torch a tensor of its own, though it is in the same memory."""
    return torch.from_dlpack(gradient.data)


@pytest.mark.parametrize(
    "register",
    [
        lambda z: z.register_hook(shares_memory),
        lambda z: z.grad_fn.register_prehook(lambda gs: tuple(map(shares_memory, gs))),
        lambda z: z.grad_fn.register_hook(lambda gs, _: (shares_memory(gs[0]), *gs[1:])),
    ],
    ids=["on a Variable", "before a node", "after a node"],
)
def test_what_a_hook_gives_may_share_memory_through_dlpack(register):
    x = leaf()
    w, y = x * 5, x * 3
    u = y.sin()
    z = y + 0
    register(z)  # its gradient is also the one of w, and reaches y before that of u
    ((z + w + u) * 2).sum().backward()
    torch.testing.assert_close(x.grad.data, 16 + 6 * (3 * x.data).cos())


def test_a_view_of_a_gradient_that_waits_elsewhere_is_not_added_to():
    x = leaf()
    w, y = x.view(1, 2) * 5, x * 3
    u = y.sin()
    z = y.view(1, 2)  # its gradient is also the one of w, and reaches y before that of u
    ((z + w + u) * 2).sum().backward()
    torch.testing.assert_close(x.grad.data, 16 + 6 * (3 * x.data).cos())


def test_what_the_rule_of_a_retained_result_gives_may_share_memory_through_dlpack():
    class Plus(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1

        @staticmethod
        def backward(ctx, gy):
            return shares_memory(gy)

    x = leaf()
    w, y = x * 5, x * 3
    u = y.sin()
    z = Plus.apply(y)
    z.retain_grad()
    ((z + w + u) * 2).sum().backward()
    torch.testing.assert_close(x.grad.data, 16 + 6 * (3 * x.data).cos())


def gradient_of_rows(values):
    """The gradient of a leaf whose rule gives rows 1 and 2 these values, in a sparse tensor."""

    class Rows(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return torch.sparse_coo_tensor(torch.tensor([[1, 2]]), values(), (4, 3))

    x = pg.Variable(torch.ones(4, 3), requires_grad=True)
    Rows.apply(x).sum().backward()
    return x.grad.data


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("values", [torch.ones(2, 3), torch.ones(1, 3).expand(2, 3)])
def test_sparse_values_that_others_see_stay_as_they_are(values):
    gradient = gradient_of_rows(lambda: values)
    gradient._values().mul_(2)
    assert values.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert gradient.to_dense().tolist() == [[0, 0, 0], [2, 2, 2], [2, 2, 2], [0, 0, 0]]


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_sparse_values_that_nobody_else_sees_are_not_copied():
    made = []

    def values():
        fresh = torch.ones(2, 3)
        made.append(fresh.data_ptr())
        return fresh

    assert [gradient_of_rows(values)._values().data_ptr()] == made


@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_gradients_in_compressed_rows_add_up():
    matrix = torch.tensor([[0.0, 2.0, 1.0], [-1.0, 0.0, 0.0]])
    x = pg.Variable(matrix.to_sparse_csr(), requires_grad=True)
    for _ in range(3):
        x.to_dense().square().sum().backward()
    assert x.grad.data.layout is torch.sparse_csr
    assert torch.equal(x.grad.data.to_dense(), 6 * matrix)
    assert torch.equal(x.data.to_dense(), matrix)


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("order", ["dense last", "dense first", "dense between"])
def test_sparse_and_dense_gradients_add_up_in_any_order(order, create_graph):
    def gradient(w):
        rows = torch.tensor([1, 3])
        parts = [torch.nn.functional.embedding(rows, w, sparse=True).sum() for _ in range(3)]
        parts.insert({"dense last": 0, "dense first": 3, "dense between": 1}[order], (w * 2).sum())
        return sum(parts[1:], start=parts[0])

    w = pg.Variable(torch.zeros(5, 2), requires_grad=True)
    (g,) = pg.grad(gradient(w), w, create_graph=create_graph)
    expected = [[2.0, 2.0], [5.0, 5.0], [2.0, 2.0], [5.0, 5.0], [2.0, 2.0]]
    assert g.data.to_dense().tolist() == expected
    if not create_graph:
        gradient(w).backward()
        assert w.grad.data.to_dense().tolist() == expected


def test_a_dense_gradient_with_a_graph_is_added_to_a_sparse_one():
    w = pg.Variable(torch.zeros(5, 2), requires_grad=True)
    rows = torch.tensor([1, 3])
    torch.nn.functional.embedding(rows, w, sparse=True).sum().backward()
    assert w.grad.data.is_sparse
    (w * 2).sum().backward(create_graph=True)
    expected = [[2.0, 2.0], [3.0, 3.0], [2.0, 2.0], [3.0, 3.0], [2.0, 2.0]]
    assert w.grad.data.to_dense().tolist() == expected
