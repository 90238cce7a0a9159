"""The engine: what an op module may import.

Nothing here knows any op.
"""

from plugrad.core.composite import Composite
from plugrad.core.conj import conj
from plugrad.core.context import Context
from plugrad.core.elementwise import Elementwise
from plugrad.core.function import Function
from plugrad.core.once_differentiable import once_differentiable
from plugrad.core.op import op
from plugrad.core.sample import Sample
from plugrad.core.sample_maker import SampleMaker
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
]
