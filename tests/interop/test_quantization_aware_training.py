"""Models that torch.ao.quantization prepared train on Variables as they do on tensors."""

from __future__ import annotations

import importlib
import warnings

import pytest
import torch
from torch import nn

import plugrad as pg

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantization = importlib.import_module("torch.ao.quantization")
        learnable = importlib.import_module("torch.ao.quantization._learnable_fake_quantize")
except ImportError as error:
    pytest.skip(f"this torch has no torch.ao.quantization: {error}", allow_module_level=True)

pytestmark = [
    pytest.mark.filterwarnings("ignore:torch.ao.quantization is deprecated"),
    pytest.mark.filterwarnings("ignore:Please use quant_min and quant_max"),
]


class Net(nn.Module):
    """A convolution, a normalization and a layer, between the marks where numbers are rounded."""

    def __init__(self):
        super().__init__()
        self.quant, self.dequant = quantization.QuantStub(), quantization.DeQuantStub()
        self.conv, self.bn, self.relu = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU()
        self.fc = nn.Linear(27, 2)

    def forward(self, x):
        y = self.relu(self.bn(self.conv(self.quant(x))))
        return self.dequant(self.fc(y.flatten(1)))


def default(version):
    return quantization.get_default_qat_qconfig("fbgemm", version=version)


def learned():
    quantize = learnable._LearnableFakeQuantize.with_args
    observer = quantization.MovingAverageMinMaxObserver
    activation = quantize(
        observer=observer, quant_min=0, quant_max=255, scale=0.1, use_grad_scaling=True
    )
    signed = {"dtype": torch.qint8, "qscheme": torch.per_tensor_symmetric}
    weight = quantize(observer=observer, quant_min=-128, quant_max=127, **signed)
    return quantization.QConfig(activation=activation, weight=weight)


KINDS = {"FakeQuantize": lambda: default(0), "fused": lambda: default(1), "learned": learned}


def trained(kind, convert):
    """The losses and gradients of four steps, and what the observers have seen."""
    torch.manual_seed(0)
    model = Net().train()
    model.qconfig = KINDS[kind]()
    quantization.fuse_modules_qat(model, [["conv", "bn", "relu"]], inplace=True)
    quantization.prepare_qat(model, inplace=True)
    for module in model.modules():
        if isinstance(module, learnable._LearnableFakeQuantize):
            module.enable_param_learning()
    if convert:
        pg.interop.convert(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    generator, seen = torch.Generator().manual_seed(1), {}
    for step in range(4):
        x = torch.randn(4, 1, 5, 5, generator=generator)
        target = torch.randn(4, 2, generator=generator)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), target)
        loss.backward()
        seen[f"loss {step}"] = torch.as_tensor(loss.detach().numpy())
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                seen[f"{name} {step}"] = torch.as_tensor(parameter.grad.numpy()).clone()
        optimizer.step()
    return seen | {name: buffer.clone() for name, buffer in model.named_buffers()}


@pytest.mark.parametrize("kind", KINDS)
def test_losses_gradients_and_ranges_are_torchs(kind):
    with torch.random.fork_rng(devices=[]):
        wanted, found = trained(kind, convert=False), trained(kind, convert=True)
    assert found.keys() == wanted.keys()
    assert "conv.weight 3" in found
    assert ("quant.activation_post_process.scale 3" in found) == (kind == "learned")
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6, msg=name)
