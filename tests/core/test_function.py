"""The contract of Function: torch's, loud where torch's is silent."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
import torch

import plugrad as pg
from plugrad import errors


def leaf(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    data = torch.randn(shape, generator=generator, dtype=torch.float64)
    return pg.Variable(data, requires_grad=True), data.clone().requires_grad_()


# --- the examples of torch's "Extending PyTorch" notes, in both contracts: each is written once
# for a base class, made with torch's and with ours, and must give the same derivatives.


def exp(base):
    class Exp(base):
        @staticmethod
        def forward(ctx, i):
            result = i.exp()
            ctx.save_for_backward(result)
            return result

        @staticmethod
        def backward(ctx, grad_output):
            (result,) = ctx.saved_tensors
            return grad_output * result

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3, 4))

    return Exp


def linear_with_bias(base):
    class LinearFunction(base):
        @staticmethod
        def forward(input, weight, bias):
            output = input.mm(weight.t())
            if bias is not None:
                output += bias.unsqueeze(0).expand_as(output)
            return output

        @staticmethod
        def setup_context(ctx, inputs, output):
            input, weight, bias = inputs
            ctx.save_for_backward(input, weight, bias)

        @staticmethod
        def backward(ctx, grad_output):
            input, weight, bias = ctx.saved_tensors
            grad_input = grad_weight = grad_bias = None
            if ctx.needs_input_grad[0]:
                grad_input = grad_output.mm(weight)
            if ctx.needs_input_grad[1]:
                grad_weight = grad_output.t().mm(input)
            if bias is not None and ctx.needs_input_grad[2]:
                grad_bias = grad_output.sum(0)
            return grad_input, grad_weight, grad_bias

        @staticmethod
        def samples(make):
            yield pg.Sample(make(5, 3), make(4, 3), make(4))
            yield pg.Sample(make(5, 3), make(4, 3), None)

    return LinearFunction


def mul_constant(base):
    class MulConstant(base):
        @staticmethod
        def forward(tensor, constant):
            return tensor * constant

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, constant = inputs
            ctx.constant = constant

        @staticmethod
        def backward(ctx, grad_output):
            return grad_output * ctx.constant, None

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3), 5.5)

    return MulConstant


def mul_constant_without_materialized_grads(base):
    class MulConstant(base):
        @staticmethod
        def forward(ctx, tensor, constant):
            ctx.set_materialize_grads(False)
            ctx.constant = constant
            return tensor * constant

        @staticmethod
        def backward(ctx, grad_output):
            if grad_output is None:
                return None, None
            return grad_output * ctx.constant, None

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3), 5.5)

    return MulConstant


def cube_with_its_own_double_backward(base):
    class CubeBackward(base):
        @staticmethod
        def forward(ctx, grad_out, x):
            ctx.save_for_backward(grad_out, x)
            return grad_out * 3 * x**2

        @staticmethod
        def backward(ctx, grad_grad):
            grad_out, x = ctx.saved_tensors
            return grad_grad * 3 * x**2, grad_grad * grad_out * 6 * x

    class Cube(base):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, grad_out):
            (x,) = ctx.saved_tensors
            return CubeBackward.apply(grad_out, x)

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3))

    return Cube


def sinh_with_setup_context(base):
    class Sinh(base):
        @staticmethod
        def forward(x):
            expx = torch.exp(x)
            expnegx = torch.exp(-x)
            return (expx - expnegx) / 2, expx, expnegx

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, expx, expnegx = output
            ctx.save_for_backward(expx, expnegx)

        @staticmethod
        def backward(ctx, grad_out, grad_exp, grad_negexp):
            # The outputs that are returned only to be saved get gradients too.
            expx, expnegx = ctx.saved_tensors
            grad_input = grad_out * (expx + expnegx) / 2
            grad_input = grad_input + grad_exp * expx
            return grad_input - grad_negexp * expnegx

        @staticmethod
        def samples(make):
            yield pg.Sample(make(3))

    return Sinh


EXAMPLES = [
    exp,
    linear_with_bias,
    mul_constant,
    mul_constant_without_materialized_grads,
    cube_with_its_own_double_backward,
    sinh_with_setup_context,
]


def first_output(output):
    return output[0] if isinstance(output, tuple) else output


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: e.__name__)
def test_the_examples_of_torchs_notes_port(example):
    ours, theirs = example(pg.Function), example(torch.autograd.Function)
    for sample in ours.samples(pg.SampleMaker(0)):
        is_tensor = [isinstance(a, torch.Tensor) for a in sample.args]
        xs = [pg.Variable(a, True) if i else a for a, i in zip(sample.args, is_tensor, strict=True)]
        ts = [
            a.clone().requires_grad_() if i else a
            for a, i in zip(sample.args, is_tensor, strict=True)
        ]
        y, u = first_output(ours.apply(*xs)), first_output(theirs.apply(*ts))
        assert torch.equal(y.data, u)
        leaves = [x for x in xs if isinstance(x, pg.Variable)]
        torch_leaves = [t for t in ts if isinstance(t, torch.Tensor)]
        first = pg.grad((y * y).sum(), leaves, create_graph=True)
        expected = torch.autograd.grad((u * u).sum(), torch_leaves, create_graph=True)
        for a, b in zip(first, expected, strict=True):
            torch.testing.assert_close(a.data, b, rtol=1e-12, atol=1e-12)
        second = pg.grad(sum((g * g).sum() for g in first), leaves)
        expected = torch.autograd.grad(sum((g * g).sum() for g in expected), torch_leaves)
        for a, b in zip(second, expected, strict=True):
            torch.testing.assert_close(a.data, b, rtol=1e-12, atol=1e-12)


# --- what else the contract says


def identity(**members):
    """A Function that multiplies by one, with the given members instead of its own."""

    def forward(ctx, x):
        return x * 1

    def backward(ctx, gy):
        return gy

    members = {"forward": forward, "backward": backward, **members}
    return type("Odd", (pg.Function,), {k: staticmethod(v) for k, v in members.items()})


def run(function, *args):
    output = function.apply(*args)
    first_output(output).sum().backward()
    return output


def test_keyword_arguments_and_defaults():
    class Scale(pg.Function):
        @staticmethod
        def forward(ctx, x, factor=2.0, *, shift=0.0):
            ctx.factor = factor
            return x * factor + shift

        @staticmethod
        def backward(ctx, gy):
            return gy * ctx.factor

    x, _ = leaf(3)
    assert torch.equal(Scale.apply(x).data, x.data * 2)
    y = Scale.apply(shift=1.0, factor=3.0, x=x)
    assert torch.equal(y.data, x.data * 3 + 1)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0, 3.0]


def test_a_list_of_tensors_gets_a_list_of_gradients():
    seen = []

    class Total(pg.Function):
        @staticmethod
        def forward(ctx, tensors, weight):
            ctx.count = len(tensors)
            seen.append(ctx.needs_input_grad)
            ctx.weight = weight
            return sum(tensors) * weight

        @staticmethod
        def backward(ctx, gy):
            return [gy * ctx.weight * (i + 1) for i in range(ctx.count)], None

    (x, _), (y, _) = leaf(2, seed=1), leaf(2, seed=2)
    Total.apply([x, torch.ones(2).double(), y], 2.0).sum().backward()
    assert x.grad.tolist() == [2, 2]
    assert y.grad.tolist() == [6, 6]
    assert seen == [((True, False, True), False)]


def test_an_integer_output_has_no_gradient():
    class Both(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x, x.argmax()

        @staticmethod
        def backward(ctx, gy, g_index):
            (x,) = ctx.saved_tensors
            return gy * x * 2

    x, _ = leaf(3)
    y, index = run(Both, x)
    assert y.requires_grad
    assert not index.requires_grad
    assert index.grad_fn is None
    torch.testing.assert_close(x.grad.data, 2 * x.data)


def test_mark_non_differentiable_output():
    class Both(pg.Function):
        @staticmethod
        def forward(ctx, x):
            rounded = x.round()
            ctx.mark_non_differentiable(rounded)
            return x * 1, rounded

        @staticmethod
        def backward(ctx, gy, g_rounded):
            return gy

    x, _ = leaf(3)
    _, rounded = run(Both, x)
    assert not rounded.requires_grad


def test_mark_dirty_rewires_the_changed_variable():
    class Double(pg.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx, gy):
            return gy * 2

    x, _ = leaf(3)
    y = x * 1
    z = Double.apply(y)
    assert z is y
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    with pytest.raises(
        errors.InplaceError, match="a leaf Variable that requires grad[\\s\\S]*fix:"
    ):
        Double.apply(x)
    y = x * 1
    Double.apply(y[1:])
    (gradient,) = pg.grad(y.sum(), x)
    assert gradient.tolist() == [1, 2, 2]


@pytest.mark.parametrize("save_first", [True, False])
def test_mark_dirty_counts_a_change_that_torch_has_not_seen(save_first):
    class Double(pg.Function):
        @staticmethod
        def forward(ctx, x):
            if save_first:
                ctx.save_for_backward(x)
            x.detach().numpy()[...] *= 2
            ctx.mark_dirty(x)
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx, gy):
            assert len(ctx.saved_tensors) == 1
            return gy * 2

    x, _ = leaf(3)
    y = x * 1
    square = y * y
    z = Double.apply(y)
    assert y._version == 1
    z.sum().backward()
    assert x.grad.tolist() == [2, 2, 2]
    with pytest.raises(errors.SavedTensorChangedError):
        square.sum().backward()
    square = (x * 1) * y
    with pg.no_grad():
        Double.apply(y)
    with pytest.raises(errors.SavedTensorChangedError):
        square.sum().backward()


def test_what_is_saved_before_mark_dirty_is_not_called_changed():
    class Double(pg.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.save_for_backward(x)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, gy):
            (y,) = ctx.saved_tensors
            return gy * 2 + y * 0

    x, _ = leaf(3)
    Double.apply(x * 1).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_a_changed_view_without_a_gradient_for_what_it_was_leaves_the_rest_its_own():
    """torch loses the gradient of the whole base here."""

    class Replaced(pg.Function):
        @staticmethod
        def forward(ctx, x, w):
            x.copy_(w)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, gy):
            return None, gy

    (x, _), (w, _) = leaf(3), leaf(1)
    y = x * 2
    Replaced.apply(y[:1], w)
    (y * 5).sum().backward()
    assert x.grad.tolist() == [0, 10, 10]
    assert w.grad.tolist() == [5]


def test_a_dirty_input_must_be_returned():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.mul_(2)
        return x + 1

    x, _ = leaf(3)
    with pytest.raises(
        errors.InplaceError,
        match="marked as dirty .* not returned as output",
    ):
        identity(forward=forward).apply(x * 1)


def test_an_input_that_forward_returns_becomes_a_view_of_it():
    x, _ = leaf(3)
    x = x * 1
    y = identity(forward=lambda ctx, x: x).apply(x)
    pair = identity(forward=lambda ctx, x: (x, x * 1), backward=lambda ctx, g, _: g).apply(x)
    for output in (y, pair[0]):
        assert output.data is not x.data
        assert output.data.data_ptr() == x.data.data_ptr()
    y.sum().backward()


def hidden_tensor(value):
    def forward(ctx, x):
        ctx.factor = value(x)
        return x * 1

    return identity(forward=forward)


@pytest.mark.parametrize(
    "value", [lambda x: x, lambda x: [1, x], lambda x: {"a": (x,)}, lambda x: pg.Variable(x)]
)
def test_a_tensor_as_context_attribute_is_refused(value):
    x, _ = leaf(3)
    with pytest.raises(errors.ContextError, match="ctx.factor[\\s\\S]*fix: use ctx.save_for"):
        hidden_tensor(value).apply(x)


def test_saving_what_is_no_tensor_is_refused():
    def forward(ctx, x):
        ctx.save_for_backward([x])
        return x * 1

    x, _ = leaf(3)
    with pytest.raises(errors.ContextError, match="not a list[\\s\\S]*fix:"):
        identity(forward=forward).apply(x)


def test_saving_a_tensor_of_inference_mode_is_refused():
    with torch.inference_mode():
        made = torch.ones(3).double()
    x, _ = leaf(3)
    with pytest.raises(errors.ContextError, match="inference_mode"):
        x * pg.Variable(made)


def test_a_saved_intermediate_raises_instead_of_losing_its_derivative():
    class Square(pg.Function):
        @staticmethod
        def forward(ctx, x):
            double = x * 2
            ctx.save_for_backward(double)
            return x * x

        @staticmethod
        def backward(ctx, gy):
            (double,) = ctx.saved_tensors
            return gy * double

    x, _ = leaf(3)
    y = Square.apply(x).sum()
    (first,) = pg.grad(y, x, retain_graph=True)
    torch.testing.assert_close(first.data, 2 * x.data)
    with pytest.raises(errors.SavedIntermediateError, match="Square[\\s\\S]*neither an input"):
        pg.grad(y, x, create_graph=True)


def test_a_saved_constant_may_be_declared():
    class Masked(pg.Function):
        @staticmethod
        def forward(ctx, x):
            mask = torch.tensor([0.0, 1.0, 2.0]).double()
            ctx.save_for_backward(mask)
            ctx.mark_non_differentiable(mask)
            return x * mask

        @staticmethod
        def backward(ctx, gy):
            return gy * ctx.saved_tensors[0]

    x, _ = leaf(3)
    (first,) = pg.grad(Masked.apply(x).sum(), x, create_graph=True)
    assert first.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("backward", "error", "message"),
    [
        (lambda ctx, g: (g, g), errors.GradientCountError, "of gradients \\(expected 1, got 2\\)"),
        (lambda ctx, g: (), errors.GradientCountError, "of gradients \\(expected 1, got 0\\)"),
        (
            lambda ctx, g: 1.0,
            errors.GradientTypeError,
            "expected Variable or None.* a float",
        ),
        (
            lambda ctx, g: g.sum(),
            errors.GradientShapeError,
            "\\[\\] but expected shape .* \\[3\\]",
        ),
        (
            lambda ctx, g: g.float(),
            errors.GradientDtypeError,
            "float64 but got torch.float32",
        ),
    ],
)
def test_wrong_gradients_are_named(backward, error, message):
    x, _ = leaf(3)
    with pytest.raises(error, match=message + "[\\s\\S]*Odd[\\s\\S]*fix:"):
        run(identity(backward=backward), x * 1)


class OneTooFar(pg.Function):
    """Its rule gives each gradient one place too far to the left, as after a new argument."""

    @staticmethod
    def forward(ctx, k, x, y=None, flag=True):
        return k * x

    @staticmethod
    def backward(ctx, g):
        return g, None


@pytest.mark.parametrize(
    "call",
    [
        lambda x: OneTooFar.apply(2.0, x),  # the short path, in which forward fills its defaults
        lambda x: OneTooFar.apply(2.0, x, None, True),
        lambda x: OneTooFar.apply(k=2.0, x=x),
    ],
)
def test_a_gradient_in_the_place_of_a_number_is_refused_where_one_is_missing(call):
    x, _ = leaf(3)
    message = "OneTooFar[^\n]* different than None at position 0[\\s\\S]*fix: .*order"
    with pytest.raises(errors.GradientTypeError, match=message):
        call(x).sum().backward()
    with pytest.raises(errors.GradientTypeError, match=message):
        pg.grad(call(x).sum(), x)
    assert x.grad is None


def test_a_gradient_for_a_constant_tensor_may_be_all_that_a_rule_gives():
    x, _ = leaf(3)
    OneTooFar.apply(torch.tensor(2.0).double(), x).sum().backward()
    assert x.grad is None  # the rule says so, as torch reads it


def test_a_gradient_for_a_number_is_let_go_where_none_is_missing():
    class Product(pg.Function):
        @staticmethod
        def forward(ctx, x, y, z):
            ctx.save_for_backward(x, y, z)
            return x * y * z

        @staticmethod
        def backward(ctx, g):
            x, y, z = ctx.saved_tensors
            needs = ctx.needs_input_grad
            return g * y * z, g * x * z, g * x * y if needs[2] else None

    x, _ = leaf(3)
    z, _ = leaf(3)
    out = Product.apply(x, 3.0, z).sum()
    (found,) = pg.grad(out, x, retain_graph=True)  # z has none, and none is wanted
    out.backward()
    assert torch.equal(found.data, 3.0 * z.data)
    assert torch.equal(z.grad.data, 3.0 * x.data)


def test_a_gradient_on_another_device_is_named():
    x, _ = leaf(3)
    with pytest.raises(errors.GradientDeviceError, match="is on meta[\\s\\S]*fix:"):
        identity(backward=lambda ctx, g: g.to("meta")).apply(x).backward(torch.ones(3).double())


def test_a_gradient_on_another_device_is_not_returned_by_grad():
    class Elsewhere(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g.to("meta")

    theirs = torch.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="meta"):
        torch.autograd.grad(Elsewhere.apply(theirs * 1).sum(), theirs)
    x = pg.Variable(torch.ones(3), requires_grad=True)
    for inner in (x, x * 1):
        with pytest.raises(errors.GradientDeviceError, match="is on meta[\\s\\S]*fix:"):
            pg.grad(Elsewhere.apply(inner).sum(), x)


def test_a_wrong_number_of_gradients_for_a_list():
    def forward(ctx, tensors):
        return sum(tensors)

    x, _ = leaf(3)
    function = identity(forward=forward, backward=lambda ctx, g: ([g],))
    with pytest.raises(errors.GradientCountError, match="its list argument .expected 2, got 1"):
        run(function, [x, x])


def test_trailing_gradients_of_non_tensors_may_be_left_out_but_not_of_tensors():
    def forward(ctx, x, y, flag=True):
        return x * y

    (x, _), (y, _) = leaf(3, seed=1), leaf(3, seed=2)
    run(identity(forward=forward, backward=lambda ctx, g: (g, g)), x, y, False)
    with pytest.raises(errors.GradientCountError):
        run(identity(forward=forward, backward=lambda ctx, g: g), x, y)
    run(identity(forward=forward, backward=lambda ctx, g: (g, g, None)), x, y)
    run(identity(forward=forward, backward=lambda ctx, g: (g, g, g)), x, y)  # flag was not given


def test_a_variable_in_an_unknown_container_is_refused():
    def forward(ctx, x, options):
        return x * 1

    x, _ = leaf(3)
    function = identity(forward=forward)
    for hidden in ({"a": x}, {x}, [[x]]):
        with pytest.raises(errors.HiddenVariableError, match="inside a [\\s\\S]*fix:"):
            function.apply(x, hidden)


def test_a_variable_as_keyword_only_argument_is_refused():
    def forward(ctx, x, *, scale):
        return x * scale

    x, _ = leaf(3)
    function = identity(forward=forward)
    with pytest.raises(errors.HiddenVariableError, match="'scale'"):
        function.apply(x, scale=x)
    assert torch.equal(function.apply(x, scale=pg.Variable(x.data)).data, x.data * x.data)


@pytest.mark.parametrize("base", [pg.Function, torch.autograd.Function])
def test_only_of_a_function_from_torch_a_gradient_is_summed_to_its_inputs_shape(base):
    class Rows(base):
        @staticmethod
        def forward(ctx, x):
            return x.expand(4, 3).clone()

        @staticmethod
        def backward(ctx, gy):
            return gy

    x, _ = leaf(3)
    y = Rows.apply(x).sum()
    if base is pg.Function:
        with pytest.raises(errors.GradientShapeError, match="broadcasts=True in @op"):
            y.backward()
    else:
        y.backward()
        assert x.grad.tolist() == [4, 4, 4]


def test_a_variable_in_a_nested_list_is_taken_where_nothing_is_recorded():
    class Scaled(pg.Function):
        @staticmethod
        def forward(ctx, x, factors):
            return x * factors[0][0]

    x, w = leaf(3)[0], leaf(1)[0]
    with pg.no_grad():
        y = Scaled.apply(x, [[w]])
    assert torch.equal(y.data, x.data * w.data)
    with pytest.raises(errors.HiddenVariableError, match="inside a nested list"):
        Scaled.apply(x, [[w]])


def test_a_torch_tensor_that_requires_grad_is_refused():
    x, t = leaf(3)
    for call in (lambda: x * t, lambda: t * x, lambda: pg.Variable(t)):
        with pytest.raises(errors.TorchGraphError, match="fix: pass tensor.detach"):
            call()


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((1, 2, 3), {}, "at most 2 positional arguments, got 3"),
        ((), {}, "missing the argument 'x'"),
        ((1,), {"z": 3}, "unexpected argument 'z'"),
        ((1,), {"x": 3}, "'x' twice"),
    ],
)
def test_a_call_with_wrong_arguments(args, kwargs, message):
    def forward(ctx, x, y=1):
        return x

    with pytest.raises(errors.ArgumentError, match=message + "[\\s\\S]*arguments are \\(x, y\\)"):
        identity(forward=forward).apply(*args, **kwargs)


def test_definitions_that_cannot_work():
    with pytest.raises(errors.OpDefinitionError, match="\\*\\*kwargs is not allowed"):
        identity(forward=lambda ctx, **kwargs: None)
    with pytest.raises(errors.OpDefinitionError, match="forward of Odd"):
        identity(forward=lambda: None)
    with pytest.raises(errors.OpDefinitionError, match="no instances"):
        identity()()
    for name in ("not a name", "lambda", "linalg.class", "a::b::c", "::a", "a.b::c"):
        with pytest.raises(errors.OpDefinitionError, match="legal op name"):
            pg.op(name)
    with pytest.raises(errors.OpDefinitionError, match="unknown keyword[\\s\\S]*methods"):
        pg.op("name", method=("x",))
    with pytest.raises(errors.OpDefinitionError, match="is not a Function"):
        pg.op("name")(int)


def test_without_a_variable_tensors_stay_tensors():
    assert isinstance(identity().apply(torch.ones(3)), torch.Tensor)


def test_an_op_class_pickles():
    function = pg.registry["sin"].function
    assert pickle.loads(pickle.dumps(function)) is function


def test_composite_follows_from_the_ops_it_calls():
    @pg.op("test_composite", aliases={"rate": "factor"})
    class Wave(pg.Composite):
        @staticmethod
        def forward(x, factor=2.0):
            return (x * factor).sin()

    x, t = leaf(3)
    Wave.apply(x, rate=3.0).sum().backward()
    (t * 3).sin().sum().backward()
    torch.testing.assert_close(x.grad.data, t.grad)


def built_in(base=pg.Function, **names):
    """A class as those of plugrad's own ops, which are compiled when they are used."""

    def forward(ctx, x):
        return x * 2

    def backward(ctx, gy):
        return gy * 2

    names = {"forward": staticmethod(forward), "backward": staticmethod(backward), **names}
    return type("Twice", (base,), {"__module__": "plugrad.ops.test", **names})


