"""Ops of torch.library on Variables: the rule that was registered for torch is what runs."""

from __future__ import annotations

import pytest
import torch
from torch import library

import plugrad as pg
from plugrad import errors

OURS = library.Library("plugrad_tests", "FRAGMENT")
ops = torch.ops.plugrad_tests


def custom_op(name, schema, backward=None, setup_context=None, mutates_args=()):
    """A decorator for the implementation of a custom op, with its rule."""

    def defined(function):
        name_space = f"plugrad_tests::{name}"
        op = library.custom_op(name_space, function, mutates_args=mutates_args, schema=schema)
        if backward is not None:
            op.register_autograd(backward, setup_context=setup_context)
        return op

    return defined


def saves_inputs_and_output(ctx, inputs, output):
    x, ctx.factor = inputs
    ctx.save_for_backward(x, output)


def rule_of_cube(ctx, g):
    x, y = ctx.saved_tensors
    return 2 * g * y / x + ctx.factor * g * x * x, None


@custom_op("cube", "(Tensor x, float factor=2.0) -> Tensor", rule_of_cube, saves_inputs_and_output)
def cube(x, factor=2.0):
    return torch.from_numpy(x.numpy() ** 3) * factor  # nothing that torch could look into


def saves_lists(ctx, inputs, output):
    xs, y = inputs
    ctx.save_for_backward(*xs, y)


def rule_of_each(ctx, gradients):
    *xs, y = ctx.saved_tensors
    gy = sum(g * x for g, x in zip(gradients, xs, strict=True))
    return [g * y for g in gradients], gy if ctx.needs_input_grad[1] else None


@custom_op("each", "(Tensor[] xs, Tensor y) -> Tensor[]", rule_of_each, saves_lists)
def each(xs, y):
    return [x * y for x in xs]


def keeps_factor(ctx, inputs, keyword_only_inputs, output):
    ctx.factor = keyword_only_inputs["factor"]


@custom_op(
    "scale", "(Tensor x, *, float factor=2.0) -> Tensor", lambda c, g: g * c.factor, keeps_factor
)
def scale(x, *, factor=2.0):
    return x * factor


@custom_op("ranked", "(Tensor x) -> (Tensor, Tensor)", lambda ctx, g, _: g * 3)
def ranked(x):
    return x * 3, x.argsort()


def keeps_weight(ctx, inputs, output):
    ctx.weight = inputs[1]
    ctx.save_for_backward(inputs[0])


def rule_of_weighted(ctx, g):
    if ctx.weight is None:
        return g * 2, None
    return g * ctx.weight, g * ctx.saved_tensors[0]


@custom_op("weighted", "(Tensor x, Tensor? w=None) -> Tensor", rule_of_weighted, keeps_weight)
def weighted(x, w=None):
    return x * (2 if w is None else w)


@custom_op("without", "(Tensor x) -> Tensor")
def without(x):
    return x * 2


@custom_op("doubled_", "(Tensor(a!) x) -> ()", mutates_args={"x"})
def doubled_(x):
    x.mul_(2)


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]


def define(name, schema, **kernels):
    OURS.define(name + schema)
    for key, kernel in kernels.items():
        OURS.impl(name, kernel, key)


define("square", "(Tensor x) -> Tensor", CPU=lambda x: x.square())
library.register_autograd(
    "plugrad_tests::square",
    lambda ctx, g: 2 * g * ctx.saved_tensors[0],
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]),
    lib=OURS,
)
# A kernel of one's own for torch's autograd, with calls around the Function.
define(
    "shifted",
    "(Tensor x) -> Tensor",
    CPU=lambda x: (x.mT + 1).mT ** 2,
    Autograd=lambda x: Square.apply((x.mT + 1).mT),
)
define("detached", "(Tensor x) -> Tensor", CPU=torch.clone, Autograd=lambda x: x.detach().clone())
define("never", "(Tensor x) -> Tensor", CPU=torch.sin)
define(
    "composed",
    "(Tensor x) -> Tensor",
    CompositeImplicitAutograd=lambda x: ops.cube(x).sin() + ops.square(x),
)

