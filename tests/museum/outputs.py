"""Several outputs: one that the loss uses and backward forgets, and one that nobody uses."""

from __future__ import annotations

import torch
from torch.autograd import Function

from plugrad import Sample
from plugrad.tests.museum.exhibit import Exhibit, Room


class Recurrence(Function):
    """y has the states at all times, h the last one, from which a next call goes on."""

    @staticmethod
    def forward(x, h0, decay):
        states = [h0.expand_as(x[:, 0])]
        for t in range(x.shape[1]):
            states.append(torch.tanh(decay * states[-1] + x[:, t]))
        return torch.stack(states[1:], 1), states[-1].clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output[0])

    @staticmethod
    def backward(ctx, dy, dh):
        return _through_time(*ctx.saved_tensors, dy, dh)


class RecurrenceBefore(Recurrence):
    @staticmethod
    def backward(ctx, dy, dh):
        return _through_time(*ctx.saved_tensors, dy, torch.zeros_like(dh))


def _through_time(x, h0, decay, y, dy, dh):
    before = torch.cat([h0.expand_as(x[:, 0])[:, None], y[:, :-1]], 1)
    dx, ddecay = [], torch.zeros_like(decay)
    for t in reversed(range(x.shape[1])):
        dz = (dh + dy[:, t]) * (1 - y[:, t] ** 2)
        dx.insert(0, dz)
        ddecay = ddecay + (dz * before[:, t]).sum_to_size(decay.shape)
        dh = dz * decay
    return torch.stack(dx, 1), dh.sum_to_size(h0.shape), ddecay


def recurrence_samples(make):
    yield Sample(make(2, 3, 4), make(2, 4), make(4))


class MomentumUpdate(Function):
    @staticmethod
    def forward(x, momentum):
        return x * momentum, x + momentum

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, do, dstate):
        x, momentum = ctx.saved_tensors
        do = torch.zeros_like(x) if do is None else do
        dstate = torch.zeros_like(x) if dstate is None else dstate
        return do * momentum + dstate, do * x + dstate


class MomentumUpdateBefore(MomentumUpdate):
    @staticmethod
    def backward(ctx, do, dstate):
        x, momentum = ctx.saved_tensors
        return do * momentum + dstate, do * x + dstate


def momentum_samples(make):
    yield Sample(make(3, 4), make(3, 4))


ROOM = Room(
    "outputs",
    "Several outputs",
    "A second output is often a by-product, such as a last state. Some losses use it and some do "
    "not, and backward has to expect both.",
    (
        Exhibit(
            "the last state gets no gradient",
            "open-lm-engine/accelerated-model-architectures",
            "https://github.com/open-lm-engine/accelerated-model-architectures/pull/445",
            "The gradient of the last state was dropped. It matters as soon as a next chunk "
            "starts from that state.",
            "numeric",
            RecurrenceBefore,
            Recurrence,
            recurrence_samples,
        ),
        Exhibit(
            "the last state is not used",
            "fla-org/flash-linear-attention",
            "https://github.com/fla-org/flash-linear-attention/pull/1208",
            "The gradient of an output that nobody uses was None, and backward computed with it.",
            "partial-cotangents",
            MomentumUpdateBefore,
            MomentumUpdate,
            momentum_samples,
        ),
    ),
)
