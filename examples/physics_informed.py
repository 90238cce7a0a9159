"""Solve u'' + u = 0 with a network, and plot it beside sin(x).

    pip install -c constraints.txt -e '.[demo]'
    python examples/physics_informed.py solution.png

The network is trained to satisfy the equation itself, so the loss holds a second derivative, and
training differentiates it once more. u(0) = 0 and u'(0) = 1 are built in.
"""

import argparse
from copy import deepcopy

import torch
from torch import nn

import plugrad as pg


def u(network, x):
    """Return x + x^2 n(x): it is 0 at 0, and its slope is 1 there, whatever n is."""
    return x + x**2 * network(x)


def residual(network, x, grad):
    """Return u'' + u at each x. ``grad`` is plugrad's or torch's: they are called the same way."""
    y = u(network, x)
    (slope,) = grad(y.sum(), x, create_graph=True)
    (curvature,) = grad(slope.sum(), x, create_graph=True)
    return curvature + y


def gradient(network, x, grad):
    """Return the loss, the mean of the squared residual, and its gradient."""
    loss = residual(network, x, grad).square().mean()
    return loss, grad(loss, list(network.parameters()))


def difference(network, x, on_torch, points) -> float:
    """Return how far the gradient is from torch's at the same parameters, relatively."""
    on_torch.load_state_dict({name: p.detach() for name, p in network.state_dict().items()})
    _, ours = gradient(network, x, pg.grad)
    _, theirs = gradient(on_torch, points, torch.autograd.grad)
    apart = [torch.linalg.norm(a.data - b) for a, b in zip(ours, theirs, strict=True)]
    return (max(apart) / max(map(torch.linalg.norm, theirs))).item()


def train(network, x, steps: int, each_step) -> None:
    """Minimise the loss, and call ``each_step`` with the number of the step and the loss."""
    optimizer = torch.optim.LBFGS(
        network.parameters(), lr=1, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = residual(network, x, pg.grad).square().mean()
        loss.backward()
        return loss

    for step in range(steps):
        each_step(step, optimizer.step(closure).item())


def plot(path: str, x, ours, exact) -> None:
    """Draw the solution, and what it lacks."""
    import matplotlib.pyplot as plt

    figure, (above, below) = plt.subplots(2, sharex=True, figsize=(6, 6))
    above.plot(x, exact, "k", label="sin(x)")
    above.plot(x, ours, "--", label="the network's u(x)")
    above.legend()
    below.plot(x, ours - exact)
    below.set_title("u(x) - sin(x)")
    figure.tight_layout()
    figure.savefig(path)
    print(f"plotted to {path}")


def main(path: str | None, steps: int) -> None:
    """Train, and say how far the gradients are from torch's, and the solution from sin."""
    torch.manual_seed(0)
    on_torch = nn.Sequential(
        nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1)
    ).double()
    network = pg.interop.convert(deepcopy(on_torch))  # its parameters are Variables now
    points = torch.linspace(-torch.pi, torch.pi, 60, dtype=torch.float64)[:, None]
    points.requires_grad_()
    x = pg.Variable(points.detach(), requires_grad=True)

    apart = []

    def report(step: int, loss: float) -> None:
        apart.append(difference(network, x, on_torch, points))
        if step % 2 == 0:
            print(f"step {step}: loss {loss:.2e}, gradient {apart[-1]:.1e} from torch's")

    train(network, x, steps, report)
    with torch.no_grad():
        found, exact = u(network, points).detach(), points.detach().sin()
    print(f"largest error of the solution: {(found - exact).abs().max().item():.1e}")
    print(f"largest relative difference of a gradient from torch: {max(apart):.1e}")
    if path is not None:
        plot(path, points.detach().flatten(), found.flatten(), exact.flatten())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("plot", nargs="?", help="a file to draw the solution to")
    parser.add_argument("--steps", type=int, default=10)
    options = parser.parse_args()
    main(options.plot, options.steps)
