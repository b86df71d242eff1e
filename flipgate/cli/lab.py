"""`flipgate lab`: a real Kubernetes on this machine. With `demo`, the only file that knows that a lab exists."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from flipgate.cli._commands import Verb, Verbs
from flipgate.cli._options import output_option, say
from flipgate.cli._print import echo, emit, table
from flipgate.core.values.errors import BadInput, NotFound, PermanentError

if TYPE_CHECKING:
    from lab.control.records import LabStatus

DATA = """\
{"name", "state": "absent"|"starting"|"running"|"dead", "detail", "tier", "kubeconfig", "context", "apiUrl",
 "traefikUrl", "prometheusUrl", "alertmanagerUrl", "gitUrl", "pid", "components": [...],
 "restarts": {component: times}}"""

name_option = click.option("--name", default="default", show_default=True, help="Which lab; several run side by side.")


@click.group(
    cls=Verbs,
    examples="""\
        flipgate lab up
        flipgate lab status
        flipgate lab logs kube-apiserver
        flipgate lab down""",
)
def lab() -> None:
    """A real Kubernetes on this machine, without Docker: up, down, status, logs."""


@lab.command(
    cls=Verb,
    details={"Data": "-o json: " + DATA},
    examples="""\
        flipgate lab up
        flipgate lab up --name try --tier api          etcd and kube-apiserver alone, in seconds
        flipgate lab up --metrics                      with Prometheus and Alertmanager
        flipgate lab up --flux                         with Flux's kustomize-controller and a Git server
        export KUBECONFIG=$(flipgate lab up -o json | jq -r .kubeconfig)""",
)
@name_option
@click.option("--tier", type=click.Choice(["api", "full"]), default="full", show_default=True, help="How much of it.")
@click.option(
    "--throttle-ms",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="How long Traefik waits between two changes, in milliseconds.",
)
@click.option(
    "--metrics",
    is_flag=True,
    help="With Prometheus and Alertmanager; a lab that runs without gets them added. Built when first asked for.",
)
@click.option(
    "--flux",
    is_flag=True,
    help="With Flux's kustomize-controller and a Git server, added and built as those of --metrics are.",
)
@output_option("json", "yaml")
def up(name: str, tier: Any, throttle_ms: int, metrics: bool, flux: bool, output: str | None) -> None:
    """Start a lab; one that runs already is taken as it is. Built once per user, which takes minutes.

    The Git server of --flux keeps all below ~/.local/state/flipgate/labs/NAME/git: bare repositories in `repositories`,
    the password to them in `token` (any user name), and while a file `away` says 503, silence or deaf, it fails so. A
    Kustomization takes `sourceRef: {kind: ExternalArtifact, name: NAME}` of a repository. More: CONTRIBUTING.md, The
    lab's Git server.
    """
    if metrics and tier == "api":
        raise BadInput("--metrics needs the full lab: in --tier api there are no pods to measure", obj=f"lab {name}")
    if flux and tier == "api":
        raise BadInput("--flux needs the full lab: in --tier api no pods run", obj=f"lab {name}")
    with _labs() as labs:
        from lab.machine.progress import Printer

        with Printer() as progress:
            parts = {"metrics": metrics, "flux": flux}
            running = labs.up(name, tier=tier, throttle_ms=throttle_ms, **parts, progress=progress)
        status = labs.status(name)
    if output:
        emit(as_data(status), output)
        return
    echo(f"lab {name} is up ({running.tier})")
    for line in _ways_in(status):
        echo(line)


@lab.command(
    cls=Verb,
    examples="""\
        flipgate lab down
        flipgate lab down --name try
        flipgate lab down --all""",
)
@name_option
@click.option("--all", "every", is_flag=True, help="End all labs of this user.")
def down(name: str, every: bool) -> None:
    """End a lab, and clear away what a crash left of one."""
    with _labs() as labs:
        for each in labs.names() if every else (name,):
            ended = labs.down(each, progress=say)
            echo(f"lab {each} is down" if ended else f"lab {each} was not there")


@lab.command(
    cls=Verb,
    details={"Data": '-o json: {"labs": [LAB, ...]} with each LAB: ' + DATA.replace("\n", "\n  ")},
    examples="""\
        flipgate lab status
        flipgate lab status --name try -o json""",
)
@click.option("--name", default=None, help="One lab only.")
@output_option("json", "yaml")
def status(name: str | None, output: str | None) -> None:
    """How the labs of this user are. Exit code 1 for a named lab that does not run."""
    with _labs() as labs:
        found = [labs.status(each) for each in ((name,) if name else labs.names())]
    if output:
        emit({"labs": [as_data(each) for each in found]}, output)
    elif not found:
        echo("no labs; next: flipgate lab up", err=True)
    else:
        _show(found)
    if name and found[0].state != "running":
        raise NotFound(f"is {found[0].state}: {found[0].detail}", obj=f"lab {name}", next_command="flipgate lab up")


@lab.command(
    cls=Verb,
    examples="""\
        flipgate lab logs                       which components have logs, and where
        flipgate lab logs kube-apiserver
        flipgate lab logs etcd --tail 20""",
)
@click.argument("component", required=False)
@name_option
@click.option("--tail", type=click.IntRange(min=1), default=None, metavar="N", help="The last N lines only.")
def logs(component: str | None, name: str, tail: int | None) -> None:
    """The logs of a lab's components."""
    with _labs() as labs:
        found = labs.logs(name)
    if not found:
        raise NotFound("has no logs", obj=f"lab {name}", next_command=f"flipgate lab up --name {name}")
    if component is None:
        for line in table(["COMPONENT", "LOG"], [(each, str(path)) for each, path in found.items()]):
            echo(line)
        return
    if component not in found:
        from flipgate.core.values.nearest import hint

        raise BadInput(f'unknown component "{component}"; {hint(component, found)}', obj=f"lab {name}")
    lines = found[component].read_text(errors="replace").splitlines()
    for line in lines[-tail:] if tail else lines:
        echo(line)


