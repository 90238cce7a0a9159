"""Each op in torch.autocast, with backward outside of it, as torch's AMP recipe has it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pytest
import torch
from torch.nn import functional as F  # noqa: N812 (as everybody calls it)

import plugrad as pg
from plugrad.core import SampleMaker
from plugrad.core.installed_torch import torch_before

# bfloat16 has 8 bits; a rule may round in other places than torch's, and older ones in others yet.
ALLOWED = 5e-2 if torch_before("2.13") else 4e-2


def autocast():
    return torch.autocast("cpu", dtype=torch.bfloat16)


def filled(value, make):
    if isinstance(value, torch.Tensor):
        return make(value)
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return value.__class__([filled(v, make) for v in value])
    return value


class Run:
    """A sample called in autocast, and its gradients outside of it."""

    def __init__(self, function, sample, leaf, differentiate, narrow=()):
        self.leaves = []

        def make(tensor):
            if not (tensor.is_floating_point() or tensor.is_complex()):
                return tensor
            narrowed = tensor.dtype is torch.float32 and len(self.leaves) in narrow
            self.leaves.append(leaf(tensor.bfloat16() if narrowed else tensor.clone()))
            return self.leaves[-1]

        constants = sample.constants
        args = [v if i in constants else filled(v, make) for i, v in enumerate(sample.args)]
        kwargs = {k: v if k in constants else filled(v, make) for k, v in sample.kwargs.items()}
        with torch.random.fork_rng(devices=[]), autocast(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.manual_seed(0)
            output = function(*args, **kwargs)
        outputs = output if isinstance(output, Sequence) else [output]
        self.roots = [o for o in outputs if getattr(o, "requires_grad", False)]
        self.dtypes = [o.dtype for o in self.roots]
        self.gradients = [None] * len(self.leaves)
        if self.roots and self.leaves:
            cotangents = [cotangent(o) for o in self.roots]
            self.gradients = differentiate(self.roots, self.leaves, cotangents, allow_unused=True)


def cotangent(output):
    generator = torch.Generator().manual_seed(1)
    dtype = output.dtype
    wide = torch.complex64 if dtype.is_complex else torch.float32
    return torch.randn(output.shape, generator=generator, dtype=wide).to(dtype)


def of_torch(function, sample, narrow=()):
    """The same in torch; None if it raises, or gives no tensor that requires grad."""
    try:
        run = Run(function, sample, lambda t: t.requires_grad_(), torch.autograd.grad, narrow)
    except Exception:
        return None
    return run if run.roots else None


def dense(tensor):
    return tensor if tensor is None or tensor.layout is torch.strided else tensor.to_dense()


def close(got, expected):
    """Near each other as measured by the largest element."""
    if expected is None or got is None:
        return got is expected or not (expected if got is None else got.data).any()
    expected, got = expected.detach(), got.data
    if got.shape != expected.shape or got.dtype is not expected.dtype:
        return False
    finite = expected.isfinite()
    largest = float(expected[finite].abs().max()) if finite.any() else 0.0
    return torch.allclose(got, expected, rtol=0, atol=ALLOWED * max(largest, 1e-3), equal_nan=True)


NAMES = [entry.name for entry in pg.registry if entry.function.declaration.differentiable]


#: The references of these multiply matrices, which autocast narrows, and torch's own kernels do not
#: (cross_entropy is outside autocast, so that its value is what the linear map gives). cudnn_rnn's
#: is torch.lstm and its like, which autocast narrows before they come to the primitive.
OTHER_DTYPE = {
    "cudnn_rnn",
    "linalg.ldl_solve",
    "nn.functional.grouped_mm",
    "nn.functional.linear_cross_entropy",
}


@pytest.mark.parametrize("name", [n for n in NAMES if n not in OTHER_DTYPE])
def test_the_gradient_is_in_the_leafs_dtype_and_near_torchs(name):
    entry = pg.registry[name]
    declaration = entry.function.declaration
    others = declaration.surrogate_reference or declaration.reference
    reference = others or next(iter(entry.overrides), None)
    for index, sample in enumerate(entry.function.samples(SampleMaker(0, torch.float32))):
        if sample.error is not None:  # a call that is refused
            continue
        if reference is None or sample.oracle_is_wrong:
            continue
        compare(entry.function.apply, reference, sample, index)


def compare(apply, reference, sample, index, narrow=()):
    theirs = of_torch(reference, sample, narrow)
    if theirs is None:
        return
    ours = Run(apply, sample, lambda t: pg.Variable(t, requires_grad=True), pg.grad, narrow)
    assert ours.dtypes == theirs.dtypes, f"sample {index}: {sample}"
    for leaf, got, expected in zip(ours.leaves, ours.gradients, theirs.gradients, strict=True):
        assert got is None or got.dtype is leaf.dtype
        got, expected = dense(got), dense(expected)
        if expected is not None and expected.isnan().any() and not got.isnan().any():
            continue  # torch has no number
        assert close(got, expected), f"sample {index}: {sample}: {got}, torch: {expected}"


#: In these torch's own kernel is wrong, or rounds much more than ours in bfloat16.
KERNEL_IS_WRONG = {
    "as_strided_scatter",
    "fake_quantize_learnable_per_channel_affine",
    "fake_quantize_learnable_per_tensor_affine",
    "huber_loss_forward",
    "linalg.matrix_exp",
    "logcumsumexp",
    "masked_softmax",
    "mse_loss_forward",
    "native_group_norm",
    "ormqr",
    "smooth_l1_loss_backward",
    "smooth_l1_loss_forward",
}
#: These are called by torch after its autocast has made the dtypes equal, or with other outputs.
CALLED_BELOW = {
    "block_diag",
    "mkldnn_rnn_layer",
    "nn.functional.max_pool3d",
    "scaled_dot_product_attention_math",
    "soft_margin_loss_backward",
    "soft_margin_loss_forward",
}
if torch_before("2.8"):  # whose residuals have no gradient
    CALLED_BELOW.add("linalg.lstsq")
MIXED = [n for n in NAMES if n not in OTHER_DTYPE | KERNEL_IS_WRONG | CALLED_BELOW]


@pytest.mark.parametrize("narrow", [{0}, set(range(1, 9))], ids=["the first", "the others"])
@pytest.mark.parametrize("name", [n for n in MIXED if pg.registry[n].overrides])
def test_operands_some_of_which_an_earlier_op_has_narrowed(name, narrow):
    entry = pg.registry[name]
    for index, sample in enumerate(entry.function.samples(SampleMaker(0, torch.float32))):
        if sample.error is None and not sample.oracle_is_wrong:
            compare(entry.function.apply, next(iter(entry.overrides)), sample, index, narrow)


# --- the recipe ----------------------------------------------------------------------


def network(x, w1, b1, w2, target):
    hidden = F.relu(F.linear(x, w1, b1))
    return F.cross_entropy(hidden @ w2, target)


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(s, generator=generator) for s in ((5, 8), (16, 8), (16,), (16, 3))]


TARGET = torch.tensor([0, 2, 1, 1, 0])


def both(function, tensors, differentiate_inside=False):
    leaves = [t.clone().requires_grad_() for t in tensors]
    variables = [pg.Variable(t.clone(), requires_grad=True) for t in tensors]
    with autocast():
        theirs, ours = function(*leaves, TARGET), function(*variables, TARGET)
        if differentiate_inside:
            theirs.backward()
            ours.backward()
    if not differentiate_inside:
        theirs.backward()
        ours.backward()
    return leaves, variables


@pytest.mark.parametrize("inside", [False, True], ids=["outside", "inside"])
def test_a_network(tensors, inside):
    leaves, variables = both(network, tensors, inside)
    for leaf, variable in zip(leaves, variables, strict=True):
        assert variable.grad.dtype is torch.float32
        assert close(variable.grad, leaf.grad)


def test_a_part_in_full_precision(tensors):
    def function(x, w1, b1, w2, target):
        hidden = F.linear(x, w1, b1).tanh()
        with torch.autocast("cpu", enabled=False):
            hidden = hidden.float() @ w2
        return network(x, w1, b1, w2, target) + F.cross_entropy(hidden, target)

    leaves, variables = both(function, tensors)
    for leaf, variable in zip(leaves, variables, strict=True):
        assert variable.grad.dtype is torch.float32
        assert close(variable.grad, leaf.grad)


def test_second_order(tensors):
    x, w = tensors[0], tensors[1]

    def second(x, w, grad):
        with autocast():
            y = F.linear(x, w)
        (g,) = grad(y.float().pow(2).sum(), x, create_graph=True)
        return grad(g.pow(2).sum(), w)[0]

    expected = second(x.clone().requires_grad_(), w.clone().requires_grad_(), torch.autograd.grad)
    variables = [pg.Variable(t, requires_grad=True) for t in (x, w)]
    got = second(*variables, pg.grad)
    assert got.dtype is torch.float32
    assert close(got, expected)


def test_backward_leaves_autocast_as_it_was(tensors):
    _, variables = both(network, tensors)
    assert not torch.is_autocast_enabled("cpu")
    assert variables[0].grad is not None
    with autocast():
        loss = network(*variables, TARGET)
        with torch.autocast("cpu", enabled=False):
            loss.backward()
            assert not torch.is_autocast_enabled("cpu")
        assert torch.is_autocast_enabled("cpu")
        assert torch.get_autocast_dtype("cpu") is torch.bfloat16
