"""Give an op to torch: a Bessel function with a gradient, in a module, compiled, trained.

    pip install -c constraints.txt -e . -e packs/plugrad-special
    python examples/custom_op_in_torch.py

torch computes torch.special.bessel_j0 and silently has no gradient for it. plugrad-special has one,
and plugrad.interop.to_library makes it an op of torch.library: a function on plain tensors, with
torch's autograd, that torch.compile leaves in one graph. There is no Variable in this file.

What is fitted are the ripples on a drum's skin: an amplitude, a wave number and an offset.
"""

import argparse
import os
import shutil

import torch
from torch import Tensor, nn

import plugrad as pg

bessel_j0 = pg.interop.to_library("special::bessel_j0")


class Ripples(nn.Module):
    """y = a J0(k r) + c."""

    def __init__(self) -> None:
        super().__init__()
        self.amplitude = nn.Parameter(torch.tensor(1.0))
        self.wave_number = nn.Parameter(torch.tensor(2.0))
        self.offset = nn.Parameter(torch.tensor(0.0))

    def forward(self, r: Tensor) -> Tensor:
        return self.amplitude * bessel_j0(self.wave_number * r) + self.offset


def gradient_by_torch(model: Ripples, r: Tensor, y: Tensor) -> list[Tensor]:
    """Write the loss's gradient by hand, from J0' = -J1 and torch's own J0 and J1.

    Between 3 and 12 torch's J1 is wrong by up to 4.5e-7; the pack's derivative of J0 is not.
    """
    a, k, c = (p.detach() for p in model.parameters())
    j0, j1 = torch.special.bessel_j0(k * r), torch.special.bessel_j1(k * r)
    slope = 2 * (a * j0 + c - y) / len(r)
    return [(slope * j0).sum(), (slope * -a * j1 * r).sum(), slope.sum()]


def main(steps: int, backend: str) -> None:
    """Fit the model, compiled; compare each gradient with one that is written by hand."""
    torch.set_default_dtype(torch.float64)
    r = torch.linspace(0, 5, 200)
    y = 1.5 * torch.special.bessel_j0(2.5 * r) + 0.3

    model = Ripples()
    compiled = torch.compile(model, fullgraph=True, backend=backend)  # one graph, or an error
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, weight_decay=0)
    difference = 0.0
    for step in range(steps):
        loss = torch.nn.functional.mse_loss(compiled(r), y)
        optimizer.zero_grad()
        loss.backward()
        by_hand = gradient_by_torch(model, r, y)
        for parameter, gradient in zip(model.parameters(), by_hand, strict=True):
            difference = max(difference, (parameter.grad - gradient).abs().item())
        optimizer.step()
        if step % (steps // 5) == 0:
            print(f"step {step:3d}: loss {loss.item():.6f}")

    found = ", ".join(f"{name} {p.item():.3f}" for name, p in model.named_parameters())
    print(f"compiled by {backend}: {found} (right: 1.5, 2.5, 0.3)")
    print(f"largest difference of a gradient from torch: {difference:.1e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    # inductor writes C++ and so needs a compiler.
    can_compile = shutil.which(os.environ.get("CXX", "g++")) is not None
    parser.add_argument("--backend", default="inductor" if can_compile else "aot_eager")
    options = parser.parse_args()
    main(options.steps, options.backend)
