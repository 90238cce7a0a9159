"""Forms: the ways in which a registered op is called, as text with a hole for each tensor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

import plugrad as pg
from plugrad.tests.fuzz.literals import NoLiteralError, literal

#: Ops that no program calls, each with the reason.
LEFT_OUT = {
    "empty_like": "its values are whatever was in memory",
    "new_empty": "its values are whatever was in memory",
    "getitem_backward": "it is reached through the second derivative of getitem alone",
    "abs_pow": "torch does not have it: rules are written with it",
    "pow_log": "torch does not have it: rules are written with it",
    "absorbing_mul": "torch does not have it: rules are written with it",
    "strided": "torch does not have it: as_strided is written with it",
    "binary_cross_entropy_with_logits_forward": "its weights have no gradient in torch",
    "cdist_backward": "its norms must be those of its points, which a program does not know",
    "pdist_backward": "its norms must be those of its points, which a program does not know",
    **dict.fromkeys(
        ("ctc_loss_forward", "ctc_loss_backward"),
        "its overloads take lengths as a list or as a tensor",
    ),
    "lift_fresh": "torch's tracing alone calls it; it changes its operand's graph",
    "as_strided_scatter": "torch's gradient of it is wrong: its own gradcheck says so",
    "setitem": "it is called as v[index] = w, an instruction of its own",
    "cuda": "what it does without a GPU is tested beside it",
    **{
        entry.name: "programs are of strided tensors, which nearly all ops are for"
        for entry in pg.registry
        if entry.module.startswith("plugrad.ops.sparse.")
    },
}
#: Primitives that no program calls, each with the reason.
PRIMITIVES_LEFT_OUT = {
    "torch.ops.aten._unsafe_index.Tensor": "torch refuses a mask there, which is read as one here",
}
#: Ops whose primitives are told apart by arguments, so that not every sample fits each of them.
OVERLOADED = {"random"}
#: The laws that compare with torch: an op or a sample that waives one says where torch is wrong.
AGAINST_TORCH = frozenset({"reference", "oracle", "second-order", "primitive", "no-nan"})
#: Python's operators by the middle of their method's name.
SYMBOLS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
for _names, _symbols in (
    (("add", "sub", "mul", "truediv", "floordiv", "mod"), ("+", "-", "*", "/", "//", "%")),
    (("pow", "matmul", "and", "or", "xor"), ("**", "@", "&", "|", "^")),
    (("lshift", "rshift"), ("<<", ">>")),
):
    SYMBOLS.update(zip(_names, _symbols, strict=True))
_SPACES = {
    "torch": torch,
    "torch.nn.functional": torch.nn.functional,
    "torch.linalg": torch.linalg,
    "torch.special": torch.special,
    "torch.fft": torch.fft,
}


@dataclass(frozen=True)
class Form:
    """A call of one op, ``text.format(*names)``, and the tensors that its sample puts there."""

    text: str
    tensors: tuple[Tensor, ...]
    #: Which of them can require grad.
    differentiable: tuple[bool, ...]
    #: Whether it changes the first tensor.
    inplace: bool


@cache
def forms():
    """The forms of every registered op by its name: a list of them for each of its samples."""
    found = {}
    for op in pg.registry:
        samples = () if op.name in LEFT_OUT else op.function.samples(pg.SampleMaker(0))
        made = [forms_of(op, sample) for sample in samples if op.name not in LEFT_OUT]
        if any(made):
            found[op.name] = [f for f in made if f]
    return found


def forms_of(op, sample):
    """Every way in which an op can be called with a sample's arguments."""
    if sample.oracle_is_wrong or sample.error:  # the op declares so, and why
        return []
    if sample.kwargs.get("sparse"):  # programs are of strided tensors
        return []
    if not AGAINST_TORCH.isdisjoint({*op.declaration.waives, *sample.waives}):
        return []
    holes = _Holes()
    try:
        args = [holes.text(a, i in sample.constants) for i, a in enumerate(sample.args)]
        kwargs = [f"{n}={holes.text(a, n in sample.constants)}" for n, a in sample.kwargs.items()]
    except NoLiteralError:
        return []
    declared = op.declaration
    paths = [p for p in torch_paths(declared.overrides) if p not in PRIMITIVES_LEFT_OUT]
    if declared.methods or declared.properties:
        paths = [path for path in paths if not path.startswith("torch.ops.aten.")]
    if op.name in OVERLOADED:
        paths = [path for path in paths if not path.startswith("torch.ops.aten.")]
    texts = [f"{path}({', '.join(args + kwargs)})" for path in paths]
    inplace = []
    if args and args[0] == "{0}":
        rest = ", ".join(args[1:] + kwargs)
        texts += [f"{{0}}.{name}" for name in declared.properties if not rest]
        texts += [t for t in (_operator(n, args) for n in declared.methods) if t and not kwargs]
        methods = [n for n in declared.methods if n[0] != "_" and hasattr(Tensor, n)]
        texts += [f"{{0}}.{name}({rest})" for name in methods]
        inplace = [f"{{0}}.{n}_({rest})" for n in methods if is_inplace(f"{n}_")]
        # A fill is in place only; on a clone, since a leaf that requires grad refuses it.
        fills = declared.inplace if isinstance(declared.inplace, tuple) else ()
        inplace += [f"{{0}}.clone().{n}({rest})" for n in fills if n[0] != "_" and is_inplace(n)]
    if declared.random:
        texts, inplace = (
            [f"(torch.manual_seed(0), {t})[1]" for t in ts] for ts in (texts, inplace)
        )
    tensors, free = tuple(holes.tensors), tuple(holes.free)
    return [Form(t, tensors, free, False) for t in texts] + [
        Form(t, tensors, free, True) for t in inplace
    ]


class _Holes:
    """Turns arguments to text and keeps the tensors among them."""

    def __init__(self):
        self.tensors, self.free = [], []

    def text(self, value, constant):
        if isinstance(value, Tensor):
            self.tensors.append(value)
            floating = value.is_floating_point() or value.is_complex()
            self.free.append(floating and not constant)
            return f"{{{len(self.tensors) - 1}}}"
        if type(value) in {list, tuple} and any(isinstance(v, Tensor) for v in value):
            parts = ", ".join(self.text(v, constant) for v in value)
            return f"[{parts}]" if type(value) is list else f"({parts},)"
        return literal(value).replace("{", "{{").replace("}", "}}")


def _operator(name, args):
    """The call of a special method as Python writes it; None for what is not one."""
    bare = name.strip("_")
    if name == "__getitem__":
        return f"{{0}}[{args[1]}]"
    if name[:2] != "__" or len(args) != 2:
        return None
    if bare in SYMBOLS:
        return f"({args[0]} {SYMBOLS[bare]} {args[1]})"
    return f"({args[1]} {SYMBOLS[bare[1:]]} {args[0]})" if bare[1:] in SYMBOLS else None


def is_inplace(name):
    """Whether ``name`` is an in-place method of both engines."""
    return name.endswith("_") and hasattr(Tensor, name) and hasattr(pg.Variable, name)


def torch_paths(functions):
    """How those of the functions that are torch's are spelled from outside."""
    paths = [path for path in map(_path, functions) if path]
    # An overload of aten's may take fewer arguments than the op, and is torch's own part.
    return [path for path in paths if not path.startswith("torch.ops.aten.")] or paths


@cache
def _path(function):
    for path, space in _SPACES.items():
        for name in dir(space):
            if not name.startswith("_") and getattr(space, name, None) is function:
                return f"{path}.{name}"
    if isinstance(function, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
        return f"torch.ops.{str(function).replace('::', '.')}"
    return None
