"""Samples of entmax: sparse softmaxes and their losses, by sorting and by bisection."""

from __future__ import annotations

import torch
from torch import Tensor

from plugrad import Sample, SampleMaker


def sorted_projection(make: SampleMaker) -> list[Sample]:
    """(X, dim, k): along either axis, in three dimensions, and with a partial sort."""
    return [
        Sample(make(3, 5), -1, None),
        Sample(make(4, 3), 0, None),
        Sample(make(2, 4, 3), 1, None),
        Sample(make(3, 6), -1, 2),
    ]


def loss(make: SampleMaker) -> list[Sample]:
    """(X, target): the true class in the support, and outside it."""
    return [
        Sample(make(3, 5), make.tensor([0, 2, 4], torch.int64)),
        Sample(make.tensor([[3.0, 0.2, 0.1], [0.3, 2.0, 0.1]]), make.tensor([1, 1], torch.int64)),
    ]


def bisection(make: SampleMaker) -> list[Sample]:
    """(X, dim, n_iter)."""
    return [Sample(make(3, 5), -1, 50), Sample(make(2, 4, 3), 1, 50)]


_ABOVE_1 = ("magnitudes", "alpha is above 1, which no domain says")


def entmax_bisection(make: SampleMaker) -> list[Sample]:
    """(X, alpha, dim, n_iter): alpha as a number, and as a tensor that gets a gradient."""
    return [
        Sample(make(3, 5), 1.5, -1, 50),
        Sample(make(2, 4, 3), 1.2, 1, 50),
        Sample(make(3, 5), make(3, 1, low=1.3, high=1.8), -1, 50).waive(*_ABOVE_1),
        Sample(make(3, 5), make.tensor(1.4), -1, 50).waive(*_ABOVE_1),
    ]


def normmax_bisection(make: SampleMaker) -> list[Sample]:
    """(X, alpha, dim, n_iter)."""
    return [Sample(make(3, 5), 2, -1, 60), Sample(make(2, 4, 3), 1.5, 1, 60)]


def budget_bisection(make: SampleMaker) -> list[Sample]:
    """(X, budget, dim, n_iter): the last two are documented in the docstring of budget_bisect."""
    return [
        Sample(make(3, 5), 2, -1, 60),
        Sample(make(4, 3), 1.5, 0, 60),
        Sample(make(2, 4, 3), 1.5, 1, 60),
        Sample(make(2, 1, 4), 2, -1, 60),
    ]


def sparsemax(x: Tensor, dim: int = -1, *_: object) -> Tensor:
    """The projection to the simplex, from its support."""
    x = x.movedim(dim, -1)
    with torch.no_grad():
        top = x.sort(-1, descending=True).values
        rank = torch.arange(1, x.shape[-1] + 1, dtype=x.dtype)
        size = (rank * top > top.cumsum(-1) - 1).sum(-1, keepdim=True)
        support = x >= top.gather(-1, size - 1)
    tau = ((x * support).sum(-1, keepdim=True) - 1) / size
    return torch.where(support, x - tau, torch.zeros_like(x)).movedim(-1, dim)


def entmax15(x: Tensor, dim: int = -1, *_: object) -> Tensor:
    """1.5-entmax, from its support."""
    x = x.movedim(dim, -1) / 2
    with torch.no_grad():
        low, high = x.amax(-1, keepdim=True) - 1, x.amax(-1, keepdim=True)
        for _ in range(80):
            middle = (low + high) / 2
            above = ((x - middle).clamp(min=0) ** 2).sum(-1, keepdim=True) >= 1
            low, high = torch.where(above, middle, low), torch.where(above, high, middle)
        support = x > low
    size = support.sum(-1, keepdim=True)
    mean = (x * support).sum(-1, keepdim=True) / size
    squares = ((x - mean) ** 2 * support).sum(-1, keepdim=True)
    tau = mean - ((1 - squares) / size).sqrt()
    return torch.where(support, (x - tau) ** 2, torch.zeros_like(x)).movedim(-1, dim)


