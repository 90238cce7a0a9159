"""gradcheck and gradgradcheck: what they pass, what they refuse, and in which words."""

from __future__ import annotations

import pytest
import torch
from torch.autograd.gradcheck import GradcheckError as TorchGradcheckError

import plugrad as pg
from plugrad.errors import (
    GradcheckArgumentError,
    GradcheckError,
    GradcheckOptionError,
    OnceDifferentiableError,
)
from plugrad.testing.gradcheck import gradcheck, gradgradcheck
from plugrad.tests.testing.leaves import COMPLEX, REAL, leaves, tensors, torch_leaves


def both(forward, backward):
    """The same op as a Function of ours and of torch's."""

    class Ours(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return backward(x, g)

    theirs = type(
        "Theirs",
        (torch.autograd.Function,),
        {"forward": staticmethod(Ours.forward), "backward": staticmethod(Ours.backward)},
    )
    return Ours.apply, theirs.apply


RIGHT = {
    "sin": (lambda x: x.sin(), REAL),
    "of two inputs": (lambda x, y: (x * y).sum(0), tensors((2, 3), (3,))),
    "of two outputs": (lambda x: (x.exp(), x * x), REAL),
    "of a scalar": (lambda x: x * x, tensors(())),
    "of nothing": (lambda x: x * x, tensors((0,))),
    "of nothing, complex": (lambda x: x.sin(), tensors((0,), dtype=torch.complex128)),
    "of no rows, complex": (lambda x: x.sin(), tensors((3, 0), dtype=torch.complex128)),
    "no output": (lambda x: (), REAL),
    "one input unused": (lambda x, y: x.sin() + 0 * y.sum(), tensors((2,), (3,))),
    "C to C": (lambda z: z * z, COMPLEX),
    "C to C, not analytic": (lambda z: z * z.conj(), COMPLEX),
    "C to R": (lambda z: z.abs(), COMPLEX),
    "R to C": (lambda x: x * (2 + 1j), REAL),
    "the identity": (lambda x: x, REAL),
    "the identity, complex": (lambda z: z, COMPLEX),
    "an input among others": (lambda x, y: (x * y, y, x), tensors((2, 3), (3,))),
    "an input in a list": (lambda x: [x.sin(), x], REAL),
    "an input twice": (lambda x: (x, x), REAL),
    "a view of an input": (lambda x: (x.view(-1), x), REAL),
}


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("name", RIGHT)
def test_right_gradients_pass_in_both(name, fast_mode):
    fn, given = RIGHT[name]
    assert gradcheck(fn, leaves(given), fast_mode=fast_mode)
    assert torch.autograd.gradcheck(fn, torch_leaves(given), fast_mode=fast_mode)


def second_element(x, g):
    factor = torch.ones_like(x)
    factor[..., 1] = 1.01
    return g * 2 * x * factor


WRONG = {
    "scaled": (lambda x: x * x, lambda x, g: g * x, REAL, "scaled by 0.5"),
    "sign": (lambda x: x * x, lambda x, g: -2 * g * x, REAL, "the sign is flipped"),
    "dropped": (lambda x: x * x, lambda x, g: 0 * g, REAL, "dropped (all zeros)"),
    "one element": (lambda x: x * x, second_element, REAL, "of 36 elements are wrong"),
    "not conjugated": (lambda z: z * z, lambda z, g: 2 * g * z, COMPLEX, "conj: "),
    "not linear": (lambda x: 2 * x, lambda x, g: 2 * g * g.abs() * 2, REAL, "scaled by 2"),
}


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_wrong_gradients_fail_in_both(name, fast_mode):
    forward, backward, given, cause = WRONG[name]
    ours, theirs = both(forward, backward)
    if name == "not linear" and fast_mode:
        fast_mode = False  # one direction is one scale
    if not (name == "one element" and fast_mode):  # which torch's fast mode passes
        with pytest.raises(TorchGradcheckError):
            torch.autograd.gradcheck(theirs, torch_leaves(given), fast_mode=fast_mode)
        with pytest.raises(GradcheckError, match="probable cause") as caught:
            gradcheck(ours, leaves(given), fast_mode=fast_mode)
        assert cause in str(caught.value)
        assert not gradcheck(ours, leaves(given), fast_mode=fast_mode, raise_exception=False)


def at(*values):
    return (torch.tensor(values, dtype=torch.float64),)


@pytest.mark.parametrize(
    ("fn", "where", "torchs"),
    [
        (lambda x: x.relu(), at(0.0, 1.0), False),
        (lambda x: x.clamp(0.0, 1.0), at(0.0, 1.0), False),
        (lambda x: x.floor() + x, at(2.0), False),
        # Half way between the sides, where central differences are too.
        (lambda x: x.abs(), at(0.0, -1.0), True),
        (lambda x: x.max(), at(2.0, 2.0, 1.0), True),
    ],
    ids=["relu", "clamp", "a jump", "abs", "max with a tie"],
)
def test_at_a_kink_a_gradient_between_the_sides_passes_where_torch_may_fail_it(fn, where, torchs):
    assert gradcheck(fn, leaves(where))
    assert gradcheck(fn, leaves(where), fast_mode=True)
    verdict = torch.autograd.gradcheck(fn, torch_leaves(where), raise_exception=False)
    assert verdict is torchs


@pytest.mark.parametrize("gradient", [-0.5, 1.5])
def test_at_a_kink_a_gradient_beyond_the_sides_fails(gradient):
    ours, _ = both(
        lambda x: x.clamp(min=0), lambda x, g: torch.where(x == 0, gradient, (x > 0) * 1.0) * g
    )
    with pytest.raises(GradcheckError) as caught:
        gradcheck(ours, leaves(at(0.0, 1.0, -1.0)))
    assert "worst of 1 wrong element of 9: d output 0[0] / d input 0[0]" in str(caught.value)
    assert "a kink or jump: the derivative is 0 on the left, 1 on the right" in str(caught.value)


def test_curvature_is_no_kink():
    ours, _ = both(lambda x: 1e6 * x * x, lambda x, g: g * 0.9)
    assert not gradcheck(ours, leaves(at(0.0)), raise_exception=False)


def test_at_the_edge_of_a_domain_there_is_one_side():
    ours, _ = both(lambda x: x**1.5, lambda x, g: 1.5 * g * x.sqrt())
    assert gradcheck(ours, leaves(at(0.0)), atol=1e-2)
    wrong, _ = both(lambda x: x**1.5, lambda x, g: 1.5 * g * x.sqrt() + g)
    with pytest.raises(GradcheckError, match="the function is not finite around here"):
        gradcheck(wrong, leaves(at(0.0)), atol=1e-2)


MESSAGE = """\
Jacobian mismatch for output 1 with respect to input 2[1]
  worst of 2 wrong elements of 4: d output 1[1] / d input 2[1][1]
  numeric 6, analytic 3
  off by 3, relative 0.5, allowed 0.00601
  probable cause: scaled by 0.5
  numeric Jacobian, a row for each element of the output:
    [2  0]
    [0  6]
  analytic:
    [1  0]
    [0  3]
  where: output 1, float64[2], and input 2[1], float64[2]
  fix: correct the backward of the ops between them; plugrad.testing.check_op finds the wrong one"""


def test_the_message_in_full():
    square, _ = both(lambda x: x * x, lambda x, g: g * x)
    x, y = leaves(at(1.0, 2.0) + at(1.0, 3.0))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x, n, pair: (x.sin(), square(pair[1])), (x, 3, [x, y]))
    lines = str(caught.value).splitlines()
    expected = MESSAGE.splitlines()
    # Differences are not the same to the last digit everywhere.
    assert lines[3].startswith("  off by 3, relative 0.5, allowed 0.006")
    assert lines[:3] + lines[4:] == expected[:3] + expected[4:]


