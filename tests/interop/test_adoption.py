"""torch.autograd.Functions on Variables, beyond what they do on both engines (see tests/notes)."""

from __future__ import annotations

import collections
import contextlib
import copy
import functools
import gc
import os
import pickle
import traceback
import weakref
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from torch.autograd.function import once_differentiable

import plugrad as pg
from plugrad.errors import (
    ArgumentError,
    ContextError,
    SavedIntermediateError,
    SavedTensorChangedError,
    TorchGraphError,
)
from plugrad.tests.python_process import python

#: Whether torch's apply is written in C, and so has no code to replace.
IN_C = hasattr(torch.autograd.Function, "_plugrad_torchs_apply")
Pair = collections.namedtuple("Pair", "first second")


@dataclass
class Holder:
    """What a library keeps its tensors in."""

    tensor: object


class Slotted:
    __slots__ = ("tensor",)

    def __init__(self, tensor):
        self.tensor = tensor


def in_a_closure(tensor):
    return lambda: tensor


#: How to keep a tensor, and how to get it again.
CONTAINERS = {
    "list": (lambda t: [t, 1], lambda kept: kept[0]),
    "nested": (lambda t: {"a": ([t], 1)}, lambda kept: kept["a"][0][0]),
    "namedtuple": (lambda t: Pair(1, t), lambda kept: kept.second),
    "ordered dict": (lambda t: collections.OrderedDict(a=t), lambda kept: kept["a"]),
    "default dict": (lambda t: collections.defaultdict(list, a=t), lambda kept: kept["a"]),
    "proxy": (lambda t: MappingProxyType({"a": t}), lambda kept: kept["a"]),
    "set": (lambda t: {t}, lambda kept: next(iter(kept))),
    "frozenset": (lambda t: frozenset({t}), lambda kept: next(iter(kept))),
    "deque": (lambda t: collections.deque([t]), lambda kept: kept[0]),
}
OBJECTS = {
    "dataclass": (Holder, lambda kept: kept.tensor),
    "slots": (Slotted, lambda kept: kept.tensor),
    "closure": (in_a_closure, lambda kept: kept()),
    "partial": (lambda t: functools.partial(torch.clone, t), lambda kept: kept.args[0]),
    "in a list": (lambda t: [Holder(t)], lambda kept: kept[0].tensor),
    "list inside": (lambda t: Holder([t]), lambda kept: kept.tensor[0]),
}


def square(base, kept_as, what):
    """x^2, whose backward takes 2x, or x, from an attribute."""
    keep, get = kept_as

    class Square(base):
        @staticmethod
        def forward(ctx, x):
            ctx.kept = keep({"input": x, "intermediate": 2 * x}[what])
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * get(ctx.kept) * (2 if what == "input" else 1)

    return Square


def leaf(*values):
    return pg.Variable(torch.tensor(values, dtype=torch.float64), requires_grad=True)


@pytest.mark.parametrize("kept_as", CONTAINERS)
def test_an_input_in_a_container_has_its_second_derivative(kept_as):
    x = leaf(3.0)
    (g,) = pg.grad(
        square(torch.autograd.Function, CONTAINERS[kept_as], "input").apply(x),
        x,
        create_graph=True,
    )
    assert g.item() == 6
    assert pg.grad(g, x)[0].item() == 2


@pytest.mark.parametrize("kept_as", [*CONTAINERS, *OBJECTS])
def test_an_intermediate_kept_anywhere_is_right_once_and_refused_twice(kept_as):
    x = leaf(3.0)
    function = square(torch.autograd.Function, {**CONTAINERS, **OBJECTS}[kept_as], "intermediate")
    y = function.apply(x)
    assert pg.grad(y, x, retain_graph=True)[0].item() == 6
    with pytest.raises(
        SavedIntermediateError, match=r"(?s)ctx\.kept.*fix: .*mark_non_differentiable"
    ) as said:
        pg.grad(y, x, create_graph=True)
    assert "would silently be zero" in str(said.value)


