"""Third derivatives of normalizations are the slopes of the second derivatives.

torch is no oracle here: its third derivatives of batch_norm and layer_norm can be wrong by as much
as their own size.
"""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg

NORMS = {
    "batch_norm": lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
    "instance_norm": lambda x, w, b: F.instance_norm(x.view(1, 3, 4), None, None, w, b),
    "layer_norm": lambda x, w, b: F.layer_norm(x.view(4, 3), [3], w, b),
    "group_norm": lambda x, w, b: F.group_norm(x.view(2, 3, 2), 1, w, b),
    "rms_norm": lambda x, w, b: F.rms_norm(x.view(4, 3), [3], w) + b,
}


def data(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", NORMS)
def test_is_the_slope_of_the_second(name):
    x0, w0, b0 = data(4, 3), data(3).exp(), data(3)
    on_w, on_x = data(3).sin(), data(4, 3).sin()

    def second(x):
        """Directions times the second derivatives, of the gradients of weight and input."""
        w, b = pg.Variable(w0, requires_grad=True), pg.Variable(b0, requires_grad=True)
        y = NORMS[name](x, w, b)
        c = data(*y.shape).cos()
        gw, gx = pg.grad((y * c).sum(), [w, x], create_graph=True)
        hw, hx = pg.grad((gw * on_w).sum() + (gx * on_x).sum(), [w, x], create_graph=True)
        return (hw * on_w.exp()).sum() + (hx * on_x.exp()).sum()

    x = pg.Variable(x0, requires_grad=True)
    (third,) = pg.grad(second(x), x)
    for place in range(x0.numel()):
        step = torch.zeros(x0.numel(), dtype=torch.float64)
        step[place] = 1e-5
        ends = [
            second(pg.Variable(x0 + s * step.view_as(x0), requires_grad=True)).item()
            for s in (1, -1)
        ]
        slope = (ends[0] - ends[1]) / 2e-5
        assert abs(third.data.flatten()[place].item() - slope) < 1e-6 * (1 + abs(slope))
