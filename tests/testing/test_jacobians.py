"""Jacobians of a case by differences: smooth, kinked, at a pole, by the complex step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import plugrad as pg
from plugrad.testing import check_op
from plugrad.testing.jacobians import complex_step, directional, jacobians, of_rule
from plugrad.tests.testing.an_op import a_case, an_op, right

X = torch.tensor([0.5, -1.0, 2.0], dtype=torch.float64)


def both(case):
    call = case.call()
    return jacobians(case, call, 0), of_rule(case, call)[0]


def test_a_smooth_function():
    found, rows = both(a_case(X))
    assert torch.allclose(rows, torch.diag(X.cos()), rtol=0, atol=1e-15)
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
    case = a_case(X)
    exact = complex_step(case, case.call(), 0)
    assert torch.allclose(exact, torch.diag(X.cos()), rtol=0, atol=1e-15)


def test_there_is_no_complex_step_of_what_takes_no_complex_numbers():
    floor = an_op(lambda x: 0 * x, torch.floor)
    case = a_case(X, function=floor)
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
