"""Declaration: what ``@op`` says of an op besides its rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch


@dataclass(frozen=True)
class Declaration:
    """The name of an op, how it is reached, and what is true of its mathematics."""

    #: torch's name of the op: ``add``, ``linalg.det``, ``nn.functional.softplus``.
    name: str
    #: Names on Variable: methods and dunders. A reflected dunder swaps its operands.
    methods: tuple[str, ...] = ()
    #: Names on Variable that are read, not called: ``T``.
    properties: tuple[str, ...] = ()
    #: The torch callables this op stands for; the first is also its reference.
    overrides: tuple[Callable[..., Any], ...] = ()
    #: What forward is compared with where ``overrides`` does not say.
    reference: Callable[..., Any] | None = None
    #: Further names of parameters, as torch spells them: ``{"exponent": "y"}``.
    aliases: Mapping[str, str] = field(default_factory=dict)
    #: Operands broadcast as in torch: the engine sums each gradient to its input's shape.
    #: It implies ``promotes``.
    broadcasts: bool = False
    #: Operands promote as in torch: the engine casts each gradient to its input's dtype (of a
    #: complex one, the real part).
    promotes: bool = False
    #: Names of in-place twins, as ``add_`` and ``__iadd__`` (the op's result is written over
    #: its first argument); True for those of ``methods`` that torch.Tensor has.
    inplace: bool | tuple[str, ...] = False
    #: The op is linear in its differentiable inputs.
    linear: bool = False
    #: Each element of the output depends only on the same element of each input.
    elementwise: bool = False
    #: Whether there are gradients at all; False for comparisons and the like.
    differentiable: bool = True
    #: An output may share memory with an input: a view, or the input itself.
    view: bool = False
    #: Forward draws random numbers from torch's default generator.
    random: bool = False
    #: How far two runs of the same call may differ, relative to the largest element; 0 means
    #: that they are the same bit for bit.
    nondeterminism: float = 0.0
    #: The dtypes it takes; None where ``reference`` or ``overrides[0]`` decides.
    dtypes: tuple[torch.dtype, ...] | None = None
    #: Laws of ``plugrad.testing`` that the op breaks on purpose: their ids, with the reason.
    #: One that it does not break is an error.
    waives: Mapping[str, str] = field(default_factory=dict)
    #: Faults of the strength run that leave this op's gradients as they are: ids and reasons.
    #: One that the samples catch is an error.
    equivalent: Mapping[str, str] = field(default_factory=dict)
