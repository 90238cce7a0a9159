"""``plugrad doctor``: what is wrong with this environment and its packs, and what to do."""

from __future__ import annotations

import json as json_module
import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plugrad.cli.checking.console import console, folded

if TYPE_CHECKING:
    from collections.abc import Iterator


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    patience: Annotated[
        float, typer.Option(help="How many seconds each pack may take to load.")
    ] = 60.0,
) -> None:
    """Find out what is wrong with this install.

    It looks at the environment, the settings and the packs. The packs are loaded in a
    separate process, so that a pack that crashes, hangs or exits is found and named too.

    \b
    plugrad doctor
    plugrad doctor --json

    The exit status is 0 if nothing is wrong, 1 if something is, 2 if the command is wrong.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    from plugrad.cli.describing.environment import environment, unsupported_torch
    from plugrad.cli.describing.two_plugrads import two_plugrads
    from plugrad.plugins.default import registry

    if not 1 <= patience < float("inf"):
        raise typer.BadParameter(
            f"{patience:g} s is not enough for a pack to load\n"
            "  fix: give seconds, at least 1, e.g. --patience 60",
            param_hint="--patience",
        )
    found = _examined(patience)
    here = [*unsupported_torch(), *two_plugrads()]
    findings = [*(finding.as_dict() for finding in here), *found["findings"]]
    told = {
        "fine": not findings,
        "environment": environment(),
        "absent ops": [op.as_dict() for op in registry.absent.values()],
        "packs": found["packs"],
        "findings": findings,
    }
    if json:
        typer.echo(json_module.dumps(told, indent=1, ensure_ascii=False))
    else:
        _print(told)
    if findings:
        raise typer.Exit(1)


def _examined(patience: float) -> dict[str, Any]:
    """The diagnosis, after leaving out, one by one, the packs that end the process."""
    from plugrad.cli.describing.attempt import Attempt
    from plugrad.cli.describing.pack_facts import pack_facts
    from plugrad.plugins.default import packs

    attempt = Attempt.run(None, patience)
    if attempt.diagnosis is not None:
        return attempt.diagnosis
    may_load = {pack.distribution: pack for pack in packs if pack.status == "found"}
    deadly: dict[str, str] = {}
    while attempt.diagnosis is None and attempt.culprit in may_load.keys() - deadly.keys():
        deadly[str(attempt.culprit)] = attempt.ending
        attempt = Attempt.run([name for name in may_load if name not in deadly], patience)
    found = attempt.diagnosis or {"packs": [pack_facts(pack) for pack in packs], "findings": []}
    if attempt.diagnosis is None:
        found["findings"].append(_finding(f"plugrad itself does not start: {attempt.ending}"))
    for facts in found["packs"]:
        what = deadly.get(facts["distribution"])
        if what is not None:
            pack = may_load[facts["distribution"]]
            fix = f"PLUGRAD_PACKS=-{pack.distribution} leaves it out; please tell its author"
            facts["status"], facts["error"] = "set aside", {"what": what, "fix": fix}
            told = f"the pack {pack.name} cannot be loaded: {what}"
            found["findings"].append(_finding(told, pack.where, fix))
    return found


def _finding(
    what: str, where: str = "", fix: str = "please report it, with the output above"
) -> dict[str, Any]:
    from plugrad.cli.describing.finding import Finding

    return Finding(what, where, fix).as_dict()


# --- what is shown -------------------------------------------------------------------


def _print(told: dict[str, Any]) -> None:
    from plugrad.cli.describing.pack_facts import print_packs

    typer.echo(folded("\n".join(_environment(told["environment"])), hang=18))
    if told["absent ops"]:
        typer.echo("\nbuilt-in ops that this torch is too old or too new for")
        for op in told["absent ops"]:
            typer.echo(folded(f"  {op['op']}: {op['what']} ({op['where']})", hang=4))
            typer.echo(
                f"    fix: {op['fix']}"
            )  # a command in it can be copied, so it stays one line
    typer.echo("\npacks")
    if told["packs"]:
        print_packs(console(), told["packs"])
    else:
        typer.echo("none is installed")
    for number, finding in enumerate(told["findings"], 1):
        typer.echo("\n" + folded(f"{number}. {finding['what']}", hang=2))
        if finding["where"]:
            typer.echo(folded(f"  where: {finding['where']}", hang=4))
        typer.echo(f"  fix: {finding['fix']}")
        if finding["traceback"]:
            typer.echo(textwrap.indent(finding["traceback"].rstrip(), "  | "))
    count = len(told["findings"])
    total = {0: "nothing is", 1: "1 thing is"}.get(count, f"{count} things are")
    typer.echo(f"\n{total} wrong")


def _environment(facts: dict[str, Any]) -> Iterator[str]:
    yield "environment"
    for name in ("python", "torch", "plugrad"):
        needed = facts[name].get("needed")
        more = f"; plugrad needs {needed}" if needed else ""
        yield f"  {name:<16}{facts[name]['version']} ({facts[name]['path']}){more}"
    yield f"  {'system':<16}{facts['system']}"
    for name, missing in facts["extras"].items():
        state = f"missing: {', '.join(missing)}" if missing else "installed"
        yield f"  {f'extra {name}':<16}{state}"
    yield "\nsettings"
    settings = dict(facts["settings"])
    force = settings.pop("in force")
    for name, value in settings.items():
        yield f"  {name:<16}{'not set' if value is None else value}"
    if force is None:
        yield f"  {'in force':<16}not understood: see below"
    else:
        strict = ", strict" if force["strict"] else ""
        yield f"  {'in force':<16}{force['packs']}{strict} (from {force['from']})"
