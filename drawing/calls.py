"""ModuleCalls: in which call of which module a step's forward ran."""

from __future__ import annotations

from collections import Counter
from threading import get_ident
from typing import TYPE_CHECKING, Any

from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from plugrad.core.node import next_sequence_number
from plugrad.drawing.folds import Fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn
    from typing_extensions import Self

    from plugrad.drawing.step import Step


class ModuleCalls:
    """Notes the calls of modules in a block, in this thread.

    Records are numbered as they are made. A call begins and ends with a number of its own, so
    the records between the two are those made in it.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self._thread = get_ident()
        self._names: dict[int, str] = {}
        for prefix, module in modules.items():
            self._add(prefix, module)
        #: Modules that were called and are in none of those given.
        self.others: list[nn.Module] = []
        self._handles: list[Any] = []
        self._open: list[int] = []
        #: For each call the first number, the last, the module's name and class, and the call
        #: it is inside of.
        self.calls: list[list[Any]] = []

    def __enter__(self) -> Self:
        # Of all modules: the fields of a module are not touched.
        self._handles = [
            register_module_forward_pre_hook(self._begin),
            register_module_forward_hook(self._end, always_call=True),
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _add(self, prefix: str, root: nn.Module) -> None:
        for path, module in root.named_modules():
            name = ".".join(part for part in (prefix, path) if part)
            self._names.setdefault(id(module), name or type(module).__name__)

    def _begin(self, module: nn.Module, *_: Any) -> None:
        if get_ident() != self._thread:
            return
        if id(module) not in self._names:
            self.others.append(module)
            self._add("", module)
        outer = self._open[-1] if self._open else -1
        self._open.append(len(self.calls))
        name, kind = self._names[id(module)], type(module).__name__
        self.calls.append([next_sequence_number(), None, name, "" if name == kind else kind, outer])

    def _end(self, *_: Any) -> None:
        if get_ident() == self._thread and self._open:
            self.calls[self._open.pop()][1] = next_sequence_number()

    def folds(self, steps: Sequence[Step]) -> tuple[list[Fold], list[int]]:
        """A fold for each call, and for each step the innermost one it is in (-1 if none)."""
        folds = self._named_folds()
        fold_of = [-1] * len(steps)
        begun, running = 0, -1
        # From the oldest step to the newest, beside the calls in the order in which they began.
        for i in sorted(range(len(steps)), key=lambda i: steps[i].sequence):
            number = steps[i].sequence
            while begun < len(self.calls) and self.calls[begun][0] < number:
                running, begun = begun, begun + 1
            while running >= 0 and not (self.calls[running][1] or number) >= number:
                running = self.calls[running][4]
            fold_of[i] = running
        return folds, fold_of

    def _named_folds(self) -> list[Fold]:
        """A fold for each call; that of a module called more than once says which it is."""
        counts = Counter(name for _, _, name, _, _ in self.calls)
        seen: Counter[str] = Counter()
        folds = []
        for _, _, name, kind, outer in self.calls:
            seen[name] += 1
            which = f"call {seen[name]} of {counts[name]}" if counts[name] > 1 else ""
            folds.append(Fold(name, ", ".join(filter(None, (kind, which))), outer))
        return folds
