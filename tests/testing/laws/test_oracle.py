"""The oracle, where the control does not reach: which outputs have a gradient."""

from __future__ import annotations

import plugrad as pg
from plugrad.tests.testing.doubled import but, said


def test_an_op_without_gradients_is_found_where_torch_has_them():
    def forward(ctx, x):
        y = 2 * x
        ctx.mark_non_differentiable(y)
        return y

    op = pg.op("test::constant_double", reference=lambda x: 2 * x)(but(forward=forward))
    message = "torch has gradients of outputs [0], but the op has none"
    assert said(op, "oracle") == ("failed", message)


def test_an_op_without_gradients_passes_where_torch_has_none_either():
    def positive(x):
        return x > 0

    op = pg.op("test::positive", reference=positive)(but(forward=lambda ctx, x: x > 0))
    assert said(op, "oracle") == ("not applicable", "no output is differentiable")


def test_an_output_that_is_constant_here_alone_is_found():
    def forward(ctx, x):
        y, z = 2 * x, 3 * x
        ctx.mark_non_differentiable(z)
        return y, z

    wrong = but(forward=forward, backward=lambda ctx, gy, gz: 2 * gy)
    op = pg.op("test::half_constant", reference=lambda x: (2 * x, 3 * x))(wrong)
    status, message = said(op, "oracle")
    assert status == "failed"
    assert message.startswith("outputs [0] have gradients, in torch outputs [0, 1] do")
