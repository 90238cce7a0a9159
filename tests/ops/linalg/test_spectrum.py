"""eigh, eig, svd and qr: complex vectors, values that repeat, and columns that are added."""

from __future__ import annotations

import pytest
import torch

import plugrad as pg
from plugrad.errors import NotDifferentiableError


def matrix(*shape, dtype=torch.complex128, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def weights(y):
    """Numbers of the shape of ``y``, none like another."""
    return torch.linspace(0.5, 2.0, y.numel(), dtype=torch.float64).reshape(y.shape).cos()


def loss(y):
    return (y.abs() ** 2 * weights(y)).sum()


def both(function, x):
    """The gradient and a second derivative, ours and torch's."""
    found = []
    for leaf, grad in (
        (pg.Variable(x.clone(), requires_grad=True), pg.grad),
        (x.clone().requires_grad_(), torch.autograd.grad),
    ):
        (g,) = grad(function(leaf), leaf, create_graph=True)
        (h,) = grad(loss(g), leaf)
        found.append((g.detach(), h.detach()))
    (g, h), (expected_g, expected_h) = found
    torch.testing.assert_close(g.data, expected_g)
    torch.testing.assert_close(h.data, expected_h)


def hermitian(x):
    return x + x.mH


def phaseless_svd(x, full=False):
    u, s, vh = torch.linalg.svd(x, full_matrices=full)
    k = s.shape[-1]
    product = u[..., :k] @ (s.cos().unsqueeze(-1) * vh[..., :k, :])
    return loss(product) + loss(u[..., :k]) + s.exp().sum()


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_svd_of_what_no_phase_changes(shape, dtype):
    both(phaseless_svd, matrix(*shape, dtype=dtype))
    both(lambda x: phaseless_svd(x, full=True), matrix(*shape, dtype=dtype))


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_eigh_of_what_no_phase_changes(uplo):
    def function(x):
        y, v = torch.linalg.eigh(hermitian(x), uplo)
        return loss(v @ (y.sin().unsqueeze(-1) * v.mH)) + loss(v) + y.exp().sum()

    both(function, matrix(3, 3))
    both(function, matrix(2, 2, 2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_eig_of_what_no_phase_changes(dtype):
    def function(x):
        y, v = torch.linalg.eig(x)
        return loss(v) + loss(y) + loss(v @ (y.exp().unsqueeze(-1) * v.mH))

    both(function, matrix(3, 3, dtype=dtype))
    both(lambda x: loss(torch.linalg.eig(x)[1]), matrix(2, 3, 3, dtype=dtype))
    both(lambda x: loss(torch.linalg.eig(x)[0]), matrix(3, 3, dtype=dtype))
    both(lambda x: loss(torch.linalg.eigvals(x)), matrix(3, 3, dtype=dtype))


@pytest.mark.parametrize("decompose", [torch.linalg.svd, torch.linalg.eigh, torch.linalg.eig])
def test_a_function_of_the_phase_is_refused(decompose):
    x = pg.Variable(matrix(3, 3), requires_grad=True)
    vectors = next(o for o in decompose(x) if o.dim() == 2)
    with pytest.raises(NotDifferentiableError, match=r"e\^\{i phi\}(.|\n)*fix: use what does not"):
        vectors.imag.sum().backward()


def repeated(values=(1.0, 1.0, 3.0), dtype=torch.float64):
    q = torch.linalg.qr(matrix(len(values), len(values), dtype=dtype)).Q
    return q @ (torch.tensor(values, dtype=dtype).unsqueeze(-1) * q.mH)


def slope(function, x, direction, step=1e-5):
    return (function(x + step * direction) - function(x - step * direction)) / (2 * step)


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("values", [(1.0, 1.0, 3.0), (2.0, 2.0, 2.0)])
def test_the_space_of_repeated_eigenvalues_has_a_gradient(values, dtype):
    def function(x):
        v = torch.linalg.eigh(hermitian(x)).eigenvectors
        v = v if values[-1] == 2.0 else v[:, :2]
        return loss(v @ v.mH)

    x, direction = repeated(values, dtype), matrix(3, 3, dtype=dtype, seed=1)
    leaf = pg.Variable(x, requires_grad=True)
    (g,) = pg.grad(function(leaf), leaf)
    expected = slope(function, x, direction)
    torch.testing.assert_close(
        (g.data.conj() * direction).real.sum(), expected, rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("values", [(1.0, 1.0, 3.0), (2.0, 2.0, 2.0)])
def test_sums_of_repeated_values_have_a_gradient(values):
    x, direction = repeated(values), matrix(3, 3, dtype=torch.float64, seed=1)
    for function in (
        lambda x: torch.linalg.eigvalsh(hermitian(x)).exp().sum(),
        lambda x: torch.linalg.svdvals(x).log().sum(),
        lambda x: torch.linalg.matrix_norm(x, "nuc"),
    ):
        leaf = pg.Variable(x, requires_grad=True)
        (g,) = pg.grad(function(leaf), leaf)
        expected = slope(function, x, direction)
        torch.testing.assert_close((g.data * direction).sum(), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("values", [(1.0, 1.0, 3.0), (2.0, 2.0, 2.0)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_polar_factor_has_a_gradient_where_singular_values_repeat(values, dtype):
    def function(x):
        u, _, vh = torch.linalg.svd(x)
        return loss(u @ vh + 1)

    x = repeated(values, dtype) @ torch.linalg.qr(matrix(3, 3, dtype=dtype, seed=2)).Q
    direction = matrix(3, 3, dtype=dtype, seed=1)
    leaf = pg.Variable(x, requires_grad=True)
    (g,) = pg.grad(function(leaf), leaf)
    expected = slope(function, x, direction)
    torch.testing.assert_close(
        (g.data.conj() * direction).real.sum(), expected, rtol=1e-6, atol=1e-8
    )


def root(x):
    y, v = torch.linalg.eigh(x)
    return (v @ (y.sqrt().unsqueeze(-1) * v.mH)).cos().sum()


def rebuilt(x):
    u, s, vh = torch.linalg.svd(x)
    return (u @ (s.unsqueeze(-1) * vh)).cos().sum()


@pytest.mark.parametrize(
    "function",
    [
        root,
        rebuilt,
        lambda x: torch.linalg.eigh(x).eigenvectors[0].sum(),
        lambda x: torch.linalg.svd(x).U[0].sum(),
    ],
)
def test_where_values_repeat_what_is_not_known_is_refused(function):
    leaf = pg.Variable(torch.eye(3, dtype=torch.float64), requires_grad=True)
    with pytest.raises(NotDifferentiableError, match=r"values repeat(.|\n)*fix: use a function of"):
        function(leaf).backward()


def turned(n, seed, dtype):
    """A multiple of a unitary matrix, of the identity, and one with two equal values of n."""
    q, p = (torch.linalg.qr(matrix(n, n, dtype=dtype, seed=s)).Q for s in (seed, seed + 1000))
    values = torch.arange(1, n + 1).to(dtype)
    values[1] = values[0]
    return 2 * p, hermitian(q @ (2 * q.mH)) / 2, hermitian(q @ (values.unsqueeze(-1) * q.mH)) / 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_values_that_repeat_are_seen_however_they_are_rounded(n, dtype):
    def polar(x):
        u, _, vh = torch.linalg.svd(x)
        return loss(u @ vh + 1)

    for seed in range(10):
        unitary, *symmetric = turned(n, seed, dtype)
        direction = matrix(n, n, dtype=dtype, seed=seed + 2000)
        leaf = pg.Variable(unitary, requires_grad=True)
        (g,) = pg.grad(polar(leaf), leaf)
        expected = slope(polar, unitary, direction)
        found = (g.data.conj() * direction).real.sum()
        torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
        for x in symmetric:
            leaf = pg.Variable(x, requires_grad=True)
            y, v = torch.linalg.eigh(leaf)
            with pytest.raises(NotDifferentiableError, match="values repeat"):
                loss(v @ (y.sqrt().unsqueeze(-1) * v.mH) + 1).backward()


@pytest.mark.parametrize("decompose", [torch.linalg.eig, torch.linalg.eigh])
def test_values_whose_vectors_cancel_are_not_taken_for_all(decompose):
    """At the identity the vectors' gradient is exactly 0, as if they were not used."""
    leaf = pg.Variable(torch.eye(3, dtype=torch.float64), requires_grad=True)
    y, v = decompose(leaf)
    cube = (v * (y**3).unsqueeze(-2)) @ torch.linalg.inv(v)
    with pytest.raises(NotDifferentiableError, match="values repeat"):
        (cube.real * matrix(3, 3, dtype=torch.float64)).sum().backward()
    leaf = pg.Variable(torch.eye(3, dtype=torch.float64), requires_grad=True)
    y, v = decompose(leaf)
    cube = (v * (y**3).unsqueeze(-2)) @ torch.linalg.inv(v)
    cube.real.diagonal().sum().backward()  # the sum of the values does not need the vectors
    torch.testing.assert_close(leaf.grad.data, 3 * torch.eye(3, dtype=torch.float64))


@pytest.mark.parametrize("values_of", [torch.linalg.eigvalsh, torch.linalg.svdvals])
def test_a_second_derivative_of_repeated_values_is_refused(values_of):
    leaf = pg.Variable(torch.eye(3, dtype=torch.float64), requires_grad=True)
    (g,) = pg.grad((values_of(leaf) ** 3).sum(), leaf, create_graph=True)
    torch.testing.assert_close(g.data, 3 * torch.eye(3, dtype=torch.float64))
    with pytest.raises(NotDifferentiableError, match="values repeat"):
        g.cos().sum().backward()


def test_singular_values_of_zero_whose_vectors_are_used_are_refused():
    x = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], dtype=torch.float64)
    leaf = pg.Variable(x, requires_grad=True)
    with pytest.raises(NotDifferentiableError, match="singular values are 0"):
        torch.linalg.svd(leaf, full_matrices=False).U[:, 1].exp().sum().backward()
    leaf = pg.Variable(x, requires_grad=True)
    u, s, _ = torch.linalg.svd(leaf, full_matrices=False)
    (u[:, 0].cos().sum() + s[0]).backward()  # these are another's
    assert torch.isfinite(leaf.grad.data).all()


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_the_space_of_added_columns_has_a_gradient(shape, dtype):
    def of_svd(x):
        u, _, vh = torch.linalg.svd(x)
        rest = u[:, 2:] if shape[0] == 4 else vh[2:].mH
        return loss(rest @ rest.mH)

    def of_qr(x):
        rest = torch.linalg.qr(x if shape[0] == 4 else x.mH, "complete").Q[:, 2:]
        return loss(rest @ rest.mH)

    x, direction = matrix(*shape, dtype=dtype), matrix(*shape, dtype=dtype, seed=1)
    for function in (of_svd, of_qr):
        leaf = pg.Variable(x, requires_grad=True)
        (g,) = pg.grad(function(leaf), leaf)
        expected = slope(function, x, direction)
        got = (g.data.conj() * direction).real.sum()
        torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "columns",
    [lambda x: torch.linalg.svd(x).U, lambda x: torch.linalg.qr(x, "complete").Q],
)
def test_added_columns_singly_are_refused(columns):
    leaf = pg.Variable(matrix(4, 2, dtype=torch.float64), requires_grad=True)
    with pytest.raises(NotDifferentiableError, match=r"not square(.|\n)*fix: "):
        columns(leaf)[:, 2].sum().backward()
