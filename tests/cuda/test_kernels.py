"""What torch computes on a GPU with kernels of its own: recurrent layers, attention, losses."""

from __future__ import annotations

from contextlib import nullcontext
from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional

import plugrad as pg
from plugrad.tests.interop.against_torch import PLUGRAD, TORCH, by_torch, difference, stages

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here"),
    pytest.mark.filterwarnings("ignore"),
]

CUDA = torch.device("cuda")


def leaves_of(engine, *tensors):
    return [engine.leaf(t) if t.is_floating_point() else t for t in tensors]


def judge(call, *tensors, tolerance=1e-4, second=True):
    """Compare value, gradient and, where torch has one, second derivative."""

    def run(engine, second):
        torch.manual_seed(0)
        leaves = leaves_of(engine, *tensors)
        tracked = [t for t in leaves if t.requires_grad]
        return stages(call(*leaves), tracked, engine, second)

    try:
        expected, has_second = by_torch(partial(run, TORCH), second)
    except RuntimeError as error:  # NotImplementedError among them
        pytest.skip(f"torch itself: {error}")
    got = run(PLUGRAD, has_second)
    assert difference(expected, got, tolerance) is None


def judge_module(module, *tensors, tolerance=1e-4, second=False):
    """The same of a module, for its parameters too."""

    def run(engine, second):
        mine = deepcopy(module)
        if engine is PLUGRAD:
            pg.interop.convert(mine)
        leaves = leaves_of(engine, *tensors)
        torch.manual_seed(1)
        output = mine(*leaves)
        tracked = [*mine.parameters(), *[t for t in leaves if t.requires_grad]]
        return stages(output, tracked, engine, second)

    expected, has_second = by_torch(partial(run, TORCH), second)
    got = run(PLUGRAD, has_second)
    assert difference(expected, got, tolerance) is None


RECURRENT = {
    "LSTM": lambda: nn.LSTM(4, 5),
    "LSTM of two layers": lambda: nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True),
    "LSTM with projections": lambda: nn.LSTM(4, 5, proj_size=3),
    "LSTM with dropout": lambda: nn.LSTM(4, 5, 2, dropout=0.5),
    "LSTM without biases": lambda: nn.LSTM(4, 5, bias=False),
    "GRU": lambda: nn.GRU(4, 5, 2, bidirectional=True),
    "RNN": lambda: nn.RNN(4, 5),
    "RNN of relus": lambda: nn.RNN(4, 5, nonlinearity="relu"),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", RECURRENT)
@pytest.mark.parametrize("cudnn", [True, False], ids=["cudnn", "native"])
def test_recurrent(name, dtype, cudnn):
    torch.manual_seed(0)
    module = RECURRENT[name]().to(CUDA, dtype)
    with torch.backends.cudnn.flags(enabled=cudnn):
        judge_module(module, torch.randn(3, 2, 4, device=CUDA, dtype=dtype), tolerance=1e-3)


