"""The engines that each statement is put to: torch's autograd, and plugrad under two spellings.

A test takes the fixture ``engine`` and asserts right values: the run on torch proves the test.
"""

from __future__ import annotations

import contextlib
import re
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.autograd.forward_ad
import torch.utils.checkpoint

import plugrad as pg
from plugrad import errors
from plugrad.tests.installed import since

#: For statements that an older torch does not keep.
newer_torch = since("2.13", "torch did otherwise")
#: Whether torch.autograd.backward asks a Variable what to do: that of torch 2.6 fails.
BACKWARD_ASKS = "has_torch_function" in torch.autograd.backward.__code__.co_names

#: What plugrad raises for a name that it does not have: never the refusal that is asked for.
MISSING = (errors.UnknownOpError, errors.UnknownTorchFunctionError)


class TorchEngine:
    """torch on tensors: the oracle."""

    name = "torch"
    #: Whether Variables are what is differentiated.
    ours = False

    Function = torch.autograd.Function
    grad = staticmethod(torch.autograd.grad)
    backward = staticmethod(torch.autograd.backward)
    no_grad = torch.no_grad
    enable_grad = torch.enable_grad
    set_grad_enabled = torch.set_grad_enabled
    is_grad_enabled = staticmethod(torch.is_grad_enabled)
    inference_mode = torch.inference_mode
    detect_anomaly = torch.autograd.detect_anomaly
    set_detect_anomaly = torch.autograd.set_detect_anomaly
    graph: Any = torch.autograd.graph
    forward_ad: Any = torch.autograd.forward_ad
    checkpoint = staticmethod(torch.utils.checkpoint.checkpoint)
    checkpoint_sequential = staticmethod(torch.utils.checkpoint.checkpoint_sequential)
    once_differentiable = staticmethod(torch.autograd.function.once_differentiable)

    def leaf(self, data: Any, dtype: torch.dtype = torch.float64) -> Any:
        """A new leaf that requires grad."""
        return torch.tensor(data, dtype=dtype, requires_grad=True)

    def tensor(self, data: Any, dtype: torch.dtype | None = None) -> Any:
        """A new leaf that does not require grad; of float64 if ``data`` has floats."""
        return _tensor(data, dtype)

    @contextlib.contextmanager
    def raises(self, kind: Any, says: str = "") -> Iterator[Any]:
        """Expect an error of torch's ``kind``; ``says`` is a pattern of torch's words."""
        with pytest.raises(kind, match=says or None) as caught:
            yield caught


class PlugradEngine(TorchEngine):
    """plugrad under its own names."""

    name = "plugrad"
    ours = True

    Function = pg.Function  # type: ignore[assignment]
    grad = staticmethod(pg.grad)
    backward = staticmethod(pg.backward)
    no_grad = pg.no_grad
    enable_grad = pg.enable_grad
    set_grad_enabled = pg.set_grad_enabled
    is_grad_enabled = staticmethod(pg.is_grad_enabled)
    once_differentiable = staticmethod(pg.once_differentiable)
    inference_mode = property(lambda self: pg.inference_mode)  # type: ignore[assignment]
    detect_anomaly = property(lambda self: pg.detect_anomaly)  # type: ignore[assignment]
    set_detect_anomaly = property(lambda self: pg.set_detect_anomaly)  # type: ignore[assignment]
    graph = property(lambda self: pg.graph)
    forward_ad = property(lambda self: pg.forward_ad)
    checkpoint = property(lambda self: pg.checkpoint)  # type: ignore[assignment]
    checkpoint_sequential = property(lambda self: pg.checkpoint_sequential)  # type: ignore[assignment]

    def leaf(self, data: Any, dtype: torch.dtype = torch.float64) -> Any:
        return pg.Variable(torch.tensor(data, dtype=dtype), requires_grad=True)

    def tensor(self, data: Any, dtype: torch.dtype | None = None) -> Any:
        return pg.Variable(_tensor(data, dtype))

    @contextlib.contextmanager
    def raises(self, kind: Any, says: str = "") -> Iterator[Any]:
        """Expect an error of plugrad's that is also a ``kind``, with torch's words and a fix."""
        with pytest.raises(kind, match="fix:") as caught:
            yield caught
        _is_the_refusal(caught.value, says)
        assert re.search(says, str(caught.value)), "it lacks torch's words"


