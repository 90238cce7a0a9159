"""What code written for tensors asks of a Variable: the answer is a tensor's, or an error of ours.

Each entry of SAME is run on a tensor that requires grad and on a Variable of the same numbers.
What is returned is compared, and the gradients where it has some.
"""

from __future__ import annotations

import copy
import io
import operator
import pickle
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import plugrad as pg
from plugrad.errors import PlugradError

D = torch.distributions


def numbers():
    return torch.rand(2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 0.1


def ours():
    return pg.Variable(numbers(), requires_grad=True)


def theirs():
    return numbers().requires_grad_()


SAME = {
    # --- what it is ---
    "isinstance": lambda x: isinstance(x, torch.Tensor),
    "is_tensor": torch.is_tensor,
    "is_floating_point": torch.is_floating_point,
    "is_complex": torch.is_complex,
    "numel": torch.numel,
    "type": lambda x: (x.type(), x.type(torch.float32), x.type("torch.FloatTensor")),
    "flags": lambda x: (x.is_mps, x.is_quantized, x.is_meta, x.is_nested, x.is_sparse_csr),
    "more flags": lambda x: (x.is_cpu, x.is_xpu, x.is_mkldnn, x.is_leaf, x.retains_grad),
    "storage": lambda x: (x.untyped_storage().nbytes(), x.storage_offset(), x.element_size()),
    "pinned": lambda x: (x.is_pinned(), x.is_shared(), x.is_inference()),
    "sizes": lambda x: (x.is_same_size(x * 2), torch.is_same_size(x, x), x.nbytes, x.itemsize),
    "is_signed": lambda x: (x.is_signed(), torch.is_signed(x), torch.is_nonzero(x.sum())),
    "finfo": lambda x: torch.finfo(x.dtype).min,
    "result_type": lambda x: (torch.result_type(x, 1), torch.can_cast(x.dtype, torch.int64)),
    "device": lambda x: (x.device.type, x.get_device(), str(x.device)),
    "in a set": lambda x: len({x, x}),
    # --- Python ---
    "item": lambda x: (x.sum().item(), float(x.detach()[0, 0]), int(x.detach()[0, 0])),
    "list": lambda x: x.tolist(),
    "format": lambda x: f"{x.sum().detach():.3f}",
    "iteration": lambda x: [row.sum() for row in x],
    "unpacking": lambda x: operator.add(*x),
    "sum": lambda x: sum([x, x]),
    "reversed": lambda x: list(reversed(x)),
    "len and in": lambda x: (len(x), 5.0 in x),
    "indices": lambda x: (x[..., None], x[:, 0], x[[0, 1]], x[x > 0.5], x[-1, ::2]),
    "max": lambda x: max(x.flatten()),
    "sorted": lambda x: sorted(x.flatten()),
    "logic": lambda x: ((x > 0.2) & (x < 0.9), ~(x > 0.2), (x > 0.2) | (x > 1)),
    "integers": lambda x: (x.detach() // 0.25, x.detach().long() << 2, 5 // x.detach().ceil()),
    "remainders": lambda x: (x.detach() % 0.25, 8 % x.detach()),
    "copy": lambda x: (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x.detach()))),
    # --- new tensors ---
    "like": lambda x: (torch.zeros_like(x), torch.ones_like(x), torch.full_like(x, 2.0)),
    "random like": lambda x: [seeded(f, x) for f in (torch.rand_like, torch.randn_like)],
    "new": lambda x: (x.new_zeros(3), x.new_tensor([1.0, 2.0]), x.new_full((2,), 3.0)),
    "new leaf": lambda x: x.new_tensor([1.0], requires_grad=True).requires_grad,
    "to": lambda x: (x.to("cpu", torch.float32, copy=True), x.to(torch.ones(1)), x.cpu()),
    "half and back": lambda x: x.half().float().double(),
    # --- metrics, nothing of which has a gradient ---
    "equal": lambda x: (torch.equal(x, x), torch.allclose(x, x * 1), torch.isclose(x, x)),
    "assert_close": lambda x: torch.testing.assert_close(x, x * 1),
    "accuracy": lambda x: (x.argmax(1) == torch.tensor([0, 1])).float().mean().item(),
    "counts": lambda x: (torch.bincount(x.argmax(1)), torch.unique(x.detach()), x.isnan().any()),
    "numpy": lambda x: (x.detach().numpy(), np.asarray(x.detach()), x.detach().cpu().numpy()),
    "numpy number": lambda x: (np.float64(2) * x, np.float32(2) - x, np.int64(1) / x),
    "numpy of dlpack": lambda x: np.from_dlpack(x.detach()),
    "dlpack": lambda x: torch.from_dlpack(x.detach()),
    "as_tensor": lambda x: (torch.as_tensor(x.detach()), torch.tensor(x.detach().tolist())),
    # --- autograd by torch's names ---
    "autograd.grad": lambda x: torch.autograd.grad((x * x).sum(), x),
    "jacobian": lambda x: torch.autograd.functional.jacobian(torch.sin, x),
    "hessian": lambda x: torch.autograd.functional.hessian(lambda x: x.sin().sum(), x),
    "no_grad": lambda x: torch.no_grad()(lambda: x * 2)().requires_grad,
    "checkpoint": lambda x: torch.utils.checkpoint.checkpoint(torch.sin, x, use_reentrant=False),
    "hook": lambda x: (x.register_hook(lambda g: g * 2), x * 3)[1],
    "dataset": lambda x: next(iter(DataLoader(TensorDataset(x), batch_size=2)))[0],
    "collate": lambda x: next(iter(DataLoader([x, x], batch_size=2))),
    "dictionaries": lambda x: next(iter(DataLoader([{"a": x, "b": 1}] * 2, batch_size=2)))["a"],
    "tuples": lambda x: next(iter(DataLoader([(x, "s"), (x, "t")], batch_size=2)))[0],
    # --- modules and losses ---
    "relu": lambda x: nn.Sequential(nn.ReLU(), nn.Dropout(0.0), nn.Flatten())(x),
    "losses": lambda x: (nn.CrossEntropyLoss()(x, torch.tensor([0, 1])), nn.MSELoss()(x, x * 2)),
    "multi-head mask": lambda x: x.masked_fill(torch.eye(2, 3) > 0, float("-inf")).softmax(-1),
    "stack with a tensor": lambda x: torch.stack([x, torch.ones(2, 3).double()]),
    "tensor first": lambda x: torch.ones(2, 3).double() * x,
    "broadcast_tensors": lambda x: torch.broadcast_tensors(x, torch.ones(2, 1, 3).double()),
    "meshgrid": lambda x: torch.meshgrid(x[0], x[1], indexing="ij"),
    "tensordot": lambda x: torch.tensordot(x, x, dims=([1], [1])),
    "normal": lambda x: D.Normal(x, x).log_prob(torch.zeros(2, 3)),
    "sampled": lambda x: seeded(lambda x: D.Normal(x, 1.0).rsample(), x),
    "categorical": lambda x: D.Categorical(logits=x).log_prob(torch.tensor([0, 1])),
    "kl": lambda x: D.kl_divergence(D.Normal(x, 1.0), D.Normal(0.0, 1.0)),
}  # fmt: skip


