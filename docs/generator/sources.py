"""sources: files of the repository as pages of the site, and links that lead to them.

The site has no repository to point at, and can be read without a network: so what a page
links to outside ``docs`` comes along, as it is, with line numbers.
"""

from __future__ import annotations

import posixpath
import re
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound

from plugrad.docs.generator.checkout import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The text of a link may go on in the next line, but not in the next paragraph.
_LINK = re.compile(
    r"(?<!!)\[(?P<text>(?:[^\]\n]|\n(?!\s*\n))*)\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)"
)
_FENCE = re.compile(r"^(```.*?^```)$", re.DOTALL | re.MULTILINE)

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{path} - plugrad</title>
<link rel="stylesheet" href="{up}stylesheets/source.css">
</head>
<body>
<header><a href="{up}index.html">plugrad</a> / {path}</header>
{code}
</body>
</html>
"""


def source_page(path: str) -> str:
    """The page of the file ``path``, relative to the root: HTML."""
    text = (ROOT / path).read_text(encoding="utf-8")
    try:
        lexer = get_lexer_for_filename(path)
    except ClassNotFound:
        lexer = TextLexer()
    formatter = HtmlFormatter(linenos="table", lineanchors="L", anchorlinenos=True)
    up = "../" * page_of(path).count("/")
    return _PAGE.format(path=escape(path), up=up, code=highlight(text, lexer, formatter))


def page_of(path: str) -> str:
    """Where in the site the file's page is."""
    return f"source/{path}.html"


def linked(markdown: str, place: str) -> set[str]:
    """The files outside ``docs`` that a page links to.

    Args:
        markdown: the page's text.
        place: the page's own file, relative to the root.
    """
    found = (_outside(link["target"], place) for link in _links(markdown))
    return {path for path in found if path}


def relinked(markdown: str, place: str, uri: str, pages: Mapping[str, str]) -> str:
    """The page with its links to files outside ``docs`` leading to pages of the site.

    Args:
        markdown: the page's text.
        place: the page's own file, relative to the root.
        uri: the page's own place among the pages.
        pages: the pages that stand for such a file, where that is not its source's.
    """
    replace = partial(_replacement, place=place, uri=uri, pages=pages)
    parts = _FENCE.split(markdown)
    return "".join(part if part.startswith("```") else _LINK.sub(replace, part) for part in parts)


def _replacement(link: re.Match[str], place: str, uri: str, pages: Mapping[str, str]) -> str:
    path = _outside(link["target"], place)
    if path is not None:
        target = pages.get(path) or page_of(path)
    elif place.startswith("docs/"):  # mkdocs' own business
        return link[0]
    else:
        target = _page_in_docs(posixpath.join(posixpath.dirname(place), link["target"]))
    relative = posixpath.relpath(target, posixpath.dirname(uri) or ".")
    return f"[{link['text']}]({relative}{link['anchor'] or ''})"


def _page_in_docs(path: str) -> str:
    """What mkdocs calls a page that a file at the root links to: ``docs/laws`` is a folder."""
    path = posixpath.normpath(path)
    if (ROOT / path).is_dir():
        path += "/README.md"
    return path.removeprefix("docs/")


def _links(markdown: str) -> Iterator[re.Match[str]]:
    for part in _FENCE.split(markdown):
        if not part.startswith("```"):
            yield from _LINK.finditer(part)


def _outside(target: str, place: str) -> str | None:
    """The file that a link of the page ``place`` leads to, if it is one outside ``docs``."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(place), target))
    if path.startswith(("docs/", "..")) or not (ROOT / path).is_file():
        return None
    return path
