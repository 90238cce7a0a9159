"""Fake quantization: torch's gradients, those of what is learned, and what torch gets wrong."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg

X = torch.tensor([[-3.0, -0.6, 0.2, 0.9], [-1.1, 1.3, 2.2, 5.0], [0.1, -7.0, 0.5, 1.9]])
SCALES, ZEROS = torch.tensor([0.3, 0.5, 0.7]), torch.tensor([1, 0, -2], dtype=torch.int32)
CALLS = {
    "numbers": lambda x: torch.fake_quantize_per_tensor_affine(x, 0.3, 1, -4, 5),
    "tensors": lambda x: torch.fake_quantize_per_tensor_affine(x, SCALES[:1], ZEROS[:1], -4, 5),
    "channels": lambda x: torch.fake_quantize_per_channel_affine(x, SCALES, ZEROS, 0, -4, 5),
}


def leaves(made, tensors):
    return [made(t.clone()) for t in tensors]


def torchs(t):
    return t.requires_grad_()


def ours(t):
    return pg.Variable(t, requires_grad=True)


def raw(t):
    return t.data if isinstance(t, pg.Variable) else t.detach()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_values_gradients_and_second_derivatives_are_torchs(call):
    found = []
    for made, grad in (torchs, torch.autograd.grad), (ours, pg.grad):
        x = made(X.double())
        y = call(x)
        (gx,) = grad((y**3).sum(), x, create_graph=True)
        (second,) = grad((gx**2).sum(), x)
        found.append([raw(t) for t in (y, gx, second)])
    for theirs, own in zip(*found, strict=True):
        assert theirs.abs().sum() > 0
        torch.testing.assert_close(own, theirs, rtol=1e-12, atol=0.0)


def learned(engine, tensors, call):
    made, grad = engine
    inputs = leaves(made, tensors)
    y = call(*inputs)
    weights = torch.linspace(-1, 2, y.numel()).reshape(y.shape)
    return [raw(t) for t in (y, *grad((y * weights).sum(), inputs))]


ENGINES = (torchs, torch.autograd.grad), (ours, pg.grad)
PER_TENSOR = torch._fake_quantize_learnable_per_tensor_affine
PER_CHANNEL = torch._fake_quantize_learnable_per_channel_affine


@pytest.mark.parametrize("factor", [1.0, 0.3])
@pytest.mark.parametrize("zero", [0.0, 1.2, 3.7, 9.0])
def test_what_is_learned_has_torchs_gradients(zero, factor):
    tensors = X, torch.tensor([0.3]), torch.tensor([zero])
    theirs, own = [learned(e, tensors, lambda *t: PER_TENSOR(*t, -4, 5, factor)) for e in ENGINES]
    torch.testing.assert_close(own, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("factor", [1.0, 0.3])
def test_what_is_learned_for_each_channel_has_torchs_gradients(factor):
    tensors = X, SCALES, torch.tensor([-1.7, 0.4, 2.2])
    theirs, own = [
        learned(e, tensors, lambda *t: PER_CHANNEL(*t, 0, -4, 5, factor)) for e in ENGINES
    ]
    torch.testing.assert_close(own, theirs, rtol=1e-5, atol=1e-6)


def test_a_negative_zero_point_is_the_same_in_the_gradient_as_in_the_value():
    """torch's kernel for a tensor rounds it otherwise in the gradient; the one for channels not."""
    tensors = torch.linspace(-3.01, 2.96, 41)[None], torch.tensor([0.3]), torch.tensor([-1.2])
    own = learned(ENGINES[1], tensors, lambda *t: PER_TENSOR(*t, -5, 6))
    right = learned(ENGINES[0], tensors, lambda *t: PER_CHANNEL(*t, 0, -5, 6))
    torch.testing.assert_close(own, right, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, s: torch.fake_quantize_per_tensor_affine(x, s[:1], ZEROS[:1], -4, 5),
        lambda x, s: torch.fake_quantize_per_channel_affine(x, s, ZEROS, 0, -4, 5),
    ],
)
def test_a_scale_that_is_not_learned_has_no_gradient(call):
    with pytest.raises(pg.errors.ArgumentError, match="'scale' of fake_quantize") as raised:
        call(ours(X), ours(SCALES))
    assert ".detach()" in raised.value.fix
    assert call(ours(X), ours(SCALES).detach()).requires_grad
