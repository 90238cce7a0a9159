"""What mkdocs calls while it builds the site: pages from the code are added, links are mended."""

from __future__ import annotations

import atexit
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File

from plugrad.docs.generator.catalogue import catalogue, internal_places
from plugrad.docs.generator.checkout import ROOT, read_toml
from plugrad.docs.generator.commands import commands
from plugrad.docs.generator.sources import linked, page_of, relinked, source_page
from plugrad.testing import LAWS

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

#: How much a search's result counts that leads to an op which people do not call.
INTERNAL_BOOST = 0.05
#: Pages of the site whose text stands at the root of the repository.
FROM_THE_ROOT = {
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "readme.md": "README.md",
}


@event_priority(100)  # before mkdocstrings reads its configuration
def on_config(config: MkDocsConfig) -> None:
    """Complete the navigation, and show mkdocstrings the package."""
    pages = {
        "laws/*": _laws(),
        "ops/*": [f"ops/{name}" for name in catalogue() if name != "README.md"],
        "museum/*": sorted(
            f"museum/{page.name}"
            for page in (Path(config.docs_dir) / "museum").glob("*.md")
            if page.name != "index.md"
        ),
        "decisions/*": ["decisions/README.md", *_numbered(Path(config.docs_dir) / "decisions")],
    }
    config.nav = _expanded(config.nav, pages)
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    _link_packages(Path(folder.name) / "plugrad")
    handlers = config.plugins["mkdocstrings"].config["handlers"]
    handlers["python"]["paths"] = [folder.name]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that are not files in ``docs``."""
    texts = {f"ops/{name}": text for name, text in catalogue().items()}
    texts["reference/commands.md"] = commands()
    for name, path in FROM_THE_ROOT.items():
        texts[name] = (ROOT / path).read_text(encoding="utf-8")
    for name, text in texts.items():
        files.append(File.generated(config, name, content=text))
    wanted: set[str] = set()
    for file in files.documentation_pages():
        wanted |= linked(file.content_string, _place(file.src_uri))
    for path in wanted.difference(FROM_THE_ROOT.values()):
        files.append(File.generated(config, page_of(path), content=source_page(path)))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead links to files of the repository to their pages."""
    uri = page.file.src_uri
    pages = {path: name for name, path in FROM_THE_ROOT.items()}
    return relinked(markdown, _place(uri), uri, pages)


@event_priority(50)  # before the search writes its index
def on_post_build(config: MkDocsConfig) -> None:
    """Let a search show ``softmax`` before ``softmax_backward_data``."""
    internal = internal_places()
    for entry in config.plugins["material/search"].search_index.entries:  # type: ignore[attr-defined]
        if entry["location"] in internal:
            entry["boost"] = INTERNAL_BOOST


def _place(uri: str) -> str:
    """Where a page's text stands in the repository."""
    return FROM_THE_ROOT.get(uri, f"docs/{uri}")


def _laws() -> list[dict[str, list[str]]]:
    families: dict[str, list[str]] = {}
    for law in LAWS:
        families.setdefault(law.family.capitalize(), []).append(f"laws/{law.id}.md")
    return [{family: pages} for family, pages in families.items()]


def _numbered(folder: Path) -> list[str]:
    return [f"{folder.name}/{path.name}" for path in sorted(folder.glob("[0-9]*.md"))]


def _expanded(nav: Any, pages: dict[str, Any]) -> Any:
    if isinstance(nav, list):
        return [_expanded(item, pages) for item in nav]
    if isinstance(nav, dict):
        return {title: _expanded(item, pages) for title, item in nav.items()}
    return pages.get(nav, nav)


def _link_packages(folder: Path) -> None:
    """Make ``folder`` the package without what else lies at the root: tests, packs, .venv.

    mkdocstrings reads files and looks into every folder.
    """
    folder.mkdir()
    listed = read_toml(ROOT / "pyproject.toml")["tool"]["setuptools"]["packages"]
    names = {package.split(".")[1] for package in listed if "." in package}
    for name in [*names, "__init__.py", "errors.py", "forward_ad.py"]:
        (folder / name).symlink_to(ROOT / name)
