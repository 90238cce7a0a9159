"""Nodes: what a graph tells of itself."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from plugrad.tests.notes.engines import accumulator, close, values

TORCH_NAMES = True


def identity(engine):
    class Identity(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g

    return Identity


def walk(node):
    """All nodes behind one, breadth first."""
    seen, queue = [node], [node]
    while queue:
        for following, _ in queue.pop(0).next_functions:
            if following is not None and following not in seen:
                seen.append(following)
                queue.append(following)
    return seen


def test_next_functions_are_pairs_of_a_node_and_an_output_number(engine):
    x, y = engine.leaf([1.0]), engine.leaf([1.0])
    a = x + y
    (node_x, nr_x), (node_y, nr_y) = a.grad_fn.next_functions
    assert (nr_x, nr_y) == (0, 0)
    assert node_x is not node_y
    b = a + 5
    assert b.grad_fn.next_functions[0][0] is a.grad_fn


def test_a_constant_operand_has_none_for_a_node(engine):
    x = engine.leaf([1.0])
    y = x * engine.tensor([2.0])
    assert y.grad_fn.next_functions[1][0] is None


def test_the_output_number_tells_which_result_was_used(engine):
    x = engine.leaf([1.0, 2.0])
    a, b = x.unbind()
    assert (a.output_nr, b.output_nr) == (0, 1)
    assert a.grad_fn is b.grad_fn
    assert (b * 1).grad_fn.next_functions[0] == (b.grad_fn, 1)


def test_a_leaf_has_output_number_zero(engine):
    assert engine.leaf([1.0]).output_nr == 0


def test_the_output_number_of_a_functions_results(engine):
    class Halves(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x[:1] * 1, x[1:] * 1

        @staticmethod
        def backward(ctx, *gs):
            return torch.cat(gs)

    x = engine.leaf([1.0, 2.0])
    a, b = Halves.apply(x)
    assert (a.output_nr, b.output_nr) == (0, 1)
    (a + b * 3).backward()
    assert values(x.grad) == [1, 3]


def test_a_saved_result_of_several_keeps_its_output_number(engine):
    numbers = []

    class Twice(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            numbers.append(x.output_nr)
            return g * 2

    b = engine.leaf([1.0, 2.0]).unbind()[1]
    Twice.apply(b).backward(create_graph=True)
    assert numbers == [1]


def test_grad_fn_is_always_the_same_object(engine):
    y = engine.leaf([1.0]) * 2
    assert y.grad_fn is y.grad_fn
    z = y * 3
    assert z.grad_fn.next_functions[0][0] is y.grad_fn
    assert hash(y.grad_fn) == hash(z.grad_fn.next_functions[0][0])


def test_a_leafs_accumulator_is_the_same_for_all_its_uses(engine):
    x = engine.leaf([1.0])
    a, b = x * 2, x * 3
    assert a.grad_fn.next_functions[0][0] is b.grad_fn.next_functions[0][0]


def test_an_accumulator_knows_its_leaf(engine):
    x = engine.leaf([1.0])
    node = (y := x * 2).grad_fn.next_functions[0][0]
    assert node.variable is x
    assert node.next_functions == ()
    assert "AccumulateGrad" in node.name()
    assert y.requires_grad


def test_a_name_tells_the_op(engine):
    x = engine.leaf([1.0])
    for result, name in ((x.sin(), "sin"), (x * x, "mul"), (x.exp(), "exp"), (x.clone(), "clone")):
        assert name in result.grad_fn.name().lower()
        assert name in repr(result.grad_fn).lower()


def test_a_name_tells_the_function(engine):
    y = identity(engine).apply(engine.leaf([1.0]))
    assert "Identity" in y.grad_fn.name()


def test_a_whole_graph_can_be_walked(engine):
    x, w = engine.leaf([1.0]), engine.leaf([2.0])
    y = (x.sin() * w).exp() + x
    names = [node.name().lower() for node in walk(y.grad_fn)]
    assert len(names) == 6
    ops = [name for name in names if "accumulategrad" not in name]
    assert len(ops) == 4
    for name in ("add", "exp", "mul", "sin"):
        assert sum(name in n for n in ops) == 1


def test_nodes_are_instances_of_node(engine):
    x = engine.leaf([1.0])
    y = x.exp()
    node = engine.graph.Node
    for thing in (y.grad_fn, y.grad_fn.next_functions[0][0], accumulator(x)):
        assert isinstance(thing, node)
        assert issubclass(type(thing), node)
    assert isinstance(identity(engine).apply(x).grad_fn, node)


def test_other_things_are_no_nodes(engine):
    node = engine.graph.Node
    for thing in (None, 1, node, engine.leaf([1.0])):
        assert not isinstance(thing, node)
    assert issubclass(node, node)


def test_ctx_is_the_node_of_its_function(engine):
    seen = []

    class Keep(engine.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            seen.append(isinstance(ctx, engine.graph.Node) or not engine.ours)
            return g * 2

    Keep.apply(engine.leaf([1.0])).backward()
    assert seen == [True]


def test_metadata_is_a_dict_of_the_users(engine):
    y = engine.leaf([1.0]) * 2
    assert y.grad_fn.metadata == {}
    y.grad_fn.metadata["mine"] = 5
    assert (y * 3).grad_fn.next_functions[0][0].metadata["mine"] == 5


def test_metadata_dies_with_its_graph(engine):
    class Sentinel:
        pass

    def scope():
        y = (engine.leaf([1.0]) * 2).sin()
        sentinel = Sentinel()
        y.grad_fn.next_functions[0][0].metadata["mine"] = sentinel
        return y, weakref.ref(sentinel)

    y, reference = scope()
    gc.collect()
    assert reference() is not None
    del y
    gc.collect()
    assert reference() is None


def test_anything_may_be_set_on_ctx(engine):
    names = ["name", "next_functions", "metadata", "shape", "narrowed", "variable", "dtype", "rule"]
    seen = []

    class Setter(engine.Function):
        @staticmethod
        def forward(ctx, x):
            if engine.name == "torch":  # torch reserves some of these
                return x * 2
            for name in names:
                setattr(ctx, name, name.upper())
            return x * 2

        @staticmethod
        def backward(ctx, g):
            if engine.name != "torch":
                seen.extend(getattr(ctx, name) for name in names)
            return g * 2

    x = engine.leaf([1.0])
    y = Setter.apply(x)
    assert "Setter" in y.grad_fn.name()
    assert len(y.grad_fn.next_functions) == 1
    assert values(engine.grad(y, x)[0]) == [2]
    assert seen == ([] if engine.name == "torch" else [name.upper() for name in names])


def test_attributes_of_ctx_are_attributes_of_its_node(engine):
    class Scale(engine.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor, None

    x = engine.leaf([1.0])
    y = Scale.apply(x, 3.0)
    assert y.grad_fn.factor == 3.0
    assert not hasattr(y.grad_fn, "another")
    y.grad_fn.factor = 5.0
    y.grad_fn.another = 1
    assert y.grad_fn.another == 1
    assert values(engine.grad(y, x)[0]) == [5]


@pytest.mark.parametrize("name", ["metadata", "next_functions", "saved_tensors"])
def test_what_a_node_has_cannot_be_replaced(engine, name):
    with pytest.raises(AttributeError, match=name):
        setattr(identity(engine).apply(engine.leaf([1.0])).grad_fn, name, 1)


def test_a_node_that_is_built_in_takes_no_attributes(engine):
    with pytest.raises(AttributeError, match="mine"):
        (engine.leaf([1.0]) * 2).grad_fn.mine = 1


def test_a_functions_node_gives_out_what_was_saved(engine):
    class Product(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, None, x + 1)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = engine.leaf([5.0])
    y = Product.apply(x)
    saved, nothing, between = y.grad_fn.saved_tensors
    assert saved is x
    assert nothing is None
    assert values(between) == [6]
    assert not between.requires_grad
    y.backward()
    with engine.raises(RuntimeError, "after they have already been freed"):
        y.grad_fn.saved_tensors  # noqa: B018


def test_a_function_that_saves_nothing_has_an_empty_tuple(engine):
    assert identity(engine).apply(engine.leaf([1.0])).grad_fn.saved_tensors == ()


def test_nodes_of_a_dropped_graph_are_freed_without_the_collector(engine):
    class Sentinel:
        pass

    gc.collect()
    gc.disable()
    try:
        x = engine.leaf([1.0])
        y = (x * 2).exp().sin()
        sentinel = Sentinel()
        y.grad_fn.next_functions[0][0].metadata["mine"] = sentinel
        reference = weakref.ref(sentinel)
        del sentinel, y
        assert reference() is None
    finally:
        gc.enable()


def test_a_result_that_its_own_graph_saves_is_freed_without_the_collector(engine):
    class Sentinel:
        pass

    gc.collect()
    gc.disable()
    try:
        y = engine.leaf([1.0]).exp()  # saves its result
        sentinel = Sentinel()
        y.grad_fn.metadata["mine"] = sentinel
        reference = weakref.ref(sentinel)
        del sentinel, y
        assert reference() is None
    finally:
        gc.enable()


def test_a_cycle_through_ctx_is_collected(engine):
    class Holder(engine.Function):
        @staticmethod
        def forward(ctx, x, box):
            ctx.box = box
            y = x.clone()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y, None

    def scope(run):
        x, box = engine.leaf([2.0]), {}
        y = Holder.apply(x, box)
        box["result"] = y
        if run:
            y.backward()
            assert values(x.grad) == [2]
        return weakref.ref(y)

    for run in (False, True):
        reference = scope(run)
        gc.collect()
        assert reference() is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_with_a_graph_are_the_only_thing_that_keeps_it(engine, create_graph):
    def scope():
        x = engine.leaf([2.0])
        y = x * x
        (g,) = engine.grad(y, x, create_graph=create_graph)
        return g, weakref.ref(y)

    g, reference = scope()
    del g
    gc.collect()
    assert reference() is None


def test_saved_values_have_torchs_names(engine):
    a, b = engine.leaf([2.0, 3.0]), engine.leaf([5.0, 7.0])
    product = (a * b).grad_fn
    assert values(product._saved_self) == [2, 3]
    assert values(product._saved_other) == [5, 7]
    assert values(a.exp().grad_fn._saved_result) == values(a.exp())
    assert values(a.softmax(0).grad_fn._saved_result) == values(a.softmax(0))
    assert a.softmax(0).grad_fn._saved_dim in (0, 2**64)
    with pytest.raises(AttributeError, match="_saved_nothing"):
        _ = product._saved_nothing
    assert "_raw_saved_result" in dir(a.exp().grad_fn)


def test_a_saved_value_leads_on_in_the_graph(engine):
    a = engine.leaf([2.0, 3.0])
    b = a.exp()
    saved = (b * a).grad_fn._saved_self
    assert saved.requires_grad
    close(engine.grad(saved.sum(), a)[0], b)
    result = a.exp().grad_fn._saved_result
    close(engine.grad(result.sum(), a)[0], b)


def test_a_freed_or_changed_value_is_refused(engine):
    a = engine.leaf([2.0, 3.0])
    y = a.exp()
    node = y.grad_fn
    y.sum().backward()
    with engine.raises(RuntimeError, "after they have already been freed"):
        _ = node._saved_result
    with engine.raises(RuntimeError, "after it has been freed"):
        node._raw_saved_result.register_hooks(lambda t: t, lambda t: t)
    y = a.exp()
    with engine.no_grad():
        y.add_(1)
    with engine.raises(RuntimeError, "modified by an inplace operation"):
        _ = y.grad_fn._saved_result


def test_one_saved_tensor_may_have_hooks(engine):
    a = engine.leaf([2.0, 3.0])
    y = a * a
    y.grad_fn._raw_saved_self.register_hooks(lambda t: 2 * t, lambda t: 10 * t)
    y.sum().backward()
    assert values(a.grad) == [42, 63]


def test_the_other_saved_tensors_are_still_watched(engine):
    a, b = engine.leaf([2.0, 3.0]), engine.leaf([5.0, 7.0]) * 1
    y = a * b
    y.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)
    with engine.no_grad():
        b.add_(1)
    with engine.raises(RuntimeError, "modified by an inplace operation"):
        y.sum().backward()


def test_a_saved_tensor_takes_one_pair_of_hooks(engine):
    a = engine.leaf([2.0, 3.0])
    y = a.exp()  # kept: torch's SavedTensor does not hold its node
    saved = y.grad_fn._raw_saved_result
    with engine.raises(RuntimeError, "modifying its input in place"):
        saved.register_hooks(lambda t: t.add_(1), lambda t: t)
    y = a.exp()
    saved = y.grad_fn._raw_saved_result
    saved.register_hooks(lambda t: t, lambda t: t)
    with engine.raises(RuntimeError, "have already been set"):
        saved.register_hooks(lambda t: t, lambda t: t)
    with engine.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = a.exp()
    saved = y.grad_fn._raw_saved_result
    with engine.raises(RuntimeError, "have already been set"):
        saved.register_hooks(lambda t: t, lambda t: t)


def saving(engine, *which):
    class Saving(engine.Function):
        @staticmethod
        def forward(ctx, x):
            if which:
                ctx.save_for_backward(x, *which)
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    return Saving.apply


def test_a_node_that_saved_nothing_has_no_saved_tensors(engine):
    y = saving(engine)(engine.leaf([2.0, 3.0]))
    assert y.grad_fn.saved_tensors == y.grad_fn._raw_saved_tensors == ()


def test_the_saved_tensors_of_a_node_are_gone_after_a_backward(engine):
    y = saving(engine, None)(engine.leaf([2.0, 3.0]))
    assert len(y.grad_fn._raw_saved_tensors) == 2
    y.sum().backward()
    for name in ("saved_tensors", "_raw_saved_tensors"):
        with engine.raises(RuntimeError, "after they have already been freed"):
            getattr(y.grad_fn, name)


def test_a_value_that_was_not_saved_takes_none(engine):
    a = engine.leaf([2.0, 3.0])

    class Partly(engine.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(None, x)
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    y = Partly.apply(a)
    none, kept = y.grad_fn._raw_saved_tensors
    with engine.raises(RuntimeError, "None is forbidden"):
        none.register_hooks(lambda t: t, lambda t: t)
    kept.register_hooks(lambda t: t, lambda t: t)


# --- a node is a function ---------------------------------------------------------------


def listed(result):
    several = result if isinstance(result, tuple) else (result,)
    return [None if g is None else g.tolist() for g in several]


def test_calling_a_node_runs_its_rule(engine):
    x, w = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    y, g = x * w, engine.tensor([1.0, 10.0])
    for _ in range(2):  # nothing is freed
        assert listed(y.grad_fn(g)) == [[3.0, 40.0], [1.0, 20.0]]
    assert x.grad is None
    (sine,) = listed(x.sin().grad_fn(g))
    assert sine == (g * x.cos()).tolist()
    assert listed((x * engine.tensor(2.0)).sum().grad_fn(engine.tensor(5.0))) == [[5.0, 5.0]]


def test_it_is_one_step_and_not_a_backward(engine):
    x = engine.leaf([1.0, 2.0])
    y = (x * x).sin()
    (gz,) = listed(y.grad_fn(engine.tensor([1.0, 1.0])))
    assert gz == (x * x).cos().tolist()
    called = []
    y.register_hook(lambda g: called.append("tensor"))
    y.grad_fn.register_hook(lambda gi, go: called.append("post"))
    y.grad_fn.register_prehook(lambda go: called.append("pre"))
    y.grad_fn(engine.tensor([1.0, 1.0]))
    assert called == []


def test_it_is_recorded_where_gradients_are_enabled(engine):
    x, w = engine.leaf([1.0, 2.0]), engine.leaf([3.0, 4.0])
    node, g = (x * w).grad_fn, engine.tensor([1.0, 1.0])
    gx, _ = node(g)
    assert gx.requires_grad
    (second,) = engine.grad((gx * gx).sum(), (w,))
    assert second.tolist() == [6.0, 8.0]
    with engine.no_grad():
        assert not any(gradient.requires_grad for gradient in node(g))


def test_no_gradient_in_gives_none_out(engine):
    x, w = engine.leaf([1.0]), engine.leaf([3.0])
    assert listed((x * w).grad_fn(None)) == [None, None]
    first, _ = engine.leaf([[1.0], [2.0]]).unbind()
    g = engine.tensor([1.0])
    assert listed(first.grad_fn(g, None)) == [[[1.0], [0.0]]]
    assert listed(first.grad_fn(g, g)) == [[[1.0], [1.0]]]


def test_at_a_leaf_it_accumulates(engine):
    x = engine.leaf([1.0, 2.0])
    seen = []
    x.register_post_accumulate_grad_hook(lambda v: seen.append(v.grad.tolist()))
    (node, _), *_ = (x * x).grad_fn.next_functions
    g = engine.tensor([1.0, 2.0])
    assert node(g) == ()
    node(g)
    assert x.grad.tolist() == [2.0, 4.0]
    assert g.tolist() == [1.0, 2.0]
    assert seen == [[1.0, 2.0], [2.0, 4.0]]


def test_what_cannot_be_called_so(engine):
    x = engine.leaf([1.0, 2.0])
    y, g = x.sin(), engine.tensor([1.0, 1.0])
    with engine.raises(TypeError, "expected 1 arguments, got 2 instead"):
        y.grad_fn(g, g)
    with engine.raises(TypeError, "expected 1 arguments, got 0 instead"):
        y.grad_fn()
    with pytest.raises(TypeError, match="keyword"):
        y.grad_fn(grad=g)
    with engine.raises((RuntimeError, ValueError)):
        y.grad_fn(engine.tensor([1.0, 1.0, 1.0]))
    y.sum().backward()
    with engine.raises(RuntimeError, "Trying to backward through the graph a second time"):
        y.grad_fn(g)
