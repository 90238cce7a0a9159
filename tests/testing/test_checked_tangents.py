"""gradcheck's check_forward_ad: jvps against differences, on torch's engine and on ours."""

from __future__ import annotations

from collections import namedtuple

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError as TorchGradcheckError

import plugrad as pg
from plugrad.errors import ForwardModeError, GradcheckError
from plugrad.tests.testing.gradcheckers import OURS, TORCHS, an_op
from plugrad.tests.testing.leaves import COMPLEX, REAL, leaves, tensors

pytestmark = [
    pytest.mark.parametrize("fast_mode", [False, True]),
    # torch's first dual level compiles a few formulas.
    pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated"),
]
both = pytest.mark.parametrize("checker", [OURS, TORCHS], ids=lambda checker: checker.name)

RIGHT = {
    "sin": (lambda x: x.sin(), REAL),
    "of two inputs": (lambda x, y: (x * y).sum(0), tensors((2, 3), (3,))),
    "of two outputs": (lambda x: (x.exp(), x * x), REAL),
    "of a scalar": (lambda x: x * x, tensors(())),
    "of nothing": (lambda x: x * x, tensors((0,))),
    "of nothing, complex": (lambda x: x.sin(), tensors((0,), dtype=torch.complex128)),
    "one input unused": (lambda x, y: x.sin(), tensors((2,), (3,))),
    "an output that is the input": (lambda x: (x * x, x), REAL),
    "C to C": (lambda z: z * z, COMPLEX),
    "C to C, not analytic": (lambda z: z * z.conj(), COMPLEX),
    "C to R": (lambda z: z.abs(), COMPLEX),
    "R to C": (lambda x: x * (2 + 1j), REAL),
    "R and C": (lambda x, z: x.sum() * z, REAL + COMPLEX),
}


@both
@pytest.mark.parametrize("options", [{}, {"check_backward_ad": False}])
@pytest.mark.parametrize("name", RIGHT)
def test_right_tangents_pass(checker, name, options, fast_mode):
    fn, given = RIGHT[name]
    options = {**options, "check_forward_ad": True, "fast_mode": fast_mode}
    assert checker.gradcheck(fn, checker.leaves(given), **options)
    options["check_batched_forward_grad"] = True
    # torch's vmap has trouble with complex views in forward mode.
    if checker is OURS or not given[-1].is_complex():
        assert checker.gradcheck(fn, checker.leaves(given), **options)


def square(checker, jvp):
    return an_op(checker, lambda x: x * x, lambda x, g: 2 * g * x.conj(), jvp)


WRONG = {
    "scaled": (lambda x, t: x * t, REAL, "scaled by 0.5"),
    "sign": (lambda x, t: -2 * x * t, REAL, "the sign is flipped"),
    "dropped": (lambda x, t: 0 * t, REAL, "dropped (all zeros)"),
    "complex, scaled": (lambda x, t: x * t, COMPLEX, "scaled by 0.5"),
    "conjugated": (lambda x, t: 2 * x.conj() * t, COMPLEX, "conj: "),
}
MISMATCH = "Jacobian computed with forward mode mismatch for output 0 with respect to input 0"


@both
@pytest.mark.parametrize("name", WRONG)
def test_wrong_tangents_are_refused(checker, name, fast_mode):
    jvp, given, cause = WRONG[name]
    op, options = square(checker, jvp), {"check_forward_ad": True, "fast_mode": fast_mode}
    assert checker.gradcheck(op, checker.leaves(given), fast_mode=fast_mode)
    with pytest.raises(TorchGradcheckError, match=MISMATCH) as caught:
        checker.gradcheck(op, checker.leaves(given), **options)
    assert not checker.gradcheck(op, checker.leaves(given), raise_exception=False, **options)
    if checker is OURS:
        assert cause in str(caught.value)
        assert caught.value.fix.startswith("correct the jvp of the ops between them")


