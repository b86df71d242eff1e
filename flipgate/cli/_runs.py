"""Starting a pipeline's Prefect run from the command line, and saying so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from flipgate.cli._options import person
from flipgate.cli._print import emit

block_option = click.option(
    "--cluster",
    "block",
    default=None,
    metavar="BLOCK",
    help="The flipgate-cluster block that the run uses; without it, what the worker's own environment offers.",
)

RUN_DATA = '-o json: {"application", "pipeline", "startedBy", "run": {"id", "name", "url"}}'


def start_run(
    pipeline: str, application: str, parameters: Mapping[str, Any], block: str | None, output: str | None
) -> None:
    """Starts the run and prints where to see it. Raises Refused, NotFound or Unreachable as Prefect does."""
    from flipgate.adapters.runs import start

    where = {"cluster": block} if block else {}
    run = start(pipeline, {"application": application, **parameters, **where})
    if output:
        shown = {"id": run.id, "name": run.name, "url": run.url}
        emit({"application": application, "pipeline": pipeline, "startedBy": person(), "run": shown}, output)
        return
    click.echo(f"{pipeline} of {application} started: run {run.name}")
    if run.url:
        click.echo(run.url)
    click.echo(f"Next: flipgate status {application} --watch")
