"""plugrad: an op registry and autograd engine over torch tensors, open to plugins."""

from __future__ import annotations

import gc
import importlib
from typing import TYPE_CHECKING

# Importing makes many objects and little garbage, and full collections look at all of them, torch's
# too: they were a third of the time that we add to torch's import.
_collects = gc.isenabled()
gc.disable()
try:
    # First of all, and here: imported from our own modules, torch takes 60 to 80 ms longer.
    import torch

    from plugrad import errors, functional, interop
    from plugrad.core import (
        Composite,
        Context,
        Elementwise,
        Function,
        Parameter,
        Sample,
        SampleMaker,
        Variable,
        conj,
        graph,
        once_differentiable,
        op,
        surrogate,
    )
    from plugrad.core.checkpoint import checkpoint, checkpoint_sequential
    from plugrad.core.engine import backward
    from plugrad.core.grad_mode import (
        enable_grad,
        inference_mode,
        is_grad_enabled,
        is_inference_mode_enabled,
        no_grad,
        set_grad_enabled,
    )
    from plugrad.core.variable import _rebuild_leaf
    from plugrad.functional import grad
    from plugrad.interop import adopt_torch_functions, detect_anomaly, set_detect_anomaly
    from plugrad.plugins.default import packs, registry
    from plugrad.plugins.hooks import hookimpl
    from plugrad.plugins.namespace import Namespace
finally:
    if _collects:
        if not gc.get_freeze_count():  # they belong to the program: leave them as they are
            gc.freeze()  # these two make all objects old ones without looking at them
            gc.unfreeze()
        gc.enable()

if TYPE_CHECKING:
    from typing import Any

    from plugrad import forward_ad, func, testing
    from plugrad.drawing import draw
    from plugrad.profiling import profile

__version__ = "0.1.0"

#: The registered ops as functions: ``plugrad.ops.sin(x)``, ``plugrad.ops.linalg.norm(x)``.
ops = Namespace(registry)

# So that torch.load reads saved Variables under weights_only, which is its default.
torch.serialization.add_safe_globals([Variable, Parameter, _rebuild_leaf])


#: Imported only when they are used: modules, and what is in one.
_LAZY = ("forward_ad", "func", "testing")
_LAZY_FROM = {"draw": "drawing", "profile": "profiling"}


def __dir__() -> list[str]:
    """The public names, which TAB completes."""
    return [*__all__, "__version__"]


def __getattr__(name: str) -> Any:
    """``plugrad.func`` and the others that are imported only when they are used."""
    if name in _LAZY:
        return importlib.import_module(f"plugrad.{name}")
    if name in _LAZY_FROM:
        return getattr(importlib.import_module(f"plugrad.{_LAZY_FROM[name]}"), name)
    what = f"module 'plugrad' has no attribute {name!r}"
    if name.startswith("_") or not callable(getattr(torch, name, None)):
        raise AttributeError(what)
    raise errors.UnknownOpError(
        what, fix=f"call torch.{name}, which takes Variables; pg.Variable(tensor) makes one"
    )


__all__ = [
    "Composite",
    "Context",
    "Elementwise",
    "Function",
    "Parameter",
    "Sample",
    "SampleMaker",
    "Variable",
    "adopt_torch_functions",
    "backward",
    "checkpoint",
    "checkpoint_sequential",
    "conj",
    "detect_anomaly",
    "draw",
    "enable_grad",
    "errors",
    "forward_ad",
    "func",
    "functional",
    "grad",
    "graph",
    "hookimpl",
    "inference_mode",
    "interop",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "once_differentiable",
    "op",
    "ops",
    "packs",
    "profile",
    "registry",
    "set_detect_anomaly",
    "set_grad_enabled",
    "surrogate",
    "testing",
]
