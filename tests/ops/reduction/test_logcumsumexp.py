"""logcumsumexp of large numbers, where torch's rule has no digits left: shares by counting."""

import pytest
import torch

import plugrad as pg

#: Of n equal numbers, element k has the share 1/(i+1) of each running sum i from k on.
THIRDS = [1 + 1 / 2 + 1 / 3, 1 / 2 + 1 / 3, 1 / 3]


@pytest.mark.parametrize(
    ("numbers", "dtype", "right"),
    [
        ([1e17] * 3, torch.float64, THIRDS),
        ([-1e17] * 3, torch.float64, THIRDS),
        ([1e17 + 1j] * 3, torch.complex128, THIRDS),
        ([1e7, 1e7], torch.float32, [1.5, 0.5]),
        ([1e17, 0.0, 1e17], torch.float64, [2.5, 0.0, 0.5]),
    ],
)
def test_equal_large_numbers_have_equal_shares(numbers, dtype, right):
    x = pg.Variable(torch.tensor(numbers, dtype=dtype), requires_grad=True)
    pg.backward(x.logcumsumexp(0), torch.ones(x.shape, dtype=dtype))
    torch.testing.assert_close(x.grad.data, torch.tensor(right, dtype=dtype))


def test_the_second_derivative_of_large_numbers_is_that_of_small_ones():
    x = pg.Variable(torch.full((3,), 1e17, dtype=torch.float64), requires_grad=True)
    (gradient,) = pg.grad(x.logcumsumexp(0).sum(), [x], create_graph=True)
    rows = [pg.grad(g, [x], retain_graph=True)[0].data for g in gradient]
    small = torch.zeros(3, dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda z: z.logcumsumexp(0).sum(), small)
    torch.testing.assert_close(torch.stack(rows), hessian)