@pytest.mark.parametrize("first", ["apply", "signature", "record_type"])
def test_a_built_in_op_is_compiled_when_it_is_used(first):
    function = pg.op("twice")(built_in())
    names = ("apply", "signature", "record_type")
    waiting = {name: vars(function)[name] for name in names}
    getattr(function, first)
    assert not any(vars(function)[name] is waiting[name] for name in names)
    assert function.signature.op_name == "twice"
    assert function.record_type._pg_op_name == "twice"
    assert function.apply is function.apply
    assert function.apply(pg.Variable(torch.ones(2))).data.tolist() == [2.0, 2.0]


def test_a_built_in_composite_is_compiled_once_and_has_no_records():
    def forward(x, *, times=2):
        return x * times

    function = pg.op("twice")(built_in(pg.Composite, forward=staticmethod(forward)))
    apply = function.apply
    assert not hasattr(function, "record_type")
    assert function.apply is apply
    assert function.signature.keyword_only == {"times"}


def test_a_class_derived_from_a_built_in_op_that_nobody_used_is_itself():
    base = pg.op("twice")(built_in())

    class Derived(base):
        pass

    assert Derived.signature.op_name == "Derived"
    assert base.signature.op_name == "twice"
    assert Derived.apply is not base.apply


def test_threads_that_use_a_built_in_op_first_find_one():
    for _ in range(20):
        function = pg.op("twice")(built_in())
        together = threading.Barrier(8)

        def used(function=function, together=together):
            together.wait()
            return function.apply, function.record_type, function.signature

        with ThreadPoolExecutor(8) as pool:
            found = [future.result() for future in [pool.submit(used) for _ in range(8)]]
        assert len(set(found)) == 1


