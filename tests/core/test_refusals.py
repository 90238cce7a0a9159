"""Refusals: each is a named error with a fix, and leaves the Variables as they were."""

from __future__ import annotations

import copy

import pytest
import torch

import plugrad as pg
from plugrad import errors


class Given:
    """The Variables that a refused call is tried on: y = w * 1 with a retained use of it."""

    def __init__(self):
        self.w = pg.Variable(torch.tensor([1.0, 2.0], dtype=torch.float64), requires_grad=True)
        self.y = self.w * 1
        self.loss = (self.y * self.y).sum()
        self.constant = pg.Variable(torch.tensor([3.0, 4.0], dtype=torch.float64))
        self.integers = pg.Variable(torch.tensor([1, 2]))
        self.raw = torch.tensor([5.0, 6.0], dtype=torch.float64)

    def state(self):
        """All that may be seen of them."""
        variables = (self.w, self.y, self.loss, self.constant, self.integers)
        return [_state(v) for v in variables], self.raw.tolist(), self.raw._version


def _state(v):
    grad = None if v._grad is None else v._grad.tolist()
    facts = (v.requires_grad, v.is_leaf, v.retains_grad, grad, v._version, v.output_nr)
    return v.data.data_ptr(), v.tolist(), v.shape, v.dtype, v.grad_fn, *facts


def rule(backward, forward=lambda ctx, x: x.clone()):
    """A Function of one argument."""
    return type(
        "Odd",
        (pg.Function,),
        {"forward": staticmethod(forward), "backward": staticmethod(backward)},
    )


def setter(name, value):
    return lambda g: setattr(g.w, name, value(g))


def in_no_grad(make, change):
    def call(g):
        with pg.no_grad():
            view = make(g)
        change(view)

    return call


def packed_by(pack, unpack):
    def call(g):
        with pg.graph.saved_tensors_hooks(pack, unpack):
            y = g.y**2
        y.sum().backward()

    return call


def hooked(hook):
    def call(g):
        y = g.w * 2
        y.register_hook(hook)
        y.sum().backward()

    return call


def pre_hooked(hook):
    def call(g):
        y = g.w * 2
        y.grad_fn.register_prehook(hook)
        y.sum().backward()

    return call


def changed_after_save(g):
    a = g.constant.clone().requires_grad_() * 1
    b = a * a
    a.add_(1)
    b.sum().backward()


def nan_in_anomaly_mode(g):
    with torch.autograd.set_detect_anomaly(True):
        rule(lambda ctx, gy: gy * float("nan")).apply(g.w).sum().backward()


def runs_another_way(first, then, **options):
    """A checkpointed function that does something else the second time."""

    def call(g):
        runs = []

        def fn(x):
            runs.append(1)
            return (first if len(runs) == 1 else then)(x)

        pg.checkpoint(fn, g.w, **options).sum().backward()

    return call


def dirty(forward):
    return lambda g: rule(lambda ctx, gy: gy, forward).apply(g.y)


def marks_what_is_not_its_own(ctx, x):
    ctx.mark_dirty(x.view_as(x))
    return x.clone()


def keeps_what_it_changed(ctx, x):
    ctx.mark_dirty(x)
    return x.clone()


def changes_a_constant(ctx, x):
    ctx.mark_dirty(x)
    ctx.mark_non_differentiable(x)
    return x


def saves_a_list(ctx, x):
    ctx.save_for_backward([x])
    return x.clone()


def saves_a_variable(ctx, x):
    ctx.save_for_backward(pg.Variable(x, requires_grad=True))
    return x.clone()


def keeps_a_tensor(ctx, x):
    ctx.kept = x * 2
    return x.clone()


def inner_backward(ctx, gy):
    with pg.enable_grad():
        x = pg.Variable(torch.ones(2, dtype=torch.float64), requires_grad=True)
        return gy * pg.grad((x * x).sum(), x)[0]


def twice(backward):
    def call(g):
        (first,) = pg.grad(rule(backward).apply(g.y).sum(), g.w, create_graph=True)
        pg.grad(first.sum(), g.w)

    return call


def saved_in_inference_mode(g):
    with pg.inference_mode():
        made = pg.Variable(torch.ones(2, dtype=torch.float64)) * 2
    g.w * made


def requires_grad_of_an_inference_tensor(g):
    with pg.inference_mode():
        made = g.constant * 2
    made.requires_grad_()


def second_backward(g):
    y = (g.y * g.y).sum()
    pg.grad(y, g.y)
    pg.grad(y, g.y)