@both
def test_the_input_and_the_output_are_named(checker, fast_mode):
    op = an_op(
        checker,
        lambda x, y: (x * 1, x * y),
        lambda x, y, g, h: (g + h * y, h * x),
        lambda x, y, t, u: (t, t * y + 3 * u * x),
    )
    message = "forward mode mismatch for output 1 with respect to input 1"
    with pytest.raises(TorchGradcheckError, match=message):
        checker.gradcheck(op, checker.leaves(REAL * 2), check_forward_ad=True, fast_mode=fast_mode)


@both
def test_without_backward_only_the_tangents_are_checked(checker, fast_mode):
    op = an_op(checker, lambda x: x * x, lambda x, g: 1 / 0, lambda x, t: 2 * x * t)
    options = {"check_forward_ad": True, "check_backward_ad": False, "fast_mode": fast_mode}
    assert checker.gradcheck(op, checker.leaves(REAL), **options)
    wrong = an_op(checker, lambda x: x * x, lambda x, g: 1 / 0, lambda x, t: 3 * x * t)
    with pytest.raises(TorchGradcheckError, match=MISMATCH):
        checker.gradcheck(wrong, checker.leaves(REAL), **options)


@both
def test_a_function_that_is_another_in_forward_mode(checker, fast_mode):
    mode = checker.forward_ad

    def fn(x, y):
        primal, tangent = mode.unpack_dual(y)
        return x + (y if tangent is None else mode.make_dual(primal, tangent * 1.1)), y

    message = "forward mode mismatch for output 0 with respect to input 1"
    given = tensors((2,), (2,))
    with pytest.raises(TorchGradcheckError, match=message):
        checker.gradcheck(fn, checker.leaves(given), check_forward_ad=True, fast_mode=fast_mode)


@both
def test_a_constant(checker, fast_mode):
    options = {"check_forward_ad": True, "check_backward_ad": False, "fast_mode": fast_mode}
    message = "Numerical gradient for function expected to be zero"
    assert checker.gradcheck(lambda x: torch.ones(2), checker.leaves(REAL), **options)
    if checker is OURS or not fast_mode:  # where torch's fast mode compares nothing
        with pytest.raises(TorchGradcheckError, match=message):
            checker.gradcheck(lambda x: x.data * 2, checker.leaves(REAL), **options)


def test_at_a_kink_a_tangent_between_the_sides_passes(fast_mode):
    x = pg.Variable(torch.tensor([0.0, 1.0]).double(), requires_grad=True)
    assert OURS.gradcheck(lambda x: x.relu(), x, check_forward_ad=True, fast_mode=fast_mode)
    jump = an_op(OURS, lambda x: x.relu(), lambda x, g: g * (x > 0), lambda x, t: t * 1.5)
    with pytest.raises(GradcheckError, match=MISMATCH):
        OURS.gradcheck(jump, x, check_forward_ad=True, fast_mode=fast_mode)


def test_inputs_in_lists_and_named_tuples(fast_mode):
    pair = namedtuple("Pair", "a b")
    x, y = leaves(tensors((2,), (2,)))
    assert OURS.gradcheck(
        lambda xs, pair: xs[0] * xs[1] * pair.a,
        ([x, 2.0], pair(y, None)),
        check_forward_ad=True,
        fast_mode=fast_mode,
    )


def test_an_input_that_is_reached_by_a_closure_only(fast_mode):
    (x,) = leaves(REAL)
    assert OURS.gradcheck(lambda _: x.sin(), x, fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match=MISMATCH) as caught:
        OURS.gradcheck(lambda _: x.sin(), x, check_forward_ad=True, fast_mode=fast_mode)
    assert "let the function use the Variables that it is given" in caught.value.fix


# --- without a tangent ---
def added(checker, jvp):
    return an_op(checker, lambda x, y: x + y, lambda x, y, g: (g, g), jvp, materialize=False)


@both
def test_no_tangent_for_an_input(checker, fast_mode):
    def for_none(factor):
        def jvp(x, y, t, u):
            if t is None or u is None:
                return (u if t is None else t) * factor
            return t + u

        return added(checker, jvp)

    options = {"check_forward_ad": True, "fast_mode": fast_mode}
    given = tensors((2,), (2,))
    assert checker.gradcheck(for_none(1), checker.leaves(given), **options)
    with pytest.raises(TorchGradcheckError, match="Mismatch in tangent values for output"):
        checker.gradcheck(for_none(1.5), checker.leaves(given), **options)
    options["check_undefined_grad"] = False
    assert checker.gradcheck(for_none(1.5), checker.leaves(given), **options)


