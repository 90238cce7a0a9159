"""Targets: torch's Functions, custom ops and functions, named by place; their samples files.

``package.module:Name`` and ``path/to/file.py:Name`` name one, ``package:`` and
``path/to/file.py`` every torch.autograd.Function there, and every plugrad.Function with samples.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from contextlib import suppress
from functools import reduce
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import torch

from plugrad.core.function import Function
from plugrad.errors import ArgumentError, SamplesFileError, UnknownTargetError
from plugrad.plugins.messages import did_you_mean
from plugrad.plugins.selection import project_table
from plugrad.testing.engine import Engine
from plugrad.testing.op_under_test import OpUnderTest
from plugrad.testing.place import place_of, source_of
from plugrad.testing.torch_target import (
    TorchTarget,
    definition_of,
    is_torch_target,
    of_apply,
    resolves,
    target_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

#: The file with a package's samples, beside the package or where the command is run.
SAMPLES_FILE = "plugrad_samples.py"
_FIX = "write package.module:Name, path/to/file.py:Name, or package: for all of a package"


def is_target_text(text: str) -> bool:
    """Whether it says where a target is, and is not the name of an op or of a pack's ops."""
    return text.endswith(".py") or ":" in text.replace("::", "")


def find_target(
    text: str, told: Mapping[str, Any], seed: int = 0, device: str = "cpu"
) -> OpUnderTest:
    """The one target that ``text`` names.

    Args:
        text: ``package.module:Name`` or ``path/to/file.py:Name``.
        told: as for ``check_op``; the rest is looked up in the samples file.
        seed: the seed for the samples and everything that the laws draw.
        device: the device of the samples' tensors.

    Raises:
        UnknownTargetError: there is no such module, file or name, or it can't be imported.
        SamplesFileError: the samples file can't be read.
        TargetError: it cannot be checked.
    """
    found = [*find_targets(text, told, seed, device)]
    if len(found) != 1:
        raise UnknownTargetError(
            f"{text!r} leads to {len(found)} targets",
            where="the target of a check",
            fix="name one: " + ", ".join(op.name for op in found[:5]) if found else _FIX,
        )
    return found[0]


def find_targets(
    text: str, told: Mapping[str, Any], seed: int = 0, device: str = "cpu"
) -> Iterator[OpUnderTest]:
    """The target that ``text`` names, or all Functions of a package or file.

    The other arguments and what is raised are as for ``find_target``.
    """
    place, _, name = text.partition(":") if not text.endswith(".py") else (text, "", "")
    module = _module(place)
    samples_file = told.get("samples_file")
    told = {key: value for key, value in told.items() if key != "samples_file"}
    known = _samples_of(module, samples_file)
    if name:
        target = _attribute(module, name, place)
        yield _ready(target, f"{place}:{name}", text, known, told, seed, device)
        return
    functions = list(_functions(module, known))
    if not functions:
        raise UnknownTargetError(
            f"{place} defines neither a torch.autograd.Function nor a plugrad.Function with "
            "samples",
            where="the target of a check",
            fix=f"give its plugrad.Functions samples, or name a function on tensors in it: "
            f"{place}:function",
        )
    for function in functions:
        inside, _, path = _name_of(function).partition(":")
        own = f"{place if place.endswith('.py') else inside}:{path}"
        yield _ready(function, own, own, known, told, seed, device)


def find_object(text: str) -> Any:
    """What ``package.module:Name`` or ``path/to/file.py:Name`` names, whatever it is.

    Raises:
        UnknownTargetError: there is no such module, file or name, or it can't be imported.
    """
    place, _, name = text.partition(":")
    return _attribute(_module(place), name, place)