def batched(*cotangents):
    def call(g):
        outputs = [g.y * 2] * len(cotangents)
        given = [
            c if c is None or c == "1" else torch.ones(c, dtype=torch.float64) for c in cotangents
        ]
        pg.grad(outputs, g.w, given, is_grads_batched=True)

    return call


def unused_edge(g):
    edge = pg.graph.get_gradient_edge(g.constant.clone().requires_grad_() * 1)
    pg.grad(g.loss, edge, materialize_grads=True)


REFUSALS = {
    # turning Variables into data
    "Variable of a non-leaf": (lambda g: pg.Variable(g.y), "DetachError", "lose its graph"),
    "Parameter of a non-leaf": (lambda g: pg.Parameter(g.y), "DetachError", "lose its graph"),
    "data = non-leaf": (setter("data", lambda g: g.y * 2), "DetachError", "lose its graph"),
    "data = leaf that requires grad": (
        lambda g: setattr(g.constant, "data", g.w),
        "DetachError",
        "lose its graph",
    ),
    "data = integers": (
        setter("data", lambda g: g.integers),
        "NotDifferentiableError",
        "must be floating point or complex dtype",
    ),
    "data = None": (setter("data", lambda g: None), "DataTypeError", "has to be a tensor, but got"),
    "data of a non-leaf = another shape": (
        lambda g: setattr(g.y, "data", torch.ones(3, dtype=torch.float64)),
        "LeafError",
        "which is not that which <Mul",
    ),
    "data of a non-leaf = another dtype": (
        lambda g: setattr(g.y, "data", torch.ones(2)),
        "LeafError",
        "which is not that which <Mul",
    ),
    "requires_grad = a word": (
        setter("requires_grad", lambda g: "False"),
        "ArgumentError",
        "requires_grad must be a bool, not str",
    ),
    "a Variable whose requires_grad is a number": (
        lambda g: pg.Variable(torch.ones(1), requires_grad=1),
        "ArgumentError",
        "requires_grad must be a bool, not int",
    ),
    "numpy": (lambda g: g.w.numpy(), "ConversionError", "Can't call numpy"),
    "deepcopy": (lambda g: copy.deepcopy(g.y), "LeafError", "created explicitly by the user"),
    # grad and requires_grad
    "grad = itself": (setter("grad", lambda g: g.w), "GradientTypeError", "as its own grad"),
    "grad = 3": (setter("grad", lambda g: 3), "GradientTypeError", "to be a Tensor or None"),
    "grad = another shape": (
        setter("grad", lambda g: torch.ones(3, dtype=torch.float64)),
        "GradientShapeError",
        "gradient of size \\[3\\] to a tensor of size \\[2\\]",
    ),
    "grad = another dtype": (
        setter("grad", lambda g: torch.ones(2)),
        "GradientDtypeError",
        "gradient with dtype torch.float32 to a tensor with dtype torch.float64",
    ),
    "grad = another device": (
        setter("grad", lambda g: torch.ones(2, dtype=torch.float64, device="meta")),
        "GradientDeviceError",
        "gradient on meta to a tensor on cpu",
    ),
    "requires_grad of integers": (
        lambda g: g.integers.requires_grad_(),
        "NotDifferentiableError",
        "only Tensors of floating point",
    ),
    "requires_grad of an inference tensor": (
        requires_grad_of_an_inference_tensor,
        "NotDifferentiableError",
        "on inference tensor outside InferenceMode",
    ),
    "requires_grad off of a non-leaf": (
        lambda g: g.y.requires_grad_(False),
        "LeafError",
        "you can only change requires_grad flags of leaf",
    ),
    # what backward and grad are asked
    "no inputs": (lambda g: pg.grad(g.loss, []), "GradArgumentError", "non-empty inputs"),
    "backward to no inputs": (
        lambda g: g.loss.backward(inputs=[]),
        "BackwardError",
        "cannot be empty",
    ),
    "an unused input": (
        lambda g: pg.grad(g.loss, g.constant.clone().requires_grad_()),
        "UnusedInputError",
        "index 0, .* not have been used in the graph",
    ),
    "an unused edge": (unused_edge, "GradArgumentError", "the given input is a GradientEdge"),
    "materialize and not allow": (
        lambda g: pg.grad(g.loss, g.w, allow_unused=False, materialize_grads=True),
        "GradArgumentError",
        "Expected allow_unused to be True or not passed",
    ),
    "constant input": (lambda g: pg.grad(g.loss, g.constant), "NoGraphError", "not require grad"),
    "a root of integers": (
        lambda g: (g.y > 0).sum().backward(),
        "NoGraphError",
        "not require grad[\\s\\S]*comparisons have no gradient",
    ),
    "a number as cotangent": (
        lambda g: g.loss.backward(2.0),
        "GradientTypeError",
        "can be either tensors or None, but a float was given",
    ),
    "constant root": (lambda g: g.constant.sum().backward(), "NoGraphError", "not require grad"),
    "several elements": (lambda g: g.y.backward(), "NonScalarRootError", "only for scalar outputs"),
    "a complex root": (
        lambda g: (g.loss * 1j).backward(),
        "NonScalarRootError",
        "only for real scalar outputs",
    ),
    "another shape": (
        lambda g: g.y.backward(torch.ones(3, dtype=torch.float64)),
        "GradientShapeError",
        "Mismatch in shape: grad_output\\[0\\] .*\\[3\\].*output\\[0\\] .*\\[2\\]",
    ),
    "a complex gradient of a real root": (
        lambda g: g.y.backward(torch.ones(2, dtype=torch.complex128)),
        "GradientDtypeError",
        "required to have the same dtype",
    ),
    "another device": (
        lambda g: g.y.backward(torch.ones(2, dtype=torch.float64, device="meta")),
        "GradientDeviceError",
        "grad_output\\[0\\] is on meta and output\\[0\\] is on cpu",
    ),
    "a str": (lambda g: g.y.backward("1"), "GradientTypeError", "gradients can be either tensors"),
    "a batch without cotangents": (batched(None), "GradArgumentError", "needs grad_outputs"),
    "a batch of another shape": (batched((3,)), "GradientShapeError", "interpret the first dim"),
    "a batch without dimensions": (batched(()), "GradientShapeError", "interpret the first dim"),
    "a batch that is a str": (batched("1"), "GradientTypeError", "grad_output\\[0\\] is a str"),
    "batches of two sizes": (batched((3, 2), (4, 2)), "GradientShapeError", "batch sizes: 3, 4"),
    "a second backward": (second_backward, "GraphFreedError", "through the graph a second time"),
    # rules
    "a missing forward": (
        lambda g: type("No", (pg.Function,), {}).apply(g.w),
        "MissingMethodError",
        "must implement the forward",
    ),
    "a missing backward": (
        lambda g: (
            type("No", (pg.Function,), {"forward": staticmethod(lambda ctx, x: x + 1)})
            .apply(g.w)
            .sum()
            .backward()
        ),
        "MissingMethodError",
        "must implement either the backward",
    ),
    "too many gradients": (
        lambda g: rule(lambda ctx, gy: (gy, gy)).apply(g.w).sum().backward(),
        "GradientCountError",
        "an incorrect number of gradients",
    ),
    "a gradient of another shape": (
        lambda g: rule(lambda ctx, gy: gy.sum()).apply(g.w).sum().backward(),
        "GradientShapeError",
        "expected shape compatible with \\[2\\]",
    ),
    "a gradient of another dtype": (
        lambda g: rule(lambda ctx, gy: gy.float()).apply(g.w).sum().backward(),
        "GradientDtypeError",
        "expected type torch.float64 but got torch.float32",
    ),
    "a gradient that is a float": (
        lambda g: rule(lambda ctx, gy: 1.0).apply(g.w).sum().backward(),
        "GradientTypeError",
        "expected Variable or None",
    ),
    "a saved list": (dirty(saves_a_list), "ContextError", "save_for_backward takes tensors"),
    "a saved Variable": (dirty(saves_a_variable), "ContextError", "None, not a Variable"),
    "a kept tensor": (dirty(keeps_a_tensor), "ContextError", "set the tensor ctx.kept"),
    "dirty, not an input": (
        dirty(marks_what_is_not_its_own),
        "InplaceError",
        "received a tensor that was not an input",
    ),
    "dirty, not returned": (
        dirty(keeps_what_it_changed),
        "InplaceError",
        "marked as dirty during the forward method were not returned",
    ),
    "dirty and not differentiable": (
        dirty(changes_a_constant),
        "ContextError",
        "marked as dirty and as not differentiable",
    ),
    "dirty, a number": (
        dirty(lambda ctx, x: ctx.mark_dirty(1)),
        "ContextError",
        "mark_dirty can only accept tensors, but argument 0 is of type int",
    ),
    "not differentiable, a number": (
        dirty(lambda ctx, x: ctx.mark_non_differentiable(1)),
        "ContextError",
        "mark_non_differentiable can only accept tensors",
    ),
    "a backward in a recorded rule": (twice(inner_backward), "NestedBackwardError", "lose that"),
    "once_differentiable, twice": (
        twice(pg.once_differentiable(lambda ctx, gy: gy * 2)),
        "OnceDifferentiableError",
        "differentiate twice a function that was marked with @once_differentiable",
    ),
    # in place
    "a leaf": (lambda g: g.w.add_(1), "InplaceError", "^a leaf Variable that requires grad"),
    "a leaf, by +=": (lambda g: g.w.__iadd__(1), "InplaceError", "^a leaf Variable that requires"),
    "a leaf, by an index": (
        lambda g: g.w.__setitem__(0, 1.0),
        "InplaceError",
        "leaf Variable that requires grad",
    ),
    "a view of a leaf": (lambda g: g.w[0:1].mul_(2), "InplaceError", "^a view of a leaf Variable"),
    "an expanded view": (
        lambda g: g.y[0:1].expand(3).add_(1),
        "InplaceError",
        "refers to a single memory location",
    ),
    "an expanded view, unrecorded": (
        lambda g: g.constant[0:1].expand(3).add_(1),
        "InplaceError",
        "refers to a single memory location",
    ),
    "a view made in no_grad": (
        in_no_grad(lambda g: g.y[0:1], lambda v: v.mul_(2)),
        "InplaceError",
        "^A view was created in no_grad mode and is being modified inplace",
    ),
    "a view of a view made in no_grad": (
        in_no_grad(lambda g: g.y[0:2], lambda v: v[0:1].mul_(2)),
        "InplaceError",
        "a view of a view .* is being .* inside the no_grad block",
    ),
    "one of several views": (
        lambda g: g.y.split(1)[0].mul_(2),
        "InplaceError",
        "Output 0 of Split is a view and is being .* a function that returns multiple views",
    ),
    "the second of several views": (
        lambda g: g.y.unbind()[1].mul_(2),
        "InplaceError",
        "Output 1 of Unbind is a view",
    ),
    "a view that a Function made": (
        lambda g: rule(lambda ctx, gy: gy, lambda ctx, x: x.view_as(x)).apply(g.y).mul_(2),
        "InplaceError",
        "Output 0 of Odd is a view .* inside a custom Function",
    ),
    "a larger result": (
        lambda g: g.y[0:1].add_(g.constant),
        "InplaceError",
        "output with shape \\[1\\] doesn't match the broadcast shape \\[2\\]",
    ),
    "a result of another kind": (
        lambda g: g.integers.add_(g.w),
        "InplaceError",
        "result type torch.float64 can't be cast to the desired output type torch.int64",
    ),
    "a view, detached in place": (lambda g: g.y[0:1].detach_(), "LeafError", "Can't detach views"),
    "into a plain tensor": (
        lambda g: g.raw.copy_(g.y),
        "InplaceError",
        "cannot remember where its values come from",
    ),
    "into a plain tensor, by an index": (
        lambda g: g.raw.__setitem__(0, g.loss),
        "InplaceError",
        "cannot remember where its values come from",
    ),
    **{
        name: (
            lambda g, name=name, args=args: getattr(g.y, name)(*args),
            "InplaceError",
            f"{name} was called on a Variable that requires grad",
        )
        for name, args in {
            "set_": (torch.ones(2),),
            "resize_": (3,),
            "resize_as_": (torch.ones(3),),
            "map_": (torch.ones(2), max),
            "apply_": (abs,),
        }.items()
    },
    "out=": (lambda g: torch.mul(g.w, 2, out=g.raw), "OutArgumentError", "was given out="),
    # hooks, saved tensors, anomaly mode, checkpoints, inference mode
    "a hook of a constant": (
        lambda g: g.constant.register_hook(print),
        "LeafError",
        "cannot register a hook on a tensor that doesn't require gradient",
    ),
    "a hook that cannot be called": (lambda g: g.w.register_hook(3), "HookError", "callable"),
    "a post-accumulate hook of a non-leaf": (
        lambda g: g.y.register_post_accumulate_grad_hook(print),
        "LeafError",
        "cannot be registered on non-leaf tensors",
    ),
    "a post-accumulate hook of a constant": (
        lambda g: g.constant.register_post_accumulate_grad_hook(print),
        "LeafError",
        "cannot register a hook on a tensor that doesn't require gradient",
    ),
    "retain_grad of a constant": (
        lambda g: g.constant.retain_grad(),
        "LeafError",
        "can't retain_grad on Tensor that has requires_grad=False",
    ),
    "the edge of a constant": (
        lambda g: pg.graph.get_gradient_edge(g.constant),
        "LeafError",
        "does not require gradients",
    ),
    "the edge of a tensor": (
        lambda g: pg.graph.get_gradient_edge(torch.ones(1)),
        "GradientTypeError",
        "expected a Variable, but got a Tensor",
    ),
    "a hook on several, of a tensor": (
        lambda g: pg.graph.register_multi_grad_hook([torch.ones(1)], print),
        "GradientTypeError",
        "expected a Variable, but got a Tensor",
    ),
    "a hook on several, of no mode": (
        lambda g: pg.graph.register_multi_grad_hook([g.w], print, mode="most"),
        "HookError",
        "Expects mode to be one of \\('all', 'any'\\) but got most",
    ),
    "a hook on several, of a constant": (
        lambda g: pg.graph.register_multi_grad_hook([g.constant], print),
        "LeafError",
        "cannot register a hook on a tensor that doesn't require gradient",
    ),
    "torch's hook on several": (
        lambda g: torch.autograd.graph.register_multi_grad_hook([g.w, g.y], print),
        "HookError",
        "its hook asks torch's engine",
    ),
    "torch's hook on any of several": (
        lambda g: torch.autograd.graph.register_multi_grad_hook([g.w, g.y], print, mode="any"),
        "HookError",
        "its hook asks torch's engine",
    ),
    "a hook that returns a str": (
        hooked(lambda g: "gradient"),
        "HookError",
        "expected Variable, but hook '<lambda>' returned a str",
    ),
    "a hook that changes the shape": (
        hooked(lambda g: g.sum()),
        "HookError",
        "hook '<lambda>' has changed the size of value",
    ),
    "a hook that changes the dtype": (
        hooked(lambda g: g.float()),
        "HookError",
        "hook '<lambda>' has changed the type of value",
    ),
    "a hook that changes the device": (
        hooked(lambda g: g.to("meta")),
        "HookError",
        "hook '<lambda>' has changed the device of value",
    ),
    "a prehook of two gradients": (
        pre_hooked(lambda gradients: (*gradients, *gradients)),
        "HookError",
        "hook '<lambda>' has returned an incorrect number of values .got 2, but expected 1",
    ),
    "an unpack hook that returns 1": (
        packed_by(lambda t: t, lambda t: 1),
        "ContextError",
        "unpack_hook expected to be a Tensor but got result of type int",
    ),
    "a saved tensor that changed": (
        changed_after_save,
        "SavedTensorChangedError",
        "has been modified by an inplace operation",
    ),
    "nan in anomaly mode": (
        nan_in_anomaly_mode,
        "AnomalyError",
        "Function 'Odd.*' returned nan values in its 0th output.",
    ),
    "a checkpoint that saves fewer tensors": (
        runs_another_way(lambda x: x.sin().exp(), lambda x: x.sin()),
        "CheckpointError",
        "A different number of tensors was saved",
    ),
    "a checkpoint that saves more tensors": (
        runs_another_way(lambda x: x.sin(), lambda x: x.sin().exp(), early_stop=False),
        "CheckpointError",
        "trying to save more tensors during recomputation",
    ),
    "a checkpoint that saves another tensor": (
        runs_another_way(lambda x: x.sin(), lambda x: x[0].sin()),
        "CheckpointError",
        "tensors have different metadata",
    ),
    "a checkpoint with an unknown check": (
        runs_another_way(torch.sin, torch.sin, determinism_check="strict"),
        "CheckpointArgumentError",
        "should be one of .'default', 'none'., but got 'strict'",
    ),
    "an inference tensor that is saved": (
        saved_in_inference_mode,
        "ContextError",
        "Inference tensors cannot be saved for backward",
    ),
}


@pytest.mark.filterwarnings("ignore:Anomaly Detection has been enabled")
@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_has_a_name_and_a_fix_and_changes_nothing(name):
    call, kind, words = REFUSALS[name]
    given = Given()
    before = given.state()
    with pytest.raises(getattr(errors, kind), match=words) as caught:
        call(given)
    assert type(caught.value).__name__ == kind
    assert caught.value.fix
    assert "fix: " in str(caught.value)
    assert given.state() == before
    given.loss.backward()  # the graph is still there
    assert given.w.grad.tolist() == [2.0, 4.0]
