"""Saved-tensor hooks where torch does not say which are in force."""

from __future__ import annotations

import contextlib
import threading

import pytest
import torch
import torch.utils.checkpoint

from plugrad.core.saved import _watch_torchs_hooks, top_saved_tensors_hooks


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