@pytest.mark.parametrize("base", [pg.Function, torch.autograd.Function])
@pytest.mark.parametrize("what", ["input", "intermediate"])
@pytest.mark.parametrize("kept_as", OBJECTS)
def test_a_tensor_inside_an_object_is_refused_twice(kept_as, what, base):
    """The rule took it for a constant, and the second derivative was silently without it."""
    if base is pg.Function and kept_as == "in a list":
        keep, get = OBJECTS["dataclass"]
    else:
        keep, get = OBJECTS[kept_as]
    x = leaf(3.0)
    y = square(base, (keep, get), what).apply(x)
    assert pg.grad(y, x, retain_graph=True)[0].item() == 6
    with pytest.raises(SavedIntermediateError, match=r"ctx\.kept"):
        pg.grad(y, x, create_graph=True)


@pytest.mark.parametrize("base", [pg.Function, torch.autograd.Function])
def test_what_the_fix_for_a_tensor_inside_an_object_says_works(base):
    class Noisy(base):
        @staticmethod
        def forward(ctx, x):
            noise = torch.full_like(x, 5.0)
            ctx.mark_non_differentiable(noise)
            ctx.kept = Holder(noise)
            ctx.save_for_backward(x)
            return x * x * noise

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x * ctx.kept.tensor

    x = leaf(3.0)
    (g,) = pg.grad(Noisy.apply(x), x, create_graph=True)
    assert g.item() == 30
    assert pg.grad(g, x)[0].item() == 10


@pytest.mark.parametrize("base", [pg.Function, torch.autograd.Function])
def test_what_the_caller_passed_is_no_intermediate(base):
    """A function to call and a module are kept as they are by many."""

    class Call(base):
        @staticmethod
        def forward(ctx, x, function, module):
            ctx.function, ctx.module = function, module
            ctx.save_for_backward(x)
            return function(x) * 1

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * g * x * ctx.module.weight.detach()[0], None, None

    weight, module = torch.ones(1, dtype=torch.float64), torch.nn.Linear(1, 1).double()
    with torch.no_grad():
        module.weight.fill_(1.0)
    x = leaf(3.0)
    (g,) = pg.grad(Call.apply(x, lambda t: t * t * weight, module).sum(), x, create_graph=True)
    assert pg.grad(g.sum(), x)[0].tolist() == [2]


