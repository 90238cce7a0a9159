"""find_packs and import_plugin: what is installed; the working directory does not count."""

from __future__ import annotations

import os
import site
import sys
from contextlib import suppress
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from plugrad.errors import DuplicatePackError, PackDefinitionError
from plugrad.plugins.pack import Pack
from plugrad.plugins.selection import normalized

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from importlib.machinery import ModuleSpec

    from plugrad.plugins.selection import PackSelection

GROUP, API_GROUP = "plugrad", "plugrad.api"


def find_packs(selection: PackSelection) -> list[Pack]:
    """The installed packs in the order in which they load: by their distribution's name.

    Packs that ``selection`` does not allow are switched off. If two of the others have the
    same name, both are set aside: nothing says which one is meant.
    """
    found = sorted(_packs(), key=lambda pack: (normalized(pack.distribution), pack.name))
    for pack in found:
        if not selection.allows(pack.distribution):
            pack.status = "switched off"
    packs = [pack for pack in found if pack.status == "found"]
    for pack in packs:
        others = [p.source for p in packs if p.name == pack.name and p is not pack]
        if others:
            pack.set_aside(
                DuplicatePackError(
                    f"{' and '.join(others)} has a pack named {pack.name!r} too",
                    where=pack.where,
                    fix="uninstall one of them, or leave it out with PLUGRAD_PACKS="
                    f"-{pack.distribution}",
                )
            )
    return found


def _packs() -> Iterator[Pack]:
    seen: set[str] = set()
    for distribution in metadata.distributions(path=trusted_path()):
        try:
            name = str(distribution.metadata["Name"] or "")
            # If a distribution is on the path twice, imports use the first.
            packs = [] if not name or normalized(name) in seen else list(_of(distribution, name))
        except Exception:  # its metadata is damaged, so it counts as having no pack
            continue
        if name:
            seen.add(normalized(name))
        yield from packs


def _of(distribution: metadata.Distribution, name: str) -> Iterator[Pack]:
    points = distribution.entry_points
    stated = {point.name: point.value for point in points if point.group == API_GROUP}
    for pack, module in dict.fromkeys((p.name, p.value) for p in points if p.group == GROUP):
        api = stated.get(pack)
        yield Pack(
            pack, name, distribution.version, module, api or "v1", api_stated=api is not None
        )


def _real(entry: str) -> str:
    try:
        return str(Path(entry).resolve())
    except OSError:  # the working directory was removed
        return ""


def _program_folder() -> str:
    """The folder of the program's script, which ``python script.py`` puts on the path."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    return _real(os.path.dirname(script)) if isinstance(script, str) else ""  # noqa: PTH120


def _pythonpath() -> frozenset[str]:
    if sys.flags.ignore_environment:
        return frozenset()
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return frozenset(_real(entry) for entry in entries if entry)


# Read once, at import: the program may be somewhere else when the packs are looked for.
_STARTED_IN = frozenset({_real(os.curdir), _program_folder()})
_CHOSEN = _pythonpath()


def trusted_path() -> list[str]:
    """``sys.path`` without the working directory, however it got there.

    This covers the directory the program was started in, the one it is in now, and its
    script's: metadata found there, as in a checkout that one only looks at, is not
    installed. The directory is left out under any of its names, absolute or through a link,
    anywhere on the path. It does count where it was chosen: by PYTHONPATH, or by the
    ``.pth`` file of an editable install.
    """
    entries = [entry for entry in sys.path if isinstance(entry, str)]  # as Python's own finder
    refused = {*_STARTED_IN, _real(os.curdir)} - _CHOSEN
    library = str(Path(os.__file__).parent)
    first = entries.index(library) if library in entries else len(entries)
    fixed = [(position, entry) for position, entry in enumerate(entries) if _is_fixed(entry)]
    # What Python itself puts on the path for the program comes before its library.
    installed = _installed([entry for position, entry in fixed if position > first], refused)
    return [
        entry
        for position, entry in fixed
        if (real := _real(entry)) not in refused or (position > first and real in installed)
    ]


def _installed(entries: list[str], refused: frozenset[str] | set[str]) -> set[str]:
    """Those of ``refused`` that packages are installed in, or that a ``.pth`` file names."""
    if not refused.intersection(map(_real, entries)):
        return set()  # nearly always
    sites = {_real(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())}
    named = set(sites)
    for entry in entries:
        if _real(entry) not in refused or _real(entry) in sites:
            named.update(_real(str(Path(entry, line))) for line in _pth_lines(Path(entry)))
    return named


def _pth_lines(folder: Path) -> Iterator[str]:
    """The directories that the ``.pth`` files there name, as ``site`` reads them."""
    for file in folder.glob("*.pth"):
        with suppress(OSError):
            for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines():
                if line.strip() and not line.startswith(("#", "import ", "import\t")):
                    yield line.strip()


def _is_fixed(entry: str) -> bool:
    """Whether it means the same in every working directory: an absolute path, or a path hook."""
    return Path(entry).is_absolute() or (bool(entry) and not Path(entry).exists())


def outside_of_it(module: str) -> str | None:
    """Where ``module`` would be imported from, if that is not on the trusted path.

    Nothing is imported. For a namespace package, which may be spread over several places,
    the first part below it counts.
    """
    everywhere: Sequence[str] | None = None
    trusted: Sequence[str] = trusted_path()
    if trusted == sys.path:
        return None
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        name = ".".join(parts[:count])
        loaded = getattr(sys.modules.get(name), "__spec__", None)
        actual, allowed = loaded or _spec(name, everywhere), _spec(name, trusted)
        if actual is None or (actual.origin is not None or allowed is None):
            break
        everywhere = list(actual.submodule_search_locations or ())
        trusted = list(allowed.submodule_search_locations or ())
    place = _place(actual)
    return place if place and _reals(actual) != _reals(allowed) else None


def _spec(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """What the finders find on ``path``, each asked as an import statement would."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        # At the top only the finder of paths is given one, and only to narrow it.
        nested = "." in name
        found: ModuleSpec | None = (
            find(name, path if nested or finder is PathFinder else None) if find else None
        )
        if found is not None:
            return found
    return None


def _place(spec: ModuleSpec | None) -> str:
    return ", ".join(_places(spec))


def _places(spec: ModuleSpec | None) -> Iterable[str]:
    if spec is None:
        return ()
    return (spec.origin,) if spec.origin else tuple(spec.submodule_search_locations or ())


def _reals(spec: ModuleSpec | None) -> list[str]:
    return [_real(place) for place in _places(spec)]


def is_being_imported(pack: Pack) -> bool:
    """Whether its module, or a package that contains it, is being imported right now.

    Such a module is not complete yet.
    """
    parts = pack.import_name.split(".")
    names = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    specs = (getattr(sys.modules.get(name), "__spec__", None) for name in names)
    return any(getattr(spec, "_initializing", False) for spec in specs)


def import_plugin(pack: Pack) -> object:
    """Import the object with the pack's hooks.

    Raises:
        PackDefinitionError: the working directory has a module of its name. Whatever else
            the import raises.
    """
    point = metadata.EntryPoint(pack.name, pack.module, GROUP)
    place = outside_of_it(point.module)
    if place is not None:
        raise PackDefinitionError(
            f"its module would be imported from the working directory: {place}",
            where=pack.where,
            fix="start from another directory, or with python -P, or rename that file; or, if it "
            "is meant, name the directory in PYTHONPATH",
        )
    return point.load()
