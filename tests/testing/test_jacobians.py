"""Jacobians by differences, by the rule, by its jvp."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import plugrad as pg
from plugrad.testing import check_op
from plugrad.testing.differences import coordinates, numeric_jacobian, slopes_along
from plugrad.testing.jacobians import complex_step, directional, jacobians, of_rule
from plugrad.tests.testing.an_op import a_case, an_op, right

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


@pytest.mark.parametrize("richardson", [False, True])
def test_along_a_line_the_slopes_are_those_of_a_jacobian(richardson):
    def at(distance):
        return float((X + distance).exp().sum())

    def f(tensors):
        return [torch.tensor([at(float(tensors[0]))], dtype=torch.float64)]

    zero = [torch.zeros((), dtype=torch.float64)]
    wanted = numeric_jacobian(f, zero, 0, 0, 1e-3, richardson=richardson)
    got = slopes_along(lambda t: [*map(at, t)], at(0), 1e-3, richardson=richardson)
    for name in ("left", "right", "central"):
        assert torch.equal(getattr(got, name), getattr(wanted, name))


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


POINT = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def both(case):
    call = case.call()
    return jacobians(case, call, 0), of_rule(case, call)[0]


def test_a_smooth_function():
    found, rows = both(a_case(POINT))
    assert torch.allclose(rows, torch.diag(POINT.cos()), rtol=0, atol=1e-15)
    assert torch.allclose(found.central, rows, rtol=0, atol=1e-9)
    assert not found.disagrees(rows).any()
    assert found.disagrees(rows * 1.001).diagonal().all()


def test_complex_numbers_are_two_coordinates():
    z = torch.tensor([0.5 + 1j], dtype=torch.complex128)
    found, rows = both(a_case(z))
    slope = z.cos()
    expected = torch.tensor([[slope.real, -slope.imag], [slope.imag, slope.real]])
    assert torch.allclose(found.central, expected, atol=1e-8)
    assert torch.allclose(rows, expected)


def test_a_kink_has_two_slopes_and_all_between_are_right():
    relu = an_op(lambda x: (x > 0).to(x.dtype), torch.relu)
    found, rows = both(a_case(torch.zeros(1, dtype=torch.float64), function=relu))
    found.refine(torch.ones_like(rows, dtype=torch.bool))
    assert found.kinks.all()
    assert (float(found.left), float(found.right)) == pytest.approx((0, 1))
    for slope, fits in ((0.0, True), (0.5, True), (1.0, True), (1.1, False), (-0.1, False)):
        assert bool(found.between(torch.full_like(rows, slope))) is fits


def test_a_jump_has_no_slope_to_compare_with():
    floor = an_op(lambda x: 0 * x, torch.floor)
    found, rows = both(a_case(torch.ones(1, dtype=torch.float64), function=floor))
    found.refine(torch.ones_like(rows, dtype=torch.bool))
    assert found.jumps.all()
    assert found.between(rows).all()


def test_beside_a_pole_there_is_no_verdict_below_what_differences_know():
    tan = an_op(lambda x: 1 / x.cos() ** 2, torch.tan)
    x = torch.tensor([torch.pi / 2 - 1.2e-4], dtype=torch.float64)
    found, rows = both(a_case(x, function=tan))
    assert found.disagrees(rows).any()
    found.refine(found.disagrees(rows))
    assert not found.disagrees(rows).any()
    assert found.disagrees(rows * 1.01).all()


def test_what_is_not_finite_takes_no_part():
    log = an_op(lambda x: 1 / x, torch.log)
    found, rows = both(a_case(torch.tensor([0.0, 2.0], dtype=torch.float64), function=log))
    assert not found.disagrees(rows * 2)[:, 0].any()
    assert found.disagrees(rows * 2)[1, 1]


def test_the_slope_along_a_direction():
    case = a_case(torch.rand(50, 2, dtype=torch.float64))
    call = case.call()
    for number in range(3):
        found, got = directional(case, call, 0, number)
        assert float(found.central) == pytest.approx(got, abs=1e-8)


def test_the_complex_step_is_exact():
    case = a_case(POINT)
    exact = complex_step(case, case.call(), 0)
    assert torch.allclose(exact, torch.diag(POINT.cos()), rtol=0, atol=1e-15)


def test_there_is_no_complex_step_of_what_takes_no_complex_numbers():
    floor = an_op(lambda x: 0 * x, torch.floor)
    case = a_case(POINT, function=floor)
    assert complex_step(case, case.call(), 0) is None


@pytest.mark.parametrize(("factor", "passes"), [(1.0, True), (1 + 3e-9, False)])
def test_the_complex_step_judges_where_torch_cannot_see(factor, passes):
    hidden = an_op(lambda x: right(x) * factor, lambda x: torch.from_numpy(np.sin(x.numpy())))
    report = check_op(hidden, laws=["oracle", "numeric"])
    assert report.passed is passes
    assert report.counts["not applicable"] == 2


def test_large_samples_are_tried_along_directions():
    def samples(make):
        yield pg.Sample(make(20, 20))

    wrong = an_op(lambda x: right(x) * 1.001, samples=samples)
    assert not check_op(wrong, laws=["numeric"]).passed
    assert check_op(an_op(samples=samples), laws=["numeric"]).passed