def test_a_large_jacobian_is_not_shown():
    square, _ = both(lambda x: x * x, lambda x, g: g * x)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(square, leaves(tensors((9,))))
    assert "numeric Jacobian" not in str(caught.value)


def test_a_complex_element_is_named_with_its_part():
    forward, backward, given, _ = WRONG["not conjugated"]
    with pytest.raises(GradcheckError, match=r"d output 0\[\d\]\.(real|imag) / d input 0\[\d\]\."):
        gradcheck(both(forward, backward)[0], leaves(given))


def test_a_function_may_reach_its_inputs_by_a_closure():
    (x,) = leaves(REAL)
    before = x.data
    assert gradcheck(lambda *_: x.sin() * x, (x,))
    assert x.data is before
    assert x.grad is None


def test_the_same_variable_twice_is_one_input():
    (x,) = leaves(REAL)
    assert gradcheck(lambda x, y: x * y, (x, x))


def test_an_input_may_be_no_leaf():
    (x,) = leaves(REAL)
    assert gradcheck(lambda y: y.exp(), x.sin())


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize("is_leaf", [True, False])
def test_an_expanded_input_is_checked_although_torch_refuses_it(is_leaf, fast_mode):
    one = torch.tensor([0.5], dtype=torch.float64)

    def expanded(x):
        return x.expand(2, 2) if not is_leaf else pg.Variable(one.expand(2, 2), requires_grad=True)

    def products(x):
        return x * x.sum(0)

    x = pg.Variable(one, requires_grad=True)
    before = expanded(x)
    assert gradcheck(products, before, fast_mode=fast_mode)
    assert before.data.stride() == (0, 0)
    wrong, _ = both(products, lambda x, g: g * x.sum(0))
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong, expanded(x), fast_mode=fast_mode)
    # Each element is moved by itself: the derivative of x[0, 0] * (x[0, 0] + x[1, 0]).
    lines = str(caught.value).splitlines()
    assert "    [1.5    0  0.5    0]" in lines
    assert "    [1  0  0  0]" in lines


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize(
    "fn",
    [
        lambda x: pg.Variable(x.data * 2),
        lambda x: x.data * 2,
        lambda x: torch.tensor([x.sum().item()]),
        lambda x: x.sum().item(),
        lambda x: (torch.ones(2), [x.detach() ** 2]),
    ],
    ids=["Variable", "tensor", "of a number", "number", "nested"],
)
def test_outputs_without_a_graph_must_not_depend_on_the_inputs(fn, fast_mode):
    (x,) = leaves(REAL)
    assert gradcheck(lambda x: pg.Variable(torch.ones(2)), x, fast_mode=fast_mode)
    assert gradcheck(lambda x: torch.ones(2), x, fast_mode=fast_mode)
    message = (
        "^Numerical gradient for function expected to be zero: no output requires grad, but they "
        "depend on input 0"
    )
    with pytest.raises(GradcheckError, match=message):
        gradcheck(fn, x, fast_mode=fast_mode)
    assert not gradcheck(fn, x, fast_mode=fast_mode, raise_exception=False)


