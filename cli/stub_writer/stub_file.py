"""StubFile: the methods of all ops as type checkers read them."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import TYPE_CHECKING

from plugrad.cli.stub_writer.stub_method import stub_method
from plugrad.cli.stub_writer.stub_types import StubTypes
from plugrad.plugins.hooks import hookimpl
from plugrad.plugins.registered_op import Claims

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from plugrad.plugins.registered_op import RegisteredOp

_TITLE = '"""AttachedMethods for type checkers: what the registry attaches to Variable."""'
_OTHERS = """\
    # A pack's, or of an op that the program registers itself. `plugrad stubs` writes a file
    # without this line, that has the packs' methods and in which other names are errors.
    def __getattr__(self, name: str) -> Any: ..."""


class StubFile:
    """Writes ``core/attached_methods.pyi`` from the ops that it is told of.

    It is a plugin: ``register_plugin`` tells it of the ops that are there, and of those
    that come later. The names are given as a registry gives them: a built-in op goes
    first, and a method that two packs claim is neither's.

    Args:
        packs: whether packs' ops are in it, as methods and as ``x.<pack>.<op>()``. The
            program's own never are: another program that reads the file lacks them.
        others: whether names that are not in it are accepted, as Any.
        note: what stands above all else, as a comment.
    """

    def __init__(self, *, packs: bool, others: bool, note: str) -> None:
        self._packs, self._others, self._note = packs, others, note
        self._ops: dict[str, RegisteredOp] = {}

    @hookimpl
    def plugrad_op_registered(self, op: RegisteredOp) -> None:
        """Take an op in; one that is defined again replaces the old one."""
        if op.rank == 0 or (op.rank == 2 and self._packs):
            self._ops[op.qualified_name] = op

    def text(self) -> str:
        """The file."""
        attributes, namespaces = self._attributes(), self._namespaces()
        types = StubTypes({*attributes, *namespaces, *self._parts_of_names()})
        classes: list[str] = []
        members: dict[str, str] = {}
        for name, entry in attributes.items():
            as_property = name in entry.declaration.properties
            members[name] = stub_method(entry, name, types, as_property)
        for name, ops in namespaces.items():
            classes += _namespace_classes(name, name, ops, types)
            if name not in attributes or attributes[name].rank:
                members[name] = _namespace(name, f"_Ops_{name}", f"The ops of the pack {name}.")
        blocks = [members[name] for name in sorted(members)]
        if self._others:
            types.imports.add("from typing import Any")
            blocks.append(_OTHERS)
        classes.append(_class("AttachedMethods", "    __slots__ = ()", blocks))
        return "\n".join([f"# {self._note}\n{_TITLE}\n", import_block(types.imports), *classes])

    def _attributes(self) -> dict[str, RegisteredOp]:
        claims = Claims()
        for entry in self._ops.values():
            for name in entry.attributes:
                claims.add(name, entry)
        return claims

    def _namespaces(self) -> dict[str, list[RegisteredOp]]:
        packs: dict[str, list[RegisteredOp]] = {}
        for _, entry in sorted(self._ops.items()):
            if entry.rank == 2:
                packs.setdefault(entry.pack, []).append(entry)
        return packs

    def _parts_of_names(self) -> Iterator[str]:
        for entry in self._ops.values():
            if entry.rank == 2:
                yield from entry.plain_name.split(".")


def _namespace_classes(
    name: str, path: str, ops: list[RegisteredOp], types: StubTypes, depth: int = 0
) -> Iterator[str]:
    """The class of ``x.<path>``, after those of the namespaces in it."""
    members: dict[str, str] = {}
    inner: dict[str, list[RegisteredOp]] = {}
    for entry in ops:
        part, *deeper = entry.plain_name.split(".")[depth:]
        if deeper:
            inner.setdefault(part, []).append(entry)
        else:
            members[part] = stub_method(entry, part, types)
        if entry.plain_name == entry.pack:
            members["__call__"] = stub_method(entry, "__call__", types)
    for part, entries in inner.items():
        if part not in members:
            title = f"The ops whose names begin with {part}."
            members[part] = _namespace(part, f"_Ops_{name}__{part}", title)
            yield from _namespace_classes(
                f"{name}__{part}", f"{path}.{part}", entries, types, depth + 1
            )
    blocks = [members[part] for part in sorted(members)]
    yield _class(f"_Ops_{name}", f'    """What ``x.{path}`` has."""', blocks)


def _namespace(attribute: str, kind: str, title: str) -> str:
    return f'    @property\n    def {attribute}(self) -> {kind}:\n        """{title}"""'


def _class(name: str, head: str, blocks: list[str]) -> str:
    return "\n\n".join([f"class {name}:\n{head}", *blocks]) + "\n"


def import_block(lines: Iterable[str]) -> str:
    """The statements, each module's names in one: Python's own first, plugrad's last.

    Args:
        lines: ``import a``, ``import a.b as c`` or ``from a import b``.
    """
    names: dict[str, set[str]] = defaultdict(set)
    groups: dict[int, list[str]] = defaultdict(list)
    for line in sorted(set(lines)):
        if line.startswith("from "):
            module, _, name = line.removeprefix("from ").partition(" import ")
            names[module].add(name)
        else:
            groups[_group(line.split()[1])].append(line)
    for module in sorted(names):
        groups[_group(module)].append(f"from {module} import {', '.join(sorted(names[module]))}")
    return "\n\n".join("\n".join(groups[group]) for group in sorted(groups)) + "\n"


def _group(module: str) -> int:
    top = module.partition(".")[0]
    return 0 if top in sys.stdlib_module_names else 2 if top == "plugrad" else 1
