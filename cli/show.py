"""``plugrad show``: everything about one op."""

from __future__ import annotations

import json as json_module
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plugrad.cli.checking.console import folded
from plugrad.cli.completion import complete_ops
from plugrad.cli.output_to_errors import output_to_errors
from plugrad.errors import PlugradError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plugrad.cli.describing.op_facts import OpFacts
    from plugrad.plugins.registered_op import RegisteredOp

#: How many samples are shown.
MANY = 30


def show(
    op: Annotated[
        str,
        typer.Argument(
            metavar="OP",
            help="The op's name: sin, special::airy_ai; or a torch function: torch.cov.",
            autocompletion=complete_ops,
        ),
    ],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show everything about one op.

    Its formula, signature, source, names and samples, and its last check on this machine.

    \b
    plugrad show sin
    plugrad show linalg.vector_norm
    plugrad show special::airy_ai --json
    plugrad show torch.cov

    For a torch function it says what a call with a Variable does: it goes to an op or, if no
    op stands for the function, to torch's own implementation, which is built of ops.

    The exit status is 0, or 2 if there is no such op or function.
    """  # noqa: D301 (the \b keeps the examples' lines in the help)
    from plugrad.cli.describing.loaded_packs import loaded_packs
    from plugrad.cli.describing.named_op import named_op
    from plugrad.cli.describing.op_facts import OpFacts

    loaded_packs()
    if op.startswith("torch."):
        _show_way(op, json)
        return
    try:
        entry = named_op(op, "plugrad ops --pack {} lists the ops of the pack")
    except PlugradError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    facts = OpFacts(entry)
    with output_to_errors():
        samples = _samples(entry)
    if json:
        told = {**facts.as_dict(), **samples, "last_check": _last_check(entry)}
        typer.echo(json_module.dumps(told, indent=1, ensure_ascii=False))
    else:
        for line in _lines(facts, samples):
            typer.echo(folded(line, hang=4 if line.startswith(" ") else 12))


def _show_way(name: str, json: bool) -> None:
    from plugrad.cli.describing.way import Way

    try:
        way = Way.of(name)
    except PlugradError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    if json:
        typer.echo(json_module.dumps(asdict(way), indent=1))
        return
    typer.echo(folded(f"{way.function}: {way.text}", hang=2))
    for primitive, goes in way.primitives.items():
        typer.echo(folded(f"  {primitive}: {goes}", hang=4))


def _samples(entry: RegisteredOp) -> dict[str, Any]:
    """The calls of the op's samples, or why there are none."""
    from plugrad.core.sample import SampleMaker

    calls: list[str] = []
    try:
        for sample in entry.function.samples(SampleMaker(0)):
            arguments = repr(sample).removeprefix("Sample")
            kink = "  at a kink" if sample.kink else ""
            refused = f"  raises {sample.error.__name__}" if sample.error else ""
            calls.append(f"{entry.plain_name}{arguments}{kink}{refused}")
    except Exception as error:  # a pack's
        return {"samples": calls, "samples_error": f"{type(error).__name__}: {error}"}
    return {"samples": calls, "samples_error": None}


def _last_check(entry: RegisteredOp) -> dict[str, Any] | None:
    from plugrad.cli.last_check import LastCheck

    check = LastCheck.of(entry)
    return None if check is None else {**asdict(check), "changed_since": check.changes(entry)}


# --- what is shown -------------------------------------------------------------------


def _lines(facts: OpFacts, samples: dict[str, Any]) -> Iterator[str]:
    entry, (file, line) = facts.entry, facts.place
    yield f"{entry.name}, of the pack {entry.pack}"
    yield ""
    yield from textwrap.indent(facts.formula or "it has no docstring", "  ").split("\n")
    yield ""
    declared = entry.declaration
    reached = ", ".join(_reached(entry)) or "none"
    on = {key: value for key, value in facts.flags.items() if value not in (False, None, 0.0)}
    rows = {
        "signature": facts.signature,
        "source": f"{file}:{line}" if file else f"{entry.module}, which has no file",
        "methods": reached,
        "in place": ", ".join(f"x.{name}" for name in entry.inplace_names),
        "properties": ", ".join(f"x.{name}" for name in declared.properties) or "none",
        "overrides": ", ".join(facts.overrides) or "none",
        "flags": ", ".join(_flag(*item) for item in on.items()) or "none",
        "arguments": ", ".join(f"{a} for {b}" for a, b in declared.aliases.items()),
        "surrogate": declared.as_surrogate.reason,
        "waives": _reasons(declared.waives),
        "equivalent": _reasons(declared.equivalent),
        "last check": _told(_last_check(entry)),
    }
    for title, text in rows.items():
        if text:
            yield f"{title:<12}{text}"
    calls = samples["samples"]
    yield f"{'samples':<12}{len(calls)}"
    yield from (f"  {call}" for call in calls[:MANY])
    if len(calls) > MANY:
        yield f"  and {len(calls) - MANY} more: --json shows all"
    if samples["samples_error"]:
        yield f"  then it raises {samples['samples_error']}"


def _reached(entry: RegisteredOp) -> Iterator[str]:
    """How the op is called on a Variable; a method that another op has is not its own."""
    from plugrad.plugins.default import registry

    for name in entry.methods:
        if registry.owner(name) is entry:
            yield name if name.startswith("__") else f"x.{name}()"
    if entry.rank == 2:
        yield f"x.{entry.pack}.{entry.plain_name}()"


def _flag(name: str, value: Any) -> str:
    if value is True:
        return name
    return f"{name} {', '.join(value) if isinstance(value, list) else value}"


def _reasons(reasons: Any) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def _told(check: dict[str, Any] | None) -> str:
    if check is None:
        return "never on this machine"
    from plugrad.core.counted import counted

    failed, laws = check["failed"], counted(len(check["passed"]), "law")
    verdict = f"FAILED {', '.join(failed)}; {laws} kept" if failed else f"passed {laws}"
    where = f"seed {check['seed']}, {check['device']}, torch {check['torch']}"
    changed = check["changed_since"]
    since = f"; changed since: {', '.join(changed)}" if changed else ""
    return f"{verdict}, {check['time']}, {where}{since}"