def described_target(
    target: Any, told: Mapping[str, Any], seed: int = 0, device: str = "cpu"
) -> TorchTarget:
    """A target given as an object, with the given facts or those of its samples file."""
    target = of_apply(target)
    name, defined = target_name(target), definition_of(target)
    place = place_of(defined)
    found = dict(told)
    if "samples" not in told:
        module = sys.modules.get(
            getattr(source_of(defined), "__module__", None) or name.partition(":")[0]
        )
        known = {} if module is None else _samples_of(module, None)
        found = {**_told_in(known, place), **_told_in(known, name), **told}
    # A command would not know the samples that were passed.
    place = "" if "samples" in told else place
    if "samples" not in told and name.startswith("torch.ops:aten.") and resolves(name, target):
        place = name  # which a new process knows without an import
    command = f"plugrad check {quote(place)}" if place else ""
    return _target(target, found, name, command, seed, device)


def target_of_engine(
    function: Any, told: Mapping[str, Any], engine: Engine, seed: int = 0, device: str = "cpu"
) -> TorchTarget:
    """A function that another engine than plugrad's and torch's differentiates.

    Raises:
        ArgumentError: it has no samples, or the engine is not an Engine.
    """
    if not isinstance(engine, Engine) or "samples" not in told:
        raise ArgumentError(
            "an engine of one's own needs samples="
            if isinstance(engine, Engine)
            else f"{engine!r} is not an Engine",
            where=f"the check of {function!r}",
            fix="pass engine=MyEngine(), where MyEngine is a subclass of plugrad.testing.Engine, "
            "and samples=, as for a torch target",
        )
    declared = {k: v for k, v in told.items() if k not in ("samples", "reference")}
    return TorchTarget(
        function,
        told["samples"],
        name=getattr(function, "__name__", ""),
        reference=told.get("reference"),
        declared=declared,
        seed=seed,
        device=device,
        engine=engine,
    )


def _ready(
    target: Any,
    name: str,
    text: str,
    known: Mapping[str, Any],
    told: Mapping[str, Any],
    seed: int,
    device: str,
) -> OpUnderTest:
    if isinstance(target, type) and issubclass(target, Function):
        op = OpUnderTest.of(target, seed, device)
        op.found_by = text
        return op
    return _target(
        target, {**_told_in(known, name), **told}, name, f"plugrad check {text}", seed, device
    )


def _target(
    target: Any, told: Mapping[str, Any], name: str, command: str, seed: int, device: str
) -> TorchTarget:
    declared = {k: v for k, v in told.items() if k not in ("samples", "reference")}
    return TorchTarget(
        target,
        told.get("samples"),
        name=name,
        command=command,
        reference=told.get("reference"),
        declared=declared,
        seed=seed,
        device=device,
    )


# --- finding -------------------------------------------------------------------------


def _module(place: str) -> ModuleType:
    return _from_file(place) if place.endswith(".py") else _import(place)


def _import(name: str) -> ModuleType:
    here = str(Path.cwd())
    added = here not in sys.path and "" not in sys.path
    if added:  # as python -m has it
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        missing = isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")
        problem = f"there is no module {name!r}" if missing else f"{name} cannot be imported"
        raise UnknownTargetError(
            f"{problem}: {type(error).__name__}: {error}",
            where="the target of a check",
            fix=f"install it here, or run the command where it is; {_FIX}",
        ) from error
    finally:
        if added:
            with suppress(ValueError):
                sys.path.remove(here)


def _from_file(path: str) -> ModuleType:
    file = Path(path).resolve()
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == str(file):
            return module
    if not file.is_file():
        raise UnknownTargetError(
            f"there is no file {path}", where="the target of a check", fix=_FIX
        )
    name = file.stem if file.stem not in sys.modules else f"plugrad_target_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(file.parent))  # what it imports beside it
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise UnknownTargetError(
            f"{path} cannot be imported: {type(error).__name__}: {error}",
            where="the target of a check",
            fix=f"make `python {path}` run without an error",
        ) from error
    finally:
        with suppress(ValueError):
            sys.path.remove(str(file.parent))
    return module


def _attribute(module: ModuleType, name: str, place: str) -> Any:
    try:
        return reduce(getattr, name.split("."), module)
    except AttributeError as error:
        names = [key for key, value in vars(module).items() if is_torch_target(value)]
        fix = f"{did_you_mean(name, names)}{_FIX}"
        if place == "torch.ops":
            fix = (
                "write package.module:name, where it is defined, or --samples with a file that "
                "imports that module"
            )
        raise UnknownTargetError(
            f"{place} has no {name!r}", where="the target of a check", fix=fix
        ) from error


