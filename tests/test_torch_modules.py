"""torch's own modules, unmodified, with our parameters in their place."""

from __future__ import annotations

import copy

import torch

import plugrad as pg


def with_plugrad_parameters(module):
    module = copy.deepcopy(module)
    for part in module.modules():
        for name, parameter in part._parameters.items():
            part._parameters[name] = pg.Parameter(parameter.detach().clone())
    return module


def test_a_classifier_of_torchs_layers_has_torchs_gradients():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        theirs = torch.nn.Sequential(
            torch.nn.Linear(4, 8),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.5),
            torch.nn.Linear(8, 6),
            torch.nn.Sigmoid(),
            torch.nn.Flatten(),
            torch.nn.Linear(6, 3),
            torch.nn.LogSoftmax(dim=1),
        ).double()
        ours = with_plugrad_parameters(theirs)
        x, target = torch.randn(5, 4).double(), torch.tensor([0, 1, 2, 0, 1])
        losses = []
        for model in (ours, theirs):
            torch.manual_seed(1)
            losses.append(torch.nn.NLLLoss()(model(x), target))
            losses[-1].backward()
    assert torch.equal(losses[0].data, losses[1].detach())
    parameters = [p for part in ours.modules() for p in part._parameters.values()]
    for mine, torchs in zip(parameters, theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad.data, torchs.grad, rtol=1e-12, atol=1e-12)
