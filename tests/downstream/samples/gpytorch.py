"""Samples of gpytorch: covariances, the log of the normal cdf, variational updates."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad import Sample, SampleMaker


def log_normal_cdf(make: SampleMaker) -> list[Sample]:
    """Its three branches: near zero, below -1, and the rest."""
    return [
        Sample(make(3, 4)),
        Sample(make()),
        Sample(make(4, low=-0.19, high=0.19)),
        Sample(make(4, low=-6.0, high=-1.1)),
        Sample(make(4, low=0.3, high=4.0)),
    ]


def distance(a: Tensor, b: Tensor) -> Tensor:
    """Of each row of ``a`` to each row of ``b``."""
    return (a.unsqueeze(-2) - b.unsqueeze(-3)).norm(dim=-1)


def squared_distance(a: Tensor, b: Tensor) -> Tensor:
    """The square of ``distance``."""
    return (a.unsqueeze(-2) - b.unsqueeze(-3)).pow(2).sum(-1)


def matern(make: SampleMaker) -> list[Sample]:
    """(x1, x2, lengthscale, nu, dist_func): each nu, and a batch of lengthscales."""
    return [
        Sample(make(4, 2), make(3, 2), make.tensor([[1.3]]), 0.5, distance).constant(0, 1),
        Sample(make(4, 2), make(3, 2), make.tensor([[0.8]]), 1.5, distance).constant(0, 1),
        Sample(make(4, 2), make(3, 2), make.tensor([[1.1]]), 2.5, distance).constant(0, 1),
        Sample(
            make(2, 4, 2), make(2, 3, 2), make(2, 1, 1, low=0.5, high=1.5), 1.5, distance
        ).constant(0, 1),
    ]


def matern_reference(x1: Tensor, x2: Tensor, lengthscale: Tensor, nu: float, _: object) -> Tensor:
    """The Matern covariance as the books have it."""
    d = distance(x1, x2) / lengthscale * (2 * nu) ** 0.5
    polynomial = {0.5: 1.0, 1.5: 1 + d, 2.5: 1 + d + d * d / 3}[nu]
    return polynomial * torch.exp(-d)


def rbf(make: SampleMaker) -> list[Sample]:
    """(x1, x2, lengthscale, sq_dist_func): alone and in a batch."""
    return [
        Sample(make(4, 2), make(3, 2), make.tensor([[1.3]]), squared_distance).constant(0, 1),
        Sample(
            make(2, 4, 2), make(2, 3, 2), make(2, 1, 1, low=0.5, high=1.5), squared_distance
        ).constant(0, 1),
    ]


def rbf_reference(x1: Tensor, x2: Tensor, lengthscale: Tensor, _: object) -> Tensor:
    """The Gaussian covariance as the books have it."""
    return torch.exp(squared_distance(x1, x2) / lengthscale**2 / -2)


def _symmetric(make: SampleMaker, *shape: int) -> Tensor:
    matrix = make(*shape)
    return (matrix + matrix.mT) / 2


def _positive(make: SampleMaker, *shape: int) -> Tensor:
    """Symmetric and positive definite."""
    matrix = make(*shape)
    return matrix @ matrix.mT + 2 * torch.eye(shape[-1], dtype=matrix.dtype, device=matrix.device)


def _triangular(make: SampleMaker, *shape: int) -> Tensor:
    """Lower triangular, with a diagonal well away from zero."""
    return torch.linalg.cholesky(_positive(make, *shape))


def quad_form_diagonal(make: SampleMaker) -> list[Sample]:
    """(matrix, rhs): the matrix is symmetric."""
    return [
        Sample(_symmetric(make, 3, 3), make(3, 4)).domain("symmetric", 0),
        Sample(_symmetric(make, 2, 3, 3), make(2, 3, 4)).domain("symmetric", 0),
    ]


def quad_form_diagonal_reference(matrix: Tensor, rhs: Tensor) -> Tensor:
    """The diagonal of R^T A R, with torch's operators."""
    return (rhs * (matrix @ rhs)).sum(-2)


def natural(make: SampleMaker) -> list[Sample]:
    """(nat_mean, nat_covar): nat_covar is symmetric and negative definite."""
    return [
        Sample(make(3), -_positive(make, 3, 3)),
        Sample(make(2, 3), -_positive(make, 2, 3, 3)),
    ]


def natural_triangular(make: SampleMaker) -> list[Sample]:
    """(nat_mean, tril_nat_covar)."""
    return [
        Sample(make(3), _triangular(make, 3, 3)),
        Sample(make(2, 3), _triangular(make, 2, 3, 3)),
    ]


