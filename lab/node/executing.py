"""A command beside a container: what `exec` probes run, in the container's environment and folder."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.node.containers import ProcessRunner
from lab.node.volumes import Mount

LONGEST_OUTPUT = 10_240
"""Characters of a probe's output that are kept: the kubelet's own limit."""


@dataclass(frozen=True)
class Setting:
    """What the processes of one container find: variables, a folder of their own, where they begin, and volumes."""

    environment: Mapping[str, str]
    folder: Path
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()

    def runner(self, command: Sequence[str], write: Callable[[str], None]) -> ProcessRunner:
        """One process in it."""
        return ProcessRunner(command, self.environment, self.folder, write, self.working_dir, self.mounts)


async def probe(command: Sequence[str], setting: Setting, timeout_seconds: float) -> tuple[bool, str]:
    """Run a command to its end: whether it ended with 0, and why not. Nothing of it is left afterwards."""
    lines: list[str] = []
    runner = setting.runner(command, lines.append)
    try:
        await runner.start()
    except OSError as error:
        return False, f"failed to exec in container: {error}"
    try:
        async with asyncio.timeout(timeout_seconds):
            code = await runner.wait()
    except TimeoutError:
        return False, f"command timed out: {shlex.join(command)!r} timed out after {timeout_seconds:g}s"
    finally:
        await runner.kill()
    said = "\n".join(lines)[:LONGEST_OUTPUT]
    return code == 0, "" if code == 0 else said or f"command {shlex.join(command)!r} exited with {code}"
