"""Sample: one call that an op must get right or must refuse; SampleMaker: makes its tensors."""

from __future__ import annotations

from math import ceil
from typing import Any

import torch
from torch import Tensor

from plugrad.errors import ArgumentError

#: The domains that a tensor's numbers may be restricted to. The checks then move the numbers only
#: within it: of symmetric and spd (symmetric positive definite) matrices both halves at once, of a
#: simplex (numbers from 0 that add up to 1 along the last dimension) without changing the sum. An
#: index (whole numbers from 0, the places in another argument, in any dtype) gets no gradient and
#: is never moved. The rank of a full-rank matrix is the smaller of its two sizes.
DOMAINS = ("positive", "probability", "simplex", "symmetric", "spd", "full-rank", "index")


class Sample:
    """Arguments of one call of an op; its floating and complex tensors get gradients.

    Args:
        args: the positional arguments, usually made by a SampleMaker.
        kwargs: the keyword arguments.
    """

    __slots__ = (
        "args",
        "constants",
        "domains",
        "error",
        "kink",
        "kwargs",
        "match",
        "oracle_is_wrong",
        "waives",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.constants: frozenset[int | str] = frozenset()
        #: The domain of arguments, by position or name; None is that of all others.
        self.domains: dict[int | str | None, str] = {}
        self.kink = False
        self.waives: dict[str, str] = {}
        self.oracle_is_wrong = ""
        #: What the call must raise; None if it must not.
        self.error: type[Exception] | None = None
        self.match = ""

    def constant(self, *which: int | str) -> Sample:
        """Say that these arguments get no gradient: labels, masks, weights.

        Args:
            which: positions in forward or names of its parameters, which mean the same however
                an argument is passed. ``"xs"`` is all of ``*xs`` or of a list, ``"xs[1]"`` one of
                them. A name that forward does not have fails the law ``runs``.
        """
        self.constants |= frozenset(which)
        return self

    def domain(self, domain: str, *which: int | str) -> Sample:
        """Say that forward is only meant for these numbers and is not tried outside them.

        Tensors from ``make(..., domain=...)`` carry their domain themselves.

        Args:
            domain: one of DOMAINS.
            which: positions in forward or names of its parameters; by default all floating and
                complex tensors without a domain of their own.

        Raises:
            ArgumentError: there is no such domain.
        """
        self.domains.update(dict.fromkeys(which or (None,), checked_domain(domain)))
        return self

    def at_kink(self) -> Sample:
        """Say that forward has no derivative here: a kink, a tie, a jump.

        The checks then require the gradient to be between the one-sided derivatives, and to
        equal the reference's.
        """
        self.kink = True
        return self

    def without_oracle(self, reason: str) -> Sample:
        """Say that torch's own gradient is wrong here, and how: only finite differences judge.

        The check fails if torch's gradient is right.
        """
        self.oracle_is_wrong = reason
        return self

    def raises(self, error: type[Exception], match: str = "") -> Sample:
        """Say that the op must refuse this call; the checks require nothing else.

        Args:
            error: the type of the exception that forward raises.
            match: a regular expression that is found in its message.
        """
        self.error, self.match = error, match
        return self

    def waive(self, law: str, reason: str) -> Sample:
        """Say that the op breaks this law here on purpose, and why.

        The check fails if the op keeps the law.
        """
        self.waives[law] = reason
        return self

    def __repr__(self) -> str:
        parts = [_brief(a) for a in self.args]
        parts += [f"{name}={_brief(value)}" for name, value in self.kwargs.items()]
        return f"Sample({', '.join(parts)})"


def checked_domain(domain: str) -> str:
    """``domain``, if it is one.

    Raises:
        ArgumentError: it is not one.
    """
    if domain not in DOMAINS:
        raise ArgumentError(
            f"there is no domain {domain!r}",
            where="a sample",
            fix=f"the domains are {', '.join(DOMAINS)}",
        )
    return domain


def _brief(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is None:
        return repr(value)
    return f"{str(value.dtype).removeprefix('torch.')}{list(shape)}"


class SampleMaker:
    """Makes the tensors of an op's samples, always the same ones for the same seed.

    Args:
        seed: any integer.
        dtype: the dtype of ``maker(...)``; float64 by default.
        device: the tensors' device.
    """

    def __init__(
        self,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> None:
        # Drawn on the CPU, so that a seed means the same numbers on every device.
        self._generator = torch.Generator().manual_seed(seed)
        self.dtype, self.device = dtype, torch.device(device)

    def __call__(
        self,
        *shape: int,
        low: float = -2.0,
        high: float = 2.0,
        dtype: torch.dtype | None = None,
        domain: str = "",
    ) -> Tensor:
        """Numbers drawn evenly from [low, high); for a complex dtype both parts are.

        Args: *shape: the tensor's shape. low: the smallest number, if there is no domain.
            high: the numbers stay below it, if there is no domain; so do those of an index, which
            begin at 0. dtype: by default the maker's, int64 for an index. domain: one of
            DOMAINS; the numbers are in it, and the checks stay there.

        Raises:
            ArgumentError: there is no such domain.
        """
        if domain:
            made: Any = self._within(checked_domain(domain), shape, dtype, high)
            made.plugrad_domain = domain
            return made  # type: ignore[no-any-return]
        dtype = dtype or self.dtype
        values = self._drawn(shape)
        if dtype.is_complex:
            other = self._drawn(shape)
            values = torch.complex(values, other) * (high - low) + complex(low, low)
        else:
            values = values * (high - low) + low
        return values.to(device=self.device, dtype=dtype)

    def _drawn(self, shape: tuple[int, ...]) -> Tensor:
        return torch.rand(shape, generator=self._generator, dtype=torch.float64, device="cpu")

    def _within(
        self, domain: str, shape: tuple[int, ...], dtype: torch.dtype | None, high: float
    ) -> Tensor:
        if domain == "index":
            return self.integers(*shape, high=ceil(high)).to(dtype or torch.int64)
        drawn = self(*shape, low=0.1, high=0.9)
        if domain == "positive":
            drawn = 2 * drawn
        elif domain == "simplex":
            drawn = drawn / drawn.sum(-1, keepdim=True)
        elif domain == "full-rank":
            drawn = 4 * drawn - 2
        elif domain in ("symmetric", "spd"):
            drawn = 2 * drawn - 1
            drawn = (drawn + drawn.mT) / 2
        if domain == "spd":  # its eigenvalues are at least 1/2
            drawn = drawn @ drawn + 0.5 * torch.eye(shape[-1], device=self.device).to(self.dtype)
            drawn = (drawn + drawn.mT) / 2
        return drawn.to(dtype or self.dtype)

    def complex(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Tensor:
        """complex128 numbers, both parts drawn evenly from [low, high)."""
        return self(*shape, low=low, high=high, dtype=torch.complex128)

    def nonzero(self, *shape: int, low: float = 0.3, high: float = 2.0) -> Tensor:
        """Numbers of either sign whose magnitude is in [low, high)."""
        sign = self.booleans(*shape).to(self.dtype) * 2 - 1
        return self(*shape, low=low, high=high) * sign

    def distinct(self, *shape: int) -> Tensor:
        """Numbers in a random order, no two closer than 0.1: no ties, none at zero."""
        count = torch.Size(shape).numel()
        order = torch.randperm(count, generator=self._generator, device="cpu").double()
        return ((order - count / 2) * 0.1 + 0.03).reshape(shape).to(self.device, self.dtype)

    def integers(self, *shape: int, low: int = 0, high: int = 5) -> Tensor:
        """int64 numbers in [low, high)."""
        drawn = torch.randint(low, high, shape, generator=self._generator, device="cpu")
        return drawn.to(self.device)

    def booleans(self, *shape: int) -> Tensor:
        """Fair coin tosses."""
        return self.integers(*shape, high=2).bool()

    def tensor(self, data: object, dtype: torch.dtype | None = None) -> Tensor:
        """These very numbers: for ties, kinks and domain edges."""
        return torch.tensor(data, dtype=dtype or self.dtype, device=self.device)
