"""Graphs that several tests draw."""

from __future__ import annotations

import torch
from torch import nn

import plugrad as pg


def leaf(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return pg.Variable(torch.randn(*shape, generator=generator), requires_grad=True)


def a_layer():
    """``y`` and its leaves: a layer with a branch, ten steps."""
    x, w, b = leaf(4, 3), leaf(3, 2, seed=1), leaf(2, seed=2)
    h = (x @ w + b).tanh()
    return (h * h.exp()).sum(), {"x": x, "w": w, "b": b}


def transformer(layers=12, width=8):
    """An encoder on Variables, and an input."""
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(width, 2, 2 * width, batch_first=True)
    model = pg.interop.convert(nn.TransformerEncoder(layer, layers, enable_nested_tensor=False))
    return model, leaf(2, 3, width)


def by_title(drawing, title):
    """The only step of that title."""
    (found,) = [step for step in drawing.steps if step.title == title]
    return found
