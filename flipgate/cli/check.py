"""`flipgate check`: is the file right, and is the cluster as the file says?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from flipgate.cli._commands import Verb
from flipgate.cli._files import file_option, read_to_check
from flipgate.cli._options import ClusterOptions, cluster_options, output_option
from flipgate.cli._print import count, echo, emit
from flipgate.core.values.errors import BadInput, FlipgateError

if TYPE_CHECKING:
    from flipgate.core.spec.application import Application


@click.command(
    cls=Verb,
    details={
        "Data": """\
            -o json: {"application", "services", "routes", "online", "ok", "problems": ["sentence", ...],
             "seen": ["what users' question was answered with through one replica, what was not looked for, or an
             autoscaler of the live side that has to be paused before the next flip", ...]}"""
    },
    examples="""\
        flipgate check -f flipgate.yaml --offline     the file alone: no cluster is asked
        flipgate check -f flipgate.yaml               permissions, routes, namespaces, workloads too
        flipgate check -f - < flipgate.yaml""",
)
@file_option
@click.option("--offline", is_flag=True, help="Judge the file alone.")
@output_option("json", "yaml")
@cluster_options
def check(options: ClusterOptions, filename: str, offline: bool, output: str | None) -> None:
    """Check an application's file, alone or against the cluster.

    Against the cluster one request goes through each Traefik pod, as a user's (spec.traffic: scheme, host, path): its
    answer has to name the live side. What leads to a side and is not declared is a problem; workloads there that
    are not declared, and what this user may not look for, are said. A team's repository (spec.git) that could not be
    looked at is a problem: what was not checked is named.

    Changes nothing. Exit code 2 for a file that cannot be meant, 1 when the cluster is not as the file says. What was
    written without quotes and most likely meant otherwise is named beside what is wrong with the cluster (2).
    """
    application, doubt = read_to_check(filename)
    if doubt and offline:
        raise doubt
    problems: list[str] = []
    seen: list[str] = []
    if not offline:
        problems = _on_the_cluster(options, application, doubt, seen.append)
    spec = application.spec
    for line in [] if output else sorted(seen):
        echo(line, err=True)
    if output:
        data = {"application": application.name, "services": len(spec.services), "routes": len(spec.routes)}
        heard = {} if offline else {"seen": seen}
        emit({**data, "online": not offline, "ok": not problems, "problems": problems, **heard}, output)
    elif problems:
        for problem in problems:
            echo(problem)
        echo(f"error: {count(len(problems), 'problem')} with {application.name} on this cluster", err=True)
    else:
        counted = f"{count(len(spec.services), 'service')}, {count(len(spec.routes), 'route')}"
        echo(f"ok: {application.name}, {counted}")
    if problems:
        sys.exit(doubt.exit_code if doubt else 1)


def _on_the_cluster(
    options: ClusterOptions, application: Application, doubt: BadInput | None, say: Callable[[str], None]
) -> list[str]:
    """What is wrong with the file, and with the cluster by it. A cluster that cannot be asked hides no mistake of the
    file."""
    from flipgate.steps.releasing.setup import check_application

    try:
        found = check_application(options.cluster(), application, options.namespace, say)
    except FlipgateError:
        if doubt:
            raise doubt from None
        raise
    first, *more = doubt.fact.split("\n  ") if doubt else [""]
    return [*(f"{doubt.obj}: {line}" for line in more or [first] if doubt), *found]
