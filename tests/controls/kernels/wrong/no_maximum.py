"""no_maximum: forward does not subtract the largest number of a row."""

from __future__ import annotations

from plugrad.tests.controls.kernels.right import softmax


class Wrong(softmax.Right):
    """Right as long as exp(x) is a number."""

    @staticmethod
    def forward(x):
        powers = x.float().exp()
        return (powers / powers.sum(-1, keepdim=True)).to(x.dtype)


RIGHT = softmax
#: Laws that say so.
LAWS = ("kernel-numerics",)
