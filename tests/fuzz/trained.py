"""trained: what random trainings are made of, besides torch's own modules and functions."""

from __future__ import annotations

import io
import pickle

import torch
from torch import nn
from torch.autograd import Function
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

# --- functions -----------------------------------------------------------------------


def noted(value):
    """A number for a tensor; all else as it is."""
    return value.detach().double().sum().item() if hasattr(value, "detach") else value


def registered(module, made):
    """The module with a parametrization of its weight."""
    nn.utils.parametrize.register_parametrization(module, "weight", made)
    return module


def pruned(module):
    return prune.random_unstructured(module, "weight", 0.3)


def mask(n):
    return torch.ones(n, n).triu(1).bool()


@torch.no_grad()
def clean(parameters):
    """Make gradients 0 that are rounding: the sign of one is a whole step of some optimizers."""
    for p in parameters:
        if p.grad is not None and p.grad.layout is torch.strided:
            p.grad[p.grad.abs() < 1e-9] = 0


def saved(value):
    """What comes back from a file."""
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file)


def pickled(value):
    return pickle.loads(pickle.dumps(value))


def others(model, optimizer):
    """The parameters that the optimizer does not have."""
    known = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return [p for p in model.parameters() if id(p) not in known]


# --- modules around modules ----------------------------------------------------------


