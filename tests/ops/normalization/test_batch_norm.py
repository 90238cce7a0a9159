"""batch_norm: the running statistics are changed in place, as torch changes them."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg
from plugrad.errors import ArgumentError, NotDifferentiableError, SavedTensorChangedError


def data(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def statistics():
    return torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)


@pytest.mark.parametrize("requires_grad", [True, False])
def test_running_statistics_move_and_their_versions_are_torchs(requires_grad):
    x = data(4, 3, 2)
    theirs, ours = statistics(), statistics()
    F.batch_norm(x, *theirs, training=True, momentum=0.3)
    F.batch_norm(pg.Variable(x, requires_grad=requires_grad), *ours, training=True, momentum=0.3)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)
    assert [t._version for t in ours] == [t._version for t in theirs]


def test_two_calls_in_training_before_a_backward():
    x = pg.Variable(data(4, 3), requires_grad=True)
    running = statistics()
    y = F.batch_norm(x, *running, training=True)
    F.batch_norm(x, *running, training=True)
    leaf = data(4, 3).requires_grad_()
    expected = F.batch_norm(leaf, None, None, training=True)
    weights = data(4, 3).cos()
    (g,) = pg.grad((y * weights).sum(), x)
    torch.testing.assert_close(g.data, torch.autograd.grad((expected * weights).sum(), leaf)[0])


def test_statistics_that_change_before_the_backward_of_eval_are_noticed():
    running = statistics()
    x = pg.Variable(data(4, 3), requires_grad=True)
    y = F.batch_norm(x, *running, training=False)
    running[1].mul_(2)
    with pytest.raises(SavedTensorChangedError):
        y.sum().backward()


def test_a_module_in_training_and_eval():
    x = data(4, 3, 2)
    module = torch.nn.BatchNorm1d(3, affine=False, dtype=torch.float64)
    twin = torch.nn.BatchNorm1d(3, affine=False, dtype=torch.float64)
    for training in (True, False):
        module.train(training)
        twin.train(training)
        v, t = pg.Variable(x, requires_grad=True), x.clone().requires_grad_()
        y = module(v)
        torch.testing.assert_close(y.data, twin(t).detach())
        assert torch.equal(module.num_batches_tracked, twin.num_batches_tracked)
        weights = data(4, 3, 2).sin()
        twin.running_mean.copy_(module.running_mean)
        twin.running_var.copy_(module.running_var)
        (g,) = pg.grad((y * weights).sum(), v)
        expected = F.batch_norm(
            t, module.running_mean, module.running_var, training=training, momentum=0.0
        )
        (e,) = torch.autograd.grad((expected * weights).sum(), t)
        torch.testing.assert_close(g.data, e)


def test_of_nothing():
    running = statistics()
    x = pg.Variable(data(0, 3), requires_grad=True)
    y = F.batch_norm(x, *running, training=True)
    y.sum().backward()
    assert y.shape == x.grad.shape == (0, 3)
    assert torch.equal(running[0], torch.zeros(3, dtype=torch.float64))


@pytest.mark.parametrize("call", [F.batch_norm, torch.native_batch_norm])
def test_a_weight_of_another_size_is_refused(call):
    x, weight = pg.Variable(data(4, 3), requires_grad=True), data(2)
    args = (None, None, weight) if call is F.batch_norm else (weight, None, None, None)
    rest = () if call is F.batch_norm else (True, 0.1, 1e-5)
    options = {"training": True} if call is F.batch_norm else {}
    with pytest.raises(ArgumentError, match="should contain 3 elements not 2"):
        call(x, *args, *rest, **options)


def test_statistics_that_training_moves_are_refused_and_the_fix_works():
    x = pg.Variable(data(4, 3), requires_grad=True)
    mean = pg.Variable(torch.zeros(3, dtype=torch.float64), requires_grad=True)
    var = torch.ones(3, dtype=torch.float64)
    with pytest.raises(NotDifferentiableError, match=r"running_mean.detach\(\)"):
        F.batch_norm(x, mean, var, training=True)
    with pytest.raises(NotDifferentiableError, match=r"running_mean.detach\(\)"):
        F.instance_norm(x.unsqueeze(2).expand(4, 3, 2), mean, var)
    F.batch_norm(x, mean.detach(), var).sum().backward()
    torch.testing.assert_close(x.grad.data, torch.full((4, 3), (1 + 1e-5) ** -0.5).double())


def test_native_group_norms_mean_has_a_gradient():
    x = pg.Variable(data(2, 4, 3), requires_grad=True)
    _, mean, _ = torch.native_group_norm(x, None, None, 2, 4, 3, 2, 1e-5)
    (g,) = pg.grad(mean.sum(), x)
    torch.testing.assert_close(g.data, torch.full((2, 4, 3), 1 / 6, dtype=torch.float64))


def laid_out_contiguously(t):
    return torch.empty(t.shape, dtype=t.dtype).copy_(t)


def derivatives(call, tensors, g):
    """The first and second derivatives."""
    variables = [pg.Variable(t, requires_grad=True) for t in tensors]
    alone = pg.grad(call(*variables), variables, g)
    cotangent = pg.Variable(g, requires_grad=True)
    firsts = pg.grad(call(*variables), variables, cotangent, create_graph=True)
    loss = sum((first * first.data.cos()).sum() for first in firsts)
    seconds = pg.grad(loss, [*variables, cotangent], allow_unused=True)
    return [t.data for t in (*alone, *firsts, *seconds) if t is not None]


IMAGES = {  # what a dimension of size 1 is left with by the ways to make such tensors
    "of an image": lambda: data(4, 5, 3).permute(2, 0, 1)[None],
    "of a sequence": lambda: data(4, 6, 3).mT.unsqueeze(-1),
    "of a volume": lambda: data(2, 4, 5, 3).permute(3, 0, 1, 2)[None],
    "ordinary": lambda: data(1, 3, 4, 5),
}
COTANGENTS = {
    "ordinary": lambda t: t,
    "permuted": lambda t: t.movedim(1, -1).squeeze(0).contiguous().movedim(-1, 0)[None],
}


@pytest.mark.parametrize("cotangent", COTANGENTS)
@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("norm", ["training", "eval", "instance_norm"])
def test_strides_of_dimensions_of_size_1_make_no_difference(norm, image, cotangent):
    x = IMAGES[image]()
    weight = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)

    def call(x, weight):
        if norm == "instance_norm":
            return F.instance_norm(x, weight=weight)
        running = (None, None) if norm == "training" else statistics()
        return F.batch_norm(x, *running, weight, training=norm == "training")

    g = laid_out_contiguously(x).cos()
    if len(x) == 1:
        g = COTANGENTS[cotangent](g)
    found = derivatives(call, (x, weight), g)
    plain = [laid_out_contiguously(t) for t in (x, weight, g)]
    expected = derivatives(call, plain[:2], plain[2])
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
    direction = plain[0].sin()

    def along(step):
        return (call(plain[0] + step * direction, weight) * plain[2]).sum()

    slope = (along(1e-5) - along(-1e-5)) / 2e-5
    torch.testing.assert_close((found[0] * direction).sum(), slope, rtol=1e-6, atol=1e-8)


def test_the_output_of_a_batch_of_1_may_be_seen_as_an_image():
    x, t = data(1, 3, 4, 5), data(4, 5, 3).cos()
    for norm in (lambda x: F.batch_norm(x, None, None, training=True), F.instance_norm):
        v, again = (pg.Variable(x, requires_grad=True) for _ in range(2))
        (g,) = pg.grad((norm(v).squeeze(0).permute(1, 2, 0) * t).sum(), v)
        (expected,) = pg.grad((norm(again).squeeze(0) * t.permute(2, 0, 1)).sum(), again)
        torch.testing.assert_close(g.data, expected.data)
        direction = x.sin()
        sides = [norm(x + s * direction).squeeze(0).permute(1, 2, 0) * t for s in (1e-5, -1e-5)]
        slope = (sides[0].sum() - sides[1].sum()) / 2e-5
        torch.testing.assert_close((g.data * direction).sum(), slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("examples", [1, 2])
def test_strides_of_dimensions_of_size_1_in_vmap(examples):
    images, cotangents = data(examples, 4, 5, 3), data(examples, 1, 3, 4, 5).cos()

    def gradient(image, g):
        v = pg.Variable(image.permute(2, 0, 1)[None], requires_grad=True)
        return pg.grad(F.batch_norm(v, None, None, training=True), v, g)[0].data

    plain = [laid_out_contiguously(x.permute(2, 0, 1)) for x in images]
    expected = [gradient(x.permute(1, 2, 0), g) for x, g in zip(plain, cotangents, strict=True)]
    found = torch.vmap(gradient)(images, cotangents)
    torch.testing.assert_close(found, torch.stack(expected))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2)])
def test_a_weight_and_statistics_with_gaps(shape, training):
    x, g = data(*shape), data(*shape).cos()
    wide = torch.tensor([2.0, 9.0, 3.0, 9.0, 4.0, 9.0], dtype=torch.float64)
    found, expected = [
        derivatives(
            lambda x, weight, t=t: F.batch_norm(
                x, t - 2 if training else t, t, weight, training=training
            ),
            (x, t),
            g,
        )
        for t in (wide[::2], wide[::2].contiguous())
    ]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)


def test_instance_norm_repeats_a_weight_of_one_channel():
    x, g, weight = data(2, 1, 1), data(2, 1, 1).cos(), torch.tensor([3.0], dtype=torch.float64)
    running = torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    v = pg.Variable(x, requires_grad=True)
    y = F.instance_norm(v, *running, weight, use_input_stats=False)
    torch.testing.assert_close(pg.grad(y, v, g)[0].data, 3 * g / (1 + 1e-5) ** 0.5)


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 2)])
def test_the_running_statistics_have_gradients_where_they_are_used(shape):
    """Which torch refuses: beside the same formula in functions that torch differentiates."""
    generator = torch.Generator().manual_seed(0)
    x, *three = (torch.randn(s, dtype=torch.float64, generator=generator) for s in (shape, 3, 3, 3))
    mean, var, weight = three[0], three[1] ** 2 + 0.5, three[2]

    def by_hand(x, mean, var, weight):
        m, v, w = (t.reshape(1, 3, *(1,) * (x.dim() - 2)) for t in (mean, var, weight))
        return (x - m) / (v + 1e-5).sqrt() * w

    def ours(x, mean, var, weight):
        return F.batch_norm(x, mean, var, weight, training=False)

    found = []
    for function, wrap, grad in (
        (ours, lambda t: pg.Variable(t.clone(), requires_grad=True), pg.grad),
        (by_hand, lambda t: t.clone().requires_grad_(), torch.autograd.grad),
    ):
        leaves = [wrap(t) for t in (x, mean, var, weight)]
        first = grad((function(*leaves) ** 3).sum(), leaves, create_graph=True)
        second = grad(sum((g**2).sum() for g in first), leaves)
        found.append([t.detach() for t in (*first, *second)])
    for g, expected in zip(*found, strict=True):
        torch.testing.assert_close(g.data, expected)


def kernel(g, x, running, saved, train):
    rest = (*running, *saved, train, 0.5, [True] * 3)
    return pg.ops.native_batch_norm_backward(g, x, torch.ones(3, dtype=x.dtype), *rest)


@pytest.mark.parametrize(
    ("running", "saved", "train"),
    [
        ((0, 1), (None, None), True),
        ((0, 1), (0, None), True),
        ((None, None), (0, 1), False),
        ((0, None), (None, None), False),
    ],
)
def test_the_backward_kernel_without_its_statistics_is_refused(running, saved, train):
    """It ended the process, as in torch."""
    x = pg.Variable(torch.ones(2, 3), requires_grad=True)
    given = [None if i is None else torch.full((3,), float(i)) for i in (*running, *saved)]
    names = "save_mean and save_invstd" if train else "running_mean and running_var"
    with pytest.raises(ArgumentError, match=f"was given no {names}.*\n.*\n  fix: give it"):
        kernel(x, x, given[:2], given[2:], train)


def test_the_backward_kernel_in_vmap_needs_no_saved_statistics():
    """torch.vmap asserts that there are some, and in torch 2.6 ended the process."""
    g, x, (mean, var) = data(4, 2, 3), data(2, 3), (data(3), data(3).exp())

    def of_one(g):
        outputs = kernel(pg.Variable(g), pg.Variable(x), (mean, var), (None, None), False)
        return [y.data for y in outputs]

    expected = [torch.stack(each) for each in zip(*map(of_one, g), strict=True)]
    torch.testing.assert_close(list(torch.vmap(of_one)(g)), expected)
