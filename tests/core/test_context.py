"""What ctx keeps for backward: in slots, in a tuple, or no more."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

import plugrad as pg
from plugrad.core.context import Packed
from plugrad.errors import GraphFreedError, SavedTensorChangedError


def saving(*kept):
    """A call of a Function that saves these values, which may be "x", "y" and "z"; and its node."""

    class Saves(pg.Function):
        @staticmethod
        def forward(ctx, x, y):
            z = x * y
            named = {"x": x, "y": y, "z": z}
            ctx.save_for_backward(*[named.get(k, k) for k in kept])
            return z

        @staticmethod
        def backward(ctx, gz):
            return gz, gz

    x = pg.Variable(torch.tensor([2.0, 3.0]), requires_grad=True)
    y = pg.Variable(torch.tensor([5.0, 7.0]), requires_grad=True)
    z = Saves.apply(x, y)
    return {"x": x, "y": y, "z": z}, z.grad_fn


KEPT = [
    (),
    ("x",),
    ("z",),
    (None,),
    ("x", "y"),
    ("z", "x"),
    (None, "y"),
    ("x", None),
    (None, None),
    (2.5,),
    ("x", 3),
    ("x", "y", "z"),
    (None, "z", None),
]


@pytest.mark.parametrize("kept", KEPT, ids=str)
def test_what_was_saved_comes_back_in_its_place(kept):
    named, node = saving(*kept)
    found = node.saved_tensors
    assert len(found) == len(kept)
    for value, name in zip(found, kept, strict=True):
        if isinstance(name, str):
            assert value.tolist() == named[name].tolist()
        else:
            assert value == name


@pytest.mark.parametrize("kept", [k for k in KEPT if {"x", "y", "z"} & set(k)], ids=str)
def test_a_change_of_any_of_them_is_noticed(kept):
    for name in {"x", "y", "z"} & set(kept):
        named, node = saving(*kept)
        named[name].data.add_(1)
        with pytest.raises(SavedTensorChangedError):
            _ = node.saved_tensors


@pytest.mark.parametrize("kept", [("z",), ("x", "z"), ("x", "y", "z")], ids=str)
@pytest.mark.parametrize("retain", [False, True])
def test_backward_lets_go_of_them(kept, retain):
    named, node = saving(*kept)
    reference = weakref.ref(named["z"].data)
    total = named.pop("z").sum()
    total.backward(retain_graph=retain)
    gc.collect()
    assert (reference() is not None) is retain
    if not retain:
        with pytest.raises(GraphFreedError):
            _ = node.saved_tensors


@pytest.mark.parametrize("kept", [("x",), ("x", "y")], ids=str)
def test_a_thread_that_reads_what_another_frees_gets_an_error(kept):
    """It has seen that there is something when the other thread empties the slots."""
    _, node = saving(*kept)

    class Freeing(type(node._record)):
        @property
        def _pg_version(self):  # what is read after the slots, and before the second look
            self._pg_free()
            return 0

    record = node._record
    record.__class__ = Freeing
    with pytest.raises(GraphFreedError):
        _ = record.saved_tensors


def test_saving_again_replaces_what_was_saved():
    class Twice(pg.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(x, y)
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, gy):
            (y,) = ctx.saved_tensors
            return gy * y

    x = pg.Variable(torch.tensor([0.5, -1.0]), requires_grad=True)
    Twice.apply(x).sum().backward()
    torch.testing.assert_close(x.grad.data, x.data.exp())


@pytest.mark.parametrize("again", range(4))
@pytest.mark.parametrize("count", range(4))
def test_saving_again_lets_go_of_what_was_saved(count, again):
    references = []

    class Twice(pg.Function):
        @staticmethod
        def forward(ctx, x):
            kept = [x.exp() for _ in range(3)]
            references[:] = map(weakref.ref, kept)
            ctx.save_for_backward(*kept[:count])
            ctx.save_for_backward(*[None] * again)
            return x.clone()

        @staticmethod
        def backward(ctx, gy):
            assert ctx.saved_tensors == (None,) * again
            return gy

    x = pg.Variable(torch.tensor([0.5, -1.0]), requires_grad=True)
    y = Twice.apply(x)
    assert [reference() for reference in references] == [None] * 3
    y.sum().backward()


def test_what_another_thread_packs_while_it_is_read_is_unpacked():
    """It has seen that there is something in the slots when the other thread empties them."""
    named, node = saving("x", "y")
    x, y = named["x"].data, named["y"].data

    class Packing(type(node._record)):
        @property
        def _pg_first(self):
            self._pg_saved = Packed([(lambda t: t, x), (lambda t: t, y)])

        @_pg_first.setter
        def _pg_first(self, value):
            pass

    record = node._record
    record.__class__ = Packing
    found = record.saved_tensors
    assert found[0] is x
    assert found[1] is y


def test_a_live_graph_has_few_objects_for_the_garbage_collector():
    """A record and, where it is saved, a tensor: no tuple of edges, of saved values or of sizes."""
    x = pg.Variable(torch.linspace(0.1, 0.8, 8), requires_grad=True)
    weight = pg.Variable(torch.linspace(0.9, 1.1, 8))

    def chain():
        y = x
        for _ in range(100):
            y = (y * weight).sin()  # the sine saves its input
        return y

    chain()
    gc.collect()
    before = len(gc.get_objects())
    alive = chain()
    gc.collect()
    assert len(gc.get_objects()) - before <= 1.6 * 200
    assert alive.requires_grad


def test_a_tensor_that_forward_fills_after_it_saved_it_is_refused_and_the_fix_works():
    class Fills(pg.Function):
        late = False

        @classmethod
        def forward(cls, ctx, x):
            y = torch.empty_like(x)
            if not cls.late:
                ctx.save_for_backward(y)
            torch.exp(x, out=y)
            if cls.late:
                ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, gy):
            (y,) = ctx.saved_tensors
            return gy * y

    x = pg.Variable(torch.tensor([0.5, -1.0]), requires_grad=True)
    with pytest.raises(SavedTensorChangedError, match=r"fix: [^$]*save it when forward is done"):
        Fills.apply(x).sum().backward()
    Fills.late = True
    Fills.apply(x).sum().backward()
    torch.testing.assert_close(x.grad.data, x.data.exp())
