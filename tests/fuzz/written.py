"""written: random user-written Functions, as text.

A Function has one to three inputs and one to five outputs. Its forward may change inputs in place
(``mark_dirty``), and returns new tensors, inputs, views of inputs or of other outputs, constants
(``mark_non_differentiable``), integers and None. It saves inputs and outputs, or keeps them as an
attribute of ``ctx``, which only torch's class allows; it may have a ``setup_context``, look at
``needs_input_grad``, and ask for None instead of zeros (``set_materialize_grads``). Its backward is
right for inputs that do not share memory.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

#: Views as text, and how their gradient becomes one of what they are a view of.
VIEWS = {
    "{0}[...]": "{0}",
    "{0}.view({0}.shape)": "{0}",
    "{0}.transpose(0, -1)": "{0}.transpose(0, -1)",
    "{0}.unsqueeze(0)": "{0}.squeeze(0)",
    "{0}[..., :1]": "torch.nn.functional.pad({0}, (0, ctx.shape[-1] - 1))",
}
_NEW = ("linear", "linear", "product", "product", "exp")
_OUTPUTS = (*_NEW, "input", "view", "view of output", "constant", "integer", "none")


@dataclass
class Written:
    """A Function as text."""

    text: str
    inputs: int
    #: Which inputs after the first it changes.
    later: list[int]
    #: Whether it returns inputs that it has not changed, or views of inputs.
    shares: bool
    #: Whether it keeps tensors as an attribute, as only torch's class can.
    keeps: bool


class _Writer:
    """Writes forward and backward side by side, output by output."""

    def __init__(self, choose: random.Random) -> None:
        self.choose = choose
        self.inputs = [f"x{i}" for i in range(choose.choice((1, 2, 2, 3)))]
        self.dirty = [
            x for x, p in zip(self.inputs, (0.5, 0.08, 0.08), strict=False) if choose.random() < p
        ]
        self.forward = [f"{x}.mul_(2)" for x in self.dirty]
        self.backward: list[str] = []
        self.outputs, self.new, self.constants = [], [], []
        self.saved: list[str] = []
        self.shares = False
        self.setup = choose.random() < 0.4
        self.materialize = choose.random() < 0.6
        self.keeps = choose.random() < 0.15
        self.asks = choose.random() < 0.5

    def kinds(self) -> list[str]:
        """The kinds of the outputs besides the changed inputs."""
        count = self.choose.choice((1, 1, 2, 3))
        if self.dirty:  # torch refuses several outputs where a view is changed
            count = self.choose.choice((0, 0, 0, 1, 2))
        kinds = [self.choose.choice(_OUTPUTS) for _ in range(count)]
        if not self.dirty and not set(kinds) & {*_NEW, "input", "view"}:
            kinds.append("linear")
        return kinds

    def output(self, kind: str) -> None:
        """Write one output and its part of backward."""
        y = f"y{len(self.outputs)}"
        g = "g" + y[1:]
        a, b = (self.choose.choice(self.inputs) for _ in range(2))
        view = self.choose.choice(list(VIEWS))
        if kind == "view of output" and not self.new:
            kind = "linear"
        if kind == "linear":
            factors = [self.choose.choice((0, 1, 2, 3)) for _ in self.inputs]
            terms = [f"{f} * {x}" for f, x in zip(factors, self.inputs, strict=True)]
            self._write(y, " + ".join(terms) + " + 1")
            for factor, x in zip(factors, self.inputs, strict=True):
                self._flow(g, x, f"{g} * {factor}")
        elif kind == "product":
            self._write(y, f"{a} * {b}")
            left, right = self._save(a), self._save(b)
            self._flow(g, a, f"{g} * {right}")
            self._flow(g, b, f"{g} * {left}")
        elif kind == "exp":
            self._write(y, f"({a} * 0.3).exp()")
            self._flow(g, a, f"{g} * 0.3 * {self._save(y)}")
        elif kind == "input":
            self._write(y, a)
            self._flow(g, a, g)
            self.shares = True
        elif kind == "view":
            self._write(y, view.format(a))
            self._flow(g, a, VIEWS[view].format(g))
            self.shares = True
        elif kind == "view of output":
            base = self.choose.choice(self.new)
            self._write(y, view.format(base))
            # First of all, so that the base's own part of backward finds it.
            line = f"g{base[1:]} = plus(g{base[1:]}, {VIEWS[view].format(g)})"
            self.backward.insert(0, self._if_given(g, line))
        else:
            values = {"constant": f"{a}.floor()", "integer": f"({a} * 3).long()", "none": "None"}
            self._write(y, values[kind])
            self.constants += [y] if kind == "constant" else []
        self.new += [y] if kind in _NEW else []
        self.outputs.append(y)

    def changed(self, x: str) -> None:
        """Return a changed input."""
        g = f"g{len(self.outputs)}"
        self._write(f"y{len(self.outputs)}", x)
        self._flow(g, x, g)
        self.outputs.append(f"y{len(self.outputs)}")

    def _write(self, y: str, value: str) -> None:
        self.forward.append(f"{y} = {value}")

    def _save(self, name: str) -> str:
        self.saved.append(name)
        return f"s{len(self.saved) - 1}"

    def _flow(self, g: str, x: str, gradient: str) -> None:
        target = f"d[{x[1:]}]"
        line = self._if_given(g, f"{target} = plus({target}, {gradient})")
        self.backward.append(f"if ctx.needs_input_grad[{x[1:]}]: {line}" if self.asks else line)

    def _if_given(self, g: str, line: str) -> str:
        target, value = line.split(" = ", 1)
        return line if self.materialize else f"{target} = {target} if {g} is None else {value}"

    def text(self, name: str) -> Written:
        """The class."""
        single = len(self.outputs) == 1 and self.choose.random() < 0.6
        returned = self.outputs[0] if single else f"({', '.join(self.outputs)},)"
        inputs = ", ".join(self.inputs)
        # torch refuses to save an input that is returned as it is, where there is setup_context.
        if self.setup and not (self.shares and set(self.saved) & set(self.inputs)):
            methods = _method("forward", inputs, [*self.forward, f"return {returned}"])
            lines = [f"({inputs},) = inputs", f"{returned} = output", *self._marks()]
            methods += _method("setup_context", "ctx, inputs, output", lines)
        else:
            lines = [*self.forward, *self._marks(), f"return {returned}"]
            methods = _method("forward", f"ctx, {inputs}", lines)
        return Written(
            f"class {name}(Function):\n{methods}{self._backward()}",
            len(self.inputs),
            later=[int(x[1:]) for x in self.dirty if x != "x0"],
            shares=self.shares,
            keeps=self.keeps and bool(self.saved),
        )

    def _marks(self) -> list[str]:
        """What is said to ctx."""
        lines = [f"ctx.shape = {self.inputs[0]}.shape"]
        if self.dirty:
            lines.append(f"ctx.mark_dirty({', '.join(self.dirty)})")
        if self.constants:
            lines.append(f"ctx.mark_non_differentiable({', '.join(self.constants)})")
        if not self.materialize:
            lines.append("ctx.set_materialize_grads(False)")
        if self.saved:
            saved = ", ".join(self.saved)
            kept = f"ctx.kept = ({saved},)"
            lines.append(kept if self.keeps else f"ctx.save_for_backward({saved})")
        return lines

    def _backward(self) -> str:
        lines = [f"d = [None] * {len(self.inputs)}"]
        if self.saved:
            names = ", ".join(f"s{i}" for i in range(len(self.saved)))
            lines.append(f"({names},) = ctx.{'kept' if self.keeps else 'saved_tensors'}")
        lines += self.backward
        changed = [f"d[{x[1:]}]" for x in self.dirty]
        lines += [f"{d} = None if {d} is None else {d} * 2" for d in changed]
        gradients = ", ".join(f"g{i}" for i in range(len(self.outputs)))
        return _method("backward", f"ctx, {gradients}", [*lines, "return tuple(d)"])


def _method(name: str, parameters: str, lines: list[str]) -> str:
    body = "".join(f"        {line}\n" for line in lines)
    return f"    @staticmethod\n    def {name}({parameters}):\n{body}"


def function(choose: random.Random, name: str) -> Written:
    """A random Function."""
    writer = _Writer(choose)
    kinds = writer.kinds()
    for x in writer.dirty:
        writer.changed(x)
    for kind in kinds:
        writer.output(kind)
    return writer.text(name)