@pytest.mark.parametrize("fn", [lambda x: None, lambda x: (None, "x")])
def test_a_function_that_returns_nothing_to_check(fn):
    for raise_exception in (True, False):
        with pytest.raises(GradcheckArgumentError, match="the function returns a NoneType, so"):
            gradcheck(fn, leaves(REAL), raise_exception=raise_exception)


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_sparse_input_is_refused_and_the_fix_works(fast_mode):
    def fn(x):
        return (x * 3).to_dense()

    indices, values = torch.tensor([[0, 1], [1, 0]]), torch.tensor([1.0, 2.0]).double()
    x = torch.sparse_coo_tensor(indices, values, (2, 2))
    with pytest.raises(GradcheckArgumentError, match="input 0 is sparse: its elements") as caught:
        gradcheck(fn, pg.Variable(x, requires_grad=True), fast_mode=fast_mode)
    assert caught.value.fix.endswith("fn(plugrad.ops.sparse_coo_tensor(indices, values, size))")
    assert gradcheck(
        lambda values: fn(pg.ops.sparse_coo_tensor(indices, values, (2, 2))),
        pg.Variable(values, requires_grad=True),
        fast_mode=fast_mode,
    )


def test_the_error_is_torchs_too():
    ours, _ = both(lambda x: x * x, lambda x, g: g * x)
    with pytest.raises(TorchGradcheckError) as caught:
        gradcheck(ours, leaves(REAL))
    assert type(caught.value) is GradcheckError
    assert issubclass(GradcheckError, RuntimeError)