def interpolation_terms(make: SampleMaker) -> list[Sample]:
    """(interp_term, natural_vec, natural_mat), which is symmetric and negative definite."""
    return [
        Sample(make(3, 4), make(3), -make(3, 3, domain="spd")).domain("symmetric", 2),
        Sample(make(2, 3, 4), make(2, 3), -make(2, 3, 3, domain="spd")).domain("symmetric", 2),
    ]


def predictive_updates(make: SampleMaker) -> list[Sample]:
    """(chol, induc_data_covar, middle, inducing_values): middle is symmetric."""
    return [
        Sample(_triangular(make, 3, 3), make(3, 4), _symmetric(make, 3, 3), make(3)),
        Sample(_triangular(make, 2, 3, 3), make(2, 3, 4), _symmetric(make, 2, 3, 3), make(2, 3)),
    ]


def predictive_updates_reference(
    chol: Tensor, covariance: Tensor, middle: Tensor, values: Tensor
) -> tuple[Tensor, Tensor]:
    """W^T v and the diagonal of W^T M W, where W solves L W = C."""
    interp = torch.linalg.solve_triangular(chol, covariance, upper=False)
    mean = (interp.mT @ values.unsqueeze(-1)).squeeze(-1)
    return mean, (interp * (middle @ interp)).sum(-2)


def _moved(value: Tensor, by: Tensor) -> Tensor:
    """``value``, a constant, with the gradient that ``by`` gets."""
    return value.detach() + (by - by.detach())


def _expectations(vector: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The mean m and covariance S, as functions of m and of S + m m^T."""
    covariance = torch.linalg.inv(-2 * matrix.detach())
    mean = (covariance @ vector.detach().unsqueeze(-1)).squeeze(-1)
    second = covariance + mean.unsqueeze(-1) * mean.unsqueeze(-2)
    mean, second = _moved(mean, vector), _moved(second, matrix)
    return mean, second - mean.unsqueeze(-1) * mean.unsqueeze(-2)


def natural_reference(vector: Tensor, matrix: Tensor) -> tuple[Tensor, Tensor]:
    """The mean and the root of the covariance, differentiated in the expectations."""
    mean, covariance = _expectations(vector, matrix)
    return mean, torch.linalg.cholesky(covariance)


def interpolation_reference(
    interp: Tensor, vector: Tensor, matrix: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """W^T m, the diagonal of W^T S W, and KL(N(m, S), N(0, 1)), of which forward gives 0."""
    mean, covariance = _expectations(vector, matrix)
    divergence = (
        torch.diagonal(covariance, dim1=-1, dim2=-2).sum(-1)
        + (mean * mean).sum(-1)
        - torch.logdet(covariance)
    ) / 2
    interpolated = (interp.mT @ mean.unsqueeze(-1)).squeeze(-1)
    return interpolated, (interp * (covariance @ interp)).sum(-2), divergence


_NATURAL = (
    "the gradients are those with respect to the expectation parameters of the Gaussian, "
    "so that a step along them is a step of natural gradient descent"
)

SAMPLES = {
    "gpytorch.functions._log_normal_cdf:LogNormalCDF": {
        "samples": log_normal_cdf,
        "reference": torch.special.log_ndtr,
    },
    "gpytorch.functions.matern_covariance:MaternCovariance": {
        "samples": matern,
        "reference": matern_reference,
    },
    "gpytorch.functions.rbf_covariance:RBFCovariance": {
        "samples": rbf,
        "reference": rbf_reference,
    },
    "gpytorch.variational.ciq_variational_strategy:_NgdInterpTerms": {
        "samples": interpolation_terms,
        "surrogate": _NATURAL,
        "surrogate_reference": interpolation_reference,
        "waives": {"stretched": "natural_mat is negative definite, and there is no such domain"},
    },
    "gpytorch.variational.large_batch_variational_strategy:QuadFormDiagonal": {
        "samples": quad_form_diagonal,
        "reference": quad_form_diagonal_reference,
    },
    "gpytorch.variational.natural_variational_distribution:_NaturalToMuVarSqrt": {
        "samples": natural,
        "surrogate": _NATURAL,
        "surrogate_reference": natural_reference,
    },
    "gpytorch.variational.tril_natural_variational_distribution:_TrilNaturalToMuVarSqrt": {
        "samples": natural_triangular,
        "surrogate": _NATURAL,
    },
    "gpytorch.variational.variational_strategy:ComputePredictiveUpdates": {
        "samples": predictive_updates,
        "reference": predictive_updates_reference,
    },
}

NOT_REACHED: dict[str, str] = {}
