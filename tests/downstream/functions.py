"""The torch.autograd.Functions of a package: all modules are imported, all subclasses taken."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import pkgutil
import warnings
from collections.abc import Iterator

import torch

# What torchvision's own kernels would declare.
_TORCHVISION = ("nms", "qnms")
_SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"


def import_all(package: str) -> dict[str, str]:
    """Import a package and every module below it; returns those that fail, with the reason."""
    failed: dict[str, str] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        let_torchvision_be_imported()
        for name in _modules(package):
            problem = _problem_of_importing(name)
            if problem:
                failed[name] = problem
    return failed


def _problem_of_importing(name: str) -> str:
    """Empty if there is none."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may well call sys.exit
        first = (str(error).strip() or "no message").splitlines()[0]
        return f"{type(error).__name__}: {first}"
    return ""


def _modules(package: str) -> Iterator[str]:
    yield package
    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, f"{package}.", onerror=lambda _: None):
        if not module.name.endswith("__main__"):
            yield module.name


def functions_of(package: str) -> dict[str, type]:
    """What has been imported of a package, by ``module:qualified.name``; nested classes too."""
    return {
        f"{cls.__module__}:{cls.__qualname__}": cls
        for cls in _subclasses(torch.autograd.Function)
        if cls.__module__.partition(".")[0] == package
    }


def _subclasses(cls: type) -> Iterator[type]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def let_torchvision_be_imported() -> None:
    """Declare torchvision's kernels where they cannot be loaded.

    The torchvision of PyPI is built for CUDA. Beside a CPU build of torch its library does not
    load, and importing it fails at the first kernel that is missing, though nobody here calls one.
    """
    if importlib.util.find_spec("torchvision") is None:
        return
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in _TORCHVISION:
            torch.library.define(f"torchvision::{name}", _SIGNATURE)
        importlib.import_module("torchvision")
