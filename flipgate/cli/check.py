"""`flipgate check`: is the file right, and is the cluster as the file says?"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from flipgate.cli._commands import Verb
from flipgate.cli._files import maybe_file_option, read_to_check
from flipgate.cli._options import ClusterOptions, cluster_options, output_option, say
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
        flipgate check sportsdata                     the same of the file that was applied
        flipgate check -f - < flipgate.yaml
        flipgate check -f flipgate.yaml --rbac        the Roles that it needs: read them, then kubectl apply -f -
        flipgate check -f flipgate.yaml --admission   the policies beside them
        flipgate check sportsdata --admission --writers oncall   and only they and flipgate write records
        flipgate check sportsdata --account reader    whether who is logged in may do what a reader needs""",
)
@click.argument("app", required=False)
@maybe_file_option
@click.option("--offline", is_flag=True, help="Judge the file alone.")
@click.option("--rbac", is_flag=True, help="Print the Roles, bindings and accounts that the application needs.")
@click.option("--apart", is_flag=True, help="With --rbac: an account for each who acts, and one for readers.")
@click.option("--admission", is_flag=True, help="Print the admission policies that stand beside these Roles.")
@click.option(
    "--writers",
    multiple=True,
    metavar="GROUP",
    help="With --admission: deny writes of records to all but flipgate's accounts and this group. Repeatable.",
)
@click.option(
    "--account",
    type=click.Choice(["setup", "deploy", "flip", "reconcile", "reader"]),
    help="Ask for the rights of this account alone (--rbac --apart).",
)
@output_option("json", "yaml")
@cluster_options
def check(
    options: ClusterOptions,
    app: str | None,
    filename: str | None,
    offline: bool,
    rbac: bool,
    apart: bool,
    admission: bool,
    writers: tuple[str, ...],
    account: str | None,
    output: str | None,
) -> None:
    """Check an application's file, alone or against the cluster.

    Against the cluster one request goes through each Traefik pod, as a user's (spec.traffic: scheme, host, path): its
    answer has to name the live side. What leads to a side and is not declared is a problem; workloads there that
    are not declared, and what this user may not look for, are said. A team's repository (spec.git) that could not be
    looked at is a problem: what was not checked is named. What is around the images (Secrets, ConfigMaps, room,
    autoscalers) is asked as the next release would ask it.

    With --rbac prints the rights that the application needs, by name wherever Kubernetes can, and checks nothing else:
    by the file, and, without --offline, by what the cluster says beside it (KEDA, what routes name of a side, services
    that a side ran and the file names no longer).

    With --admission prints policies for what Roles cannot say: which fields of a workload flipgate's accounts change,
    that they shrink nothing that a route leads to, and, with --writers, who writes the records of all applications in
    flipgate's namespace: all others are denied, people with a login of their own who type `flipgate rollback` too,
    unless they are in that group.

    Changes nothing. Exit code 2 for a file that cannot be meant, 1 when the cluster is not as the file says. What was
    written without quotes and most likely meant otherwise is named beside what is wrong with the cluster (2).
    """
    _need_sense(app, filename, offline=offline, rbac=rbac, apart=apart)
    if writers and not admission:
        raise click.UsageError("--writers is for --admission.")
    if not all(map(str.strip, writers)):
        raise click.UsageError("--writers names no group: it is empty. Nothing was printed.")
    application, doubt = read_to_check(filename) if filename else (options.world(app or "").application, None)
    if doubt and (offline or rbac or admission):
        raise doubt
    if admission:
        _print_policies(application, options.namespace, writers)
        return
    if rbac:
        _print_rights(options, application, _typed(app, filename, offline, apart), offline=offline, apart=apart)
        return
    _check(options, application, doubt, offline=offline, account=account, output=output)


def _need_sense(app: str | None, filename: str | None, *, offline: bool, rbac: bool, apart: bool) -> None:
    """Raises UsageError for what cannot be meant."""
    if (app is None) is (filename is None):
        raise click.UsageError("give either APP, as it was applied, or -f FILE.")
    if app and offline:
        raise click.UsageError("--offline judges a file: give -f FILE in the place of APP.")
    if apart and not rbac:
        raise click.UsageError("--apart is for --rbac.")


def _check(
    options: ClusterOptions,
    application: Application,
    doubt: BadInput | None,
    *,
    offline: bool,
    account: str | None,
    output: str | None,
) -> None:
    problems: list[str] = []
    seen: list[str] = []
    if not offline:
        problems = _on_the_cluster(options, application, doubt, seen.append, account)
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


def _print_policies(application: Application, own: str, writers: tuple[str, ...]) -> None:
    from flipgate.core.rights.admission import policies

    echo(policies(application, own, writers), nl=False)


def _typed(app: str | None, filename: str | None, offline: bool, apart: bool) -> str:
    """What the printed Roles say that they were printed by."""
    flags = {"--rbac": True, "--apart": apart, "--offline": offline}
    return " ".join(["flipgate check", app or f"-f {filename}", *(flag for flag, given in flags.items() if given)])


def _print_rights(
    options: ClusterOptions, application: Application, command: str, *, offline: bool, apart: bool
) -> None:
    from flipgate.adapters.store import Store
    from flipgate.core.rights.roles import roles
    from flipgate.core.rights.rules import rules_of
    from flipgate.steps.acting.world import World
    from flipgate.steps.releasing.rights import look_for_rules

    own = options.namespace
    if offline:
        rules = rules_of(application, own)
    else:
        cluster = options.cluster()
        world = World(cluster, Store(cluster, own, application.name), application, "check", say=say)
        rules = look_for_rules(world, own)
    echo(roles(application.name, own, rules, apart=apart, command=command), nl=False)


def _on_the_cluster(
    options: ClusterOptions,
    application: Application,
    doubt: BadInput | None,
    note: Callable[[str], None],
    account: str | None = None,
) -> list[str]:
    """What is wrong with the file, and with the cluster by it. A cluster that cannot be asked hides no mistake of the
    file."""
    from flipgate.core.rights.rule import Account
    from flipgate.steps.releasing.setup import check_application

    one = Account(account) if account else None
    try:
        found = check_application(options.cluster(), application, options.namespace, note, one)
    except FlipgateError:
        if doubt:
            raise doubt from None
        raise
    first, *more = doubt.fact.split("\n  ") if doubt else [""]
    return [*(f"{doubt.obj}: {line}" for line in more or [first] if doubt), *found]
