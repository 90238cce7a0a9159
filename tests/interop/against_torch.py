"""One call on torch's engine and on plugrad's: values, gradients, second derivatives."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils import _pytree as pytree

import plugrad as pg
from plugrad.core.installed_torch import torch_before

#: Where the tests of torch's lists run: "cuda" on a machine that has a GPU.
DEVICE = os.environ.get("PLUGRAD_TEST_DEVICE", "cpu")

#: Since then torch gives zeros where group_norm's bias has no second derivative.
_GIVES_ZEROS = not torch_before("2.14")

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Engine:
    """What a judge asks of an engine: leaves, and gradients."""

    leaf: Callable[[torch.Tensor], Any]
    grad: Callable[..., Any]


TORCH = Engine(lambda t: t.clone().requires_grad_(), torch.autograd.grad)
PLUGRAD = Engine(lambda t: pg.Variable(t.clone(), requires_grad=True), pg.grad)

#: What a call gives: its tensors, by the order of the derivative.
Stages = dict[str, list[Any]]


def allow_flags() -> None:
    """Let flags like torch.backends.cudnn.benchmark be set: importing torch's tables forbids it."""
    flags = torch.backends.disable_global_flags.__globals__
    flags["__allow_nonbracketed_mutation_flag"] = True


def with_leaves(arguments: Any, engine: Engine) -> tuple[Any, list[Any]]:
    """Arguments with leaves of the engine for the tensors that require grad, and these leaves."""
    leaves = []

    def own(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        if not value.requires_grad:
            return value.detach().clone()
        leaves.append(engine.leaf(value.detach()))
        return leaves[-1]

    return pytree.tree_map(own, arguments), leaves


def by_torch(run: Callable[[bool], Stages], second: bool) -> tuple[Stages, bool]:
    """What torch gives, and whether it has second derivatives, for which ``run`` may be asked."""
    if second:
        try:
            return run(True), True
        except RuntimeError:  # of this call it has none
            pass
    return run(False), False


def stages(output: Any, leaves: Sequence[Any], engine: Engine, second: bool) -> Stages:
    """The output's values, its gradient for random cotangents, and the gradient of that."""
    outputs = [o for o in pytree.tree_leaves(output) if isinstance(o, torch.Tensor | pg.Variable)]
    found: Stages = {"value": [raw(o) for o in outputs]}
    roots = [o for o in outputs if o.requires_grad]
    found["requires grad"] = [o.requires_grad for o in outputs]
    if not (roots and leaves):
        return found
    generator = torch.Generator().manual_seed(1)
    cotangents = [random_leaf(o, generator, engine) for o in roots]
    gradients = engine.grad(roots, leaves, cotangents, create_graph=second, allow_unused=True)
    found["gradient"] = [raw(g) for g in gradients]
    again = [g for g in gradients if g is not None and g.requires_grad] if second else []
    if again:
        more = [random_leaf(g, generator, engine).detach() for g in again]
        both = engine.grad(again, [*leaves, *cotangents], more, allow_unused=True)
        found["second derivative"] = [raw(g) for g in both]
    return found


def moved(arguments: Any, step: float) -> Any:
    """Arguments with the tensors that require grad a step along ``directions``."""
    tensors = [t for t in pytree.tree_leaves(arguments) if _is_leaf(t)]
    to = iter([t.detach() + step * d for t, d in zip(tensors, directions(tensors), strict=True)])
    return pytree.tree_map(lambda t: next(to).requires_grad_() if _is_leaf(t) else t, arguments)


def directions(tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """A direction for each tensor, always the same."""
    generator = torch.Generator().manual_seed(2)
    return [_normal(t, generator) for t in tensors]


def follows_differences(
    at: Callable[[float], Stages], leaves: Sequence[torch.Tensor], found: Stages
) -> bool:
    """Whether the derivatives in ``found`` are those of central differences.

    ``at(step)`` has the stages with the leaves ``moved`` by a step. What a second derivative is
    compared with are differences of the gradient.
    """
    step = 1e-5
    ahead, behind = at(step), at(-step)
    generator = torch.Generator().manual_seed(1)  # as in stages
    asked = zip(found["value"], found["requires grad"], strict=True)
    roots: list[Any] = [v if needed else None for v, needed in asked]
    along = directions(leaves)
    for of, derivative in (("value", "gradient"), ("gradient", "second derivative")):
        if derivative not in found:
            break
        weights = [None if r is None else _normal(r, generator) for r in roots]
        slope = (_dot(weights, ahead[of]) - _dot(weights, behind[of])) / (2 * step)
        predicted = _dot(along, found[derivative])
        if abs(slope - predicted) > 1e-6 * max(1.0, abs(slope)):
            return False
        roots = found["gradient"]
    return True


def _is_leaf(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


def _dot(left: Sequence[Any], right: Sequence[Any]) -> float:
    pairs = zip(left, right, strict=False)  # beyond the leaves there are cotangents
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return sum(float((a.conj() * b).sum().real) for a, b in known)


def random_leaf(like: Any, generator: torch.Generator, engine: Engine) -> Any:
    """A leaf of normal numbers in the shape of ``like``."""
    return engine.leaf(_normal(like, generator))


def _normal(like: Any, generator: torch.Generator) -> torch.Tensor:
    """Numbers in the shape of ``like``, the same ones on every device."""
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)


def raw(value: Any) -> Any:
    """The tensor, without a graph."""
    return (
        None if value is None else value.data if isinstance(value, pg.Variable) else value.detach()
    )


def difference(
    expected: Stages,
    got: Stages,
    tolerance: float,
    skip_nan: bool = False,
    zeros: bool = False,
) -> str | None:
    """Where the second differs from the first, in words; None if nowhere.

    A gradient of zeros where torch has none is no difference. ``tolerance`` is relative to the
    largest element, and to 1. With ``skip_nan`` a derivative is free where the first has nan.
    With ``zeros`` the first may have rounding errors of zeros where the second has no second
    derivative.
    """
    if expected["requires grad"] != got["requires grad"]:
        return f"requires grad is {got['requires grad']}, not {expected['requires grad']}"
    for stage in ("value", "gradient", "second derivative"):
        wanted, have = expected.get(stage, []), got.get(stage, [])
        if not wanted or not have:
            if not all(_is_zero(t) for t in (*wanted, *have)):
                return f"{stage}: {'none' if not have else 'one where torch has none'}"
            continue
        for number, (w, h) in enumerate(zip(wanted, have, strict=True)):
            if h is None and stage == "second derivative" and _GIVES_ZEROS and _is_zero(w):
                continue
            if h is None and stage == "second derivative" and zeros and w is not None:
                h = torch.zeros_like(w)
            if skip_nan and stage != "value" and w is not None and h is not None:
                h = h.where(w.isfinite(), w)
            said = _differs(w, h, tolerance)
            if said:
                return f"{stage} {number}: {said}"
    return None


def _differs(wanted: Any, have: Any, tolerance: float) -> str | None:
    if have is None:  # not even for zeros: an optimizer skips a parameter with no gradient
        return None if wanted is None else "None for a tensor"
    if wanted is None:
        return None if _is_zero(have) else "a tensor for None"
    if (wanted.shape, wanted.dtype) != (have.shape, have.dtype):
        return f"{have.dtype} of {tuple(have.shape)} for {wanted.dtype} of {tuple(wanted.shape)}"
    if wanted.layout is not torch.strided:
        wanted, have = wanted.to_dense(), have.to_dense() if have.layout != torch.strided else have
    if wanted.dtype is torch.complex32:  # which torch does not compare
        wanted, have, tolerance = wanted.to(torch.complex64), have.to(torch.complex64), 1e-2
    if wanted.dtype in (torch.float32, torch.complex64):  # an argument that was given so
        tolerance = max(tolerance, 1e-4)
    largest = wanted.nan_to_num(0, 0, 0).abs().max().item() if wanted.numel() else 0.0
    allowed = tolerance * max(1.0, largest)
    if torch.allclose(wanted, have, rtol=0, atol=allowed, equal_nan=True):
        return None
    return f"off by {(wanted - have).abs().max():.3g} of {wanted.abs().max():.3g}"


def _is_zero(tensor: Any) -> bool:
    return tensor is None or not tensor.any()
