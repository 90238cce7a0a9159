"""Losses of converted models and of torch's own tensors: as if torch had computed it all."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import plugrad as pg
from plugrad.errors import TorchGraphError

X = torch.linspace(-1, 2, 12, dtype=torch.float64).view(4, 3)


def network(converts=False):
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    return pg.interop.convert(model) if converts else model


class Program:
    """A converted model, or torch's, beside a plain encoder, a plain parameter and a plain leaf."""

    def __init__(self, converts):
        torch.manual_seed(0)
        self.model, self.encoder = network(converts), network()
        self.prompt = nn.Parameter(X.exp())
        self.x = X.clone().requires_grad_()

    def gradients(self):
        leaves = [self.x, self.prompt, *self.encoder.parameters(), *self.model.parameters()]
        return [leaf.grad for leaf in leaves]

    def residual(self):
        """As in physics-informed losses: with derivatives in x, and with x itself."""
        u = self.model(self.x)[:, :1]
        first = torch.autograd.grad(u.sum(), self.x, create_graph=True)[0]
        second = torch.autograd.grad(first[:, 0].sum(), self.x, create_graph=True)[0][:, :1]
        return (second + torch.sin(self.x[:, :1]) * u - self.x[:, :1] ** 2).pow(2).mean()


PROGRAMS = {
    "product with the input": lambda p: (p.model(p.x) * p.x).sum(),
    "sum of both losses": lambda p: p.model(p.x).sum() + (p.x**2).sum(),
    "computed before": lambda p: (p.x.sin() * p.model(p.x)).sum(),
    "residual": Program.residual,
    "a parameter": lambda p: (p.model(p.prompt) ** 2 + p.prompt.sum()).sum(),
    "a plain module": lambda p: p.model(p.encoder(X)).sum(),
    "around the model": lambda p: ((h := p.encoder(X)), (p.model(h) * h).sum())[1],
    "checkpoint": lambda p: checkpoint(p.model, p.encoder(X), use_reentrant=False).sum(),
    "reentrant": lambda p: checkpoint(p.model, p.encoder(X), use_reentrant=True).sum(),
    "in parts": lambda p: p.model(torch.cat(p.encoder(X).split([1, 2], 1)[::-1], 1)).sum(),
}


def as_tensors(values):
    return [None if v is None else torch.as_tensor(v.detach()) for v in values]


@pytest.mark.parametrize("name", PROGRAMS)
def test_backward_is_torchs(name):
    results = []
    for converts in (False, True):
        program = Program(converts)
        for _ in range(2):
            PROGRAMS[name](program).backward()
        PROGRAMS[name](program).backward(retain_graph=True)
        results.append(as_tensors(program.gradients()))
    torch.testing.assert_close(*results)
    assert any(g is not None for g in results[0])


@pytest.mark.parametrize("name", ["computed before", "around the model", "residual"])
def test_second_derivatives_are_torchs(name):
    results = []
    for converts in (False, True):
        program = Program(converts)
        behind = [program.x] if name != "around the model" else [*program.encoder.parameters()]
        inputs = [*behind, *program.model.parameters()]
        loss = PROGRAMS[name](program)
        found = torch.autograd.grad(loss, inputs, create_graph=True, allow_unused=True)
        norm = sum((g**2).sum() for g in found if g is not None)
        found = torch.autograd.grad(norm, inputs, allow_unused=True)
        results.append([None if g is None else torch.as_tensor(g.detach()) for g in found])
    torch.testing.assert_close(*results)


def test_torch_is_asked_for_the_gradients_of_parameters_behind_the_model():
    results = []
    for converts in (False, True):
        p = Program(converts)
        weights = [p.encoder[0].weight, p.model[0].weight]
        found = torch.autograd.grad(p.model(p.encoder(X)).sum(), weights)
        p.model(p.encoder(X)).sum().backward(inputs=weights[:1])
        backward = pg.backward if converts else torch.autograd.backward  # as torch 2.6 can, too
        backward([p.model(p.x).sum(), (p.x**2).sum()])
        results.append(as_tensors([*found, p.encoder[0].weight.grad, p.x.grad]))
        assert p.encoder[2].weight.grad is None
    torch.testing.assert_close(*results)