def test_once_differentiable_may_keep_tensors_anywhere():
    class Once(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.kept = Holder(2 * x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            return g * ctx.kept.tensor

    x = leaf(3.0)
    (g,) = pg.grad(Once.apply(x), x, create_graph=True)
    assert g.item() == 6
    with pytest.raises(pg.errors.OnceDifferentiableError):
        pg.grad(g, x)


class Packed(torch.autograd.Function):
    """Takes its tensors in one argument, of which torch makes no gradient."""

    @staticmethod
    def forward(ctx, values, get):
        return get(values) * 2

    @staticmethod
    def backward(ctx, g):
        return None, None


@pytest.mark.parametrize("kept_as", ["list", "nested", "namedtuple", "ordered dict"])
def test_a_variable_that_is_differentiated_may_not_hide_in_an_argument(kept_as):
    """Of a dict and a namedtuple, torch ran forward, and the graph ended there."""
    keep, get = CONTAINERS[kept_as]
    with pytest.raises(pg.errors.HiddenVariableError, match="fix:"):
        Packed.apply(keep(leaf(3.0)), get)
    constant = Packed.apply(keep(leaf(3.0).detach()), get)
    assert isinstance(constant, pg.Variable)
    assert constant.item() == 6


# --- torch's own callers, and the switch ---------------------------------------------


class Cube(torch.autograd.Function):
    """x^3, as torch wants it for torch.func and torch.compile."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x * x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * g * x * x


def test_transforms_of_torch_func_work_as_before():
    x = torch.tensor([1.0, 2.0])
    assert torch.func.grad(lambda t: Cube.apply(t).sum())(x).tolist() == [3, 12]
    assert torch.vmap(Cube.apply)(x).tolist() == [1, 8]
    assert torch.vmap(torch.func.grad(Cube.apply))(x).tolist() == [3, 12]


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_compiling_a_function_works_as_before():
    compiled = torch.compile(lambda t: Cube.apply(t).sin(), backend="eager", fullgraph=True)
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = compiled(x)
    torch.testing.assert_close(y, (x**3).sin())
    (g,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(g, (x**3).cos() * 3 * x**2)


def test_functions_pickle_as_before():
    for kept in (Cube, Cube.apply):
        again = pickle.loads(pickle.dumps(kept))
        assert again == kept
    assert pickle.loads(pickle.dumps(Cube.apply))(torch.tensor(2.0)) == 8


def test_an_error_in_forward_shows_torchs_lines_as_before():
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError) as caught:
        Fails.apply(torch.ones(1))
    files = [Path(frame.filename).name for frame in traceback.extract_tb(caught.tb)]
    # Of an apply in C there are no lines to show.
    assert files.count("torchs_apply.py") == IN_C


def test_it_can_be_turned_off_and_on():
    v = leaf(2.0)
    try:
        pg.adopt_torch_functions(False)
        assert Cube.apply(torch.tensor(2.0)) == 8
        assert not Cube.apply(v).requires_grad
    finally:
        pg.adopt_torch_functions()
    assert pg.grad(Cube.apply(v), v)[0].item() == 12


ALIAS_FIRST = """
import functools
import gc
import sys
import torch

class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
    @staticmethod
    def backward(ctx, g):
        return g * 2

class Times(torch.autograd.Function):
    @staticmethod
    def forward(x, y=2):
        return x * y
    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.y = inputs[1]
    @staticmethod
    def backward(ctx, g):
        return g * ctx.y, None

class Inherits(Twice):
    pass

class Stacked(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensors):
        assert all(type(t) is torch.Tensor for t in tensors)
        return torch.stack(tensors)

aliases = [
    Twice.apply,
    Times.apply,
    Inherits.apply,
    functools.partial(Twice.apply),
    lambda x, alias=Times.apply: alias(x, **({} if hasattr(alias, "__func__") else {"y": 2})),
]
stacked = Stacked.apply
if "freeze" in sys.argv:
    gc.freeze()
own = [dict(vars(cls)) for cls in (Twice, Times, Inherits)]

import plugrad as pg

v = pg.Variable(torch.ones(2), requires_grad=True)
t = torch.ones(2, requires_grad=True)

def adopted(alias):
    (g,) = torch.autograd.grad(alias(t).sum(), t)
    assert g.tolist() == [2, 2], g
    assert not alias(t.detach()).requires_grad
    with torch.no_grad():
        assert not alias(v).requires_grad and not alias(t).requires_grad
        with torch.enable_grad():
            switched = alias(v).requires_grad
    y = alias(v)
    assert type(y) is pg.Variable and y.tolist() == [2, 2] and y.requires_grad is switched
    if not y.requires_grad:
        return False
    assert pg.grad(y.sum(), v)[0].tolist() == [2, 2]
    (g,) = pg.grad((alias(v) * v).sum(), v, create_graph=True)
    assert pg.grad(g.sum(), v)[0].tolist() == [4, 4]
    return True

print(*map(adopted, aliases))
pg.adopt_torch_functions(False)
print(*map(adopted, aliases))
for cls, was in zip((Twice, Times, Inherits), own):
    assert dict(vars(cls)) == was
later = Twice.apply
pg.adopt_torch_functions()
print(adopted(later))
if adopted(later):
    try:
        stacked([v, v])
    except pg.errors.HiddenVariableError:
        print("refused")
    print(stacked([v.detach()]).tolist(), stacked([t.detach()]).tolist())
"""


@pytest.mark.parametrize(("switch", "arguments"), [("", []), ("0", []), ("1", ["freeze"])])
def test_an_alias_bound_before_the_import_is_adopted(switch, arguments):
    done = python("-c", ALIAS_FIRST, *arguments, env={**os.environ, "PLUGRAD_ADOPT": switch})
    assert not done.returncode, done.stderr
    adopted, switched_off, later, *refused = done.stdout.splitlines()
    assert adopted.split() == [str(switch != "0")] * 5
    assert switched_off.split() == ["False"] * 5
    assert later == str(switch != "0")
    assert refused == ([] if switch == "0" else ["refused", "[[1.0, 1.0]] [[1.0, 1.0]]"])


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # dynamo does
def test_an_alias_bound_earlier_compiles():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    try:
        pg.adopt_torch_functions(False)
        twice = Twice.apply
    finally:
        pg.adopt_torch_functions()
    compiled = torch.compile(lambda x: twice(x).sin(), fullgraph=True, backend="eager")
    x = torch.ones(2, requires_grad=True)
    (g,) = torch.autograd.grad(compiled(x).sum(), x)
    torch.testing.assert_close(g, 2 * torch.full((2,), 2.0).cos())
    assert twice(leaf(1.0)).requires_grad


@pytest.mark.parametrize("kind", [tuple, list])
def test_several_outputs_come_in_what_forward_returned_them_in(kind):
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.outputs = kind([x * x, x * 3])
            return ctx.outputs

        @staticmethod
        def backward(ctx, ga, gb):
            (x,) = ctx.saved_tensors
            return ga * 2 * x + gb * 3

    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    found = Both.apply(x)
    assert type(found) is kind
    a, b = found
    assert (a.output_nr, b.output_nr) == (0, 1)
    (g,) = pg.grad((a * b).sum(), x, create_graph=True)  # torch cuts the graph of a list
    assert g.tolist() == [9, 36]
    assert pg.grad(g.sum(), x)[0].tolist() == [18, 36]


#: What backward returns for (2, x), most of it wrong, and what both engines say.
GRADIENTS = {
    "in the wrong place": (lambda g: (g, None), "gradient different than None at position"),
    "for what is no tensor": (lambda g: (0, 2 * g), "gradient different than None at position"),
    "too many": (lambda g: (None, 2 * g, g), "incorrect number of gradients"),
    "complex": (lambda g: (None, g * 2j), "."),
    "right": (lambda g: (None, 2 * g), None),
}


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_that_torch_refuses_are_refused(name, create_graph):
    returned, message = GRADIENTS[name]

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, factor, x):
            return factor * x

        @staticmethod
        def backward(ctx, g):
            return returned(g)

    x, t = leaf(1.0, 2.0), torch.tensor([1.0, 2.0], requires_grad=True)
    if message is None:
        (g,) = pg.grad(Scaled.apply(2, x).sum(), x, create_graph=create_graph)
        assert g.tolist() == [2, 2]
        return
    with pytest.raises(RuntimeError, match=message):
        torch.autograd.grad(Scaled.apply(2, t).sum(), t, create_graph=create_graph)
    with pytest.raises(pg.errors.BackwardError, match=f"(?s){message}.*fix: "):
        pg.grad(Scaled.apply(2, x).sum(), x, create_graph=create_graph)


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_graph_is_freed_without_the_collector(create_graph):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.inputs = [x]
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * (ctx.saved_tensors[0] + ctx.inputs[0])

    class Witness:
        pass

    x, witness = leaf(1.0, 2.0), Witness()
    y = Square.apply(x)
    y.grad_fn.metadata["held"], gone = witness, weakref.ref(witness)
    gc.disable()
    try:
        (g,) = pg.grad(y.sum(), x, create_graph=create_graph)
        assert g.tolist() == [2, 4]
        del y, g, witness
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("kept", ["saved", "as an attribute"])
def test_a_rule_that_sets_grad_instead_of_returning_it_is_refused(kept):
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.w = w if kept == "as an attribute" else None
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            w = w if ctx.w is None else ctx.w
            w.grad = g * x
            return g * w, (g * x if returns else None)

    w = pg.Parameter(torch.tensor([3.0, 4.0], dtype=torch.float64))
    x = leaf(1.0, 2.0)
    returns = False
    with pytest.raises(pg.errors.GradientTypeError, match=r"(?s)set .grad of an input.*fix: ret"):
        Product.apply(x, w).sum().backward()
    assert w.grad is None
    returns = True  # the fix
    Product.apply(x, w).sum().backward()
    assert w.grad.tolist() == [1, 2]


def test_a_rule_that_sets_grad_of_its_first_input_is_refused():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            ctx.saved_tensors[0].grad = g * 2

    with pytest.raises(pg.errors.GradientTypeError, match=r"as its gradient 0"):
        Twice.apply(leaf(1.0, 2.0)).sum().backward()


def test_forward_may_save_what_a_module_of_variables_computed():
    class Run(torch.autograd.Function):
        """As reversible networks do."""

        @staticmethod
        def forward(ctx, x, layer):
            with torch.no_grad():
                y = layer(x)
            ctx.layer = layer
            ctx.save_for_backward(x.detach(), y.detach())
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            assert type(y) is torch.Tensor
            with torch.enable_grad():
                x = x.detach().requires_grad_()
                ctx.layer(x).backward(g)
            return x.grad, None

    layer = torch.nn.Linear(2, 3).double()
    t = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    Run.apply(t, layer).sum().backward()
    expected = layer.weight.grad
    layer.zero_grad()
    x = leaf(1.0, 2.0)
    Run.apply(x, pg.interop.convert(layer)).sum().backward()
    assert x.grad.tolist() == t.grad.tolist()
    assert layer.weight.grad.tolist() == expected.tolist()


def saves_first(what):
    """A Function that saves a tensor, and fills or changes it afterwards."""

    class SavesFirst(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale):
            output, factor = torch.empty_like(x), torch.empty_like(x)
            kept = {"output": output, "factor": factor, "dirty": x, "unmarked": x}[what]
            ctx.save_for_backward(kept, scale)
            if what == "dirty":
                ctx.mark_dirty(x)
                return x.exp_()
            torch.exp(x, out=factor)
            if what == "unmarked":
                x.mul_(2)
            return torch.mul(factor, 1, out=output)

        @staticmethod
        def backward(ctx, g):
            kept, scale = ctx.saved_tensors
            return g * kept * scale, None

    return SavesFirst


def gradient_of_saves_first(what, make, grad):
    x = make(torch.tensor([0.3, 0.7], dtype=torch.float64))
    y = saves_first(what).apply(x * 1, torch.tensor(2.0, dtype=torch.float64))
    (found,) = grad(y.sin().sum(), x)
    return torch.as_tensor(found)


@pytest.mark.parametrize("what", ["output", "factor", "dirty"])
def test_forward_may_fill_what_it_has_saved(what):
    """Torch looks at what is saved when forward has ended."""
    expected = gradient_of_saves_first(what, lambda t: t.requires_grad_(), torch.autograd.grad)
    found = gradient_of_saves_first(what, lambda t: pg.Variable(t, requires_grad=True), pg.grad)
    torch.testing.assert_close(found, expected)


def test_an_input_that_forward_changes_without_a_word_is_noticed():
    with pytest.raises(SavedTensorChangedError):
        gradient_of_saves_first("unmarked", lambda t: pg.Variable(t, requires_grad=True), pg.grad)


# --- a backward that asks torch for the gradients of what forward was given ------------


class Recomputed(torch.autograd.Function):
    """A module, computed again in backward, as adjoint and reversible methods do."""

    @staticmethod
    def forward(ctx, x, module, keep, *parameters):
        ctx.module, ctx.keep = module, keep
        ctx.save_for_backward(x, *parameters)
        if keep == "attribute":
            ctx.parameters = parameters
        with torch.no_grad():
            return module(x)

    @staticmethod
    def backward(ctx, g):
        x, *parameters = ctx.saved_tensors
        if ctx.keep == "attribute":
            parameters = ctx.parameters
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            y = ctx.module(x)
            if ctx.keep == "used":
                y = y + parameters[1]
        gx, *rest = torch.autograd.grad(y, [x, *parameters], g, allow_unused=True)
        return gx, None, None, *rest


@pytest.mark.parametrize("around", [contextlib.nullcontext, torch.autograd.graph.save_on_cpu])
@pytest.mark.parametrize("keep", ["saved", "attribute", "used"])
def test_a_backward_asks_torch_for_the_gradients_of_parameters_that_forward_was_given(keep, around):
    theirs = torch.nn.Linear(3, 2)
    ours = pg.interop.convert(copy.deepcopy(theirs))
    x = torch.randn(4, 3, requires_grad=True)
    variable = pg.Variable(x.detach(), requires_grad=True)
    for module, leaf in ((theirs, x), (ours, variable)):
        with around():
            y = Recomputed.apply(leaf * 1, module, keep, *module.parameters())
        y.square().sum().backward()
    for parameter, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(parameter.grad.data, expected.grad)
    assert torch.allclose(variable.grad.data, x.grad)


def test_what_forward_was_given_is_freed_with_the_graph():
    class Keeps(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = pg.Variable(torch.ones(2), requires_grad=True)
    y = x * 1
    given = weakref.ref(Keeps.apply(y).grad_fn.x)
    assert given() is None
    h = Keeps.apply(y)
    given = weakref.ref(h.grad_fn.x)
    y += h  # now the graph of y leads to what Keeps was given for it
    del y, h
    gc.collect()
    assert given() is None


def test_a_backward_passes_what_forward_was_given_to_another_function():
    class Times(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * w, g * x

    class Recomputes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, module, w):
            ctx.module = module
            ctx.save_for_backward(x, w)
            with torch.no_grad():
                return module(x) * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            with torch.enable_grad():
                y = Times.apply(ctx.module(x), w)
            gx, gw = torch.autograd.grad(y, [x, w], g)
            return gx, None, gw

    theirs = torch.nn.Linear(3, 3)
    ours = pg.interop.convert(copy.deepcopy(theirs))
    x, w = torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)
    Recomputes.apply(x, theirs, w).sum().backward()
    v, u = (pg.Variable(t.detach(), requires_grad=True) for t in (x, w))
    Recomputes.apply(v, ours, u).sum().backward()
    assert torch.allclose(v.grad.data, x.grad)
    assert torch.allclose(u.grad.data, w.grad)


class Conjugates(torch.autograd.Function):
    """Returns a view that is read as the conjugate of its memory."""

    @staticmethod
    def forward(ctx, x):
        return x.conj()

    @staticmethod
    def backward(ctx, g):
        return g.conj()


class Negates(torch.autograd.Function):
    """Returns a view that is read as the negative of its memory."""

    @staticmethod
    def forward(ctx, x):
        return torch._neg_view(x)

    @staticmethod
    def backward(ctx, g):
        return -g


@pytest.mark.parametrize("given", ["as it is", "conjugate"])
@pytest.mark.parametrize("function", [Conjugates, Negates])
def test_a_view_of_the_input_is_read_as_forward_returned_it(function, given):
    start = torch.tensor([1 + 2j, -0.5 + 3j], dtype=torch.complex128)

    def value_and_gradient(x):
        operand = x * 1 if given == "as it is" else (x * 1).conj()
        if function is Negates:  # of real numbers; those of a conjugate are negated already
            operand = operand.imag
        y = function.apply(operand)
        (y * y.detach() * 2).sum().abs().backward()
        return torch.as_tensor(y.detach()).clone(), torch.as_tensor(x.grad)

    expected = value_and_gradient(start.clone().requires_grad_())
    found = value_and_gradient(pg.Variable(start.clone(), requires_grad=True))
    torch.testing.assert_close(found, expected)


def test_a_keyword_only_argument_beside_setup_context_is_refused():
    """In torch, too: setup_context is given the positional ones."""

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(x, *, scale=2.0):
            return x * scale

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

        @staticmethod
        def backward(ctx, g):
            return g * 2

    with pytest.raises(TypeError):
        Scaled.apply(torch.ones(2, requires_grad=True), scale=3.0)
    with pytest.raises(ArgumentError, match="keyword-only arguments scale"):
        Scaled.apply(pg.Variable(torch.ones(2), requires_grad=True), scale=3.0)


def test_backward_and_vjp_together_are_refused():
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

        vjp = backward

    with pytest.raises(ContextError, match="both 'backward' and 'vjp'"):
        Both.apply(pg.Variable(torch.ones(2), requires_grad=True))


class Scales(torch.autograd.Function):
    """The product of two, both kept as attributes."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.kept = [x, (y, 3)]
        return x * y * 3

    @staticmethod
    def backward(ctx, g):
        x, (y, three) = ctx.kept
        return g * y * three, g * x * three


def test_in_no_grad_a_tensor_of_torchs_graph_is_a_constant():
    x = pg.Variable(torch.ones(2), requires_grad=True)
    with pg.no_grad():
        y = Scales.apply(x, torch.nn.Parameter(torch.full((2,), 2.0)))
    assert y.tolist() == [6.0, 6.0]


def test_a_tensor_of_inference_mode_is_a_constant():
    x = pg.Variable(torch.ones(2), requires_grad=True)
    with torch.inference_mode():
        constant = torch.full((2,), 2.0)
    (g,) = pg.grad(Scales.apply(x, constant).sum(), x)
    assert g.tolist() == [6.0, 6.0]


def test_attributes_that_were_changed_before_the_call_and_plain_values_beside_them():
    x = leaf(1.0, 2.0)
    y = x * 1
    y.add_(1)
    (g,) = pg.grad(Scales.apply(y, y).sum(), x, create_graph=True)
    torch.testing.assert_close(g.data, 6 * y.data)
    (h,) = pg.grad(g.sum(), x)
    assert h.tolist() == [6.0, 6.0]


def test_a_mapping_among_the_attributes_is_the_same_kind_of_mapping_twice():
    class Keeps(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.kept = collections.defaultdict(lambda: 3.0, x=x)
            return x**2 * 3

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.kept["x"] * ctx.kept["another"]

    x = leaf(1.0, 2.0)
    (g,) = pg.grad(Keeps.apply(x).sum(), x, create_graph=True)
    (h,) = pg.grad(g.sum(), x)
    assert (g.tolist(), h.tolist()) == ([6.0, 12.0], [6.0, 6.0])


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_what_a_first_backward_left_on_ctx_is_refused_twice(dtype):
    """It is made of an input, and nothing says how."""

    class Remembers(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            if not hasattr(ctx, "slope"):
                ctx.slope = 3 * ctx.saved_tensors[0] ** 2
            return g * ctx.slope.conj()

    x = pg.Variable(torch.tensor([1.0, 2.0], dtype=dtype), requires_grad=True)
    y = Remembers.apply(x).sum()
    y.backward(torch.ones_like(y.data), retain_graph=True)
    assert x.grad.data.real.tolist() == [3.0, 12.0]
    with pytest.raises(SavedIntermediateError):
        pg.grad(y, x, torch.ones_like(y.data), create_graph=True)


def test_integers_that_forward_computed_and_did_not_mark_may_be_saved():
    class Largest(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            value, index = x.max(0)
            ctx.save_for_backward(index)
            ctx.size = x.shape[0]
            return value, index

        @staticmethod
        def backward(ctx, g, _):
            (index,) = ctx.saved_tensors
            return torch.zeros(ctx.size, dtype=g.dtype).scatter(0, index[None], g[None])

    x = leaf(1.0, 4.0, 2.0)
    value, index = Largest.apply(x)
    assert index.item() == 1
    value.backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_a_view_of_another_dtype_keeps_it():
    class Bits(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x.view(torch.int32)

        @staticmethod
        def backward(ctx, g, _):
            return g * 2

    x = pg.Variable(torch.tensor([1.0, 2.0]), requires_grad=True)
    _, bits = Bits.apply(x)
    assert bits.dtype is torch.int32
    assert torch.equal(torch.as_tensor(bits.detach()), x.data.view(torch.int32))


@pytest.mark.parametrize("wrap", [list, tuple, dict], ids=lambda kind: kind.__name__)
def test_forward_finds_tensors_in_containers(wrap):
    class First(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, others):
            (other,) = others.values() if isinstance(others, dict) else others
            assert type(other) is torch.Tensor
            ctx.other = other
            return x * other

        @staticmethod
        def backward(ctx, g):
            return g * ctx.other, None

    x, other = leaf(1.0, 2.0), pg.Variable(torch.tensor([3.0, 4.0], dtype=torch.float64))
    First.apply(x, {"a": other} if wrap is dict else wrap([other])).sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]


def test_a_parameter_of_torchs_is_refused_where_a_call_is_recorded():
    weight = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    with pytest.raises(TorchGraphError, match="requires grad"):
        Scales.apply(leaf(1.0, 2.0), weight)


def test_a_sparse_output():
    class Sparse(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.to_sparse()

        @staticmethod
        def backward(ctx, g):
            return g.to_dense()

    def gradient(x):
        y = Sparse.apply(x)
        assert y.layout is torch.sparse_coo
        (y.to_dense() * torch.tensor([3.0, 4.0, 5.0])).sum().backward()
        return torch.as_tensor(x.grad)

    expected = gradient(torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True))
    torch.testing.assert_close(gradient(leaf(1.0, 0.0, 2.0)), expected)


def test_a_recorded_jvp_differentiates_by_the_attributes_too():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x**3

        @staticmethod
        def backward(ctx, g):
            return g * 3 * ctx.x**2

        @staticmethod
        def jvp(ctx, tangent):
            return tangent * 3 * ctx.x**2

    x = leaf(1.0, 2.0)
    with pg.forward_ad.dual_level():
        y = Cube.apply(pg.forward_ad.make_dual(x, torch.tensor([1.0, 10.0], dtype=torch.float64)))
        tangent = pg.forward_ad.unpack_dual(y).tangent
    assert tangent.tolist() == [3.0, 120.0]
    (g,) = pg.grad(tangent.sum(), x)
    assert g.tolist() == [6.0, 120.0]


@pytest.mark.parametrize("leaf", [lambda t: t.requires_grad_(), lambda t: pg.Variable(t, True)])
def test_containers_that_are_in_themselves_or_in_many_places(leaf):
    """They were looked into without end, also for tensors, which torch calls are made with."""

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, *others):
            ctx.others = others
            return 2 * x, others[0]

        @staticmethod
        def backward(ctx, gy, _):
            return (2 * gy, *[None for _ in ctx.others])

    cycle, table, shared = [1], {}, [1]
    cycle.append(cycle)
    table["itself"] = (table,)
    for _ in range(60):
        shared = [shared, shared]
    x = leaf(torch.ones(2))
    y, given_back = Twice.apply(x, cycle, table)
    assert given_back is cycle
    (g,) = torch.autograd.grad((y**2).sum(), x, create_graph=True)
    assert g.tolist() == [8, 8]
    assert torch.autograd.grad(g.sum(), x)[0].tolist() == [8, 8]

    class Plain(Twice):
        @staticmethod
        def forward(ctx, x, others):
            return 2 * x

        @staticmethod
        def backward(ctx, gy):
            return 2 * gy, None

    assert torch.autograd.grad(Plain.apply(x, shared).sum(), x)[0].tolist() == [2, 2]