def at_least_one(x):
    """Whether x is where these functions change: at 1, and above."""
    return bool((x.data >= 1).all())


CHANGING = {
    "shape": (
        lambda x: torch.cat([x, x]) if at_least_one(x) else x.sin(),
        "output 0: float64[2] becomes float64[1]",
    ),
    "shape of one that is the input": (
        lambda x: torch.cat([x, x]) if at_least_one(x) else x,
        "output 0: float64[2] becomes float64[1]",
    ),
    "dimensions, with as many elements": (
        lambda x: (x * 2, x.reshape(1, 1) if at_least_one(x) else x),
        "output 1: float64[1, 1] becomes float64[1]",
    ),
    "dtype": (
        lambda x: x.to(torch.float32) if at_least_one(x) else x,
        "output 0: float32[1] becomes float64[1]",
    ),
    "number": (
        lambda x: (x, x.sin()) if at_least_one(x) else x,
        "the number of outputs: 2 becomes 1",
    ),
    "a Variable or not": (
        lambda x: x * 2 if at_least_one(x) else 3.0,
        "output 0: float64[1] becomes a float",
    ),
    "shape, without a graph": (
        lambda x: torch.cat([x, x]).detach() if at_least_one(x) else x.detach(),
        "output 0: float64[2] becomes float64[1]",
    ),
}


@pytest.mark.parametrize("name", CHANGING)
def test_outputs_that_change_their_kind_are_refused_as_torch_does(name):
    fn, message = CHANGING[name]
    one = torch.ones(1, dtype=torch.float64)
    with pytest.raises(GradcheckError) as raised:
        gradcheck(fn, pg.Variable(one, requires_grad=True))
    what, became = message.split(": ")
    expected = f"{what} changes when input 0[0] is moved by 1e-06: {became}"
    assert str(raised.value).splitlines()[0] == expected
    assert isinstance(raised.value, AssertionError)  # which torch raises
    assert "\n  fix: check the function at inputs near which" in str(raised.value)
    assert not gradcheck(fn, pg.Variable(one, requires_grad=True), raise_exception=False)


@pytest.mark.filterwarnings("ignore:.*too few digits")
@pytest.mark.parametrize("name", [n for n in CHANGING if "graph" not in n])
def test_gradgradcheck_refuses_them_too(name):
    fn, message = CHANGING[name]
    with pytest.raises(GradcheckError) as raised:
        gradgradcheck(lambda x: fn(x), pg.Variable(torch.ones(1).double(), requires_grad=True))
    what, became = message.split(": ")
    expected = f"{what} changes when input 0[0] is moved by 1e-06: {became}"
    assert str(raised.value).splitlines()[0] == expected


def test_in_fast_mode_a_change_is_told_of_the_whole_input():
    def fn(x):
        return x.sin() if bool((x.data == 1).all()) else torch.cat([x, x])

    x = pg.Variable(torch.ones(2).double(), requires_grad=True)
    with pytest.raises(GradcheckError, match=r"^output 0 changes when input 0 is moved"):
        gradcheck(fn, x, fast_mode=True)


def test_a_shape_that_changes_from_call_to_call():
    calls = []

    def fn(x):
        calls.append(x)
        return torch.cat([x] * len(calls))

    with pytest.raises(GradcheckError, match=r"^output 0 changes from one call to the"):
        gradcheck(fn, leaves(tensors((2,))))


