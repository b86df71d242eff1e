"""The load generator as its users hold it: a process of its own, watched by a thread, asked for reports at any time."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from lab.load.client import Plan
from lab.load.tally import LoadReport, Row, Tally

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0


class LoadError(RuntimeError):
    """The generator could not start, or ended before it was told to: its figures can't be trusted."""


class Load:
    """Users of `url` (http://ADDRESS:PORT) who ask for `host` and `path`, at `rate` requests per second in all.

    By https any certificate will do. `rate=None` is as fast as the clients can. `long` clients beside them ask for
    /slow?seconds=`long_seconds`, and `websockets` keep a WebSocket to /ws open. Its process ends with this one, however
    this one ends.
    """

    def __init__(
        self,
        url: str,
        host: str,
        path: str = "/",
        *,
        clients: int = 8,
        rate: float | None = 200.0,
        long: int = 0,
        long_seconds: float = 5.0,
        websockets: int = 0,
    ) -> None:
        self.plan = Plan(url, host, path, clients, rate, long, long_seconds, websockets)
        self._tally = Tally()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self) -> Self:
        """Begin; returns when the first users are under way. Raises LoadError."""
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.load", *_arguments(self.plan), "--stream"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for this process; the generator ends with its standard input
        )
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), name="load", daemon=True)
        self._reader.start()
        if not self._ready.wait(_START_SECONDS) or self._process.poll() is not None:
            self._end(kill=True)
            raise LoadError("the load generator did not start; its own message stands on standard error")
        return self

    def snapshot(self) -> LoadReport:
        """What has been counted so far. Raises LoadError when the generator has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise LoadError(f"the load generator has ended by itself with exit code {self._process.returncode}")
        return self._report()

    def stop(self) -> LoadReport:
        """Let requests under way finish, end, and tell all. Raises LoadError when the generator had ended by itself."""
        process = self._process
        if process is None:
            return self._report()
        died = process.poll() is not None
        self._end(kill=False)
        if died or process.returncode != 0:
            raise LoadError(f"the load generator has ended by itself with exit code {process.returncode}")
        return self._report()

    def first_answer_after(self, side: str, since: float) -> float | None:
        """When `side` first answered at or after `since` (both in seconds since the epoch); None when it has not."""
        return self._report().first_answer_after(side, since)

    def last_answer(self, side: str) -> float | None:
        """When `side` last answered; None when it never has."""
        return self._report().last_answer(side)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(kill=False)

    def _read(self, lines: IO[str]) -> None:
        for line in lines:
            message = json.loads(line)
            with self._lock:
                for row in message.get("rows", ()):
                    self._tally.add(Row(*row))
            if "ready" in message:
                self._ready.set()
        self._ready.set()

    def _report(self) -> LoadReport:
        with self._lock:
            return self._tally.report()

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        if kill:
            process.kill()
        process.stdin.close()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if self._reader is not None:
            self._reader.join()
        process.stdout.close()


def _arguments(plan: Plan) -> list[str]:
    words = [plan.url, "--host", plan.host, "--path", plan.path, "--clients", str(plan.clients)]
    words += ["--rate", str(plan.rate or 0), "--long", str(plan.long), "--long-seconds", str(plan.long_seconds)]
    return [*words, "--websockets", str(plan.websockets)]
