"""The law of primitives, where its control does not reach."""

from __future__ import annotations

import re

import pytest
import torch

import plugrad as pg
from plugrad.testing import check_op

aten = torch.ops.aten


def checked(forward, overload, *samples, backward=None, **declared):
    """What the law says of an op; nothing if it keeps it."""

    class Made(pg.Function):
        """y = f(x)."""

    Made.forward = staticmethod(forward)
    Made.backward = staticmethod(backward or (lambda ctx, gy: gy))
    Made.samples = staticmethod(lambda make: iter([s(make) for s in samples]))

    class Op(Made):
        """y = f(x)."""

    op = pg.op("test::op", reference=forward, overrides=(overload,), **declared)(Op)
    (result,) = check_op(op, laws=("primitive",)).results
    return "" if result.status == "passed" else result.message


def alone(make):
    return pg.Sample(make(3))


def along(make):
    return pg.Sample(make(3, 4), 1)


def test_an_op_with_the_schemas_parameters_keeps_it():
    def amax(ctx, x, dim=(), keepdim=False, factor=1):
        return factor * torch.amax(x, dim, keepdim)

    assert not checked(amax, aten.amax.default, alone, along)


def test_the_number_of_a_name_or_a_size_apart_is_the_same_call():
    def expand(ctx, x, *sizes, size=None, implicit=False):
        return x.expand(*sizes if size is None else size)

    def apart(make):
        return pg.Sample(make(3), 2, 3)

    def together(make):
        return pg.Sample(make(3), (2, 3))

    def named(make):
        return pg.Sample(make(3), size=[2, 3])

    for sample in (apart, together, named):
        assert not checked(expand, aten.expand.default, sample)
    assert "forward does not take 'size' by position" in checked(
        lambda ctx, x, *sizes: x.expand(*sizes), aten.expand.default, together
    )


@pytest.mark.parametrize(
    ("forward", "overload", "message"),
    [
        (lambda ctx, x, keepdim: x, aten.amax.default, "argument 1 is 'dim', but forward's is"),
        (lambda ctx, x: x, aten.amax.default, "forward does not take 'dim' by position"),
        (lambda ctx, x: x, aten.sum.default, "forward does not take 'dtype'"),
        (lambda ctx, x, dim=0, keepdim=False: x, aten.amax.default, r"dim=\[\], in forward dim=0"),
        (lambda ctx, x, dim, keepdim=False: x, aten.amax.default, r"dim=\[\], in forward none"),
        (lambda ctx, x, p: x, aten.sin.default, "'p', for which forward has no default"),
    ],
)
def test_parameters_that_differ_are_named(forward, overload, message):
    said = checked(forward, overload, alone)
    assert said.startswith(f"{overload} does not fit: ")
    assert re.search(message, said), said
    assert "write a small op with that signature" in said


def test_a_claim_that_no_sample_shows_is_refused():
    def amax(ctx, x, dim=(), keepdim=False, factor=1):
        return factor * torch.amax(x, dim, keepdim)

    def beyond(make):
        return pg.Sample(make(3), 0, factor=2)

    said = checked(amax, aten.amax.default, beyond)
    assert "no sample is a call of aten.amax.default: add one" in said


def test_another_result_for_the_same_arguments_is_refused():
    def amin(ctx, x, dim=(), keepdim=False):
        return torch.amin(x, dim, keepdim)

    said = checked(amin, aten.amax.default, alone)
    assert said.startswith("sample 0: called as the dispatcher calls aten.amax.default, the op g")


def test_an_op_that_raises_where_the_overload_does_not_is_refused():
    def amax(ctx, x, dim=(), keepdim=False):
        if dim is not None and dim != ():
            raise ValueError("along a dim there is none")
        return torch.amax(x, dim, keepdim)

    said = checked(amax, aten.amax.default, along)
    assert "the op raises ValueError: along a dim there is none" in said


def test_a_number_is_the_default_of_a_list_of_it_and_of_no_other():
    def pool(padding):
        def forward(
            ctx, x, kernel_size, stride=None, padding=padding, dilation=(1, 1), ceil_mode=False
        ):
            return torch.nn.functional.max_pool2d(
                x, kernel_size, stride, padding, dilation, ceil_mode
            )

        return forward

    def image(make):
        return pg.Sample(make(1, 4, 4), 2)

    assert not checked(pool(0), aten.max_pool2d.default, image)
    assert "padding=[0, 0], in forward padding=1" in checked(
        pool(1), aten.max_pool2d.default, image
    )


def test_defaults_that_mean_the_same_are_alike():
    def clone(ctx, x, *, memory_format=torch.preserve_format):
        return x.clone(memory_format=memory_format)

    assert not checked(clone, aten.clone.default, alone)
