"""Starts, shows and ends labs: a real Kubernetes each, on this machine, under a name of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from lab.control import measuring, pipelines, reconciling, starting
from lab.control.records import Lab, LabStatus, Record, read_state
from lab.machine import locks, paths
from lab.machine.errors import LabError
from lab.machine.progress import Progress, silent
from lab.plane import build, namespaces
from lab.plane.components import Tier

DEFAULT = "default"
PROGRAMS: dict[Tier, tuple[str, ...]] = {"api": ("controlplane",), "full": ("controlplane", "traefik")}


def up(
    name: str = DEFAULT,
    *,
    tier: Tier = "full",
    throttle_ms: int = 50,
    metrics: bool = False,
    flux: bool = False,
    progress: Progress = silent,
) -> Lab:
    """A running lab of that name, started if need be; ready to be used when this returns.

    One that runs already is taken as it is, unless it is of the api tier and the full one is asked for: then it is
    ended and a full one started in its place, empty. `throttle_ms` is how long Traefik waits between two changes.
    `metrics` adds Prometheus and Alertmanager, `flux` its kustomize-controller and a Git server, also to a lab that
    runs without them.

    Raises:
        LabError: The machine does not allow it, a build failed, or something did not come up. A lab to which
            Prometheus or Flux could not be added goes on without.
    """
    if (metrics or flux) and tier == "api":
        raise LabError("Metrics and Flux need the full lab: the api tier has no pods that could run them.")
    wanted = [part for part, asked in ((measuring, metrics), (reconciling, flux)) if asked]
    if (running := _usable(name, tier)) is not None and all(part.there(running) for part in wanted):
        return running
    with locks.held(paths.lock_file(name), f"another start or end of lab {name}", progress):
        more = tuple(program for part in wanted for program in part.PROGRAMS)
        lab = _usable(name, tier) or _start(name, tier, throttle_ms, more, progress)
        for part in wanted:
            lab = lab if part.there(lab) else part.add(lab, progress)
        return lab


def _start(name: str, tier: Tier, throttle_ms: int, more: tuple[str, ...], tell: Progress) -> Lab:
    apart = namespaces.permitted()
    folder = paths.lab_dir(name)
    if _end(folder):
        tell(f"lab {name}: cleared away what was there of it")
    programs = build.ensure(PROGRAMS[tier] + more, tell)
    try:
        return starting.start(starting.Order(name, folder, tier, throttle_ms, apart), programs, tell)
    except BaseException:
        _stop(folder)  # its logs stay, for the message names them
        raise


def down(name: str = DEFAULT, *, progress: Progress = silent) -> bool:
    """End a lab and remove all it kept, also what a crash left of it; False if there was nothing.

    Raises:
        LabError: Something of it does not end.
    """
    folder = paths.lab_dir(name)
    if not folder.exists():
        return False
    with locks.held(paths.lock_file(name), f"another start or end of lab {name}", progress):
        return _end(folder)


def status(name: str = DEFAULT) -> LabStatus:
    """How a lab of that name is. Never waits, never changes anything."""
    folder = paths.lab_dir(name)
    if not folder.exists():
        return LabStatus(name, "absent", "there is no lab of that name")
    record = Record.read(folder)
    state = read_state(folder)
    if record is None or not record.keeper.alive():
        return LabStatus(
            name, "dead", str(state.get("reason") or "its processes are gone: it was killed, or never began")
        )
    known: dict[str, Any] = {
        "components": tuple(state.get("components", ())),
        "restarts": dict(state.get("restarts", {})),
        "throttle_ms": record.throttle_ms,
    }
    if not record.ready:
        return LabStatus(name, "starting", "somebody is starting it, or was stopped while doing so", **known)
    return LabStatus(name, "running", "", record.lab(folder), **known)


def names() -> tuple[str, ...]:
    """The names of all labs of this user, running or dead, sorted."""
    folder = paths.labs()
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def logs(name: str = DEFAULT) -> dict[str, Path]:
    """The log files of a lab by component, sorted."""
    return {path.stem: path for path in sorted((paths.lab_dir(name) / "logs").glob("*.log"))}


def _usable(name: str, tier: Tier) -> Lab | None:
    lab = status(name).lab
    return lab if lab is not None and (lab.tier == "full" or tier == "api") else None


def _stop(folder: Path) -> None:
    pipelines.end_all(folder)
    record = Record.read(folder)
    if record is not None:
        namespaces.end(record.keeper)


def _end(folder: Path) -> bool:
    if not folder.exists():
        return False
    _stop(folder)
    shutil.rmtree(folder)
    return True
