"""The data: 1,797 handwritten digits of 8x8 pixels, as scikit-learn carries them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import pad

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDE = 8
PIXELS = SIDE * SIDE
CLASSES = 10
_LARGEST_PIXEL = 16
_HELD_BACK = 270  # images, 15 %, for validation, and as many for the test


@dataclass(frozen=True)
class Images:
    """Pixels, one image a row, each from 0 to 1; and the digit that each image shows."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: Tensor | slice) -> Images:
        return Images(self.pixels[rows], self.labels[rows])

    def to(self, place: torch.device | torch.dtype) -> Images:
        """The images on a device; or, of a dtype, the pixels in it."""
        labels = self.labels if isinstance(place, torch.dtype) else self.labels.to(place)
        return Images(self.pixels.to(place), labels)


@dataclass(frozen=True)
class Digits:
    """The images, split at random."""

    train: Images
    validation: Images
    test: Images


def load(seed: int) -> Digits:
    """The digits, split by ``seed``. They come with scikit-learn: nothing is downloaded."""
    from sklearn.datasets import load_digits  # an extra, and slow to import

    pixels, labels = load_digits(return_X_y=True)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    every = Images(
        torch.as_tensor(pixels, dtype=torch.float32) / _LARGEST_PIXEL, torch.as_tensor(labels)
    )[order]
    return Digits(
        train=every[slice(2 * _HELD_BACK, None)],
        validation=every[slice(_HELD_BACK)],
        test=every[slice(_HELD_BACK, 2 * _HELD_BACK)],
    )


def batches(images: Images, size: int, generator: torch.Generator) -> Iterator[Images]:
    """All images once, in a random order, every other one moved by at most a pixel.

    Moved images stand in for more handwriting: they are worth about a percent of accuracy.
    """
    for rows in torch.split(torch.randperm(len(images), generator=generator), size):
        batch = images[rows]
        move = torch.rand(len(batch), 1, generator=generator) < 0.5
        moved = _moved(batch.pixels, generator)
        yield Images(torch.where(move, moved, batch.pixels), batch.labels)


def _moved(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Each image shifted by -1, 0 or 1 in both directions, with an empty border."""
    count = len(pixels)
    framed = pad(pixels.view(count, SIDE, SIDE), (1, 1, 1, 1))
    top, left = torch.randint(0, 3, (2, count, 1), generator=generator)
    window = torch.arange(SIDE)
    image = torch.arange(count)[:, None, None]
    return framed[image, (top + window)[:, :, None], (left + window)[:, None, :]].flatten(1)
