"""The packages that only the command line needs, installed as the extras ``cli`` and ``demo``."""

from __future__ import annotations

from importlib.util import find_spec


def require(what: str, *modules: str, extra: str = "demo") -> None:
    """Exit with what to install if a module that ``what`` needs is missing.

    Args:
        what: what needs them.
        modules: their names.
        extra: the extra of plugrad that installs them.

    Raises:
        SystemExit: at least one is missing.
    """
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise SystemExit(
            f"Error: {what} needs {' and '.join(missing)}, which plugrad alone does not install\n"
            f"  fix: pip install 'plugrad[{extra}]'"
        )
