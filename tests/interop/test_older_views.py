"""Views that a composite op makes of a tensor before it writes a Variable into that tensor."""

from __future__ import annotations

import pytest
import torch
from torch import library

import plugrad as pg

OURS = library.Library("plugrad_older_views", "FRAGMENT")
COMPLEX = torch.tensor([1 + 1j, 2 - 1j, -3 + 0.5j, 1j], dtype=torch.complex128)
REAL = torch.tensor([[1.0, -2.0], [3.0, 0.5]], dtype=torch.float64)
VIEWS = {
    "conj": (torch.conj, COMPLEX),
    "real": (torch.real, COMPLEX),
    "imag": (torch.imag, COMPLEX),
    "imag_of_conj": (lambda x: x.conj().imag, COMPLEX),
    "view_as_real": (torch.view_as_real, COMPLEX),
    "neg_view": (torch._neg_view, REAL),
    "view_as_complex": (torch.view_as_complex, REAL),
    "conj_of_complex": (lambda x: torch.view_as_complex(x).conj()[1:], REAL),
    "t": (torch.t, REAL),
}


def defined(name, signature, function):
    OURS.define(name + signature)
    OURS.impl(name, function, "CompositeImplicitAutograd")
    return getattr(torch.ops.plugrad_older_views, name)


def derivatives(grad, y, x):
    (g,) = grad((y.abs() ** 2).sum(), x, create_graph=True)
    return y, g, *grad((g.abs() ** 2).sum(), x)


def agree(op, value):
    t, x = value.clone().requires_grad_(), pg.Variable(value.clone(), requires_grad=True)
    expected = derivatives(torch.autograd.grad, op(t), t)
    for ours, theirs in zip(derivatives(pg.grad, op(x), x), expected, strict=True):
        torch.testing.assert_close(ours.data, theirs.detach())


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_read_after_its_base_was_written(name):
    """Its gradient was that of the elements as they are in memory: not conjugated, not negated."""
    view, value = VIEWS[name]

    def read(x):
        whole = torch.zeros_like(x)
        part = view(whole)
        whole.copy_(x * x)
        return part * 2

    agree(defined(f"read_{name}", "(Tensor x) -> Tensor", read), value)


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_written(name):
    view, value = VIEWS[name]

    def write(x):
        whole = torch.zeros_like(x)
        view(whole).copy_(view(x * x))
        return whole * 3

    agree(defined(f"write_{name}", "(Tensor x) -> Tensor", write), value)


def test_integers_in_the_memory_have_no_gradient():
    def sign_bits(x):
        whole = torch.zeros_like(x)
        bits = whole.view(torch.int64)
        whole.copy_(x)
        return whole * (bits < 0)

    agree(defined("sign_bits", "(Tensor x) -> Tensor", sign_bits), REAL)
