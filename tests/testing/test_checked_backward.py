"""What gradcheck asks of a backward besides its values: as torch's does, and what only ours."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError as TorchGradcheckError

from plugrad.errors import GradcheckError
from plugrad.tests.testing.gradcheckers import OURS, TORCHS, an_op
from plugrad.tests.testing.leaves import COMPLEX, REAL, tensors

pytestmark = [
    pytest.mark.parametrize("fast_mode", [False, True]),
    pytest.mark.filterwarnings("ignore:Backwards compatibility"),
]
both = pytest.mark.parametrize("checker", [OURS, TORCHS], ids=lambda checker: checker.name)


def refuses(checker, message, fn, given=REAL, check="gradcheck", **options):
    with pytest.raises(TorchGradcheckError, match=message):
        getattr(checker, check)(fn, checker.leaves(given), **options)
    options["raise_exception"] = False
    assert not getattr(checker, check)(fn, checker.leaves(given), **options)


# --- twice ---
def drawing(checker, size):
    """The identity, whose gradient is off by a random part of this size, in each order."""
    drawn = torch.Generator().manual_seed(0)

    class Drawing(checker.function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return Drawing.apply(g) * (
                1 + size * torch.rand(g.shape, dtype=g.dtype, generator=drawn)
            )

    return Drawing.apply


@both
def test_two_backwards_differ(checker, fast_mode):
    refuses(checker, "Backward is not reentrant", drawing(checker, 1e-4), fast_mode=fast_mode)
    assert checker.gradcheck(
        drawing(checker, 1e-7), checker.leaves(REAL), nondet_tol=1e-6, fast_mode=fast_mode
    )


@both
def test_two_backwards_of_the_gradient_differ(checker, fast_mode):
    given = tensors((4,))
    refuses(
        checker,
        "Backward is not reentrant",
        drawing(checker, 1e-12),
        given,
        "gradgradcheck",
        fast_mode=fast_mode,
    )
    assert checker.gradgradcheck(
        drawing(checker, 1e-12), checker.leaves(given), nondet_tol=1e-6, fast_mode=fast_mode
    )


def test_the_second_backward_gives_nan(fast_mode):
    runs = []

    def backward(x, g):
        runs.append(g)
        return 2 * g * x * (1.0 if len(runs) % 2 else torch.nan)

    op = an_op(OURS, lambda x: x * x, backward)
    refuses(OURS, "Backward is not reentrant", op, fast_mode=fast_mode)


def test_a_backward_that_changes_what_it_is_given(fast_mode):
    op = an_op(OURS, lambda x: x * 2, lambda x, g: g.mul_(2))
    refuses(OURS, "backward changes the gradient that it is given", op, fast_mode=fast_mode)


# --- zeros ---
@both
def test_a_hook_that_adds(checker, fast_mode):
    def fn(x):
        y = x.clone()
        y.register_hook(lambda g: g + 1e-2)
        return y

    message = "backward not multiplied by grad_output"
    refuses(checker, message, fn, atol=1e-1, fast_mode=fast_mode)
    refuses(checker, message, fn, COMPLEX, atol=1e-1, fast_mode=fast_mode)


@both
@pytest.mark.parametrize(
    "backward",
    [
        lambda x, g: 2 * g * x + 1e-7,
        lambda x, g: 2 * g * x / (g != 0).any(),
    ],
    ids=["a constant", "nan for zeros"],
)
def test_a_gradient_that_is_not_zero_for_zeros(checker, backward, fast_mode):
    op = an_op(checker, lambda x: x * x, backward)
    refuses(checker, "backward not multiplied by grad_output", op, fast_mode=fast_mode)


@both
def test_the_gradient_of_an_input_that_is_not_used(checker, fast_mode):
    op = an_op(checker, lambda x, y: x * 1, lambda x, y, g: (g, torch.full_like(y, 1e-7)))
    message = "backward not multiplied by grad_output"
    refuses(checker, message, op, REAL * 2, fast_mode=fast_mode)


@both
@pytest.mark.parametrize("factor", [2, 2 + 1e-7])
def test_a_sparse_gradient_of_a_dense_input(checker, factor, fast_mode):
    op = an_op(checker, lambda x: x * 2, lambda x, g: (factor * g).to_sparse())
    message = r"grad is incorrect layout \(torch.sparse_coo is not torch.strided\)"
    refuses(checker, message, op, fast_mode=fast_mode)


@both
def test_a_sparse_gradient_that_is_wrong(checker, fast_mode):
    op = an_op(checker, lambda x: x * 2, lambda x, g: (3 * g).to_sparse())
    refuses(checker, "Jacobian mismatch for output 0 with respect to", op, fast_mode=fast_mode)


# --- None ---
@both
def test_a_hook_that_takes_no_none(checker, fast_mode):
    def fn(x):
        y = x.clone()
        y.register_hook(lambda g: g * 1.0)
        return y

    def raising(x):
        def hook(g):
            if g is None:
                raise RuntimeError("no gradient")

        y = x.clone()
        y.register_hook(hook)
        return y

    message = "Expected backward function to handle undefined output grads"
    refuses(checker, message, raising, fast_mode=fast_mode)
    leaves = checker.leaves(REAL)
    assert checker.gradcheck(raising, leaves, check_undefined_grad=False, fast_mode=fast_mode)
    if checker is OURS:  # torch lets the TypeError out
        refuses(checker, f"{message}.*TypeError", fn, fast_mode=fast_mode)


@both
def test_a_function_that_takes_no_none(checker, fast_mode):
    def backward(x, g):
        if g is None:
            raise RuntimeError("no gradient")
        return 2 * g * x

    op = an_op(checker, lambda x: x * x, backward, materialize=False)
    message = "Expected backward function to handle undefined output grads"
    refuses(checker, message, op, fast_mode=fast_mode)
    op = an_op(checker, lambda x: x * x, backward)
    assert checker.gradcheck(op, checker.leaves(REAL), fast_mode=fast_mode)


@both
def test_a_gradient_that_is_not_zero_for_none(checker, fast_mode):
    one = torch.ones(REAL[0].shape, dtype=torch.float64)
    message = "Expected all input grads to be undefined or zero"
    single = an_op(
        checker, lambda x: x * x, lambda x, g: one if g is None else 2 * g * x, materialize=False
    )
    refuses(checker, message, single, fast_mode=fast_mode)

    def pair(value):
        def backward(x, g, h):
            parts = [k * p for k, p in ((2 * x, g), (3, h)) if p is not None]
            return sum(parts) if parts else value

        return an_op(checker, lambda x: (x * x, 3 * x), backward, materialize=False)

    refuses(checker, message, pair(one), fast_mode=fast_mode)
    assert checker.gradcheck(pair(None), checker.leaves(REAL), fast_mode=fast_mode)
    if checker is OURS:
        with pytest.raises(GradcheckError) as caught:
            checker.gradcheck(pair(one), checker.leaves(REAL), fast_mode=fast_mode)
        assert caught.value.where == "output 0, output 1 without a gradient"


@both
def test_one_output_of_two_without_a_gradient(checker, fast_mode):
    def backward(x, g, h):
        if g is not None and h is None and not g.any():
            return torch.ones_like(x)
        return (0 * x if g is None else 2 * g * x) + (0 * x if h is None else 3 * h)

    op = an_op(checker, lambda x: (x * x, 3 * x), backward, materialize=False)
    message = "Expected all input grads to be undefined or zero"
    refuses(checker, message, op, fast_mode=fast_mode)
    if checker is OURS:
        with pytest.raises(GradcheckError) as caught:
            checker.gradcheck(op, checker.leaves(REAL), fast_mode=fast_mode)
        assert caught.value.where == "output 1 without a gradient, zeros for the others"


# --- in a batch ---
def test_a_gradient_that_is_another_in_a_batch(fast_mode):
    def backward(x, g):
        return (3 if torch._C._functorch.is_batchedtensor(g) else 2) * g * x

    op = an_op(OURS, lambda x: x * x, backward)
    message = "the gradient of input 0 for a batch is not that of each"
    refuses(OURS, message, op, check_batched_grad=True, fast_mode=fast_mode)


# --- what unit cotangents do not show ---
@pytest.mark.parametrize(
    ("backward", "fast_passes"),
    [
        (lambda x, g: 2 * g * g * x, False),
        (lambda x, g: 2 * g * x * g.sum(), False),
        (lambda x, g: 2 * g * x / g.norm().clamp(min=1e-9), True),
    ],
    ids=["squared", "times its sum", "normed"],
)
def test_a_backward_that_is_not_linear(backward, fast_passes, fast_mode):
    ours, theirs = (an_op(checker, lambda x: x * x, backward) for checker in (OURS, TORCHS))
    refuses(OURS, "backward is not linear", ours, fast_mode=fast_mode)
    passes = fast_passes if fast_mode else True
    leaves = TORCHS.leaves(REAL)
    assert TORCHS.gradcheck(theirs, leaves, fast_mode=fast_mode, raise_exception=False) is passes
