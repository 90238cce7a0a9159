"""ModuleCalls: in which call of which module a step's forward ran."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plugrad.core.node import next_sequence_number
from plugrad.drawing.folds import Fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import nn
    from typing_extensions import Self

    from plugrad.drawing.step import Step


class ModuleCalls:
    """Notes the calls of modules in a block.

    Records are numbered as they are made. A call begins and ends with a number of its own, so
    the records between the two are those made in it.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self._modules = modules
        self._handles: list[Any] = []
        self._open: list[int] = []
        #: For each call the first number, the last, the module's name and class, and the call
        #: it is inside of.
        self.calls: list[list[Any]] = []

    def __enter__(self) -> Self:
        for prefix, root in self._modules.items():
            for path, module in root.named_modules():
                name = ".".join(part for part in (prefix, path) if part)
                if name:
                    self._watch(name, module)
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _watch(self, name: str, module: nn.Module) -> None:
        def begin(module: nn.Module, *_: Any) -> None:
            outer = self._open[-1] if self._open else -1
            self._open.append(len(self.calls))
            self.calls.append([next_sequence_number(), None, name, type(module).__name__, outer])

        def end(*_: Any) -> None:
            self.calls[self._open.pop()][1] = next_sequence_number()

        self._handles += [
            module.register_forward_pre_hook(begin, prepend=True),
            module.register_forward_hook(end, always_call=True),
        ]

    def folds(self, steps: Sequence[Step]) -> tuple[list[Fold], list[int]]:
        """A fold for each call, and for each step the innermost one it is in (-1 if none)."""
        folds = [Fold(name, kind, outer) for _, _, name, kind, outer in self.calls]
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
