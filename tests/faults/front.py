"""Stands before a part of the world, and is away, slow, silent or talks rubbish when a test says so.

For whatever speaks TCP: Prometheus, Alertmanager, Slack, Prefect, a Traefik replica. The one before the API server,
which knows requests, is `ApiFront`.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit


class Fault(StrEnum):
    """What is wrong with a part."""

    AWAY = "away"
    """Refuses connections, and cuts those that there are."""
    SILENT = "silent"
    """Takes connections and says nothing, as a process that was stopped (SIGSTOP)."""
    SLOW = "slow"
    """Answers, SLOW_SECONDS late."""
    RUBBISH = "rubbish"
    """Does what it is asked, and answers 200 with something else."""


SLOW_SECONDS = 6.0
"""More than flipgate waits for one answer (5 s): as late as that, some would be heard."""
PIECE_SECONDS = 0.05
RUBBISH = b"<!doctype html>\xff\x00 502 <b>Sorry!"
RUBBISH_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(RUBBISH), RUBBISH)


@dataclass
class Front:
    """A TCP relay to HOST:PORT. `fault` may be set and taken away at any time."""

    there: tuple[str, int]
    fault: Fault | None = None
    url: str = ""
    asked: int = 0
    """Pieces that came for it while something was wrong."""

    def take(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.fault is Fault.AWAY:
                self.asked += 1
                return
            with socket.create_connection(self.there, timeout=10) as server:
                server.settimeout(None)
                back = threading.Thread(target=self._pump, args=(server, client, False), daemon=True)
                back.start()
                self._pump(client, server, True)

    def _pump(self, source: socket.socket, to: socket.socket, forth: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.fault and not self._passes(data, source, forth):
                    break
                to.sendall(data)
        for each in (source, to):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _passes(self, data: bytes, source: socket.socket, forth: bool) -> bool:
        """What becomes of a piece while something is wrong."""
        if forth:
            self.asked += 1
        if self.fault is Fault.SILENT:
            while self.fault is Fault.SILENT:
                time.sleep(PIECE_SECONDS)
            return False
        if self.fault is Fault.RUBBISH:
            if forth:
                source.sendall(RUBBISH_ANSWER)
            return False
        if self.fault is Fault.SLOW:
            if forth:
                time.sleep(SLOW_SECONDS)
            return True
        return False

    def serve(self, door: socket.socket) -> None:
        """Takes whoever comes by this door, until it is shut."""
        with suppress(OSError):
            while True:
                client, _ = door.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.take, args=(client,), daemon=True).start()


@contextmanager
def before(url: str) -> Iterator[Front]:
    """A front of the part at http://HOST:PORT, while the block runs."""
    parts = urlsplit(url)
    front = Front((parts.hostname or "", parts.port or 80))
    with socket.create_server(("127.0.0.1", 0), backlog=128) as door:
        front.url = f"http://127.0.0.1:{door.getsockname()[1]}"
        threading.Thread(target=front.serve, args=(door,), daemon=True).start()
        try:
            yield front
        finally:
            front.fault = Fault.AWAY
            with suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