def as_data(status: LabStatus) -> dict[str, Any]:
    """A lab as data; what is not known of one that does not run is null."""
    running = status.lab
    return {
        "name": status.name,
        "state": status.state,
        "detail": status.detail,
        "tier": running.tier if running else None,
        "kubeconfig": str(running.kubeconfig) if running else None,
        "context": running.context if running else None,
        "apiUrl": running.api_url if running else None,
        "traefikUrl": running.traefik_url or None if running else None,
        "prometheusUrl": running.prometheus_url or None if running else None,
        "alertmanagerUrl": running.alertmanager_url or None if running else None,
        "gitUrl": running.git_url or None if running else None,
        "pid": running.pid if running else None,
        "components": list(status.components),
        "restarts": dict(status.restarts),
    }


def _show(found: list[LabStatus]) -> None:
    rows = [(s.name, s.state, s.lab.tier if s.lab else "-", s.lab.api_url if s.lab else s.detail) for s in found]
    for line in table(["NAME", "STATE", "TIER", "API"], rows):
        echo(line)
    for each in found if len(found) == 1 else ():
        for line in _ways_in(each):
            echo(line)


def _ways_in(status: LabStatus) -> list[str]:
    if status.lab is None:
        return []
    ways = {
        "API server": status.lab.api_url,
        "Traefik": " ".join(filter(None, [status.lab.traefik_url, status.lab.traefik_tls_url])),
        "Prometheus": status.lab.prometheus_url,
        "Alertmanager": status.lab.alertmanager_url,
        "Git server": status.lab.git_url,
        "kubectl": status.lab.kubectl,
    }
    shown = [f"  {name:<12}  {way}" for name, way in ways.items() if way]
    return [*shown, f"  export KUBECONFIG={status.lab.kubeconfig}"]


@contextmanager
def _labs() -> Iterator[Any]:
    """The module `lab.control.labs`, its failures as flipgate's; PermanentError without a checkout."""
    try:
        from lab.control import labs
        from lab.machine.errors import LabError
    except ImportError as error:
        raise PermanentError(
            f"cannot be used here ({error}): it comes with a checkout of flipgate, not with the installed package",
            obj="the lab",
            next_command="git clone flipgate, then: uv run flipgate lab up",
        ) from error
    try:
        yield labs
    except LabError as error:
        raise PermanentError(str(error), obj="lab") from error
