"""oneDNN's kernel for a layer of an LSTM: where it runs, and what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from plugrad.ops.recurrent._lstm import Weights, check_lstm, lstm


def has_kernel(x: Tensor) -> bool:
    """Whether oneDNN computes a layer of such an x, as torch asks for nn.LSTM."""
    if x.device.type != "cpu" or not x.numel():
        return False
    return x.dtype is torch.float32 or (
        x.dtype is torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    )


def for_kernel(dtype: torch.dtype, *tensors: Tensor | None) -> list[Any]:
    """``tensors`` as the kernels read them, which do not look at the layout."""
    return [None if t is None else t.to(dtype).contiguous() for t in tensors]


def outputs_of_layer(x: Tensor, *given: Any) -> Sequence[Any]:
    """The three outputs and, if the kernel ran, what it keeps for backward."""
    four, (h, c, reverse, sizes, mode), last = given[:4], given[4:9], given[9:]
    weights = Weights.of(four, last[2])
    check_lstm(x, weights, (h, c), sizes, mode, last[0])
    if not has_kernel(x):
        return *lstm(x, weights, h, c, reverse), None
    four = four if weights.bias is not None else (four[0], four[1], four[0], four[1])
    return _forward(*for_kernel(x.dtype, x, *four, h, c), reverse, [], mode, *last)


def nothing(x: Tensor) -> Tensor:
    """What stands for what the kernel keeps."""
    return x.new_empty(0, dtype=torch.uint8)


_forward = torch.ops.aten.mkldnn_rnn_layer.default
