"""The ops of CUDA's attention kernels, with kernels that are played on the CPU.

What the kernels compute is for tests/cuda; here it is what they are given, and what becomes of it.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

import plugrad as pg
from plugrad.errors import ArgumentError, OnceDifferentiableError
from plugrad.ops.attention import (
    _cuda,
    _fused,
    scaled_dot_product_cudnn_attention,
    scaled_dot_product_efficient_attention,
    scaled_dot_product_flash_attention,
)

KERNELS = {"flash": 1, "efficient": 2, "cudnn": 3}
MODULES = {
    "flash": scaled_dot_product_flash_attention,
    "efficient": scaled_dot_product_efficient_attention,
    "cudnn": scaled_dot_product_cudnn_attention,
}
aten = torch.ops.aten


def by_hand(q, k, v, mask=None, causal=False, scale=None, p=0.0, seed=None):
    k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], 1) for t in (k, v))
    s = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if causal:
        s = s.masked_fill(~torch.ones(s.shape[-2:], dtype=torch.bool).tril(), -torch.inf)
    if mask is not None:
        s = s.masked_fill(~mask, -torch.inf) if mask.dtype is torch.bool else s + mask
    weights = s.softmax(-1)
    if p:
        generator = torch.Generator().manual_seed(int(seed))
        kept = torch.rand(s.shape, generator=generator, dtype=s.dtype) >= p
        weights = weights * kept / (1 - p)
    return weights @ v


class Played:
    """Kernels as torch's, in what they take and return; they say what they dislike."""

    def __init__(self, monkeypatch, name):
        self.calls, self.asked = [], []
        self.name, module = name, MODULES[name]
        monkeypatch.setattr(_cuda, "has_kernels", lambda _: True)
        monkeypatch.setattr(_fused, "_choice", self.choice)
        monkeypatch.setattr(module, "_forward", getattr(self, name))
        monkeypatch.setattr(module, "_backward", getattr(self, f"{name}_backward"))

    def choice(self, q, k, v, mask, dropout_p, is_causal, *, scale, enable_gqa):
        self.asked.append([t is not None and t.requires_grad for t in (q, k, v, mask)])
        return KERNELS[self.name]

    def forward(self, q, k, v, bias, p, causal, scale):
        self.calls.append("forward")
        assert all(type(t) is torch.Tensor for t in (q, k, v))
        seed = torch.randint(2**31, ()) if p else torch.zeros((), dtype=torch.int64)
        z = by_hand(q, k, v, bias, causal, scale, p, seed)
        z = z.transpose(1, 2).contiguous().transpose(1, 2)  # as the kernels lay it out
        return z, torch.full(q.shape[:3], 7.0), seed, torch.zeros((), dtype=torch.int64)

    def backward(self, g, q, k, v, bias, z, lse, seed, p, causal, scale):
        self.calls.append("backward")
        assert g.stride() == z.stride()
        assert lse.shape == q.shape[:3]
        assert (lse == 7).all()
        given = [t if t is None else t.detach().requires_grad_() for t in (q, k, v, bias)]
        with torch.enable_grad():
            y = by_hand(*given, causal, scale, p, seed)
        torch.testing.assert_close(y.detach(), z)
        return [
            None if t is None else torch.autograd.grad(y, t, g, retain_graph=True)[0] for t in given
        ]

    def flash(self, q, k, v, p, causal, debug, *, scale):
        assert q.shape[-1] % 8 == 0
        z, lse, seed, offset = self.forward(q, k, v, None, p, causal, scale)
        return z, lse, None, None, q.shape[2], k.shape[2], seed, offset, q.new_empty(0)

    def flash_backward(self, g, q, k, v, z, lse, cq, ck, mq, mk, p, causal, seed, offset, *, scale):
        assert (cq, ck, mq, mk) == (None, None, q.shape[2], k.shape[2])
        return self.backward(g, q, k, v, None, z, lse, seed, p, causal, scale)[:3]

    def efficient(self, q, k, v, bias, sums, p, causal, *, scale):
        if bias is not None:
            assert bias.shape == (*q.shape[:3], k.shape[2])
            *strides, last = bias.stride()
            assert last == 1
            assert not any(stride % 16 for stride in strides)
        self.sums = sums
        return self.forward(q, k, v, bias, p, causal, scale)

    def efficient_backward(
        self, g, q, k, v, bias, z, lse, seed, offset, p, wanted, causal, *, scale
    ):
        *three, of_bias = self.backward(g, q, k, v, bias, z, lse, seed, p, causal, scale)
        return *three, of_bias if wanted[3] else None

    def cudnn(self, q, k, v, bias, sums, p, causal, debug, *, scale):
        self.sums = sums
        z, lse, seed, offset = self.forward(q, k, v, bias, p, causal, scale)
        return z, lse, None, None, q.shape[2], k.shape[2], seed, offset, q.new_empty(0)

    def cudnn_backward(
        self, g, q, k, v, z, lse, seed, offset, bias, cq, ck, mq, mk, p, causal, *, scale
    ):
        assert (cq, ck, mq, mk) == (None, None, q.shape[2], k.shape[2])
        return self.backward(g, q, k, v, bias, z, lse, seed, p, causal, scale)[:3]


