"""A declared address that users come in by, asked as a browser would ask it: TLS with the host's name, and verified."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Collection, Mapping
from functools import cache
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from flipgate.adapters.cluster import ANSWER_BYTES
from flipgate.adapters.connection import CONNECT_SECONDS, READ_SECONDS
from flipgate.adapters.reading import by_deadline, read_whole
from flipgate.adapters.traefik import COUNTERS_SECONDS
from flipgate.core.gates.traefik_counters import Reading
from flipgate.core.spec.traffic import TrafficSpec
from flipgate.core.values.answer import Answer
from flipgate.core.values.errors import BadInput, Refused, TemporaryError, Unreachable
from flipgate.core.values.foreign import printable
from flipgate.core.values.reasons import Why

HTTPS_PORT = 443
ALWAYS = {"Accept-Encoding": "identity", "Connection": "close"}
"""Headers of each request."""


class DeclaredAddress:
    """A `Proxy` (adapters/proxy.py): its replicas are the IP addresses that the declared one has now. Each request has
    a connection of its own, so that a balancer behind one of them may lead it to another of its own."""

    def __init__(self, address: str, traffic: TrafficSpec) -> None:
        self.name = address
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or HTTPS_PORT
        self._traffic = traffic

    def throttles(self, _: Collection[str]) -> dict[str, float]:
        """What stands there says nothing of it."""
        return {}

    def replicas(self, *, timeout: float = READ_SECONDS) -> list[str]:
        """Each as IP:PORT. Raises Refused (AddressUnknown) where the name has no address, or nobody says in time."""
        found: list[Any] = []
        why = [f"no answer within {timeout:.3g} s"]

        def resolve() -> None:
            try:
                found.extend(socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM))
            except OSError as error:
                why[0] = printable(error.strerror or type(error).__name__)

        asking = Thread(target=resolve, daemon=True)  # the system's resolver has its own time, and can't be told ours
        asking.start()
        asking.join(timeout)
        if not found:
            raise Refused(
                f"the name {self._host} has no address ({why[0]})",
                obj=self.name,
                reason=Why.ADDRESS_UNKNOWN,
                untouched="all routes",
                next_command=f"getent ahosts {self._host}",
            )
        return sorted({_written(*entry[4][:2]) for entry in list(found)})

    def get(self, replica: str, host: str, path: str, *, headers: Mapping[str, str], timeout: float) -> Answer:
        """Raises Unreachable where no answer comes in time, and where no TLS that may be trusted comes about."""
        from urllib3 import HTTPSConnectionPool, Timeout
        from urllib3.exceptions import HTTPError, SSLError

        began = time.monotonic()
        address, _, port = replica.rpartition(":")
        trust = _trusted(self._traffic.ca or "")
        about = f"{self.name} ({replica})"
        try:
            with HTTPSConnectionPool(address.strip("[]"), int(port), ssl_context=trust, server_hostname=host) as pool:
                by_deadline(pool)
                response = pool.urlopen(
                    "GET",
                    path,
                    headers={"Accept": "*/*", **headers, **ALWAYS, "Host": host},
                    timeout=Timeout(connect=min(CONNECT_SECONDS, timeout), total=timeout),
                    retries=False,
                    redirect=False,
                    preload_content=False,
                    decode_content=False,
                )
                whole = read_whole(response, ANSWER_BYTES, obj=about, limit=timeout)
        except SSLError as error:
            fact, closer = f"no TLS for {host} came about: {_why(error)}", self.look_into(replica, host=host)
            raise Unreachable(fact, obj=about, next_command=closer) from error
        except HTTPError as error:
            fact, closer = f"did not answer (limit {timeout:.3g} s): {type(error).__name__}", self.look_into(replica)
            raise Unreachable(fact, obj=about, next_command=closer) from error
        came = {name.lower(): value for name, value in whole.headers.items()}
        seconds = time.monotonic() - began
        return Answer(whole.status, came, whole.body, seconds, whole.unread, scheme="https", named=True)

    def counters(self, replica: str, services: Collection[str], *, timeout: float = COUNTERS_SECONDS) -> Reading:
        """It has none."""
        raise TemporaryError("an address has no counters", obj=f"{self.name} ({replica})")

    def look_into(self, replica: str = "", *, host: str = "") -> str:
        """The same question, by curl."""
        to = replica or f"{self._host}:{self._port}"
        return f"curl -v --connect-to ::{to} https://{host or self._traffic.host}{self._traffic.path}"


@cache
def _trusted(ca: str) -> ssl.SSLContext:
    """Kept: reading the system's certificates takes as long as several requests."""
    try:
        return ssl.create_default_context(cadata=ca or None)
    except ssl.SSLError as error:
        raise BadInput("is no certificate in PEM", obj="spec.traffic.ca") from error


def _written(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _why(error: Exception) -> str:
    """OpenSSL's words, of which those on a certificate are the plainest."""
    cause = error.args[-1] if error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{printable(cause.verify_message)} (spec.traffic.ca: whom to trust; the system's, when left out)"
    return printable(getattr(cause, "reason", None) or type(cause).__name__)
