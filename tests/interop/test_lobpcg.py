"""torch.lobpcg, whose code asks whether its arguments require grad, beside torch."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg


def matrices(*batch):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*batch, 9, 9, generator=generator, dtype=torch.float64)
    start = torch.randn(*batch, 9, 2, generator=generator, dtype=torch.float64)
    return x @ x.mT + 9 * torch.eye(9, dtype=torch.float64), start


def derivatives(a, start, grad, **options):
    values, vectors = torch.lobpcg(a, k=2, X=start, niter=900, tol=1e-13, **options)
    loss = values.sin().sum() + vectors[..., :3, :].square().sum()
    (g,) = grad(loss, a, create_graph=True)
    (h,) = grad(g.square().sum(), a)
    return [getattr(t, "data", t).detach() for t in (values, vectors, g, h)]


@pytest.mark.parametrize("batch", [(), (2,)], ids=["one", "batch"])
@pytest.mark.parametrize("options", [{}, {"largest": False}, {"method": "basic"}], ids=str)
def test_values_and_derivatives_are_torchs(batch, options):
    a, start = matrices(*batch)
    expected = derivatives(a.clone().requires_grad_(), start, torch.autograd.grad, **options)
    got = derivatives(pg.Variable(a, requires_grad=True), start, pg.grad, **options)
    torch.testing.assert_close(got, expected)


def test_the_gradient_is_symmetric_as_in_torch():
    a, start = matrices()
    x = pg.Variable(a + torch.ones(9, 9, dtype=torch.float64).triu(1) / 10, requires_grad=True)
    values, _ = torch.lobpcg(x, 2, None, start)
    values.sum().backward()
    assert x.grad.any()
    assert torch.equal(x.grad.data, x.grad.data.mT)


def test_a_gradient_that_torch_does_not_have_is_its_error():
    a, start = matrices()
    x = pg.Variable(a, requires_grad=True)
    values, _ = torch.lobpcg(x, k=2, X=start, B=torch.eye(9, dtype=torch.float64))
    with pytest.raises(ValueError, match="B != I"):
        values.sum().backward()


def test_nothing_is_recorded_without_need():
    a, start = matrices()
    x = pg.Variable(a, requires_grad=True)
    with pg.no_grad():
        values, _ = torch.lobpcg(x, k=2, X=start)
    constant, _ = torch.lobpcg(x.detach(), k=2, X=start)
    assert isinstance(values, pg.Variable)
    assert not values.requires_grad
    assert not constant.requires_grad
    torch.testing.assert_close(values.data, torch.linalg.eigvalsh(a).flip(0)[:2])
    assert torch.equal(values.data, constant.data)


def test_all_but_the_matrix_has_a_default():
    a = pg.Variable(matrices()[0], requires_grad=True)
    torch.manual_seed(0)
    values, _ = torch.lobpcg(a, niter=900, tol=1e-13)
    (g,) = pg.grad(values.sum(), a)
    vector = torch.linalg.eigh(a.data)[1][:, -1]
    torch.testing.assert_close(g.data, torch.outer(vector, vector), rtol=1e-5, atol=1e-6)
