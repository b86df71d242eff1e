"""`flipgate draft`: a first application file, from what runs."""

from __future__ import annotations

import os
from pathlib import Path

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, say
from flipgate.cli._print import count, echo

SCHEMA = "application.schema.json"


@click.command(
    cls=Verb,
    examples="""\
        flipgate draft production-blue production-green > flipgate.yaml
        flipgate draft shop shop-green --name shop > shop.yaml        the second namespace may be empty yet
        flipgate draft shop-blue shop-green | grep -A3 CHOOSE         what a person has to decide""",
)
@click.argument("blue")
@click.argument("green")
@click.option("--name", default="", metavar="APP", help="What the application is called; guessed when left out.")
@cluster_options
def draft(options: ClusterOptions, blue: str, green: str, name: str) -> None:
    """Draft an application's file of two namespaces, from what runs there and what leads there.

    Printed on stdout: the routes, how users ask, each service with its role, count and image, checks as the
    readinessProbes ask, the policy's defaults. Where a person has to decide it says CHOOSE; each such place has a
    value that can be read, and `flipgate check` names the wrong ones. One request goes through one Traefik pod, as a
    user's, to see which header names the side. Changes nothing.
    """
    from flipgate.core.values.sides import Side
    from flipgate.steps.looking.draft import draft as write

    namespaces = {Side.BLUE: blue, Side.GREEN: green}
    drafted = write(options.cluster(), namespaces, name, _schema())
    echo(drafted.text, nl=False)
    choices = f"{count(drafted.choices, 'place')} to CHOOSE" if drafted.choices else "nothing to CHOOSE"
    say(f"drafted: application {drafted.name}, {choices}. Next: flipgate check -f FILE")


def _schema() -> str:
    """The checkout's, as seen from here; beside the file, where there is no checkout."""
    import flipgate

    path = Path(flipgate.__file__).resolve().parents[1] / "docs" / SCHEMA
    return os.path.relpath(path) if path.exists() else SCHEMA