def seeded(function, x):
    torch.manual_seed(0)
    return function(x)


def plain(value):
    """``value`` with lists for tensors, arrays and Variables."""
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, pg.Variable | torch.Tensor):
        return (value.detach().tolist(), value.dtype, value.requires_grad)
    return (value.tolist(), value.dtype) if isinstance(value, np.ndarray) else value


def scalar(value):
    """The sum of all in ``value`` that can be differentiated; None if nothing can."""
    if isinstance(value, list | tuple):
        parts = [p for p in map(scalar, value) if p is not None]
        return sum(parts) if parts else None
    if isinstance(value, pg.Variable | torch.Tensor) and value.requires_grad:
        return None if value.is_leaf else value.double().pow(2).sum()
    return None


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad:UserWarning")
@pytest.mark.filterwarnings("ignore:.*is_quantized:UserWarning")
@pytest.mark.parametrize("habit", SAME)
def test_it_works_as_on_a_tensor(habit):
    got, expected = SAME[habit](v := ours()), SAME[habit](t := theirs())
    close(plain(got), plain(expected))
    ends = scalar(got), scalar(expected)
    assert (ends[0] is None) == (ends[1] is None)
    if ends[0] is not None:
        for end in ends:
            end.backward()
        close(v.grad.tolist(), t.grad.tolist())


def close(got, expected):
    if isinstance(expected, list | tuple):
        assert len(got) == len(expected)
        for g, e in zip(got, expected, strict=True):
            close(g, e)
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, nan_ok=True)
    else:
        assert got == expected


