"""Saved-tensor hooks where torch does not say which are in force."""

from __future__ import annotations

import contextlib
import threading

import pytest
import torch
import torch.utils.checkpoint

import plugrad as pg
from plugrad.core.saved import _watch_torchs_hooks, top_saved_tensors_hooks
from plugrad.errors import SavedTensorChangedError


@pytest.fixture
def top(monkeypatch):
    """What tells the hooks in force where torch does not, as on torch 2.6; tried on any torch."""
    for name in ("_push_saved_tensors_default_hooks", "_pop_saved_tensors_default_hooks"):
        monkeypatch.setattr(torch._C._autograd, name, getattr(torch._C._autograd, name))
    watched = _watch_torchs_hooks()
    return lambda: watched(True)


def hooks(name):
    return (lambda t: (name, t)), (lambda packed: packed[1])


def test_hooks_are_seen_where_torch_does_not_tell(top):
    outer, inner = hooks("outer"), hooks("inner")
    assert top() is None
    with torch.autograd.graph.saved_tensors_hooks(*outer):
        assert top() == outer == top_saved_tensors_hooks()
        with (
            contextlib.suppress(ArithmeticError),
            torch.autograd.graph.saved_tensors_hooks(*inner),
        ):
            assert top() == inner == top_saved_tensors_hooks()
            raise ArithmeticError
        assert top() == outer
    assert top() is None


def test_hooks_of_another_thread_are_not_seen(top):
    seen = []
    with torch.autograd.graph.save_on_cpu():
        thread = threading.Thread(target=lambda: seen.append(top()))
        thread.start()
        thread.join()
        assert top() is not None
    assert seen == [None]


def test_hooks_that_torch_refuses_are_not_in_force(top):
    with (
        torch.autograd.graph.disable_saved_tensors_hooks("not here"),
        pytest.raises(RuntimeError, match="not here"),
    ):
        torch._C._autograd._push_saved_tensors_default_hooks(*hooks("refused"))
    assert top() is None


def test_hooks_from_before_may_end_later(monkeypatch):
    with torch.autograd.graph.saved_tensors_hooks(*hooks("before")):
        for name in ("_push_saved_tensors_default_hooks", "_pop_saved_tensors_default_hooks"):
            monkeypatch.setattr(torch._C._autograd, name, getattr(torch._C._autograd, name))
        watched = _watch_torchs_hooks()
        with torch.autograd.graph.saved_tensors_hooks(*hooks("after")):
            assert watched(True) is not None
        assert watched(True) is None
    assert watched(True) is None
    assert top_saved_tensors_hooks() is None


# --- a change of what the hooks keep as it is ----------------------------------------


def _leaf():
    return pg.Variable(torch.tensor([1.0, 2.0], dtype=torch.float64), requires_grad=True)


CONTEXTS = {
    "hooks that do nothing": lambda: torch.autograd.graph.saved_tensors_hooks(
        lambda t: t, lambda t: t
    ),
    "save_on_cpu, of the cpu": torch.autograd.graph.save_on_cpu,
}


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("change", [lambda a: a.mul_(2), lambda a: a[1:].mul_(2)])
def test_a_change_of_a_tensor_that_hooks_kept_is_noticed(context, change):
    """The gradient was that of the new value, silently, as in torch."""
    x = _leaf()
    a = x * 1
    with CONTEXTS[context]():
        y = a.sin()
    change(a)
    with pytest.raises(SavedTensorChangedError):
        y.sum().backward()


def test_a_change_that_allow_mutation_does_not_see_is_noticed():
    """torch knows memory by its address, which a view that begins elsewhere does not have."""
    x = _leaf()
    a = x * 1
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        y = a.sin()
        a[1:].mul_(2)
        with pytest.raises(SavedTensorChangedError):
            y.sum().backward()


def test_allow_mutation_keeps_what_was_saved_of_a_value_that_got_another_shape():
    """The change of shape counted, unseen: the gradient was that of the new value."""
    x = _leaf()
    a = x * 1
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        y = a.sin()
        a.squeeze_().mul_(2)
        y.sum().backward()
    assert torch.equal(x.grad.data, x.data.cos())


def test_an_unpack_hook_may_change_what_it_returns_and_a_copy_may_be_kept():
    x = _leaf()
    a = x * 1
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t.mul_(1)):
        y = a.sin()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        z = a.sin()
    for _ in range(2):
        (g,) = pg.grad(y.sum(), x, retain_graph=True)
        assert torch.equal(g.data, x.data.cos())
    a.mul_(2)
    (g,) = pg.grad(z.sum(), x)
    assert torch.equal(g.data, x.data.cos())


def test_hooks_of_one_saved_tensor_do_not_hide_a_change_of_another():
    x = _leaf()
    a, b = x * 1, x * 2
    y = a * b
    a.mul_(10)
    with pytest.raises(SavedTensorChangedError):
        y.grad_fn._raw_saved_other.register_hooks(lambda t: t, lambda t: t)


def test_hooks_of_one_saved_tensor_notice_a_change_of_it():
    x = _leaf()
    a, b = x * 1, x * 2
    y = a * b
    y.grad_fn._raw_saved_other.register_hooks(lambda t: t, lambda t: t)
    b.mul_(10)
    with pytest.raises(SavedTensorChangedError):
        y.sum().backward()