def test_a_latent_is_optimized():
    results = []
    for converts in (False, True):
        p = Program(converts)
        optimizer = torch.optim.AdamW([p.prompt, *p.model.parameters()], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            PROGRAMS["a parameter"](p).backward()
            optimizer.step()
        results.append(as_tensors([p.prompt, *p.model.parameters()]))
    torch.testing.assert_close(*results)


# --- hooks on torch's tensors run once, on the whole gradient -------------------------


def hooked(hook, behind):
    """A leaf, a tensor computed of it, and the loss of both, three ways together."""

    def run(p):
        h = p.x * 3
        (h if behind == "computed" else p.x).register_hook(hook)
        return h, (p.model(h) * 2 + p.model(h) + p.model(p.x) + p.x.sin()).sum()

    return run


@pytest.mark.parametrize("behind", ["leaf", "computed"])
def test_a_hook_runs_once_on_the_whole_gradient(behind):
    results = []
    for converts in (False, True):
        seen = []

        def hook(g, seen=seen):
            seen.append(g.clone())
            assert type(g) is torch.Tensor
            return g**2

        p = Program(converts)
        hooked(hook, behind)(p)[1].backward()
        h, loss = hooked(hook, behind)(p)
        found = torch.autograd.grad(loss, [p.x if behind == "leaf" else h])
        results.append(as_tensors([p.x.grad, *found, *seen]))
    torch.testing.assert_close(*results)


def test_hooks_of_parameters_behind_the_model_and_after_it_as_torchs_own():
    results = []
    for converts in (False, True):
        p, sums = Program(converts), []
        for parameter in p.encoder.parameters():
            parameter.register_hook(lambda g: g * 2)
            parameter.register_post_accumulate_grad_hook(lambda w: sums.append(w.grad.sum()))  # noqa: B023
        p.model(p.encoder(X)).sum().backward()
        p.encoder(X).sum().backward()  # torch alone
        results.append(as_tensors([*p.gradients(), *sorted(sums)]))
    torch.testing.assert_close(*results)


def test_a_hook_may_be_added_late_and_removed():
    results = []
    for converts in (False, True):
        p = Program(converts)
        loss = p.model(p.x * 2).sum()
        handle = p.x.register_hook(lambda g: g * 2)
        loss.backward(retain_graph=True)
        handle.remove()
        loss.backward()
        results.append(as_tensors([p.x.grad]))
    torch.testing.assert_close(*results)


def test_a_sparse_gradient_arrives_at_a_parameter_with_hooks():
    results = []
    for converts in (False, True):
        torch.manual_seed(0)
        model = nn.Linear(3, 2).double()
        if converts:
            pg.interop.convert(model)
        table, seen = nn.Parameter(X.exp()), []
        table.register_hook(lambda g, seen=seen: seen.append(g.is_sparse))
        found = nn.functional.embedding(torch.tensor([2, 0]), table, sparse=True)
        (model(found).sum() * found.sum()).backward()
        results.append([table.grad.is_sparse, torch.as_tensor(table.grad.to_dense()), seen])
    torch.testing.assert_close(*results)


def test_nothing_is_kept_alive():
    p, seen = Program(True), []
    for _ in range(2):
        h = p.encoder(X)
        h.register_hook(lambda g: g)
        seen.append(weakref.ref(h))
        p.model(h).sum().backward()
        del h
    gc.collect()
    assert [r() for r in seen] == [None, None]


def test_a_leaf_that_no_model_was_given_is_refused():
    p = Program(True)
    y = p.model(X)
    for other in (p.x, p.x * 2, p.encoder(X)):
        with pytest.raises(TorchGraphError, match="fix: pass tensor.detach"):
            y * other
