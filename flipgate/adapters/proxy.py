"""What stands before users and follows the routes: who lists its replicas, asks each by itself, reads its counters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from flipgate.adapters.cluster import Reader
from flipgate.adapters.connection import READ_SECONDS
from flipgate.adapters.declared_address import DeclaredAddress
from flipgate.adapters.traefik import COUNTERS_SECONDS, TraefikPods
from flipgate.core.gates.traefik_counters import Reading
from flipgate.core.spec.application import Application
from flipgate.core.values.answer import Answer


class Proxy(Protocol):
    """Asks as a user would, one replica at a time."""

    name: str
    """What messages call it."""

    def replicas(self, *, timeout: float = READ_SECONDS) -> list[str]:
        """The names of those that users are sent to now. Raises Refused when there are none: nothing could be proven,
        and FlipgateError when they cannot be listed."""

    def throttles(self, providers: Collection[str]) -> Mapping[str, float]:
        """How many seconds each holds back a route that one of these providers of its reads, where that is known.
        Raises FlipgateError when they cannot be listed."""

    def get(self, replica: str, host: str, path: str, *, headers: Mapping[str, str], timeout: float) -> Answer:
        """One request for this host and path, by the declared scheme and with these headers, to one replica. Raises
        when no answer comes."""

    def counters(self, replica: str, services: Collection[str], *, timeout: float = COUNTERS_SECONDS) -> Reading:
        """What it has counted of these services' requests so far. Raises TemporaryError when it cannot be read."""

    def look_into(self, replica: str = "", *, host: str = "") -> str:
        """The command by which a person finds out why one replica, or any of them, does not answer as it should."""


def proxy_of(application: Application, cluster: Reader) -> Proxy:
    """The one that the application's file declares."""
    traffic = application.spec.traffic
    return DeclaredAddress(traffic.address, traffic) if traffic.address else TraefikPods(cluster, traffic)
