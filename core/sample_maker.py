"""SampleMaker: seeded tensors for samples."""

from __future__ import annotations

import torch
from torch import Tensor


class SampleMaker:
    """Makes the tensors of an op's samples, always the same ones for the same seed.

    Args:
        seed: any integer.
        dtype: of ``maker(...)``; float64 unless told otherwise.
        device: where the tensors live.
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
    ) -> Tensor:
        """Numbers drawn evenly from [low, high); for a complex dtype both parts are."""
        dtype = dtype or self.dtype
        values = torch.rand(shape, generator=self._generator, dtype=torch.float64)
        if dtype.is_complex:
            other = torch.rand(shape, generator=self._generator, dtype=torch.float64)
            values = torch.complex(values, other) * (high - low) + complex(low, low)
        else:
            values = values * (high - low) + low
        return values.to(device=self.device, dtype=dtype)

    def complex(self, *shape: int, low: float = -2.0, high: float = 2.0) -> Tensor:
        """complex128 numbers, both parts drawn evenly from [low, high)."""
        return self(*shape, low=low, high=high, dtype=torch.complex128)

    def nonzero(self, *shape: int, low: float = 0.3, high: float = 2.0) -> Tensor:
        """Numbers of either sign whose magnitude lies in [low, high)."""
        sign = self.booleans(*shape).to(self.dtype) * 2 - 1
        return self(*shape, low=low, high=high) * sign

    def distinct(self, *shape: int) -> Tensor:
        """Numbers in a random order, no two closer than 0.1: no ties, none at zero."""
        count = torch.Size(shape).numel()
        order = torch.randperm(count, generator=self._generator).to(torch.float64)
        return ((order - count / 2) * 0.1 + 0.03).reshape(shape).to(self.device, self.dtype)

    def integers(self, *shape: int, low: int = 0, high: int = 5) -> Tensor:
        """int64 numbers in [low, high)."""
        return torch.randint(low, high, shape, generator=self._generator).to(self.device)

    def booleans(self, *shape: int) -> Tensor:
        """Fair coin tosses."""
        return self.integers(*shape, high=2).bool()

    def tensor(self, data: object, dtype: torch.dtype | None = None) -> Tensor:
        """These very numbers: for ties, kinks and domain edges."""
        return torch.tensor(data, dtype=dtype or self.dtype, device=self.device)