CALLS = {
    "packet": lambda x: ops.cube(x),
    "overload": lambda x: ops.cube.default(x, 3.0),
    "definition": lambda x: cube(x=x, factor=3.0),
    "of a list": lambda x: sum(ops.each([x, x * 2], x + 1)),
    "of a list with constants": lambda x: each([x, torch.ones(2, 2).double()], torch.ones(2, 2))[0],
    "the list's factor alone": lambda x: each([torch.ones(2, 2).double()], x)[0],
    "keyword-only": lambda x: scale(x, factor=4.0) * scale(x),
    "several outputs": lambda x: ops.ranked(x)[0] ** 2,
    "no optional tensor": lambda x: weighted(x) ** 2,
    "an optional tensor": lambda x: weighted(x.detach(), x) * weighted(x, x),
    "register_autograd": lambda x: ops.square(x),
    "a kernel of its own": lambda x: ops.shifted(x),
    "inside a composite": lambda x: ops.composed(x),
    "inside a checkpoint": lambda x: checkpointed(ops.cube, x),
}


def checkpointed(function, x):
    return torch.utils.checkpoint.checkpoint(function, x, use_reentrant=False)


def leaves():
    data = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    return data.clone().requires_grad_(), pg.Variable(data, requires_grad=True)


@pytest.mark.parametrize("name", CALLS)
def test_value_gradient_and_second_derivative_are_torchs(name):
    found = []
    for x, grad in zip(leaves(), (torch.autograd.grad, pg.grad), strict=True):
        y = CALLS[name](x)
        (g,) = grad((y * y).sum(), x, create_graph=True)
        (gg,) = grad((g * g).sum(), x)
        found.append([t.detach() for t in (y, g, gg)])
    for got, wanted in zip(found[1], found[0], strict=True):
        torch.testing.assert_close(got.data, wanted)


def test_a_node_is_called_as_torchs_and_its_other_outputs_have_no_gradient():
    t, x = leaves()
    assert type(cube(x).grad_fn).__name__ == type(cube(t).grad_fn).__name__
    y, order = ranked(x)
    assert y.requires_grad
    assert not order.requires_grad


@pytest.mark.parametrize("how", ["no_grad", "constant", "detached"])
def test_where_nothing_is_recorded_the_op_just_runs(how):
    x = pg.Variable(torch.full((2,), 2.0), requires_grad=how == "no_grad")
    with torch.set_grad_enabled(how != "no_grad"):
        y = cube(x.detach() if how == "detached" else x)
    assert not y.requires_grad
    assert y.tolist() == [16, 16]


def test_a_changed_saved_tensor_is_noticed():
    x = leaves()[1] * 1
    y = cube(x)
    x.mul_(2)
    with pytest.raises(errors.SavedTensorChangedError, match="cube"):
        y.sum().backward()


def test_a_module_on_variables_may_call_it():
    grads = []
    for on_variables in (False, True):
        torch.manual_seed(0)
        module = torch.nn.Linear(2, 2, dtype=torch.float64)
        if on_variables:
            pg.interop.convert(module)
        ops.square(module(torch.ones(3, 2, dtype=torch.float64))).sum().backward()
        grads.append(module.weight.grad.detach())
    torch.testing.assert_close(grads[1].data, grads[0])


def test_torch_alone_is_as_it_was():
    t, _ = leaves()
    y = cube(t)
    assert isinstance(y.grad_fn, torch.autograd.graph.Node)
    assert type(y) is torch.Tensor


def test_a_result_that_its_kernel_detaches_has_no_gradient():
    for x in leaves():
        assert not ops.detached(x).requires_grad


# --- jacobians and torch.vmap --------------------------------------------------------


def test_jacobians_are_right_by_rows_and_by_columns():
    x = leaves()[0].detach()[0]
    wanted = torch.diag(6 * x**2)
    for jacobian in (pg.func.jacrev, pg.func.jacfwd):
        torch.testing.assert_close(jacobian(lambda x: cube(x))(x), wanted)
        lists = jacobian(lambda x: sum(each([x, x * 2], x + 1)))(x)
        torch.testing.assert_close(lists, torch.diag(3 * (2 * x + 1)))


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_in_vmap_its_rule_is_refused():
    x = leaves()[0].detach()
    with pytest.raises(errors.MissingPrimitiveError, match=r"(?s)inside vmap.*fix: call it outs"):
        pg.func.vmap(pg.func.grad(lambda x: scale(x).sum()))(x)
    torch.testing.assert_close(pg.func.vmap(lambda x: scale(x))(x), 2 * x)


