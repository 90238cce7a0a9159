"""Pack: one installed pack, and the versions of the pack API."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
from typing import Literal

from plugrad.errors import (
    DuplicatePackError,
    PackDefinitionError,
    PackError,
    PackVersionError,
    PlugradError,
)
from plugrad.plugins.messages import error_text

SUPPORTED_API = range(1, 3)
"""The versions of the pack API that packs may be written for; the last is the current one.

It goes up by one when a pack that worked would not work any more, and only then: a hook is
dropped or called differently, or the op contract changes. A pack states the one it was
written for as an entry point, which can be read without importing the pack::

    [project.entry-points."plugrad.api"]
    NAME = "v2"

``v2``: ``Sample(...).raises(Error, match)`` in place of ``ErrorSample`` and ``error_samples``. A
pack for ``v1`` that has neither still works.
"""

#: A class derived from them may lack what they have.
_OURS = (PackDefinitionError, PackVersionError, DuplicatePackError)

Status = Literal["found", "loaded", "set aside", "switched off"]


@dataclass
class Pack:
    """One entry point of the group ``plugrad``."""

    #: The pack's name, which is its entry point's.
    name: str
    #: The distribution it is from, and its version.
    distribution: str
    version: str
    #: The module with its hooks.
    module: str
    #: The version of the pack API it was written for, as stated: ``v1``, which is also
    #: what a pack without a statement is taken for.
    api: str = "v1"
    #: Whether it stated that.
    api_stated: bool = True
    #: Found but not loaded yet; loaded; set aside because of its ``error``; or switched
    #: off.
    status: Status = "found"
    #: Why it was set aside, with its traceback.
    error: PackError | None = field(default=None, repr=False)
    #: Seconds it took to load.
    load_time: float | None = None

    @property
    def source(self) -> str:
        """Where it is from: ``plugrad-special 0.1.0``."""
        return f"{self.distribution} {self.version}"

    @property
    def import_name(self) -> str:
        """What is imported: the module without ``:attribute``."""
        return self.module.partition(":")[0].partition("[")[0].strip()

    @property
    def where(self) -> str:
        """What messages about it say."""
        return f"the pack {self.name} of {self.source} (module {self.module})"

    def set_aside(self, error: BaseException) -> None:
        """Set the pack aside; ``error`` becomes the cause of the pack's own error."""
        if isinstance(error, PackError) and type(error) in _OURS:
            self.error = error
        else:
            self.error = PackError(error_text(error), where=self.where, fix=self._remedy(error))
            self.error.__cause__ = error
        self.status = "set aside"

    def _remedy(self, error: BaseException) -> str:
        if isinstance(error, PlugradError) and isinstance(getattr(error, "fix", None), str):
            return error.fix
        if isinstance(error, ModuleNotFoundError) and isinstance(error.name, str):
            if error.name.partition(".")[0] == self.import_name.partition(".")[0]:
                return f"install {self.distribution} again: it is incomplete"
            return f"install {error.name}, which it needs; its author should require it"
        return (
            "plugrad doctor shows the traceback, for its author; "
            f"PLUGRAD_PACKS=-{self.distribution} leaves it out"
        )

    def validate(self) -> None:
        """Check what is known of it without importing it.

        Raises:
            PackDefinitionError: its name, its module or its API version is not valid.
            PackVersionError: it was written for another version of the API.
        """
        from plugrad.plugins.registered_op import BUILTIN, LOCAL  # needs torch, which packs do not

        if self.name in (BUILTIN, LOCAL):
            raise PackDefinitionError(
                f"{self.name!r} is the name of plugrad's built-in ops",
                where=self.where,
                fix="give the entry point another name",
            )
        if not metadata.EntryPoint.pattern.match(self.module):
            raise PackDefinitionError(
                f"{self.module!r} does not name a module",
                where=self.where,
                fix=f'write the entry point as {self.name} = "package.module"',
            )
        number = self.api.removeprefix("v")
        if not (self.api.startswith("v") and number.isdecimal()):
            raise PackDefinitionError(
                f"the entry point {self.name!r} of the group plugrad.api is {self.api!r}",
                where=self.where,
                fix=f'state the version of the pack API as {self.name} = "v{SUPPORTED_API[-1]}"',
            )
        if int(number) not in SUPPORTED_API:
            fits = " or ".join(f"v{version}" for version in SUPPORTED_API)
            newer = int(number) > SUPPORTED_API[-1]
            raise PackVersionError(
                f"it was written for the pack API {self.api}; this plugrad has {fits}",
                where=self.where,
                fix=f"upgrade plugrad, or install a release of {self.distribution} for {fits}"
                if newer
                else f"upgrade {self.distribution} to a release for {fits}",
            )
