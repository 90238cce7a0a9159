"""The other engines: where they are imported, and what stands for one that is not there."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HIPS = "HIPS autograd"
MYGRAD = "MyGrad"
JAX = "JAX eager"
_PACKAGES = {HIPS: "autograd", MYGRAD: "mygrad", JAX: "jax"}


def skipped() -> dict[str, str]:
    """Return the peers that are not installed, and how to install each."""
    return {
        peer: f"not installed: pip install {package}"
        for peer, package in _PACKAGES.items()
        if find_spec(package) is None
    }


def installed(contenders: dict[str, Callable[[], Any]]) -> dict[str, Any]:
    """Call each contender's maker, but not those of peers that are missing."""
    missing = skipped()
    return {name: make() for name, make in contenders.items() if name not in missing}


def hips() -> Any:
    """Return HIPS autograd: ``np`` and ``make_vjp``."""
    return SimpleNamespace(
        np=import_module("autograd.numpy"), make_vjp=import_module("autograd").make_vjp
    )


def mygrad() -> Any:
    """Return MyGrad."""
    return import_module("mygrad")


def jax() -> Any:
    """Return JAX on the CPU: ``np``, ``vjp`` and ``wait``."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    module = import_module("jax")
    return SimpleNamespace(
        np=import_module("jax.numpy"), vjp=module.vjp, wait=module.block_until_ready
    )