def test_a_random_function_is_told_as_such():
    (x,) = leaves(REAL)
    with pytest.raises(GradcheckError, match="gives other values each time"):
        gradcheck(lambda x: x * torch.rand(()), x)


def test_a_backward_that_differs_from_run_to_run():
    drawn = torch.Generator().manual_seed(0)
    ours, _ = both(
        lambda x: x * 1.0,
        lambda x, g: g * (1 + 1e-7 * torch.rand((), dtype=g.dtype, generator=drawn)),
    )
    with pytest.raises(GradcheckError, match="two backwards of the same call"):
        gradcheck(ours, leaves(REAL))
    assert gradcheck(ours, leaves(REAL), nondet_tol=1e-6)


class Pair(pg.Function):
    """Two outputs, whose backward takes no None."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    @staticmethod
    def backward(ctx, g, h):
        return 2 * g + 3 * h


class Added(Pair):
    """A term that is not multiplied by a gradient."""

    @staticmethod
    def backward(ctx, g, h):
        return (0 if g is None else 2 * g) + (1 if h is None else 3 * h)


def test_an_output_without_a_gradient():
    (x,) = leaves(REAL)
    with pytest.raises((GradcheckError, TypeError)):
        gradcheck(Pair.apply, x)
    with pytest.raises(GradcheckError):
        gradcheck(Added.apply, x)


def test_batched_gradients():
    (x,) = leaves(REAL)
    assert gradcheck(lambda x: (x.sin(), x.sum()), x, check_batched_grad=True)
    item, _ = both(lambda x: x * 2.0, lambda x, g: g * 2.0 if g.sum().item() else None)
    assert gradcheck(item, x)
    with pytest.raises(
        GradcheckError, match="While computing batched gradients, got: RuntimeError"
    ):
        gradcheck(item, x, check_batched_grad=True)


def test_float32_is_warned_of_as_torch_does():
    given = tensors((2,), dtype=torch.float32)
    with (
        pytest.warns(UserWarning, match=r"input 0 is torch\.float32"),
        pytest.raises(
            GradcheckError, match=r"differences of torch\.float32 values have too few digits"
        ),
    ):
        gradcheck(lambda x: x.exp(), leaves(given))
    with pytest.warns(UserWarning, match="not a double precision"):
        torch.autograd.gradcheck(lambda x: x.exp(), torch_leaves(given), raise_exception=False)


def test_no_input_requires_grad():
    with pytest.raises(GradcheckArgumentError, match="no input requires grad"):
        gradcheck(lambda x: x, (pg.Variable(REAL[0]), 3))
    with pytest.raises(ValueError, match="requires"):
        torch.autograd.gradcheck(lambda x: x, REAL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"check_backward_ad": False},
            "Expected at least one of check_forward_ad or check_backward_ad to be True",
        ),
        (
            {"check_backward_ad": False, "check_forward_ad": True, "check_batched_grad": True},
            "Setting check_batched_grad=True requires check_backward_ad to be True",
        ),
        (
            {"check_batched_forward_grad": True},
            "Setting check_batched_forward_grad=True requires check_forward_ad to be True",
        ),
    ],
)
def test_options_that_contradict_each_other(options, message):
    for check, given in ((gradcheck, leaves), (torch.autograd.gradcheck, torch_leaves)):
        with pytest.raises(AssertionError, match=f"^{message}"):
            check(lambda x: x, given(REAL), raise_exception=False, **options)
    with pytest.raises(GradcheckOptionError) as caught:
        gradcheck(lambda x: x, leaves(REAL), **options)
    assert isinstance(caught.value, GradcheckArgumentError)


def test_masked_is_not_supported():
    with pytest.raises(GradcheckArgumentError, match="gradcheck got masked=True"):
        gradcheck(lambda x: x, leaves(REAL), masked=True)


def test_it_leaves_the_random_state_alone():
    before = torch.get_rng_state()
    gradcheck(lambda x: x.sin(), leaves(REAL), fast_mode=True, check_batched_grad=True)
    assert torch.equal(torch.get_rng_state(), before)


def test_under_no_grad_too():
    with pg.no_grad():
        assert gradcheck(lambda x: x.sin(), leaves(REAL))


SECOND = {
    "the identity": (lambda x: x, REAL),
    "an input among others": (lambda x: (x.exp(), x), REAL),
    "sin": (lambda x: x.sin(), REAL),
    "of two inputs": (lambda x, y: (x * y).sum(0), tensors((2, 3), (3,))),
    "of two outputs": (lambda x: (x.exp(), x * x), REAL),
    "linear": (lambda x: 2 * x, REAL),
    "C to C": (lambda z: z * z * z, COMPLEX),
    "C to R": (lambda z: z.abs(), COMPLEX),
}


@pytest.mark.parametrize(
    "options", [{}, {"fast_mode": True}, {"gen_non_contig_grad_outputs": True}]
)
@pytest.mark.parametrize("name", SECOND)
def test_right_ones_pass_in_both(name, options):
    fn, given = SECOND[name]
    assert gradgradcheck(fn, leaves(given), **options)
    assert torch.autograd.gradgradcheck(fn, torch_leaves(given), **options)


def cube(base, detach):
    """x^3 whose double backward is wrong: one factor of it is cut off."""

    class Cube(base):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * g * x * detach(x)

    return Cube.apply


def test_a_detached_factor_fails_in_both():
    ours, theirs = (
        cube(pg.Function, lambda x: x.detach()),
        cube(torch.autograd.Function, torch.Tensor.detach),
    )
    with pytest.raises(TorchGradcheckError):
        torch.autograd.gradgradcheck(theirs, torch_leaves(REAL))
    with pytest.raises(GradcheckError) as caught:
        gradgradcheck(ours, leaves(REAL))
    message = str(caught.value)
    assert "Jacobian mismatch for gradient of input 0 with respect to input 0" in message
    assert "probable cause: scaled by 0.5" in message
    assert not gradgradcheck(ours, leaves(REAL), raise_exception=False)


def test_given_cotangents():
    (x,) = leaves(REAL)
    assert gradgradcheck(lambda x: x.sin(), x, torch.ones(2, 3, dtype=torch.float64))
    assert gradgradcheck(lambda x: x.sin(), x, leaves(tensors((2, 3), seed=1)))
    assert gradgradcheck(lambda x: x.sin().sum(), x, [None])


def test_a_once_differentiable_op_says_so():
    class Once(pg.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        @pg.once_differentiable
        def backward(ctx, g):
            return 2 * g

    with pytest.raises(OnceDifferentiableError):
        gradgradcheck(Once.apply, leaves(REAL))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"check_rev_over_rev": False},
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True",
        ),
        (
            {"check_rev_over_rev": False, "check_fwd_over_rev": True},
            "Setting check_undefined_grad=True requires check_rev_over_rev to be True",
        ),
    ],
)
def test_second_order_options_that_contradict_each_other(options, message):
    for check, given in ((gradgradcheck, leaves), (torch.autograd.gradgradcheck, torch_leaves)):
        with pytest.raises(AssertionError, match=f"^{message}"):
            check(lambda x: x, given(REAL), **options)


def test_a_function_without_a_gradient_has_no_second_one():
    with pytest.raises(GradcheckArgumentError, match="no output of the function requires grad, so"):
        gradgradcheck(lambda x: x.data * 2, leaves(REAL))


def test_a_gradient_that_is_none_has_zeros_for_derivatives():
    ours, theirs = both(lambda x: 0 * x, lambda x, g: None)
    assert gradgradcheck(ours, leaves(REAL))
    assert torch.autograd.gradgradcheck(theirs, torch_leaves(REAL))
