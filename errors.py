"""Every exception plugrad raises: what happened, where, and ``fix:`` what to do.

Each class also derives from the builtin exception that a caller would catch for
that kind of mistake, so ``except RuntimeError`` written for torch still works.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.autograd.gradcheck import GradcheckError as _TorchGradcheckError
else:  # the command line starts without torch, and checks no gradients then
    _torchs = sys.modules.get("torch.autograd.gradcheck")
    _TorchGradcheckError = getattr(_torchs, "GradcheckError", RuntimeError)


class PlugradError(Exception):
    """Base of all errors: ``what`` happened, ``where`` (may be empty), and a ``fix``.

    Packages that add to a message make a new error of it alone, ``type(error)(message)``: then
    it is all in ``what``.
    """

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        lines = [what, f"  where: {where}" if where else "", f"  fix: {fix}" if fix else ""]
        super().__init__("\n".join(line for line in lines if line))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.fix))


def _rebuild(kind: type[PlugradError], what: str, where: str, fix: str) -> PlugradError:
    return kind(what, where=where, fix=fix)


# --- making a Variable ---------------------------------------------------------------


class DataTypeError(PlugradError, TypeError):
    """A Variable was made from something that is not a tensor, an array or a number."""


class DataLayoutError(PlugradError, RuntimeError):
    """The data of a Variable was set to another kind of tensor: sparse instead of dense, ..."""


class NotDifferentiableError(PlugradError, RuntimeError):
    """``requires_grad=True`` was set on something that cannot have a gradient, such as integers."""


class LeafError(PlugradError, RuntimeError):
    """An operation that only a leaf allows was asked of a non-leaf, or the other way round."""


class DetachError(PlugradError, RuntimeError):
    """A Variable would have lost its graph without being asked to."""


class TorchGraphError(PlugradError, RuntimeError):
    """A torch tensor that requires grad was mixed with Variables: its gradient would be lost."""


class ConversionError(PlugradError, RuntimeError, BufferError, TypeError):
    """A Variable cannot become the tensor, Python or NumPy value that was asked for."""


# --- running backward ----------------------------------------------------------------


class BackwardError(PlugradError, RuntimeError):
    """Base of the errors raised while gradients are computed."""


class NoGraphError(BackwardError):
    """backward was called on something that does not require grad."""


class NonScalarRootError(BackwardError):
    """backward was called without a gradient on an output of more than one element."""


class GraphFreedError(BackwardError):
    """A second backward went through saved tensors that the first one freed."""


class SavedTensorChangedError(BackwardError):
    """A saved tensor was changed in place between forward and backward."""


class SavedIntermediateError(BackwardError):
    """A second derivative needs a saved tensor that is neither an input nor an output."""


class GradientCountError(BackwardError):
    """An op's backward returned a wrong number of gradients."""


class GradientTypeError(BackwardError, TypeError):
    """A gradient is not a tensor."""


class GradientShapeError(BackwardError, ValueError):
    """A gradient does not have the shape of the value it belongs to."""


class GradientDtypeError(BackwardError, TypeError):
    """A gradient does not have the dtype of the value it belongs to."""


class GradientDeviceError(BackwardError, ValueError):
    """A gradient is not on the device of the value it belongs to."""


class HookError(BackwardError, TypeError, ValueError):
    """A hook is not callable, or it returned something that does not fit."""


class AnomalyError(BackwardError):
    """In anomaly mode, a rule returned nan."""


class NestedBackwardError(BackwardError):
    """A backward inside a rule would cut the second derivative that is being recorded."""


class CheckpointError(BackwardError):
    """A checkpointed function computed something else on its second run."""


class GradArgumentError(BackwardError, ValueError):
    """``grad`` was called with arguments that do not go together, or without inputs."""


class CheckpointArgumentError(CheckpointError, ValueError):
    """``checkpoint`` was called with an option that it does not have."""


class UnusedInputError(BackwardError):
    """An input of ``grad`` was not used in the graph of its outputs."""


class OnceDifferentiableError(BackwardError):
    """A second derivative went through a ``once_differentiable`` backward."""


# --- transforms of functions ---------------------------------------------------------


class TransformError(PlugradError, RuntimeError):
    """A transform (``pg.func``, ``pg.functional``) was given something it cannot differentiate."""


class TransformTypeError(TransformError, TypeError):
    """A transform was given, or its function returned, something that is not a tensor."""


class VmapError(TransformError, ValueError):
    """``vmap`` was called with arguments that do not fit, or its function cannot be mapped."""


