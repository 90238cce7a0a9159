"""Pictures of a graph: ``pg.draw``, and the Drawing it returns."""

from plugrad.drawing.draw import draw
from plugrad.drawing.drawing import Drawing

__all__ = ["Drawing", "draw"]