REFUSED = {
    "numpy": (lambda x: x.numpy(), "requires grad"),
    "asarray": (np.asarray, "requires grad"),
    "ufunc": (np.sin, "NumPy's sin was given a Variable"),
    "array first": (lambda x: np.ones(3) * x, "NumPy array beside"),
    "array last": (lambda x: x * np.ones(3), "NumPy array beside"),
    "dlpack": (torch.from_dlpack, "require gradient"),
    "tensor": (torch.tensor, "require gradient"),
    "as_tensor": (torch.as_tensor, "require gradient"),
    "new_tensor": (lambda x: x.new_tensor(x), "without a graph"),
    "len": (lambda x: len(x.sum()), "0-d"),
    "leaf": (lambda x: x.add_(1), "leaf"),
    "leaf index": (lambda x: operator.setitem(x, 0, 1.0), "leaf"),
    "into a tensor": (lambda x: torch.zeros(2, 3).double().copy_(x), "plain tensor"),
    "element of a tensor": (lambda x: operator.setitem(torch.zeros(3), 0, x[0, 0]), "plain tensor"),
    "torch's parameter": (lambda x: x @ nn.Parameter(torch.ones(3).double()), "convert"),
    "torch's module": (lambda x: nn.Linear(3, 2).double()(x), "convert"),
    "swap": (lambda x: torch.utils.swap_tensors(x, x * 1), "cannot swap"),
    "copy of a graph": (lambda x: copy.deepcopy(x * 2), "leaves"),
    "integers": (lambda x: pg.Parameter(torch.arange(3)), "can require gradients"),
    "name of torch": (lambda x: pg.sin(x), "call torch.sin"),
    "words": (lambda x: x.sinn(), "sin"),
}  # fmt: skip


@pytest.mark.parametrize("habit", REFUSED)
def test_it_is_an_error_that_says_what_to_do(habit):
    function, says = REFUSED[habit]
    with pytest.raises(PlugradError, match="fix: ") as caught:
        function(ours())
    assert says in str(caught.value)


@pytest.mark.filterwarnings("ignore:.*fork.*")  # of libraries that have threads
def test_workers_collate_variables():
    rows = [pg.Variable(numbers()), pg.Variable(numbers() * 2)]
    (batch,) = DataLoader(rows, batch_size=2, num_workers=1)
    assert isinstance(batch, pg.Variable)
    assert batch.tolist() == torch.stack([r.data for r in rows]).tolist()


def test_einops():
    einops = pytest.importorskip("einops")
    for compute in (
        lambda x: einops.rearrange(x, "a b -> b a"),
        lambda x: einops.reduce(x, "a b -> a", "mean"),
        lambda x: einops.repeat(x, "a b -> a 2 b"),
        lambda x: einops.einsum(x, x, "a b, c b -> a c"),
        lambda x: einops.pack([x, x], "a *")[0],
    ):
        v, t = ours(), theirs()
        got, expected = compute(v), compute(t)
        assert plain(got) == plain(expected)
        got.pow(2).sum().backward(), expected.pow(2).sum().backward()
        assert v.grad.tolist() == t.grad.tolist()


def test_saving_and_loading():
    file = io.BytesIO()
    torch.save({"w": pg.Parameter(numbers())}, file)
    file.seek(0)
    loaded = torch.load(file)["w"]
    assert isinstance(loaded, pg.Parameter)
    assert plain(loaded) == (numbers().tolist(), torch.float64, True)


def test_attributes_of_memory():
    v = ours()
    assert v.data_ptr() == v.data.data_ptr()
    assert v.untyped_storage().data_ptr() == v.data_ptr()
    with pg.no_grad():
        assert torch.as_tensor(v).data_ptr() == v.data_ptr()


def test_functional_calls_of_torch_take_them():
    x = ours()
    assert functional.relu(x, inplace=False).requires_grad
    assert nn.ReLU(inplace=True)(x * 1).requires_grad


def test_opt_einsum_is_told_whose_functions_a_variable_takes(monkeypatch):
    """It keeps its backends in a dictionary; the module that it names calls torch's einsum."""
    dispatch = types.ModuleType("dispatch")
    dispatch._aliases = {"torch": "opt_einsum.backends.torch"}
    monkeypatch.setitem(sys.modules, "opt_einsum.backends.dispatch", dispatch)
    pg.interop._tell_opt_einsum()
    assert dispatch._aliases["plugrad"] == dispatch._aliases["torch"]