def _functions(module: ModuleType, known: Mapping[str, Any]) -> Iterator[Any]:
    """The Functions of a module and of those below it, each once, by name.

    torch's Functions, and those of plugrad that have samples: one without is part of another op.
    So are custom ops without samples.
    """
    found: dict[str, Any] = {}
    parts = {part.__name__: part for part in _modules(module)}
    for function in (*_below(torch.autograd.Function), *_below(Function)):
        part = parts.get(function.__module__)
        name = f"{function.__module__}:{function.__qualname__}"
        # One of an earlier module of this name is not meant.
        if part is not None and _is_whole(function) and resolves(name, function):
            found[name] = function
    for definition in torch._library.custom_ops.OPDEFS.values():
        name = _name_of(definition)
        part = parts.get(name.partition(":")[0])
        if part is not None and resolves(name, definition) and _told_in(known, name):
            found[name] = definition
    return (found[name] for name in sorted(found))


def _name_of(target: Any) -> str:
    source = source_of(target)
    return f"{source.__module__}:{source.__qualname__}"


def _is_whole(function: type[Any]) -> bool:
    if issubclass(function, Function):
        return function.forward is not Function.forward and function.samples is not Function.samples
    return function.forward is not torch.autograd.Function.forward


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for function in kind.__subclasses__():
        yield function
        yield from _below(function)


def _modules(module: ModuleType) -> Iterator[ModuleType]:
    """A module and all below it; those that cannot be imported are reported and left out."""
    yield module
    for info in pkgutil.walk_packages(
        getattr(module, "__path__", ()), f"{module.__name__}.", lambda _: None
    ):
        part = _imported(info.name)
        if part is not None:
            yield part


def _imported(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        FAILED_IMPORTS[name] = f"{type(error).__name__}: {error}"
        return None


#: The modules of packages that could not be imported, and why.
FAILED_IMPORTS: dict[str, str] = {}


# --- samples files -------------------------------------------------------------------


def _samples_of(module: ModuleType, given: str | None) -> dict[str, Any]:
    """``SAMPLES`` of the module itself and of its samples file, which takes precedence."""
    known = dict(getattr(module, "SAMPLES", None) or {})
    for path in [Path(given)] if given else _samples_files(module):
        if given or path.is_file():
            known.update(_read(path))
            break
    return known


def _samples_files(module: ModuleType) -> Iterator[Path]:
    """Where a samples file may be: as pyproject.toml says, here, or beside the package."""
    configured = _configured()
    if configured is not None:
        yield configured
    yield Path(SAMPLES_FILE)
    top = sys.modules.get(module.__name__.partition(".")[0], module)
    file = getattr(top, "__file__", None)
    if file is not None:
        folder = Path(file).parent
        yield (folder.parent if hasattr(top, "__path__") else folder) / SAMPLES_FILE


def _configured() -> Path | None:
    """``samples`` of ``[tool.plugrad]``, a path from the pyproject.toml that has it."""
    project, table = project_table()
    said = table.get("samples")
    return None if project is None or not isinstance(said, str) else project.parent / said


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise SamplesFileError(
            f"there is no file {path}",
            where="the samples of a check",
            fix="give the path of a Python file with SAMPLES = {'package.module:Name': samples}",
        )
    try:
        return dict(_from_file(str(path)).SAMPLES)
    except Exception as error:
        cause = error.__cause__ or error
        raise SamplesFileError(
            f"{path} gives no SAMPLES: {type(cause).__name__}: {cause}",
            where="the samples of a check",
            fix="define SAMPLES = {'package.module:Name': samples} in it, where samples is what "
            "check_op(samples=) takes, or a dict of check_op's arguments",
        ) from error


def _told_in(known: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a samples file says about the target of this name, as arguments of check_op."""
    short = name.partition(":")[2]
    said = known.get(name, known.get(short))
    if said is None:
        return {}
    return dict(said) if isinstance(said, dict) else {"samples": said}
