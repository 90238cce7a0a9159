"""Samples of pyro: sampling whose gradients have a low variance, and safe logarithms."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad import Sample, SampleMaker, surrogate


def _triangular(make: SampleMaker, size: int) -> Tensor:
    matrix = make(size, size)
    return torch.linalg.cholesky(matrix @ matrix.mT + torch.eye(size, dtype=matrix.dtype))


_INVERTED = ("no-nan", "scale_tril is inverted: its diagonal must not be 0, nor inf")


def control_variates(make: SampleMaker) -> list[Sample]:
    """(loc, scale_tril, control_var, shape)."""
    return [
        Sample(make(3), _triangular(make, 3), make(2, 1, 3), torch.Size((3,))).waive(*_INVERTED),
        Sample(make(3), _triangular(make, 3), make(2, 2, 3), torch.Size((4, 3))).waive(*_INVERTED),
    ]


def optimal_transport(make: SampleMaker) -> list[Sample]:
    """(loc, scale_tril, shape)."""
    return [
        Sample(make(3), _triangular(make, 3), torch.Size((3,))),
        Sample(make(2), _triangular(make, 2), torch.Size((4, 2))),
    ]


def mixture(make: SampleMaker) -> list[Sample]:
    """(locs, scales, component_logits, pis, which, noise_shape)."""

    def sample(*shape: int) -> Sample:
        logits = make(3)
        which = make.integers(*shape, high=3)
        scales = make(3, 2, low=0.5, high=1.5)
        args = (make(3, 2), scales, logits, logits.softmax(-1), which, torch.Size((*shape, 2)))
        return Sample(*args).constant(3)

    return [sample(), sample(4)]


def mixture_shared(make: SampleMaker) -> list[Sample]:
    """(locs, coord_scale, component_logits, pis, which, noise_shape)."""

    def sample(*shape: int) -> Sample:
        logits = make(3)
        which = make.integers(*shape, high=3)
        scale = make(2, low=0.5, high=1.5)
        args = (make(3, 2), scale, logits, logits.softmax(-1), which, torch.Size((*shape, 2)))
        return Sample(*args).constant(3)

    return [sample(), sample(4)]


def scale_mixture(make: SampleMaker) -> list[Sample]:
    """(coord_scale, component_logits, component_scale, pis, which, shape, coeffs)."""

    def sample(dim: int, coeffs: list[float], *shape: int) -> Sample:
        logits = make(3)
        args = (
            make(dim, domain="positive"),
            logits,
            make(3, domain="positive"),
            logits.softmax(-1),
            make.integers(*shape, high=3),
            torch.Size((*shape, dim)),
            make.tensor(coeffs),
        )
        return Sample(*args).constant(3, 6)

    # The coefficients are what GaussianScaleMixture computes for 2 and for 3 dimensions.
    return [sample(2, [1.0]), sample(3, [1.0], 4)]


def moving_average_log(make: SampleMaker) -> list[Sample]:
    """(input, ewma)."""
    return [
        Sample(make(3, 4, low=0.5), make(3, 4, low=0.5)).constant(1),
        Sample(make(low=0.5), make(low=0.5)).constant(1),
    ]


def moving_average_reference(x: Tensor, average: Tensor) -> Tensor:
    """x over the average, which is a constant."""
    return x / average


def identity(x: Tensor) -> Tensor:
    """Straight through."""
    return x * 1


def safe_log(make: SampleMaker) -> list[Sample]:
    """Positive numbers; tiny ones, but none below eps."""
    return [
        Sample(make(3, 4, low=0.1)),
        Sample(make(low=0.1)),
        Sample(make.tensor([1e-3, 1.0, 1e3]))
        .waive("low-precision", "the slope is at most 1 / eps of the dtype, as documented")
        .waive("magnitudes", "the slope is at most 1 / eps of the dtype, as documented"),
    ]


def quantize(make: SampleMaker) -> list[Sample]:
    """Probabilities."""
    return [Sample(make(3, 4).softmax(-1)), Sample(make(2, 3, 4).softmax(-1))]


_VELOCITY = (
    "an unbiased gradient of lower variance than that of the path: only its expectation is the "
    "derivative of the expectation"
)

SAMPLES = {
    "pyro.contrib.oed.eig:_EwmaLogFn": {
        "samples": moving_average_log,
        "surrogate": "divides by a moving average instead of the input",
        "surrogate_reference": moving_average_reference,
    },
    "pyro.distributions.avf_mvn:_AVFMVNSample": {
        "samples": control_variates,
        # The gradient of control_var lowers the variance of the others: it is quadratic.
        "surrogate": surrogate(_VELOCITY, linear=False),
        "random": True,
    },
    "pyro.distributions.diag_normal_mixture:_MixDiagNormalSample": {
        "samples": mixture,
        "surrogate": _VELOCITY,
        "random": True,
    },
    "pyro.distributions.diag_normal_mixture_shared_cov:_MixDiagNormalSharedCovarianceSample": {
        "samples": mixture_shared,
        "surrogate": _VELOCITY,
        "random": True,
    },
    "pyro.distributions.gaussian_scale_mixture:_GSMSample": {
        "samples": scale_mixture,
        "surrogate": _VELOCITY,
        "random": True,
    },
    "pyro.distributions.omt_mvn:_OMTMVNSample": {
        "samples": optimal_transport,
        "surrogate": _VELOCITY,
        "random": True,
    },
    "pyro.distributions.relaxed_straight_through:QuantizeBernoulli": {
        "samples": quantize,
        "surrogate": "straight through",
        "surrogate_reference": identity,
    },
    "pyro.distributions.relaxed_straight_through:QuantizeCategorical": {
        "samples": quantize,
        "surrogate": "straight through",
        "surrogate_reference": identity,
    },
    "pyro.ops.special:_SafeLog": {"samples": safe_log, "reference": torch.log},
}

NOT_REACHED: dict[str, str] = {}
