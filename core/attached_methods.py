"""AttachedMethods: what a registry attaches to Variable, for type checkers to know."""


class AttachedMethods:
    """An empty base class of Variable.

    Type checkers and editors read its stub, ``attached_methods.pyi``, instead: it has the
    methods and properties of all built-in ops with their signatures. ``plugrad stubs``
    writes a stub that also has those of the installed packs.
    """

    __slots__ = ()
