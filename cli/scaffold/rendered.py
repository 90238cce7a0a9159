"""rendered: the text of a template."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined


def rendered(template: str, **values: object) -> str:
    """The text that ``cli/templates/<template>.jinja`` gives.

    Raises:
        UndefinedError: the template needs a value that is not given.
    """
    return _environment().get_template(f"{template}.jinja").render(values)


@cache
def _environment() -> Environment:
    # The output is code, not HTML, and its values are names that were checked.
    return Environment(
        loader=PackageLoader("plugrad.cli", "templates"),
        autoescape=False,
        keep_trailing_newline=True,
        lstrip_blocks=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