@pytest.mark.parametrize("cls", [nn.LSTM, nn.GRU])
def test_recurrent_of_packed_sequences(cls):
    torch.manual_seed(0)
    module = cls(4, 5).to(CUDA)
    x = torch.randn(6, 3, 4, device=CUDA)

    class Packed(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = module

        def forward(self, x):
            packed = nn.utils.rnn.pack_padded_sequence(x, [6, 4, 1])
            y, state = self.inner(packed)
            return nn.utils.rnn.pad_packed_sequence(y)[0], state

    judge_module(Packed(), x, tolerance=1e-3)


@pytest.mark.parametrize("cls", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
def test_cells(cls):
    torch.manual_seed(0)
    judge_module(cls(4, 5).to(CUDA), torch.randn(2, 4, device=CUDA), second=True)


BACKENDS = ["MATH", "FLASH_ATTENTION", "EFFICIENT_ATTENTION", "CUDNN_ATTENTION", None]


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize(
    "form", ["plain", "causal", "mask", "boolean mask", "mask's gradient", "dropout", "odd", "gqa"]
)
def test_attention(form, dtype, backend):
    torch.manual_seed(0)
    size = 13 if form == "odd" else 16
    q, k, v = (torch.randn(2, 4, 24, size, device=CUDA, dtype=dtype) for _ in range(3))
    if form == "gqa":
        k, v = k[:, :2], v[:, :2]
    tensors = [q, k, v]
    options: dict = {}
    if form == "causal":
        options = {"is_causal": True}
    elif form == "mask":
        options = {"attn_mask": torch.randn(24, 24, device=CUDA, dtype=dtype)}
    elif form == "boolean mask":
        options = {"attn_mask": torch.rand(2, 1, 24, 24, device=CUDA) > 0.3}
    elif form == "mask's gradient":
        tensors.append(torch.randn(2, 1, 24, 24, device=CUDA, dtype=dtype))
    elif form == "dropout":
        options = {"dropout_p": 0.3}
    elif form == "gqa":
        options = {"enable_gqa": True}

    def call(*given):
        chosen = nullcontext()
        if backend:
            chosen = nn.attention.sdpa_kernel(getattr(nn.attention.SDPBackend, backend))
        with chosen:
            return functional.scaled_dot_product_attention(*given, **options)

    try:
        call(*tensors)
    except RuntimeError:
        pytest.skip("torch's kernel does not take this")
    tolerance = 1e-4 if dtype is torch.float32 else 3e-2
    judge(call, *tensors, tolerance=tolerance)


FUNCTIONS = {
    "rms_norm": (lambda x, w: functional.rms_norm(x, (8,), w), (4, 8), (8,)),
    "layer_norm": (lambda x, w: functional.layer_norm(x, (8,), w), (4, 8), (8,)),
    "batch_norm": (
        lambda x, w: functional.batch_norm(x, None, None, w, None, True),
        (4, 8, 3),
        (8,),
    ),
    "group_norm": (lambda x, w: functional.group_norm(x, 2, w), (4, 8, 3), (8,)),
    "conv2d": (lambda x, w: functional.conv2d(x, w, padding=1), (2, 4, 6, 6), (8, 4, 3, 3)),
    "depthwise": (lambda x, w: functional.conv2d(x, w, groups=4), (2, 4, 6, 6), (4, 1, 3, 3)),
    "conv_transpose2d": (
        lambda x, w: functional.conv_transpose2d(x, w),
        (2, 4, 6, 6),
        (4, 3, 3, 3),
    ),
    "conv3d": (lambda x, w: functional.conv3d(x, w), (1, 2, 4, 4, 4), (3, 2, 2, 2, 2)),
    "dilated": (lambda x, w: functional.conv2d(x, w, dilation=2), (2, 4, 6, 6), (8, 4, 2, 2)),
    "grid_sample": (
        lambda x, g: functional.grid_sample(x, g.tanh(), align_corners=False),
        (2, 3, 4, 4),
        (2, 5, 5, 2),
    ),
    "affine_grid": (
        lambda t, x: functional.affine_grid(t, (2, 3, 4, 4), False) + x.sum(),
        (2, 2, 3),
        (2,),
    ),
    "embedding": (
        lambda w, x: functional.embedding(torch.tensor([0, 2, 2], device=CUDA), w) + x.sum(),
        (4, 3),
        (1,),
    ),
    "embedding_bag": (
        lambda w, x: functional.embedding_bag(torch.tensor([[0, 2, 2]], device=CUDA), w) + x.sum(),
        (4, 3),
        (1,),
    ),
    "dropout": (lambda x, y: functional.dropout(x, 0.3) * y, (50,), (50,)),
    "alpha_dropout": (lambda x, y: functional.alpha_dropout(x, 0.3, True) * y, (50,), (50,)),
    "dropout2d": (lambda x, y: functional.dropout2d(x, 0.3) * y, (5, 6, 2, 2), (2,)),
    "rrelu": (lambda x, y: functional.rrelu(x, training=True) * y, (50,), (50,)),
    "gumbel": (lambda x, y: functional.gumbel_softmax(x) * y, (5, 5), (5,)),
    "cdist": (torch.cdist, (4, 3), (5, 3)),
    "matmul": (torch.matmul, (2, 4, 3), (3, 5)),
    "einsum": (lambda x, y: torch.einsum("bij,jk->ik", x, y), (2, 4, 3), (3, 5)),
    "solve": (torch.linalg.solve, (3, 3), (3, 2)),
    "lstsq": (lambda a, b: torch.linalg.lstsq(a, b).solution, (5, 3), (5, 2)),
    "svd": (lambda x, y: torch.linalg.svdvals(x) * y, (4, 3), (3,)),
    "eigh": (lambda x, y: torch.linalg.eigvalsh(x + x.mT) * y, (4, 4), (4,)),
    "qr": (lambda x, y: torch.linalg.qr(x)[0] * y, (4, 3), (3,)),
    "cumsum": (lambda x, y: x.cumsum(0) * y, (4, 3), (3,)),
    "cumprod": (lambda x, y: x.cumprod(0) * y, (4, 3), (3,)),
    "sort": (lambda x, y: x.sort(0)[0] * y, (4, 3), (3,)),
    "topk": (lambda x, y: x.topk(2)[0] * y, (4, 3), (2,)),
    "scatter_add": (
        lambda x, y: x.scatter_add(0, torch.tensor([0, 0, 1], device=CUDA), y),
        (3,),
        (3,),
    ),
    "index_put": (
        lambda x, y: x.index_put((torch.tensor([0, 0, 1], device=CUDA),), y, accumulate=True),
        (3,),
        (3,),
    ),
    "fft": (lambda x, y: torch.fft.rfft(x).abs() * y, (8,), (5,)),
    "stft": (lambda x, y: torch.stft(x, 8, return_complex=True, window=y).abs(), (50,), (8,)),
    "upsample": (
        lambda x, y: functional.interpolate(x, scale_factor=2, mode="bicubic") * y,
        (1, 2, 4, 4),
        (8,),
    ),
    "max_pool": (lambda x, y: functional.max_pool2d(x, 2) * y, (1, 2, 4, 4), (2,)),
    "adaptive": (lambda x, y: functional.adaptive_avg_pool2d(x, 3) * y, (1, 2, 4, 4), (3,)),
    "fractional": (
        lambda x, y: functional.fractional_max_pool2d(x, 2, 2) * y,
        (1, 2, 4, 4),
        (2,),
    ),
    "cross_entropy": (
        lambda x, y: (
            functional.cross_entropy(x, torch.tensor([0, 2], device=CUDA), weight=None) * y
        ),
        (2, 3),
        (1,),
    ),
    "nll_loss2d": (
        lambda x, y: (
            functional.nll_loss(x.log_softmax(1), torch.zeros(2, 4, device=CUDA, dtype=int)) * y
        ),
        (2, 3, 4),
        (1,),
    ),
    "multi_head_attention": (
        lambda x, w: functional.multi_head_attention_forward(
            x, x, x, 4, 2, w, None, None, None, False, 0.0, torch.eye(4, device=CUDA), None
        )[0],
        (3, 2, 4),
        (12, 4),
    ),
    "segment_reduce": (
        lambda x, y: torch.segment_reduce(x, "mean", lengths=torch.tensor([2, 3], device=CUDA)) * y,
        (5,),
        (2,),
    ),
    "gamma": (lambda x, y: torch._standard_gamma(x.abs() + 1) * y, (5,), (5,)),
    "dirichlet": (
        lambda x, y: torch.distributions.Dirichlet(x.abs() + 1).rsample() * y,
        (5,),
        (5,),
    ),
    "var": (lambda x, y: x.var(0) * y, (5, 3), (3,)),
    "norm": (lambda x, y: x.norm(dim=0) * y, (5, 3), (3,)),
    "logsumexp": (lambda x, y: x.logsumexp(0) * y, (5, 3), (3,)),
    "prelu": (functional.prelu, (5, 3), (3,)),
    "glu": (lambda x, y: functional.glu(x) * y, (5, 4), (2,)),
    "pixel_shuffle": (lambda x, y: functional.pixel_shuffle(x, 2) * y, (1, 4, 2, 2), (4,)),
    "sparse mm": (lambda x, y: torch.sparse.mm(x.to_sparse(), y), (4, 3), (3, 2)),
    "linear": (lambda x, w: functional.linear(x, w, w[:, 0]), (4, 3), (5, 3)),
    "bilinear": (lambda x, w: functional.bilinear(x, x, w), (4, 3), (5, 3, 3)),
    "addmm": (lambda x, w: torch.addmm(x.sum(0), x, w), (4, 3), (3, 3)),
    "baddbmm": (lambda x, w: torch.baddbmm(x, x, w), (2, 3, 3), (2, 3, 3)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16], ids=str)
def test_functions(name, dtype):
    function, *shapes = FUNCTIONS[name]
    torch.manual_seed(0)
    tensors = [torch.randn(shape, device=CUDA, dtype=dtype) for shape in shapes]
    try:
        function(*tensors)
    except (RuntimeError, TypeError):
        pytest.skip("torch does not compute it in this dtype")
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-9, torch.float16: 3e-2}[dtype]
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        # Of Dirichlet's gradient torch silently loses what its once_differentiable rule leaves out.
        judge(function, *tensors, tolerance=tolerance, second=name != "dirichlet")


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_ctc_loss(reduction):
    torch.manual_seed(0)
    x = torch.randn(12, 2, 5, device=CUDA)
    targets = torch.randint(1, 5, (7,), dtype=torch.int32)
    for where in ("cpu", "cuda"):
        lengths = torch.tensor([12, 12]), torch.tensor([4, 3])

        def call(x, where=where, lengths=lengths):
            return functional.ctc_loss(
                x.log_softmax(-1), targets.to(where), *lengths, reduction=reduction
            )

        judge(call, x, second=False)


MODULES = {
    "TransformerEncoderLayer": lambda: (
        nn.TransformerEncoderLayer(16, 2, 32, batch_first=True),
        (2, 5, 16),
    ),
    "MultiheadAttention": lambda: (
        Attends(nn.MultiheadAttention(16, 2, dropout=0.2, batch_first=True)),
        (2, 5, 16),
    ),
    "ConvNet": lambda: (
        nn.Sequential(
            nn.Conv2d(3, 8, 3),
            nn.BatchNorm2d(8),
            nn.ReLU(True),
            nn.Dropout(),
            nn.MaxPool2d(2),
        ).to(memory_format=torch.channels_last),
        (2, 3, 8, 8),
    ),
    "SyncBatchNorm in eval": lambda: (nn.SyncBatchNorm(3).eval(), (2, 3, 4)),
    "BatchNorm in eval": lambda: (frozen(nn.BatchNorm2d(3)), (2, 3, 4, 4)),
    "InstanceNorm": lambda: (nn.InstanceNorm2d(3, affine=True), (2, 3, 4, 4)),
    "RMSNorm": lambda: (nn.RMSNorm(4), (2, 3, 4)),
    "LocalResponseNorm": lambda: (nn.LocalResponseNorm(2), (2, 3, 4)),
}


def frozen(norm):
    with torch.no_grad():
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.2, 3)
    return norm.eval()


class Attends(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", MODULES)
def test_modules(name, dtype):
    torch.manual_seed(0)
    module, shape = MODULES[name]()
    module.to(CUDA, dtype)
    tolerance = 1e-3 if dtype is torch.float32 else 0.1
    judge_module(module, torch.randn(shape, device=CUDA, dtype=dtype), tolerance=tolerance)


def test_data_parallel():
    model = pg.interop.convert(nn.Linear(3, 3).cuda())
    x = torch.randn(2, 3, device=CUDA)
    nn.DataParallel(model)(x).sum().backward()
    assert model.weight.grad is not None


def test_to_library_compiles():
    op = pg.interop.to_library(pg.registry["sin"])
    x = torch.randn(10, device=CUDA, requires_grad=True)
    y = torch.compile(lambda x: op(x) * 2, fullgraph=True)(x)
    y.sum().backward()
    z = x.detach().clone().requires_grad_()
    (torch.sin(z) * 2).sum().backward()
    torch.testing.assert_close(x.grad, z.grad)


def test_a_function_of_triton():
    kernels = pytest.importorskip("plugrad.tests.cuda.triton_kernels")
    judge(kernels.Swish.apply, torch.randn(1000, device=CUDA), second=False)