class Do(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def last(x):
    return x[:, -1]


def column(x):
    return x[..., None]


def index(x):
    return (x.detach().abs() * 7).long() % 5


def channels_last(x):
    return x.to(memory_format=torch.channels_last)


class Around(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner


class First(Around):
    """The first of the results of a module."""

    def forward(self, x):
        return self.inner(x)[0]


class Own(nn.Module):
    """A module of several inputs, which are all the same."""

    def __init__(self, inner, count, **options):
        super().__init__()
        self.inner, self.count, self.options = inner, count, options

    def forward(self, x):
        y = self.inner(*[x] * self.count, **self.options)
        return y[0] if isinstance(y, tuple) else y


class Residual(Around):
    def forward(self, x):
        return x + self.inner(x)


class Again(Around):
    def forward(self, x):
        return checkpoint(self.inner, x, use_reentrant=False)


class Halves(Around):
    def forward(self, x):
        return checkpoint_sequential(self.inner, 2, x, use_reentrant=False)


class Offloaded(Around):
    def forward(self, x):
        with torch.autograd.graph.save_on_cpu():
            return self.inner(x)


class Jumps(Around):
    """A layer that is left out at random."""

    def forward(self, x):
        return x + self.inner(x) if torch.rand(()) < 0.5 else x


class Packed(Around):
    """A recurrent module on sequences of several lengths."""

    def forward(self, x):
        lengths = torch.tensor([x.shape[1], *[max(1, x.shape[1] - 1)] * (len(x) - 1)])
        options = {"batch_first": True}
        x = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False, **options)
        return nn.utils.rnn.pad_packed_sequence(self.inner(x)[0], **options)[0]


class Full(Around):
    """Not in autocast."""

    def forward(self, x):
        with torch.autocast("cpu", enabled=False):
            return self.inner(x.to(next(self.inner.parameters()).dtype))


class Chosen(nn.Module):
    """One of several modules, by turns."""

    def __init__(self, *inner):
        super().__init__()
        self.all, self.turn = nn.ModuleList(inner), 0

    def forward(self, x):
        self.turn += 1
        return self.all[self.turn % len(self.all)](x)


# --- modules with parameters and buffers ---------------------------------------------


class Twice(nn.Module):
    """A weight that is used twice, once transposed."""

    def __init__(self, n, m):
        super().__init__()
        self.there, self.bias = nn.Linear(n, m), nn.Parameter(torch.zeros(n))

    def forward(self, x):
        return nn.functional.linear(self.there(x).tanh(), self.there.weight.t(), self.bias)


class Tied(nn.Module):
    """A parameter with two names."""

    def __init__(self, n):
        super().__init__()
        self.a, self.b = nn.Linear(n, n), nn.Linear(n, n)
        self.b.weight = self.a.weight

    def forward(self, x):
        return self.b(self.a(x).sigmoid())


class Mean(nn.Module):
    """Buffers that forward changes, in place or not."""

    def __init__(self, n, inplace):
        super().__init__()
        self.inplace = inplace
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("steps", torch.tensor(0), persistent=False)

    def forward(self, x):
        now = x.detach().reshape(-1, x.shape[-1]).mean(0)
        if self.training and self.inplace:
            self.mean.mul_(0.9).add_(now, alpha=0.1)
            self.steps += 1
        elif self.training:
            self.mean, self.steps = self.mean * 0.9 + now * 0.1, self.steps + 1
        return x - self.mean


class Listed(nn.Module):
    """Parameters in a list and in a dict, and one that is not used."""

    def __init__(self, n):
        super().__init__()
        self.all = nn.ParameterList([nn.Parameter(torch.full((n,), 0.5 + i)) for i in range(2)])
        self.named = nn.ParameterDict({"a": nn.Parameter(torch.eye(n)), "b": torch.ones(n)})
        self.unused = nn.Parameter(torch.ones(2))

    def forward(self, x):
        for p in self.all:
            x = x * p
        return x @ self.named["a"] + self.named["b"]


class Tree(nn.Module):
    """Modules in a dict."""

    def __init__(self, n):
        super().__init__()
        self.all = nn.ModuleDict({"a": nn.Linear(n, n), "b": nn.Linear(n, n)})

    def forward(self, x):
        return torch.stack([m(x) for m in self.all.values()]).logsumexp(0)


class InPlace(nn.Module):
    """Changes what it computed."""

    def __init__(self, n):
        super().__init__()
        self.inner = nn.Linear(n, n)

    def forward(self, x):
        y = self.inner(x)
        y[..., 0] = y[..., 1] * 2
        y[..., 1].mul_(0.5)
        return nn.functional.relu(y.add_(x), inplace=True) + 0


class Complex(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.w = nn.Parameter(torch.complex(torch.eye(n), torch.full((n, n), 0.1)))

    def forward(self, x):
        return (x.to(self.w.dtype) @ self.w).abs()


class Extra(nn.Module):
    """Has a state of its own."""

    def __init__(self, n):
        super().__init__()
        self.w, self.calls = nn.Parameter(torch.ones(n)), 0

    def forward(self, x):
        self.calls += 1
        return x * self.w * (1 + self.calls * 0.01)

    def get_extra_state(self):
        return {"calls": self.calls, "w": self.w.detach() * 2}

    def set_extra_state(self, state):
        self.calls = state["calls"]


class Written(nn.Module):
    """A user-written Function."""

    def __init__(self, n, function):
        super().__init__()
        self.w, self.function = nn.Parameter(torch.linspace(-1, 1, n)), function

    def forward(self, x):
        y = self.function.apply(x * self.w)
        return y[0] if isinstance(y, tuple) else y


class Square(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]


class Sign(Function):
    """Its gradient is a lie."""

    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, g):
        return g


class Sorted(Function):
    @staticmethod
    def forward(ctx, x):
        y, i = x.sort(-1)
        ctx.save_for_backward(i)
        ctx.mark_non_differentiable(i)
        return y, i

    @staticmethod
    def backward(ctx, g, _):
        return torch.zeros_like(g).scatter(-1, ctx.saved_tensors[0], g)


# --- parametrizations, and an optimizer ----------------------------------------------


class Exp(nn.Module):
    def forward(self, w):
        return w.exp()

    def right_inverse(self, w):
        return w.abs().clamp_min(1e-3).log()


class Pair(nn.Module):
    """The product of two tensors."""

    def forward(self, a, b):
        return a * b

    def right_inverse(self, w):
        return w / 2, torch.full_like(w, 2.0)


class SAM(torch.optim.SGD):
    """Sharpness-aware: it moves the parameters up, asks again, and moves them back."""

    @torch.no_grad()
    def step(self, closure):
        closure, moved = torch.enable_grad()(closure), []
        loss = closure()
        for p in [p for group in self.param_groups for p in group["params"]]:
            if p.grad is not None:
                way = 0.05 * p.grad / (p.grad.norm() + 1e-12)
                p.add_(way)
                moved.append((p, way))
        closure()
        for p, way in moved:
            p.sub_(way)
        super().step()
        return loss
