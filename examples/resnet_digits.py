"""Train a small residual network on scikit-learn's digits, on plugrad and on torch, side by side.

    pip install -c constraints.txt -e '.[demo]'
    python examples/resnet_digits.py

Layers, optimizer and loop are torch's. Batch normalization keeps its statistics in buffers, which
stay plain tensors.
"""

import argparse
from copy import deepcopy

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional

import plugrad as pg


class Block(nn.Module):
    """y = relu(x' + f(x)), with f two convolutions, and x' x or a convolution of it."""

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, wider, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(wider),
            nn.ReLU(inplace=True),
            nn.Conv2d(wider, wider, 3, padding=1, bias=False),
            nn.BatchNorm2d(wider),
        )
        self.shortcut = nn.Sequential()
        if stride > 1 or wider != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, wider, 1, stride, bias=False), nn.BatchNorm2d(wider)
            )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.shortcut(x) + self.body(x))


def small_resnet() -> nn.Sequential:
    """Make three blocks, for images of 8 by 8 in gray."""
    return nn.Sequential(
        Block(1, 8, 1),
        Block(8, 16, 2),
        Block(16, 32, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def train_epoch(model, optimizer, images: Tensor, labels: Tensor, epoch: int) -> list[float]:
    """Train on all images, in an order that depends on the epoch alone."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(epoch))
    losses = []
    for chosen in order.split(64):
        loss = functional.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Return the share of images whose digit the model finds."""
    model.eval()
    with torch.no_grad():
        right = model(images).argmax(1) == labels
    model.train()
    return right.double().mean().item()


def main(epochs: int) -> None:
    """Train both, and say how far apart they are."""
    digits = load_digits()
    images = torch.tensor(digits.images)[:, None] / 16  # float64: the engines do the same, then
    labels = torch.tensor(digits.target)
    train, test = slice(0, 1400), slice(1400, None)

    torch.manual_seed(0)
    on_torch = small_resnet().double()
    model = pg.interop.convert(deepcopy(on_torch))  # its parameters are Variables now
    ours = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    theirs = torch.optim.SGD(on_torch.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

    difference = 0.0
    for epoch in range(epochs):
        here = train_epoch(model, ours, images[train], labels[train], epoch)
        there = train_epoch(on_torch, theirs, images[train], labels[train], epoch)
        difference = max(difference, *(abs(a - b) for a, b in zip(here, there, strict=True)))
        print(
            f"epoch {epoch}: loss {sum(here) / len(here):.4f}, "
            f"accuracy {accuracy(model, images[test], labels[test]):.3f} on plugrad, "
            f"{accuracy(on_torch, images[test], labels[test]):.3f} on torch"
        )
    print(f"largest difference of a loss from torch: {difference:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=4)
    main(parser.parse_args().epochs)