# --- what has no rule ----------------------------------------------------------------


def test_without_a_rule_backward_says_so_as_in_torch():
    for x in leaves():
        y = without(x)
        assert y.requires_grad
        with pytest.raises(RuntimeError, match=r"Trying to backward .* no autograd formula was"):
            y.sum().backward()


def test_without_a_kernel_for_autograd_the_fix_registers_the_rule():
    with library._scoped_library("plugrad_tests", "FRAGMENT") as scope:
        scope.define("late(Tensor x) -> Tensor")
        scope.impl("late", torch.sin, "CPU")
        x = leaves()[1]
        with pytest.raises(errors.MissingPrimitiveError) as caught:
            ops.late(x)
        assert (
            'fix: register its rule: torch.library.register_autograd("plugrad_tests::late", '
            "backward, setup_context=setup_context); or write a Function" in str(caught.value)
        )

        def backward(ctx, g):
            return g * ctx.saved_tensors[0].cos()

        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        torch.library.register_autograd(
            "plugrad_tests::late", backward, setup_context=setup_context, lib=scope
        )
        ops.late(x).sum().backward()
        torch.testing.assert_close(x.grad.data, x.data.cos())


def test_one_that_changes_its_arguments_is_refused():
    x = leaves()[1] * 1
    with pytest.raises(errors.MissingPrimitiveError, match="fix: call an op that returns its res"):
        doubled_(x)
    y = x.detach()
    doubled_(y)
    torch.testing.assert_close(y.data, 2 * leaves()[0].detach())


def test_a_keyword_only_tensor_is_refused():
    with library._scoped_library("plugrad_tests", "FRAGMENT") as scope:
        scope.define("by_name(Tensor x, *, Tensor w) -> Tensor")
        scope.impl("by_name", lambda x, w: x * w, "CPU")
        scope.impl("by_name", lambda x, w: Square.apply(x) * w, "Autograd")
        x = leaves()[1]
        with pytest.raises(errors.MissingPrimitiveError, match=r"(?s)keyword-only.*without the \*"):
            ops.by_name(x.detach(), w=x)


def test_with_adoption_off_it_is_refused():
    pg.adopt_torch_functions(False)
    try:
        with pytest.raises(errors.MissingPrimitiveError, match="fix: call plugrad.adopt_torch_fun"):
            cube(leaves()[1])
    finally:
        pg.adopt_torch_functions()
    assert cube(leaves()[1]).requires_grad


def test_autocast_casts_its_arguments():
    if not hasattr(cube, "register_autocast"):
        pytest.skip("torch has no register_autocast")
    op = custom_op("cast", "(Tensor x) -> Tensor", lambda ctx, g: g * 2)(lambda x: x * 2)
    op.register_autocast("cpu", torch.bfloat16)
    x = pg.Variable(torch.ones(2), requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        y = op(x)
    assert y.dtype is torch.bfloat16
    y.sum().backward()
    assert x.grad.dtype is torch.float32
    assert x.grad.tolist() == [2, 2]


def test_triton_op():
    if not hasattr(library, "triton_op"):
        pytest.skip("torch has no triton_op")

    def sine(x):
        return x.sin()

    sine.__annotations__ = {"x": torch.Tensor, "return": torch.Tensor}
    op = library.triton_op("plugrad_tests::sine", sine, mutates_args={})
    op.register_autograd(
        lambda ctx, g: g * ctx.saved_tensors[0].cos(),
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]),
    )
    x = leaves()[1]
    op(x).sum().backward()
    torch.testing.assert_close(x.grad.data, x.data.cos())


def test_an_op_that_to_library_registered():
    t, x = leaves()
    sine = pg.interop.to_library("sin")
    sine(x).sum().backward()
    torch.testing.assert_close(x.grad.data, t.detach().cos())
