"""OpModule: the module of an op to be written."""

from __future__ import annotations

import builtins
import keyword
from dataclasses import dataclass

from plugrad.cli.scaffold.rendered import rendered

#: What the module of an op imports by name.
_IMPORTED = frozenset({"Context", "Function", "Iterator", "Sample", "SampleMaker", "Tensor"})


@dataclass(frozen=True)
class OpModule:
    """An op: the working example, or one that stands for a torch function."""

    #: Its name without the pack: ``softclip``, and in plugrad itself ``det``.
    op: str
    #: Its whole name: ``softclip::softclip``, ``linalg.det``.
    name: str
    #: The torch function it stands for; its backward is then left to the author.
    torch_function: str | None = None
    #: Whether it is a built-in op.
    builtin: bool = False
    elementwise: bool = True

    @property
    def class_name(self) -> str:
        """``SoftClip``, or ``FunctionOp`` where the plain one has another meaning."""
        name = "".join(part[:1].upper() + part[1:] for part in self.op.split("_"))
        taken = name in _IMPORTED or keyword.iskeyword(name) or hasattr(builtins, name)
        return f"{name}Op" if taken else name

    @property
    def formula(self) -> str:
        """How its docstring begins."""
        if self.torch_function:
            return f"y = {self.op}(x);  gx = gy ..., which is still to be written."
        return "y = limit tanh(x / limit);  gx = gy (1 - (y / limit)^2)."

    @property
    def parameters(self) -> list[str]:
        """What forward takes besides ``ctx`` and ``x``, as in a signature."""
        return [] if self.torch_function else ["limit: float = 1.0"]

    @property
    def code(self) -> str:
        """The module."""
        return rendered(
            "op.py",
            op=self.op,
            op_name=self.name,
            class_name=self.class_name,
            formula=self.formula,
            torch_function=self.torch_function,
            builtin=self.builtin,
            elementwise=self.elementwise,
        )
