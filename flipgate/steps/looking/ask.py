"""flipgate's own requests by users' way, through one replica: what they bring with them, and how fast they come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from threading import Lock

from flipgate.adapters.secrets import header_value
from flipgate.core.gates.secrets import secrets_of
from flipgate.core.spec.probe import SecretKey
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import FlipgateError, Forbidden
from flipgate.steps.acting.world import World

LEAST_SECONDS = 1.0
"""What an answer has after its request has waited for its turn."""
KEPT_SECONDS = 30.0
"""How long a Secret's value is taken as it is before it is read again."""


def fetch(world: World, replica: str, *, timeout: float, host: str = "") -> Answer:
    """Sends one request through one replica, as a user's would go, for the users' host or another, when its turn has
    come. Raises when there is no answer, and where a declared header's value cannot be read."""
    spec = world.application.spec.traffic
    headers = {header.name: header.value or secret_value(world, header.secret) for header in spec.probe.headers}
    waited = _turn(world)
    left = max(LEAST_SECONDS, timeout - waited) if waited else timeout
    return world.proxy.get(replica, host or spec.host, spec.path, headers=headers, timeout=left)


def probe_problems(world: World) -> Iterator[str]:
    """What keeps a declared header, or what lets flipgate in where metrics are, from being sent: no such Secret, or
    nothing in it; and a pace at which no move could be proven."""
    namespace, traffic = world.store.namespace, world.application.spec.traffic
    if traffic.probes_per_second and (too_slow := traffic.too_slow(_replicas(world))):
        yield f"{world.proxy.name}: {too_slow}"
    probes = {header.secret: "spec.traffic.probe.headers" for header in traffic.probe.headers if header.secret}
    for where, secret in [*((where, secret) for secret, where in probes.items()), *secrets_of(world.application.spec)]:
        try:
            header_value(world.cluster, namespace, secret)
        except Forbidden:
            continue  # the right is named with all others
        except FlipgateError as error:
            yield f"{where}: {error.named_fact}"


def _replicas(world: World) -> int:
    """Returns how many there are; where they cannot be listed that is said elsewhere."""
    try:
        return len(world.proxy.replicas())
    except FlipgateError:
        return 0


def secret_value(world: World, secret: SecretKey | None) -> str:
    """Returns the value. One that cannot be read again is the one of before: probes do not end for that."""
    assert secret is not None
    now = world.monotonic()
    read, value = world.secrets.get(secret, (-KEPT_SECONDS, ""))
    if value and now - read < KEPT_SECONDS:
        return value
    try:
        world.secrets[secret] = now, header_value(world.cluster, world.store.namespace, secret)
    except FlipgateError:
        if not value:
            raise
        world.secrets[secret] = now, value
    return world.secrets[secret][1]


def _turn(world: World) -> float:
    """Waits until the next request may be sent. Returns how many seconds that took."""
    spec = world.application.spec.traffic
    if spec.probes_per_second is None:
        return 0.0
    began = world.monotonic()
    turn = _pace(spec.host, world.monotonic).take(began, 1 / spec.probes_per_second)
    while (left := turn - world.monotonic()) > 0:
        world.sleep(left)
    return world.monotonic() - began


@cache
def _pace(host: str, clock: Callable[[], float]) -> _Pace:
    """One for all of this process's requests to a host by a clock, whichever World sends them."""
    return _Pace()


class _Pace:
    """Turns that are never closer together than is asked for."""

    def __init__(self) -> None:
        self._lock, self._next = Lock(), float("-inf")

    def take(self, now: float, apart: float) -> float:
        """Returns when the turn is, on the clock of `now`."""
        with self._lock:
            turn = max(now, self._next)
            self._next = turn + apart
            return turn
