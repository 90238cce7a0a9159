"""Differences against derivatives that are known."""

from __future__ import annotations

import torch

from plugrad.testing.numeric_jacobian import coordinates, numeric_jacobian

X = torch.tensor([0.5, -1.25, 2.0], dtype=torch.float64)
Z = torch.tensor([0.5 - 1j, 2.0 + 0.25j], dtype=torch.complex128)


def close(a, b, atol):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


def test_a_real_jacobian():
    slopes = numeric_jacobian(lambda t: [t[0] * t[1], t[0].sum()], [X, X + 1], 0, 0)
    close(slopes.central, torch.diag(X + 1), 1e-8)
    assert slopes.central.dtype is torch.float64


def test_all_outputs_stand_one_after_another():
    slopes = numeric_jacobian(lambda t: [t[0] * t[1], t[0].sum()], [X, X + 1], None, 1)
    close(slopes.central, torch.cat([torch.diag(X), torch.zeros(1, 3)]), 1e-8)


def test_only_some_columns():
    slopes = numeric_jacobian(lambda t: [t[0] ** 2], [X], 0, 0, columns=[2])
    close(slopes.central, torch.tensor([[0.0], [0.0], [4.0]]).double(), 1e-8)


def test_no_columns():
    slopes = numeric_jacobian(lambda t: [t[0] ** 2], [X], 0, 0, columns=[])
    assert slopes.central.shape == (3, 0)


def test_complex_counts_as_two_reals():
    central = numeric_jacobian(lambda t: [t[0] * t[0]], [Z], 0, 0).central
    # d(z^2) = 2 z dz: the matrix of a multiplication.
    expected = torch.zeros(4, 4, dtype=torch.float64)
    for i, z in enumerate((2 * Z).tolist()):
        block = torch.tensor([[z.real, -z.imag], [z.imag, z.real]])
        expected[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
    close(central, expected, 1e-8)


def test_a_conjugated_view_is_moved_as_what_it_is():
    central = numeric_jacobian(lambda t: [t[0]], [Z.conj()], 0, 0).central
    close(central, torch.eye(4).double(), 1e-8)


def test_an_expanded_input_moves_one_element_at_a_time():
    x = X[:1].expand(2)
    central = numeric_jacobian(lambda t: [t[0] ** 2], [x], 0, 0).central
    close(central, torch.eye(2).double(), 1e-8)


def test_a_kink_has_two_slopes():
    slopes = numeric_jacobian(lambda t: [t[0].relu()], [torch.zeros(1).double()], 0, 0)
    close(slopes.left, torch.zeros(1, 1).double(), 1e-12)
    close(slopes.right, torch.ones(1, 1).double(), 1e-12)
    close(slopes.gap, torch.ones(1, 1).double(), 1e-12)
    assert slopes.between(torch.tensor([[0.3]])).all()
    assert not slopes.between(torch.tensor([[1.1]])).any()
    assert slopes.between(torch.tensor([[1.1]]), 0.2).all()


def test_richardson_has_more_digits():
    def exp(t):
        return [t[0].exp()]

    plain = numeric_jacobian(exp, [X[:1]], 0, 0, 1e-2).central
    better = numeric_jacobian(exp, [X[:1]], 0, 0, 1e-2, richardson=True)
    exact = X[:1].exp().reshape(1, 1)
    assert (plain - exact).abs().item() > 1e-5
    close(better.central, exact, 1e-9)
    close(better.left, better.right, 1e-4)


def test_in_float32_the_step_is_the_one_that_was_made():
    x = torch.tensor([3.0])
    # 1e-3 is no float32 near 3: dividing by it would be off by 1e-4.
    slopes = numeric_jacobian(lambda t: [t[0].double()], [x], 0, 0, 1e-3)
    close(slopes.central, torch.ones(1, 1).double(), 1e-12)


def test_coordinates():
    assert coordinates(Z).tolist() == [0.5, -1.0, 2.0, 0.25]
    assert coordinates(Z.conj()).tolist() == [0.5, 1.0, 2.0, -0.25]


def test_the_inputs_stay():
    before = X.clone()
    numeric_jacobian(lambda t: [t[0].mul_(2)], [X], 0, 0)
    assert torch.equal(X, before)