class TorchNamesEngine(PlugradEngine):
    """Variables under torch's names: what a torch program that meets Variables calls."""

    name = "torch-names"

    Function = torch.autograd.Function  # type: ignore[assignment]
    grad = staticmethod(torch.autograd.grad)
    backward = staticmethod(torch.autograd.backward if BACKWARD_ASKS else pg.backward)
    no_grad = torch.no_grad
    enable_grad = torch.enable_grad
    set_grad_enabled = torch.set_grad_enabled
    is_grad_enabled = staticmethod(torch.is_grad_enabled)
    inference_mode = torch.inference_mode
    detect_anomaly = torch.autograd.detect_anomaly
    set_detect_anomaly = torch.autograd.set_detect_anomaly
    checkpoint = staticmethod(torch.utils.checkpoint.checkpoint)
    checkpoint_sequential = staticmethod(torch.utils.checkpoint.checkpoint_sequential)
    once_differentiable = staticmethod(torch.autograd.function.once_differentiable)

    @contextlib.contextmanager
    def raises(self, kind: Any, says: str = "") -> Iterator[Any]:
        """Expect an error of plugrad's, or torch's own words where torch looks first."""
        with pytest.raises(kind, match=says or None) as caught:
            yield caught
        _is_the_refusal(caught.value, says)

    @property
    def graph(self) -> Any:
        """torch's context managers; what is asked about nodes has plugrad's names."""
        theirs = torch.autograd.graph
        return types.SimpleNamespace(
            Node=pg.graph.Node,
            GradientEdge=pg.graph.GradientEdge,
            get_gradient_edge=pg.graph.get_gradient_edge,
            increment_version=pg.graph.increment_version,
            register_multi_grad_hook=pg.graph.register_multi_grad_hook,
            saved_tensors_hooks=theirs.saved_tensors_hooks,
            save_on_cpu=theirs.save_on_cpu,
            disable_saved_tensors_hooks=theirs.disable_saved_tensors_hooks,
            allow_mutation_on_saved_tensors=theirs.allow_mutation_on_saved_tensors,
        )


def _is_the_refusal(error: BaseException, says: str) -> None:
    assert not isinstance(error, MISSING), f"refused because it is not there: {error}"
    lost = isinstance(error, errors.NoGraphError) and "require" not in says
    assert not lost, f"refused because the graph was lost: {error}"


TORCH, PLUGRAD, TORCH_NAMES = TorchEngine(), PlugradEngine(), TorchNamesEngine()


def _tensor(data: Any, dtype: torch.dtype | None) -> torch.Tensor:
    tensor = torch.tensor(data, dtype=dtype)
    return tensor.double() if dtype is None and tensor.dtype is torch.float32 else tensor


def raw(x: Any) -> torch.Tensor:
    """The numbers of a tensor or Variable, as a tensor without a graph."""
    return x.data if isinstance(x, pg.Variable) else x.detach()


def values(x: Any) -> Any:
    """The numbers of a tensor or Variable as nested lists; None for None."""
    return None if x is None else raw(x).tolist()


def close(x: Any, expected: Any) -> None:
    """Assert that the numbers of ``x`` are those expected, to float64's last digits."""
    x = raw(x)
    expected = (
        raw(expected) if hasattr(expected, "dtype") else torch.tensor(expected, dtype=x.dtype)
    )
    torch.testing.assert_close(x, expected, rtol=1e-12, atol=1e-12)


def accumulator(x: Any) -> Any:
    """The AccumulateGrad node of a leaf: where a view of it leads."""
    return x.view_as(x).grad_fn.next_functions[0][0]


def failing(engine: Any, error: Exception | None = None) -> Any:
    """A Function whose backward raises ``error``, by default an ArithmeticError."""
    error = ArithmeticError("on purpose") if error is None else error

    class Fails(engine.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            raise error

    return Fails


def report(call: Callable[[], Any]) -> tuple[BaseException | None, str]:
    """The error of ``call``, if any, and all that was said: message, notes, causes, warnings."""
    error: BaseException | None = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call()
        except Exception as raised:
            error = raised
    said = [str(warning.message) for warning in caught]
    cause = error
    while cause is not None:
        said += [str(cause), *getattr(cause, "__notes__", ())]
        cause = cause.__cause__ or cause.__context__
    return error, "\n".join(said)
