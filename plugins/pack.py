"""Pack: an op pack that is installed here, and what became of it."""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field
from typing import Literal

from plugrad.errors import PackDefinitionError, PackError, PackVersionError, PlugradError
from plugrad.plugins.api_version import SUPPORTED_API
from plugrad.plugins.registered_op import BUILTIN, LOCAL

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
    #: Found and not asked for yet; loaded; set aside for its ``error``; or switched off.
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
    def where(self) -> str:
        """What messages about it say."""
        return f"the pack {self.name} of {self.source} (module {self.module})"

    def set_aside(self, error: BaseException) -> None:
        """Do without the pack; ``error`` becomes the cause of the pack's own, if it is another."""
        self.status = "set aside"
        if isinstance(error, PackError):
            self.error = error
            return
        what = error.what if isinstance(error, PlugradError) else str(error)
        self.error = PackError(
            f"{type(error).__name__}: {what}", where=self.where, fix=self._remedy(error)
        )
        self.error.__cause__ = error

    def _remedy(self, error: BaseException) -> str:
        if isinstance(error, PlugradError):
            return error.fix
        if isinstance(error, ModuleNotFoundError) and error.name:
            if error.name.partition(".")[0] == self.module.partition(".")[0]:
                return f"install {self.distribution} again: it is not complete"
            return f"install {error.name}, which it needs; its author should require it"
        return (
            "plugrad doctor shows the traceback, for its author; "
            f"PLUGRAD_PACKS=-{self.distribution} leaves it out"
        )

    def validate(self) -> None:
        """Check what is known of it without importing it.

        Raises:
            PackDefinitionError: its name or what it states of the API is no good.
            PackVersionError: it was written for another version of the API.
        """
        if not self.name.isidentifier() or keyword.iskeyword(self.name) or self.name[0] == "_":
            raise PackDefinitionError(
                f"{self.name!r} is no name for a pack: x.{self.name} would not be Python",
                where=self.where,
                fix="name the entry point with letters, digits and _, as in 'my_pack'",
            )
        if self.name in (BUILTIN, LOCAL):
            raise PackDefinitionError(
                f"{self.name!r} is the name of plugrad's own ops",
                where=self.where,
                fix="give the entry point another name",
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
