"""scaled_dot_product_attention: second derivatives, the mask's gradient, dropout, bad shapes."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg
from plugrad.core import SampleMaker
from plugrad.errors import ArgumentError

attention = F.scaled_dot_product_attention


def three(*shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=generator, dtype=dtype) for _ in range(3)]


def by_hand(q, k, v, mask=None, is_causal=False, scale=None):
    s = q @ k.mT * (q.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        s = s.masked_fill(~torch.ones(s.shape[-2:], dtype=torch.bool).tril(), -torch.inf)
    return (s if mask is None else s + mask).softmax(-1) @ v


def twice(function, tensors, grad, **options):
    y = function(*tensors, **options)
    first = grad(y.sin().sum(), tensors, create_graph=True)
    return first, grad(sum(g.square().sum() for g in first), tensors)


@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"scale": 0.2}], ids=str)
def test_second_derivative_of_the_kernel(options):
    tensors = three(2, 2, 4, 3)
    ours = [pg.Variable(t, requires_grad=True) for t in tensors]
    theirs = [t.clone().requires_grad_() for t in tensors]
    assert "flash" in attention(*ours, **options).grad_fn.name().lower()
    for got, expected in zip(
        twice(attention, ours, pg.grad, **options),
        twice(by_hand, theirs, torch.autograd.grad, **options),
        strict=True,
    ):
        for a, b in zip(got, expected, strict=True):
            torch.testing.assert_close(a.data, b.detach())


def test_a_mask_that_requires_grad():
    mask = torch.linspace(-1, 1, 16, dtype=torch.float64).view(4, 4)
    ours = [pg.Variable(t, requires_grad=True) for t in (*three(2, 2, 4, 3), mask)]
    theirs = [t.clone().requires_grad_() for t in (*three(2, 2, 4, 3), mask)]
    for got, expected in zip(
        twice(attention, ours, pg.grad), twice(by_hand, theirs, torch.autograd.grad), strict=True
    ):
        for a, b in zip(got, expected, strict=True):
            torch.testing.assert_close(a.data, b.detach())


def test_dropout_draws_torchs_numbers():
    tensors = three(2, 2, 4, 3)
    ours = [pg.Variable(t, requires_grad=True) for t in tensors]
    theirs = [t.clone().requires_grad_() for t in tensors]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        y, after = attention(*ours, dropout_p=0.4), torch.rand(2)
        torch.manual_seed(0)
        expected, expected_after = attention(*theirs, dropout_p=0.4), torch.rand(2)
    assert torch.equal(y.data, expected)
    assert torch.equal(after, expected_after)
    got = pg.grad(y.sin().sum(), ours)
    for a, b in zip(got, torch.autograd.grad(expected.sin().sum(), theirs), strict=True):
        torch.testing.assert_close(a.data, b)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("of_mask", [torch.float32, torch.bool], ids=str)
def test_dropout_draws_once_whatever_the_dtype_of_the_mask(of_mask, dtype):
    tensors = three(1, 2, 6, 4, dtype=dtype)
    mask = torch.linspace(-1, 1, 36, dtype=torch.float64).view(6, 6)
    mask = mask > -0.5 if of_mask is torch.bool else mask.to(of_mask)
    ours = [pg.Variable(t, requires_grad=True) for t in tensors]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        y, after = attention(*ours, mask, 0.3), torch.get_rng_state()
        torch.manual_seed(1)
        expected, expected_after = attention(*tensors, mask, 0.3), torch.get_rng_state()
    assert torch.equal(after, expected_after)
    torch.testing.assert_close(y.data, expected)


@pytest.mark.parametrize("of_mask", [torch.float64, torch.float32], ids=str)
def test_a_probability_that_torch_refuses_is_refused(of_mask):
    tensors, mask = three(1, 1, 6, 4), torch.zeros(6, 6, dtype=of_mask)
    ours = [pg.Variable(t, requires_grad=True) for t in tensors]
    for given in (tensors, ours):
        with pytest.raises(RuntimeError, match="dropout"):
            attention(*given, mask, 1.5)


def test_a_row_that_is_masked_all_over():
    mask = torch.tensor([[True, False], [False, False]])
    for shape in ((1, 1, 2, 3), (1, 2, 3)):  # the kernel and the steps
        ours = [pg.Variable(t, requires_grad=True) for t in three(*shape)]
        y = attention(*ours, attn_mask=mask)
        assert y.data[..., 1, :].tolist() == torch.zeros(*shape[:-2], 3).tolist()
        for g in twice(attention, ours, pg.grad, attn_mask=mask)[1]:
            assert g.data.isfinite().all()


def test_the_kernel_refuses_what_it_would_misread():
    q, k, _ = three(1, 2, 3, 4)
    kernel = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default
    for bad in (k[:, :, :, :2], k[:, :, :0], k[0]):
        with pytest.raises(ArgumentError, match="attention kernel for the CPU got tensors"):
            kernel(pg.Variable(q, requires_grad=True), bad, bad)


def test_grouped_queries_without_a_head_are_refused():
    q, k, v = three(1, 2, 3, 4)
    q = pg.Variable(q, requires_grad=True)
    with pytest.raises(ArgumentError, match="there must be a head of k"):
        attention(q, k[:, :0], v[:, :0], enable_gqa=True)


def test_autocast():
    ours = [pg.Variable(t, requires_grad=True) for t in three(1, 2, 4, 8, dtype=torch.float32)]
    theirs = [t.clone().requires_grad_() for t in three(1, 2, 4, 8, dtype=torch.float32)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for options in ({}, {"attn_mask": torch.zeros(4, 4).requires_grad_()}):
            y, expected = attention(*ours), attention(*theirs, **options)
            assert y.dtype is expected.dtype is torch.bfloat16
            torch.testing.assert_close(y.data, expected.detach(), atol=2e-2, rtol=2e-2)
    for a, b in zip(
        pg.grad(y.sum(), ours), torch.autograd.grad(expected.sum(), theirs), strict=True
    ):
        assert a.dtype is torch.float32
        torch.testing.assert_close(a.data, b, atol=3e-2, rtol=3e-2)


def test_autocast_does_not_make_floats_of_a_mask_of_integers():
    tensors = three(1, 2, 4, 8, dtype=torch.float32)
    ours = [pg.Variable(t, requires_grad=True) for t in tensors]
    for given in (tensors, ours):
        with (
            torch.autocast("cpu", dtype=torch.bfloat16),
            pytest.raises(RuntimeError, match="attn_mask dtype"),
        ):
            attention(*given, torch.ones(4, 4, dtype=torch.int64))


@pytest.mark.parametrize("mask_shape", [None, (3, 5), (2, 3, 5)])
def test_without_a_batch_it_is_one_of_a_batch(mask_shape):
    # Since 2.14 torch chooses its kernel for three dimensions too.
    make = SampleMaker(0)
    tensors = [make(2, 3, 4), make(2, 5, 4), make(2, 5, 4)]
    mask = None if mask_shape is None else make.booleans(*mask_shape) | (torch.arange(5) == 0)
    q, k, v = (pg.Variable(t, requires_grad=True) for t in tensors)
    z = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask)
    leaves = [t.clone().requires_grad_() for t in tensors]
    batch = [t.unsqueeze(0) for t in leaves]
    expected = torch.nn.functional.scaled_dot_product_attention(*batch, mask).squeeze(0)
    torch.testing.assert_close(z.data, expected.detach())
    found = pg.grad((z * z).sum(), (q, k, v))
    theirs = torch.autograd.grad((expected * expected).sum(), leaves)
    for one, other in zip(found, theirs, strict=True):
        torch.testing.assert_close(one.data, other)


def test_a_mask_may_have_gaps():
    make = SampleMaker(0)
    q, k, v = (pg.Variable(make(1, 2, n, 4), requires_grad=True) for n in (3, 5, 5))
    mask = make(3, 10)
    found = []
    for given in (mask[:, ::2], mask[:, ::2].contiguous(), mask.T.contiguous().T[:, ::2]):
        z = torch.nn.functional.scaled_dot_product_attention(q, k, v, given)
        found.append([z, *pg.grad((z * z).sum(), (q, k, v))])
    for one, other, third in zip(*found, strict=True):
        torch.testing.assert_close(one.data, other.data)
        torch.testing.assert_close(third.data, other.data)


@pytest.mark.parametrize("kind", ["causal_upper_left", "causal_lower_right"])
def test_a_causal_bias_of_torchs_stands_for_a_mask(kind):
    from torch.nn.attention import bias

    causal = getattr(bias, kind)(4, 6)
    q, (k, v, _) = three(2, 2, 4, 3)[0], three(2, 2, 6, 3)
    leaves = [t.clone().requires_grad_() for t in (q, k, v)]
    variables = [pg.Variable(t, requires_grad=True) for t in (q, k, v)]
    mask = torch.ones(4, 6, dtype=torch.bool).tril(2 if "right" in kind else 0)
    expected, got = attention(*leaves, mask), attention(*variables, causal)
    torch.testing.assert_close(got.data, expected.detach())
    expected.sin().sum().backward()
    got.sin().sum().backward()
    for mine, torchs in zip(variables, leaves, strict=True):
        torch.testing.assert_close(mine.grad.data, torchs.grad)


@pytest.mark.parametrize("masked", [False, True, None])
def test_it_is_mapped_with_a_gradient_for_each_example(masked):
    mask = torch.ones(4, 4, dtype=torch.bool).tril() if masked else None
    options = {"attn_mask": mask, "is_causal": masked is None}
    q, k, v = three(3, 2, 2, 4, 3)

    def loss(*qkv):
        return attention(*qkv, **options).sin().sum()

    leaves = [t.clone().requires_grad_() for t in (q, k, v)]
    loss(*leaves).backward()  # the gradient of an example is its own: no example sees another
    ours = pg.func.vmap(pg.func.grad(loss, argnums=(0, 1, 2)))(q, k, v)
    for leaf, got in zip(leaves, ours, strict=True):
        torch.testing.assert_close(got, leaf.grad)
    variables = [pg.Variable(t, requires_grad=True) for t in (q, k, v)]
    pg.func.vmap(loss)(*variables).sum().backward()
    for leaf, variable in zip(leaves, variables, strict=True):
        torch.testing.assert_close(variable.grad.data, leaf.grad)


@pytest.mark.parametrize("scale", [-0.3, 0.0])
def test_a_scale_that_is_not_positive_with_is_causal(scale):
    """torch's kernel has nan: it scales the -inf of what is masked."""
    tensors = three(2, 2, 4, 3)
    ours = [pg.Variable(t, requires_grad=True) for t in tensors]
    theirs = [t.clone().requires_grad_() for t in tensors]
    expected = by_hand(*theirs, is_causal=True, scale=scale)
    got = attention(*ours, is_causal=True, scale=scale)
    torch.testing.assert_close(got.data, expected.detach())
    expected.sin().sum().backward()
    got.sin().sum().backward()
    for mine, torchs in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad.data, torchs.grad)
