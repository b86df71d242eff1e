"""The first process of a lab's namespace (`python -m lab.plane.supervisor`): starts all, watches all, is its life.

As the first process of a process namespace it takes everything with it when it ends, however it ends: the kernel kills
the rest. It also inherits orphans, so it buries whatever dies.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from lab.plane import components, network
from lab.plane.components import Component, Door, Plan

TICK = 0.02  # seconds between two looks while something starts
WATCH = 0.1  # and when everything runs
START_PATIENCE = 60.0  # seconds for etcd and for the API server to answer
AGAIN_AFTER = 1.0  # seconds before a component that is not core is started again


class LabEndedError(Exception):
    """The lab is over; the message says why, and `culprit` which component's log tells more."""

    def __init__(self, reason: str, culprit: str = "") -> None:
        super().__init__(reason)
        self.culprit = culprit


@dataclass
class Supervisor:
    """The components of one lab, by the process that each is."""

    plan: Plan
    phase: str = "starting"
    running: dict[int, Component] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    again: list[tuple[float, Component]] = field(default_factory=list)

    def run(self) -> None:
        """Bring the lab up and keep it up.

        Raises:
            LabEndedError: Always: a core component died, or somebody asked.
        """
        network.set_up()
        self.wait_for(self.known, "whoever starts the lab")  # a lab that nobody noted could never be ended
        self.start(components.etcd(self.plan))
        for component in components.forwarder(self.plan):
            self.start(component)
        self.wait_for(lambda: _listens("127.0.0.1", 2379), "etcd")
        self.start(components.api_server(self.plan))
        ready = _readiness(self.plan.folder / "pki" / "ca.crt")
        self.wait_for(ready, "kube-apiserver")
        for component in components.followers(self.plan):
            self.start(component)
        self.note("running")
        while self.known():
            self.bury()
            time.sleep(WATCH)
        raise LabEndedError("its folder is gone")

    def known(self) -> bool:
        """Whether there is a note of this lab, for whoever ends it."""
        return (self.plan.folder / "lab.json").exists()

    def start(self, component: Component) -> None:
        """Start one component; its output goes to the end of its log."""
        with (self.plan.folder / "logs" / f"{component.name}.log").open("ab") as log:
            process = subprocess.Popen(
                component.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=component.sockets
            )
        self.running[process.pid] = component
        process.returncode = 0  # buried by us, not by this object
        self.note(self.phase)

    def wait_for(self, condition: Callable[[], bool], name: str) -> None:
        """Wait until the condition holds, while nothing that matters dies."""
        deadline = time.monotonic() + START_PATIENCE
        while not condition():
            self.bury()
            if time.monotonic() > deadline:
                raise LabEndedError(f"{name} did not answer within {START_PATIENCE:.0f} s", name)
            time.sleep(TICK)

    def bury(self) -> None:
        """Take note of everything that has died, and start again what may be."""
        while (dead := _dead_child()) is not None:
            pid, code = dead
            component = self.running.pop(pid, None)
            if component is None:
                continue
            if component.core:
                raise LabEndedError(f"{component.name} ended ({_code(code)})", component.name)
            print(f"{component.name} ended ({_code(code)}), starting it again", flush=True)
            self.restarts[component.name] = self.restarts.get(component.name, 0) + 1
            self.again.append((time.monotonic() + AGAIN_AFTER, component))
            self.note(self.phase)
        due = [component for moment, component in self.again if moment <= time.monotonic()]
        self.again = [(moment, component) for moment, component in self.again if component not in due]
        for component in due:
            self.start(component)

    def note(self, phase: str, reason: str = "", culprit: str = "") -> None:
        """Write state.json, whole or not at all."""
        self.phase = phase
        state = {
            "phase": phase,
            "reason": reason,
            "culprit": culprit,
            "components": sorted(component.name for component in self.running.values()),
            "restarts": self.restarts,
        }
        path = self.plan.folder / "state.json"
        path.with_suffix(".new").write_text(json.dumps(state, indent=1) + "\n")
        os.replace(path.with_suffix(".new"), path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a lab until it ends; the command line comes from `lab.control.labs`."""
    parser = argparse.ArgumentParser(prog="python -m lab.plane.supervisor", description=__doc__)
    parser.add_argument("--dir", type=Path, required=True)
    parser.add_argument("--tier", choices=["api", "full"], required=True)
    parser.add_argument("--door", action="append", default=[], metavar="FD=HOST:PORT")
    given = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _asked)
    (given.dir / "tmp").mkdir(exist_ok=True)
    os.environ.setdefault("GOGC", "400")  # memory for time: a lab lives for minutes, and its machine is small
    if given.tier == "api":  # one test at a time asks it most of the time: idle threads that look for work cost a tenth
        os.environ.setdefault("GOMAXPROCS", "1")
    os.environ["TMPDIR"] = str(given.dir / "tmp")  # so that nothing of a killed lab stays behind elsewhere
    supervisor = Supervisor(Plan(given.dir, given.tier, tuple(map(Door.read, given.door))))
    try:
        supervisor.run()
    except (LabEndedError, OSError) as ended:
        print(ended, flush=True)
        with suppress(OSError):
            supervisor.note("ended", str(ended), getattr(ended, "culprit", ""))
    return 1


def _asked(number: int, _frame: object) -> None:
    raise LabEndedError(f"asked to end by {signal.Signals(number).name}")


def _dead_child() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, os.waitstatus_to_exitcode(status)) if pid else None


def _code(code: int) -> str:
    return f"code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _readiness(authority: Path) -> Callable[[], bool]:
    context = ssl.create_default_context(cafile=str(authority))

    def ready() -> bool:
        connection = http.client.HTTPSConnection("127.0.0.1", 6443, timeout=2, context=context)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready


if __name__ == "__main__":
    sys.exit(main())
