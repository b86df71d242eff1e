"""Notices a declared workload that is there as another kind than the file says, and says the line to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from flipgate.adapters.addresses import address
from flipgate.adapters.cluster import Reader
from flipgate.core.spec.application import Application
from flipgate.core.spec.service import DAEMON_SET, NO_DAEMON_SET, OF_ROLES, Service
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.place import Place
from flipgate.core.values.reasons import Why

SOUGHT: Final = ("Deployment", "StatefulSet", DAEMON_SET)


def kind_problems(cluster: Reader, place: Place, services: Iterable[Service]) -> Iterator[str]:
    """Yields a sentence for each of these services that the side lacks, where something of its name is there as another
    kind. A CronJob is none of them: it has another role. Never raises: what may not be read is not said."""
    for service in services:
        if service.kind in SOUGHT and not _there(cluster, service.kind, place, service):
            kinds = [kind for kind in SOUGHT if kind != service.kind]
            yield from (_line(kind, place, service) for kind in kinds if _there(cluster, kind, place, service))


def need_kinds(cluster: Reader, application: Application) -> None:
    """Raises Refused (OtherKind) with these sentences of both sides, where there are any."""
    services = application.spec.services
    if found := [line for place in application.places.values() for line in kind_problems(cluster, place, services)]:
        raise Refused(
            "; ".join(found),
            obj=f"application {application.name}",
            reason=Why.OTHER_KIND,
            next_command="flipgate check -f FILE, once the file says it",
        )


def _there(cluster: Reader, kind: str, place: Place, service: Service) -> bool:
    try:
        return cluster.find(address(kind, place.namespace, place.workload_of(service))) is not None
    except FlipgateError:
        return False


def _line(kind: str, place: Place, service: Service) -> str:
    found = f"{kind} {place.namespace}/{place.workload_of(service)} is there, and the file has it as a {service.kind}"
    if kind == DAEMON_SET:
        return f"{found}: a {kind} {NO_DAEMON_SET}"
    write = f"take `kind: {service.kind}` out" if kind in OF_ROLES else f"write `kind: {kind}`"
    return f"{found}: {write} for service {service.name}, on both sides it has to be the same"
