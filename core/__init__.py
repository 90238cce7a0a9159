"""The engine: what an op module may import.

Nothing here knows a particular op.
"""

from plugrad.core.conj import conj
from plugrad.core.context import Context
from plugrad.core.declaration import surrogate
from plugrad.core.elementwise import Elementwise
from plugrad.core.function import Composite, Function, op
from plugrad.core.once_differentiable import once_differentiable
from plugrad.core.sample import Sample, SampleMaker
from plugrad.core.variable import Parameter, Variable

__all__ = [
    "Composite",
    "Context",
    "Elementwise",
    "Function",
    "Parameter",
    "Sample",
    "SampleMaker",
    "Variable",
    "conj",
    "once_differentiable",
    "op",
    "surrogate",
]
