"""`flipgate gate`: tries gates on what is known now and of the last day, so that thresholds are set from data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, output_option, say
from flipgate.cli._print import echo, emit, iso, table
from flipgate.core.values.errors import BadInput

if TYPE_CHECKING:
    from flipgate.core.gates.kinds import Gate
    from flipgate.core.values.sides import Side
    from flipgate.steps.acting.world import World
    from flipgate.steps.watching.try_gates import Tried

DATA = """\
-o json: {"application", "at", "usersOn": "blue", "green", or null when the routes name no one side or cannot be read,
  "gates": [{"name", "kind", "asked", "whom", "limit": {"value", "least"}, "failures", "sides": {blue|green: SIDE}}]}
  SIDE is {"value": null without a number, "why": why there is none, or what is missing of it, "beside": what is shown
          and not counted, "verdict": of this one look: pass|fail|unknown, "threshold", "belongs": of whom it is,
          "past": null, or over the last day {"min", "median", "p95", "max", "looks", "failed": so many would have
          failed by the limit alone, "missing": so many had no number}, "pastWhy": why that is null}
  Without NAME "past" is null: it is asked for one gate only."""


@click.command(
    cls=Verb,
    details={"Data": DATA},
    examples="""\
        flipgate gate sportsdata                        all gates, with their numbers now
        flipgate gate sportsdata p99                    one: now, and over the last day
        flipgate gate sportsdata p99 -f flipgate.yaml   as a file has it that is not applied yet
        flipgate gate sportsdata p99 -o json | jq '.gates[].sides.blue.past'""",
)
@click.argument("app")
@click.argument("name", required=False)
@click.option("-f", "--filename", metavar="FILE", help="The gates of this file; - reads it from stdin.")
@output_option("json", "yaml")
@cluster_options
def gate(options: ClusterOptions, app: str, name: str | None, filename: str | None, output: str | None) -> None:
    """What the gates ask, and their numbers now for both sides, as if users had been moved there a day ago.

    With NAME over the last day, too: the least, the median, the 95th percentile and the most, how often the limit would
    have failed, and how often there was no number. Only Prometheus keeps a past. Limits that are relative to another
    number are judged now, and not over the day.

    Changes nothing, and decides nothing: exit code 0 whatever the numbers are.
    """
    world = _world(options, app, filename, quiet=bool(output))
    gates = _chosen(world, name, filename)
    from flipgate.steps.watching.try_gates import try_gates, users_on

    at, found, on = world.now(), try_gates(world, gates, past=name is not None), users_on(world)
    if output:
        data = [_data([each for each in found if each.gate is one]) for one in gates]
        emit({"application": app, "at": iso(at), "usersOn": on, "gates": data}, output)
    elif name:
        echo("\n".join(_one(found, on)))
    elif not gates:
        echo(f"application {app} declares no gates; next: docs/gates.md", err=True)
    else:
        echo("\n".join(_many(found, on)))


def _world(options: ClusterOptions, app: str, filename: str | None, *, quiet: bool) -> World:
    if filename is None:
        return options.world(app, quiet=quiet)
    from flipgate.adapters.store import Store
    from flipgate.cli._files import read_application
    from flipgate.steps.acting.world import World

    application, _ = read_application(filename)
    if application.name != app:
        fact = f"is of application {application.name}, and {app} was asked for"
        raise BadInput(fact, obj=f"file {filename}", next_command=f"flipgate gate {application.name} -f {filename}")
    cluster = options.cluster()
    store = Store(cluster, options.namespace, app)
    return World(cluster, store, application, "gate", say=(lambda _: None) if quiet else say)


def _chosen(world: World, name: str | None, filename: str | None) -> list[Gate]:
    gates = world.application.spec.gates
    if name is None:
        return list(gates)
    from flipgate.core.values.nearest import hint

    if chosen := [gate for gate in gates if gate.name == name]:
        return chosen
    app = world.application.name
    raise BadInput(
        f'has no gate "{name}"; {hint(name, [gate.name for gate in gates])}',
        obj=f"application {app}",
        next_command=" ".join(filter(None, ["flipgate gate", app, f"-f {filename}" if filename else ""])),
    )


def _many(found: list[Tried], on: Side | None) -> list[str]:
    """A row for each gate and side."""
    from flipgate.core.gates.declared import number_of

    rows = []
    for each in found:
        gate, shown = each.gate, number_of(each.sample)
        rows.append([gate.name, gate.kind.word, _side(each, on), shown, each.verdict, str(gate.kind.limit(gate))])
    return table(["GATE", "KIND", "SIDE", "NOW", "VERDICT", "LIMIT"], rows)


def _one(found: list[Tried], on: Side | None) -> list[str]:
    from flipgate.core.gates.declared import number_of

    gate = found[0].gate
    lines = [
        f"gate {gate.name}: {gate.kind.word}",
        f"asked    {gate.kind.asked(gate)}",
        f"of whom  {gate.kind.whom}",
    ]
    for each in found:
        lines += ["", f"{_side(each, on)}, {each.belongs}", f"  now      {number_of(each.sample)}: {each.verdict}"]
        lines.append(f"  wanted   {each.threshold}")
        lines += [f"  {line}" for line in _past(each)]
    return lines


def _past(each: Tried) -> list[str]:
    past = each.past
    if past is None or past.median is None:
        return [f"last day no number ({each.past_why or 'none at any look'})"]
    numbers = (("min", past.least), ("median", past.median), ("p95", past.p95), ("max", past.most))
    said = ", ".join(f"{word} {value:.4g}" for word, value in numbers)
    limit = each.gate.kind.limit(each.gate)
    counted = f"{past.failed} of {past.looks} looks would have failed ({limit}), {past.missing} had no number"
    return [f"last day {said}", f"         {counted}", f"         {past.line}"]


def _side(each: Tried, on: Side | None) -> str:
    return f"{each.side} (users)" if each.side is on else str(each.side)


def _data(found: list[Tried]) -> dict[str, Any]:
    gate = found[0].gate
    kind, limit = gate.kind, gate.kind.limit(gate)
    return {
        "name": gate.name,
        "kind": kind.word,
        "asked": kind.asked(gate),
        "whom": kind.whom,
        "limit": {"value": limit.value, "least": limit.least},
        "failures": gate.failures,
        "sides": {str(each.side): _side_data(each) for each in found},
    }


def _side_data(each: Tried) -> dict[str, Any]:
    sample, past = each.sample, each.past
    told = past and {
        "min": past.least,
        "median": past.median,
        "p95": past.p95,
        "max": past.most,
        "looks": past.looks,
        "failed": past.failed,
        "missing": past.missing,
    }
    return {
        "value": sample.value,
        "why": sample.why,
        "beside": sample.beside,
        "verdict": each.verdict,
        "threshold": each.threshold,
        "belongs": each.belongs,
        "past": told,
        "pastWhy": each.past_why,
    }
