"""`flipgate apply`: the application's file, written to flipgate's namespace."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from flipgate.cli._commands import Verb
from flipgate.cli._files import file_option, read_application
from flipgate.cli._options import ClusterOptions, cluster_options, say
from flipgate.cli._print import echo
from flipgate.core.values.errors import FlipgateError, NotFound

if TYPE_CHECKING:
    from flipgate.adapters.cluster import Reader
    from flipgate.core.spec.application import Application


@click.command(
    cls=Verb,
    examples="""\
        flipgate apply -f flipgate.yaml
        flipgate apply -f flipgate.yaml --dry-run                    say what would be written
        flipgate apply -f flipgate.yaml --context staging -n releases""",
)
@file_option
@click.option("--dry-run", is_flag=True, help="Say what would be written, and write nothing.")
@cluster_options
def apply(options: ClusterOptions, filename: str, dry_run: bool) -> None:
    """Write an application's file to the cluster.

    The file goes into ConfigMap application-APP of flipgate's namespace, which is created when missing. Both sides'
    namespaces must exist. Nothing else is changed.
    """
    application, text = read_application(filename)
    cluster = options.cluster()
    if dry_run:
        for line in _would(cluster, application, text, options.namespace):
            echo(line)
        return
    from flipgate.adapters.store import Store
    from flipgate.steps.releasing.setup import apply_application

    apply_application(cluster, application, text, options.namespace, say)
    name = application.name
    echo(f"application {name} applied (namespace {options.namespace})")
    with suppress(FlipgateError):  # a record that cannot be read is there, and `status` says so
        if Store(cluster, options.namespace, name).find() is None:
            say(f"Next: flipgate adopt {name} (nothing runs yet: flipgate init {name})")


def _would(cluster: Reader, application: Application, text: str, namespace: str) -> list[str]:
    """What applying would write. Raises Refused where applying would."""
    from flipgate.adapters.addresses import address, namespace_address
    from flipgate.steps.releasing.setup import need_alone, need_place

    need_place(cluster, application)
    need_alone(cluster, application, namespace, say)
    lines = []
    if cluster.find(namespace_address(namespace)) is None:
        lines.append(f"namespace {namespace} would be created (dry run)")
    name = f"application-{application.name}"
    try:
        before = cluster.get(address("ConfigMap", namespace, name))
        same = before.get("data", {}).get("application.yaml") == text
        what = "is as the file says already" if same else "would be changed"
    except NotFound:
        what = "would be created"
    return [*lines, f"ConfigMap {namespace}/{name} {what} (dry run)"]
