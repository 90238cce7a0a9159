"""site_commands: many commands run in one process that finds the packs of a site."""

from __future__ import annotations

import json

CODE = """
import json
from typer.testing import CliRunner
from plugrad.cli.app import app

done = []
for arguments in {commands!r}:
    result = CliRunner().invoke(app, arguments)
    done.append([result.exit_code, result.stdout, result.stderr])
print("\\nDONE" + json.dumps(done))
"""


def site_commands(site, *commands, **environment):
    """Give the exit status, the output and the errors of each, a line as typed.

    Args:
        site: a plugrad.tests.plugins.site.Site.
        commands: without ``plugrad``.
        environment: variables to set.
    """
    code = CODE.format(commands=[command.split() for command in commands])
    stdout, _ = site.run(code, **environment)
    return [tuple(one) for one in json.loads(stdout.rpartition("\nDONE")[2])]
