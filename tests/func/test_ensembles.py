"""Several models as one, mapped over their parameters, as with torch.func."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def models():
    torch.manual_seed(0)
    return [
        torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)).double()
        for _ in range(3)
    ]


@pytest.fixture(autouse=True)
def _random_numbers_are_as_before():
    with torch.random.fork_rng(devices=[]):
        yield


def losses(lib, several, x):
    """The loss of each model, and the stacked parameters."""
    parameters, buffers = lib.stack_module_state(several)

    def loss(parameters, buffers, x):
        return lib.functional_call(several[0], (parameters, buffers), (x,)).square().mean()

    return lib.vmap(loss, (0, 0, None))(parameters, buffers, x), parameters


def test_an_ensemble_is_differentiated_as_torchs():
    x = torch.linspace(-1, 1, 15, dtype=torch.float64).view(5, 3)
    expected, theirs = losses(torch.func, models(), x)
    expected.sum().backward()
    found, mine = losses(pg.func, [pg.interop.convert(model) for model in models()], x)
    torch.testing.assert_close(found.data, expected.detach())
    found.sum().backward()
    assert list(mine) == list(theirs)
    for name, parameter in mine.items():
        assert type(parameter) is pg.Variable
        assert parameter.is_leaf
        torch.testing.assert_close(parameter.grad.data, theirs[name].grad)


def test_so_are_models_that_are_not_converted():
    x = torch.linspace(-1, 1, 15, dtype=torch.float64).view(5, 3)

    def gradients(lib):
        several = models()
        parameters, _ = lib.stack_module_state(several)
        plain = {name: p.detach() for name, p in parameters.items()}

        def loss(parameters, x):
            return lib.functional_call(several[0], parameters, (x,)).square().mean()

        return lib.vmap(lib.grad(loss), (0, None))(plain, x)

    expected = gradients(torch.func)
    for name, gradient in gradients(pg.func).items():
        torch.testing.assert_close(gradient, expected[name])
