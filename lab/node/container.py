"""The life of one container: waits for what it needs, runs, is probed, ends, is run again as its pod's policy says."""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from lab.app import behaviour_of, parse_image
from lab.node import environment, executing, probes, status, volumes
from lab.node.containers import AppRunner, Runner, process_environment
from lab.node.executing import Setting
from lab.node.kube import KubeError
from lab.node.logs import LogBuffer
from lab.node.names import resolv_conf
from lab.node.probes import ProbeSpec, ProbeState
from lab.node.volumes import Mount
from lab.node.world import World, rfc3339

_PULL_RETRY_SECONDS = 5.0
_SYNC_SECONDS = 60.0


class Container:
    """One container of a pod. `state` is what the status shows; `changed()` is called after each change of it.

    An init container's sample works for a while and ends, as in the pod of a Job; in a sidecar it serves.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        pod: Mapping[str, Any],
        address: str,
        world: World,
        changed: Callable[[], None],
        is_init: bool = False,
    ) -> None:
        self.is_sidecar = is_init and spec.get("restartPolicy") == "Always"
        self._serves = self.is_sidecar or (not is_init and pod["spec"].get("restartPolicy", "Always") == "Always")
        self.started = asyncio.Event()
        self.spec = spec
        self.pod = pod
        self.state = status.ContainerState(spec["name"], spec["image"], sidecar=self.is_sidecar)
        self.logs = LogBuffer()
        self.previous_logs: LogBuffer | None = None
        self._is_sample = parse_image(spec["image"]).is_sample and not spec.get("command")
        self._address = address
        self._world = world
        self._changed = changed
        self._told: set[tuple[str, str]] = set()
        self._runner: Runner | None = None
        self._setting: Setting | None = None
        self._stopping = False
        self._nudge = asyncio.Event()

    @property
    def setting(self) -> Setting | None:
        """What its commands find; None while it does not run."""
        return self._setting if self._runner is not None else None

    async def live(self, policy: str) -> None:
        """Run until the container has ended for good, or was stopped."""
        backoff = 0.0
        while not self._stopping:
            runner = await self._prepared()
            began, began_at = time.monotonic(), rfc3339()
            code, message = await self._one_run(runner, began_at)
            reason = "ContainerCannotRun" if message else ""
            ended = status.Ended(code, began_at, rfc3339(), reason, message)
            if self._stopping or not status.restarts_again(policy, code):
                self._set(running_since=None, ended=ended, ready=False, started=False)
                return
            backoff = status.next_backoff(backoff, time.monotonic() - began)
            await self._back_off(ended, backoff)

    async def stop(self, grace_seconds: float, living: "asyncio.Task[None]") -> None:
        """End it within its grace period; `living` is the task in `live`."""
        self._stopping = True
        if self._runner is not None:
            await self._runner.stop(grace_seconds)
            await asyncio.wait([living])
        else:
            living.cancel()
            await asyncio.wait([living])
            now = rfc3339()
            self._set(ended=self.state.last or status.Ended(0, now, now))

    async def kill(self) -> None:
        """End it now, without a word of farewell; for a pod that is gone from the API server."""
        self._stopping = True
        if self._runner is not None:
            await self._runner.kill()

    def lost(self) -> None:
        """Nobody knows how it ended: the kubelet's words and code for that."""
        now = rfc3339()
        self._set(ended=status.Ended(137, now, now, "ContainerStatusUnknown"))

    def updated(self, pod: Mapping[str, Any]) -> None:
        """The pod's object has changed: annotations may ask for another behaviour."""
        self.pod = pod
        self._nudge.set()
        if self._runner is not None:
            self._runner.annotated(pod["metadata"].get("annotations") or {})

    async def _prepared(self) -> Runner:
        """Wait until there is an image and a whole environment, then build what will run."""
        pause = 1.0
        while True:
            if problem := pull_problem(self.spec, self.pod):
                self._wait("ImagePullBackOff", problem)
                await self._nudged(_PULL_RETRY_SECONDS)
                continue
            try:
                return self._build(*await self._furnished())
            except volumes.VolumeError as error:
                self._changed()  # so that it is seen to wait
                self._tell("Warning", "FailedMount", str(error))
            except environment.MissingConfigError as error:
                self._wait("CreateContainerConfigError", str(error))
            except (KubeError, httpx.HTTPError) as error:
                self._wait("CreateContainerConfigError", f"cannot read the configuration: {error}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, status.LONGEST_BACKOFF_SECONDS)

    async def _furnished(self) -> tuple[dict[str, str], tuple[Mount, ...]]:
        values = await self._environment()
        return values, await volumes.mounts_of(self.spec, self.pod, values, self._world, self._is_sample)

    async def _environment(self) -> dict[str, str]:
        namespace = self.pod["metadata"]["namespace"]
        sources = await self._world.sources(namespace, environment.needed(self.spec))
        place = environment.Place(self._address, self._world.address, self._world.node)
        return environment.resolve(self.spec, self.pod, place, sources)

    def _build(self, values: dict[str, str], mounts: tuple[Mount, ...]) -> Runner:
        metadata = self.pod["metadata"]
        folder = self._world.folder / metadata["uid"] / self.spec["name"]
        folder.mkdir(parents=True, exist_ok=True)
        whole = process_environment(values, self._world.bin_dir, folder, metadata["name"])
        seen = (*mounts, *self._names(folder.with_name(f".{folder.name}.resolv.conf")))
        self._setting = Setting(whole, folder, self.spec.get("workingDir") or "", seen)
        if self._is_sample:
            return AppRunner(self.spec, self.pod, values, self._address, self._write, self._serves, mounts)
        return self._setting.runner(environment.command_line(self.spec, values), self._write)

    def _names(self, file: Path) -> tuple[Mount, ...]:
        """What lets its commands find Services by name, as a mount over the machine's file."""
        text = self._world.names and resolv_conf(self.pod["spec"], self.pod["metadata"]["namespace"], self._world.names)
        if not text:
            return ()
        file.write_text(text)
        return (Mount(file, "/etc/resolv.conf", False, "names"),)

    def _write(self, line: str) -> None:
        self.logs.write(line)

    async def _one_run(self, runner: Runner, began_at: str) -> tuple[int, str]:
        """Start it, probe it, wait for its end: exit code, and why it could not run where it could not."""
        try:
            await runner.start()
        except OSError as error:
            return 128, f"failed to start {self.spec['image']}: {error}"
        self._runner = runner
        self._set(running_since=began_at, ended=None, reason="", message="", ready=False, started=False)
        beside = [asyncio.create_task(self._probe(runner)), asyncio.create_task(self._follow(runner))]
        try:
            return await runner.wait(), ""
        finally:
            for task in beside:
                task.cancel()
            self._runner = None
            await runner.kill()
            self.logs.close()

    async def _back_off(self, ended: status.Ended, seconds: float) -> None:
        metadata = self.pod["metadata"]
        message = (
            f"back-off {seconds:g}s restarting failed container={self.spec['name']} "
            f"pod={metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        )
        self._set(
            last=ended, running_since=None, ready=False, started=False, reason="CrashLoopBackOff", message=message
        )
        again = f"Back-off restarting failed container {self.spec['name']} in pod {metadata['name']}"
        self._tell("Warning", "BackOff", again)
        await asyncio.sleep(seconds)
        self.previous_logs, self.logs = self.logs, LogBuffer()
        self.state = replace(self.state, restarts=self.state.restarts + 1)

    async def _probe(self, runner: Runner) -> None:
        """Ask the startup probe until it passes, then readiness and liveness side by side."""
        startup = probes.parse_probe(self.spec, "startupProbe")
        if startup is not None and not await self._watch(startup, "Startup", runner):
            return
        readiness = probes.parse_probe(self.spec, "readinessProbe")
        self._set(started=True, ready=readiness is None)
        self.started.set()
        liveness = probes.parse_probe(self.spec, "livenessProbe")
        watched = [(readiness, "Readiness"), (liveness, "Liveness")]
        await asyncio.gather(*(self._watch(spec, name, runner) for spec, name in watched if spec is not None))

    async def _watch(self, spec: ProbeSpec, name: str, runner: Runner) -> bool:
        """Ask again and again. A startup probe returns at its verdict; a failed one or liveness ends the container."""
        await asyncio.sleep(spec.delay)
        state = ProbeState()
        pause = probes.FIRST_PERIOD_SECONDS if name == "Readiness" else spec.period
        while True:
            answer, why = await self._ask(spec)
            state = probes.observe(spec, state, answer)
            if why and not self._stopping and state.streak >= spec.failures:
                self._tell("Warning", "Unhealthy", f"{name} probe failed: {why}")
            if name == "Readiness" and state.passed is not None:
                self._set(ready=state.passed)
            elif state.passed is False and not self._stopping:
                await runner.kill()
                return False
            elif state.passed and name == "Startup":
                return True
            await asyncio.sleep(pause)
            pause = probes.next_pause(spec, state, pause)

    async def _follow(self, runner: Runner) -> None:
        """Tell what mounted ConfigMaps say, as late as a kubelet does: each minute, or when the pod has changed. The
        sample is told itself; a process finds it in its files, as it does its Secrets."""
        declared = self.pod["spec"].get("volumes") or []
        wanted = {("configmaps", volume["configMap"]["name"]) for volume in declared if "configMap" in volume}
        while wanted or (not self._is_sample and any("secret" in volume for volume in declared)):
            self._nudge.clear()
            try:
                if isinstance(runner, AppRunner):
                    sources = await self._world.sources(self.pod["metadata"]["namespace"], wanted)
                    runner.mounted({key: value for data in sources.values() for key, value in (data or {}).items()})
                else:
                    await volumes.renew(self.pod, self._world)
            except (KubeError, httpx.HTTPError, volumes.VolumeError) as error:
                self._world.log(f"ConfigMaps of {self.pod['metadata']['name']}: {error!r}")
            with suppress(TimeoutError):
                async with asyncio.timeout(_SYNC_SECONDS):
                    await self._nudge.wait()

    async def _ask(self, spec: ProbeSpec) -> tuple[bool, str]:
        if spec.kind == "exec" and self._setting is not None:
            return await executing.probe(spec.command, self._setting, spec.timeout)
        return await probes.ask(spec, self._address)

    def _wait(self, reason: str, message: str) -> None:
        self._set(reason=reason, message=message)
        self._tell("Warning", "Failed", message)

    def _set(self, **facts: Any) -> None:
        state = replace(self.state, **facts)
        if state != self.state:
            self.state = state
            self._changed()

    def _tell(self, kind: str, reason: str, message: str) -> None:
        """One Event for each different thing, however often it happens."""
        if (reason, message) not in self._told and len(self._told) < 50:
            self._told.add((reason, message))
            self._world.event(self.pod, kind, reason, message)

    async def _nudged(self, seconds: float) -> None:
        self._nudge.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._nudge.wait()
        except TimeoutError:
            return


def pull_problem(spec: Mapping[str, Any], pod: Mapping[str, Any]) -> str:
    """Why this container's image can't be had on a node that pulls nothing; empty when it can."""
    image = parse_image(spec["image"])
    if image.is_sample:
        if not behaviour_of(image, pod["metadata"].get("annotations") or {}).pull_fails:
            return ""
        why = "manifest unknown"
    elif spec.get("command"):
        return ""
    else:
        why = "the lab pulls no images: it runs sportsdata/ ones, and containers that state their command"
    return f'Back-off pulling image "{image.name}": ErrImagePull: {why}'