def power_entmax(x: Tensor, alpha: float | Tensor = 1.5, dim: int = -1, *_: object) -> Tensor:
    """alpha-entmax: a bisection, then two Newton steps that carry the derivatives."""
    x = x.movedim(dim, -1)
    alpha = torch.as_tensor(alpha, dtype=x.dtype)
    alpha = alpha.movedim(dim, -1) if alpha.ndim == x.ndim else alpha
    x = x * (alpha - 1)

    def power(tau: Tensor) -> Tensor:
        above = x > tau
        base = torch.where(above, x - tau, torch.ones_like(x))
        return torch.where(above, base ** (1 / (alpha - 1)), torch.zeros_like(x))

    with torch.no_grad():
        low, high = x.amax(-1, keepdim=True) - 1, x.amax(-1, keepdim=True)
        for _ in range(80):
            middle = (low + high) / 2
            above = power(middle).sum(-1, keepdim=True) >= 1
            low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    tau = low
    for _ in range(2):
        p = power(tau)
        positive = torch.where(p > 0, p, torch.ones_like(p)) ** (2 - alpha)
        slope = torch.where(p > 0, positive, torch.zeros_like(p)).sum(-1, keepdim=True) / (
            alpha - 1
        )
        tau = tau + (p.sum(-1, keepdim=True) - 1) / slope
    return power(tau).movedim(-1, dim)


def budget(x: Tensor, total: float = 2, dim: int = -1, *_: object) -> Tensor:
    """The projection to the part of the unit cube whose coordinates sum to ``total``."""
    x = x.movedim(dim, -1)
    with torch.no_grad():
        low, high = x.amin(-1, keepdim=True) - 1, x.amax(-1, keepdim=True)
        for _ in range(80):
            middle = (low + high) / 2
            above = (x - middle).clamp(0, 1).sum(-1, keepdim=True) >= total
            low, high = torch.where(above, middle, low), torch.where(above, high, middle)
        inside, ones = (x > low) & (x < low + 1), x >= low + 1
        # Where nothing is inside, as where the total is more than there are, nothing moves.
        size = inside.sum(-1, keepdim=True).clamp(min=1)
    tau = ((x * inside).sum(-1, keepdim=True) + ones.sum(-1, keepdim=True) - total) / size
    p = torch.where(inside, x - tau, torch.zeros_like(x)) + ones
    return p.movedim(-1, dim)


def fenchel_young(project, omega):
    """The loss omega(p) + p.x - x[target], where p is the projection of x."""

    def reference(x: Tensor, target: Tensor, *_: object) -> Tensor:
        p = project(x)
        chosen = x.gather(1, target.unsqueeze(1)).squeeze(1)
        return omega(p) + (p * x).sum(1) - chosen

    return reference


def gini(p: Tensor) -> Tensor:
    """sparsemax's regularizer."""
    return (1 - (p * p).sum(1)) / 2


def tsallis15(p: Tensor) -> Tensor:
    """1.5-entmax's regularizer."""
    positive = torch.where(p > 0, p, torch.ones_like(p))
    return (1 - torch.where(p > 0, positive**1.5, torch.zeros_like(p)).sum(1)) / 0.75


_SPARSEMAX_LOSS = fenchel_young(sparsemax, gini)
_ENTMAX_LOSS = fenchel_young(entmax15, tsallis15)

SAMPLES = {
    "entmax.activations:SparsemaxFunction": {"samples": sorted_projection, "reference": sparsemax},
    "entmax.activations:Entmax15Function": {"samples": sorted_projection, "reference": entmax15},
    "entmax.losses:SparsemaxLossFunction": {"samples": loss, "reference": _SPARSEMAX_LOSS},
    "entmax.losses:SparsemaxBisectLossFunction": {"samples": loss, "reference": _SPARSEMAX_LOSS},
    "entmax.losses:Entmax15LossFunction": {"samples": loss, "reference": _ENTMAX_LOSS},
    "entmax.losses:EntmaxBisectLossFunction": {"samples": loss, "reference": _ENTMAX_LOSS},
    "entmax.losses:NormmaxBisectLossFunction": loss,
    "entmax.root_finding:SparsemaxBisectFunction": {"samples": bisection, "reference": sparsemax},
    "entmax.root_finding:EntmaxBisectFunction": {
        "samples": entmax_bisection,
        "reference": power_entmax,
    },
    "entmax.root_finding:NormmaxBisectFunction": normmax_bisection,
    "entmax.root_finding:BudgetBisectFunction": {"samples": budget_bisection, "reference": budget},
}

NOT_REACHED = {
    "entmax.losses:_GenericLossFunction": "abstract: project and omega are its subclasses'",
}

#: A loop of fifty steps is compiled for longer than everything else takes.
NOT_COMPILED = frozenset(
    f"entmax.root_finding:{name}Function"
    for name in ("BudgetBisect", "EntmaxBisect", "NormmaxBisect")
)
