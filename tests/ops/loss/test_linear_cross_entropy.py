"""linear_cross_entropy in pieces: its value, its memory, and options that do not fit."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

if not hasattr(F, "linear_cross_entropy"):
    pytest.skip("this torch has no linear_cross_entropy", allow_module_level=True)

PIECES = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=3, chunking_method=None)


def tensors():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, 5, generator=generator, dtype=torch.float64)
    w = torch.randn(6, 5, generator=generator, dtype=torch.float64)
    return x, w, torch.tensor([0, 5, 2, -100, 4, 1, 1, 3])


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("options", [None, PIECES, torch.nn.LinearCrossEntropyOptions()])
def test_value_and_gradient_are_torchs(reduction, options):
    x, w, target = tensors()
    leaves = x.clone().requires_grad_(), w.clone().requires_grad_()
    loss = F.linear_cross_entropy(*leaves, target, reduction=reduction, options=options)
    expected = torch.autograd.grad(loss.sum(), leaves)
    ours = pg.Variable(x, requires_grad=True), pg.Variable(w, requires_grad=True)
    got = F.linear_cross_entropy(*ours, target, reduction=reduction, options=options)
    torch.testing.assert_close(got.data, loss.detach())
    for one, other in zip(pg.grad(got.sum(), ours), expected, strict=True):
        torch.testing.assert_close(one.data, other)


def kept(options):
    x, w, target = tensors()
    sizes = []

    def pack(tensor):
        if tensor.shape[-1:] == (6,):  # a row for each example, with a number for each class
            sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        v = pg.Variable(x, requires_grad=True)
        loss = F.linear_cross_entropy(v, w, target, options=options)
    assert loss.requires_grad
    return sum(sizes)


def test_in_pieces_no_logits_are_kept():
    assert kept(None) >= 8 * 6
    assert kept(PIECES) == 0


@pytest.mark.parametrize("say", [{"label_smoothing": 0.1}, {"reduction": "mean"}])
def test_options_that_cannot_be_followed_are_ignored_with_a_warning(say):
    x, w, target = tensors()
    if "label_smoothing" not in say:
        target = torch.nn.functional.one_hot(target.clamp_min(0), 6).double()
    expected = F.linear_cross_entropy(x, w, target, **say)
    v = pg.Variable(x, requires_grad=True)
    with pytest.warns(UserWarning, match="options are ignored") as warned:
        loss = F.linear_cross_entropy(v, w, target, options=PIECES, **say)
    assert warned[0].filename == __file__
    torch.testing.assert_close(loss.data, expected)


def test_what_all_rows_ignore_has_torchs_nan():
    x, w, target = tensors()
    v = pg.Variable(x, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = F.linear_cross_entropy(v, w, torch.full_like(target, -100), options=PIECES)
    assert loss.isnan()
    assert (pg.grad(loss, v)[0].data == 0).all()
