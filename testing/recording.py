"""Recorder: calls of torch's Functions and custom ops that tests make, kept as small copies."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from plugrad.interop.torchs_apply import watch_torch_functions
from plugrad.interop.torchs_operators import watch_operators
from plugrad.testing.copies import CannotCopyError, Recording, recorded, same_numbers, signature
from plugrad.testing.place import source_of
from plugrad.testing.torch_target import definition_of, is_function, target_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Distinct signatures of a target that are kept.
SIGNATURES = 16
#: Calls with nothing new, in one test, after which only every 16th call is looked at.
_PATIENCE = 16
#: Calls of one signature that are compared with those that are kept.
_TRIES = 8
#: Classes of one name: a test makes a new one each time it runs a factory.
_NAMESAKES = 3
_TORCHS_OWN = frozenset({"torch", "functorch", "plugrad"})


@dataclass
class Calls:
    """All that is known of the calls of one target."""

    target: Any
    name: str
    count: int = 0
    kept: dict[Any, list[Recording]] = field(default_factory=dict)
    #: Why calls could not be kept, with the first test that made one.
    refused: dict[str, str] = field(default_factory=dict)
    tries: dict[Any, int] = field(default_factory=dict)
    skipped: bool = False
    streak: int = 0
    test: str | None = None

    @property
    def recordings(self) -> list[Recording]:
        """Those that are kept; if some asked for a gradient, those alone."""
        every = [recording for made in self.kept.values() for recording in made]
        return [r for r in every if r.asked is not None] or every

    def keep(self, key: Any, recording: Recording, limit: int) -> bool:
        """Keep one more, if there is room and it is not like one that is there."""
        made = self.kept.get(key)
        if made is None:
            if len(self.kept) >= SIGNATURES:
                return False
            made = self.kept[key] = []
        if len(made) >= limit or any(same_numbers(recording.forms, r.forms) for r in made):
            return False
        made.append(recording)
        return True

    def forget(self, key: Any, recording: Recording) -> None:
        """Drop one: the call raised."""
        self.kept[key].remove(recording)
        self.tries[key] -= 1


class Recorder:
    """Records the calls that are made between ``start`` and ``stop``.

    The tests notice nothing: a call is copied before it is made, no random number is drawn, and
    what is traced or transformed is left alone.

    Args:
        package: whose Functions and custom ops; all but torch's and plugrad's if it is empty.
        limit: calls that are kept of each signature.
    """

    def __init__(self, package: str = "", limit: int = 3) -> None:
        self.package, self.limit = package, limit
        #: The node id of the test that is running.
        self.test = ""
        self.known: dict[Any, Calls] = {}
        #: The targets that other processes have imported and not called.
        self.elsewhere: set[str] = set()
        self._names: dict[str, int] = {}

    @property
    def calls(self) -> list[Calls]:
        """The calls of each target that were seen, by name."""
        return sorted((c for c in self.known.values() if not c.skipped), key=lambda c: c.name)

    @property
    def unreached(self) -> list[str]:
        """Those of the package that were imported, here or by a worker, and not called."""
        if not self.package:
            return []
        operators = torch._library.custom_ops.OPDEFS.values()
        found = [*_subclasses(torch.autograd.Function), *map(_packet, operators)]
        names = {target_name(target) for target in found if self._is_wanted(target)}
        return sorted((names | self.elsewhere) - {calls.name for calls in self.calls})

    def start(self) -> None:
        """Begin to see what is called."""
        watch_torch_functions(self.see)
        watch_operators(self.see_operator)

    def stop(self) -> None:
        """See no more."""
        watch_torch_functions(None)
        watch_operators(None)

    def see(
        self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[], None] | None:
        """Look at a call before it is made, and keep it if it shows something new.

        Returns:
            What forgets it again, if it was kept.
        """
        calls = self.known.get(target)
        if calls is None:
            calls = self._met(target)
        calls.count += 1
        if calls.skipped:
            return None
        if calls.test is not self.test:
            calls.test, calls.streak = self.test, 0
        elif calls.streak >= _PATIENCE and calls.count & 15:
            return None
        with suppress(Exception):  # the test must not notice anything, however odd a call is
            key = signature(args, kwargs)
            if calls.tries.get(key, 0) < _TRIES and len(calls.kept.get(key, ())) < self.limit:
                return self._keep(calls, key, args, kwargs)
        calls.streak += 1
        return None

    def see_operator(
        self, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[], None] | None:
        """The same for an operator of torch.library's, whichever overload is called."""
        if isinstance(operator, torch._ops.OpOverload):
            operator = operator.overloadpacket
        return self.see(operator, args, kwargs)

    def named(self, name: str, target: Any) -> Calls:
        """What is known of the calls of a target that another process met."""
        return self.known.setdefault(target, Calls(target, name))

    def _met(self, target: Any) -> Calls:
        name = target_name(target)
        calls = Calls(target, name, skipped=not self._is_wanted(target))
        if not calls.skipped:
            self._names[name] = number = self._names.get(name, 0) + 1
            calls.skipped = number > _NAMESAKES
        self.known[target] = calls
        return calls

    def _is_wanted(self, target: Any) -> bool:
        places = [target.__module__] if is_function(target) else _places(target)
        if not self.package:
            return all(place.partition(".")[0] not in _TORCHS_OWN for place in places)
        return any(f"{place}.".startswith(f"{self.package}.") for place in places)

    def _keep(
        self, calls: Calls, key: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Callable[[], None] | None:
        if not _is_plain_run():
            return None
        calls.tries[key] = calls.tries.get(key, 0) + 1
        try:
            with torch._C.DisableTorchFunction():
                recording = recorded(args, kwargs, self.test)
        except CannotCopyError as error:
            calls.refused.setdefault(str(error), self.test)
            return None
        if not calls.keep(key, recording, self.limit):
            calls.streak += 1
            return None
        calls.streak = 0
        return partial(calls.forget, key, recording)


def _packet(definition: Any) -> Any:
    """The operator that a definition of torch.library's makes."""
    return definition._opoverload.overloadpacket


def _places(operator: Any) -> list[str]:
    """The namespace of a custom op, and the modules of its functions in Python, if it has any."""
    name = str(operator._qualified_op_name)
    namespace = name.partition("::")[0]
    places = ["torch" if namespace in _TORCHS_NAMESPACES else namespace]
    defined = definition_of(operator)
    if defined is not operator:
        return [*places, source_of(defined).__module__]
    entry = torch._library.simple_registry.singleton._data.get(name)
    fake = None if entry is None else entry.fake_impl.kernel
    return places if fake is None else [*places, *_modules_of(fake.source.rpartition(":")[0])]


def _modules_of(file: str) -> list[str]:
    modules = list(sys.modules.items())
    return [name for name, module in modules if getattr(module, "__file__", None) == file]


def _subclasses(function: type[Any]) -> Iterator[type[Any]]:
    for subclass in function.__subclasses__():
        if issubclass(subclass, torch.autograd.Function):  # not what it makes for its node
            yield subclass
            yield from _subclasses(subclass)


def defined_in(target: Any) -> str:
    """The module that defines a Function or a custom op."""
    return str(target.__module__ if is_function(target) else _places(target)[-1])


#: Of torch's own operators.
_TORCHS_NAMESPACES = frozenset(
    {"_c10d_functional", "_c10d_functional_autograd", "_dtensor", "_native", "_quantized", "_test"}
    | {"aten", "c10d", "debug_mode_ops", "debugprims", "export", "fsdp", "inductor"}
    | {"inductor_prims", "mkl", "mkldnn", "mkldnn_prepacked", "onednn", "onnx", "prim", "prims"}
    | {"profiler", "quantization", "quantized", "rngprims", "sparse", "static_runtime"}
    | {"streams", "symm_mem", "torch_attn"}
)


def _is_plain_run() -> bool:
    """Whether tensors have values now: nothing is traced or transformed, and no mode is on."""
    return not (
        torch.compiler.is_compiling()
        or torch._C._are_functorch_transforms_active()
        or torch._C._len_torch_dispatch_stack()
        or torch._C._get_tracing_state() is not None
        or (torch.cuda._initialized and torch.cuda.is_current_stream_capturing())
    )
