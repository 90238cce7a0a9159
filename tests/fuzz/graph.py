"""graph: the instructions about gradients: detach, grad, backward, flags, hooks."""

from __future__ import annotations

import torch

import plugrad as pg
from plugrad.tests.fuzz.calls import is_free
from plugrad.tests.fuzz.literals import literal, numbers


def detach(b):
    b.assign(f"{b.some()}.detach()")


def flag(b):
    """What is set on a value: requires_grad_, retain_grad, grad."""
    x = b.some()
    value = b.value(x)
    kind = b.choose.index(6)
    if kind == 0:
        b.add(f"{x}.requires_grad_({b.choose.of(('', 'False'))})")
    elif kind == 1 and value.is_leaf:
        b.add(f"{x}.grad = None")
    elif kind == 2 and value.is_leaf:
        b.add(f"{x}.grad = {b.some(lambda v: v.shape == value.shape and v is not value)}")
    else:
        b.add(f"{x}.retain_grad()")


def alias(b):
    """A second leaf over a value's memory."""
    x = b.some(is_free)
    if x is not None:
        flag = b.choose.of(("", ", requires_grad=True"))
        b.pool += [n for n in [b.fresh()] if b.add(f"{n} = leaf({x}.data{flag})")]


def forget(b):
    """Drop a name: what the graph needs of the value must live on."""
    if len(b.pool) > 2:
        x = b.some()
        b.pool.remove(x)
        b.add(f"del {x}")


def cotangent(b, value):
    """The text of a cotangent for a value, or None where it may be left out."""
    if value.numel() == 1 and not value.is_complex() and b.choose.chance(50):
        return "None"
    kind = b.kind if b.choose.chance(10) else "plain"
    return literal(numbers(kind, tuple(value.shape), value.dtype, b.choose.seed()))


def roots(b, count):
    """The names of values that a backward can start from."""
    names = [n for n in b.pool if b.value(n).requires_grad]
    found = [b.choose.recent(names) for _ in range(b.choose.index(count) + 1)] if names else []
    return list(dict.fromkeys(found))


def _inputs(b):
    names = [n for n in b.pool if b.value(n).requires_grad]
    leaves = [n for n in names if b.value(n).is_leaf]
    if b.choose.chance(40):
        leaves.append(b.choose.of(names))
    return list(dict.fromkeys(leaves)) or names[:1]


def gradient(b, create_graph=None):
    """A call of grad whose results are values again; returns their names."""
    starts = roots(b, 2)
    if not starts:
        return []
    create = b.choose.chance(70) if create_graph is None else create_graph
    options = "create_graph=True" if create else f"retain_graph={b.choose.chance(80)}"
    unused = b.choose.index(20)
    if unused:
        options += ", materialize_grads=True" if unused < 4 else ", allow_unused=True"
    given = ", ".join(cotangent(b, b.value(n)) for n in starts)
    call = f"grad([{', '.join(starts)}], [{', '.join(_inputs(b))}], [{given}], {options})"
    return b.assign(call)


def backward(b):
    """A call of backward."""
    starts = roots(b, 2)
    if not starts:
        return
    options = b.choose.of(("retain_graph=True",) * 4 + ("", "create_graph=True"))
    if b.choose.chance(15):
        options += f"{', ' if options else ''}inputs=[{', '.join(_inputs(b))}]"
    given = ", ".join(cotangent(b, b.value(n)) for n in starts)
    if len(starts) == 1 and b.choose.chance(30):
        b.add(f"{starts[0]}.backward({given}{', ' if options else ''}{options})")
        return
    options = f", {options}" if options else ""
    b.add(f"backward([{', '.join(starts)}], [{given}]{options})")


def grad_of(b):
    """A gradient that a leaf has, as a value."""
    x = b.some(lambda v: v.is_leaf and v.grad is not None)
    if x is not None:
        b.assign(f"{x}.grad")


def ending(b):
    """First and second derivatives of what there is, and a backward to the leaves."""
    first = gradient(b, create_graph=True)
    found = [n for n in first if n in b.pool and b.value(n).requires_grad]
    if found:
        given = ", ".join(cotangent(b, b.value(n)) for n in found)
        inputs = ", ".join(_inputs(b))
        b.assign(
            f"grad([{', '.join(found)}], [{inputs}], [{given}], "
            "retain_graph=True, allow_unused=True)"
        )
    backward(b)


# --- hooks ---------------------------------------------------------------------------

_HOOKS = (
    'log.append(("{0}", g if g is None else g.detach().clone()))',
    "g if g is None else g * 2",
    "None",
    'g if g is None else (log.append(("{0}", g.detach().clone())), g * g)[1]',
)


def hook_actions():
    """The actions with hooks, as far as both engines have them."""
    found = ()
    if hasattr(pg.Variable, "register_hook"):
        found += (hook,) * 3
    if hasattr(pg.Variable, "register_post_accumulate_grad_hook"):
        found += (post_hook,)
    if hasattr(_node(), "register_prehook"):
        found += (prehook,)
    return found


def _node():
    x = pg.Variable(torch.ones(1), requires_grad=True)
    return (x * 2).grad_fn


def hook(b):
    x = b.some(lambda v: v.requires_grad) or b.some()
    name = b.fresh("h")
    b.add(f"{name} = {x}.register_hook(lambda g: {b.choose.of(_HOOKS).format(name)})")
    if b.choose.chance(8):
        b.add(f"{name}.remove()")


def post_hook(b):
    x = b.some(lambda v: v.requires_grad and v.is_leaf) or b.some()
    name = b.fresh("h")
    note = f'log.append(("{name}", None if x.grad is None else x.grad.detach().clone()))'
    b.add(f"{name} = {x}.register_post_accumulate_grad_hook(lambda x: {note})")


def prehook(b):
    """On the node that made a value; not of a view, which torch makes anew after any change."""
    x = b.some(lambda v: v.grad_fn is not None and v.output_nr == 0 and not v._is_view())
    if x is None:
        return
    name = b.fresh("h")
    body = b.choose.of(
        (
            f'log.append(("{name}", None if g[0] is None else g[0].detach().clone()))',
            "tuple(x if x is None else x * 3 for x in g)",
        )
    )
    b.add(f"{name} = {x}.grad_fn.register_prehook(lambda g: {body})")
