"""pg.profile(): what each op costs, forward and backward."""

from plugrad.profiling.run import Profile, profile
from plugrad.profiling.table import Cost, Row, Table

__all__ = ["Cost", "Profile", "Row", "Table", "profile"]
