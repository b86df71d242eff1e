"""Stands before the API server: from one request on, for some seconds, it is away, slow, silent or talks rubbish."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.api.wire import ANSWERED, Answer, Handler, Through, sending, serving
from tests.faults.front import PIECE_SECONDS, RUBBISH, SLOW_SECONDS, Fault

Wanted = Callable[[str, str, bytes], bool]
"""Whether a request (method, path, body) is the one that a fault begins with."""
HOP_BY_HOP = ("connection", "content-length", "transfer-encoding")


@dataclass
class ApiFront(Through):
    """Before the API server: from the first request that is `wanted` on, for so many seconds, something is wrong."""

    fault: Fault = Fault.AWAY
    wanted: Wanted = lambda method, path, body: False
    seconds: float = 8.0
    began: float | None = None
    asked: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    kubeconfig_of_it: Path = Path()
    """With which whoever is to feel it comes."""

    @property
    def faulty(self) -> bool:
        return self.began is not None and time.monotonic() < self.began + self.seconds

    @property
    def over(self) -> bool:
        return self.began is not None and not self.faulty

    def begin(self) -> None:
        """From now on it is so, whoever asks."""
        self.began = time.monotonic()

    def __call__(self, request: Handler) -> Answer | None:
        with self.lock:
            if self.began is None and self.wanted(request.command, request.path, request.body):
                self.begin()
        if "watch=true" in request.path:
            return self._watch(request)
        if not self.faulty:
            return self._passes(request)
        self.asked += 1
        if self.fault is Fault.AWAY:
            return None
        if self.fault is Fault.SILENT:
            while self.faulty:
                time.sleep(PIECE_SECONDS)
            return None
        if self.fault is Fault.SLOW:
            time.sleep(SLOW_SECONDS)
            return self._passes(request)
        super().__call__(request)
        return 200, RUBBISH

    def _passes(self, request: Handler) -> Answer | None:
        """There and back; what goes to a pod, with its headers: the host that is asked for, the side that answers."""
        if "/proxy/" not in request.path:
            return super().__call__(request)
        asked = dict(request.headers) | {"Authorization": f"Bearer {self._token}"}
        answer = self._pool.request(
            request.command, self._url + request.path, headers=asked, retries=False, decode_content=False
        )
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in kept.items())]
        head = "\r\n".join((*lines, f"Content-Length: {len(answer.data)}", "", ""))
        sending(request, (head.encode(), answer.data))
        return ANSWERED

    def _watch(self, request: Handler) -> Answer | None:
        """Events as they come, until something is wrong."""
        headers = {"Authorization": f"Bearer {self._token}"}
        answer = self._pool.request("GET", self._url + request.path, headers=headers, preload_content=False)
        head = f"HTTP/1.1 {answer.status} OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n".encode()
        request.close_connection = True

        def pieces() -> Iterator[bytes]:
            yield head
            while not self.faulty and (piece := answer.read1(65536)):
                yield piece

        sending(request, pieces())
        answer.close()
        return ANSWERED


@contextmanager
def before_api(kubeconfig: Path, fault: Fault, wanted: Wanted, seconds: float) -> Iterator[ApiFront]:
    """A front of the API server, while the block runs."""
    front = ApiFront(kubeconfig, fault=fault, wanted=wanted, seconds=seconds)
    with tempfile.TemporaryDirectory() as folder, serving(front, Path(folder)):
        front.kubeconfig_of_it = Path(folder) / "wire.kubeconfig"
        yield front
