"""What lets torch's own code work on Variables: its Functions, its autograd's calls."""

from __future__ import annotations

import torch
from torch.autograd import detect_anomaly, set_detect_anomaly

from plugrad.core.engine import backward
from plugrad.core.graph import get_gradient_edge
from plugrad.functional import grad
from plugrad.interop.from_torch import adopt_torch_functions
from plugrad.plugins.default import registry

__all__ = ["adopt_torch_functions", "detect_anomaly", "set_detect_anomaly"]

registry.stand_ins.update(
    {
        torch.autograd.grad: grad,
        torch.autograd.backward: backward,
        torch.Tensor.backward: backward,
        torch.autograd.graph.get_gradient_edge: get_gradient_edge,
    }
)
adopt_torch_functions()
