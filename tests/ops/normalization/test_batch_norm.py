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
    with pytest.raises(ArgumentError, match=r"shape \(2,\) for 3 channels"):
        call(x, *args, *rest, **options)


def test_running_statistics_that_require_grad_are_refused_and_the_fix_works():
    x = pg.Variable(data(4, 3), requires_grad=True)
    mean = pg.Variable(torch.zeros(3, dtype=torch.float64), requires_grad=True)
    var = torch.ones(3, dtype=torch.float64)
    with pytest.raises(NotDifferentiableError, match=r"running_mean.detach\(\)"):
        F.batch_norm(x, mean, var)
    with pytest.raises(NotDifferentiableError, match=r"running_mean.detach\(\)"):
        F.instance_norm(x.unsqueeze(2), mean, var, use_input_stats=False)
    F.batch_norm(x, mean.detach(), var).sum().backward()
    torch.testing.assert_close(x.grad.data, torch.full((4, 3), (1 + 1e-5) ** -0.5).double())


def test_native_group_norms_mean_has_a_gradient():
    x = pg.Variable(data(2, 4, 3), requires_grad=True)
    _, mean, _ = torch.native_group_norm(x, None, None, 2, 4, 3, 2, 1e-5)
    (g,) = pg.grad(mean.sum(), x)
    torch.testing.assert_close(g.data, torch.full((2, 4, 3), 1 / 6, dtype=torch.float64))
