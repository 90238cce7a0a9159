"""Stub: a pack's ``__init__.pyi``, to which ops are added."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NoReturn

import typer

from plugrad.cli.scaffold.rendered import rendered

if TYPE_CHECKING:
    from plugrad.cli.scaffold.op_module import OpModule

_PARTS = ("_Ops", "Variable")


class Stub:
    """The text of a stub; what its author wrote there stays.

    Args:
        text: the stub.
        pack: the pack's name.
        place: where the stub is, for messages.
    """

    def __init__(self, text: str, pack: str, place: str) -> None:
        self.text, self._pack, self._place = text, pack, place

    def add(self, op: OpModule) -> None:
        """Add an op as a function and as a method.

        Raises:
            BadParameter: the stub cannot be read, has lost a part, or has the op.
        """
        # x.softclip is the namespace of the pack; calling it calls the op that has the pack's name.
        short = ("_Ops", "__call__") if op.op == self._pack else ("Variable", op.op)
        for part, name in (("_Ops", op.op), short):
            method = rendered("stub_method.pyi", name=name, parameters=op.parameters)
            self._insert(part, name, method)
        function = rendered("stub_function.pyi", name=op.op, parameters=op.parameters)
        body = self._parsed().body
        self._refuse_twice(op.op, body)
        apart = "" if _is_function_of_dots(body[-1]) else "\n"
        self.text = f"{self.text.rstrip()}\n{apart}{function}"

    def _insert(self, part: str, name: str, method: str) -> None:
        found = [
            node
            for node in self._parsed().body
            if isinstance(node, ast.ClassDef) and node.name == part
        ]
        if len(found) != 1 or found[0].end_lineno is None:
            self._refuse(
                f"it has no class {part}",
                f"write it again, as plugrad new-pack did: {' and '.join(_PARTS)}",
            )
        body = found[0].body
        self._refuse_twice(name, body)
        apart = "" if _is_function_of_dots(body[-1]) else "\n"
        lines = self.text.splitlines(keepends=True)
        end = found[0].end_lineno or 0
        self.text = "".join([*lines[:end], apart, method, *lines[end:]])

    def _parsed(self) -> ast.Module:
        try:
            return ast.parse(self.text)
        except SyntaxError as error:
            self._refuse(f"it is not valid Python: {error}", "correct it")

    def _refuse_twice(self, name: str, body: list[ast.stmt]) -> None:
        if any(isinstance(node, ast.FunctionDef) and node.name == name for node in body):
            self._refuse(
                f"it has {name!r} already", "choose another name, or remove that one", "NAME"
            )

    def _refuse(self, what: str, fix: str, hint: str = "--pack") -> NoReturn:
        raise typer.BadParameter(
            f"the op cannot be added to {self._place}: {what}\n  fix: {fix}", param_hint=hint
        )


def _is_function_of_dots(node: ast.stmt) -> bool:
    """Whether it is ``def f(...): ...``, after which formatters put no blank line."""
    return isinstance(node, ast.FunctionDef) and [*map(ast.unparse, node.body)] == ["..."]
