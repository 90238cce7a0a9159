"""State that others have: lists, other generators, other calls, other threads."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
import torch

from plugrad.core.sample import Sample
from plugrad.testing import check_op
from plugrad.tests.testing.doubled import but, said


def broken(target, samples, *laws, **declared):
    """The laws that it breaks, with what they say."""
    report = check_op(target, samples=samples, laws=laws, **declared)
    return {failure.law: failure.message for failure in report.failures}


def two(make):
    return [Sample(make(3)), Sample(make(2, 2))]


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]


class SeedsNumpy(Square):
    @staticmethod
    def forward(ctx, x):
        np.random.seed(0)
        return Square.forward(ctx, x)


class SeedsPython(Square):
    @staticmethod
    def backward(ctx, g):
        random.seed(7)
        return Square.backward(ctx, g)


@pytest.mark.parametrize(
    ("target", "name"), [(SeedsNumpy, "numpy.random"), (SeedsPython, "random")]
)
def test_generators_that_are_not_torchs_are_left_alone(target, name):
    states = random.getstate(), np.random.get_state()[1].tolist()
    said = broken(target, two, "random-state")
    assert said["random-state"].startswith(f"the op moves, or seeds, the generator of {name}:")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states
    assert not broken(Square, two, "random-state")


class Total(torch.autograd.Function):
    """Its forward makes the dimensions positive, in the caller's own list."""

    @staticmethod
    def forward(ctx, x, dims):
        for i, dim in enumerate(dims):
            dims[i] = dim % x.dim()
        ctx.shape = x.shape
        return x.sum(dims, keepdim=True)

    @staticmethod
    def backward(ctx, g):
        return g.expand(ctx.shape), None


def test_a_list_that_was_given_stays_as_it_was():
    def samples(make):
        return [Sample(make(3, 2), [-1]), Sample(make(2, 2), [-1, 0])]

    said = broken(Total, samples, "inputs-unchanged")
    assert said == {
        "inputs-unchanged": "forward changed a list or dictionary that it was given: copy it first"
    }
    assert not broken(Total, lambda make: [Sample(make(3, 2), [0])], "inputs-unchanged")


def test_the_options_of_another_call_are_not_taken_for_ones_own():
    held = {}

    class Times(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, k):
            held["k"] = k
            return x * k

        @staticmethod
        def backward(ctx, g):
            return g * held["k"], None

    def samples(make):
        return [Sample(make(3), 2.0), Sample(make(2, 2), 3.0)]

    assert (
        "another call of the op in between" in broken(Times, samples, "interleaved")["interleaved"]
    )
    assert not broken(Times, lambda make: [Sample(make(3), 2.0)], "interleaved")


def test_what_forward_left_in_its_thread_is_not_all_that_backward_has():
    left = threading.local()

    class Squared(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            left.x = x.detach()
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * left.x

    assert "threads" in broken(Squared, two, "threads")
    assert not broken(Square, two, "threads")


def test_a_backward_that_draws_is_found():
    def backward(ctx, gy):
        return 2 * gy + 0 * torch.rand(3)

    status, message = said(but(backward=backward), "random-state")
    assert status == "failed"
    assert message.startswith("backward draws from torch's generator, or sets its state")


STATE = {
    "deterministic mode": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
        lambda now: not now,
    ),
    "number of threads": (
        torch.get_num_threads,
        torch.set_num_threads,
        lambda now: 2 if now == 1 else 1,
    ),
    "(that is, NumPy's) handling of errors": (
        lambda: np.geterr()["under"],
        lambda now: np.seterr(under=now),
        lambda now: "warn" if now == "ignore" else "ignore",
    ),
}


@pytest.mark.parametrize("what", STATE)
@pytest.mark.parametrize("method", ["forward", "backward"])
def test_each_global_state_is_left_as_it_was(what, method):
    read, write, other = STATE[what]
    before = read()

    def changing(ctx, given):
        write(other(read()))
        return 2 * given

    try:
        assert said(but(**{method: changing}), "global-state") == (
            "failed",
            f"the op changed torch's {what}",
        )
    finally:
        write(before)
