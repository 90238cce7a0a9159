"""AttachedMethods: what a registry attaches to Variable, for type checkers to know."""


class AttachedMethods:
    """A base of Variable with nothing in it.

    Beside this module lies its stub, ``attached_methods.pyi``, which type checkers and
    editors read in its place: it has the methods and properties of all built-in ops with
    their signatures. ``plugrad stubs`` writes one that has the installed packs' too.
    """

    __slots__ = ()