def test_a_jvp_that_takes_no_none(fast_mode):
    op = added(OURS, lambda x, y, t, u: t + u)
    options = {"check_forward_ad": True, "fast_mode": fast_mode}
    with pytest.raises(GradcheckError, match="Expected jvp to handle undefined tangents: .*TypeEr"):
        OURS.gradcheck(op, leaves(tensors((2,), (2,))), **options)
    # As the fix says.
    options["check_undefined_grad"] = False
    assert OURS.gradcheck(op, leaves(tensors((2,), (2,))), **options)


# --- in a batch, and what unit tangents do not show ---
@both
def test_a_jvp_that_draws_random_numbers_in_a_batch(checker, fast_mode):
    op = square(checker, lambda x, t: (torch.rand(2), 2 * x * t)[1])
    options = {"check_forward_ad": True, "fast_mode": fast_mode}
    with torch.random.fork_rng(devices=[]):
        assert checker.gradcheck(op, checker.leaves(REAL), **options)
        options["check_batched_forward_grad"] = True
        with pytest.raises(TorchGradcheckError, match="While computing batched gradients, got: "):
            checker.gradcheck(op, checker.leaves(REAL), **options)


def test_a_jvp_that_is_another_in_a_batch(fast_mode):
    def jvp(x, t):
        batched = torch._C._functorch.is_batchedtensor(t)
        return (3 if batched else 2) * x * t

    options = {"check_forward_ad": True, "fast_mode": fast_mode}
    with pytest.raises(GradcheckError, match="the tangent of output 0 for a batch is not that of"):
        OURS.gradcheck(square(OURS, jvp), leaves(REAL), check_batched_forward_grad=True, **options)


def test_a_jvp_that_is_not_linear(fast_mode):
    op = square(OURS, lambda x, t: 2 * x * t * t)
    options = {"check_forward_ad": True, "fast_mode": fast_mode}
    with pytest.raises(GradcheckError, match="^jvp is not linear: in a random direction") as caught:
        OURS.gradcheck(op, leaves(REAL), **options)
    assert caught.value.where == "the tangent of output 0 from input 0"


def test_a_tangent_of_another_dtype_is_refused_by_the_engine(fast_mode):
    options = {"check_forward_ad": True, "fast_mode": fast_mode}
    op = an_op(OURS, lambda x: x * 1, lambda x, g: g, lambda x, t: t * (1 + 0j))
    with pytest.raises(
        ForwardModeError, match="returned a tangent of shape .* torch.complex128 for"
    ):
        OURS.gradcheck(op, leaves(REAL), **options)


# --- of gradients ---
@both
@pytest.mark.parametrize("options", [{}, {"check_rev_over_rev": False}])
def test_forward_over_reverse(checker, options, fast_mode):
    options = {**options, "check_fwd_over_rev": True, "fast_mode": fast_mode}
    if "check_rev_over_rev" in options:
        options["check_undefined_grad"] = False
    assert checker.gradgradcheck(lambda x: x * x * x, checker.leaves(REAL), **options)
    assert checker.gradgradcheck(lambda z: z * z * z, checker.leaves(COMPLEX), **options)
    assert checker.gradgradcheck(lambda x, y: x.exp() * y, checker.leaves(REAL * 2), **options)


@both
def test_forward_over_reverse_that_is_wrong(checker, fast_mode):
    doubled = an_op(
        checker, lambda x: 2 * x, lambda x, g: 2 * g, lambda x, t: 3 * t
    )  # right backward, wrong jvp
    fn = an_op(checker, lambda x: x * x, lambda x, g: g * doubled(x), lambda x, t: 2 * x * t)
    options = {"check_fwd_over_rev": True, "fast_mode": fast_mode}
    assert checker.gradgradcheck(fn, checker.leaves(REAL), fast_mode=fast_mode)
    with pytest.raises(TorchGradcheckError, match="forward mode mismatch"):
        checker.gradgradcheck(fn, checker.leaves(REAL), **options)