class ForwardModeError(TransformError, ValueError):
    """Forward mode was used outside a level, or met an op without a forward derivative."""


# --- drawing a graph -----------------------------------------------------------------


class DrawingError(PlugradError, TypeError, ValueError):
    """``pg.draw`` was given something that cannot be drawn."""


class DrawingFileError(PlugradError, ValueError, OSError):
    """A Drawing cannot be saved as asked: an unknown suffix, or Graphviz is missing."""


# --- writing and calling an op -------------------------------------------------------


class OpDefinitionError(PlugradError, TypeError):
    """An op's class does not keep the contract of Function."""


class MissingMethodError(OpDefinitionError, NotImplementedError):
    """An op was called whose class lacks forward, or differentiated and lacks backward."""


class ContextError(PlugradError, RuntimeError, TypeError):
    """An op's forward used its context in a way that would lose a gradient."""


class ArgumentError(PlugradError, TypeError, RuntimeError):
    """An op was called with arguments that its forward does not take.

    For some of them torch raises TypeError, for others RuntimeError.
    """


class OutArgumentError(ArgumentError):
    """An op was called with ``out=``, a tensor to write its result into."""


class HiddenVariableError(PlugradError, TypeError):
    """A Variable was passed inside a container that the graph does not look into."""


class InplaceError(PlugradError, RuntimeError):
    """An in-place change that the graph cannot represent."""


# --- finding ops ---------------------------------------------------------------------


class UnknownOpError(PlugradError, AttributeError):
    """No op has the name that was asked for."""


class UnknownTorchFunctionError(PlugradError, NotImplementedError):
    """A torch callable met a Variable and no op stands for it."""


class MissingPrimitiveError(UnknownTorchFunctionError):
    """A torch function without an op calls a primitive that has no op either."""


class SchemaError(PlugradError, TypeError):
    """An op cannot be an operator of torch's dispatcher."""


class UnknownPackError(PlugradError, ValueError):
    """No registered op comes from the pack that was asked for."""


class DuplicateOpError(PlugradError, ValueError):
    """Two ops claim one name, method or torch callable."""


class AmbiguousOpError(PlugradError, AttributeError):
    """Two packs claim the name that was asked for."""


class MissingOpError(PlugradError, ImportError):
    """A pickle holds an op whose package cannot be imported here."""


# --- modules -------------------------------------------------------------------------


class ModuleError(PlugradError, TypeError, RuntimeError):
    """A module, or a parameter of one, that cannot be put on Variables as it is."""


class ConvertedParameterError(PlugradError, RuntimeError):
    """A torch Parameter was used while a Variable is in its place in the module."""


# --- packs ---------------------------------------------------------------------------


class PackError(PlugradError, ImportError):
    """Base of the errors that set a pack aside, or that are raised where such a pack is needed."""


class PackDefinitionError(PackError):
    """A pack's entry point or hooks are not what plugrad expects."""


class PackVersionError(PackError):
    """A pack was written for a version of the pack API that this plugrad does not have."""


class DuplicatePackError(PackError):
    """Two distributions have a pack with the same name."""


class PackSelectionError(PlugradError, ValueError):
    """The selection of packs is not understood, or comes too late."""


class PackWarning(UserWarning):
    """Something is wrong with a pack; plugrad and the other packs work without it."""


# --- checking ops --------------------------------------------------------------------


class TargetError(PlugradError, TypeError):
    """The target cannot be checked, or its samples are not samples."""


class UnknownTargetError(PlugradError, ImportError):
    """There is nothing to check at the place that was named."""


class SamplesFileError(PlugradError, ValueError):
    """A samples file gives no samples."""


class UnknownLawError(PlugradError, ValueError):
    """No law has the id that was asked for."""


class DuplicateLawError(PlugradError, ValueError):
    """Two laws claim one id, or a law names an unknown family."""


class UnknownFaultError(PlugradError, ValueError):
    """No fault has the id that was asked for."""


class DuplicateFaultError(PlugradError, ValueError):
    """Two faults claim one id."""


class GradcheckError(PlugradError, _TorchGradcheckError):
    """The gradients of a function are not its derivatives: also torch's GradcheckError."""


class GradcheckOutputsError(GradcheckError, AssertionError):
    """The number, a shape or a dtype of a function's outputs changes close to its inputs."""


class GradcheckArgumentError(PlugradError, ValueError):
    """gradcheck was given nothing to check, or an option that it does not have."""


class GradcheckOptionError(GradcheckArgumentError, AssertionError):
    """Options of gradcheck contradict each other."""