@pytest.fixture(params=KERNELS)
def played(monkeypatch, request):
    return Played(monkeypatch, request.param)


def three(q_heads=4, heads=4, size=8, length=6, keys=6):
    generator = torch.Generator().manual_seed(0)
    shapes = (2, q_heads, length, size), (2, heads, keys, size), (2, heads, keys, size)
    return [torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


def masks(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def variables(tensors):
    return [pg.Variable(t, requires_grad=True) for t in tensors]


def agree(got, expected):
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one.data, other.detach())


FORMS = {
    "plain": (three(), {}, {}),
    "other lengths": (three(length=5, keys=7), {}, {}),
    "causal": (three(), {"is_causal": True}, {"causal": True}),
    "scale": (three(), {"scale": 0.2}, {"scale": 0.2}),
    "odd": (three(size=5), {}, {}),
    "grouped": (three(4, 2), {"enable_gqa": True}, {}),
    "one head": (three(4, 1, size=3), {"enable_gqa": True}, {}),
}
MASKS = {
    "of the scores": masks(6, 6),
    "for each head": masks(1, 4, 6, 6),
    "of a row": masks(1, 6),
    "of a column": masks(6, 1),
    "with gaps": masks(6, 12)[:, ::2],
    "aligned": masks(6, 16)[:, :6],
    "boolean": masks(2, 1, 6, 6) > -1,
}


@pytest.mark.parametrize("form", FORMS)
def test_value_gradient_and_second_derivative(played, form):
    tensors, options, by_hands = FORMS[form]
    ours, theirs = variables(tensors), [t.clone().requires_grad_() for t in tensors]
    y, expected = scaled_dot_product_attention(*ours, **options), by_hand(*theirs, **by_hands)
    agree([y], [expected])
    agree(pg.grad(y.sum(), ours, retain_graph=True), _grad(expected.sum(), theirs))
    assert played.calls == ["forward", "backward"]
    assert played.asked == [[True, True, True, False]]
    first = pg.grad(y.sin().sum(), ours, create_graph=True)
    of_first = torch.autograd.grad(expected.sin().sum(), theirs, create_graph=True)
    agree(first, of_first)
    agree(
        pg.grad(sum(g.square().sum() for g in first), ours),
        torch.autograd.grad(sum(g.square().sum() for g in of_first), theirs),
    )
    # Nothing recorded: through the cotangent of the first gradient, which is cos(y).
    assert played.calls == ["forward", "backward", "backward"]


def _grad(y, tensors):
    return torch.autograd.grad(y, tensors, retain_graph=True)


@pytest.mark.parametrize("name", MASKS)
def test_masks(monkeypatch, name):
    for kernel in ("efficient", "cudnn"):
        played = Played(monkeypatch, kernel)
        ours, theirs = variables(three()), [t.clone().requires_grad_() for t in three()]
        y = scaled_dot_product_attention(*ours, attn_mask=MASKS[name])
        expected = by_hand(*theirs, MASKS[name])
        agree([y], [expected])
        agree(pg.grad(y.sin().sum(), ours), torch.autograd.grad(expected.sin().sum(), theirs))
        assert played.calls == ["forward", "backward"]


@pytest.mark.parametrize("name", [name for name in MASKS if name != "boolean"])
@pytest.mark.parametrize("alone", [False, True], ids=["with others", "alone"])
def test_the_gradient_of_a_mask(monkeypatch, name, alone):
    played = Played(monkeypatch, "efficient")
    tensors = [*three(), MASKS[name]]
    theirs = [t.clone().requires_grad_() for t in tensors]
    if alone:
        ours = [*tensors[:3], pg.Variable(MASKS[name], requires_grad=True)]
    else:
        ours = variables(tensors)
    y, expected = scaled_dot_product_attention(*ours), by_hand(*theirs)
    ours, theirs = (ours[3:], theirs[3:]) if alone else (ours, theirs)
    agree(pg.grad(y.sin().sum(), ours, retain_graph=True), _grad(expected.sin().sum(), theirs))
    assert played.calls == ["forward", "backward"]
    assert played.asked == [[not alone] * 3 + [True]]
    assert played.sums is True
    first = pg.grad(y.sin().sum(), ours, create_graph=True)
    of_first = torch.autograd.grad(expected.sin().sum(), theirs, create_graph=True)
    agree(
        pg.grad(sum(g.square().sum() for g in first), ours),
        torch.autograd.grad(sum(g.square().sum() for g in of_first), theirs),
    )


def test_dropout_is_the_kernels_and_has_no_second_derivative(played):
    ours, theirs = variables(three()), [t.clone().requires_grad_() for t in three()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        y = scaled_dot_product_attention(*ours, dropout_p=0.4)
        torch.manual_seed(3)
        expected = by_hand(*theirs, p=0.4, seed=torch.randint(2**31, ()))
    agree([y], [expected])
    agree(pg.grad(y.sin().sum(), ours, retain_graph=True), _grad(expected.sin().sum(), theirs))
    first = pg.grad(y.sin().sum(), ours, create_graph=True)
    agree(first, _grad(expected.sin().sum(), theirs))
    for leaf in ours:
        with pytest.raises(OnceDifferentiableError, match="double backward of scaled_dot"):
            pg.grad(first[0].sum(), [leaf], retain_graph=True)


def test_a_constant_query(played):
    q, k, v = three()
    ours, theirs = variables([k, v]), [t.clone().requires_grad_() for t in (k, v)]
    y, expected = scaled_dot_product_attention(q, *ours), by_hand(q, *theirs)
    first = pg.grad(y.sin().sum(), ours, create_graph=True)
    of_first = torch.autograd.grad(expected.sin().sum(), theirs, create_graph=True)
    agree(first, of_first)
    agree(
        pg.grad(first[0].square().sum(), ours),
        torch.autograd.grad(of_first[0].square().sum(), theirs),
    )
    assert played.asked == [[False, True, True, False]]


def test_without_recording_torch_is_asked_for_no_gradient(played):
    with pg.no_grad():
        y = scaled_dot_product_attention(*variables(three()))
    agree([y], [by_hand(*three())])
    assert played.asked == [[False] * 4]
    assert not getattr(played, "sums", False)


@pytest.mark.parametrize("scale", [-0.3, 0.0])
def test_a_scale_that_is_not_positive_goes_step_by_step(played, scale):
    ours = variables(three())
    agree([scaled_dot_product_attention(*ours, scale=scale)], [by_hand(*three(), scale=scale)])
    assert not played.calls


def test_mapped_it_goes_step_by_step(played):
    tensors = [torch.stack([t, t + 1]) for t in three()]
    got = pg.func.vmap(scaled_dot_product_attention)(*variables(tensors))
    agree(got, [by_hand(*(t[i] for t in tensors)) for i in range(2)])
    assert not played.calls


def test_a_kernel_that_is_asked_for_no_sums_has_them_where_a_gradient_needs_them(monkeypatch):
    for name in ("efficient", "cudnn"):
        played = Played(monkeypatch, name)
        ours, theirs = variables(three()), [t.clone().requires_grad_() for t in three()]
        kernel = getattr(aten, f"_scaled_dot_product_{name}_attention").default
        y = kernel(*ours, None, False)[0]
        assert played.sums is True
        agree(pg.grad(y.sum(), ours), torch.autograd.grad(by_hand(*theirs).sum(), theirs))


def test_cudnn_has_no_gradient_of_a_mask():
    kernel = aten._scaled_dot_product_cudnn_attention.default
    with pytest.raises(ArgumentError, match="no gradient of attn_bias"):
        kernel(*variables(three()), pg.Variable(masks(2, 4, 6, 6), requires_grad=True), True)


def test_where_there_is_no_kernel_there_is_no_dropout():
    kernel = aten._scaled_dot_product_flash_attention.default
    with pytest.raises(ArgumentError, match="has dropout on CUDA alone"):
        kernel(*variables(three()), 0.3)