def test_a_context_has_no_name_that_the_engine_would_overwrite():
    # Each is one that the engine's node could have wanted for itself.
    names = "shape dtype edges outputs sequence_number function rule op_name broadcasts retained"

    class Named(pg.Function):
        @staticmethod
        def forward(ctx, x):
            for name in names.split():
                setattr(ctx, name, (name, x.shape))
            return x.sum()

        @staticmethod
        def backward(ctx, gy):
            assert all(getattr(ctx, n) == (n, torch.Size([3])) for n in names.split())
            return gy.expand(ctx.shape[1])

    x = pg.Variable(torch.ones(3), requires_grad=True)
    Named.apply(x).backward()
    assert x.grad.tolist() == [1, 1, 1]


# --- what ctx has where forward set nothing --------------------------------------------


class Scaled(pg.Function):
    """y = factor x;  gx = factor gy."""

    ctx_defaults: ClassVar = {"factor": 1}

    @staticmethod
    def forward(ctx, x, factor=1):
        if factor != 1:
            ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, gy):
        return gy * ctx.factor


def test_backward_finds_the_default_and_what_forward_set():
    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    plain, scaled = Scaled.apply(x), Scaled.apply(x, 3)
    assert plain.grad_fn.attributes == {}
    assert scaled.grad_fn.attributes == {"factor": 3}
    assert [n.grad_fn.factor for n in (plain, scaled)] == [1, 3]
    (plain + scaled).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("saved_tensors", 1, "which ctx has by itself"),
        ("needs_input_grad", 1, "which ctx has by itself"),
        ("_pg_shape", 1, "which ctx has by itself"),
        ("mask", [torch.ones(2)], "a tensor"),
    ],
)
def test_a_default_that_would_hide_something_is_refused(name, value, what):
    with pytest.raises(
        errors.OpDefinitionError, match=f"Bad.ctx_defaults has '{name}', {what}"
    ) as error:
        type("Bad", (Scaled,), {"ctx_defaults": {name: value}})
    assert error.value.fix


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x + x,
        lambda x: x - x,
        lambda x: x @ x,
        lambda x: x.mm(x),
        lambda x: torch.nn.functional.linear(x, x),
    ],
)
def test_an_everyday_call_sets_nothing(call):
    x = pg.Variable(torch.ones(3, 3), requires_grad=True)
    assert call(x).grad_fn.attributes == {}
