"""What stands behind a running container: the sample application in this process, or a local process of its own."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lab.app import AppServer, Behaviour, Identity, SampleApp, parse_image
from lab.app.behaviour import (
    CONSUME_KEY,
    DRAIN_ANNOTATION,
    DRAIN_SECONDS,
    RUN_ANNOTATION,
    RUN_SECONDS,
    START_ANNOTATION,
    START_SECONDS,
    STARTS_FILE,
    behaviour_of,
    seconds_of,
)
from lab.node.probes import parse_probe
from lab.node.volumes import DATA, Mount, entered, is_below

DEFAULT_PORT = 8080
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


class Runner(Protocol):
    """One run of a container. `start` raises OSError when it can't even begin."""

    async def start(self) -> None: ...
    async def wait(self) -> int: ...
    async def stop(self, grace_seconds: float) -> None: ...
    async def kill(self) -> None: ...
    def annotated(self, annotations: Mapping[str, str]) -> None: ...


class AppRunner:
    """The sample application, listening on the pod's own address once its start-up time is over. Where it is not to
    serve (in the pod of a Job, as an init container) it works for a while instead, and ends."""

    def __init__(
        self,
        container: Mapping[str, Any],
        pod: Mapping[str, Any],
        environment: Mapping[str, str],
        address: str,
        write: Callable[[str], None],
        serves: bool = True,
        mounts: Sequence[Mount] = (),
    ) -> None:
        self._mounts = mounts
        self._ends_by_itself = not serves
        self._image = parse_image(container["image"])
        self._annotations: Mapping[str, str] = pod["metadata"].get("annotations") or {}
        self._address = address
        self._ports = app_ports(container)
        self._write = write
        identity = Identity(
            self._image.service,
            environment.get("SIDE", "unknown"),
            self._image.version,
            pod["metadata"]["name"],
            self._image.name,
        )
        self._app = SampleApp(identity, behaviour_of(self._image, self._annotations), write)
        self._server = AppServer(self._app)
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._starting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        who = self._app.identity
        self._write(f"level=info msg=starting service={who.service} version={who.version} side={who.side}")
        self._tell_unknown(self._app.behaviour)
        self._starting = asyncio.create_task(self._begin())

    async def _begin(self) -> None:
        await asyncio.sleep(seconds_of(self._annotations, START_ANNOTATION, START_SECONDS))
        if self._app.behaviour.crash:
            self._crash()
            return
        if self._ends_by_itself:
            await asyncio.sleep(seconds_of(self._annotations, RUN_ANNOTATION, RUN_SECONDS))
            self._write("level=info msg=done")
            self._end(0)
            return
        try:
            await self._server.start(self._address, self._ports)
        except OSError as error:
            self._write(f'level=fatal msg="cannot listen on {self._address}: {error.strerror}"')
            self._end(1)
            return
        self._count_start()
        self._write(f"level=info msg=listening address={self._address} ports={','.join(map(str, self._ports))}")

    async def wait(self) -> int:
        return await asyncio.shield(self._exit)

    async def stop(self, grace_seconds: float) -> None:
        await self._quit_starting()
        if not self._exit.done():
            announce = seconds_of(self._annotations, DRAIN_ANNOTATION, DRAIN_SECONDS)
            self._write(f"level=info msg=draining in_flight={self._app.busy}")
            await self._server.drain(min(announce, grace_seconds), grace_seconds)
            self._write("level=info msg=stopped")
            self._end(0)

    async def kill(self) -> None:
        await self._quit_starting()
        await self._server.abort()
        self._end(137)

    def annotated(self, annotations: Mapping[str, str]) -> None:
        self._annotations = annotations
        behaviour = behaviour_of(self._image, annotations)
        if behaviour == self._app.behaviour:
            return
        self._app.behaviour = behaviour
        self._tell_unknown(behaviour)
        self._write(f'level=info msg="behaviour changed" to="{behaviour}"')
        if behaviour.crash and self._starting is not None and self._starting.done():
            self._crash()

    def mounted(self, data: Mapping[str, str]) -> None:
        """What its ConfigMap volumes say now."""
        self._app.consuming = data.get(CONSUME_KEY) == "true"

    def _crash(self) -> None:
        self._write('level=fatal msg="told to crash"')
        self._end(1)

    def _end(self, code: int) -> None:
        if not self._exit.done():
            self._exit.set_result(code)

    def _count_start(self) -> None:
        """One more start in the first volume that holds data, for who wants to see whether it lasts."""
        kept = next((m.source for m in self._mounts if m.kind in DATA and not m.read_only and m.source.is_dir()), None)
        if kept is None:
            return
        file = kept / STARTS_FILE
        before = file.read_text().strip() if file.is_file() else ""
        self._app.started(int(before) + 1 if before.isdigit() else 1)
        file.write_text(f"{self._app.starts}\n")

    def _tell_unknown(self, behaviour: Behaviour) -> None:
        for word in behaviour.unknown:
            self._write(f'level=warning msg="unknown behaviour" word="{word}"')

    async def _quit_starting(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            await asyncio.wait([self._starting])


def app_ports(container: Mapping[str, Any]) -> list[int]:
    """The TCP ports that the manifest declares, 8080 where it declares none, and those of its gRPC probes."""
    declared = [int(p["containerPort"]) for p in container.get("ports", ()) if p.get("protocol", "TCP") == "TCP"]
    asked = [probe.port for name in PROBES if (probe := parse_probe(container, name)) and probe.kind == "grpc"]
    return list(dict.fromkeys([*(declared or [DEFAULT_PORT]), *asked]))


class ProcessRunner:
    """A container's command as a local process: own process group, output to the container's log. It begins in its
    working directory where there is such a folder, else in one of its own, and sees its mounts."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        write: Callable[[str], None],
        working_dir: str = "",
        mounts: Sequence[Mount] = (),
    ) -> None:
        self._command = command
        self._working_dir = working_dir
        self._mounts = mounts
        self._environment = environment
        self._folder = folder
        self._write = write
        self._process: asyncio.subprocess.Process | None = None
        self._group_ended = False
        self._reader: asyncio.Task[None] | None = None

    async def start(self) -> None:
        process = await self.spawn(asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE, asyncio.subprocess.STDOUT)
        self._reader = asyncio.create_task(self._read(process))

    async def spawn(self, stdin: int, stdout: int, stderr: int) -> asyncio.subprocess.Process:
        """Start it with these streams, which nobody writes to the log. Raises OSError."""
        self._process = await asyncio.create_subprocess_exec(
            *_tied(entered(self._found(), self._mounts, self._folder, self._working_dir)),
            env=dict(self._environment),
            cwd=self._working_dir if self._working_dir and Path(self._working_dir).is_dir() else self._folder,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            limit=1 << 20,
        )
        return self._process

    def _found(self) -> list[str]:
        program = shutil.which(self._command[0], path=self._environment["PATH"])
        if program is None and is_below(self._command[0], self._mounts):
            program = self._command[0]
        if program is None:
            raise FileNotFoundError(f"{self._command[0]}: executable file not found in $PATH")
        return [program, *self._command[1:]]

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while True:
            try:
                line = await process.stdout.readline()
            except ValueError:  # a line longer than the limit: what was read of it is dropped
                continue
            if not line:
                return
            self._write(line.decode(errors="replace").rstrip("\r\n"))

    async def wait(self) -> int:
        assert self._process is not None
        code = await self._process.wait()
        if self._reader is not None:
            await asyncio.wait([self._reader], timeout=1)
        return code if code >= 0 else 128 - code

    async def stop(self, grace_seconds: float) -> None:
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace_seconds):
                await self.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it, and what it started and left behind: as in a container, nothing outlives the first process."""
        if self._process is not None and not self._group_ended:
            self._group_ended = True  # once only: the number may be somebody else's later
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        await self.wait()

    def annotated(self, annotations: Mapping[str, str]) -> None:
        """A process is not told of annotations."""

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def _tied(command: list[str]) -> list[str]:
    """Let the kernel end the process with this one, also when this one is killed: nobody else would know of it."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--", *command] if setpriv else command


def process_environment(own: Mapping[str, str], bin_dir: Path | None, folder: Path, hostname: str) -> dict[str, str]:
    """A process's environment: the container's variables over the few that any program expects."""
    path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    return {
        "PATH": f"{bin_dir}{os.pathsep}{path}" if bin_dir else path,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "HOSTNAME": hostname,
        **own,
    }
